"""What the server says of itself."""

from __future__ import annotations

from saccade.api.schemas.shape import Shape


class Index(Shape):
    """Where things are."""

    name: str
    version: str
    docs: str
    openapi: str
    models: str
    predict: str
    jobs: str
    health: str


class Version(Shape):
    """The program."""

    name: str
    version: str


class Liveness(Shape):
    """One word."""

    status: str


class Readiness(Shape):
    """Whether the server can answer, and what it waits for."""

    status: str
    loading: list[str]
    """Models that are loading."""

    failed: list[str]
    """Models that could not be loaded."""

    parts: dict[str, str]
    """What else is not well, by name (`jobs`, `database`, `worker`), and why; empty while all is."""


class Health(Readiness):
    """How the server is: ok, degraded, loading or failing."""

    version: str


class Setting(Shape):
    """One setting in force."""

    value: str | int | float | bool | list[str] | None
    origin: str
    """default, environment, .env or command line."""


class Config(Shape):
    """The settings in force."""

    settings: dict[str, Setting]
    """By environment name."""
