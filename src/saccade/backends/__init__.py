"""Drivers behind ports: one folder per port, one file per scheme. Modules are imported when they are opened."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import cast

from saccade.errors import SchemeUnknown
from saccade.models.ports import Engine

#: engine → "module:factory". A factory takes the threads of one run.
ENGINES: Mapping[str, str] = {"onnxruntime": "saccade.backends.engines.onnxruntime:OnnxEngine"}


def open_engine(name: str, *, threads: int) -> Engine:
    """Return the engine of this name.

    Raises:
        SchemeUnknown: There is none.
    """
    target = ENGINES.get(name)
    if target is None:
        raise SchemeUnknown(
            f"There is no engine {name!r}.", hint=f"Known engines: {', '.join(sorted(ENGINES))}, python."
        )
    module, _, factory = target.partition(":")
    return cast("Engine", getattr(importlib.import_module(module), factory)(threads=threads))
