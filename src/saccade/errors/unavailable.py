"""Nobody is to blame: the same request may succeed later."""

from __future__ import annotations

from saccade.errors.base import SaccadeError


class UnavailableError(SaccadeError):
    """Nobody is to blame: the same request may succeed later."""

    code = "unavailable"
    retryable = True
    retry_after_s: float = 1.0


class ModelLoading(UnavailableError):
    """The model is still loading."""

    code = "model_loading"
    default_hint = "Try again in a second."


class ModelUnavailable(UnavailableError):
    """The model runs elsewhere and does not answer."""

    code = "model_unavailable"
    default_hint = "Try again after the time in Retry-After; items of jobs wait by themselves until their deadline."
    retry_after_s = 5.0


class QueueFull(UnavailableError):
    """More work is waiting than the server is willing to promise."""

    code = "queue_full"
    default_hint = "Try again after the time in Retry-After."


class ShuttingDown(UnavailableError):
    """The server is stopping and takes no new work."""

    code = "shutting_down"
    default_hint = "Try again; another server or the next start answers."


class HubUnreachable(UnavailableError):
    """The model hub did not answer and the cache does not hold what was asked for."""

    code = "hub_unreachable"
    default_hint = "Check the network, or copy the snapshot into the cache and set HF_HUB_OFFLINE=1."


class ServerUnreachable(UnavailableError):
    """The command line asked a server that does not answer."""

    code = "server_unreachable"
    default_hint = "Check the address, or start one with saccade serve."


class DatabaseUnreachable(UnavailableError):
    """The database does not answer."""

    code = "database_unreachable"
    default_hint = "Try again; the operator finds the cause in the log and with saccade doctor."


class SchemaBehind(UnavailableError):
    """The database has another schema than this version of Saccade."""

    code = "schema_behind"
    default_hint = "The operator runs saccade migrate."


class HintsUnreachable(UnavailableError):
    """The broker of hints does not answer."""

    code = "hints_unreachable"
    default_hint = "Nothing is lost: workers find their items by looking. The operator checks SACCADE_HINTS_URL."


class ObjectsUnreachable(UnavailableError):
    """The place of stored bytes does not answer."""

    code = "objects_unreachable"
    default_hint = "Try again; the operator checks SACCADE_OBJECTS_URL."


class ObjectsFull(UnavailableError):
    """The place of stored bytes has no room left."""

    code = "objects_full"
    default_hint = "Try again later; the operator makes room."


class JobsFull(UnavailableError):
    """More items wait than the server is willing to promise."""

    code = "jobs_full"
    default_hint = "Try again after the time in Retry-After."


class ItemsQuotaReached(UnavailableError):
    """You have as many items waiting as one caller may have."""

    code = "items_quota_reached"
    default_hint = "Wait until some of your items have ended; Retry-After estimates when."


class DeadlinePassed(UnavailableError):
    """The item's deadline passed before a worker began with it."""

    code = "deadline_passed"
    default_hint = "Retry the job, or give it a longer deadline_s; GET /v1/queue shows what waits."


class AttemptsExhausted(UnavailableError):
    """The item was begun as often as it may be, and each time its worker died or was stopped."""

    code = "attempts_exhausted"
    default_hint = "Retry the job; the operator looks at the workers' log, and may raise SACCADE_JOBS_MAX_ATTEMPTS."


class RateExceeded(UnavailableError):
    """You ask for more in a short time than one caller may."""

    code = "rate_exceeded"
    default_hint = "Wait for Retry-After; RateLimit-Policy says how much is allowed."
    policies: tuple[str, ...] = ()
    """Names of the limits that stand in the way."""


class QuotaReached(UnavailableError):
    """You have used up what one caller may have in a day."""

    code = "quota_reached"
    default_hint = "Come again after midnight UTC, or ask the operator for more; GET /v1/usage shows what was used."
    policies: tuple[str, ...] = ()
    """Names of the limits that stand in the way."""


class KeySetUnreachable(UnavailableError):
    """The keys that tokens are checked with could not be fetched."""

    code = "key_set_unreachable"
    default_hint = "Try again; the operator checks SACCADE_JWT_JWKS."


class LimiterUnreachable(UnavailableError):
    """The place where limits are counted does not answer."""

    code = "limiter_unreachable"
    default_hint = "Try again; the operator checks SACCADE_RATE_URL, or says SACCADE_RATE_ON_FAILURE=open."
