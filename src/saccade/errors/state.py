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


class NameTaken(StateError):
    """Another model has this name."""

    code = "name_taken"
    default_hint = "Give the model another name; an admin may free this one with DELETE /v1/models/{model}."


class RegistryFull(StateError):
    """There are as many registered models as a server takes."""

    code = "registry_full"
    default_hint = "GET /v1/models?all=true shows them; DELETE /v1/models/{model} forgets one that is gone for good."


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


class ImageKnown(StateError):
    """The image is kept already, with all that was found in it."""

    code = "image_known"
    default_hint = "Read what was found: GET /images/{image_id}/objects."


class PredictionMissing(StateError):
    """The model has not answered for this image yet."""

    code = "prediction_missing"
    default_hint = "Send the image once more."


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


class AccountExists(StateError):
    """There is an account of this name already."""

    code = "account_exists"
    default_hint = "Choose another name."


class LastAdmin(StateError):
    """It would leave no admin who may come in."""

    code = "last_admin"
    default_hint = "Make somebody else an admin first."


class KeyDisabled(StateError):
    """The key opens nothing any more, so nothing can take its place."""

    code = "key_disabled"
    default_hint = "Make a new key: POST /v1/keys."


class EvaluationMissing(StateError):
    """No evaluation of this very package is on record, so its figures cannot be looked at."""

    code = "evaluation_missing"
    default_hint = "saccade evaluate MODEL@VERSION … writes one down."


class PromotionRefused(StateError):
    """The evaluation's figures do not meet the condition."""

    code = "promotion_refused"
    default_hint = "Promote a better version, or change the condition."


class AliasMoved(StateError):
    """Somebody else moved the alias at the same moment."""

    code = "alias_moved"
    default_hint = "Look at what it means now, and try again if that is still not what you want."


class NothingToRollBack(StateError):
    """The alias meant nothing else before."""

    code = "nothing_to_roll_back"
    default_hint = "GET /v1/models/{model}/aliases shows the alias's history."
