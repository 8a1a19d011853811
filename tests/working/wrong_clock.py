"""Runs ``saccade`` on a machine whose clock is wrong: ``CLOCK_IS_OFF_BY_S`` seconds ahead, or behind."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta

from saccade import clock


def main() -> None:
    """Set the clock wrong before anybody has looked at it, and run the command line."""
    off_s = float(os.environ["CLOCK_IS_OFF_BY_S"])  # noqa: TID251 - no setting of ours
    right, right_s = clock.utc_now, time.time
    clock.utc_now = lambda: right() + timedelta(seconds=off_s)
    time.time = lambda: right_s() + off_s
    sys.argv[0] = "saccade"
    from saccade.cli.main import main as saccade

    saccade()


if __name__ == "__main__":
    main()
