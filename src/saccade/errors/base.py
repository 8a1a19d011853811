"""The root of all errors: a message, a hint and a stable code."""

from __future__ import annotations

from typing import ClassVar


class SaccadeError(Exception):
    """Anything Saccade refuses or fails at, with a stable code and a hint that says what to do."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    hint: str
    reason: str = ""
    """What a driver said, with hosts and names of roles: for the log and the operator, never for a caller."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep what happened and what to do about it.

        Args:
            message: What happened, one sentence, safe to show to the caller.
            hint: What to do about it; empty takes the class's own hint.
        """
        super().__init__(message)
        self.hint = hint or type(self).default_hint

    default_hint: ClassVar[str] = ""

    @property
    def in_full(self) -> str:
        """The message with its reason, for the log and for the operator's terminal."""
        return f"{str(self).rstrip('.')}: {self.reason.rstrip('.')}." if self.reason else str(self)
