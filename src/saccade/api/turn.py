"""One request's turn at the models: a look at its line, a place in it, threads, and an eye on the client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from saccade.api.admission import Admission
from saccade.api.context import context_of
from saccade.api.dependencies import Threads, predictions_of
from saccade.api.metering import note_answers
from saccade.api.tolls import charge_predictions
from saccade.caller import Caller, CallerLeft
from saccade.errors import SaccadeError
from saccade.metrics import Metrics
from saccade.predictions.answer import Answer

T = TypeVar("T")

#: Name of the line of requests that ask several models; no model can have it.
SEVERAL = ""


class Turn:
    """What a route that predicts needs: it is made before the body is read, and run when the request is understood."""

    def __init__(self, request: Request, model: str) -> None:
        """Look whether there is a place.

        Args:
            request: Of which only the headers have been read.
            model: Whose line; all versions of a model share one. ``SEVERAL`` for more than one model.

        Raises:
            QueueFull: There is none; nothing of the body was read.
        """
        state = request.app.state
        self._admission: Admission = state.admission
        self._metrics: Metrics = state.metrics
        self._threads: Threads = predictions_of(request)
        self._request = request
        self._line = model.partition("@")[0]
        self._admission.look(self._line)

    async def run(self, work: Callable[[Caller], T], *, also: Callable[[], None] = lambda: None) -> T:
        """Return what the work returns, done on a thread; it is called off when the client leaves before it begins.

        Args:
            work: Blocking; told on whose behalf. The body has been read.
            also: Called at the end, however it comes: to note what was done although nobody waits for it any more.

        Raises:
            QueueFull: There is no place any more, or too much came and this request waited too long.
            ClientDisconnect: The client has gone.
        """
        place = self._admission.enter(self._line)
        principal = context_of(self._request.scope).principal
        place.caller.owner = principal.id if principal is not None else ""
        answered = False
        watch = asyncio.create_task(self._watch(place.caller))
        try:
            result = await self._threads.run(work, place.caller)
            answered = not (isinstance(result, Answer) and result.cached)
        except CallerLeft as left:
            reason = place.caller.reason or left.reason
            gone = isinstance(reason, ClientDisconnect)
            (self._metrics.admission_abandoned if gone else self._metrics.admission_refused.labels("waiting")).inc()
            raise reason from None
        except SaccadeError as error:
            note_answers(self._request, error, model=self._line)
            raise
        else:
            if self._line != SEVERAL:  # the route that asks several models notes each as it comes
                note_answers(self._request, result, model=self._line)
            return result
        finally:
            also()
            charge_predictions(self._request)
            watch.cancel()
            self._admission.leave(self._line, place, answered=answered)

    async def _watch(self, caller: Caller) -> None:
        """Tell the work when the client goes away. The body is at its end, so nothing else can come."""
        with suppress(asyncio.CancelledError):
            while (await self._request.receive())["type"] != "http.disconnect":
                pass
            caller.leave(ClientDisconnect())
