"""What is remembered of a picture: its record, what models said of it, and the objects they found.

A record belongs to one owner. Its id, as clients see it, is the bare sha256 of the bytes; one picture of two owners
is two records with two blobs. Times are microseconds since 1970, UTC, by the database's clock.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traits:
    """What can be told of a picture by its bytes alone.

    Attributes:
        sha256: Of the bytes as they were sent, hex; the id that clients see.
        md5: Of the same bytes, hex; a name that other systems use, and no proof of anything.
        sha1: Likewise.
        phash: Perceptual hash, 0..2**64-1; pictures that look alike differ in few bits.
        format: As found in the bytes: ``jpeg``, ``png``, …
        width_px: Of the upright picture.
        height_px: Of the upright picture.
        size_bytes: Of the file.
    """

    sha256: str
    md5: str
    sha1: str
    phash: int
    format: str
    width_px: int
    height_px: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class NewImage:
    """A picture that is to be remembered; its bytes lie under ``blob_key`` already."""

    owner: str
    traits: Traits
    blob_key: str
    file_name: str | None = None


@dataclass(frozen=True, slots=True)
class NewObject:
    """One object that a model found; px of the upright original, origin top left, x_max and y_max exclusive."""

    label: str
    score: float
    x_min: float
    y_min: float
    x_max: float
    y_max: float
    centroid_x: float
    centroid_y: float
    radius_px: float


@dataclass(frozen=True, slots=True)
class ImageObject:
    """An object as it is stored; ``id`` is a UUID that belongs to this one image."""

    id: str
    model: str
    found: NewObject


@dataclass(frozen=True, slots=True)
class NewPrediction:
    """What one version of a model says of an image; stored with all objects and labels, or not at all.

    Attributes:
        model: ``name@version``.
        digest: Of the model's package.
        options: JSON text of what was asked for; with other options it is another answer.
        prediction: JSON text as clients see it.
        labels: Label, best score, how often; each label once, best first.
        objects: Best first; none for classifiers.
    """

    model: str
    digest: str
    task: str
    engine: str
    options: str
    prediction: str
    labels: tuple[tuple[str, float, int], ...]
    objects: tuple[NewObject, ...] = ()

    @property
    def model_name(self) -> str:
        """The model's name without its version."""
        return self.model.partition("@")[0]


@dataclass(frozen=True, slots=True)
class ImagePrediction:
    """What one version of a model said of an image.

    Attributes:
        is_newest: Whether it is the answer where only the model's name is given: of the versions that saw it, the
            newest, by the rule that orders versions everywhere.
    """

    model: str
    digest: str
    task: str
    engine: str
    options: str
    prediction: str
    labels: tuple[tuple[str, float, int], ...]
    object_count: int
    is_newest: bool
    created_at_us: int


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One picture of one owner, as it stands.

    Attributes:
        number: Grows with each record; orders what search finds, and is never shown.
        file_names: All names under which it was sent, first seen first.
        predictions: By model's name, newest version first.
    """

    number: int
    owner: str
    traits: Traits
    blob_key: str
    file_names: tuple[str, ...]
    created_at_us: int
    updated_at_us: int
    predictions: tuple[ImagePrediction, ...] = ()


@dataclass(frozen=True, slots=True)
class Remembered:
    """A record after it was written.

    Attributes:
        created: False if this owner had it before; the bytes that came with it this time were not needed then, and its
            ``blob_key`` is the older one.
    """

    record: ImageRecord
    created: bool
