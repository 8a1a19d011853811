"""What can be searched for, and what is found. No text of a client ever becomes a pattern or a piece of a query.

A search answers soon, whatever it is asked: one call looks at so many rows and then stops where it is. So a page may
hold fewer images than its limit, or none, and still have something following; only where nothing follows is the end.
That happens where each condition holds for many images, and hardly any image fulfils them all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from saccade.images.records import ImageRecord

#: Counting goes no further; a search that finds more says "at least".
MOST_COUNTED = 100_000
#: More bits than that apart, pictures do not look alike, and looking would cost too much.
MOST_DISTANCE = 11
DEFAULT_DISTANCE = 8
#: Conditions on labels in one query.
MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class LabelQuery:
    """Images in which a model sees a label.

    Attributes:
        label: Exactly so; None for any label, where a model is named.
        model: A name (its newest answer counts) or ``name@version``; None for any model's newest answer.
        min_score: Of the label's best score, inclusive.
        max_score: Inclusive.
    """

    label: str | None = None
    model: str | None = None
    min_score: float = 0.0
    max_score: float = 1.0


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Which images are wanted; every condition that is given must hold.

    Attributes:
        owner: Whose; None for everybody's, which only admins ask for.
        labels: Each must hold; several for one model or for many.
        words: From ``query_words``; each must stand in a file name or a label. One that ends in ``*`` is a beginning.
        md5: Of the bytes, hex.
        since_us: Remembered at that time or later.
        until_us: Remembered before that time.
        min_bytes: Size of the file, inclusive.
        max_bytes: Inclusive.
        similar_to: Perceptual hash, 0..2**64-1.
        max_distance: Bits in which a similar picture may differ, 0..MOST_DISTANCE.
    """

    owner: str | None
    labels: tuple[LabelQuery, ...] = ()
    words: tuple[str, ...] = ()
    md5: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    min_bytes: int | None = None
    max_bytes: int | None = None
    similar_to: int | None = None
    max_distance: int = DEFAULT_DISTANCE


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: behind this record. ``distance`` counts where pictures are ordered by likeness."""

    number: int
    distance: int = 0


@dataclass(frozen=True, slots=True)
class FoundImage:
    """One image of a page; ``distance`` is that of its perceptual hash where likeness was asked for."""

    record: ImageRecord
    distance: int | None = None


@dataclass(frozen=True, slots=True)
class FoundId:
    """One image of a bulk list: no more than what names it."""

    number: int
    owner: str
    sha256: str
    md5: str
    distance: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many images a query finds; at least so many where ``is_exact`` is False: counting stopped before the end."""

    images: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first, or likest first where likeness was asked for; ``following`` is None on the last page.

    Only ``following`` tells whether there may be more: a page before the last may hold fewer images than asked for, as
    it does where models said very much of them.
    """

    images: tuple[FoundImage, ...] = field(default=())
    following: Place | None = None


@dataclass(frozen=True, slots=True)
class IdPage:
    """As ``Page``, of ids only."""

    images: tuple[FoundId, ...] = field(default=())
    following: Place | None = None
