"""Suspects run alone, in a process of their own: when one takes its process down, nobody else is hurt.

The process is started with the first suspect, kept warm for the next, and ended when none has come for a while. It
opens the same models from the same settings.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

from saccade.clock import monotonic_s
from saccade.images.records import NewObject, NewPrediction, Traits
from saccade.settings import Settings, variables
from saccade.worker.frames import Head, read_frame, write_frame
from saccade.worker.verdicts import Kind, Verdict

log = logging.getLogger("saccade.worker")

#: Longest silence of the process; loading the model is part of it. Whoever hangs for longer is ended as if it crashed.
ANSWER_TIMEOUT_S = 120.0
#: How long it is kept without work.
IDLE_S = 60.0
#: A failpoint that was armed for the worker must not act once more in its child.
_NOT_HANDED_DOWN = frozenset({"SACCADE_FAILPOINTS"})


class LoneDied(Exception):
    """The process died of what it was shown, or had to be ended because it gave no answer; says which."""


class LoneProblem(Exception):
    """The process lives and says why it has no prediction."""

    def __init__(self, verdict: Verdict) -> None:
        """Keep what follows from it."""
        super().__init__(verdict.detail)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class LoneAnswer:
    """What the model said, as it is stored.

    Attributes:
        kept: The picture's traits and the answer as both are remembered; None unless that was asked for.
    """

    prediction: str
    pixels: int
    compute_ms: float
    kept: tuple[Traits, NewPrediction] | None = None


class LoneChild:
    """One process for suspects, one suspect at a time. ``predict`` is called from one thread, the rest from any."""

    def __init__(self, settings: Settings, *, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """Start nothing yet.

        Args:
            settings: Those of this process; the child gets them as they are here.
            answer_timeout_s: Longest silence.
        """
        self._overrides = overrides_of(settings)
        self._answer_timeout_s = answer_timeout_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._used_s = 0.0
        self._closed = False
        self._timed_out = False
        self._asking = False

    @property
    def pid(self) -> int | None:
        """The process id of the child; None if there is none."""
        process = self._process
        return None if process is None else process.pid

    def predict(
        self,
        data: bytes,
        *,
        model: str,
        digest: str,
        options: Mapping[str, object],
        keep: bool = False,
    ) -> LoneAnswer:
        """Show one image to a model.

        Args:
            data: The encoded picture.
            model: ``name@version``.
            digest: Of the package that the item was accepted for.
            options: As they are stored with the job.
            keep: Tell what is to be remembered of the picture and the answer, too.

        Raises:
            LoneDied: The process died or was silent for too long; the next suspect gets a new one.
            LoneProblem: It says why there is no prediction.
        """
        process = self._running()
        if process is None:
            raise LoneProblem(Verdict(Kind.BACK, "shutting_down", "The worker is stopping."))
        asked: Head = {"model": model, "digest": digest, "options": dict(options), "keep": keep}
        frame = self._ask(process, asked, data)
        with self._lock:
            self._asking = False
            self._used_s = monotonic_s()
            closed = self._closed
        if frame is None:
            raise self._ended(process)
        if closed:
            _give_back(process)
        head, prediction = frame
        if "kind" in head:
            verdict = Verdict(Kind(str(head["kind"])), str(head["code"]), str(head["detail"]))
            raise LoneProblem(verdict)
        return LoneAnswer(
            prediction.decode(),
            int(cast("int", head["pixels"])),
            float(cast("float", head["compute_ms"])),
            kept=_kept(head) if asked["keep"] else None,
        )

    def end_idle(self) -> None:
        """End the process if it has had nothing to do for a while."""
        if self._process is not None and monotonic_s() - self._used_s > IDLE_S:
            self._end()

    def close(self) -> None:
        """End the process, whatever it does. Idempotent."""
        with self._lock:
            self._closed = True
        self._end()

    def _running(self) -> subprocess.Popen[bytes] | None:
        """Return the process, started if need be; None once this is closed."""
        with self._lock:
            if self._closed:
                return None
            if self._process is not None and self._process.poll() is not None:  # it died between two suspects
                _give_back(self._process)
                self._process = None
            if self._process is None:
                self._process = self._start()
            self._asking = True
            return self._process

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "saccade.worker.lone_child"]
        # A group of its own: Ctrl-C at the terminal is for the worker, which lets this one finish.
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )
        log.info("a process for suspect items was started", extra={"facts": {"saccade.lone.pid": process.pid}})
        try:
            write_frame(_pipe(process.stdin), {"settings": self._overrides})
        except OSError:  # it is dead already; whoever asks it will see
            log.warning("the process for suspect items ended at its start")
        return process

    def _ask(self, process: subprocess.Popen[bytes], head: Head, data: bytes) -> tuple[Head, bytes] | None:
        """Return its answer; None if it died, or was ended because it gave none in time."""
        self._timed_out = False
        limit = threading.Timer(self._answer_timeout_s, self._time_out, [process])
        limit.daemon = True
        limit.start()
        try:
            write_frame(_pipe(process.stdin), head, data)
            return read_frame(_pipe(process.stdout))
        except (OSError, ValueError):  # the pipe broke, or close() has closed it
            return None
        finally:
            limit.cancel()

    def _time_out(self, process: subprocess.Popen[bytes]) -> None:
        self._timed_out = True
        process.kill()

    def _ended(self, process: subprocess.Popen[bytes]) -> Exception:
        """Return what to raise for a process that has ended, and give it back."""
        process.kill()  # an end of its output without an end of itself
        code = process.wait()
        with self._lock:
            closed = self._closed
            if self._process is process:
                self._process = None
        _give_back(process)
        if closed:
            return LoneProblem(Verdict(Kind.BACK, "shutting_down", "The worker is stopping."))
        if self._timed_out:
            return LoneDied(f"gave no answer within {self._answer_timeout_s:g} s and was ended")
        return LoneDied(f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}")

    def _end(self) -> None:
        with self._lock:
            process, self._process, asking = self._process, None, self._asking
        if process is not None:
            process.kill()
            process.wait()
            if not asking:  # else whoever waits for its answer gives it back
                _give_back(process)


def overrides_of(settings: Settings) -> dict[str, str]:
    """Return the settings that are not defaults, as the environment would have them."""
    found = {}
    for name, variable in variables().items():
        value: object = getattr(getattr(settings, variable.section), variable.field)
        if settings.origins[name] == "default" or value is None or name in _NOT_HANDED_DOWN:
            continue
        found[name] = _written(value)
    return {**found, **dict.fromkeys(_NOT_HANDED_DOWN, "")}


def _kept(head: Head) -> tuple[Traits, NewPrediction]:
    """Return what is to be remembered, as ``dataclasses.asdict`` and JSON have left it."""
    traits, said = cast("dict[str, int]", head["traits"]), cast("dict[str, str]", head["said"])
    labels, objects = said.pop("labels"), cast("list[dict[str, float]]", said.pop("objects"))
    prediction = NewPrediction(
        **said,
        labels=tuple((label, score, count) for label, score, count in cast("list[tuple[str, float, int]]", labels)),
        objects=tuple(NewObject(**found) for found in objects),  # type: ignore[arg-type]  # written by asdict
    )
    return Traits(**traits), prediction  # type: ignore[arg-type]  # likewise


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _pipe(stream: object) -> BinaryIO:
    return cast("BinaryIO", stream)


def _give_back(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes of a process that has ended."""
    for stream in (process.stdin, process.stdout):
        try:
            if stream is not None:
                stream.close()
        except OSError:  # what was not sent is of no use to the dead
            continue


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
