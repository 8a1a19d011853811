"""Which queries are asked of a database at all: neither those that ask for too much, nor those that nothing fulfils."""

from __future__ import annotations

from saccade.backends.database.texts import fit
from saccade.errors import ParameterInvalid
from saccade.images.search import MOST_DISTANCE, MOST_LABELS, ImageQuery, LabelQuery
from saccade.images.words import LEAST_BEGINNING, MOST_SEARCHED, STAR

#: Databases know no number beyond.
_MOST_INTEGER = (1 << 62) - 1
_NAME_CHARACTERS = 255


def check(query: ImageQuery) -> None:
    """Refuse what asks for more than is looked for.

    Raises:
        ParameterInvalid: It has too many conditions, or one that is none.
    """
    if len(query.labels) > MOST_LABELS:
        raise ParameterInvalid(f"These are more than {MOST_LABELS} conditions on labels.", hint="Ask for fewer.")
    if len(query.words) > MOST_SEARCHED:
        raise ParameterInvalid(f"These are more than {MOST_SEARCHED} words.", hint="Look for fewer of them.")
    if any(each.label is None and each.model is None for each in query.labels):
        raise ParameterInvalid("A condition on labels names neither a label nor a model.", hint="Name one of them.")
    if any(word.endswith(STAR) and len(word) <= LEAST_BEGINNING for word in query.words):
        raise ParameterInvalid(
            "The beginning of a word is too short.",
            hint=f"Write at least {LEAST_BEGINNING} letters or digits before a star.",
        )
    if not 0 <= query.max_distance <= MOST_DISTANCE:
        raise ParameterInvalid(f"Pictures are alike that differ in 0 to {MOST_DISTANCE} bits.")


def is_possible(query: ImageQuery) -> bool:
    """Say whether any image could be found; no database is asked for what it could not even store."""
    texts = [query.owner, query.md5, *query.words]
    numbers = [query.since_us, query.until_us, query.min_bytes, query.max_bytes]
    return (
        all(text == fit(text, _NAME_CHARACTERS) for text in texts)
        and all(abs(number) <= _MOST_INTEGER for number in numbers if number is not None)
        and all(map(_is_label_possible, query.labels))
    )


def _is_label_possible(wanted: LabelQuery) -> bool:
    return wanted.model == fit(wanted.model, _NAME_CHARACTERS) and wanted.min_score <= wanted.max_score
