"""What the suites of image search share: images by the dozen, and a search that looks at every one of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from saccade.backends.database.images import SqlImageRecords
from saccade.backends.database.texts import fit
from saccade.images.ports import ImageSearch
from saccade.images.records import ImageRecord, NewImage, NewPrediction, Traits
from saccade.images.search import ImageQuery, LabelQuery, Place
from saccade.images.words import STAR, words_of

HOUR_US = 3_600_000_000
#: The first image's time; each next one is remembered some hours later.
BEGIN_US = 1_700_000_000_000_000
#: What somebody might call a file or a class who knows databases, shells and patterns.
HOSTILE = (
    "100%", "under_score", "back\\slash", "quo'te", 'double"quote', "semi;colon--", "' OR 1=1 --", "a.*b[c]", "(?:x",
    "emoji 🪙 coin", "Ünïcode ÄÖ", "粒界", "ﬁlm", "nul\0byte", "half\ud800letter", "%", "_", "*", "tab\tnew\nline",
    "coin3", "coins", "coining", "\U0001f600", "ÿ", "z\U0010fffd", "zz",
)  # fmt: skip
LABELS = ("coin", "ring", "coin stack", *HOSTILE[:14])
MODELS = ("circles@1", "circles@2", "circles@10", "squares@1", "dots@0.1")
KINDS = ("labels", "labels", "words", "date", "size", "md5", "alike")
OWNERS = ("alice", "bob", "carol%", "ann'; --")


def traits(number: int, **fields) -> Traits:
    """Return the traits of a picture of its own."""
    made = {
        "sha256": f"{number:064x}",
        "md5": f"{number % 20:032x}",
        "sha1": f"{number:040x}",
        "phash": number,
        "format": "png",
        "width_px": 10,
        "height_px": 10,
        "size_bytes": 10 + number,
    }
    return Traits(**{**made, **fields})


def prediction(model: str, labels: Sequence[tuple[str, float]]) -> NewPrediction:
    """Return what a model says that saw these labels."""
    best = tuple(sorted(((label, score, 1) for label, score in labels), key=lambda each: -each[1]))
    return NewPrediction(model, "sha256:d", "object-detection", "onnxruntime", "{}", "{}", best)


def remember_some(records: SqlImageRecords, count: int, *, seed: int) -> None:
    """Remember random images of several owners, seen by several versions of several models, in no order."""
    chance = random.Random(seed)
    hashes = [chance.getrandbits(64) for _ in range(4)]
    for number in range(count):
        alike = chance.choice(hashes)
        for bit in chance.sample(range(64), chance.choice([0, 0, 1, 2, 4, 8, 9, 11, 12, 20])):
            alike ^= 1 << bit
        names = chance.choice([*HOSTILE, f"IMG_{number % 40:04}.jpg", f"coin-{number % 7}.png"])
        new = NewImage(
            owner=chance.choice(OWNERS),
            traits=traits(number // 2, phash=alike, size_bytes=chance.randrange(50)),
            blob_key=f"images/{number}",
            file_name=names,
        )
        for model in chance.sample(MODELS, chance.randrange(4)):
            seen = {*chance.sample(LABELS, chance.randrange(3)), *chance.sample(LABELS[:3], 2)}
            said = prediction(model, [(label, chance.randrange(5) / 4) for label in seen])
            records.remember(new, [said])
        records.remember(new)


def any_query(chance: random.Random, owner: str | None) -> ImageQuery:
    """Return a random query of some conditions."""
    words = [word for text in (*HOSTILE, *LABELS, "IMG_0001") for word in words_of(text)]
    fields: dict[str, object] = {}
    for kind in chance.sample(KINDS, chance.choice([0, 1, 1, 1, 2, 2, 3])):
        if kind == "labels":
            fields["labels"] = tuple(_any_label(chance) for _ in range(chance.choice([1, 1, 2])))
        if kind == "words":
            some = chance.choices(words, k=chance.choice([1, 1, 2]))
            fields["words"] = tuple(w[: chance.choice([2, 3])] + STAR if chance.random() < 0.5 else w for w in some)
            fields["words"] = tuple(w for w in fields["words"] if len(w) > 2 or not w.endswith(STAR))
        if kind == "date":
            since = BEGIN_US + chance.randrange(300) * HOUR_US
            fields |= chance.choice([{"since_us": since}, {"until_us": since}])
            fields |= chance.choice([{}, {"until_us": since + chance.randrange(100) * HOUR_US}])
        if kind == "size":
            fields |= chance.choice([{"min_bytes": 10}, {"max_bytes": 30}, {"min_bytes": 5, "max_bytes": 20}])
        if kind == "md5":
            fields["md5"] = f"{chance.randrange(20):032x}"
        if kind == "alike":
            fields |= {"similar_to": -1, "max_distance": chance.randrange(12)}
    return ImageQuery(owner, **fields)


def _any_label(chance: random.Random) -> LabelQuery:
    model = chance.choice([None, "circles", "squares", *MODELS])
    label = chance.choice([*LABELS, *LABELS[:3] * 4, *([None] * 3 if model else [])])
    scores = chance.choice([(0.0, 1.0), (0.5, 1.0), (0.0, 0.25), (0.25, 0.5), (1.0, 0.0)])
    return LabelQuery(label, model, *scores)


def found_by_looking(records: Sequence[ImageRecord], query: ImageQuery) -> list[tuple[int, int | None]]:
    """Return number and distance of what a query finds, in order, as anybody would who has all records in hand."""
    found = [
        (None if query.similar_to is None else (each.traits.phash ^ query.similar_to).bit_count(), each.number)
        for each in records
        if _fits(each, query)
    ]
    near = [(apart, number) for apart, number in found if apart is None or apart <= query.max_distance]
    return [(number, apart) for apart, number in sorted(near, key=lambda each: (each[0] or 0, -each[1]))]


def _fits(record: ImageRecord, query: ImageQuery) -> bool:
    labels = {label for each in record.predictions for label, _, _ in each.labels}
    words = {word for text in (*record.file_names, *labels) for word in words_of(text)}
    return (
        query.owner in {None, record.owner}
        and (query.md5 in {None, record.traits.md5})
        and (query.since_us is None or record.created_at_us >= query.since_us)
        and (query.until_us is None or record.created_at_us < query.until_us)
        and (query.min_bytes is None or record.traits.size_bytes >= query.min_bytes)
        and (query.max_bytes is None or record.traits.size_bytes <= query.max_bytes)
        and all(_has_word(words, word) for word in query.words)
        and all(_sees(record, wanted) for wanted in query.labels)
    )


def _has_word(words: set[str], wanted: str) -> bool:
    if wanted.endswith(STAR):
        return any(word.startswith(wanted[:-1]) for word in words)
    return wanted in words


def _sees(record: ImageRecord, wanted: LabelQuery) -> bool:
    return any(
        (wanted.label is None or fit(wanted.label, 255) == label) and wanted.min_score <= score <= wanted.max_score
        for each in record.predictions
        if each.model == wanted.model or (each.is_newest and wanted.model in {None, each.model.partition("@")[0]})
        for label, score, _ in each.labels
    )


def every_page(search: ImageSearch, query: ImageQuery, limit: int) -> Iterator[tuple[int, int | None]]:
    """Yield number and distance of what all pages hold."""
    after: Place | None = None
    while True:
        page = search.ids(query, after=after, limit=limit)
        assert len(page.images) <= limit
        yield from ((each.number, each.distance) for each in page.images)
        if page.following is None:
            return
        after = page.following
