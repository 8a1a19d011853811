"""The caller must change the request."""

from __future__ import annotations

from collections.abc import Mapping

from saccade.errors.base import SaccadeError


class RequestError(SaccadeError):
    """The caller must change the request."""

    code = "request_invalid"


class SourceAmbiguous(RequestError):
    """None or more than one picture source was given where exactly one is needed."""

    code = "source_ambiguous"
    default_hint = "Send exactly one of: raw bytes, multipart 'file', JSON 'image_url', JSON 'image_base64'."


class ParameterInvalid(RequestError):
    """A parameter has the wrong type or lies outside its range."""

    code = "parameter_invalid"
    default_hint = "See the route's parameters at /docs."

    def __init__(self, message: str, *, hint: str = "", faults: Mapping[str, str] | None = None) -> None:
        """Keep what is wrong with which parameter.

        Args:
            message: What happened, one sentence, safe to show to the caller.
            hint: What to do about it; empty takes the class's own hint.
            faults: By parameter, what is wrong with it; empty when the message says it all.
        """
        super().__init__(message, hint=hint)
        self.faults: Mapping[str, str] = dict(faults or {})


class BodyUnreadable(RequestError):
    """The body is not what its Content-Type says."""

    code = "body_unreadable"
    default_hint = "Send well-formed JSON, multipart or raw image bytes."


class BodyTooLarge(RequestError):
    """The whole body is larger than the server takes."""

    code = "body_too_large"
    default_hint = "Send fewer or smaller pictures in one request."


class BodyTooSlow(RequestError):
    """The body did not arrive within the time that the server waits for one."""

    code = "body_too_slow"
    default_hint = "Send a smaller body; the operator sets the time with SACCADE_SERVER_BODY_TIMEOUT_S."


class MediaTypeUnsupported(RequestError):
    """The route does not take a body of this Content-Type."""

    code = "media_type_unsupported"
    default_hint = "Send image bytes, multipart/form-data or application/json with that Content-Type."


class RouteUnknown(RequestError):
    """There is nothing at this path."""

    code = "route_unknown"
    default_hint = "The routes are listed at /docs."


class MethodUnsupported(RequestError):
    """The path exists, but not with this method."""

    code = "method_unsupported"
    default_hint = "The Allow header names the methods of this path."


class TooManyPairs(RequestError):
    """One synchronous request asks for more (image, model) pairs than are answered at once."""

    code = "too_many_pairs"
    default_hint = "Send it as one job to POST /v1/jobs, or split it into several requests."


class ImageEmpty(RequestError):
    """The picture has no bytes."""

    code = "image_empty"
    default_hint = "Check that the file was read before it was sent."


class ImageUnreadable(RequestError):
    """The bytes claim to be a picture but do not decode."""

    code = "image_unreadable"
    default_hint = "The file is damaged or cut short; export it again."


class ImageFormatUnsupported(RequestError):
    """The bytes are no picture in a format that Saccade decodes."""

    code = "image_format_unsupported"
    default_hint = "Send JPEG, PNG, WebP, TIFF, BMP or GIF."


class ImageTooLarge(RequestError):
    """The picture has more bytes than the limit."""

    code = "image_too_large"
    default_hint = "Send a smaller file; the operator sets the limit with SACCADE_IMAGE_MAX_BYTES."


class ImageTooManyPixels(RequestError):
    """The picture's header announces more pixels than the limit."""

    code = "image_too_many_pixels"
    default_hint = "Scale the picture down; the operator sets the limit with SACCADE_IMAGE_MAX_PIXELS."


class ImageTooManyFrames(RequestError):
    """The file holds more than one frame or page."""

    code = "image_too_many_frames"
    default_hint = "Send one frame; of a GIF the first frame is taken."


class ImageTooManyScans(RequestError):
    """A progressive JPEG has so many scans that decoding it would be an attack."""

    code = "image_too_many_scans"
    default_hint = "Save the picture again as a baseline JPEG."


class ImageShapeUnsupported(RequestError):
    """The picture is so long and narrow, or so large, that the model's input cannot be made from it."""

    code = "image_shape_unsupported"
    default_hint = "Crop the picture to a less extreme shape."


class UrlRefused(RequestError):
    """The picture URL points where this server does not go."""

    code = "url_refused"
    default_hint = "Use a public http(s) address; the operator may allow others with SACCADE_FETCH_ALLOW."


class UrlUnreachable(RequestError):
    """The picture URL could not be fetched."""

    code = "url_unreachable"
    default_hint = "Check that the address answers 200 with the picture, without a login."

    def __init__(self, message: str, *, hint: str = "", passing: bool = False) -> None:
        """Keep whether it may pass.

        Args:
            message: What happened, one sentence, safe to show to the caller.
            hint: What to do about it; empty takes the class's own hint.
            passing: The address may well answer a little later: it was slow, overloaded or out of reach.
        """
        super().__init__(message, hint=hint)
        self.passing = passing


class ServiceRefused(RequestError):
    """No model that registers itself may be at this address."""

    code = "service_refused"
    default_hint = "The operator lists such addresses in SACCADE_REMOTE_ALLOW, for example 10.2.0.0/16:*."


class ServiceUnreachable(RequestError):
    """Nobody answers at the address as a model would."""

    code = "service_unreachable"
    default_hint = "Start the service, wait until it is ready, and register it again; it may do so every ten seconds."


class ModelUnknown(RequestError):
    """No model has this name."""

    code = "model_unknown"
    default_hint = "GET /v1/models lists the models."


class TaskMismatch(RequestError):
    """The model's task does not know this parameter or route."""

    code = "task_mismatch"
    default_hint = "GET /v1/models/{model} shows the model's task."


class TooManyItems(RequestError):
    """One job has more images, models or bytes than a job may have."""

    code = "too_many_items"
    default_hint = "Split it into several jobs; an Idempotency-Key on each keeps a retry from doubling one."


class JobUnknown(RequestError):
    """No job of yours has this id."""

    code = "job_unknown"
    default_hint = "GET /v1/jobs lists your jobs; finished ones are dropped after SACCADE_JOBS_RETENTION_S."


class DeliveryUnknown(RequestError):
    """No webhook delivery of this job has this id."""

    code = "delivery_unknown"
    default_hint = "GET /v1/jobs/{id}/deliveries lists them."


class RouteGone(RequestError):
    """What another system did here is not done any more, on purpose."""

    code = "route_gone"
    default_hint = "docs/how-to/coming-from-system-3.md says what to do in its place."


class ImageUnknown(RequestError):
    """No stored image of yours has this id."""

    code = "image_unknown"
    default_hint = "Send the image itself, as a file, a URL or base64. An id is the sha256 of its bytes: 64 hex digits."


class ObjectUnknown(RequestError):
    """The image has no object of this id."""

    code = "object_unknown"
    default_hint = "GET /v1/images/{id}/objects lists those that it has."


class AliasUnknown(RequestError):
    """The model has no such alias."""

    code = "alias_unknown"
    default_hint = "GET /v1/models/{model}/aliases lists those that it has; they are prod and candidate."


class TruthInvalid(RequestError):
    """The dataset's truth cannot be read, or does not fit its pictures."""

    code = "truth_invalid"
    default_hint = "Mend the annotations; docs/how-to/evaluate.md shows what they look like."


class ConditionInvalid(RequestError):
    """The condition of a promotion cannot be read."""

    code = "condition_invalid"
    default_hint = 'Write a figure, a comparison and a number, as in "f1@0.5 >= 0.9 and ap >= 0.6".'


class IdempotencyMismatch(RequestError):
    """The Idempotency-Key was used for another request."""

    code = "idempotency_mismatch"
    default_hint = "Use a new key for a new request, and repeat a request unchanged."


class AccountUnknown(RequestError):
    """There is no account of this name."""

    code = "account_unknown"
    default_hint = "GET /v1/users and saccade users list show those that there are."


class KeyUnknown(RequestError):
    """You have no key of this id."""

    code = "key_unknown"
    default_hint = "GET /v1/keys lists your keys."
