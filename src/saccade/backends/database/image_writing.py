"""Writing what is remembered of an image: its row, its predictions with objects and labels, its words.

Whoever writes here holds the image's row by a lock, so nobody else touches what belongs to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from saccade.backends.database.image_rows import quarters_of, signed_of, version_of
from saccade.backends.database.schema import image, image_label, image_object, image_prediction, image_word
from saccade.backends.database.texts import FILE_NAME_CHARACTERS, fit
from saccade.images.records import NewImage, NewObject, NewPrediction
from saccade.images.words import words_of
from saccade.jobs.ids import new_id
from saccade.models.versions import newest_first

#: File names that are remembered of one image; later ones are not.
MOST_FILE_NAMES = 100
_LABEL_CHARACTERS = 255
_ENGINE_CHARACTERS = 64
#: How often a record may vanish between a look and a lock before that is somebody's fault.
_TRIES = 100

_KEY = and_(image.c.owner == bindparam("b_owner"), image.c.sha256 == bindparam("b_sha256"))
_LOOK = select(image.c.id).where(_KEY)
_LOCK = select(image.c.id, image.c.blob_key, image.c.file_names).where(_KEY).with_for_update()
_INSERT = insert(image)


@dataclass(frozen=True, slots=True)
class Locked:
    """A record whose row this transaction holds."""

    number: int
    owner: str
    blob_key: str
    file_names: tuple[str, ...]


def locked_image(tx: Connection, owner: str, sha256: str) -> Locked | None:
    """Lock a record; None if there is none."""
    row = tx.execute(_LOCK, {"b_owner": owner, "b_sha256": sha256}).one_or_none()
    return None if row is None else Locked(row.id, owner, row.blob_key, tuple(json.loads(row.file_names)))


def ensure_image(tx: Connection, new: NewImage, *, now: int) -> Locked:
    """Return the owner's record of a picture, locked; made now if there was none.

    Looks before it locks: a lock on a row that is not there would be a lock on the gap in some databases.
    """
    key = {"b_owner": new.owner, "b_sha256": new.traits.sha256}
    for _ in range(_TRIES):
        if tx.execute(_LOOK, key).one_or_none() is None:
            made = _inserted(tx, new, now=now)
            if made is not None:
                return made
        found = locked_image(tx, new.owner, new.traits.sha256)
        if found is not None:
            return found
    raise RuntimeError("A record came and went again and again.")


def add_to_image(
    tx: Connection, held: Locked, predictions: Sequence[NewPrediction], *, file_name: str | None = None, now: int
) -> bool:
    """Add a file name and predictions to a record that is held; returns whether anything changed."""
    names = _with_name(held.file_names, file_name)
    changed_names = {new.model_name for new in predictions if _keep_prediction(tx, held, new, now=now)}
    for name in sorted(changed_names):
        _mark_newest(tx, held.number, name)
    if not changed_names and names == held.file_names:
        return False
    _keep_words(tx, held, names)
    tx.execute(update(image).where(image.c.id == held.number).values(file_names=json.dumps(names), updated_at=now))
    return True


def forget_image(tx: Connection, held: Locked) -> None:
    """Delete a record that is held, with all that belongs to it; its blob is the caller's affair."""
    for table in (image_object, image_label, image_word, image_prediction):
        tx.execute(delete(table).where(table.c.image_id == held.number))
    tx.execute(delete(image).where(image.c.id == held.number))


def _inserted(tx: Connection, new: NewImage, *, now: int) -> Locked | None:
    """Insert the record; None if somebody else did in this moment."""
    traits = new.traits
    row = {
        "owner": new.owner,
        "sha256": traits.sha256,
        "md5": traits.md5,
        "sha1": traits.sha1,
        "phash": signed_of(traits.phash),
        **{f"phash_{index}": part for index, part in enumerate(quarters_of(traits.phash))},
        "format": traits.format,
        "width_px": traits.width_px,
        "height_px": traits.height_px,
        "size_bytes": traits.size_bytes,
        "blob_key": new.blob_key,
        "file_names": "[]",
        "created_at": now,
        "updated_at": now,
    }
    # Undone for this one error alone: after a deadlock MySQL has no savepoint any more, and to miss it would hide that.
    savepoint = tx.begin_nested()
    try:
        key = tx.execute(_INSERT, row).inserted_primary_key
    except IntegrityError:
        savepoint.rollback()
        return None
    savepoint.commit()
    if key is None:  # no driver of ours leaves it out
        return locked_image(tx, new.owner, traits.sha256)
    return Locked(int(key[0]), new.owner, new.blob_key, ())


def _with_name(names: tuple[str, ...], name: str | None) -> tuple[str, ...]:
    shown = fit(name, FILE_NAME_CHARACTERS)
    if not shown or shown in names or len(names) >= MOST_FILE_NAMES:
        return names
    return (*names, shown)


_SAID = select(
    image_prediction.c.id, image_prediction.c.digest, image_prediction.c.options, image_prediction.c.prediction
).where(image_prediction.c.image_id == bindparam("b_image"), image_prediction.c.model == bindparam("b_model"))


def _keep_prediction(tx: Connection, held: Locked, new: NewPrediction, *, now: int) -> bool:
    """Write a prediction in the place of what this version said before; False if it said the very same."""
    old = tx.execute(_SAID, {"b_image": held.number, "b_model": new.model}).one_or_none()
    if old is not None:
        if (old.digest, old.options, old.prediction) == (new.digest, new.options, new.prediction):
            return False
        _drop_prediction(tx, old.id)
    key = tx.execute(insert(image_prediction), _prediction_row(held, new, now=now)).inserted_primary_key
    prediction_id = int(key[0]) if key is not None else _id_of(tx, held, new)
    labels = _label_rows(held, new, prediction_id)
    if labels:
        tx.execute(insert(image_label), labels)
    if new.objects:
        objects = [_object_row(held, prediction_id, place, found) for place, found in enumerate(new.objects)]
        tx.execute(insert(image_object), objects)
    return True


def _id_of(tx: Connection, held: Locked, new: NewPrediction) -> int:
    return int(tx.execute(_SAID, {"b_image": held.number, "b_model": new.model}).one().id)


def _drop_prediction(tx: Connection, prediction_id: int) -> None:
    for table in (image_object, image_label):
        tx.execute(delete(table).where(table.c.prediction_id == prediction_id))
    tx.execute(delete(image_prediction).where(image_prediction.c.id == prediction_id))


def _prediction_row(held: Locked, new: NewPrediction, *, now: int) -> dict[str, object]:
    return {
        "image_id": held.number,
        "model_name": new.model_name,
        "model": new.model,
        "digest": new.digest,
        "task": new.task,
        "engine": fit(new.engine, _ENGINE_CHARACTERS),
        "options": new.options,
        "prediction": new.prediction,
        "is_newest": False,  # who is the newest is told when all are there
        "created_at": now,
    }


def _label_rows(held: Locked, new: NewPrediction, prediction_id: int) -> list[dict[str, object]]:
    """Return a row for each label as it fits; those that are one label when cut are counted together."""
    rows: dict[str, dict[str, object]] = {}
    counts: dict[str, int] = {}
    for label, score, count in new.labels:
        shown = fit(label, _LABEL_CHARACTERS) or ""
        key = shown.rstrip(" ")  # MySQL takes texts for equal that differ in blanks at their ends
        counts[key] = counts.get(key, 0) + count
        rows.setdefault(
            key,
            {
                "prediction_id": prediction_id,
                "label": shown,
                "owner": held.owner,
                "image_id": held.number,
                "model_name": new.model_name,
                "model": new.model,
                "is_newest": False,
                "score": score,
            },
        )
    return [{**row, "count": counts[key]} for key, row in rows.items()]


def _object_row(held: Locked, prediction_id: int, place: int, found: NewObject) -> dict[str, object]:
    return {
        "id": new_id(),
        "prediction_id": prediction_id,
        "image_id": held.number,
        "position": place,
        "label": fit(found.label, _LABEL_CHARACTERS),
        "score": found.score,
        "x_min": found.x_min,
        "y_min": found.y_min,
        "x_max": found.x_max,
        "y_max": found.y_max,
        "centroid_x": found.centroid_x,
        "centroid_y": found.centroid_y,
        "radius_px": found.radius_px,
    }


def _mark_newest(tx: Connection, image_id: int, model_name: str) -> None:
    """Mark the newest version of a model that saw the image, and no other, in both tables."""
    of_name = and_(image_prediction.c.image_id == image_id, image_prediction.c.model_name == model_name)
    rows = tx.execute(
        select(image_prediction.c.id, image_prediction.c.model, image_prediction.c.is_newest).where(of_name)
    ).all()
    by_version: dict[str, Row[*tuple[object, ...]]] = {version_of(row.model): row for row in rows}
    newest = by_version[newest_first(by_version)[0]].id
    for row in rows:
        if row.is_newest == (row.id == newest):
            continue
        is_newest = row.id == newest
        tx.execute(update(image_prediction).where(image_prediction.c.id == row.id).values(is_newest=is_newest))
        tx.execute(update(image_label).where(image_label.c.prediction_id == row.id).values(is_newest=is_newest))


def _keep_words(tx: Connection, held: Locked, names: Iterable[str]) -> None:
    """Make the words of an image those of its names and its labels."""
    labels = tx.execute(select(image_label.c.label).where(image_label.c.image_id == held.number).distinct()).scalars()
    wanted = {word for text in (*names, *labels) for word in words_of(text)}
    known = set(tx.execute(select(image_word.c.word).where(image_word.c.image_id == held.number)).scalars())
    if gone := sorted(known - wanted):
        tx.execute(
            delete(image_word).where(
                image_word.c.owner == held.owner, image_word.c.word.in_(gone), image_word.c.image_id == held.number
            )
        )
    if fresh := sorted(wanted - known):
        tx.execute(insert(image_word), [{"owner": held.owner, "word": word, "image_id": held.number} for word in fresh])
