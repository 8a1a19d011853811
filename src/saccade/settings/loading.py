"""Reading the settings: command line, environment, ``.env``, defaults; and where each value came from."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from saccade.errors import SettingInvalid, SettingUnknown
from saccade.settings import sections
from saccade.settings.sections import (
    BatchSettings,
    CacheSettings,
    DatabaseSettings,
    EngineSettings,
    FetchSettings,
    HintsSettings,
    ImageSettings,
    JobsSettings,
    LogSettings,
    ObjectsSettings,
    PlaceSettings,
    Section,
    ServerSettings,
    WebhookSettings,
    WorkerSettings,
)

PREFIX = "SACCADE_"
DOTENV = Path(".env")

S = TypeVar("S", bound=Section)


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
    database: DatabaseSettings
    hints: HintsSettings
    objects: ObjectsSettings
    jobs: JobsSettings
    worker: WorkerSettings
    webhook: WebhookSettings
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
    def database_url(self) -> str:
        """Where rows go."""
        return self.database.url or f"sqlite:///{self.home / 'saccade.db'}"

    @property
    def objects_url(self) -> str:
        """Where bytes go."""
        return self.objects.url or (self.home / "objects").as_uri()

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
    "database": DatabaseSettings,
    "hints": HintsSettings,
    "objects": ObjectsSettings,
    "jobs": JobsSettings,
    "worker": WorkerSettings,
    "webhook": WebhookSettings,
}


def variables() -> dict[str, Variable]:
    """Return every setting by its environment name, in the order of their file."""
    return {
        name: Variable(name, section, field)
        for section, kind in SECTIONS.items()
        for field in kind.model_fields
        for name in [f"{PREFIX}{kind.prefix}{field}".upper()]
    }


@cache
def _docstrings() -> dict[tuple[str, str], str]:
    """Return the docstring of each field by class and field; read from its file when asked, for start-up is short."""
    found = {}
    for node in ast.parse(Path(sections.__file__).read_text(encoding="utf-8")).body:
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
        (".env", _dotenv()),
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
        database=_read(DatabaseSettings, values["database"], origins),
        hints=_read(HintsSettings, values["hints"], origins),
        objects=_read(ObjectsSettings, values["objects"], origins),
        jobs=_read(JobsSettings, values["jobs"], origins),
        worker=_read(WorkerSettings, values["worker"], origins),
        webhook=_read(WebhookSettings, values["webhook"], origins),
        origins=origins,
    )


def _dotenv() -> dict[str, str]:
    """Return our variables in ``.env``; the library that reads it is imported where there is one."""
    if not DOTENV.exists():
        return {}
    from dotenv import dotenv_values

    return {name: value or "" for name, value in dotenv_values(DOTENV).items() if name.startswith(PREFIX)}


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
