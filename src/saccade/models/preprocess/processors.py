"""What transformers' image processors do when a file leaves a key out, and which keys each of them looks at.

The numbers are the class defaults of the torch-free ``*ImageProcessorPil`` classes; the tests compare every row with
the installed library. ``docs/reference/preprocessing.md`` shows this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from saccade.models.preprocess.plan import Resample

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class Resizing(Enum):
    """Whose rule turns ``size`` into a resize."""

    PLAIN = "the shared rule"
    CONVNEXT = "below 384 resized by crop_pct and cropped, otherwise warped"
    LEVIT = "short side enlarged by 256/224"
    POOLFORMER = "size divided by crop_pct"
    DETR = "short and long side, or a fixed size"
    RT_DETR = "a fixed size, or short and long side"
    YOLOS = "short and long side, cut down to multiples of 16"


class Padding(Enum):
    """What ``do_pad`` does to one picture alone."""

    IGNORED = "ignored"
    PLAIN = "to pad_size"
    MASKED = "to pad_size, with a pixel mask"


@dataclass(frozen=True, kw_only=True, slots=True)
class Processor:
    """One class: its defaults and its habits.

    Attributes:
        size: Default ``size``, in the keys of the file.
        resample: Default filter.
        mean: Default ``image_mean``.
        std: Default ``image_std``.
        default_to_square: Whether ``size: 224`` means 224 x 224 or a short side of 224.
        crop_px: Default ``crop_size``, square; None where the class has none.
        crops: Default ``do_center_crop``; None where the class looks at no crop key.
        normalizes: Default ``do_normalize``; None where the class never normalises.
        pads: Default ``do_pad``.
        resizing: Whose rule it resizes by.
        padding: What its padding does.
        extra: Default values of keys that only this class knows.
        used_by: Other families that ship files with this class.
    """

    size: Mapping[str, int]
    resample: Resample
    mean: tuple[float, float, float] = HALF
    std: tuple[float, float, float] = HALF
    default_to_square: bool = True
    crop_px: int | None = None
    crops: bool | None = False
    normalizes: bool | None = True
    pads: bool = False
    resizing: Resizing = Resizing.PLAIN
    padding: Padding = Padding.PLAIN
    extra: Mapping[str, float | bool] = field(default_factory=dict)
    used_by: str = ""


def _detr(resizing: Resizing, *, used_by: str = "") -> Processor:
    return Processor(
        size={"shortest_edge": 800, "longest_edge": 1333},
        resample=Resample.BILINEAR,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        default_to_square=False,
        crops=None,
        pads=True,
        resizing=resizing,
        padding=Padding.MASKED,
        used_by=used_by,
    )


def _clip(*, used_by: str = "", extra: Mapping[str, float | bool] | None = None) -> Processor:
    return Processor(
        size={"shortest_edge": 224},
        resample=Resample.BICUBIC,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        default_to_square=False,
        crop_px=224,
        crops=True,
        extra=extra or {},
        used_by=used_by,
    )


def _mobilenet(padding: Padding) -> Processor:
    return Processor(
        size={"shortest_edge": 256},
        resample=Resample.BILINEAR,
        default_to_square=False,
        crop_px=224,
        crops=True,
        padding=padding,
    )


#: Every class whose exact rules are known, by its name without ``ImageProcessor``.
PROCESSORS: Mapping[str, Processor] = {
    "Beit": Processor(
        size={"height": 224, "width": 224},
        resample=Resample.BICUBIC,
        crop_px=224,
        padding=Padding.IGNORED,
        used_by="Data2Vec",
    ),
    "Bit": _clip(used_by="DINOv2, Hiera, FocalNet"),
    "Blip": Processor(
        size={"height": 384, "width": 384}, resample=Resample.BICUBIC, mean=CLIP_MEAN, std=CLIP_STD, used_by="BLIP-2"
    ),
    "CLIP": _clip(used_by="MetaCLIP", extra={"use_square_size": False}),
    "ChineseCLIP": _clip(),
    "ConditionalDetr": _detr(Resizing.DETR),
    "ConvNext": Processor(
        size={"shortest_edge": 384},
        resample=Resample.BICUBIC,
        default_to_square=False,
        resizing=Resizing.CONVNEXT,
        padding=Padding.IGNORED,
        extra={"crop_pct": 224 / 256},
        used_by="ConvNeXt V2, CvT, RegNet, ResNet",
    ),
    "DeformableDetr": _detr(Resizing.DETR, used_by="LW-DETR"),
    "DeiT": Processor(size={"height": 256, "width": 256}, resample=Resample.BICUBIC, crop_px=224, crops=True),
    "Detr": _detr(Resizing.DETR, used_by="Table Transformer"),
    "EfficientNet": Processor(
        size={"height": 346, "width": 346},
        resample=Resample.BICUBIC,
        crop_px=289,
        padding=Padding.IGNORED,
        extra={"rescale_offset": False, "include_top": True},
        used_by="ALIGN",
    ),
    "Levit": Processor(
        size={"shortest_edge": 224},
        resample=Resample.BICUBIC,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        default_to_square=False,
        crop_px=224,
        crops=True,
        resizing=Resizing.LEVIT,
    ),
    "MobileNetV1": _mobilenet(Padding.PLAIN),
    "MobileNetV2": _mobilenet(Padding.IGNORED),
    "MobileViT": Processor(
        size={"shortest_edge": 224},
        resample=Resample.BICUBIC,
        default_to_square=False,
        crop_px=256,
        crops=True,
        normalizes=None,
        padding=Padding.IGNORED,
        extra={"do_flip_channel_order": True},
        used_by="MobileViT V2",
    ),
    "OwlViT": Processor(
        size={"height": 768, "width": 768},
        resample=Resample.BICUBIC,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        crop_px=768,
        extra={"rescale": True},
    ),
    "PoolFormer": Processor(
        size={"shortest_edge": 224},
        resample=Resample.BICUBIC,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        default_to_square=False,
        crop_px=224,
        crops=True,
        resizing=Resizing.POOLFORMER,
        extra={"crop_pct": 0.9},
    ),
    "Pvt": Processor(
        size={"height": 224, "width": 224},
        resample=Resample.BICUBIC,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        used_by="PVT v2",
    ),
    "RTDetr": Processor(
        size={"height": 640, "width": 640},
        resample=Resample.BILINEAR,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        default_to_square=False,
        crops=None,
        normalizes=False,
        resizing=Resizing.RT_DETR,
        padding=Padding.MASKED,
        used_by="RT-DETR v2, D-FINE",
    ),
    "Segformer": Processor(
        size={"height": 512, "width": 512},
        resample=Resample.BILINEAR,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        crops=None,
        padding=Padding.IGNORED,
        used_by="UPerNet",
    ),
    "Siglip": Processor(size={"height": 224, "width": 224}, resample=Resample.BICUBIC, default_to_square=False),
    "ViT": Processor(
        size={"height": 224, "width": 224}, resample=Resample.BILINEAR, used_by="Swin, Swin V2, SwiftFormer, I-JEPA"
    ),
    "Yolos": _detr(Resizing.YOLOS),
}

#: Classes that people will try, and what keeps them out. Any other class is refused as unknown.
REFUSED: Mapping[str, str] = {
    "DINOv3ViT": "it exists only with torch, whose resize differs from Pillow's",
    "DPT": "its size is rounded to multiples and its padding is split over both sides",
    "GroundingDino": "its model needs a text as well as a picture",
    "OneFormer": "its model needs a text as well as a picture",
    "Owlv2": "it pads to a square and resizes with a filter of its own",
    "Perceiver": "it crops before it resizes, in proportion to the short side",
    "Sam": "its model needs points or boxes as well as a picture",
    "Siglip2": "it cuts the picture into patches",
    "VideoMAE": "it takes frames of a video",
    "Vilt": "its model needs a text as well as a picture",
}
