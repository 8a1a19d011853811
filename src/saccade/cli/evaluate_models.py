"""Models that an evaluation asks, in this process or at a server: what each says of itself, and how it is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import quote

from saccade.cli.evaluate_progress import say
from saccade.clock import monotonic_s
from saccade.errors import ModelFailed, ParameterInvalid, TaskMismatch

if TYPE_CHECKING:
    from saccade.cli.job_client import JobClient
    from saccade.evaluation.answers import Asking
    from saccade.evaluation.document import Evaluation
    from saccade.evaluation.run import Ask
    from saccade.models.prediction import Task
    from saccade.predictions.answer import PredictOptions
    from saccade.predictions.render import Json
    from saccade.wiring import Platform

#: How often it is told that the server is waited for.
_TELL_EVERY_S = 10.0
#: How long a server that is full or away is asked again.
_PATIENCE_S = 900.0
#: Pictures under way at a server: one is sent while another is looked at. More would stand in its line, before others
#: too, and the times would be those of waiting.
_AT_SERVER = 2


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is there to be asked.

    Attributes:
        reference: Name and version.
        digest: Of its package.
        runtime: Engine, device and precision; empty as long as it is not loaded.
    """

    reference: str
    digest: str
    runtime: str
    asking: Asking


class Place(Protocol):
    """Where models are asked."""

    @property
    def threads(self) -> int:
        """Pictures under way at a time."""
        ...

    def load(self, name: str) -> Mapping[str, Json]:
        """Make a model ready and return its state and card; raises ``ModelUnknown``."""
        ...

    def status(self, name: str) -> Mapping[str, Json]:
        """Return a model's state and card as they are now."""
        ...

    def ask(self, reference: str) -> Ask:
        """Return how it is asked about a picture's bytes."""
        ...

    def stop(self) -> None:
        """Let nobody wait any more."""
        ...

    def record(self, evaluation: Evaluation) -> None:
        """Write the figures down for promotion."""
        ...


class Here:
    """Models in this process."""

    def __init__(self, platform: Platform, threads: int) -> None:
        self._platform = platform
        self.threads = threads

    def load(self, name: str) -> Mapping[str, Json]:
        """Load a model and return its state and card."""
        from saccade.predictions.render import status_to_json

        return status_to_json(self._platform.registry.load(name))

    def status(self, name: str) -> Mapping[str, Json]:
        """Return its state and card."""
        from saccade.predictions.render import status_to_json

        return status_to_json(self._platform.registry.status(name))

    def ask(self, reference: str) -> Ask:
        """Ask as ``saccade predict`` does."""
        from saccade.predictions.render import answer_to_json

        def ask(data: bytes, options: PredictOptions) -> Mapping[str, Json]:
            return answer_to_json(self._platform.predictor.predict(data, model=reference, options=options))

        return ask

    def stop(self) -> None:
        """Do nothing: what is under way ends soon."""

    def record(self, evaluation: Evaluation) -> None:
        """Write the figures into the database."""
        from saccade.cli.evaluate_record import record_here

        record_here(evaluation)


class Server:
    """Models at a server. Thread-safe."""

    def __init__(self, client: JobClient) -> None:
        self._client = client
        self._told_s = -_TELL_EVERY_S
        self.threads = _AT_SERVER
        client.on_pause = self._tell_pause

    def load(self, name: str) -> Mapping[str, Json]:
        """Ask for the state and card; the server loads what it is asked about."""
        return self.status(name)

    def status(self, name: str) -> Mapping[str, Json]:
        """Ask for the state and card."""
        return self._client.ask("GET", f"/v1/models/{quote(name, safe='@')}")

    def ask(self, reference: str) -> Ask:
        """Ask over HTTP; from now on a server that is full or away is waited for, and asked again when it says."""
        self._client.patience_s = _PATIENCE_S
        route = f"/v1/models/{quote(reference, safe='@')}/predict"
        headers = {"Content-Type": "application/octet-stream"}

        def ask(data: bytes, options: PredictOptions) -> Mapping[str, Json]:
            parameters = {"top_k": str(options.top_k)}
            if options.threshold is not None:
                parameters["threshold"] = repr(options.threshold)
            return self._client.ask("POST", route, params=parameters, content=data, headers=headers)

        return ask

    def stop(self) -> None:
        """End all pauses at once."""
        self._client.stopping.set()

    def record(self, evaluation: Evaluation) -> None:
        """Send the figures to the server."""
        from saccade.cli.evaluate_record import record_at

        record_at(self._client, evaluation)

    def _tell_pause(self, why: str, wait_s: float) -> None:
        """Tell why nothing happens, if it was not told just now."""
        if monotonic_s() - self._told_s >= _TELL_EVERY_S:
            self._told_s = monotonic_s()
            say(f"waits {wait_s:.0f} s: {why}")


@contextlib.contextmanager
def opened_place(base_url: str | None, folder: Path | None) -> Iterator[Place]:
    """Open the platform here, or connections to a server, and close them at the end.

    The platform keeps no answers: each is computed, so that its time is one.

    Raises:
        ParameterInvalid: Both are named, or the address is none.
    """
    import os

    if base_url is None:
        from saccade.cli.options import read_settings
        from saccade.cli.platform import opened

        with opened(read_settings({"SACCADE_MODELS": folder, "SACCADE_CACHE_BYTES": 0})) as platform:
            # As many as can be worked on: more would only wait for each other, and the times would tell of that.
            yield Here(platform, threads=len(os.sched_getaffinity(0)))
        return
    if folder is not None:
        raise ParameterInvalid("--models and --base-url do not go together: a server has a models folder of its own.")
    from saccade.cli.job_client import open_client

    client = open_client(base_url)
    with contextlib.closing(client.http):
        yield Server(client)


def find_models(place: Place, names: Sequence[str], task: Task, threshold: float | None) -> list[Model]:
    """Return the models that are meant, before any picture is shown to one.

    Args:
        place: Where they are.
        names: Name, or name@version, each.
        task: What the dataset is for.
        threshold: The operating one; None takes each model's own.

    Raises:
        ModelUnknown: One is not there.
        TaskMismatch: One does something else than the dataset is for.
        ParameterInvalid: Two names mean one model.
    """
    found: dict[str, Model] = {}
    for name in names:
        model = model_of(place.load(name), threshold)
        if model.asking.task is not task:
            raise TaskMismatch(
                f"{model.reference} is for {model.asking.task}, and the dataset is for {task}.",
                hint="Detectors take --coco and --images, classifiers take --labels.",
            )
        if model.reference in found:
            raise ParameterInvalid(f"{model.reference} is named twice.")
        found[model.reference] = model
    return list(found.values())


def model_of(document: Mapping[str, Json], threshold: float | None) -> Model:
    """Read a model's state and card as ``GET /v1/models/{model}`` gives it.

    Raises:
        ModelFailed: It has no card, because its package cannot be read.
    """
    from saccade.evaluation.answers import Asking
    from saccade.models.prediction import Task

    if "task" not in document:
        raise ModelFailed(f"{document.get('model')} cannot be served: {document.get('detail')}")
    own = cast("float | None", document.get("threshold"))
    return Model(
        reference=str(document["model"]),
        digest=str(document.get("digest") or ""),
        runtime=str(document.get("runtime") or ""),
        asking=Asking(
            task=Task(str(document["task"])),
            labels=tuple(str(label) for label in cast("list[Json]", document.get("labels") or [])),
            threshold=own if threshold is None else threshold,
            family=str(document.get("family") or ""),
        ),
    )
