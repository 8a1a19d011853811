"""Bodies of system 3, whose clients keep working here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, RootModel

from saccade.api.schemas.shape import Request, Shape


class System3Failure(Shape):
    """What happened."""

    status: Literal["failure"]
    detail: str


class System3Done(Shape):
    """It is done."""

    status: Literal["success"]
    detail: str


class System3Service(Request):
    """A model service: its name and where it is; older services have the longer names."""

    model_name: str | None = Field(None, alias="modelName")
    model_socket: str | None = Field(None, alias="modelSocket")
    name: str | None = None
    socket: str | None = None


class System3Session(System3Done):
    """A session."""

    access_token: str
    token_type: Literal["bearer"]


class System3Profile(Shape):
    """An account."""

    username: str
    roles: list[str]
    email: str | None
    full_name: str | None
    agency: str | None
    disabled: bool


class System3Key(Shape):
    """A key; ``key`` is the part of it that is no secret."""

    key: str
    type: str
    user: str
    detail: str
    enabled: bool


class System3KeyMade(System3Key):
    """A new key, with its secret in ``key`` for the only time."""

    status: Literal["success"]


class System3Keys(Shape):
    """Keys that open something."""

    status: Literal["success"]
    keys: list[System3Key]


class System3KeyDisabled(System3Done):
    """A key that opens nothing any more."""

    key: System3Key


class System3Models(Shape):
    """Names of models."""

    models: list[str]


class System3AllModels(Shape):
    """Labels by the name of the model."""

    models: dict[str, list[str]]


class System3Hashes(Shape):
    """MD5 of each photo."""

    images: list[str]


class System3Image(Shape):
    """What is known of a photo, or that there is none."""

    status: Literal["success", "failure"]
    detail: str | None = None
    hash_md5: str
    file_names: list[str] | None = None
    hash_sha1: str | None = None
    hash_sha256: str | None = None
    hash_perceptual: str | None = None
    users: list[str] | None = None
    models: dict[str, dict[str, float]] | None = None
    failed: dict[str, str] | None = None


class System3Results(RootModel[list[System3Image]]):
    """One for each hash, in the order asked."""


class System3Search(Request):
    """Labels by model, of which any must have been seen."""

    search_filter: dict[str, list[str]] | None = None


class System3Page(Shape):
    """A page of MD5, or how many there are; a failure where there is no such page."""

    status: Literal["success", "failure"]
    detail: str | None = None
    num_pages: int | None = None
    page_size: int | None = None
    num_images: int | None = None
    current_page: int | None = None
    hashes: list[str] | None = None


class System3Found(Shape):
    """MD5 of all that was found."""

    status: Literal["success", "failure"]
    detail: str | None = None
    hashes: list[str] | None = None
