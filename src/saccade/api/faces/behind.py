"""The model behind a face, as other systems ask after it: whether it answers, what it gives, where it runs."""

from __future__ import annotations

from starlette.requests import Request

from saccade.api.dependencies import platform_of
from saccade.api.faces.oip_outputs import gives_places
from saccade.errors import SaccadeError
from saccade.models.status import ModelState, ModelStatus

_REMOTE = "remote"
#: Where a model stands that answers whoever asks; one that is available is loaded then.
_ANSWERING = frozenset({ModelState.READY, ModelState.AVAILABLE})


def status_behind(request: Request, model: str) -> ModelStatus | None:
    """Return where the model stands that a setting names; None if there is none, or nobody can say."""
    try:
        return platform_of(request).registry.status(model)
    except SaccadeError:
        return None


def answers(status: ModelStatus | None) -> bool:
    """Tell whether the model answers whoever asks.

    One that is loaded when it is first asked for does, lest a proxy that looks at a face's health never ask it.
    """
    return status is not None and status.state in _ANSWERING


def is_loaded(status: ModelStatus | None) -> bool:
    """Tell whether the model is loaded already."""
    return status is not None and status.state is ModelState.READY


def is_classifier(status: ModelStatus) -> bool:
    """Tell whether the model gives labels to a whole picture; one whose package cannot be read gives nothing."""
    return status.card is not None and not gives_places(status.card.task)


def device_of(runtime: str | None) -> str:
    """Return the device of ``onnxruntime/cpu/fp32``; what runs elsewhere has none that is known here."""
    engine, _, rest = (runtime or "").partition("/")
    return _REMOTE if engine == _REMOTE else rest.partition("/")[0] or "cpu"
