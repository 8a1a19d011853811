"""The process for suspects: reads one image after the other from its standard input and says what its models see.

It ends when its input ends, and it dies with the thread that started it, whatever it is doing. What a model prints goes
to the standard error stream, for the standard output carries the answers.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import BinaryIO, cast

from saccade import settings as settings_module
from saccade.errors import ModelLoading, ModelUnknown
from saccade.jobs.submission import options_of
from saccade.models.status import ModelStatus
from saccade.predictions.answer import Answer
from saccade.predictions.remembered import remembered
from saccade.wiring import Platform, open_platform
from saccade.wiring.promotion import observe_once
from saccade.worker.frames import Head, read_frame, write_frame
from saccade.worker.runner import answer_text, compute_ms_of
from saccade.worker.verdicts import ModelChanged, verdict_of

_PR_SET_PDEATHSIG = 1
_ORPHAN = 1


def main() -> None:
    """Answer until nobody asks any more."""
    _die_with_parent()
    faulthandler.enable()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions = sys.stdin.buffer
    first = read_frame(questions)
    if first is None:
        return
    platform = open_platform(settings_module.load(cast("Mapping[str, str]", first[0]["settings"])))
    platform.registry.start(preload=False)
    asked: queue.SimpleQueue[tuple[Head, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions, asked), name="listen", daemon=True).start()
    while True:
        _answer(platform, *asked.get(), answers=answers)


def _listen(questions: BinaryIO, asked: queue.SimpleQueue[tuple[Head, bytes]]) -> None:
    """Take questions in; when nobody can ask any more, end at once, even in the middle of an answer."""
    while (question := read_frame(questions)) is not None:
        asked.put(question)
    os._exit(0)


def _answer(platform: Platform, head: Head, data: bytes, *, answers: BinaryIO) -> None:
    try:
        answer = _predict(platform, head, data)
        told = {
            "pixels": answer.width_px * answer.height_px,
            "compute_ms": compute_ms_of(answer),
            **_kept(platform, head, answer, data),
        }
    except Exception as error:  # noqa: BLE001 - the worker decides what follows
        verdict = verdict_of(error)
        write_frame(answers, {"kind": verdict.kind.value, "code": verdict.code, "detail": verdict.detail})
        return
    write_frame(answers, told, answer_text(answer).encode())


def _kept(platform: Platform, head: Head, answer: Answer, data: bytes) -> dict[str, object]:
    """Return what is to be remembered of the picture and the answer, if that is wanted."""
    if not head["keep"]:
        return {}
    said = remembered(answer, options_of(cast("Mapping[str, object]", head["options"])))
    return {"said": asdict(said), "traits": asdict(platform.predictor.traits(data))}


def _predict(platform: Platform, head: Head, data: bytes) -> Answer:
    """Ask the model; while it loads, wait, for the worker bounds the time.

    Raises:
        ModelChanged: Its files are not those that the item was accepted for.
        SaccadeError: What is wrong with the image, the options or the model.
    """
    model = str(head["model"])
    card = _status(platform, model).card
    if card is None or card.digest != head["digest"]:
        raise ModelChanged("The process for suspects finds other files of the model.")
    options = options_of(cast("Mapping[str, object]", head["options"]))
    while True:
        try:
            return platform.predictor.predict(data, model=model, options=options)
        except ModelLoading:
            continue


def _status(platform: Platform, model: str) -> ModelStatus:
    """Return where a model stands. Only the database knows of one that registered itself, and where it is now."""
    with suppress(ModelUnknown):
        status = platform.registry.status(model)
        if status.registered is None:
            return status
    observe_once(platform.settings, platform.registry)
    return platform.registry.status(model)


def _die_with_parent() -> None:
    """Have the kernel end this process when the thread that started it ends, even by SIGKILL."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == _ORPHAN:  # it has ended already
        os._exit(0)


if __name__ == "__main__":
    main()
