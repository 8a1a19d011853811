"""Tensors of the Open Inference Protocol: as JSON, and as the bytes of its binary extension. Knows nothing of models.

Bytes are little-endian and row-major; an element of BYTES is its length in four bytes, and then itself.

Source:
    kserve/open-inference-protocol, specification/protocol/inference_rest.md; Triton's extension_binary_data.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from saccade.errors import ParameterInvalid

Scalar: TypeAlias = "str | bytes | int | float"

BYTES = "BYTES"
FP32 = "FP32"
INT64 = "INT64"

#: By name of a datatype that is sent, the letter that ``struct`` has for it.
_LETTERS = {FP32: "f", INT64: "q"}
_LENGTH = struct.Struct("<I")
#: Lists in lists are flattened down to here; no tensor of this protocol has more dimensions.
_MAX_DEPTH = 8
_MAX_DIMENSION = 1 << 31


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor that is answered.

    Attributes:
        name: Of the output.
        datatype: ``BYTES``, ``FP32`` or ``INT64``.
        shape: One number for each dimension; may hold zeros.
        data: All elements, row by row; texts for ``BYTES``.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[Scalar]

    def to_json(self) -> dict[str, object]:
        """Return the tensor with its elements as JSON."""
        return {**self._head(), "data": list(self.data)}

    def to_binary(self) -> tuple[dict[str, object], bytes]:
        """Return the tensor as JSON, and its elements as the bytes that follow the JSON."""
        data = pack(self.datatype, self.data)
        return {**self._head(), "parameters": {"binary_data_size": len(data)}}, data

    def _head(self) -> dict[str, object]:
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


def pack(datatype: str, elements: Sequence[Scalar]) -> bytes:
    r"""Return elements as bytes.

    Example:
        >>> pack("BYTES", ["ab", b"c"])
        b'\x02\x00\x00\x00ab\x01\x00\x00\x00c'
    """
    if datatype == BYTES:
        return b"".join(_packed(element) for element in elements)
    return struct.pack(f"<{len(elements)}{_LETTERS[datatype]}", *elements)


def unpack(datatype: str, data: bytes) -> list[Scalar]:
    """Return the elements that stand in these bytes: ``pack`` backwards, texts as bytes.

    Raises:
        ParameterInvalid: The bytes do not end where an element does.
    """
    if datatype == BYTES:
        return list(unpack_bytes(data))
    letter = _LETTERS[datatype]
    count, rest = divmod(len(data), struct.calcsize(letter))
    if rest:
        raise ParameterInvalid(f"{len(data)} bytes are no whole number of {datatype} elements.")
    return list(struct.unpack(f"<{count}{letter}", data))


def unpack_bytes(data: bytes) -> Iterator[bytes]:
    """Yield the elements of BYTES.

    Raises:
        ParameterInvalid: A length leads beyond the end, or a length itself is cut short.
    """
    at = 0
    while at < len(data):
        if len(data) - at < _LENGTH.size:
            raise ParameterInvalid(f"The binary data ends within the length of an element, at byte {at}.")
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if length > len(data) - at:
            raise ParameterInvalid(
                f"An element of {length} bytes begins at byte {at}, and only {len(data) - at} follow."
            )
        yield data[at : at + length]
        at += length


def flat(data: object) -> list[object]:
    """Return all elements of what may be lists in lists, in their order.

    Raises:
        ParameterInvalid: It is no list, or lists lie in each other too deep.
    """
    if not isinstance(data, list):
        raise ParameterInvalid("'data' must be a list.")
    for _ in range(_MAX_DEPTH):
        if not any(isinstance(element, list) for element in data):
            return data
        data = [inner for element in data for inner in (element if isinstance(element, list) else [element])]
    raise ParameterInvalid(f"'data' has lists in lists, more than {_MAX_DEPTH} deep.")


def shape_of(value: object) -> tuple[int, ...]:
    """Return the shape of an input.

    Raises:
        ParameterInvalid: It is no list of a few whole numbers from 0 on.
    """
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_DEPTH:
        raise ParameterInvalid(f"'shape' must be a list of 1 to {_MAX_DEPTH} whole numbers.")
    shape = tuple(size for size in value if isinstance(size, int) and not isinstance(size, bool))
    if len(shape) != len(value) or not all(0 <= size < _MAX_DIMENSION for size in shape):
        raise ParameterInvalid("'shape' must hold whole numbers, none of them negative or huge.")
    return shape


def _packed(element: Scalar) -> bytes:
    data = element.encode("utf-8", "surrogatepass") if isinstance(element, str) else element
    if not isinstance(data, bytes):
        raise TypeError("An element of BYTES is text or bytes.")
    return _LENGTH.pack(len(data)) + data
