"""The database as remembered images see it.

Every method is one transaction and safe to call from any thread. All raise DatabaseUnreachable when the database does
not answer; nothing was changed then, or the caller may repeat the call. An image of another owner is as absent as one
that never was, and no statement that one owner causes reads a row of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from saccade.images.records import ImageObject, ImageRecord, NewImage, NewPrediction, Remembered
from saccade.images.search import Count, IdPage, ImageQuery, Page, Place


class ImageRecords(Protocol):
    """Records, and what models said of them."""

    def remember(self, new: NewImage, predictions: Sequence[NewPrediction] = ()) -> Remembered:
        """Make one record per owner and picture, and add predictions to it; two at once make one record.

        A record that is there gets the file name, if it is a new one. A prediction of the same version replaces what
        that version said before, with its objects, unless digest, options and prediction are the same: then nothing is
        changed, and objects keep their ids.

        The caller writes the blob first; where ``created`` is False that blob is the caller's to delete.
        """

    def add_predictions(self, owner: str, sha256: str, predictions: Sequence[NewPrediction]) -> ImageRecord:
        """Add predictions to a record that is there.

        Raises:
            ImageUnknown: The owner has no such image (any more).
        """

    def image(self, owner: str, sha256: str) -> ImageRecord:
        """Return a record with its predictions.

        Raises:
            ImageUnknown: The owner has no such image.
        """

    def owners_of(self, sha256: str) -> list[str]:
        """Return who has this picture, for admins; at most 100."""

    def objects(self, owner: str, sha256: str, *, model: str | None = None) -> list[ImageObject]:
        """Return what a model found, best first: of a version, of a name's newest, or (None) of all models' newest.

        Raises:
            ImageUnknown: The owner has no such image.
            ModelUnknown: No prediction of that model is stored with it.
        """

    def object(self, owner: str, sha256: str, object_id: str) -> ImageObject:
        """Return one object, of whatever version.

        Raises:
            ImageUnknown: The owner has no such image.
            ObjectUnknown: The image has no such object; it may be another image's.
        """

    def erase(self, owner: str, sha256: str) -> None:
        """Forget an image of an owner wherever it is: its record, and its part in the owner's jobs.

        Predictions, objects, labels and words go; blobs become garbage. In the owner's jobs its unfinished items
        end ``cancelled`` with ``image_deleted``, results go, and so do its file name, its address and its hash; ended
        items keep their state and say ``image_deleted``. Usage rows stay. Nothing of anybody else is touched.

        Raises:
            ImageUnknown: The owner has no such image, neither remembered nor in a job.
        """


class ImageSearch(Protocol):
    """Finds records."""

    def page(self, query: ImageQuery, *, after: Place | None = None, limit: int = 15) -> Page:
        """Return records, newest first (or likest first), from behind a place on.

        Raises:
            ParameterInvalid: A beginning of a word stands for too many words.
        """

    def ids(self, query: ImageQuery, *, after: Place | None = None, limit: int = 10_000) -> IdPage:
        """Return only what names the records; raises as ``page``."""

    def count(self, query: ImageQuery) -> Count:
        """Count what ``page`` would find, up to MOST_COUNTED; raises as ``page``."""
