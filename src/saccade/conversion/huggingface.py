"""Folders of transformers: which architecture they say they are, and the network with their weights in it.

The architecture is one of a table, and never what the folder brings along; weights are read as safetensors alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
import transformers
from torch import nn

from saccade.conversion import owlvit
from saccade.conversion.libraries import quiet
from saccade.conversion.network import Network, classifier
from saccade.conversion.sources import weights_of
from saccade.errors import PackageInvalid, PackageUnrecognised
from saccade.models.documents import path_inside, read_json
from saccade.models.layouts.huggingface import CONFIG, PREPROCESSORS, refuse_code
from saccade.models.package import Plain
from saccade.models.preprocess.transformers import plan_from_config


class _Logits(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """A classifier of transformers that gives its logits bare."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return the logits, (B, C)."""
        return self.model(pixel_values=pixel_values).logits


def _vit(model: nn.Module, _folder: Path, config: Mapping[str, Plain]) -> Network:
    size = model.config.image_size
    height_px, width_px = size if isinstance(size, list | tuple) else (size, size)
    channels = config.get("num_channels", 3)
    if channels != 3:  # noqa: PLR2004 - red, green, blue
        raise PackageInvalid(f"{CONFIG}: the model looks at {channels} channels; pictures have three.")
    return classifier(_Logits(model), height_px=height_px, width_px=width_px)


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """One that can be converted: its classes in transformers, and how its model becomes a network."""

    config: str
    model: str
    network: Callable[[nn.Module, Path, Mapping[str, Plain]], Network]
    reads_words: bool = False


#: Every architecture that can be converted, as ``config.json`` names it.
ARCHITECTURES: Mapping[str, Architecture] = {
    "ViTForImageClassification": Architecture(config="ViTConfig", model="ViTForImageClassification", network=_vit),
    "OwlViTForObjectDetection": Architecture(
        config="OwlViTConfig", model="OwlViTForObjectDetection", network=owlvit.network, reads_words=True
    ),
}


def read_network(folder: Path, weights: Path) -> Network:
    """Return the network of a folder, ready to be exported.

    Args:
        folder: Holds the small files: ``config.json``, the preprocessor's, the tokenizer's. Where the model reads words
            and there is no ``tokenizer.json``, it is written here.
        weights: Holds ``model.safetensors``, or its parts with their index.

    Raises:
        PackageUnrecognised: There is no ``config.json``.
        PackageInvalid: Another architecture, code of its own, no safetensors, or weights that do not fit or are not
            finite.
        PreprocessorUnsupported: Its preprocessor's exact rules are not known.
    """
    config = _checked_config(folder)
    architecture = _architecture(config)
    if not weights_of(weights):
        raise PackageInvalid(
            "The folder holds no model.safetensors; other weights are never opened.",
            hint="Where it was trained: model.save_pretrained(folder) writes safetensors.",
        )
    if architecture.reads_words:
        owlvit.complete_tokenizer(folder)
    model, left_out = _model(architecture, folder, weights)
    return replace(architecture.network(model, folder, config), left_out=left_out)


def _checked_config(folder: Path) -> Mapping[str, Plain]:
    """Return ``config.json``, once it and the preprocessor beside it are known to be ones that can be served."""
    if not (folder / CONFIG).is_file():
        raise PackageUnrecognised(
            f"The folder has no {CONFIG}, so it is none of transformers.",
            hint="For a state dict of torchvision name the file itself.",
        )
    config = read_json(path_inside(folder, CONFIG))
    refuse_code(config, where=CONFIG)
    name = next((name for name in PREPROCESSORS if (folder / name).is_file()), None)
    if name is None:
        raise PackageInvalid(
            f"The folder has no {PREPROCESSORS[0]}: how its pictures were prepared is not known.",
            hint="AutoImageProcessor.from_pretrained(…).save_pretrained(folder) writes it.",
        )
    preprocessor = read_json(path_inside(folder, name))
    refuse_code(preprocessor, where=name)
    plan_from_config(preprocessor)
    return config


def _architecture(config: Mapping[str, Plain]) -> Architecture:
    named = config.get("architectures")
    names = [str(name) for name in named] if isinstance(named, list) else []
    if len(names) != 1 or names[0] not in ARCHITECTURES:
        raise PackageInvalid(
            f"{CONFIG} names {', '.join(names)[:200] or 'no architecture'}; converted are: {', '.join(ARCHITECTURES)}.",
            hint="Export it to ONNX where it was trained, and let saccade models add take that.",
        )
    return ARCHITECTURES[names[0]]


def _model(architecture: Architecture, folder: Path, weights: Path) -> tuple[nn.Module, tuple[str, ...]]:
    """Build the architecture and put the weights in: each that it wants, finite, and of its own shape.

    Returns:
        The model, and the names of the weights that it does not use.
    """
    try:
        with quiet():
            config = getattr(transformers, architecture.config).from_pretrained(folder, local_files_only=True)
            model, loaded = getattr(transformers, architecture.model).from_pretrained(
                weights,
                config=config,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                attn_implementation="eager",
                ignore_mismatched_sizes=True,  # refused below, by name
                output_loading_info=True,
            )
    except Exception as error:
        # Strangers' files: transformers raises whatever the part raised that read them.
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise PackageInvalid(f"transformers cannot load the weights ({reason}).", hint=_WEIGHTS_HINT) from error
    said = cast("Mapping[str, object]", loaded)
    _refuse_unfit(said)
    _refuse_not_finite(model)
    return model.eval(), _names(said, "unexpected_keys")


def _refuse_unfit(loaded: Mapping[str, object]) -> None:
    """Refuse weights that are missing, or of another shape: transformers would fill in random numbers."""
    for kind, what in (("mismatched_keys", "has another shape than config.json says"), ("missing_keys", "is missing")):
        names = _names(loaded, kind)
        if names:
            raise PackageInvalid(f"The weight '{names[0]}' {what}.", hint=_WEIGHTS_HINT)


def _names(loaded: Mapping[str, object], kind: str) -> tuple[str, ...]:
    """Return the weights of one kind in transformers' account of a load; one of another shape comes with its shapes."""
    keys = loaded.get(kind)
    found = keys if isinstance(keys, list | set | tuple) else ()
    return tuple(sorted(str(key[0] if isinstance(key, tuple) else key) for key in found))


def _refuse_not_finite(model: nn.Module) -> None:
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise PackageInvalid(
                f"The weight '{name}' holds a value that is no finite number.",
                hint="The training went astray, or the file is damaged: take an earlier checkpoint.",
            )


_WEIGHTS_HINT = "config.json and model.safetensors must come from the same training: save both with save_pretrained."
