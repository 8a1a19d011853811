"""Reading what is remembered of images: rows become records, however many at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, Connection, Row, bindparam, func, select

from saccade.backends.database.schema import image, image_label, image_object, image_prediction
from saccade.errors import ImageUnknown
from saccade.images.records import ImagePrediction, ImageRecord, Traits
from saccade.models.versions import newest_first

_BITS = 64
_QUARTER_BITS = 16
#: A prediction that is replaced between two statements is read again; so often, then the last word counts.
_TRIES = 5

_IMAGE = select(image).where(image.c.owner == bindparam("b_owner"), image.c.sha256 == bindparam("b_sha256"))
_IDS = bindparam("b_ids", expanding=True, type_=BigInteger)
#: One statement, so that a prediction is seen with all its labels or not at all.
_LABELS = (
    select(image_prediction.c.id, image_label.c.label, image_label.c.score, image_label.c.count)
    .select_from(image_prediction.outerjoin(image_label, image_label.c.prediction_id == image_prediction.c.id))
    .where(image_prediction.c.image_id.in_(_IDS))
    .order_by(image_label.c.score.desc(), image_label.c.label)
)
_OBJECT_COUNT = (
    select(func.count())
    .select_from(image_object)
    .where(image_object.c.prediction_id == image_prediction.c.id)
    .scalar_subquery()
)
_PREDICTIONS = select(image_prediction, _OBJECT_COUNT.label("object_count")).where(
    image_prediction.c.image_id.in_(_IDS)
)


def read_record(tx: Connection, owner: str, sha256: str) -> ImageRecord:
    """Return a record with its predictions.

    Raises:
        ImageUnknown: The owner has no such image.
    """
    row = read_row(tx, owner, sha256)
    if row is None:
        raise unknown_image()
    return records_of(tx, [row])[0]


def read_row(tx: Connection, owner: str, sha256: str) -> Row[*tuple[object, ...]] | None:
    """Return the row of a record; None if the owner has no such image."""
    return tx.execute(_IMAGE, {"b_owner": owner, "b_sha256": sha256}).one_or_none()


def records_of(tx: Connection, rows: Sequence[Row[*tuple[object, ...]]]) -> list[ImageRecord]:
    """Return the records of whole rows of ``image``, in the same order and with their predictions."""
    found = _predictions_of(tx, [row.id for row in rows]) if rows else {}
    return [_record_of(row, found.get(row.id, ())) for row in rows]


def unknown_image() -> ImageUnknown:
    """Return what an owner is told who has no such image."""
    return ImageUnknown("There is no such image.")


def version_of(model: str) -> str:
    """Return the version of ``name@version``."""
    return model.partition("@")[2]


def signed_of(phash: int) -> int:
    """Return the 64 bits of a perceptual hash as databases take them: the highest bit is a sign to them."""
    return phash - (1 << _BITS) if phash >> (_BITS - 1) else phash


def phash_of(signed: int) -> int:
    """Return a perceptual hash, 0..2**64-1, as it was before ``signed_of``."""
    return signed % (1 << _BITS)


def quarters_of(phash: int) -> tuple[int, int, int, int]:
    """Return the four 16-bit parts of a perceptual hash, the highest first."""
    mask = (1 << _QUARTER_BITS) - 1
    return (phash >> 48 & mask, phash >> 32 & mask, phash >> 16 & mask, phash & mask)


def _predictions_of(tx: Connection, image_ids: Sequence[int]) -> dict[int, tuple[ImagePrediction, ...]]:
    """Return the predictions of images by the images' numbers."""
    wanted = {"b_ids": image_ids}
    labels: dict[int, list[tuple[str, float, int]]] = {}
    rows: Sequence[Row[*tuple[object, ...]]] = ()
    for _ in range(_TRIES):
        labels = _labels(tx, wanted)
        rows = tx.execute(_PREDICTIONS, wanted).all()
        if {row.id for row in rows} == labels.keys():
            break
    found: dict[int, list[ImagePrediction]] = {}
    for row in rows:
        found.setdefault(row.image_id, []).append(_prediction_of(row, labels.get(row.id, [])))
    return {image_id: _in_order(each) for image_id, each in found.items()}


def _labels(tx: Connection, wanted: Mapping[str, object]) -> dict[int, list[tuple[str, float, int]]]:
    """Return the labels of each prediction, best first; a prediction without any is there too."""
    labels: dict[int, list[tuple[str, float, int]]] = {}
    for prediction_id, label, score, count in tx.execute(_LABELS, wanted):
        mine = labels.setdefault(prediction_id, [])
        if label is not None:
            mine.append((label, score, count))
    return labels


def _in_order(predictions: Sequence[ImagePrediction]) -> tuple[ImagePrediction, ...]:
    """Sort by the model's name, then the newest version first."""
    by_name: dict[str, dict[str, ImagePrediction]] = {}
    for each in predictions:
        by_name.setdefault(each.model.partition("@")[0], {})[version_of(each.model)] = each
    return tuple(by_name[name][version] for name in sorted(by_name) for version in newest_first(by_name[name]))


def _prediction_of(row: Row[*tuple[object, ...]], labels: Sequence[tuple[str, float, int]]) -> ImagePrediction:
    return ImagePrediction(
        model=row.model,
        digest=row.digest,
        task=row.task,
        engine=row.engine,
        options=row.options,
        prediction=row.prediction,
        labels=tuple(labels),
        object_count=row.object_count,
        is_newest=row.is_newest,
        created_at_us=row.created_at,
    )


def traits_in(row: Row[*tuple[object, ...]]) -> Traits:
    """Return the traits that a row of ``image`` holds."""
    return Traits(
        sha256=row.sha256,
        md5=row.md5,
        sha1=row.sha1,
        phash=phash_of(row.phash),
        format=row.format,
        width_px=row.width_px,
        height_px=row.height_px,
        size_bytes=row.size_bytes,
    )


def _record_of(row: Row[*tuple[object, ...]], predictions: tuple[ImagePrediction, ...]) -> ImageRecord:
    return ImageRecord(
        number=row.id,
        owner=row.owner,
        traits=traits_in(row),
        blob_key=row.blob_key,
        file_names=tuple(json.loads(row.file_names)),
        created_at_us=row.created_at,
        updated_at_us=row.updated_at,
        predictions=predictions,
    )
