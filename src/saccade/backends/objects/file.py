"""file:///folder : blobs as files of one folder, which several processes and machines may share."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as all_ended
from itertools import islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from saccade.backends.objects.keys import check_key, check_prefix, is_part
from saccade.errors import ObjectMissing, ObjectsFull, ObjectsUnreachable, SettingInvalid
from saccade.jobs.ports import StoredObject

T = TypeVar("T")

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
#: So many files are open at a time while they are written.
_AT_ONCE = 64
#: Threads that wait for the disk; the journal takes what is asked for at the same time as one.
_FLUSHERS = 8
#: Older temporary files are what a dead process left; by hours, for the clocks of two machines may differ by one.
_LEFT_OVER_S = 6 * 3600.0
_TEMPORARY = ".part-"


class FileObjects:
    """Keeps each blob in a file; what was written is durable before anybody can see it.

    A blob is written to a temporary file beside its place, flushed to the disk and renamed; then the folder is
    flushed. A reader sees the old blob, the new one or none, whenever the writer dies or the power goes.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder if it is not there.

        Raises:
            ObjectsUnreachable: It cannot be made.
        """
        self._folder = folder
        self._flushers = ThreadPoolExecutor(max_workers=_FLUSHERS, thread_name_prefix="saccade-flush")
        with _naming_failures():
            self._make(folder)

    def put_many(self, blobs: Mapping[str, bytes]) -> None:
        """See ``Objects``."""
        paths = {self._path(key): data for key, data in blobs.items()}
        with _naming_failures():
            for parent in dict.fromkeys(path.parent for path in paths):
                self._make(parent)
            entries = iter(paths.items())
            while some := dict(islice(entries, _AT_ONCE)):
                self._write(some)
            self._flush_folders(path.parent for path in paths)

    def get(self, key: str) -> bytes:
        """See ``Objects``."""
        path = self._path(key)
        with _naming_failures():
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise ObjectMissing(f"There is no blob {key}.") from None

    def copy(self, source: str, target: str) -> None:
        """See ``Objects``."""
        self.put_many({target: self.get(source)})

    def delete_many(self, keys: Sequence[str]) -> None:
        """See ``Objects``; folders stay, for the next blob may belong there."""
        paths = [self._path(key) for key in keys]
        with _naming_failures():
            for path in paths:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    path.unlink()
            self._flush_folders(path.parent for path in paths)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See ``Objects``; temporary files that a dead process left hours ago are removed on the way."""
        top = self._folder / check_prefix(prefix)
        with _naming_failures():
            yield from self._walk(top, prefix)

    def check(self) -> None:
        """See ``Objects``; a file is made and removed."""
        probe = self._folder / f"{_TEMPORARY}{secrets.token_hex(8)}"
        try:
            os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            probe.unlink()
        except OSError as failure:
            raise ObjectsUnreachable(f"The folder of stored bytes cannot be written: {failure.strerror}.") from failure

    def close(self) -> None:
        """See ``Objects``."""
        self._flushers.shutdown()

    def _path(self, key: str) -> Path:
        return self._folder / check_key(key)

    def _make(self, folder: Path) -> None:
        """Make a folder and those above it, each durable before what is in it."""
        if folder.is_dir():
            return
        self._make(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        _flush(folder.parent)

    def _write(self, blobs: Mapping[Path, bytes]) -> None:
        """Write files under temporary names, flush them all, then let them appear."""
        temporary: dict[Path, Path] = {}
        try:
            with contextlib.ExitStack() as stack:
                open_files = []
                for path, data in blobs.items():
                    name = path.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")
                    number = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
                    stack.callback(os.close, number)
                    temporary[path] = name
                    _write_all(number, data)
                    open_files.append(number)
                self._run(os.fsync, open_files)
            for path, name in temporary.items():
                name.replace(path)
        except BaseException:
            for name in temporary.values():
                with contextlib.suppress(OSError):
                    name.unlink()
            raise

    def _flush_folders(self, folders: Iterable[Path]) -> None:
        self._run(_flush_if_there, list(dict.fromkeys(folders)))

    def _run(self, wait: Callable[[T], None], many: Sequence[T]) -> None:
        """Wait for one here, for several at the same time; a failure of one is raised when all have ended."""
        if len(many) == 1:
            wait(many[0])
            return
        futures = [self._flushers.submit(wait, each) for each in many]
        all_ended(futures)  # or files would be closed while they are flushed
        for future in futures:
            future.result()

    def _walk(self, folder: Path, prefix: str) -> Iterator[StoredObject]:
        try:
            entries = os.scandir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        with entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # deleted while we look
                    if entry.name.startswith(_TEMPORARY):
                        _remove_left_over(entry)
                    elif is_part(entry.name) and entry.is_dir(follow_symlinks=False):
                        yield from self._walk(Path(entry.path), f"{prefix}{entry.name}/")
                    elif is_part(entry.name) and entry.is_file(follow_symlinks=False):
                        facts = entry.stat(follow_symlinks=False)
                        yield StoredObject(f"{prefix}{entry.name}", facts.st_size, facts.st_mtime_ns // 1000)


def open_file(url: str) -> FileObjects:
    """Open a folder; it is made, for its owner alone, if it is not there.

    Args:
        url: ``file:///absolute/folder``, percent-encoded where it must be.

    Raises:
        SettingInvalid: It names no absolute folder of this machine.
        ObjectsUnreachable: The folder cannot be made.
    """
    parts = urlsplit(url)
    folder = Path(unquote(parts.path))
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment or not folder.is_absolute():
        raise SettingInvalid("SACCADE_OBJECTS_URL names no absolute folder.", hint="Write file:///var/lib/objects.")
    return FileObjects(folder)


def _write_all(number: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(number, rest) :]


def _flush_if_there(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        _flush(folder)


def _flush(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _remove_left_over(entry: os.DirEntry[str]) -> None:
    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFT_OVER_S:
        Path(entry.path).unlink()


@contextlib.contextmanager
def _naming_failures() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        if failure.errno in _FULL:
            raise ObjectsFull("The disk of stored bytes is full.") from failure
        raise ObjectsUnreachable(f"The folder of stored bytes failed: {failure.strerror}.") from failure
