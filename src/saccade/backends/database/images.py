"""Remembered images over SQL: records, predictions, objects; and erasing them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.image_erasing import erase_some
from saccade.backends.database.image_rows import read_record, unknown_image
from saccade.backends.database.image_writing import add_to_image, ensure_image, locked_image
from saccade.backends.database.schema import image, image_object, image_prediction
from saccade.errors import ModelUnknown, ObjectUnknown
from saccade.images.records import ImageObject, ImageRecord, NewImage, NewObject, NewPrediction, Remembered

_MOST_OWNERS = 100
_OBJECT_COLUMNS = [column for column in image_object.c if column.name not in {"prediction_id", "image_id"}]


class SqlImageRecords:
    """``ImageRecords`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def remember(self, new: NewImage, predictions: Sequence[NewPrediction] = ()) -> Remembered:
        """Make one record per owner and picture, and add predictions to it; see the port."""

        def work(tx: Connection) -> Remembered:
            now = now_us(tx)
            held = ensure_image(tx, new, now=now)
            add_to_image(tx, held, predictions, file_name=new.file_name, now=now)
            record = read_record(tx, new.owner, new.traits.sha256)
            # By the blob, so that an earlier run of this that was committed unheard counts as this one.
            return Remembered(record, created=record.blob_key == new.blob_key)

        return self._database.write(work, is_repeatable=True)

    def add_predictions(self, owner: str, sha256: str, predictions: Sequence[NewPrediction]) -> ImageRecord:
        """Add predictions to a record that is there; see the port."""

        def work(tx: Connection) -> ImageRecord:
            held = locked_image(tx, owner, sha256)
            if held is None:
                raise unknown_image()
            add_to_image(tx, held, predictions, now=now_us(tx))
            return read_record(tx, owner, sha256)

        return self._database.write(work, is_repeatable=True)

    def image(self, owner: str, sha256: str) -> ImageRecord:
        """Return a record with its predictions; see the port."""
        return self._database.read(lambda tx: read_record(tx, owner, sha256))

    def owners_of(self, sha256: str) -> list[str]:
        """Return who has this picture; see the port."""
        query = select(image.c.owner).where(image.c.sha256 == sha256).order_by(image.c.owner).limit(_MOST_OWNERS)
        return self._database.read(lambda tx: list(tx.execute(query).scalars()))

    def objects(self, owner: str, sha256: str, *, model: str | None = None) -> list[ImageObject]:
        """Return what a model found, best first; see the port."""
        asked: ColumnElement[bool] = image_prediction.c.is_newest
        if model is not None:
            is_name = and_(image_prediction.c.model_name == model, image_prediction.c.is_newest)
            asked = or_(is_name, image_prediction.c.model == model)
        # One statement: a prediction that is replaced in this moment is seen with all its objects or not at all.
        said = and_(image_prediction.c.image_id == image.c.id, asked)
        joined = image.outerjoin(image_prediction, said).outerjoin(
            image_object, image_object.c.prediction_id == image_prediction.c.id
        )
        query = (
            select(image_prediction.c.model, *_OBJECT_COLUMNS)
            .select_from(joined)
            .where(image.c.owner == owner, image.c.sha256 == sha256)
            .order_by(image_object.c.score.desc(), image_prediction.c.model, image_object.c.position)
        )
        rows = self._database.read(lambda tx: tx.execute(query).all())
        if not rows:
            raise unknown_image()
        if model is not None and rows[0].model is None:
            raise ModelUnknown(f"No prediction of {model[:200]!a} is stored with this image.")
        return [_object_of(row) for row in rows if row.id is not None]

    def object(self, owner: str, sha256: str, object_id: str) -> ImageObject:
        """Return one object; see the port."""
        mine = and_(image_object.c.image_id == image.c.id, image_object.c.id == object_id)
        joined = image.outerjoin(image_object, mine).outerjoin(
            image_prediction, image_prediction.c.id == image_object.c.prediction_id
        )
        query = (
            select(image_prediction.c.model, *_OBJECT_COLUMNS)
            .select_from(joined)
            .where(image.c.owner == owner, image.c.sha256 == sha256)
        )
        row = self._database.read(lambda tx: tx.execute(query).one_or_none())
        if row is None:
            raise unknown_image()
        if row.id is None:
            raise ObjectUnknown("The image has no such object.")
        return _object_of(row)

    def erase(self, owner: str, sha256: str) -> None:
        """Forget an image of an owner wherever it is; see the port."""
        if not self._erase_some(owner, sha256):
            raise unknown_image()
        while self._erase_some(owner, sha256):
            continue

    def _erase_some(self, owner: str, sha256: str) -> bool:
        """Forget what fits into one transaction; returns whether there was anything."""
        return self._database.write(lambda tx: erase_some(tx, owner, sha256, now=now_us(tx)))


def _object_of(row: Row[*tuple[object, ...]]) -> ImageObject:
    found = NewObject(
        label=row.label,
        score=row.score,
        x_min=row.x_min,
        y_min=row.y_min,
        x_max=row.x_max,
        y_max=row.y_max,
        centroid_x=row.centroid_x,
        centroid_y=row.centroid_y,
        radius_px=row.radius_px,
    )
    return ImageObject(row.id, row.model, found)
