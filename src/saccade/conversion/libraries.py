"""Whether the libraries of the conversion are here, and quiet. No other file of the server's side may import them."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec

from saccade.errors import BackendNotInstalled

#: torch is in no extra: which build fits a machine is its owner's choice.
_TORCH = "torch"
_EXTRA = ("onnxscript", "safetensors", "transformers")
_HINT = "pip install 'saccade[export]', and torch by itself: pip install torch. The server needs neither."


def require_libraries() -> None:
    """See that everything is here that a conversion needs, before any of it is imported.

    Raises:
        BackendNotInstalled: Something is not; the message names it.
    """
    missing = [name for name in (_TORCH, *_EXTRA) if find_spec(name) is None]
    if missing:
        raise BackendNotInstalled(f"Converting needs what is not installed here: {', '.join(missing)}.", hint=_HINT)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let the libraries' remarks on themselves out of what a command prints; what matters is raised."""
    from transformers.utils import logging as remarks

    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    verbosity, has_bar = remarks.get_verbosity(), remarks.is_progress_bar_enabled()
    exporter.setLevel(logging.ERROR)
    remarks.set_verbosity(logging.CRITICAL)
    remarks.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers forgot its type
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(level)
        remarks.set_verbosity(verbosity)
        if has_bar:
            remarks.enable_progress_bar()  # type: ignore[no-untyped-call]  # as above
