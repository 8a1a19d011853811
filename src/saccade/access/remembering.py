"""What was found of keys a moment ago, and when each was used last: what spares the database most questions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from saccade.access.records import KeyRecord

_T = TypeVar("_T")

_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """The moment at which the database was asked: what it answers may be old by the time it comes."""

    at_s: float
    generation: int


class Found:
    """Records of keys, each for a short time. Thread-safe, and holds so many at most.

    Ids that do not exist are remembered apart, so that whoever invents ids pushes out nobody's key.
    """

    def __init__(self, *, fresh_s: float, most: int, clock: Callable[[], float]) -> None:
        """Remember nothing yet.

        Args:
            fresh_s: How long a record counts.
            most: Records that are kept, and as many ids that do not exist.
            clock: Seconds that never go back.
        """
        self._fresh_s = fresh_s
        self._most = most
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, KeyRecord]] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._generation = 0
        self._lock = threading.Lock()

    def recall(self, key_id: str) -> KeyRecord | None:
        """Return a record if it was read a moment ago."""
        with self._lock:
            at_s, record = self._known.get(key_id, (None, None))
            if at_s is None or not self._is_fresh(at_s):
                return None
            self._known.move_to_end(key_id)
            return record

    def is_unknown(self, key_id: str) -> bool:
        """Say whether there was no such key a moment ago."""
        with self._lock:
            at_s = self._unknown.get(key_id)
            return at_s is not None and self._is_fresh(at_s)

    def asking(self) -> Asked:
        """Return the moment; call it before the database is asked."""
        with self._lock:
            return Asked(self._clock(), self._generation)

    def keep(self, key_id: str, record: KeyRecord | None, asked: Asked) -> None:
        """Remember what the database said, unless something was forgotten since it was asked."""
        with self._lock:
            if asked.generation != self._generation:
                return
            if record is None:
                self._known.pop(key_id, None)
                _put(self._unknown, key_id, asked.at_s, most=self._most)
            else:
                _put(self._known, key_id, (asked.at_s, record), most=self._most)

    def forget(self, *key_ids: str) -> None:
        """Forget these, and what is being asked at this moment."""
        with self._lock:
            self._generation += 1
            for key_id in key_ids:
                self._known.pop(key_id, None)
                self._unknown.pop(key_id, None)

    def forget_owner(self, owner: str) -> None:
        """Forget all that an owner has, and what is being asked at this moment."""
        with self._lock:
            self._generation += 1
            for key_id in [key_id for key_id, (_, record) in self._known.items() if record.owner == owner]:
                del self._known[key_id]

    def _is_fresh(self, at_s: float) -> bool:
        return self._clock() - at_s < self._fresh_s


class LastUsed:
    """When keys were used last, written at most once a minute each. Thread-safe."""

    def __init__(self) -> None:
        """Know of no use."""
        self._noted: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._lock = threading.Lock()

    def note(self, key_id: str, at_us: int) -> None:
        """Note a use; only the last one counts."""
        with self._lock:
            self._noted[key_id] = at_us

    def flush(self, write: Callable[[Mapping[str, int]], None], *, now_us: int, is_last: bool) -> None:
        """Hand on what is due; what cannot be written stays noted.

        Args:
            write: Keeps times by id.
            now_us: The time, microseconds since 1970.
            is_last: Hand on everything.
        """
        with self._lock:
            self._written = {key_id: at for key_id, at in self._written.items() if now_us - at < _MINUTE_US}
            due = {key_id: at for key_id, at in self._noted.items() if is_last or key_id not in self._written}
        if not due:
            return
        write(due)
        with self._lock:
            self._written.update(dict.fromkeys(due, now_us))
            for key_id, at_us in due.items():
                if self._noted.get(key_id) == at_us:  # else it was used again in between
                    del self._noted[key_id]


def _put(kept: OrderedDict[str, _T], key: str, value: _T, *, most: int) -> None:
    """Put something at the end, and let the oldest go."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
