"""What a stress run is to do: how many requests of which kind, as whom, with which pictures."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from saccade.errors import ParameterInvalid

#: Pictures are held in memory for the whole run; a folder has no more than this read from it.
_MAX_PICTURES = 500
_MAX_BYTES = 256 << 20


class Mode(StrEnum):
    """What one request of the run does."""

    INFERENCE = "inference"
    """Ask for a prediction and wait for it."""
    STATUS = "status"
    """Submit a job and follow it to its end."""
    RESULTS = "results"
    """Submit a job, follow it, and fetch its results."""
    MIXED = "mixed"
    """All three in turn."""


_KINDS: Mapping[Mode, tuple[Mode, ...]] = {Mode.MIXED: (Mode.INFERENCE, Mode.STATUS, Mode.RESULTS)}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody in whose name requests are sent.

    Attributes:
        name: As the figures show it.
        secret: A key or a token; None where nobody asks. It is in no repr, so that it gets into no trace.
    """

    name: str
    secret: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What a request says of who sends it."""
        return {} if self.secret is None else {"Authorization": f"Bearer {self.secret}"}


#: Whoever sends requests without saying who they are.
ANONYMOUS = User("anonymous")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as it is on disk."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Errand:
    """One request of a run: what it does, in whose name, with which picture, under which Idempotency-Key."""

    mode: Mode
    user: User
    picture: Picture
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A whole run.

    Attributes:
        requests: How many are sent in all.
        concurrency: How many are under way at a time.
        poll: Whether jobs are followed to their end.
        retry: Whether a request that is told to come again does so.
        erase: Whether a job is erased once its figures are taken.
        timeout_s: How long one request may take, with everything that belongs to it.
        duration_s: After so long none begins any more.
        run: Tells the pictures and keys of this run from those of every other.
    """

    model: str
    mode: Mode
    users: Sequence[User]
    pictures: Sequence[Picture]
    requests: int
    concurrency: int
    poll: bool = True
    retry: bool = True
    erase: bool = False
    timeout_s: float = 30.0
    duration_s: float = 300.0
    run: str = field(default_factory=lambda: secrets.token_hex(8))

    def errand(self, number: int) -> Errand:
        """Return the request of this number, from 0.

        Kinds change with every request and users after each round of kinds, so that three users in a mixed run do not
        get one kind each. No two requests carry the same bytes, or the server's cache would answer all but the first.
        """
        kinds = _KINDS.get(self.mode, (self.mode,))
        turn, place = divmod(number, len(kinds))
        picture = self.pictures[number % len(self.pictures)]
        key = f"stress-{self.run}-{number}"
        return Errand(kinds[place], self.users[turn % len(self.users)], _made_unique(picture, key), key)


def read_pictures(folder: Path) -> list[Picture]:
    """Read the pictures of a folder into memory, as many as are reasonable.

    Raises:
        ParameterInvalid: There is none, or one cannot be read.
    """
    from saccade.cli.pictures import pictures_in

    found: list[Picture] = []
    total = 0
    for path in pictures_in([folder])[:_MAX_PICTURES]:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ParameterInvalid(
                f"{path} cannot be read: {error.strerror or error}.", hint="Check that you may read it."
            ) from None
        total += len(data)
        if found and total > _MAX_BYTES:
            break
        found.append(Picture(path.name, data))
    return found


def names_of(text: str) -> list[str]:
    """Return the names in a comma-separated list, each once.

    Raises:
        ParameterInvalid: There is none.
    """
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise ParameterInvalid("--users names nobody.", hint="Give names, as in --users alice,bob.")
    return names


def read_tokens(path: Path, names: Sequence[str] = ()) -> list[User]:
    """Read users with their keys or tokens: a name and a token a line; blank lines and those with ``#`` do not count.

    Args:
        path: The file.
        names: Whom to take; empty takes all.

    Raises:
        ParameterInvalid: A line is something else, nobody stands there, or somebody who was named does not. What stands
            in the line is not repeated, for it may be a secret.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ParameterInvalid(f"{path} cannot be read: {reason}.", hint=_LINE_FORM) from None
    users: dict[str, User] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or not is_sendable(words[1]):  # noqa: PLR2004 - a name and a token
            raise ParameterInvalid(f"Line {number} of {path} is not a name and a token.", hint=_LINE_FORM)
        users[words[0]] = User(words[0], words[1])
    missing = [name for name in names if name not in users]
    if missing:
        raise ParameterInvalid(f"{path} has no token of {', '.join(missing)}.", hint=_LINE_FORM)
    if not users:
        raise ParameterInvalid(f"{path} has no tokens.", hint=_LINE_FORM)
    return [users[name] for name in names] if names else list(users.values())


def is_sendable(secret: str) -> bool:
    """Say whether a header can carry this."""
    return bool(secret) and secret.isascii() and secret.isprintable() and " " not in secret


_LINE_FORM = "Each line of --token-file is a name, a space, and a key or token."


def _made_unique(picture: Picture, key: str) -> Picture:
    """Return the picture with a few bytes after its end, where decoders of all formats look at nothing any more."""
    return Picture(picture.name, picture.data + f"\n{key}\n".encode())
