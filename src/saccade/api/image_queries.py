"""What a search for images is asked, from the query of a request."""

from __future__ import annotations

import re
from datetime import UTC

from starlette.requests import Request

from saccade.api.cursors import single, whole_number
from saccade.api.dependencies import lookups_of
from saccade.api.image_access import IMAGE_ID, album_of, image_of
from saccade.api.options import is_plain_text, number_in
from saccade.api.principals import caller_of
from saccade.clock import utc_now
from saccade.errors import ParameterInvalid
from saccade.images.search import DEFAULT_DISTANCE, MOST_DISTANCE, MOST_LABELS, ImageQuery, LabelQuery
from saccade.images.words import query_words
from saccade.usage.window import read_window

#: Whose images an admin searches who wants everybody's.
EVERYBODY = "*"
#: Id that no principal has: a way in always has a name, and a name has no blank at its end.
NOBODY = " "

_MAX_TEXT = 1000
_MAX_NAME = 255
_MAX_BYTES = 10**9 - 1
_PHASH = re.compile(r"[0-9a-f]{16}")
_MD5 = re.compile(r"[0-9a-f]{32}")
#: ``model:label:least-most``; a model has no colon in its name, a label may.
_SEEN = re.compile(r"(?P<model>[^:]*):(?P<label>.*?)(?::(?P<least>[0-9.]+)-(?P<most>[0-9.]+))?", re.DOTALL)

#: Names of the conditions, as they are carried on to the next page.
CONDITIONS = (
    "label",
    "model",
    "min_score",
    "max_score",
    "seen",
    "text",
    "md5",
    "since",
    "until",
    "min_bytes",
    "max_bytes",
    "similar_to",
    "max_distance",
    "owner",
)


async def read_query(request: Request) -> ImageQuery:
    """Return what is searched for.

    Raises:
        ParameterInvalid: A condition is wrong.
        ImageUnknown: Pictures like one that the caller does not have are wanted.
    """
    window = read_window(single(request, "since"), single(request, "until"), zone=UTC, now=utc_now())
    given_until = single(request, "until")
    distance = whole_number(request, "max_distance", least=0, most=MOST_DISTANCE)
    if distance is not None and single(request, "similar_to") is None:
        raise _invalid("max_distance", "counts for 'similar_to', and none is given")
    return ImageQuery(
        owner=_owner(request),
        labels=_labels(request),
        words=_words(request),
        md5=_matching(request, "md5", _MD5, "32 hex digits"),
        since_us=None if window.since is None else int(window.since.timestamp() * 1e6),
        until_us=None if given_until is None else int(window.until.timestamp() * 1e6),
        min_bytes=whole_number(request, "min_bytes", least=0, most=_MAX_BYTES),
        max_bytes=whole_number(request, "max_bytes", least=0, most=_MAX_BYTES),
        similar_to=await _likeness(request),
        max_distance=DEFAULT_DISTANCE if distance is None else distance,
    )


def flag(request: Request, name: str) -> bool:
    """Return whether something is wanted.

    Raises:
        ParameterInvalid: It is neither ``true`` nor ``false``.
    """
    text = single(request, name)
    if text not in {None, "true", "false"}:
        raise _invalid(name, "must be true or false")
    return text == "true"


def _owner(request: Request) -> str | None:
    caller, named = caller_of(request), single(request, "owner")
    if named is None or named == caller.id:
        return caller.id
    if not caller.is_admin:
        return NOBODY
    return None if named == EVERYBODY else _text(request, "owner", most=_MAX_NAME)


def _labels(request: Request) -> tuple[LabelQuery, ...]:
    """Return the conditions on labels: one for each ``label`` and each ``seen``, or one for a model alone."""
    model = _text(request, "model", most=_MAX_NAME)
    least, most = _score(request, "min_score"), _score(request, "max_score")
    low, high = 0.0 if least is None else least, 1.0 if most is None else most
    names = [_plain("label", label) for label in request.query_params.getlist("label")]
    found = [LabelQuery(label, model, low, high) for label in names]
    if not names:
        if model is not None:
            found.append(LabelQuery(None, model, low, high))
        elif least is not None or most is not None:
            name = "max_score" if least is None else "min_score"
            raise _invalid(name, "counts for a 'label' or a 'model', and none is given")
    found += [_seen(text) for text in request.query_params.getlist("seen")]
    if len(found) > MOST_LABELS:
        raise _invalid("label", f"and 'seen' may be given {MOST_LABELS} times together")
    return tuple(found)


def _seen(text: str) -> LabelQuery:
    """Return the condition that ``model:label:least-most`` means; model, label and range may each be left out."""
    match = _SEEN.fullmatch(_plain("seen", text))
    if match is None or not (match["model"] or match["label"]):
        raise _invalid("seen", "must be model:label or model:label:least-most, as in circles:circle:0.5-1")
    least = 0.0 if match["least"] is None else number_in(match["least"], least=0, most=1)
    most = 1.0 if match["most"] is None else number_in(match["most"], least=0, most=1)
    if least is None or most is None:
        raise _invalid("seen", "must have scores from 0 to 1")
    return LabelQuery(match["label"] or None, match["model"] or None, least, most)


def _words(request: Request) -> tuple[str, ...]:
    """Return the words that are looked for; a text of blanks alone has none, and would find everything."""
    text = _text(request, "text", most=_MAX_TEXT)
    words = query_words(text or "")
    if text is not None and not words:
        raise _invalid("text", "must have a word to look for")
    return words


async def _likeness(request: Request) -> int | None:
    """Return the perceptual hash that pictures are to be like: one's own digits, or those of an image by its id."""
    text = single(request, "similar_to")
    if text is None:
        return None
    if _PHASH.fullmatch(text):
        return int(text, 16)
    if not IMAGE_ID.fullmatch(text):
        raise _invalid("similar_to", "must be the id of an image, or 16 hex digits of a perceptual hash")
    if single(request, "owner") != EVERYBODY:
        return (await image_of(request, text)).traits.phash
    # Whoever has these bytes, they look the same; for who may not ask, nobody has them but perhaps the caller.
    records, caller = album_of(request).records, caller_of(request)
    owners = await lookups_of(request).run(records.owners_of, text) if caller.is_admin else []
    owner = caller.id if caller.id in owners or not owners else owners[0]
    return (await lookups_of(request).run(records.image, owner, text)).traits.phash


def _score(request: Request, name: str) -> float | None:
    text = single(request, name)
    if text is None:
        return None
    score = number_in(text, least=0, most=1)
    if score is None:
        raise _invalid(name, "must be one number from 0 to 1")
    return score


def _matching(request: Request, name: str, pattern: re.Pattern[str], what: str) -> str | None:
    text = single(request, name)
    if text is not None and not pattern.fullmatch(text):
        raise _invalid(name, f"must be {what}")
    return text


def _text(request: Request, name: str, *, most: int) -> str | None:
    text = single(request, name)
    return None if text is None else _plain(name, text, most=most)


def _plain(name: str, text: str, *, most: int = 600) -> str:
    if not is_plain_text(text, max_characters=most):
        raise _invalid(name, f"must be a text of 1 to {most} characters")
    return text


def _invalid(name: str, fault: str) -> ParameterInvalid:
    return ParameterInvalid(f"{name!r} {fault}.", faults={name: fault})
