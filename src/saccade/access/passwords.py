"""Passwords: which are taken, how they are kept, and how many are looked at at once.

A hash costs tens of MiB and tens of milliseconds on purpose, so a flood of logins would be a flood of memory: few are
computed at a time, some wait, and the rest is told to come again.
"""

from __future__ import annotations

import base64
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from saccade.errors import QueueFull

MAX_PASSWORD_BYTES = 1024
#: Argon2id as OWASP's cheat sheet on password storage has it: 19 MiB, two passes, one lane.
_MEMORY_KIB = 19 * 1024
_PASSES = 2
_AT_ONCE = 2
_WAITING = 32

#: What is tried first everywhere; those that are too short for any setting are not listed.
_COMMON = frozenset(
    {
        "11223344",
        "12341234",
        "12345678",
        "123456789",
        "1234567890",
        "123456789012",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "abcdefghijkl",
        "adminadmin",
        "administrator",
        "changeme",
        "changemenow",
        "iloveyou",
        "letmein123",
        "letmeinplease",
        "p@ssw0rd",
        "passw0rd",
        "password",
        "password1",
        "password123",
        "password1234",
        "password12345",
        "passwordpassword",
        "qwerty123",
        "qwerty123456",
        "qwertyuiop",
        "qwertyuiop[]",
        "trustno1",
        "welcome123",
    }
)


class Passwords:
    """Checks and keeps passwords. Thread-safe."""

    def __init__(
        self,
        *,
        min_chars: int,
        at_once: int = _AT_ONCE,
        waiting: int = _WAITING,
        hasher: PasswordHasher | None = None,
    ) -> None:
        """Say what is asked of passwords.

        Args:
            min_chars: Characters of the shortest that is taken.
            at_once: Hashes that are computed at a time.
            waiting: How many more may wait for their turn.
            hasher: How passwords are hashed, if not as OWASP says.
        """
        self._min_chars = min_chars
        self._hasher = hasher or PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)
        self._nobodys = _hash_of_nothing(self._hasher)
        self._turns = threading.Semaphore(at_once)
        self._most_inside = at_once + waiting
        self._inside = 0
        self._lock = threading.Lock()

    def fault(self, password: str, *, name: str) -> str | None:
        """Return what is wrong with a password that somebody wants to have; None if it is taken.

        Args:
            password: As it was typed.
            name: Of the account.
        """
        written = _written(password)
        text = password.casefold()
        if written is None:
            return f"must be text of at most {MAX_PASSWORD_BYTES} bytes"
        if len(written.decode()) < self._min_chars:
            return f"must have at least {self._min_chars} characters"
        if name and not text.replace(name.casefold(), ""):
            return "must not be the name"
        if len(set(text)) == 1:
            return "must not be one character over and over"
        return "must not be one that everybody tries first" if text in _COMMON else None

    def hash(self, password: str) -> str:
        """Return what is kept of a password that is taken.

        Raises:
            QueueFull: Too many are being looked at.
        """
        with self._turn():
            return self._hasher.hash(_written(password) or b"")

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Say whether it is the password; where there is none to be, it takes as long to say no.

        Args:
            password_hash: What was kept; None for somebody who does not exist.
            password: As it was typed.

        Raises:
            QueueFull: Too many are being looked at.
        """
        written = _written(password)
        kept = password_hash if written is not None else None
        with self._turn():
            try:
                self._hasher.verify(kept or self._nobodys, written or b"")
            except (VerificationError, ValueError):  # another one, or what was kept is no hash at all
                return False
        return kept is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Say whether it was hashed in another way than passwords are now."""
        return self._hasher.check_needs_rehash(password_hash)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the turn to compute.

        Raises:
            QueueFull: Too many wait already.
        """
        with self._lock:
            if self._inside >= self._most_inside:
                raise QueueFull("Too many passwords are being checked.")
            self._inside += 1
        try:
            with self._turns:
                yield
        finally:
            with self._lock:
                self._inside -= 1


def _written(password: str) -> bytes | None:
    """Return the bytes that are hashed, the same however a keyboard puts accents; None if there are too many or none.

    Source:
        RFC 8265, section 4.2: passwords are compared in normal form C.
    """
    if len(password) > MAX_PASSWORD_BYTES:
        return None
    try:
        written = unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:  # half a letter
        return None
    return written if len(written) <= MAX_PASSWORD_BYTES else None


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Return a hash that no password has, and that takes as long to be held against as any."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"
