"""saccade.yaml: what the owner of a package says of it, which wins over every other file in the folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, model_validator

from saccade.errors import PackageInvalid
from saccade.models.documents import read_yaml
from saccade.models.names import NAME_PATTERN, RESERVED_VERSIONS, VERSION_PATTERN
from saccade.models.prediction import Task

#: Where a model may be said to run.
URL_PATTERN = r"^https?://[^\s/?#]+(/[^\s?#]*)?$"
#: The file's name, at the top of a package's folder.
MANIFEST_NAME = "saccade.yaml"


def _text(value: object) -> object:
    """Let a whole number stand where a text is meant (``version: 2``), and nothing else that YAML makes of a word."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float | bool) or value is None:
        raise ValueError(f"YAML reads it as {value!r}; put it in quotes")
    return value


Word: TypeAlias = Annotated[str, BeforeValidator(_text)]


class _Part(BaseModel):
    # Parts are built with the whole, not each by itself: the reader stands on the way to a first answer.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Channels: TypeAlias = Annotated[list[float], Field(min_length=3, max_length=3)]


class TorchvisionPart(_Part):
    """torchvision's evaluation preset for classifiers; each key has the preset's own value if it is left out."""

    resize_px: int = Field(default=256, ge=1, le=8192, description="The short side after resizing.")
    crop_px: int = Field(default=224, ge=1, le=8192, description="The side of the square that is cut out.")
    resample: Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] = Field(
        default="bilinear", description="The filter."
    )
    mean: Channels | None = Field(default=None, description="Mean of each channel, of values 0..1; else ImageNet's.")
    std: Channels | None = Field(default=None, description="Deviation of each channel; else ImageNet's.")


class PreprocessPart(_Part):
    """How a picture becomes the graph's input: one of the two keys."""

    steps: list[dict[str, JsonValue]] | None = Field(
        default=None, max_length=64, description="The steps, one by one, in order."
    )
    torchvision: TorchvisionPart | None = Field(
        default=None, description="torchvision's preset for classifiers; `{}` takes it as it is."
    )

    @model_validator(mode="after")
    def _one_way(self) -> PreprocessPart:
        if (self.steps is None) == (self.torchvision is None):
            raise ValueError("say exactly one of `steps` and `torchvision`")
        return self


class ReferencePart(_Part):
    """A picture with a known answer."""

    image: str = Field(description="Path of the picture inside the package.")
    predictions: list[dict[str, JsonValue]] = Field(description="What the model must say of it.")


class FilePart(_Part):
    """A file as it was when the package was added."""

    path: str = Field(description="Path inside the package.")
    size_bytes: int = Field(ge=0, description="Its length.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Its digest.")


class RemotePart(_Part):
    """Where a model runs that is asked over HTTP."""

    url: str = Field(pattern=URL_PATTERN, description="Of the server, without the protocol's paths.")
    protocol: Literal["v2", "v1", "microservice"] = Field(
        default="v2",
        description="`v2` (Open Inference Protocol), `v1` (KServe), or `microservice` (`/status` and `/predict`).",
    )
    model: Word | None = Field(default=None, description="The model's name there; without it, its name here.")
    timeout_s: float = Field(default=30.0, gt=0, le=600, description="Longest time of one try.")
    retries: int = Field(default=2, ge=0, le=5, description="Further tries where nothing answered the first one.")


class Manifest(_Part):
    """The keys of saccade.yaml; each is optional, and what is missing is taken from the files beside it."""

    name: Word | None = Field(
        default=None, pattern=f"^{NAME_PATTERN}$", description="The model's name; without it, the folder's."
    )
    version: Word | None = Field(
        default=None,
        pattern=f"^{VERSION_PATTERN}$",
        description="The version; without it, what stands after `@` in the folder's name, else `1`.",
    )
    task: Task | None = Field(
        default=None, description="`image-classification`, `object-detection` or `zero-shot-object-detection`."
    )
    family: str | None = Field(default=None, description="How the graph's outputs are read: the decoder.")
    engine: Literal["onnxruntime", "python", "remote"] = Field(
        default="onnxruntime",
        description="What runs the model: `onnxruntime`, `python` for a plug-in, `remote` for another server.",
    )
    remote: RemotePart | None = Field(default=None, description="Where the model runs, for `engine: remote`.")
    entry: str | None = Field(
        default=None, description="The plug-in's class: `package.module:Class`, or `file.py:Class` in this folder."
    )
    graph: str | None = Field(default=None, description="Path of the ONNX file, where it is not in its usual place.")
    variant: str | None = Field(
        default=None, description="Which of several graphs: `fp32`, `fp16`, `quantized`, `int8`, `uint8`, `q4` …"
    )
    labels: list[Word] | dict[int, Word] | None = Field(
        default=None,
        description="The labels: a list, or one per id; a zero-shot model looks for them where the caller says none.",
    )
    labels_file: str | None = Field(default=None, description="Path of a file with them: one a line, or JSON.")
    license: str | None = Field(default=None, description="SPDX name of the licence of the weights.")
    description: str | None = Field(default=None, description="One or two sentences for people.")
    tags: list[Word] = Field(default=[], description="Words by which people find the model.")
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="Lowest score that is returned where the caller asks for none."
    )
    decoder: dict[str, JsonValue] = Field(default={}, description="Options of the family's decoder.")
    preprocess: PreprocessPart | None = Field(
        default=None, description="How a picture becomes the graph's input: `steps` or `torchvision`."
    )
    references: list[ReferencePart] = Field(
        default=[], description="Pictures with known answers, checked at load: `image` and `predictions` of each."
    )
    parameters: int | None = Field(default=None, ge=0, description="Number of weights; without it, counted.")
    source: str | None = Field(default=None, description="Where the package came from; written by `models add`.")
    revision: str | None = Field(default=None, description="The hub's commit, 40 hex digits; written by `models add`.")
    files: list[FilePart] = Field(
        default=[], description="Path, size and sha256 of each file; written by `models add`, compared at every read."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        if self.labels is not None and self.labels_file is not None:
            raise ValueError("say one of `labels` and `labels_file`, not both")
        if (self.engine == "python") != (self.entry is not None):
            raise ValueError("`engine: python` and `entry` go together")
        if (self.engine == "remote") != (self.remote is not None):
            raise ValueError("`engine: remote` and `remote` go together")
        if self.version in RESERVED_VERSIONS:
            raise ValueError(f"`version: {self.version}` is an alias, and no version")
        return self

    @property
    def has_labels(self) -> bool:
        """Whether the labels are said here."""
        return self.labels is not None or self.labels_file is not None

    @property
    def speaks(self) -> bool:
        """Whether the owner says how to use the graph, rather than leave that to the files beside it."""
        return self.task is not None or self.family is not None or self.preprocess is not None


def read_manifest(folder: Path) -> Manifest | None:
    """Return what saccade.yaml says, None where there is none.

    Raises:
        PackageInvalid: It is no YAML, has an unknown key (the message names it and the known ones) or a wrong value.
    """
    path = folder / MANIFEST_NAME
    return parse_manifest(read_yaml(path)) if path.is_file() else None


def parse_manifest(document: Mapping[str, object]) -> Manifest:
    """Check a mapping against the keys of saccade.yaml.

    Raises:
        PackageInvalid: An unknown key or a wrong value; the message names each.
    """
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        faults = "; ".join(_fault(item["type"], item["loc"], item["msg"]) for item in error.errors()[:5])
        raise PackageInvalid(f"{MANIFEST_NAME}: {faults}.") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write saccade.yaml with the keys that say something; replaces the file."""
    said = manifest.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=120)
    (folder / MANIFEST_NAME).write_text(text, encoding="utf-8")


def _fault(kind: str, place: tuple[int | str, ...], message: str) -> str:
    path = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        return f"there is no key `{path}` (known: {', '.join(sorted(_known_keys(place)))})"
    return f"`{path}`: {message}" if path else message


def _known_keys(place: tuple[int | str, ...]) -> set[str]:
    """Return the keys that may stand where an unknown one does."""
    if "torchvision" in place[:-1]:
        return set(TorchvisionPart.model_fields)
    parts: dict[int | str, type[_Part]] = {
        "preprocess": PreprocessPart,
        "references": ReferencePart,
        "files": FilePart,
        "remote": RemotePart,
    }
    part = parts.get(place[0], Manifest) if len(place) > 1 else Manifest
    return set(part.model_fields)
