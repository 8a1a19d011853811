"""Python's search for cycles, put off while columns and tables of half a million finds are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Look for no cycles for the time being: none are made here, and what is held is walked through again and again.

    Of 436,000 finds, COCO's figures took 18 s of processor time with the search and 6 s without.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
