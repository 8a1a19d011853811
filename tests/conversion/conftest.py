"""What the tests of the conversion share: the environment that has torch, and what was made there once for all.

torch is in no lock. Where ``make .venv-train/.train`` was not run the tests are skipped, with a line that counts them.
Whatever needs torch is a program of its own, run by that environment's Python; the tests read what it wrote.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from conversion.environment import torch_folder

HERE = Path(__file__).parent
_TIMEOUT_S = 500


@pytest.fixture(scope="session")
def torch_python():
    """Return the Python that has torch and the extra `export`."""
    return torch_folder() / "python"


@pytest.fixture(scope="session")
def run_with_torch(torch_python, tmp_path_factory):
    """Return a function that runs one of the programs beside this file, and returns the JSON that it printed."""
    home = tmp_path_factory.mktemp("home")

    def run(program, *words, **settings):
        outside = {key: value for key, value in os.environ.items() if not key.startswith("SACCADE_")}  # noqa: TID251
        environment = {**outside, "HOME": str(home), "SACCADE_HOME": str(home / "saccade"), **settings}
        done = subprocess.run(
            [torch_python, HERE / program, *map(str, words)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )

        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def checkpoints(run_with_torch, tmp_path_factory):
    """Return a folder of tiny checkpoints with random weights, and what torch says of some pictures with each."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return folder, run_with_torch("checkpoints.py", folder)
