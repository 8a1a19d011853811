"""How pictures were prepared for torchvision's published weights, and by which file each of them is known.

A state dict does not say how its pictures were prepared. Where its file is a published one, the first digits of the
file's sha256, which torchvision writes into its name, tell it; else the architecture's first weights are assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from saccade.models.plain import Plain
from saccade.models.preprocess.plan import Plan, Resample
from saccade.models.preprocess.processors import HALF, IMAGENET_MEAN, IMAGENET_STD
from saccade.models.preprocess.torchvision import classification_plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """The preparation of one set of published weights.

    Attributes:
        weights: Their name in torchvision: ``IMAGENET1K_V1``.
        digest: The first 8 hex digits of the sha256 of their file.
        resize_px: Length of the short side after resizing, px.
        crop_px: Side of the square that is cut out, px; the network's input.
        resample: The filter.
        mean: Mean of each channel, of values 0..1.
        std: Deviation of each channel, of values 0..1.
    """

    weights: str
    digest: str
    resize_px: int
    crop_px: int
    resample: Resample = Resample.BILINEAR
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def as_settings(self) -> dict[str, Plain]:
        """Return what stands under ``preprocess.torchvision`` in a ``saccade.yaml``."""
        return {
            "resize_px": self.resize_px,
            "crop_px": self.crop_px,
            "resample": self.resample.name.lower(),
            "mean": list(self.mean),
            "std": list(self.std),
        }

    def plan(self) -> Plan:
        """Return the plan that a server makes of these settings."""
        return classification_plan(
            resize_px=self.resize_px, crop_px=self.crop_px, resample=self.resample, mean=self.mean, std=self.std
        )


def _v1(digest: str, resize_px: int = 256, crop_px: int = 224, resample: Resample = Resample.BILINEAR) -> Preset:
    return Preset(weights="IMAGENET1K_V1", digest=digest, resize_px=resize_px, crop_px=crop_px, resample=resample)


def _v2(digest: str, resize_px: int = 232, crop_px: int = 224) -> Preset:
    return Preset(weights="IMAGENET1K_V2", digest=digest, resize_px=resize_px, crop_px=crop_px)


#: The published weights of every architecture, oldest first.
PRESETS: Mapping[str, tuple[Preset, ...]] = {
    "resnet18": (_v1("f37072fd"),),
    "resnet34": (_v1("b627a593"),),
    "resnet50": (_v1("0676ba61"), _v2("11ad3fa6")),
    "resnet101": (_v1("63fe2227"), _v2("cd907fc2")),
    "resnet152": (_v1("394f9c45"), _v2("f82ba261")),
    "resnext50_32x4d": (_v1("7cdf4587"), _v2("1a0047aa")),
    "resnext101_32x8d": (_v1("8ba56ff5"), _v2("110c445d")),
    "resnext101_64x4d": (_v1("173b62eb", 232),),
    "wide_resnet50_2": (_v1("95faca4d"), _v2("9ba9bcbe")),
    "wide_resnet101_2": (_v1("32ee1156"), _v2("d733dc28")),
    "efficientnet_b0": (_v1("7f5810bc", 256, 224, Resample.BICUBIC),),
    "efficientnet_b1": (_v1("bac287d4", 256, 240, Resample.BICUBIC), _v2("c27df63c", 255, 240)),
    "efficientnet_b2": (_v1("c35c1473", 288, 288, Resample.BICUBIC),),
    "efficientnet_b3": (_v1("b3899882", 320, 300, Resample.BICUBIC),),
    "efficientnet_b4": (_v1("23ab8bcd", 384, 380, Resample.BICUBIC),),
    "efficientnet_b5": (_v1("1a07897c", 456, 456, Resample.BICUBIC),),
    "efficientnet_b6": (_v1("24a108a5", 528, 528, Resample.BICUBIC),),
    "efficientnet_b7": (_v1("c5b4e57e", 600, 600, Resample.BICUBIC),),
    "efficientnet_v2_s": (_v1("dd5fe13b", 384, 384),),
    "efficientnet_v2_m": (_v1("dc08266a", 480, 480),),
    "efficientnet_v2_l": (
        Preset(
            weights="IMAGENET1K_V1",
            digest="59c71312",
            resize_px=480,
            crop_px=480,
            resample=Resample.BICUBIC,
            mean=HALF,
            std=HALF,
        ),
    ),
    "mobilenet_v3_small": (_v1("047dcff4"),),
    "mobilenet_v3_large": (_v1("8738ca79"), _v2("5c1a4163")),
    "squeezenet1_0": (_v1("b66bff10"),),
    "squeezenet1_1": (_v1("b8a52dc0"),),
}
