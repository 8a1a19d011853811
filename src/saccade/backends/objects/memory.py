"""memory:// : blobs in this process, for tests: a server that stops forgets them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from saccade.backends.objects.keys import check_key, check_prefix
from saccade.errors import ObjectMissing
from saccade.jobs.ports import StoredObject


class MemoryObjects:
    """Keeps blobs in a dictionary. Each opening is a place of its own."""

    def __init__(self) -> None:
        self._blobs: dict[str, tuple[bytes, int]] = {}
        self._lock = threading.Lock()

    def put_many(self, blobs: Mapping[str, bytes]) -> None:
        """See ``Objects``."""
        now_us = time.time_ns() // 1000
        made = {check_key(key): (bytes(data), now_us) for key, data in blobs.items()}
        with self._lock:
            self._blobs.update(made)

    def get(self, key: str) -> bytes:
        """See ``Objects``."""
        with self._lock:
            found = self._blobs.get(check_key(key))
        if found is None:
            raise ObjectMissing(f"There is no blob {key}.")
        return found[0]

    def copy(self, source: str, target: str) -> None:
        """See ``Objects``."""
        self.put_many({target: self.get(source)})

    def delete_many(self, keys: Sequence[str]) -> None:
        """See ``Objects``."""
        checked = [check_key(key) for key in keys]
        with self._lock:
            for key in checked:
                self._blobs.pop(key, None)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See ``Objects``."""
        check_prefix(prefix)
        with self._lock:
            found = [(key, len(data), made_us) for key, (data, made_us) in self._blobs.items()]
        yield from (StoredObject(*entry) for entry in found if entry[0].startswith(prefix))

    def check(self) -> None:
        """See ``Objects``; it is always there."""

    def close(self) -> None:
        """See ``Objects``; what was stored is forgotten."""
        with self._lock:
            self._blobs.clear()


def open_memory(url: str) -> MemoryObjects:
    """Open a place in this process; ``url`` is ``memory://``."""
    del url
    return MemoryObjects()
