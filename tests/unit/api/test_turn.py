"""Turns: no body is read in vain, a client that leaves calls its work off, and every place is given back."""

import asyncio
import threading
from itertools import islice
from types import SimpleNamespace

import pytest
from starlette.requests import ClientDisconnect, Request

from saccade.api.admission import Admission, Bounds
from saccade.api.dependencies import Threads
from saccade.api.turn import Turn
from saccade.caller import CallerLeft
from saccade.errors import QueueFull
from saccade.metrics import Metrics
from saccade.models.prediction import Task
from saccade.predictions.answer import Answer


class Scene:
    """An application's state, and requests whose clients can leave."""

    def __init__(self):
        self.metrics = Metrics()
        self.admission = Admission(Bounds(slots=1, burst=1, max_wait_s=10), self.metrics)
        threads = Threads(threads=4, line=4)
        self.app = SimpleNamespace(
            state=SimpleNamespace(admission=self.admission, metrics=self.metrics, predictions=threads)
        )

    def turn(self, model="a", gone=None):
        """Return the turn of a request, whose client leaves when ``gone`` is set."""

        async def receive():
            await (gone or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "app": self.app}
        return Turn(Request(scope, receive), model)

    def value(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels)


def waiting(caller):
    """Wait until the caller leaves, as a picture in line does."""
    left = threading.Event()
    with caller.told(left.set):
        assert left.wait(20)
    caller.check()


def test_client_that_leaves_calls_its_work_off():
    """The work ends with the disconnect, is counted as abandoned, and its place is free."""
    scene = Scene()

    async def play():
        gone = asyncio.Event()
        asked = asyncio.create_task(scene.turn(gone=gone).run(waiting))
        await asyncio.sleep(0)
        gone.set()
        with pytest.raises(ClientDisconnect):
            await asked

    asyncio.run(play())

    assert scene.value("saccade_admission_abandoned_total") == 1.0
    assert scene.value("saccade_admission_requests") == 0.0


def test_those_of_an_ended_burst_are_told_that_it_is_full():
    """A request that had its place and loses it is refused like any other, and counted where it stood."""
    scene = Scene()

    def lose(caller):
        caller.leave(QueueFull("Too much came."))
        caller.check()

    with pytest.raises(QueueFull):
        asyncio.run(scene.turn().run(lose))

    assert scene.value("saccade_admission_refused_total", where="waiting") == 1.0
    assert scene.value("saccade_admission_requests") == 0.0


def test_own_reason_counts_when_others_called_the_work_off():
    """Of several who wait for one computation the last to leave ends it; each is told why they themselves left."""
    scene = Scene()

    def lose(caller):
        caller.leave(QueueFull("Too much came."))
        raise CallerLeft(ClientDisconnect())

    with pytest.raises(QueueFull):
        asyncio.run(scene.turn().run(lose))


@pytest.mark.parametrize("failure", [ValueError, QueueFull])
def test_failed_work_gives_its_place_back(failure):
    """Whatever is raised comes through, and the next one finds the place free."""
    scene = Scene()

    def fail(_):
        raise failure("no")

    async def play():
        for _ in range(5):
            with pytest.raises(failure):
                await scene.turn().run(fail)
        return await scene.turn().run(lambda _: "fine")

    assert asyncio.run(play()) == "fine"
    assert scene.value("saccade_admission_requests") == 0.0


def test_versions_of_a_model_share_one_line():
    """The name alone and the name with a version are the same work."""
    scene = Scene()

    async def play():
        go = threading.Event()
        asked = [asyncio.create_task(scene.turn(model).run(lambda _: go.wait(20))) for model in ("a", "a@1")]
        await asyncio.sleep(0)
        with pytest.raises(QueueFull):
            scene.turn("a@2")
        go.set()
        await asyncio.gather(*asked)

    asyncio.run(play())


def test_heads_that_saw_room_do_not_all_get_it():
    """Five looked while the line was empty; when their bodies are there, two places are taken and three refused."""
    scene = Scene()

    async def play():
        go = threading.Event()
        turns = [scene.turn() for _ in range(5)]
        asked = [asyncio.create_task(turn.run(lambda _: go.wait(20))) for turn in turns]
        for refused in islice(asyncio.as_completed(asked), 3):
            with pytest.raises(QueueFull):
                await refused
        assert scene.value("saccade_admission_requests") == 2.0
        go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    assert sum(outcome is True for outcome in asyncio.run(play())) == 2
    assert scene.value("saccade_admission_refused_total", where="body") == 3.0


@pytest.mark.parametrize(("cached", "known"), [(True, False), (False, True)])
def test_only_computed_answers_tell_how_long_a_model_takes(cached, known):
    """What came from the cache says nothing of the model, so the line learns nothing of it."""
    scene = Scene()
    answer = Answer("a@1", Task.IMAGE_CLASSIFICATION, "ab", 1, 1, (), "python/cpu", cached=cached)
    asyncio.run(scene.turn().run(lambda _: answer))

    assert ("a" in scene.admission._lines) is known
