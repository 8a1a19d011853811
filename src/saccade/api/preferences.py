"""What a client would rather have (RFC 7240): an answer now, later, or now if it does not take too long."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request

from saccade.api.job_access import MAX_WAIT_S

#: preference [ = value ] [ ; parameters ]; a value may be quoted.
_PREFERENCE = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*\"?([^\";,]*)\"?)?\s*(?:;[^,]*)?\s*")
_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Preference:
    """That work is done as a job.

    Attributes:
        wait_s: Seconds that the client would wait for its end; 0 waits not at all.
    """

    wait_s: int = 0

    @property
    def applied(self) -> str:
        """What the answer says of it."""
        return f"wait={self.wait_s}" if self.wait_s else "respond-async"


def preference_of(request: Request) -> Preference | None:
    """Return whether the client would rather have a job; None if it did not ask. What is not understood is ignored."""
    given: dict[str, str] = {}
    for line in request.headers.getlist("prefer"):
        for part in line.split(","):
            match = _PREFERENCE.fullmatch(part)
            if match is not None:
                given.setdefault(match[1].lower(), (match[2] or "").strip())
    wait = given.get("wait", "")
    if _SECONDS.fullmatch(wait):
        return Preference(min(int(wait), int(MAX_WAIT_S)))
    return Preference() if "respond-async" in given else None
