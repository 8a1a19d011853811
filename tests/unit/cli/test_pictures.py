"""Which files a command means."""

import pytest

from saccade.cli.pictures import pictures_in
from saccade.errors import ParameterInvalid


def make(folder, *names):
    """Write empty files."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folder_is_searched_by_suffix_and_depth(tmp_path):
    """All pictures below a folder, by name; other files and hidden ones are left."""
    make(tmp_path, "b.JPG", "a/z.png", "a/notes.txt", ".cache/x.png", "a/.hidden.jpg", "c.tif")

    found = [str(path.relative_to(tmp_path)) for path in pictures_in([tmp_path])]

    assert found == ["a/z.png", "b.JPG", "c.tif"]


def test_named_file_is_taken_whatever_its_suffix(tmp_path):
    """What somebody names is meant."""
    make(tmp_path, "scan.dat")

    assert pictures_in([tmp_path / "scan.dat"]) == [tmp_path / "scan.dat"]


def test_file_named_twice_is_asked_about_once(tmp_path):
    """A folder and a file in it do not make two."""
    make(tmp_path, "a.png", "b.png")

    assert pictures_in([tmp_path / "b.png", tmp_path]) == [tmp_path / "b.png", tmp_path / "a.png"]


def test_folder_without_pictures_is_refused(tmp_path):
    """Nothing to do is told, not passed over."""
    make(tmp_path, "notes.txt")

    with pytest.raises(ParameterInvalid, match="no picture"):
        pictures_in([tmp_path])
