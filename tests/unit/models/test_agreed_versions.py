"""A folder's name and its saccade.yaml say one version, or the package is refused: no folder stands for another's."""

import pytest

from saccade.errors import PackageInvalid
from saccade.models.catalog import Catalog
from saccade.models.layouts import read_package
from saccade.models.names import agreed_version
from saccade.models.shelf import identify

PLUGIN = """
class Cat:
    task = "image-classification"
    labels = ("cat",)

    def load(self):
        pass

    def predict(self, images):
        return [[] for _ in images]
"""


def cat(folder, *, version=None):
    """Write a plug-in's folder, with a version in its saccade.yaml if there is to be one."""
    folder.mkdir(parents=True)
    said = "" if version is None else f"version: '{version}'\n"
    (folder / "saccade.yaml").write_text(f"engine: python\nentry: cat.py:Cat\n{said}")
    (folder / "cat.py").write_text(PLUGIN)
    return folder


@pytest.mark.parametrize(
    ("folder", "version", "expected"),
    [("cat@2", "2", "2"), ("cat@2", None, "2"), ("cat", "2", "2"), ("cat", None, "1")],
)
def test_version_is_what_either_says(tmp_path, folder, version, expected):
    """One of both is enough, both may say the same, and without any it is the first."""
    path = cat(tmp_path / folder, version=version)

    assert identify(path) == ("cat", expected)
    assert read_package(path, inspect=None).card.reference == f"cat@{expected}"


def test_folder_whose_saccade_yaml_says_another_version_is_refused(tmp_path):
    """Both ways to read a package tell both versions, and what to do."""
    path = cat(tmp_path / "cat@2", version="1")

    for read in (identify, lambda path: read_package(path, inspect=None)):
        with pytest.raises(PackageInvalid, match=r"'cat@2' says version 2, .* says version 1\.") as refused:
            read(path)
        assert "take `version` out of saccade.yaml" in refused.value.hint


def test_refused_folder_is_listed_under_its_own_name_and_takes_no_other_away(tmp_path):
    """The first version is served as it was; the second is there, broken, and says why."""
    cat(tmp_path / "cat@1", version="1")
    cat(tmp_path / "cat@2", version="1")
    found = Catalog(
        folder=tmp_path, read=lambda path: read_package(path, inspect=None), shipped=tmp_path / "none"
    ).scan()

    assert found["cat@1"].package is not None
    assert found["cat@2"].package is None
    assert "says version 1" in str(found["cat@2"].problem)


def test_version_that_is_asked_for_settles_it(tmp_path):
    """Who names the version, as models add --version does, has decided."""
    path = cat(tmp_path / "cat@2", version="1")

    assert read_package(path, inspect=None, version="3").card.reference == "cat@3"


def test_nothing_said_is_nothing_agreed():
    """What neither says is left to the layout."""
    assert agreed_version("cat", in_name=None, given=None) is None
