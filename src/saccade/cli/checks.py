"""What ``saccade doctor`` looks at: each check says what it found and whether that is right."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.cli.access_checks import check_access
from saccade.cli.listening import listen
from saccade.cli.reach import check_database, check_hints, check_objects
from saccade.cli.verdict import Check, Verdict
from saccade.cli.version import library_versions, version_of
from saccade.errors import AddressUnavailable, BindRefused, ConfigurationError, SaccadeError, UnavailableError
from saccade.models.prediction import Task
from saccade.models.status import ModelState, ModelStatus

if TYPE_CHECKING:
    from saccade.models.registry import Registry
    from saccade.settings import Settings

#: extra → the distribution that it brings, and what it is for.
EXTRAS = {
    "postgres": ("psycopg", "databases at postgresql://"),
    "mysql": ("pymysql", "databases at mysql://"),
    "redis": ("redis", "hints and limits at redis://"),
    "amqp": ("kombu", "hints at amqp://"),
    "hub": ("huggingface-hub", "models from Hugging Face"),
    "grpc": ("grpcio", "the Open Inference Protocol over gRPC"),
    "zero-shot": ("tokenizers", "models that are told what to look for"),
    "eval": ("faster-coco-eval", "saccade evaluate"),
    "export": ("transformers", "saccade models convert"),
}

#: What the clients of a face ask for, where it is one thing.
_WANTED = {
    "FACES_0_": Task.IMAGE_CLASSIFICATION,
    "FACES_1_": Task.IMAGE_CLASSIFICATION,
    "FACES_4_": Task.OBJECT_DETECTION,
}


def all_checks(settings: Settings) -> Iterator[Check]:
    """Look at everything, from the ground up."""
    yield Check("python", Verdict.OK, f"{platform.python_version()} on {platform.machine()} {platform.system()}")
    yield Check("cpus", Verdict.OK, f"{len(os.sched_getaffinity(0))} may be used, of {os.cpu_count()}")
    yield _libraries()
    yield from _extras()
    yield check_home(settings.home)
    yield check_models_folder(settings.models_folder)
    yield check_port(settings)
    yield check_database(settings)
    yield check_hints(settings)
    yield check_objects(settings)
    yield from check_access(settings)
    yield from _models(settings)


def check_home(home: Path) -> Check:
    """Tell whether Saccade may write below its home, without writing anything."""
    there = next(place for place in (home, *home.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Check("home", Verdict.WRONG, f"{home} cannot be written; set SACCADE_HOME to a folder that can")
    return Check("home", Verdict.OK, f"{home} can be written" if home.exists() else f"{home} will be made when needed")


def check_models_folder(folder: Path) -> Check:
    """Tell whether packages can be read from the folder; none at all is no fault, for some models are shipped."""
    if not folder.exists():
        return Check("models folder", Verdict.OK, f"{folder} does not exist: only the shipped models are served")
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        return Check("models folder", Verdict.WRONG, f"{folder} cannot be read")
    return Check("models folder", Verdict.OK, f"{folder} can be read")


def check_port(settings: Settings) -> Check:
    """Tell whether ``saccade serve`` could listen now."""
    server = settings.server
    try:
        bound, address = listen(server.host, server.port, is_guarded=settings.is_guarded)
    except BindRefused as error:
        return Check("address", Verdict.WRONG, f"{error} {error.hint}")
    except AddressUnavailable as error:
        return Check("address", Verdict.NOTE, f"{error} This is as it should be if the server is running.")
    bound.close()
    return Check("address", Verdict.OK, f"{address.url} is free")


def _libraries() -> Check:
    """Tell whether everything that is always needed is installed."""
    found = library_versions()
    missing = [name for name, version in found.items() if version is None]
    if missing:
        return Check("libraries", Verdict.WRONG, f"not installed: {', '.join(missing)}")
    return Check("libraries", Verdict.OK, ", ".join(f"{name} {version}" for name, version in found.items()))


def _extras() -> Iterator[Check]:
    """Tell which extras are installed; none is needed."""
    for extra, (distribution, purpose) in EXTRAS.items():
        version = version_of(distribution)
        if version:
            yield Check(f"extra {extra}", Verdict.OK, f"{distribution} {version}, for {purpose}")
        else:
            yield Check(f"extra {extra}", Verdict.NOTE, f"not installed; pip install 'saccade[{extra}]' for {purpose}")


def _models(settings: Settings) -> Iterator[Check]:
    """Load every model for a moment, one at a time."""
    from saccade.cli.platform import opened
    from saccade.wiring.promotion import observe_once

    try:
        with opened(settings) as platform:
            for status in platform.registry.statuses():
                yield check_model(platform.registry, status)
            with suppress(UnavailableError):  # which has a line of its own
                observe_once(settings, platform.registry)
            yield from check_faces(settings, platform.registry)
    except ConfigurationError as error:  # it keeps a server from starting, and nobody from seeing the other checks
        yield Check("server", Verdict.WRONG, f"it would not start: {error}")


def check_faces(settings: Settings, registry: Registry) -> Iterator[Check]:
    """Tell of each face whether the model behind it is there and does what its clients ask for."""
    faces = (settings.face_0, settings.face_1, settings.face_2, settings.face_4)
    for face in faces:
        prefix = f"SACCADE_{face.prefix}"
        name, mend = f"face {face.prefix[-2]}", f"set {prefix}MODEL to one that fits, or {prefix}ENABLED=false"
        if not face.enabled:
            yield Check(name, Verdict.OK, "off")
            continue
        try:
            status = registry.status(face.model)
        except SaccadeError as error:
            yield Check(name, Verdict.WRONG, f"{str(error).rstrip('.')}; {mend}")
            continue
        task = status.card.task if status.card is not None else None
        if task is not None and task is not _WANTED.get(face.prefix, task):
            yield Check(name, Verdict.WRONG, f"{status.reference} is for {task}; {mend}")
        else:
            yield Check(name, Verdict.OK, f"answered by {status.reference}")


def check_model(registry: Registry, status: ModelStatus) -> Check:
    """Tell whether a model can be loaded, and unload it again."""
    name = f"model {status.reference}"
    try:
        loaded = registry.load(status.reference)
    except SaccadeError as error:
        return Check(name, Verdict.WRONG, str(error))
    registry.unload(status.reference)
    task = loaded.card.task.value if loaded.card else ""
    if loaded.state is ModelState.AWAY:
        return Check(name, Verdict.NOTE, f"{task} on {loaded.runtime}: {loaded.detail}; start the server that runs it")
    return Check(name, Verdict.OK, f"{task} on {loaded.runtime}")
