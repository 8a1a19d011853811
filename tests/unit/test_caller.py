"""Callers: who leaves is heard by everybody who works for them, exactly once."""

import threading

import pytest

from saccade.caller import Caller, CallerLeft


def test_work_goes_on_while_the_caller_waits():
    """As long as nobody left, nothing is raised and nobody is told."""
    caller, told = Caller(), []
    with caller.told(lambda: told.append(1)):
        caller.check()

    assert (caller.left, told) == (False, [])


def test_who_leaves_is_heard_once_with_the_first_reason():
    """Those inside hear it, those who come later hear it at once, those who have gone hear nothing."""
    caller, told = Caller(), []
    first = RuntimeError("gone")
    with caller.told(lambda: told.append("before")):
        pass
    with caller.told(lambda: told.append("inside")):
        caller.leave(first)
        caller.leave(RuntimeError("again"))
    with caller.told(lambda: told.append("after")):
        pass

    assert told == ["inside", "after"]
    with pytest.raises(CallerLeft) as caught:
        caller.check()
    assert caught.value.reason is first


def test_no_listener_is_missed_when_threads_race():
    """However leaving and listening interleave, each listener hears it exactly once."""
    for _ in range(200):
        caller, heard = Caller(), []
        line = threading.Barrier(2)

        def leave(caller=caller, line=line):
            line.wait(10)
            caller.leave(RuntimeError())

        def wait(caller=caller, line=line, heard=heard):
            wake = threading.Event()
            line.wait(10)
            with caller.told(lambda: (heard.append(1), wake.set())):
                assert wake.wait(10)

        threads = [threading.Thread(target=leave), threading.Thread(target=wait)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

        assert heard == [1]
