"""The wheel: what is installed has everything that the program looks for."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "saccade"


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Return the paths of all files in a wheel built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def files(folder):
    """Return the files below a folder that belong to the project."""
    return {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def test_wheel_holds_every_file_of_the_package(names):
    """Code, typing marker, shipped models with their references, and the facts of their graphs."""
    expected = {f"saccade/{path.relative_to(SOURCE).as_posix()}" for path in files(SOURCE)}

    assert {"saccade/py.typed", "saccade/models/embedded/sem-textures/onnx/model.onnx"} <= expected
    assert expected - names == set()


def test_wheel_holds_the_samples_where_the_demo_looks_for_them(names):
    """`saccade demo` works without a checkout."""
    samples = ROOT / "samples"
    expected = {f"saccade/samples/{path.relative_to(samples).as_posix()}" for path in files(samples)}

    assert expected
    assert expected - names == set()
