"""Finding a family's tensors among a graph's outputs: by name first, by shape where exporters invent names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from saccade.errors import OutputInvalid
from saccade.vision.arrays import Tensor

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Part:
    """One tensor that a family needs.

    Attributes:
        names: What exporters call it, the first being the name in messages.
        shape: Its axes for one picture; None = any length.
        integer: Whether only an integer tensor will do when the name says nothing (labels, indices);
            False = only a float one.
    """

    names: tuple[str, ...]
    shape: tuple[int | None, ...]
    integer: bool = False


def find_parts(outputs: Mapping[str, Tensor], parts: Sequence[Part], *, family: str, expected: str) -> list[Tensor]:
    """Return the tensors that a family needs, in the order in which it asks.

    A part is taken by name, in any case of letters; parts without a known name are taken by shape and kind of number,
    where exactly one output fits. One leading axis of length 1 too many (the batch of one) is dropped.

    Args:
        outputs: The graph's outputs by name.
        parts: What is needed.
        family: The family's name, for the message.
        expected: What the family expects, in words, for the message.

    Returns:
        One tensor per part, of the part's rank.

    Raises:
        OutputInvalid: A part is missing, ambiguous or has another shape.
    """
    left = dict(outputs)
    found: dict[int, Tensor] = {}
    for index, part in enumerate(parts):
        name = _named(left, part)
        if name is not None:
            tensor = _of_rank(left.pop(name), part)
            if not _has_shape(tensor, part):
                raise mismatch(outputs, family=family, expected=expected)
            found[index] = tensor
    for index, part in enumerate(parts):
        if index in found:
            continue
        fitting = [name for name, tensor in left.items() if _fits(_of_rank(tensor, part), part)]
        if len(fitting) != 1:
            raise mismatch(outputs, family=family, expected=expected)
        found[index] = _of_rank(left.pop(fitting[0]), part)
    return [found[index] for index in range(len(parts))]


def mismatch(outputs: Mapping[str, Tensor], *, family: str, expected: str) -> OutputInvalid:
    """Return the error that shows every output beside what the family expects."""
    listed = ", ".join(f"{name} {list(tensor.shape)} {tensor.dtype}" for name, tensor in outputs.items())
    return OutputInvalid(f"Family {family} expects {expected}. For one picture the graph gave: {listed or 'nothing'}.")


def floats(tensor: Tensor, *, name: str) -> Floats:
    """Return a tensor as float32.

    Args:
        tensor: Numbers of any width.
        name: What it is, for the message.

    Raises:
        OutputInvalid: It holds no numbers, or NaN, or an infinity.
    """
    if tensor.dtype.kind not in "fiu":
        raise OutputInvalid(f"The graph's {name} hold {tensor.dtype}, not numbers.")
    with np.errstate(over="ignore"):
        numbers = tensor.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise OutputInvalid(
            f"The graph's {name} hold NaN or infinity.",
            hint="Half-precision graphs overflow at times: serve the fp32 file, and check the preprocessing.",
        )
    return numbers


def integers(tensor: Tensor, *, name: str) -> NDArray[np.intp]:
    """Return a tensor of class ids or indices as integers; exporters write them as floats at times.

    Args:
        tensor: Whole numbers of at least 0, of any type.
        name: What it is, for the message.

    Raises:
        OutputInvalid: It holds a fraction, a negative number, NaN, or one too large to be an index.
    """
    numbers = floats(tensor, name=name)
    if ((numbers < 0) | (numbers > np.iinfo(np.int32).max) | (numbers != np.floor(numbers))).any():
        raise OutputInvalid(f"The graph's {name} hold something that is no index.")
    return tensor.astype(np.intp)


def softmax(logits: Floats) -> Floats:
    """Turn logits into shares of 1 along the last axis.

    Args:
        logits: (..., C) float32.

    Returns:
        (..., C) float32, 0..1.
    """
    # The same three steps in float32 as Hugging Face's pipeline, so that scores agree to the last bit.
    raised: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=-1, keepdims=True)
    return shares


def sigmoid(logits: Floats) -> Floats:
    """Turn each logit into a score of its own.

    Args:
        logits: float32, any shape.

    Returns:
        float32 of that shape, 0..1.
    """
    # The same steps in float32 as Hugging Face's pipeline; a very small logit overflows on the way, and its score is 0.
    with np.errstate(over="ignore"):
        scores: Floats = np.float32(1) / (np.float32(1) + np.exp(-logits))
    return scores


def _named(outputs: Mapping[str, Tensor], part: Part) -> str | None:
    by_lower = {name.lower(): name for name in outputs}
    return next((by_lower[name] for name in part.names if name in by_lower), None)


def _of_rank(tensor: Tensor, part: Part) -> Tensor:
    if tensor.ndim == len(part.shape) + 1 and tensor.shape[0] == 1:
        return np.squeeze(tensor, axis=0)
    return tensor


def _has_shape(tensor: Tensor, part: Part) -> bool:
    return tensor.ndim == len(part.shape) and all(
        wanted is None or wanted == length for wanted, length in zip(part.shape, tensor.shape, strict=True)
    )


def _fits(tensor: Tensor, part: Part) -> bool:
    return _has_shape(tensor, part) and tensor.dtype.kind in ("iu" if part.integer else "f")
