"""What models said, noted down picture by picture, so that an evaluation that was stopped goes on where it was.

One file for each model: JSON lines, the first of which says what was asked. Each picture is one more line, written when
it is known. Whatever an end leaves behind the last whole line is cut off by the next run.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from saccade.clock import monotonic_s
from saccade.errors import ParameterInvalid
from saccade.evaluation.answers import entry_of
from saccade.evaluation.seen import Seen
from saccade.models.prediction import Detection, Entry
from saccade.predictions.render import Json, entry_to_json

FORMAT = "saccade-notes/1"
#: A power cut may cost what was noted in this time; a killed process costs nothing.
_SYNC_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What notes are notes of; where any of it differs, they are of no use.

    Attributes:
        model: Name and version.
        digest: Of its package; empty where a server does not tell.
        dataset: Its sha256.
        threshold: The operating one; None: the model's own, which it does not tell.
        server: Who was asked; None: the model ran here.
    """

    model: str
    digest: str
    dataset: str
    threshold: float | None
    server: str | None

    def to_json(self) -> dict[str, Json]:
        """Return the first line."""
        return {
            "format": FORMAT,
            "model": self.model,
            "digest": self.digest,
            "dataset": self.dataset,
            "threshold": self.threshold,
            "server": self.server,
        }


#: What is said of notes that are begun anew, by what differs.
_CHANGES: Mapping[str, str] = {
    "format": "were written by another version of saccade",
    "model": "are of another model",
    "digest": "are of another package of the model",
    "dataset": "are of another dataset",
    "threshold": "were taken at another threshold",
    "server": "were taken elsewhere",
}


class Notes:
    """The notes of one model. Used by one thread; a second process is refused.

    Attributes:
        begun_anew: Why notes that lay there are of no use, as the end of a sentence about them; None if there were
            none, or if they are gone on with.
        seen: By the picture's name, what is noted of it last.
    """

    def __init__(self, path: Path, asked: Asked, *, fresh: bool = False) -> None:
        """Open the notes, or begin them.

        Args:
            path: Where they lie; folders above it are made.
            asked: What they are notes of.
            fresh: Begin anew, whatever lies there.

        Raises:
            ParameterInvalid: The file cannot be written, or another run writes to it.
        """
        self.begun_anew: str | None = None
        self.seen: dict[str, Seen] = {}
        self._synced_s = monotonic_s()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _opened(path)
        except OSError as error:
            raise ParameterInvalid(
                f"{path} cannot be written: {error.strerror or error}.", hint="Name another --output."
            ) from None
        try:
            self._lock(path)
            self._begin(asked, fresh=fresh)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """Return the notes themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def add(self, seen: Seen) -> None:
        """Note what was said of a picture; when this returns, no end of this process can take it away."""
        self._write(seen_to_json(seen))
        self.seen[seen.name] = seen
        if monotonic_s() - self._synced_s >= _SYNC_EVERY_S:
            self._sync()

    def close(self) -> None:
        """Bring everything to the disk and close the file. Idempotent."""
        if not self._file.closed:
            self._sync()
            self._file.close()

    def _lock(self, path: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ParameterInvalid(
                f"{path} is in use: the same evaluation is running.", hint="Wait for it, or name another --output."
            ) from None

    def _begin(self, asked: Asked, *, fresh: bool) -> None:
        """Read what is there as far as it is whole, cut off the rest, and write the first line where there is none."""
        lines = self._file.read().splitlines(keepends=True)
        header = _object(lines[0]) if lines else None
        wanted = asked.to_json()
        if fresh:
            header = None
        elif lines:
            differing = [key for key in wanted if header is None or header.get(key) != wanted[key]]
            self.begun_anew = _CHANGES[differing[0]] if differing else None
        if header is None or self.begun_anew is not None:
            self._file.seek(0)
            self._file.truncate()
            self._write(wanted)
            return
        whole = len(lines[0])
        for line in lines[1:]:
            seen = _seen(line)
            if seen is None:
                break
            self.seen[seen.name] = seen
            whole += len(line)
        self._file.seek(whole)
        self._file.truncate()

    def _write(self, line: Mapping[str, Json]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n")
        self._file.flush()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced_s = monotonic_s()


def seen_to_json(seen: Seen) -> dict[str, Json]:
    """Return a picture's line; predictions look as in an answer of the server."""
    line: dict[str, Json] = {"name": seen.name, "width_px": seen.width_px, "height_px": seen.height_px}
    if seen.problem is not None:
        return {**line, "problem": list(seen.problem)}
    return {
        **line,
        "stages_ms": dict(seen.stages_ms),
        "served": [_entry_to_json(entry) for entry in seen.served],
        "ranked": [_entry_to_json(entry) for entry in seen.ranked],
    }


def seen_of(line: Mapping[str, Json]) -> Seen:
    """Return what a line notes.

    Raises:
        KeyError: Something is missing.
        TypeError: Something is of another kind.
    """
    problem = cast("Sequence[str] | None", line.get("problem"))
    return Seen(
        name=str(line["name"]),
        width_px=int(cast("int", line["width_px"])),
        height_px=int(cast("int", line["height_px"])),
        served=() if problem else _entries(line["served"]),
        ranked=() if problem else _entries(line["ranked"]),
        stages_ms={} if problem else dict(cast("Mapping[str, float]", line["stages_ms"])),
        problem=(problem[0], problem[1]) if problem else None,
    )


def _opened(path: Path) -> BufferedRandom:
    """Open a file to read and write, from its start, without emptying it."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")


def _entry_to_json(entry: Entry) -> dict[str, Json]:
    line = entry_to_json(entry)
    return {**line, "class_id": entry.class_id} if isinstance(entry, Detection) else line


def _entries(entries: Json) -> tuple[Entry, ...]:
    return tuple(entry_of(entry, ()) for entry in cast("Sequence[Mapping[str, Json]]", entries))


def _object(line: bytes) -> dict[str, Json] | None:
    """Return a whole line's object; None for one that was torn off or is none."""
    try:
        value: object = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return cast("dict[str, Json]", value) if isinstance(value, dict) else None


def _seen(line: bytes) -> Seen | None:
    value = _object(line)
    try:
        return None if value is None else seen_of(value)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None
