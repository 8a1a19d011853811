"""Drivers behind ports: one folder per port, one file per scheme. Modules are imported when they are opened."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import cast

from saccade.access.counting import Limiter
from saccade.errors import BackendNotInstalled, SchemeUnknown
from saccade.jobs.ports import Hints, Objects
from saccade.models.ports import Engine

#: engine → "module:factory". A factory takes the threads of one run.
ENGINES: Mapping[str, str] = {"onnxruntime": "saccade.backends.engines.onnxruntime:OnnxEngine"}

#: scheme → ("module:factory", extra that brings the driver). A factory takes the whole URL.
HINTS: Mapping[str, tuple[str, str]] = {
    "memory": ("saccade.backends.hints.memory:open_memory", ""),
    "redis": ("saccade.backends.hints.redis:open_redis", "redis"),
    "rediss": ("saccade.backends.hints.redis:open_redis", "redis"),
    "amqp": ("saccade.backends.hints.amqp:open_amqp", "amqp"),
    "amqps": ("saccade.backends.hints.amqp:open_amqp", "amqp"),
}

#: scheme → ("module:factory", extra that brings the driver). A factory takes the whole URL.
OBJECTS: Mapping[str, tuple[str, str]] = {
    "memory": ("saccade.backends.objects.memory:open_memory", ""),
    "file": ("saccade.backends.objects.file:open_file", ""),
    "s3": ("saccade.backends.objects.cloud:open_cloud", ""),
    "gs": ("saccade.backends.objects.cloud:open_cloud", ""),
    "az": ("saccade.backends.objects.cloud:open_cloud", ""),
}

#: scheme → ("module:factory", extra that brings the driver). A factory takes the whole URL.
LIMITERS: Mapping[str, tuple[str, str]] = {
    "memory": ("saccade.backends.limiters.memory:open_memory", ""),
    "redis": ("saccade.backends.limiters.redis:open_redis", "redis"),
    "rediss": ("saccade.backends.limiters.redis:open_redis", "redis"),
}


def open_engine(name: str, *, threads: int) -> Engine:
    """Return the engine of this name.

    Raises:
        SchemeUnknown: There is none.
    """
    target = ENGINES.get(name)
    if target is None:
        raise SchemeUnknown(
            f"There is no engine {name!r}.", hint=f"Known engines: {', '.join(sorted(ENGINES))}, python."
        )
    module, _, factory = target.partition(":")
    return cast("Engine", getattr(importlib.import_module(module), factory)(threads=threads))


def open_hints(url: str) -> Hints:
    """Open the hints of a URL; a broker is not dialled yet.

    Raises:
        SchemeUnknown: No hints have this scheme.
        BackendNotInstalled: The driver is not installed.
        SettingInvalid: The URL cannot be read.
    """
    return cast("Hints", _open(url, "SACCADE_HINTS_URL", HINTS))


def open_objects(url: str) -> Objects:
    """Open the objects of a URL; a bucket is not dialled yet, a folder is made.

    Raises:
        SchemeUnknown: No objects have this scheme.
        SettingInvalid: The URL cannot be read.
        ObjectsUnreachable: The folder cannot be made.
    """
    return cast("Objects", _open(url, "SACCADE_OBJECTS_URL", OBJECTS))


def open_limiter(url: str) -> Limiter:
    """Open what counts limits at a URL; a server is not dialled yet.

    Raises:
        SchemeUnknown: No limiter has this scheme.
        BackendNotInstalled: The driver is not installed.
        SettingInvalid: The URL cannot be read.
    """
    return cast("Limiter", _open(url, "SACCADE_RATE_URL", LIMITERS))


def _open(url: str, setting: str, table: Mapping[str, tuple[str, str]]) -> object:
    """Import what opens a URL and let it; only the scheme is ever shown, for the rest may hold a password."""
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in table:
        shown = f"has the scheme {scheme[:20]!a}" if separator else "is no URL"
        raise SchemeUnknown(f"{setting} {shown}.", hint=f"Known schemes: {', '.join(sorted(table))}.")
    target, extra = table[scheme]
    module, _, name = target.partition(":")
    try:
        factory = cast("Callable[[str], object]", getattr(importlib.import_module(module), name))
        return factory(url)
    except ModuleNotFoundError as error:
        if not extra or str(error.name).startswith("saccade"):
            raise
        raise BackendNotInstalled(
            f"{scheme} needs {error.name}, which is not installed.", hint=f"pip install 'saccade[{extra}]'"
        ) from error
