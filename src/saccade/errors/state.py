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


class IdempotencyInFlight(StateError):
    """A request with this Idempotency-Key is still being worked on."""

    code = "idempotency_in_flight"
    default_hint = "Repeat the request in a second; it gets the same answer as the first."


class NothingToRetry(StateError):
    """The job has no failed item that could be tried again."""

    code = "nothing_to_retry"
    default_hint = "GET /v1/jobs/{id} shows the counts; only failed and expired items of an ended job are retried."


class ImageErased(StateError):
    """The image was erased before the model saw it."""

    code = "image_deleted"
    default_hint = "Send the image again in a new job."


class ObjectMissing(StateError):
    """The stored bytes are gone."""

    code = "object_missing"
    default_hint = (
        "Somebody erased them, or the place that SACCADE_OBJECTS_URL names is not the one they were written to."
    )


class JobCancelled(StateError):
    """The job was cancelled before the item was done."""

    code = "job_cancelled"
    default_hint = "Send it again in a new job."
