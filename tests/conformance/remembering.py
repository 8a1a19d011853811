"""What the suites of remembered images share: pictures that never were, what models say of them, and what is left."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace

from sqlalchemy import select

from conformance.stores import Opened
from saccade.backends.database.schema import image_word, metadata
from saccade.images.records import NewImage, NewObject, NewPrediction, Traits
from saccade.jobs.records import Claim, Keeping, Succeeded

_numbers = itertools.count()


def sha256_of(name: str) -> str:
    """Return the id of the picture that a test calls so."""
    return hashlib.sha256(name.encode()).hexdigest()


def traits(name: str, **fields) -> Traits:
    """Return the traits of the picture that a test calls so."""
    digest = hashlib.sha512(name.encode()).hexdigest()
    return replace(
        Traits(
            sha256=sha256_of(name),
            md5=digest[:32],
            sha1=digest[32:72],
            phash=int(digest[72:88], 16),
            format="jpeg",
            width_px=640,
            height_px=480,
            size_bytes=1000,
        ),
        **fields,
    )


def new_record(name: str = "a", owner: str = "alice", file_name: str | None = None, **fields) -> NewImage:
    """Return a picture that is to be remembered, with a blob of its own."""
    return NewImage(owner, traits(name, **fields), f"images/{next(_numbers)}", file_name)


def found(label: str = "circle", score: float = 0.9) -> NewObject:
    """Return an object."""
    return NewObject(label, score, 1.5, 2.5, 11.5, 22.5, 6.5, 12.5, 7.5)


def said(model: str = "circles@1", *objects: NewObject, **fields) -> NewPrediction:
    """Return what a detector says: these objects, or one circle."""
    seen = objects or (found(),)
    labels: dict[str, list[float]] = {}
    for each in seen:
        labels.setdefault(each.label, []).append(each.score)
    made = NewPrediction(
        model=model,
        digest=f"sha256:{model}",
        task="object-detection",
        engine="onnxruntime/cpu/fp32",
        options='{"top_k":5}',
        prediction=f'{{"model":"{model}","predictions":{len(seen)}}}',
        labels=tuple((label, max(scores), len(scores)) for label, scores in labels.items()),
        objects=tuple(seen),
    )
    return replace(made, **fields)


def kept(claim: Claim, *, image: NewImage, is_new_blob: bool = True, prediction: NewPrediction | None = None):
    """Return the success of an item whose image is to be remembered."""
    keeping = Keeping(image, prediction or said(claim.model), is_new_blob)
    return Succeeded(claim, '{"predictions":[]}', 100, 1.5, cached=False, kept=keeping)


def words(db: Opened, owner: str) -> set[str]:
    """Return the words under which an owner's images are found."""
    query = select(image_word.c.word).where(image_word.c.owner == owner)
    return set(db.database.read(lambda tx: tx.execute(query).scalars().all()))


def everything(db: Opened, *, but: frozenset[str] = frozenset()) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table, in order."""

    def work(tx):
        return {
            table.name: sorted((tuple(row) for row in tx.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
            if table.name not in but
        }

    return db.database.read(work)


def rows_with(db: Opened, *needles: str, but: frozenset[str] = frozenset()) -> list[tuple[str, tuple[object, ...]]]:
    """Return every row of any table in which one of these texts stands, in whatever column."""
    return [
        (name, row)
        for name, rows in everything(db, but=but).items()
        for row in rows
        if any(needle in str(value) for needle in needles for value in row)
    ]
