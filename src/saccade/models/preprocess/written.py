"""Read the ``preprocess.steps`` of a ``saccade.yaml`` into a plan.

Each step is a mapping with one key, the step's name, over a mapping of its settings; both carry the names of
``plan.py``'s steps and of their fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from saccade.errors import PackageInvalid
from saccade.models.plain import Plain
from saccade.models.preprocess.keys import Keys
from saccade.models.preprocess.plan import (
    Bound,
    CenterCrop,
    CropRounding,
    Fit,
    FlipChannels,
    Letterbox,
    Normalize,
    Pad,
    PadMode,
    PadPlace,
    Plan,
    Resample,
    Rescale,
    Resize,
    ResizeKeepRatio,
    ResizeShortest,
    Step,
)

_MAX_LEVEL = 255


def plan_from_steps(steps: Sequence[Plain]) -> Plan:
    """Translate written steps, in order.

    Args:
        steps: The list under ``preprocess.steps``.

    Returns:
        The plan.

    Raises:
        PackageInvalid: A step or key is not known, a value is missing or wrong, or a resize comes after the bytes
            became floats; the message names the step, the key and what is allowed.
    """
    read: list[Step] = []
    for place, written in enumerate(steps):
        step = _step(written, f"preprocess.steps[{place}]")
        if isinstance(step, _RESIZING) and any(isinstance(earlier, Rescale | Normalize) for earlier in read):
            raise PackageInvalid(
                f"preprocess.steps[{place}]: a picture cannot be resized after rescale or normalize.",
                hint="Put the resize first.",
            )
        read.append(step)
    return Plan(tuple(read))


def _step(written: Plain, where: str) -> Step:
    if not isinstance(written, dict) or len(written) != 1:
        raise PackageInvalid(f"{where} is {written!r}; allowed: one of {', '.join(STEPS)}, over its settings.")
    name, settings = next(iter(written.items()))
    if name not in STEPS:
        raise PackageInvalid(f"{where}: {name} is no step; allowed: {', '.join(STEPS)}.")
    if settings is None:
        settings = {}
    allowed = STEPS[name].settings
    if not isinstance(settings, dict):
        raise PackageInvalid(f"{where}: {name} holds {settings!r}; allowed: {_listed(allowed)}.")
    for key in settings:
        if key not in allowed:
            raise PackageInvalid(f"{where}: {name} has no {key}; allowed: {_listed(allowed)}.")
    return STEPS[name].read(Keys(settings, f"{where}: {name}"))


def _listed(settings: Sequence[str]) -> str:
    return ", ".join(settings) or "nothing"


def _length(keys: Keys, key: str) -> int:
    value = keys.length(key)
    if value is None:
        raise keys.wrong(key, "a whole number from 1")
    return value


def _filter(keys: Keys, *, default: Resample | None = None) -> Resample:
    value = keys.filter_name("resample", default=default)
    if value is None:
        raise keys.wrong("resample", ", ".join(one.name.lower() for one in Resample))
    return value


def _level(keys: Keys, key: str, *, default: int) -> int:
    value = keys.number(key, default=default)
    if value is None or value not in range(_MAX_LEVEL + 1):
        raise keys.wrong(key, "a whole number from 0 to 255")
    return int(value)


def _levels(keys: Keys, key: str) -> tuple[int, ...]:
    values = keys.channels(key, default=(0, 0, 0))
    if values is None or any(value not in range(_MAX_LEVEL + 1) for value in values):
        raise keys.wrong(key, "one whole number from 0 to 255, or a list of three")
    return tuple(int(value) for value in values)


def _resize(keys: Keys) -> Step:
    return Resize(_length(keys, "height_px"), _length(keys, "width_px"), _filter(keys))


def _resize_shortest(keys: Keys) -> Step:
    return ResizeShortest(
        _length(keys, "shortest_px"),
        _filter(keys),
        longest_px=keys.length("longest_px"),
        multiple=keys.length("multiple"),
    )


def _resize_keep_ratio(keys: Keys) -> Step:
    bound = keys.choice("bound", Bound, default=Bound.INSIDE)
    return ResizeKeepRatio(_length(keys, "height_px"), _length(keys, "width_px"), _filter(keys), bound)


def _fit(keys: Keys) -> Step:
    return Fit(_length(keys, "long_side_px"), _filter(keys))


def _letterbox(keys: Keys) -> Step:
    return Letterbox(
        _length(keys, "height_px"),
        _length(keys, "width_px"),
        fill=_level(keys, "fill", default=114),
        resample=_filter(keys, default=Resample.BILINEAR),
        place=keys.choice("place", PadPlace, default=PadPlace.CENTER),
        multiple=keys.length("multiple"),
    )


def _center_crop(keys: Keys) -> Step:
    return CenterCrop(
        _length(keys, "height_px"),
        _length(keys, "width_px"),
        rounding=keys.choice("rounding", CropRounding, default=CropRounding.FLOOR),
        fill=_levels(keys, "fill"),
    )


def _rescale(keys: Keys) -> Step:
    factor, offset = keys.number("factor"), keys.number("offset", default=0.0)
    if factor is None or offset is None:
        raise keys.wrong("factor" if factor is None else "offset", "a finite number")
    return Rescale(factor, offset)


def _normalize(keys: Keys) -> Step:
    mean, std = keys.channels("mean"), keys.deviations("std")
    if mean is None or std is None:
        raise keys.wrong("mean" if mean is None else "std", "one number, or a list of three")
    return Normalize(mean, std)


def _flip_channels(_keys: Keys) -> Step:
    return FlipChannels()


def _pad(keys: Keys) -> Step:
    multiple, height, width = keys.length("multiple"), keys.length("height_px"), keys.length("width_px")
    fixed = height is not None and width is not None
    if fixed == (multiple is not None) or (height is None) != (width is None):
        raise PackageInvalid(f"{keys.where}: allowed: either multiple, or height_px and width_px.")
    mode = keys.choice("mode", PadMode, default=PadMode.CONSTANT)
    return Pad(multiple=multiple, height_px=height, width_px=width, mode=mode)


@dataclass(frozen=True, slots=True)
class _Reader:
    """How one step is read: its kind, whose fields are the settings, and the function that builds it."""

    kind: type[Step]
    read: Callable[[Keys], Step]

    @property
    def settings(self) -> tuple[str, ...]:
        return tuple(field.name for field in fields(self.kind))


#: Every step that may be written, by the name under which it is written.
STEPS: Mapping[str, _Reader] = {
    "resize": _Reader(Resize, _resize),
    "resize_shortest": _Reader(ResizeShortest, _resize_shortest),
    "resize_keep_ratio": _Reader(ResizeKeepRatio, _resize_keep_ratio),
    "fit": _Reader(Fit, _fit),
    "letterbox": _Reader(Letterbox, _letterbox),
    "center_crop": _Reader(CenterCrop, _center_crop),
    "rescale": _Reader(Rescale, _rescale),
    "normalize": _Reader(Normalize, _normalize),
    "flip_channels": _Reader(FlipChannels, _flip_channels),
    "pad": _Reader(Pad, _pad),
}
_RESIZING = (Resize, ResizeShortest, ResizeKeepRatio, Fit, Letterbox)
