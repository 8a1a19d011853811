"""The root of all errors: a message, a hint and a stable code."""

from __future__ import annotations

from typing import ClassVar


class SaccadeError(Exception):
    """Anything Saccade refuses or fails at, with a stable code and a hint that says what to do."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    hint: str

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep what happened and what to do about it.

        Args:
            message: What happened, one sentence, safe to show to the caller.
            hint: What to do about it; empty takes the class's own hint.
        """
        super().__init__(message)
        self.hint = hint or type(self).default_hint

    default_hint: ClassVar[str] = ""
