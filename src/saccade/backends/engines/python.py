"""The ``python`` engine: opens plug-ins, from an installed module or from one file in the models folder.

A plug-in is the operator's own code. It is imported when its model is loaded and never before, and only from where the
operator put it; nothing that a client sends reaches this file.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

from saccade.errors import PluginFailed
from saccade.models.ports import Plugin


def open_plugin(entry: str, folder: Path) -> Plugin:
    """Import a plug-in's class, make one, and let it load.

    Args:
        entry: ``package.module:Class``, or ``name.py:Class`` for a file in ``folder``.
        folder: Where the package lies.

    Raises:
        PluginFailed: It cannot be imported, lacks a method, or raises while it loads.
    """
    place, _, name = entry.removeprefix("python:").partition(":")
    try:
        module = _file_module(folder / place) if place.endswith(".py") else importlib.import_module(place)
        plugin = getattr(module, name)()
        for verb in ("load", "predict"):
            if not callable(getattr(plugin, verb, None)):
                raise TypeError(f"{name} has no method {verb}")  # noqa: TRY301
        plugin.load()
    except (Exception, SystemExit) as error:  # sys.exit() would end nothing but the thread that loads
        raise PluginFailed(f"The plug-in {entry} cannot be loaded: {type(error).__name__}: {error}") from error
    return cast("Plugin", plugin)


def _file_module(path: Path) -> ModuleType:
    """Import one file under a name of its own, anew each time, so that an edited file is seen."""
    name = f"saccade_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
