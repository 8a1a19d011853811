"""Places where a test may kill, stop or fail the process: each is named here and stands in the code at its step.

A failpoint costs one look into an empty table unless it is armed, and only ``arm`` arms it.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from saccade.errors import SettingInvalid

#: Every failpoint by name, with the moment that it stands for.
FAILPOINTS: Mapping[str, str] = {
    "submit.before_blobs": "A submission was checked; nothing of it is stored.",
    "submit.after_blobs": "Its blobs are durable; no row names them.",
    "submit.before_commit": "Its rows are written but not committed.",
    "submit.after_commit": "It is accepted; nobody was told, no hint was sent.",
    "submit.after_hints": "Hints were sent; the client has no answer yet.",
    "idempotency.after_reserve": "An Idempotency-Key is taken; its job is not stored.",
    "worker.turn": "A worker is about to look for items.",
    "claim.before_commit": "Items are claimed but not committed.",
    "claim.after_commit": "A worker holds items and has begun nothing.",
    "run.before_fetch": "A picture is about to be fetched from its URL.",
    "run.after_fetch": "A fetched picture is stored; no row names it.",
    "run.before_predict": "A picture was read; the model has not seen it.",
    "run.after_predict": "The model has answered; nothing is written.",
    "lone.before_predict": "A suspect item is about to run in a child of its own.",
    "finish.before_commit": "Results are written but not committed.",
    "finish.after_commit": "Results are committed; the worker does not know it yet.",
    "heartbeat.before": "Leases are about to be lengthened.",
    "reap.before_commit": "Items were taken from a dead worker but not committed.",
    "reap.after_commit": "Items of a dead worker are free again.",
    "expire.before_commit": "Items past their deadline are ended but not committed.",
    "sweep.before_hints": "Items were marked as hinted; the hints are not sent.",
    "cancel.before_commit": "A job is cancelled but not committed.",
    "erase.before_commit": "A job's rows are deleted but not committed.",
    "erase.after_commit": "A job's rows are gone, its blobs are not.",
    "garbage.after_delete": "Blobs are deleted; their rows in the garbage are not.",
    "deliver.before_post": "A webhook is claimed and not sent.",
    "deliver.after_post": "A webhook was taken by its receiver; nothing is written.",
    "drain.before_hand_back": "A stopping worker is about to hand back what it has not begun.",
}


class Action(StrEnum):
    """What an armed failpoint does."""

    KILL = "kill"
    STOP = "stop"
    PAUSE = "pause"
    RAISE = "raise"


class Failed(RuntimeError):
    """What an armed failpoint raises."""


@dataclass(slots=True)
class _Charge:
    action: Action
    seconds: float
    passes: int


_PASSES = re.compile(r"[0-9]{1,9}")
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")

_armed: dict[str, _Charge] = {}
_lock = threading.Lock()


def arm(text: str) -> None:
    """Arm failpoints of this process.

    Args:
        text: ``name:action`` separated by commas; ``name:action@n`` acts at the n-th pass and from then on, and
            ``name:pause=0.5`` pauses half a second. An empty text arms none.

    Raises:
        SettingInvalid: There is no such failpoint or action.
    """
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, rest = part.partition(":")
        rest, _, passes = rest.partition("@")
        action, _, seconds = rest.partition("=")
        are_numbers = _PASSES.fullmatch(passes or "1") and _SECONDS.fullmatch(seconds or "1")
        if name not in FAILPOINTS or action not in set(Action) or not are_numbers:
            raise SettingInvalid(
                f"SACCADE_FAILPOINTS has {part!r}.", hint="saccade doctor --failpoints lists what there is."
            )
        _armed[name] = _Charge(Action(action), float(seconds or 1.0), int(passes or 1))


def pass_failpoint(name: str) -> None:
    """Do what is armed here, which is nothing but in tests."""
    charge = _armed.get(name) if _armed else None
    if charge is None:
        return
    with _lock:
        charge.passes -= 1
        if charge.passes > 0:
            return
    if charge.action is Action.KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    elif charge.action is Action.STOP:
        os.kill(os.getpid(), signal.SIGSTOP)
    elif charge.action is Action.PAUSE:
        time.sleep(charge.seconds)
    else:
        raise Failed(f"the failpoint {name} raised, as it was armed to")
