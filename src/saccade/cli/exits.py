"""How a command ends: the exit code of each family of errors, and who must act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from saccade.errors import (
    AccessError,
    ConfigurationError,
    ModelError,
    RequestError,
    SaccadeError,
    StateError,
    UnavailableError,
)


class ExitCode(IntEnum):
    """What a script reads from ``$?``; the numbers above 64 are those of BSD's sysexits."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INTERNAL = 70
    TRY_AGAIN = 75
    ACCESS = 77
    CONFIGURATION = 78
    INTERRUPTED = 130


#: What each exit code means, as the reference prints it.
MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "All went well.",
    ExitCode.FAILED: "Something that was asked for failed: a picture, a model, a check.",
    ExitCode.USAGE: "The command line is wrong: an unknown option, a missing file, a model that does not exist.",
    ExitCode.INTERNAL: "A fault of Saccade's own; the trace is on stderr.",
    ExitCode.TRY_AGAIN: "Nobody is to blame; the same command may succeed later.",
    ExitCode.ACCESS: "The server does not let this caller in.",
    ExitCode.CONFIGURATION: "A setting is wrong; the message names it.",
    ExitCode.INTERRUPTED: "Somebody pressed Ctrl-C; what was done until then is shown.",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """The exit code of a family of errors, and the person who can mend it."""

    exit_code: ExitCode
    who: str


#: Each family of errors with its ending; a test sees that none is missing.
ENDINGS: Mapping[type[SaccadeError], Ending] = {
    RequestError: Ending(ExitCode.USAGE, "Change the command"),
    AccessError: Ending(ExitCode.ACCESS, "Come in another way"),
    StateError: Ending(ExitCode.FAILED, "Change its state first"),
    UnavailableError: Ending(ExitCode.TRY_AGAIN, "Try again later"),
    ModelError: Ending(ExitCode.FAILED, "The model's owner must act"),
    ConfigurationError: Ending(ExitCode.CONFIGURATION, "Change a setting"),
}

#: Where the hint of a route does not help somebody at a terminal.
HINTS: Mapping[str, str] = {
    "model_unknown": "saccade models list shows the models.",
    "image_unknown": "saccade images list shows those that you have.",
    "alias_unknown": "saccade models aliases NAME shows what there is; there are prod and candidate.",
    "nothing_to_roll_back": "saccade models aliases NAME shows the history.",
    "job_unknown": "saccade jobs list shows your jobs; ended ones are dropped after SACCADE_JOBS_RETENTION_S.",
    "task_mismatch": "saccade models show NAME shows the model's task.",
    "model_failed": "Mend the package; saccade models check PATH tests it.",
    "plugin_failed": "Mend the plug-in; saccade models check PATH shows where it raised.",
    "parameter_invalid": "See the command's --help.",
    "unauthenticated": "Set SACCADE_CLIENT_TOKEN to a key, a session or a token.",
    "credential_invalid": "Set SACCADE_CLIENT_TOKEN to another one: it may have expired or been disabled.",
    "account_exists": "saccade users show NAME shows it; choose another name for a new one.",
    "last_admin": "saccade users role NAME admin makes somebody else one.",
    "account_unknown": "saccade users list shows those that there are.",
    "key_unknown": "saccade keys list shows those that there are.",
    "key_disabled": "saccade keys create OWNER makes a new one.",
    "database_unreachable": "saccade doctor and the log of the server say more.",
}


def ending_of(error: SaccadeError) -> Ending:
    """Return how a command ends that met this error."""
    return next(
        (ending for family, ending in ENDINGS.items() if isinstance(error, family)),
        Ending(ExitCode.FAILED, "Look at the log"),
    )


def hint_of(error: SaccadeError) -> str:
    """Return what somebody at a terminal can do about it."""
    default = type(error).default_hint
    return HINTS.get(error.code, error.hint) if error.hint == default else error.hint
