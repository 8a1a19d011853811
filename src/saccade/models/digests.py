"""Digests: the sha256 of each file of a package, and one for the whole of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from saccade.errors import PackageInvalid
from saccade.models.documents import path_inside
from saccade.models.package import FileDigest

#: Reading and digesting let other threads run; after each piece this one waits for them. ``hashlib.file_digest`` takes
#: pieces of 256 KiB, which makes a large file slow while another thread imports modules, as one does at the start.
_CHUNK_BYTES = 1024 * 1024


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, 64 lower-case hex digits.

    A file that has not been touched since it was last asked for is not read again: what is remembered belongs to its
    inode, size and both of its times, and nobody can set the time of the last change of an inode back.

    Cost:
        One pass over the file.
    """
    known = os.stat(path)  # noqa: PTH116 - the tuple below wants one stat, and mypy one type
    return _sha256(path, known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns)


@lru_cache(maxsize=4096)
def _sha256(path: Path, *_identity: int) -> str:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(min(_CHUNK_BYTES, max(1, path.stat().st_size))))
    with path.open("rb", buffering=0) as stream:
        while length := stream.readinto(buffer):
            digest.update(buffer[:length])
    return digest.hexdigest()


def files_below(folder: Path) -> Iterator[str]:
    """Yield the path inside the folder of every file below it, in a fixed order.

    Hidden files are left out, and folders whose names begin with a dot or an underscore: caches, version control.
    """
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        yield from (Path(place, name).relative_to(folder).as_posix() for name in sorted(files) if name[0] != ".")


def digest_files(folder: Path, files: Iterable[Path]) -> tuple[FileDigest, ...]:
    """Return the digests of these files, by their path inside the folder, in the order of the paths.

    Args:
        folder: The package.
        files: Files inside it; one that is named twice counts once.
    """
    inside = {path.relative_to(folder).as_posix(): path for path in files}
    return tuple(
        FileDigest(path=name, size_bytes=inside[name].stat().st_size, sha256=file_sha256(inside[name]))
        for name in sorted(inside)
    )


def package_digest(files: Sequence[FileDigest]) -> str:
    """Return the sha256 over the sorted lines ``path sha256``: packages of equal content have equal digests."""
    lines = sorted(f"{file.path} {file.sha256}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def verify_files(folder: Path, files: Iterable[FileDigest]) -> None:
    """Compare files with the digests written down when the package was added.

    Raises:
        PackageInvalid: One is gone or has changed; the message names it.
    """
    for file in files:
        path = path_inside(folder, file.path)
        if path.stat().st_size != file.size_bytes or file_sha256(path) != file.sha256:
            raise PackageInvalid(f"'{file.path}' differs from the file that was added.", hint=_CHANGED_HINT)


_CHANGED_HINT = "Remove the package and add it again; or, if you changed it on purpose, drop `files` from saccade.yaml."
