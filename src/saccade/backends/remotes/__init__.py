"""Models that run elsewhere, asked over HTTP; one file per protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from saccade.backends.remotes.client import RemoteModel
from saccade.backends.remotes.dialogue import Dialogue
from saccade.backends.remotes.microservice import Microservice
from saccade.backends.remotes.places import FixedPlace, LimitedPlace
from saccade.backends.remotes.v1 import KServeV1
from saccade.backends.remotes.v2 import OpenInference
from saccade.errors import SchemeUnknown
from saccade.images.addresses import AllowList
from saccade.models.package import RemoteSpec

PROTOCOLS: Mapping[str, Callable[[str], Dialogue]] = {
    "v2": OpenInference,
    "v1": KServeV1,
    "microservice": Microservice,
}


def open_remote(spec: RemoteSpec, *, allow: AllowList) -> RemoteModel:
    """Return what asks a model that runs elsewhere; it was looked for once, and need not be there yet.

    Args:
        spec: Where it is, and how it is asked.
        allow: Where models may run whose place is not the operator's own word.

    Raises:
        SchemeUnknown: There is no such protocol.
    """
    speak = PROTOCOLS.get(spec.protocol)
    if speak is None:
        raise SchemeUnknown(f"There is no protocol {spec.protocol!r}.", hint=f"Known: {', '.join(PROTOCOLS)}.")
    place = LimitedPlace(spec.url, allow) if spec.is_limited else FixedPlace(spec.url)
    return RemoteModel(spec, speak(spec.model), place)
