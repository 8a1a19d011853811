"""Every setting once: its name with its unit, its default, and why it is what it is.

A setting is read from the environment (``SACCADE_…``), else from a ``.env`` file in the working folder, else it keeps
its default; the command line stands over all. Settings are read once, by ``load``, and handed on; an unknown
``SACCADE_`` variable is an error, for it is a misspelt one.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from saccade.errors import SettingInvalid, SettingUnknown

PREFIX = "SACCADE_"
DOTENV = Path(".env")


class Environment(StrEnum):
    """Where the server runs."""

    DEV = "dev"
    PROD = "prod"


class LogFormat(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """From which weight on a log line is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Preload(StrEnum):
    """Which models are loaded before the server calls itself ready."""

    ALL = "all"
    NONE = "none"


def _split(value: object) -> object:
    """Split a comma-separated list as the environment has it; leave anything else alone."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


S = TypeVar("S", bound="Section")

CommaList = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Section(BaseModel):
    """A frozen group of settings; ``prefix`` stands between SACCADE_ and the field's name."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    prefix: ClassVar[str] = ""


class PlaceSettings(Section):
    """Where things lie and what kind of place this is."""

    home: Path = Path("~/.saccade")
    """Folder of all embedded defaults: models, caches. Everything Saccade writes stays below it."""

    models: Path | None = None
    """Folder of model packages; by default ``models`` below the home. Copy a package there and it is served."""

    environment: Environment = Environment.DEV
    """What kind of place this is, ``dev`` or ``prod``; every JSON log line names it (``service.environment``)."""

    preload: Preload = Preload.ALL
    """``all`` loads every model before /readyz is true; ``none`` loads a model when it is first asked for."""


class ServerSettings(Section):
    """Where the HTTP server listens and whom it answers."""

    prefix: ClassVar[str] = "SERVER_"

    host: str = "127.0.0.1"
    """Address to listen on. Beyond loopback a way in is needed, see ``allow_anyone``."""

    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""

    allow_anyone: bool = False
    """Say true to serve everybody who can reach the address, without asking who they are."""

    cors_origins: CommaList = ()
    """Web origins whose pages may call the API, separated by commas; ``*`` allows all."""

    security_headers: bool = True
    """Send nosniff, frame, referrer and content security headers."""

    max_body_bytes: int = Field(268_435_456, ge=1)
    """Largest whole request body; many pictures may share one. Larger ones are refused before they are read."""

    body_memory_bytes: int = Field(1_073_741_824, ge=1)
    """Bodies of all requests under way together; beyond it a request is answered 503. Never less than one body."""

    body_timeout_s: float = Field(60.0, gt=0)
    """Longest time a client may take to send a body; slower ones are cut off."""

    threads: int = Field(40, ge=1, le=1000)
    """How many requests are worked on at once; more wait in line."""

    grace_s: float = Field(20.0, ge=0)
    """How long a stopping server waits for requests under way."""


class LogSettings(Section):
    """What is logged, and how."""

    prefix: ClassVar[str] = "LOG_"

    level: LogLevel = LogLevel.INFO
    """Lines of less weight are dropped."""

    format: LogFormat | None = None
    """``json`` writes one ECS object a line; by default console on a terminal, else json."""


class ImageSettings(Section):
    """What a picture may be. One policy for every way in."""

    prefix: ClassVar[str] = "IMAGE_"

    max_bytes: int = Field(52_428_800, ge=1)
    """Largest encoded picture."""

    max_pixels: int = Field(50_000_000, ge=1)
    """Largest width times height, read from the header before anything is decoded."""

    max_scans: int = Field(100, ge=1)
    """Most scans of a progressive JPEG; each costs a pass over all pixels."""

    decode_memory_bytes: int = Field(536_870_912, ge=1)
    """Decoded pixels that may be in memory at once; further pictures wait their turn."""


class FetchSettings(Section):
    """Where picture URLs may point."""

    prefix: ClassVar[str] = "FETCH_"

    allow: CommaList = ()
    """host:port and CIDR entries that may be fetched beside global addresses."""

    only_allowed: bool = False
    """Make the allow-list the only door."""

    timeout_s: float = Field(10.0, gt=0)
    """Longest whole time of one fetch, redirects included."""

    max_redirects: int = Field(3, ge=0, le=10)
    """Redirects that are followed, each checked anew."""


class BatchSettings(Section):
    """How requests share runs of a graph."""

    prefix: ClassVar[str] = "BATCH_"

    max_items: int = Field(16, ge=1)
    """Most pictures in one run of a graph."""

    max_pixels: int = Field(4_000_000, ge=1)
    """Most input pixels in one run; large pictures make small batches."""

    queue_items: int = Field(256, ge=1)
    """Pictures that may wait for one model; more are refused with 503."""


class EngineSettings(Section):
    """How graphs are run."""

    prefix: ClassVar[str] = "ENGINE_"

    slots: int = Field(0, ge=0)
    """Runs of one model at the same time; 0 takes the number of CPUs that this process may use."""

    threads: int = Field(1, ge=1)
    """Threads of one run; one per run and several slots is the fastest under load."""

    inspect_memory_bytes: int = Field(4_294_967_296, ge=1)
    """Memory of the child process that inspects a graph which is new here."""

    inspect_timeout_s: float = Field(60.0, gt=0)
    """Longest time of that inspection."""


class CacheSettings(Section):
    """Answers kept in memory."""

    prefix: ClassVar[str] = "CACHE_"

    bytes: int = Field(67_108_864, ge=0)
    """Memory for answers to pictures that were seen before; 0 turns the cache off."""

    ttl_s: float = Field(3600.0, gt=0)
    """How long an answer is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings, by section."""

    place: PlaceSettings
    server: ServerSettings
    log: LogSettings
    image: ImageSettings
    fetch: FetchSettings
    batch: BatchSettings
    engine: EngineSettings
    cache: CacheSettings
    origins: Mapping[str, str]
    """For each variable, where its value came from: ``default``, ``environment``, ``.env`` or ``command line``."""

    @property
    def home(self) -> Path:
        """The home folder, absolute."""
        return self.place.home.expanduser().absolute()

    @property
    def models_folder(self) -> Path:
        """The folder of packages, absolute."""
        return self.place.models.expanduser().absolute() if self.place.models else self.home / "models"

    @property
    def cache_folder(self) -> Path:
        """The folder of what can be made again."""
        return self.home / "cache"


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting as the environment names it."""

    name: str
    section: str
    field: str

    @property
    def help(self) -> str:
        """What the setting is for: the docstring below its field."""
        return _docstrings()[SECTIONS[self.section].__name__, self.field]


SECTIONS: Mapping[str, type[Section]] = {
    "place": PlaceSettings,
    "server": ServerSettings,
    "log": LogSettings,
    "image": ImageSettings,
    "fetch": FetchSettings,
    "batch": BatchSettings,
    "engine": EngineSettings,
    "cache": CacheSettings,
}


def variables() -> dict[str, Variable]:
    """Return every setting by its environment name, in the order of this file."""
    return {
        name: Variable(name, section, field)
        for section, kind in SECTIONS.items()
        for field in kind.model_fields
        for name in [f"{PREFIX}{kind.prefix}{field}".upper()]
    }


@cache
def _docstrings() -> dict[tuple[str, str], str]:
    """Return the docstring of each field by class and field; read from this file when asked, for start-up is short."""
    found = {}
    for node in ast.parse(Path(__file__).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            for field, text in pairwise(node.body):
                if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                    found[node.name, ast.unparse(field.target)] = cleandoc(str(ast.literal_eval(text.value)))
    return found


def load(overrides: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the command line's overrides, the environment, ``.env`` and the defaults, in that order.

    Args:
        overrides: Values from the command line, by environment name.

    Raises:
        SettingUnknown: A ``SACCADE_`` variable names no setting.
        SettingInvalid: A value has the wrong type or lies outside its range.
    """
    layers = (
        ("command line", dict(overrides or {})),
        ("environment", {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}),
        (".env", {name: value or "" for name, value in dotenv_values(DOTENV).items() if name.startswith(PREFIX)}),
    )
    known = variables()
    origins = dict.fromkeys(known, "default")
    values: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for origin, layer in reversed(layers):
        for name, value in layer.items():
            if name not in known:
                raise SettingUnknown(f"{name} ({origin}) names no setting.")
            values[known[name].section][known[name].field] = value
            origins[name] = origin
    return Settings(
        place=_read(PlaceSettings, values["place"], origins),
        server=_read(ServerSettings, values["server"], origins),
        log=_read(LogSettings, values["log"], origins),
        image=_read(ImageSettings, values["image"], origins),
        fetch=_read(FetchSettings, values["fetch"], origins),
        batch=_read(BatchSettings, values["batch"], origins),
        engine=_read(EngineSettings, values["engine"], origins),
        cache=_read(CacheSettings, values["cache"], origins),
        origins=origins,
    )


def _read(kind: type[S], values: Mapping[str, str], origins: Mapping[str, str]) -> S:
    """Validate one section, naming the variable and where it came from when a value is wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"{PREFIX}{kind.prefix}{first['loc'][0]}".upper()
        raise SettingInvalid(
            f"{name}={values.get(str(first['loc'][0]), '')!r} ({origins.get(name, kind.__name__)}): {first['msg']}."
        ) from None
