"""What only evaluations use and a server goes without: the packages of the extra ``eval``, imported when needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from saccade.errors import BackendNotInstalled

_HINT = "pip install 'saccade[eval]'"


def package(name: str) -> ModuleType:
    """Return a module of the extra.

    Args:
        name: Of the module, with dots.

    Raises:
        BackendNotInstalled: The package, or one that it needs, is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise BackendNotInstalled(f"Evaluation needs {error.name}, which is not installed.", hint=_HINT) from None


def require_eval() -> None:
    """Make sure that everything is there, before anything is run whose figures could then not be computed.

    Raises:
        BackendNotInstalled: A package of the extra is missing.
    """
    package("scipy.optimize")
    package("faster_coco_eval")
