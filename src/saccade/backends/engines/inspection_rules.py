"""What the inspector and its child both hold graphs to; imports nothing, for the child starts often."""

from __future__ import annotations

from pathlib import Path

#: Where operators may come from: the standard, its machine-learning part, and ONNX Runtime's own.
ALLOWED_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
#: Operators of those domains that open files or run code of their own.
REFUSED_OPERATORS = frozenset({"EPContext", "PyOp"})
#: Protobuf itself cannot hold more.
MAX_FILE_BYTES = 2 * 1024**3 - 1
#: The largest exports of today have some ten thousand.
MAX_NODES = 200_000
#: Before opset 7 operators broadcast by other rules.
MIN_OPSET = 7
MAX_METADATA_BYTES = 4 * 1024**2
MAX_NAME_CHARACTERS = 1024


class Refused(Exception):
    """The graph may not be served; the message says why."""


def check_sidecar(folder: Path, name: str) -> str | None:
    """Say what is wrong with a file that a graph wants to read its weights from; None if nothing.

    It must be a plain name, of a plain file, beside the graph, which no other name on this disk also means: links are
    how a graph would read what it was not given.
    """
    shown = f"'{name[:200]}', where it wants to read weights,"
    if not name or name in {".", ".."} or "/" in name or "\\" in name or "\0" in name:
        return f"{shown} is not the plain name of a file beside it"
    path = folder / name
    if path.is_symlink():
        return f"{shown} is a link"
    if not path.is_file():
        return f"{shown} does not exist"
    if path.stat().st_nlink > 1:
        return f"{shown} is a hard link: the same file has another name elsewhere"
    return None
