"""What is documented is run: each how-to is followed word for word, in the order of the page.

In a page, ``sh`` blocks are run by a shell, ``python file=PATH`` blocks are written to that file, and a ``text`` block
lists fragments that the command before it must have printed. ``sh server`` blocks find a server on port 8000 of the
page; the test puts the real port in its place. ``sh torch`` blocks are run where torch is, in the environment that
``make train`` makes; a page with one is skipped from there on where it was not made.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conversion.environment import torch_folder

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs" / "how-to").glob("*.md"), *(ROOT / "docs" / "tutorial").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Follower:
    """Does what a page says, in a home of its own."""

    def __init__(self, home, server):
        self.home = home
        self.server = server
        self.said = ""
        outside = dict(os.environ)  # noqa: TID251 - a reader's shell has an environment
        path = f"{Path(sys.executable).parent}{os.pathsep}{outside['PATH']}"
        self.environment = {**outside, "HOME": str(home), "PATH": path, "COLUMNS": "200"}

    def sh(self, text, options):
        """Run commands; fail with what they printed."""
        if options == "server":
            text = text.replace("http://127.0.0.1:8000", self.server)
        text = text.replace("/tmp/saccade-how-to", str(self.home / "how-to"))
        environment = self.environment
        if options == "torch":
            environment = {**environment, "PATH": f"{torch_folder()}{os.pathsep}{environment['PATH']}"}
        command = ["bash", "-euo", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100)
        self.said = done.stdout + done.stderr

        assert done.returncode == 0, f"{text}\n{self.said}"

    def python(self, text, options):
        """Write a file."""
        path = Path(options.removeprefix("file=").replace("~", str(self.home)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def text(self, text, _options):
        """Look for fragments in what was printed last."""
        assert [line for line in text.splitlines() if line.strip() and line not in self.said] == [], self.said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_is_true_when_followed_word_for_word(page, tmp_path, start_server):
    """A reader who types what the page says sees what the page says."""
    blocks = BLOCK.findall(page.read_text())
    needs_server = any(options == "server" for _, options, _ in blocks)
    settings = {"SACCADE_HOME": str(tmp_path / ".saccade")}
    server = start_server(home=tmp_path, settings=settings).url if needs_server else ""
    follower = Follower(tmp_path, server)
    for kind, options, text in blocks:
        getattr(follower, kind)(text, options)

    assert blocks
