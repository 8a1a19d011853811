"""The environment that has torch, which is none of the tests' own: ``make .venv-train/.train`` makes it."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / ".venv-train"
_NEEDS = "import onnxscript, safetensors, torch, transformers"


@cache
def _is_here() -> bool:
    python = FOLDER / "bin" / "python"
    return python.exists() and subprocess.run([python, "-c", _NEEDS], capture_output=True).returncode == 0


def torch_folder() -> Path:
    """Return the folder of its programs; skip a test, with a line that is counted at the end, where it was not made.

    Not even continuous integration fails then: it says by itself that torch cannot be installed everywhere.
    """
    if not _is_here():
        pytest.skip("not here: torch in .venv-train")
    return FOLDER / "bin"
