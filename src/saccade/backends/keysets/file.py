"""A key set in a file, for providers that this machine cannot reach; read again when the file has changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from saccade.backends.keysets.document import MAX_BYTES, read_document
from saccade.errors import KeySetUnreachable, SettingInvalid


class FileKeySet:
    """The key set of one file; thread-safe."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet; the file need not be there."""
        self._path = path
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, ...], Mapping[str, object]] | None = None

    def fetch(self) -> Mapping[str, object]:
        """See ``KeySet``; a file that stayed as it was is not read again."""
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    facts = os.fstat(file.fileno())
                    mark = (facts.st_mtime_ns, facts.st_size, facts.st_ino, facts.st_dev)
                    if self._read is None or self._read[0] != mark:
                        self._read = mark, read_document(file.read(MAX_BYTES + 1))
            except OSError as failure:
                raise KeySetUnreachable("The file with the keys for tokens cannot be read.") from failure
            return self._read[1]


def open_file(text: str) -> FileKeySet:
    """Open a key set.

    Args:
        text: A path, or ``file:///absolute/path``, percent-encoded where it must be.

    Raises:
        SettingInvalid: The URL names no absolute path of this machine.
    """
    if not text.startswith("file://"):
        return FileKeySet(Path(text).expanduser().absolute())
    parts = urlsplit(text)
    path = Path(unquote(parts.path))
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment or not path.is_absolute():
        raise SettingInvalid("SACCADE_JWT_JWKS names no absolute path.", hint="Write file:///etc/saccade/jwks.json.")
    return FileKeySet(path)
