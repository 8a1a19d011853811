"""The thing is not in the state that the request needs."""

from __future__ import annotations

from saccade.errors.base import SaccadeError


class StateError(SaccadeError):
    """The thing is not in the state that the request needs."""

    code = "state_conflict"


class ModelNotLoaded(StateError):
    """The model exists but was unloaded on purpose."""

    code = "model_not_loaded"
    default_hint = "POST /v1/models/{model}/load loads it."


class PackageExists(StateError):
    """A package of this name and version is already in the models folder."""

    code = "package_exists"
    default_hint = "Remove it first, or give the new one another --name or --version."
