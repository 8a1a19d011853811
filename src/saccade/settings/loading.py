"""Reading the settings: command line, environment, ``.env``, defaults; and where each value came from."""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import ValidationError

from saccade.errors import SettingInvalid, SettingUnknown
from saccade.settings import access, faces, sections
from saccade.settings.access import (
    AccessMode,
    AccessSettings,
    ClientSettings,
    JwtSettings,
    QuotaSettings,
    RateSettings,
    UsageSettings,
)
from saccade.settings.faces import (
    Face0Settings,
    Face1Settings,
    Face2Settings,
    Face3Settings,
    Face4Settings,
    FacesSettings,
)
from saccade.settings.sections import (
    BatchSettings,
    CacheSettings,
    DatabaseSettings,
    EngineSettings,
    FetchSettings,
    GrpcSettings,
    HintsSettings,
    ImageSettings,
    JobsSettings,
    LogSettings,
    ObjectsSettings,
    PlaceSettings,
    RemoteSettings,
    Section,
    ServerSettings,
    WebhookSettings,
    WorkerSettings,
)

PREFIX = "SACCADE_"
DOTENV = Path(".env")

#: Kubernetes tells each container of its services in variables that begin with their names.
_LINK_HINT = "A Kubernetes service whose name begins with saccade sets it: say enableServiceLinks: false for the pod."

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings, by section."""

    place: PlaceSettings
    server: ServerSettings
    grpc: GrpcSettings
    log: LogSettings
    image: ImageSettings
    fetch: FetchSettings
    remote: RemoteSettings
    batch: BatchSettings
    engine: EngineSettings
    cache: CacheSettings
    database: DatabaseSettings
    hints: HintsSettings
    objects: ObjectsSettings
    jobs: JobsSettings
    worker: WorkerSettings
    webhook: WebhookSettings
    access: AccessSettings
    jwt: JwtSettings
    rate: RateSettings
    quota: QuotaSettings
    usage: UsageSettings
    faces: FacesSettings
    face_0: Face0Settings
    face_1: Face1Settings
    face_2: Face2Settings
    face_3: Face3Settings
    face_4: Face4Settings
    client: ClientSettings
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
    def is_guarded(self) -> bool:
        """Whether the server may be reached from other machines: it asks who calls, or everybody is meant to use it."""
        return self.access.mode is AccessMode.REQUIRED or self.server.allow_anyone

    @property
    def faces_off(self) -> frozenset[str]:
        """The numbers of the faces that are not shown."""
        shown = {
            "0": self.face_0.enabled,
            "1": self.face_1.enabled,
            "2": self.face_2.enabled,
            "3": self.face_3.enabled,
            "4": self.face_4.enabled,
        }
        return frozenset(face for face, is_shown in shown.items() if not is_shown)

    @property
    def acting(self) -> Mapping[str, str]:
        """By the number of a face, the account that requests without credentials act as there."""
        named = {"1": self.face_1.principal, "2": self.face_2.principal, "4": self.face_4.principal}
        return {face: name for face, name in named.items() if name}

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
    "grpc": GrpcSettings,
    "log": LogSettings,
    "image": ImageSettings,
    "fetch": FetchSettings,
    "remote": RemoteSettings,
    "batch": BatchSettings,
    "engine": EngineSettings,
    "cache": CacheSettings,
    "database": DatabaseSettings,
    "hints": HintsSettings,
    "objects": ObjectsSettings,
    "jobs": JobsSettings,
    "worker": WorkerSettings,
    "webhook": WebhookSettings,
    "access": AccessSettings,
    "jwt": JwtSettings,
    "rate": RateSettings,
    "quota": QuotaSettings,
    "usage": UsageSettings,
    "faces": FacesSettings,
    "face_0": Face0Settings,
    "face_1": Face1Settings,
    "face_2": Face2Settings,
    "face_3": Face3Settings,
    "face_4": Face4Settings,
    "client": ClientSettings,
}


def variables() -> dict[str, Variable]:
    """Return every setting by its environment name, in the order of their file."""
    return {
        name: Variable(name, section, field)
        for section, kind in SECTIONS.items()
        for field in kind.model_fields
        for name in [f"{PREFIX}{kind.prefix}{field}".upper()]
    }


def _nodes(module: ModuleType) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(module)).body


@cache
def _docstrings() -> dict[tuple[str, str], str]:
    """Return the docstring of each field by class and field; read from its file when asked, for start-up is short."""
    found = {}
    for node in [node for module in (sections, access, faces) for node in _nodes(module)]:
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
                hint = _LINK_HINT if value.startswith("tcp://") or name.endswith("_SERVICE_HOST") else ""
                raise SettingUnknown(f"{name} ({origin}) names no setting.", hint=hint)
            values[known[name].section][known[name].field] = value
            origins[name] = origin
    return Settings(
        place=_read(PlaceSettings, values["place"], origins),
        server=_read(ServerSettings, values["server"], origins),
        grpc=_read(GrpcSettings, values["grpc"], origins),
        log=_read(LogSettings, values["log"], origins),
        image=_read(ImageSettings, values["image"], origins),
        fetch=_read(FetchSettings, values["fetch"], origins),
        remote=_read(RemoteSettings, values["remote"], origins),
        batch=_read(BatchSettings, values["batch"], origins),
        engine=_read(EngineSettings, values["engine"], origins),
        cache=_read(CacheSettings, values["cache"], origins),
        database=_read(DatabaseSettings, values["database"], origins),
        hints=_read(HintsSettings, values["hints"], origins),
        objects=_read(ObjectsSettings, values["objects"], origins),
        jobs=_read(JobsSettings, values["jobs"], origins),
        worker=_read(WorkerSettings, values["worker"], origins),
        webhook=_read(WebhookSettings, values["webhook"], origins),
        access=_read(AccessSettings, values["access"], origins),
        jwt=_read(JwtSettings, values["jwt"], origins),
        rate=_read(RateSettings, values["rate"], origins),
        quota=_read(QuotaSettings, values["quota"], origins),
        usage=_read(UsageSettings, values["usage"], origins),
        faces=_read(FacesSettings, values["faces"], origins),
        face_0=_read(Face0Settings, values["face_0"], origins),
        face_1=_read(Face1Settings, values["face_1"], origins),
        face_2=_read(Face2Settings, values["face_2"], origins),
        face_3=_read(Face3Settings, values["face_3"], origins),
        face_4=_read(Face4Settings, values["face_4"], origins),
        client=_read(ClientSettings, values["client"], origins),
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
