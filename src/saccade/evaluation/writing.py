"""Writing a result whole or not at all, so that whoever reads it never finds half of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from saccade.errors import ParameterInvalid


def write_whole(target: Path, text: str) -> None:
    """Write a file whole or not at all, over one that is there.

    Raises:
        ParameterInvalid: It cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise ParameterInvalid(
            f"{target} cannot be written: {error.strerror or error}.", hint="Name another --output."
        ) from None
