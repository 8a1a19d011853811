"""A real browser without a window: opens a page, lets it run, and returns what became of it."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import tempfile

from services import skip_or_fail

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_TIMEOUT_S = 60
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def browse(url: str, *options: str, settle_ms: int = 3000) -> str:
    """Return the page as it stands after its scripts had some time."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        skip_or_fail("Chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [
                program,
                *_OPTIONS,
                f"--user-data-dir={profile}",
                f"--virtual-time-budget={settle_ms}",
                *options,
                "--dump-dom",
                url,
            ],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    return done.stdout


def text_of(page: str, element_id: str) -> str:
    """Return the text of one element."""
    found = re.search(rf'id="{re.escape(element_id)}"[^>]*>(.*?)<', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""
