"""The platform inside a command: opened, started, and closed whatever happens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from saccade.settings import Settings
    from saccade.wiring import Platform


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Platform]:
    """Open the platform and let it find its packages; a model is loaded when the command asks for it."""
    from saccade.wiring import open_platform

    platform = open_platform(settings)
    try:
        platform.registry.start(preload=False)
        yield platform
    finally:
        platform.close()
