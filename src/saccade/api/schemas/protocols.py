"""Bodies of the Open Inference Protocol, and of KServe's first one."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel

from saccade.api.schemas.shape import Shape


class _Open(BaseModel):
    """A JSON object that may have more members than are known here."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="allow")


class OipError(Shape):
    """What happened."""

    error: str


class OipServer(Shape):
    """Who answers."""

    name: str
    version: str
    extensions: list[str]


class OipLive(Shape):
    """Whether the process answers."""

    live: bool


class OipReady(Shape):
    """Whether the server can answer."""

    ready: bool


class OipModels(Shape):
    """All models by their bare names."""

    models: list[str]


class OipModelReady(Shape):
    """Whether a model can answer."""

    name: str
    ready: bool


class OipModelNotReady(Shape):
    """That a model cannot answer; or only what happened, where nobody could tell who asks."""

    name: str | None = None
    ready: bool | None = None
    error: str


class OipTensorMetadata(Shape):
    """What an input or an output looks like; -1 stands for sizes that depend on the request."""

    name: str
    datatype: str
    shape: list[int]


class OipModel(Shape):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[OipTensorMetadata]
    outputs: list[OipTensorMetadata]
    properties: dict[str, str]
    """``version``, ``task`` and, as a JSON list, ``labels``."""


class OipInputParameters(_Open):
    """How the elements of an input come."""

    binary_data_size: int | None = Field(None, ge=0)
    """Bytes behind the JSON that are this input's."""


class OipInput(_Open):
    """Encoded pictures."""

    name: Literal["image"]
    datatype: Literal["BYTES"]
    shape: list[int] = Field(min_length=1, max_length=2)
    """``[N]`` or ``[N, 1]``, N from 1 to 32."""

    parameters: OipInputParameters | None = None
    data: list[str] | list[list[str]] | None = None
    """In base64; left out where the elements come as bytes."""


class OipOutputParameters(_Open):
    """How the elements of an output are to come."""

    binary_data: bool = False
    """As bytes behind the JSON."""

    classification: int = Field(0, ge=0, le=100)
    """So many texts ``value:index:label``, in the place of a classifier's scores."""


class OipOutput(_Open):
    """An output that is wanted."""

    name: Literal["count", "label", "score", "class_id", "box", "centroid", "radius_px", "prediction"]
    parameters: OipOutputParameters | None = None


class OipParameters(BaseModel):
    """What is asked of the model."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    top_k: int | None = Field(None, ge=1, le=100)
    threshold: float | None = Field(None, ge=0, le=1)
    candidate_labels: str | list[str] | None = None
    """Between commas, or as a list."""

    binary_data_output: bool = False
    """All outputs as bytes behind the JSON, but for those that say otherwise."""


class OipRequest(_Open):
    """Pictures for a model."""

    id: str | None = Field(None, min_length=1, max_length=256)
    parameters: OipParameters | None = None
    inputs: list[OipInput] = Field(min_length=1, max_length=1)
    outputs: list[OipOutput] | None = None


class OipTensor(Shape):
    """An output, for all pictures."""

    name: str
    datatype: Literal["BYTES", "FP32", "INT64"]
    shape: list[int]
    parameters: dict[str, int] | None = None
    """``binary_data_size``, where the elements come as bytes."""

    data: list[str] | list[float] | list[int] | None = None


class OipAnswer(Shape):
    """What a model says."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OipTensor]


class OipIndexEntry(Shape):
    """A version of a model."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str | None = None


class OipIndex(RootModel[list[OipIndexEntry]]):
    """The repository."""


class OipLoading(_Open):
    """May as well be missing."""


class OipLoaded(Shape):
    """The model is loaded."""

    name: str
    load: bool


class OipUnloaded(Shape):
    """The model is out of service."""

    name: str
    unload: bool


class KServeBase64(BaseModel):
    """A picture in base64."""

    model_config = ConfigDict(extra="forbid")

    b64: str


class KServeInstance(_Open):
    """A picture, in exactly one of these."""

    image: KServeBase64 | str | None = None
    b64: str | None = None
    data: str | None = None
    image_base64: str | None = None
    image_url: str | None = None


class KServeParameters(BaseModel):
    """What is asked of the model."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    top_k: int | None = Field(None, ge=1, le=100)
    threshold: float | None = Field(None, ge=0, le=1)
    candidate_labels: list[str] | None = None
    label: str | None = Field(None, min_length=1, max_length=200)
    """What a zero-shot model looks for; of another model that knows the label, only its objects are answered."""


class KServeRequest(_Open):
    """Pictures for a model: ``instances``, or ``inputs`` in their place."""

    instances: list[KServeInstance | str] | None = Field(None, max_length=32)
    inputs: list[KServeInstance | str] | None = Field(None, max_length=32)
    parameters: KServeParameters | None = None


class KServeAnswer(Shape):
    """What a model says: a list for each instance, or the one list of objects."""

    predictions: list[JsonValue]
