"""Reading a lone file of weights: a pickle gives tensors and plain containers, or is refused; nothing in it is run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from saccade.conversion.libraries import quiet
from saccade.conversion.sources import SAFETENSORS
from saccade.errors import PackageInvalid

#: How torch names what it did not build: ``GLOBAL torch.nn.modules.linear.Linear``.
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_SAVE_HINT = "Where it was trained: torch.save(model.state_dict(), path), or save it as safetensors."


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Return what a file of weights holds, as it is; who recognises it says whether these are weights.

    Args:
        path: A ``.pth``, ``.pt`` or ``.safetensors`` file.

    Raises:
        PackageInvalid: It asks for code, holds no names, or is damaged.
    """
    if path.suffix.lower() == SAFETENSORS:
        try:
            return dict(load_file(path))
        except (SafetensorError, OSError, ValueError) as error:
            raise PackageInvalid(f"'{path.name}' is no safetensors file: {_short(error)}.") from error
    loaded = _unpickled(path)
    if not isinstance(loaded, Mapping):
        raise PackageInvalid(f"'{path.name}' holds no weights by name, but a {type(loaded).__name__}.", hint=_SAVE_HINT)
    return cast("Mapping[str, Tensor]", loaded)


def _unpickled(path: Path) -> object:
    try:
        with quiet():
            return cast("object", torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        # Strangers' bytes: torch raises whatever the part raised that read them.
        asked = _GLOBAL.search(str(error))
        what = f"asks for `{asked[1]}`" if asked else f"cannot be read as weights ({_short(error)})"
        raise PackageInvalid(
            f"'{path.name}' {what}. Only weights are read from a pickle, and nothing in it was run.", hint=_SAVE_HINT
        ) from error


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
