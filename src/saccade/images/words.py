"""Words of file names and labels, by which images are found.

A word is a run of letters and digits of any script, in the one form that all spellings of it share: ``ﬁlm``, ``FILM``
and ``film`` are one word. It is found whole, or by its beginning where that is asked for with a star. Scripts that
put no spaces between words give long ones; their beginnings find them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from saccade.errors import ParameterInvalid

MOST_CHARACTERS = 64
#: A name of more words than that is found by the first ones.
MOST_WORDS = 128
MOST_SEARCHED = 16
LEAST_BEGINNING = 2
#: Ends a beginning; no word has one.
STAR = "*"

#: Endings of file names that say no more than that it is an image.
EXTENSIONS = ("avif", "bmp", "gif", "heic", "heif", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp")

_EXTENSION = re.compile(rf"(?<=[^\s.])\.(?:{'|'.join(EXTENSIONS)})\s*\Z")
_SEARCHED_EXTENSION = re.compile(rf"(?<=[^\s.])\.(?:{'|'.join(EXTENSIONS)})\*?(?!\S)")
_PIECE = re.compile(r"\d+|\D+")
#: ``coin3`` is found by ``coin`` and ``3`` too; a random name of many pieces is not found by each of them.
_MOST_PIECES = 3


def words_of(text: str) -> tuple[str, ...]:
    """Return the words by which a file name or a label is found.

    ``IMG_0042.jpg`` has ``img`` and ``0042``; ``coin3.png`` has ``coin3``, ``coin`` and ``3``. The ending of an image
    file is no word of it.

    Args:
        text: Whatever a client sent.

    Returns:
        Each word once, in the order of the text; at most MOST_WORDS of at most MOST_CHARACTERS.
    """
    found: dict[str, None] = {}
    for run in _runs(_EXTENSION.sub("", _plain(text).replace(STAR, " "))):
        found.update(dict.fromkeys(_cut((run, *_pieces(run)))))
        if len(found) >= MOST_WORDS:
            break
    return tuple(found)[:MOST_WORDS]


def query_words(text: str) -> tuple[str, ...]:
    """Return the words of a search; one that ends in a star is the beginning of words.

    Args:
        text: Whatever a client looks for; a file name as it is will do.

    Returns:
        Each once, in their order; none for an empty text.

    Raises:
        ParameterInvalid: There is nothing in it to look for, too much, or too short a beginning.
    """
    found: dict[str, None] = {}
    for run in _runs(_SEARCHED_EXTENSION.sub("", _plain(text))):
        word = run.rstrip(STAR)
        if word != run and len(word) < LEAST_BEGINNING:
            raise ParameterInvalid(
                "The beginning of a word is too short.",
                hint=f"Write at least {LEAST_BEGINNING} letters or digits before a star.",
            )
        is_beginning = word != run and len(word) < MOST_CHARACTERS  # longer ones are cut where they are stored
        found[word[:MOST_CHARACTERS] + STAR * is_beginning] = None
        if len(found) > MOST_SEARCHED:
            raise ParameterInvalid(f"These are more than {MOST_SEARCHED} words.", hint="Look for fewer of them.")
    if not found and not text.isspace() and text:
        raise ParameterInvalid(
            "There is no letter and no digit to look for.", hint="Write a word of a name or a label."
        )
    return tuple(found)


def _plain(text: str) -> str:
    """Return the one form of all spellings; folding case undoes some of what was composed, so that is done again."""
    while (plain := unicodedata.normalize("NFKC", text).casefold()) != text:
        text = plain
    return text


def _runs(text: str) -> Iterator[str]:
    """Yield the runs of letters, digits and what is written upon them, and the stars behind each."""
    kept = "".join(each if _is_part(each) or each == STAR else " " for each in text)
    for run in kept.split():
        yield from re.findall(r"[^*]*\*+|[^*]+", run)


def _is_part(character: str) -> bool:
    """Say whether words have it; marks belong to them, but for those that only choose between pictures of a sign."""
    is_mark = unicodedata.category(character) in {"Mn", "Mc"} and not "\ufe00" <= character <= "\ufe0f"
    return character.isalnum() or is_mark


def _pieces(run: str) -> list[str]:
    """Return the letters and digits of a simple run apart; nothing for a run of one kind, or of a random name."""
    pieces = _PIECE.findall(run)
    return pieces if 1 < len(pieces) <= _MOST_PIECES else []


def _cut(words: Iterable[str]) -> Iterator[str]:
    return (word[:MOST_CHARACTERS] for word in words)
