"""Read transformers' ``preprocessor_config.json`` into a plan that gives the same numbers as the class it names.

A key that is absent takes the class's default; a key that is null is off, or missing where the class needs it.
A class or a key whose effect is not known is refused by name: a model that is silently fed something else still
answers, only worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from saccade.errors import PackageInvalid, PreprocessorUnsupported
from saccade.models.plain import Plain
from saccade.models.preprocess.keys import Keys
from saccade.models.preprocess.plan import (
    Bound,
    CenterCrop,
    FlipChannels,
    Normalize,
    Pad,
    Plan,
    Resample,
    Rescale,
    Resize,
    ResizeKeepRatio,
    ResizeShortest,
    Step,
)
from saccade.models.preprocess.processors import PROCESSORS, REFUSED, Padding, Processor, Resizing
from saccade.models.preprocess.timm import plan_from_pretrained_cfg

#: Keys that some class turns into pixels. A class that does not know one of them leaves it alone, as transformers does.
HONOURED = frozenset(
    {
        "crop_pct",
        "crop_size",
        "default_to_square",
        "do_center_crop",
        "do_flip_channel_order",
        "do_normalize",
        "do_pad",
        "do_rescale",
        "do_resize",
        "image_mean",
        "image_std",
        "include_top",
        "max_size",
        "pad_and_return_pixel_mask",
        "pad_size",
        "resample",
        "rescale",
        "rescale_factor",
        "rescale_offset",
        "size",
        "use_square_size",
    }
)
#: Keys that change no pixel of an RGB picture: names, annotations, label maps, and how arrays are handed back.
HARMLESS = frozenset(
    {
        "_valid_processor_keys",
        "annotations",
        "auto_map",
        "data_format",
        "device",
        "disable_grouping",
        "do_convert_annotations",
        "do_convert_rgb",
        "do_reduce_labels",
        "feature_extractor_type",
        "format",
        "image_processor_type",
        "image_seq_length",
        "input_data_format",
        "masks_path",
        "model_input_names",
        "processor_class",
        "reduce_labels",
        "return_segmentation_masks",
        "return_tensors",
        "transformers_version",
        "use_fast",
    }
)

_SIZE_KEYS = (
    {"height", "width"},
    {"shortest_edge"},
    {"shortest_edge", "longest_edge"},
    {"max_height", "max_width"},
)
_SIZES_ALLOWED = (
    "a whole number, [height, width], {height, width}, {shortest_edge}, {shortest_edge, longest_edge}, "
    "{max_height, max_width}"
)
#: From this short side on, ConvNeXT warps instead of cropping.
_CONVNEXT_WARP_PX = 384
_YOLOS_MULTIPLE_PX = 16
_Value = TypeVar("_Value")


def plan_from_config(config: Mapping[str, Plain]) -> Plan:
    """Translate an image processor's file.

    Args:
        config: ``preprocessor_config.json``, or a ``processor_config.json`` that holds it under ``image_processor``.

    Returns:
        The plan, equal in every bit to the torch-free class that the file names, for one picture alone.

    Raises:
        PreprocessorUnsupported: The class, a key or a form of ``size`` is not known exactly.
        PackageInvalid: A value has the wrong type, or one that the class needs is missing.
    """
    nested = config.get("image_processor")
    if isinstance(nested, dict):
        config = nested
    name = _class_name(config)
    if name == "TimmWrapper":
        cfg = config.get("pretrained_cfg")
        if not isinstance(cfg, dict):
            raise PackageInvalid("TimmWrapperImageProcessor: pretrained_cfg is missing.")
        return plan_from_pretrained_cfg(cfg)
    processor = _processor(name)
    keys = Keys(config, f"{name}ImageProcessor")
    _refuse_unknown_keys(keys)
    masked = processor.padding is Padding.MASKED and _pads(keys, processor)
    steps = (
        *_resizing_steps(keys, processor),
        *_crop_steps(keys, processor),
        *_flip_steps(keys, processor),
        *_value_steps(keys, processor),
        *_pad_steps(keys, processor),
    )
    return Plan(steps, pixel_mask=masked)


def _class_name(config: Mapping[str, Plain]) -> str:
    named = config.get("image_processor_type") or config.get("feature_extractor_type")
    if not isinstance(named, str):
        raise PackageInvalid(
            "The preprocessor file names no image_processor_type.",
            hint='Add the class that the model was trained with, as in "image_processor_type": "ViTImageProcessor".',
        )
    for suffix in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        named = named.removesuffix(suffix)
    return named


def _processor(name: str) -> Processor:
    if name in PROCESSORS:
        return PROCESSORS[name]
    reason = REFUSED.get(name, f"its rules are not known; known are {', '.join(PROCESSORS)}")
    raise PreprocessorUnsupported(f"{name}ImageProcessor is not supported: {reason}.")


def _refuse_unknown_keys(keys: Keys) -> None:
    unknown = [
        key
        for key, value in keys.values.items()
        if key not in HONOURED and key not in HARMLESS and value is not None and value is not False
    ]
    if unknown:
        raise PreprocessorUnsupported(
            f"{keys.where}: it is not known what {', '.join(sorted(unknown))} would change.",
            hint="Remove the key if the model was trained without it, or write the steps out in a saccade.yaml.",
        )


def _needed(value: _Value | None, key: str, keys: Keys) -> _Value:
    if value is None:
        raise PackageInvalid(f"{keys.where}: {key} is needed and has no value.")
    return value


def _size(keys: Keys, key: str, *, square: bool, longest_px: int | None = None) -> Mapping[str, int]:
    """Read any of the forms in which a size is written; absent and null are the caller's."""
    written = keys.values[key]
    if isinstance(written, int) and not isinstance(written, bool):
        edge = _needed(keys.length(key), key, keys)
        if square:
            return {"height": edge, "width": edge}
        return {"shortest_edge": edge} | ({} if longest_px is None else {"longest_edge": longest_px})
    if isinstance(written, list | tuple):
        written = dict(zip(("height", "width"), written, strict=False))
    if not isinstance(written, dict) or set(written) not in _SIZE_KEYS:
        raise PreprocessorUnsupported(f"{keys.where}: {key} is {written!r}; supported: {_SIZES_ALLOWED}.")
    edges = Keys(written, f"{keys.where}: {key}")
    lengths = {edge: edges.length(edge) for edge in written}
    return {edge: length for edge, length in lengths.items() if length is not None}


def _main_size(keys: Keys, processor: Processor) -> Mapping[str, int]:
    detr = processor.resizing in {Resizing.DETR, Resizing.YOLOS}
    if "use_square_size" in processor.extra and keys.switch("use_square_size"):
        edge = processor.size["shortest_edge"]
        return {"height": edge, "width": edge}
    if "size" not in keys.values or (detr and keys.values["size"] is None):
        return processor.size
    _needed(keys.values["size"], "size", keys)
    if detr:
        return _size(keys, "size", square=False, longest_px=keys.length("max_size", default=1333))
    return _size(keys, "size", square=keys.switch("default_to_square", default=processor.default_to_square))


def _resizing_steps(keys: Keys, processor: Processor) -> tuple[Step, ...]:
    if not keys.switch("do_resize", default=True):
        return ()
    size = _main_size(keys, processor)
    resample = _needed(keys.filter_number("resample", default=processor.resample), "resample", keys)
    steps = _RESIZERS[processor.resizing](size, resample, keys)
    if steps is None:
        raise PreprocessorUnsupported(
            f"{keys.where}: size {dict(size)!r} is no size that the class resizes to: {processor.resizing.value}."
        )
    return steps


_Resizer = Callable[[Mapping[str, int], Resample, Keys], tuple[Step, ...] | None]


def _plain(size: Mapping[str, int], resample: Resample, _keys: Keys) -> tuple[Step, ...] | None:
    if "shortest_edge" in size:
        return (ResizeShortest(size["shortest_edge"], resample, size.get("longest_edge")),)
    if size.keys() == {"max_height", "max_width"}:
        return (ResizeKeepRatio(size["max_height"], size["max_width"], resample, Bound.INSIDE_FLOOR),)
    if size.keys() == {"height", "width"}:
        return (Resize(size["height"], size["width"], resample),)
    return None


def _convnext(size: Mapping[str, int], resample: Resample, keys: Keys) -> tuple[Step, ...] | None:
    edge = size.get("shortest_edge")
    if edge is None:
        return None
    if edge >= _CONVNEXT_WARP_PX:
        return (Resize(edge, edge, resample),)
    crop_pct = _needed(keys.share("crop_pct", default=224 / 256), "crop_pct", keys)
    return ResizeShortest(int(edge / crop_pct), resample), CenterCrop(edge, edge)


def _levit(size: Mapping[str, int], resample: Resample, keys: Keys) -> tuple[Step, ...] | None:
    if "shortest_edge" in size:
        return (ResizeShortest(int((256 / 224) * size["shortest_edge"]), resample),)
    return _plain(size, resample, keys) if "height" in size else None


def _poolformer(size: Mapping[str, int], resample: Resample, keys: Keys) -> tuple[Step, ...] | None:
    crop_pct = keys.share("crop_pct", default=0.9)
    if crop_pct is None:
        return _plain(size, resample, keys)
    if size.keys() == {"height", "width"} and size["height"] != size["width"]:
        return (Resize(int(size["height"] / crop_pct), int(size["width"] / crop_pct), resample),)
    edge = size.get("shortest_edge") if "shortest_edge" in size else size.get("height")
    if edge is None or size.keys() == {"height"}:
        return None
    return (ResizeShortest(int(edge / crop_pct), resample),)


def _detr(size: Mapping[str, int], resample: Resample, keys: Keys) -> tuple[Step, ...] | None:
    if size.keys() == {"shortest_edge"}:
        return None
    return _plain(size, resample, keys)


def _yolos(size: Mapping[str, int], resample: Resample, keys: Keys) -> tuple[Step, ...] | None:
    if size.keys() == {"shortest_edge", "longest_edge"}:
        return (ResizeShortest(size["shortest_edge"], resample, size["longest_edge"], _YOLOS_MULTIPLE_PX),)
    return _detr(size, resample, keys)


_RESIZERS: Mapping[Resizing, _Resizer] = {
    Resizing.PLAIN: _plain,
    Resizing.CONVNEXT: _convnext,
    Resizing.LEVIT: _levit,
    Resizing.POOLFORMER: _poolformer,
    Resizing.DETR: _detr,
    Resizing.RT_DETR: _detr,
    Resizing.YOLOS: _yolos,
}


def _crop_steps(keys: Keys, processor: Processor) -> tuple[Step, ...]:
    if not keys.switch("do_center_crop", default=bool(processor.crops)):
        return ()
    if processor.crops is None:
        # The class never crops, but transformers still refuses a file that asks for a crop of no size.
        _needed(keys.values.get("crop_size"), "crop_size", keys)
        return ()
    if "crop_size" not in keys.values:
        edge = _needed(processor.crop_px, "crop_size", keys)
        return (CenterCrop(edge, edge),)
    _needed(keys.values["crop_size"], "crop_size", keys)
    size = _size(keys, "crop_size", square=True)
    if size.keys() != {"height", "width"}:
        raise PreprocessorUnsupported(f"{keys.where}: crop_size {dict(size)!r} has no height and width.")
    return (CenterCrop(size["height"], size["width"]),)


def _flip_steps(keys: Keys, processor: Processor) -> tuple[Step, ...]:
    if "do_flip_channel_order" not in processor.extra:
        return ()
    flips = keys.switch("do_flip_channel_order", default=bool(processor.extra["do_flip_channel_order"]))
    return (FlipChannels(),) if flips else ()


def _value_steps(keys: Keys, processor: Processor) -> tuple[Step, ...]:
    steps: list[Step] = []
    extra = processor.extra
    # The first files of OWL-ViT call the switch by its verb.
    switch = "rescale" if "rescale" in extra and "rescale" in keys.values else "do_rescale"
    if keys.switch(switch, default=True):
        factor = _needed(keys.number("rescale_factor", default=1 / 255), "rescale_factor", keys)
        lowered = "rescale_offset" in extra and keys.switch("rescale_offset", default=bool(extra["rescale_offset"]))
        steps.append(Rescale(factor, -1.0 if lowered else 0.0))
    if processor.normalizes is not None and keys.switch("do_normalize", default=processor.normalizes):
        mean = _needed(keys.channels("image_mean", default=processor.mean), "image_mean", keys)
        steps.append(Normalize(mean, _std(keys, processor)))
    if "include_top" in extra and keys.switch("include_top", default=bool(extra["include_top"])):
        steps.append(Normalize((0.0, 0.0, 0.0), _std(keys, processor)))
    return tuple(steps)


def _std(keys: Keys, processor: Processor) -> tuple[float, ...]:
    return _needed(keys.deviations("image_std", default=processor.std), "image_std", keys)


def _pads(keys: Keys, processor: Processor) -> bool:
    older = processor.resizing in {Resizing.DETR, Resizing.YOLOS} and "do_pad" not in keys.values
    key = "pad_and_return_pixel_mask" if older and "pad_and_return_pixel_mask" in keys.values else "do_pad"
    return keys.switch(key, default=processor.pads)


def _pad_steps(keys: Keys, processor: Processor) -> tuple[Step, ...]:
    if processor.padding is Padding.IGNORED or not _pads(keys, processor):
        return ()
    if keys.values.get("pad_size") is None:
        # A batch is padded to its largest picture; one picture alone is that picture.
        return ()
    size = _size(keys, "pad_size", square=True)
    if size.keys() != {"height", "width"}:
        raise PreprocessorUnsupported(f"{keys.where}: pad_size {dict(size)!r} has no height and width.")
    return (Pad(height_px=size["height"], width_px=size["width"]),)
