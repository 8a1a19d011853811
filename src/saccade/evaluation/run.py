"""Showing a dataset's pictures to one model, several at a time, wherever it runs; what it says is noted as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeAlias

from saccade.errors import (
    ModelError,
    ModelFailed,
    ModelUnknown,
    ParameterInvalid,
    RequestError,
    SaccadeError,
    TaskMismatch,
)
from saccade.evaluation.answers import Asking
from saccade.evaluation.notes import Notes
from saccade.evaluation.seen import Seen
from saccade.evaluation.truth import TruthImage
from saccade.predictions.answer import PredictOptions
from saccade.predictions.render import Json

#: Asks the model about a picture's bytes and gives the answer as clients see it; called from several threads.
Ask: TypeAlias = Callable[[bytes, PredictOptions], Mapping[str, Json]]

#: What no other picture would get past either.
_OF_ALL = (ModelUnknown, TaskMismatch, ParameterInvalid, ModelFailed)


def missing(images: Sequence[TruthImage], noted: Mapping[str, Seen]) -> list[TruthImage]:
    """Return the pictures of which nothing is noted but perhaps a problem, which may have passed."""
    return [image for image in images if image.name not in noted or noted[image.name].problem is not None]


def see(
    images: Sequence[TruthImage],
    ask: Ask,
    asking: Asking,
    notes: Notes,
    *,
    threads: int,
    on_seen: Callable[[Seen], None] = lambda _: None,
    on_stop: Callable[[], None] = lambda: None,
) -> list[Seen]:
    """Show every picture that the notes lack to the model.

    A picture that cannot be answered is noted with its problem and the others go on. What would stop every picture
    stops the run; all that was answered until then is in the notes.

    Args:
        images: All pictures of the dataset.
        ask: How the model is asked.
        asking: What it is asked, and how its answers are read.
        notes: What is known already, and where the rest goes.
        threads: How many pictures are under way at a time.
        on_seen: Told each new one, on the calling thread.
        on_stop: Called when the run is stopped and only those under way are waited for.

    Returns:
        What was seen in each picture, in the order of ``images``.

    Raises:
        SaccadeError: Nobody answers, lets us in, or knows the model.
    """
    todo = iter(missing(images, notes.seen))
    pool = ThreadPoolExecutor(threads, thread_name_prefix="evaluate")
    under_way: set[Future[Seen]] = set()
    try:
        while True:
            # Only as many as are worked on, and a few more: a stop has little to wait for, and memory little to hold.
            under_way |= {pool.submit(_look, image, ask, asking) for image in _some(todo, 2 * threads - len(under_way))}
            if not under_way:
                break
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            _note(done, notes, on_seen)
    except BaseException:
        on_stop()
        for future in under_way:
            future.cancel()
        pool.shutdown()
        _note((future for future in under_way if not future.cancelled() and future.exception() is None), notes, on_seen)
        raise
    pool.shutdown()
    return [notes.seen[image.name] for image in images]


def _note(done: Iterator[Future[Seen]] | set[Future[Seen]], notes: Notes, on_seen: Callable[[Seen], None]) -> None:
    """Note those that were answered; raise what one of them was stopped by when the others are noted."""
    stopped_by: BaseException | None = None
    for future in done:
        error = future.exception()
        if error is not None:
            stopped_by = error
            continue
        notes.add(future.result())
        on_seen(future.result())
    if stopped_by is not None:
        raise stopped_by


def _look(image: TruthImage, ask: Ask, asking: Asking) -> Seen:
    """Ask everything about one picture; runs on a thread of the pool."""
    try:
        data = image.path.read_bytes()
        return asking.seen(image.name, [ask(data, options) for options in asking.questions])
    except OSError as error:
        return Seen(image.name, problem=("file_unreadable", f"The file cannot be read: {error.strerror or error}."))
    except SaccadeError as error:
        if isinstance(error, _OF_ALL) or not isinstance(error, RequestError | ModelError):
            raise
        return Seen(image.name, problem=(error.code, str(error)))


def _some(images: Iterator[TruthImage], count: int) -> Iterator[TruthImage]:
    """Yield the next few."""
    for _, image in zip(range(count), images, strict=False):
        yield image
