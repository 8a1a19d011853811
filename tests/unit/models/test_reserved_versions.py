"""No package calls its version prod or candidate: these are aliases, and a name that means both means neither."""

import pytest

from saccade.errors import PackageInvalid
from saccade.models.layouts import read_package

PLUGIN = """
class Cat:
    task = "image-classification"
    labels = ("cat",)
    {version}

    def load(self):
        pass

    def predict(self, images):
        return [[] for _ in images]
"""


@pytest.mark.parametrize("version", ["prod", "candidate"])
@pytest.mark.parametrize("place", ["folder", "saccade.yaml", "class"])
def test_no_package_calls_its_version_as_an_alias(tmp_path, version, place):
    """However a package says its version, the words of aliases are refused."""
    folder = tmp_path / ("cat" if place != "folder" else f"cat@{version}")
    folder.mkdir()
    said = f"version: {version}\n" if place == "saccade.yaml" else ""
    (folder / "saccade.yaml").write_text(f"engine: python\nentry: cat.py:Cat\n{said}")
    (folder / "cat.py").write_text(PLUGIN.format(version=f'version = "{version}"' if place == "class" else ""))

    with pytest.raises(PackageInvalid, match=version):
        read_package(folder, inspect=None)


def test_package_with_another_version_is_read(tmp_path):
    """The check above looks at nothing else."""
    (tmp_path / "saccade.yaml").write_text("engine: python\nentry: cat.py:Cat\nname: cat\nversion: production\n")
    (tmp_path / "cat.py").write_text(PLUGIN.format(version=""))

    assert read_package(tmp_path, inspect=None).card.reference == "cat@production"
