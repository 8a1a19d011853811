"""How a worker and the process for suspects talk: a JSON head and bytes, each behind its length."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import BinaryIO, TypeAlias, cast

#: What a head may hold.
Head: TypeAlias = "dict[str, object]"

_LENGTHS = struct.Struct(">II")


def write_frame(stream: BinaryIO, head: Mapping[str, object], body: bytes = b"") -> None:
    """Write one frame and send it off.

    Raises:
        OSError: Nobody reads any more.
    """
    text = json.dumps(head).encode()
    stream.write(_LENGTHS.pack(len(text), len(body)) + text)
    stream.write(body)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[Head, bytes] | None:
    """Read one frame; None when the other side has ended, even in the middle of one."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_bytes, body_bytes = _LENGTHS.unpack(lengths)
    text, body = stream.read(head_bytes), stream.read(body_bytes)
    if len(text) < head_bytes or len(body) < body_bytes:
        return None
    return cast("Head", json.loads(text)), body
