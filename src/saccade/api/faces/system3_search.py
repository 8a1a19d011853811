"""What system 3's search is asked, and what it finds: words, and any of several labels of several models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from saccade.api.bodies import parse_json, read_raw
from saccade.api.cursors import single
from saccade.api.options import is_plain_text
from saccade.api.principals import caller_of
from saccade.errors import BodyTooLarge, ParameterInvalid
from saccade.images.search import FoundId, ImageQuery, LabelQuery, Place
from saccade.images.words import query_words
from saccade.predictions.album import Album

FILTER = "search_filter"
STRING = "search_string"
#: A search that finds more is refused: each would be another page that nobody reads.
MOST_FOUND = 100_000
_MOST_CLASSES = 64
_MOST_CHARACTERS = 255
_MAX_BODY_BYTES = 1 << 16
_STEP = 10_000


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for.

    Attributes:
        owner: Whose photos; None for everybody's.
        words: All must stand in a file name or a label.
        seen: (model, label) pairs of which at least one must have been seen; none asks nothing.
    """

    owner: str | None
    words: tuple[str, ...] = ()
    seen: tuple[tuple[str, str], ...] = ()


async def read_search(request: Request) -> Search:
    """Return what a request looks for.

    Raises:
        ParameterInvalid: It is not well-formed, or there is too much of it.
    """
    refusal = BodyTooLarge(f"This route takes {_MAX_BODY_BYTES} bytes.")
    body = await read_raw(request, max_bytes=_MAX_BODY_BYTES, refusal=refusal)
    document = parse_json(body) if body.strip() not in {b"", b"null"} else {}
    if document.keys() - {FILTER}:
        raise ParameterInvalid(f"The body may have {FILTER!r} and nothing else.", faults={FILTER: "stands alone"})
    caller = caller_of(request)
    words = query_words(single(request, STRING) or "")
    return Search(None if caller.is_admin else caller.id, words, _seen(document.get(FILTER)))


def found_images(album: Album, search: Search) -> list[FoundId]:
    """Return all photos that a search finds, newest first. Blocking.

    Raises:
        ParameterInvalid: It finds too many.
        DatabaseUnreachable: The database does not answer.
    """
    wanted: list[tuple[LabelQuery, ...]] = [(LabelQuery(label, model),) for model, label in search.seen] or [()]
    found: dict[int, FoundId] = {}
    for each in wanted:
        query = ImageQuery(owner=search.owner, labels=each, words=search.words)
        place: Place | None = None
        while True:
            page = album.search.ids(query, after=place, limit=_STEP)
            found |= {image.number: image for image in page.images}
            if len(found) > MOST_FOUND:
                raise ParameterInvalid(f"These are more than {MOST_FOUND} photos.", hint="Look for something narrower.")
            place = page.following
            if place is None:
                break
    return [found[number] for number in sorted(found, reverse=True)]


def _seen(given: object) -> tuple[tuple[str, str], ...]:
    """Return the pairs of ``{model: [label, …]}``.

    Raises:
        ParameterInvalid: It is something else.
    """
    if given is None:
        return ()
    if not isinstance(given, Mapping) or not all(isinstance(labels, list) for labels in given.values()):
        raise _invalid("must be an object of models, each with a list of labels")
    pairs = [(model, label) for model, labels in given.items() for label in labels]
    if len(pairs) > _MOST_CLASSES:
        raise _invalid(f"may have {_MOST_CLASSES} labels")
    for pair in pairs:
        if not all(is_plain_text(text, max_characters=_MOST_CHARACTERS) for text in pair):
            raise _invalid("must have texts as models and labels")
    return tuple(pairs)


def _invalid(fault: str) -> ParameterInvalid:
    return ParameterInvalid(f"{FILTER!r} {fault}.", faults={FILTER: fault})
