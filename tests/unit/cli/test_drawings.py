"""Drawings as files: names that no two pictures share, and nothing written over."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from saccade.cli.drawings import Drawings, write_new
from saccade.errors import ImageUnreadable, ParameterInvalid, RequestError
from saccade.images.limits import Limits
from saccade.vision.drawn import DrawnFormat

NOTHING = {"predictions": []}


def png(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 12), (shade, shade, shade)).save(path)
    return path


def opened(folder, files, drawn=DrawnFormat.PNG, limits=None):
    return Drawings(folder, files, drawn, limits or Limits())


def test_pictures_of_one_name_get_drawings_of_their_own(tmp_path):
    """Equal names in other folders, of other kinds, and with other case: each has its own, in the order given."""
    names = ["a/x.png", "b/x.png", "a/X.png", "a/x.bmp", "a/y.png"]
    files = [png(tmp_path / name, shade) for shade, name in enumerate(names)]
    drawings = opened(tmp_path / "out", files)
    with ThreadPoolExecutor(5) as pool:
        written = [path.name for path in pool.map(lambda file: drawings.draw(file, NOTHING), files)]

    assert written == [
        "x-annotated.png",
        "x-annotated-2.png",
        "X-annotated-3.png",
        "x-annotated-4.png",
        "y-annotated.png",
    ]
    assert [Image.open(tmp_path / "out" / name).getpixel((0, 0))[0] for name in written] == [0, 1, 2, 3, 4]
    assert drawings.written == 5


def test_original_is_never_written_over(tmp_path):
    """Not even in its own folder, nor where another original has the name of the drawing."""
    first, second = png(tmp_path / "x.png", 1), png(tmp_path / "x-annotated.png", 2)
    before = first.read_bytes(), second.read_bytes()
    drawings = opened(tmp_path, [first, second])

    assert drawings.draw(first, NOTHING).name == "x-annotated-2.png"
    assert drawings.draw(second, NOTHING).name == "x-annotated-annotated.png"
    assert before == (first.read_bytes(), second.read_bytes())


def test_equal_drawing_is_left_and_another_one_kept(tmp_path):
    """Drawn again, the same picture has one drawing; a picture that changed has two."""
    file = png(tmp_path / "x.png", 1)
    first = opened(tmp_path / "out", [file]).draw(file, NOTHING)
    again = opened(tmp_path / "out", [file]).draw(file, NOTHING)
    png(file, 200)
    other = opened(tmp_path / "out", [file]).draw(file, NOTHING)

    assert (first, again, other.name) == (first, first, "x-annotated-2.png")


def test_long_name_still_has_a_drawing(tmp_path):
    """What is added to a name never makes it longer than a file system takes."""
    file = png(tmp_path / ("ä" * 120 + ".png"), 1)

    assert opened(tmp_path / "out", [file]).draw(file, NOTHING).is_file()


def test_picture_that_is_refused_has_no_drawing(tmp_path):
    """No picture, too large a one, or an answer that is none: an error of that file, and nothing is left behind."""
    text = tmp_path / "x.png"
    text.write_bytes(png(tmp_path / "y.png", 1).read_bytes()[:50])
    drawings = opened(tmp_path / "out", [text])
    with pytest.raises(ImageUnreadable):
        drawings.draw(text, NOTHING)
    with pytest.raises(RequestError):
        opened(tmp_path / "out", [text], limits=Limits(max_bytes=10)).draw(text, NOTHING)
    with pytest.raises(ValueError, match="no prediction"):
        drawings.draw(text, {})

    assert list((tmp_path / "out").iterdir()) == []


def test_folder_that_cannot_be_one_is_told(tmp_path):
    """A file of that name is nobody's folder."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ParameterInvalid, match="cannot be a folder"):
        opened(tmp_path / "file", [])


def test_file_that_cannot_be_finished_leaves_nothing(tmp_path):
    """Half a drawing is no drawing."""
    with pytest.raises(TypeError):
        write_new(tmp_path / "x.png", io.StringIO("no bytes"))

    assert not Path(tmp_path / "x.png").exists()
