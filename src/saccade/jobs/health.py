"""Whether the parts behind the promise are well: each part answers for itself, and readiness asks them all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping


class Health:
    """Named checks, each of which returns None while its part is well, else why it is not. Thread-safe."""

    def __init__(self) -> None:
        """Begin with no parts."""
        self._lock = threading.Lock()
        self._checks: dict[str, Callable[[], str | None]] = {}

    def watch(self, part: str, check: Callable[[], str | None]) -> None:
        """Ask this part from now on; a part of the same name is replaced."""
        with self._lock:
            self._checks[part] = check

    def forget(self, part: str) -> None:
        """Ask it no more."""
        with self._lock:
            self._checks.pop(part, None)

    def ailing(self) -> Mapping[str, str]:
        """Return why parts are not well, by name; empty while all are."""
        with self._lock:
            checks = dict(self._checks)
        found = {part: check() for part, check in checks.items()}
        return {part: reason for part, reason in found.items() if reason is not None}
