"""The limits of a picture, and the gate that bounds what all decodes together need."""

from __future__ import annotations

import threading

import pytest

from saccade.caller import Caller, CallerLeft
from saccade.errors import QueueFull, SettingInvalid
from saccade.images.gate import DecodeGate
from saccade.images.limits import DECODER_MAX_PIXELS, Limits


@pytest.mark.parametrize("name", ["max_bytes", "max_pixels", "max_scans"])
def test_limit_is_refused_when_it_is_not_positive(name: str):
    """A limit of zero would refuse everything; it is a mistake."""
    with pytest.raises(SettingInvalid):
        Limits(**{name: 0})


def test_limit_is_refused_when_the_decoder_stops_earlier():
    """No limit is promised that the decoder does not keep."""
    assert Limits(max_pixels=DECODER_MAX_PIXELS).max_pixels == DECODER_MAX_PIXELS
    with pytest.raises(SettingInvalid):
        Limits(max_pixels=DECODER_MAX_PIXELS + 1)


class Visitor:
    """A thread that asks for a share, says when it has it, and leaves when told."""

    def __init__(self, gate: DecodeGate, share: int) -> None:
        self.inside = threading.Event()
        self.may_leave = threading.Event()
        self._gate, self._share = gate, share
        self._thread = threading.Thread(target=self._visit, daemon=True)
        self._thread.start()

    def _visit(self) -> None:
        with self._gate.hold(self._share):
            self.inside.set()
            self.may_leave.wait(10)

    def leave(self) -> None:
        self.may_leave.set()
        self._thread.join(10)


def _waiting(gate: DecodeGate, count: int) -> None:
    """Return when that many threads stand before the gate."""
    turn = threading.Event()
    for _ in range(1_000):
        if len(gate._waiting) == count:
            return
        turn.wait(0.005)
    pytest.fail(f"{count} threads never stood before the gate")


def test_gate_lets_in_as_many_as_fit_when_several_come():
    """Two shares of 40 fit into 100, a third waits until one leaves."""
    gate = DecodeGate(100)
    first, second = Visitor(gate, 40), Visitor(gate, 40)

    assert first.inside.wait(5)
    assert second.inside.wait(5)

    third = Visitor(gate, 40)
    _waiting(gate, 1)
    assert not third.inside.is_set()
    assert gate.held_bytes == 80

    first.leave()
    assert third.inside.wait(5)

    second.leave()
    third.leave()
    assert gate.held_bytes == 0


def test_large_picture_is_not_overtaken_when_small_ones_keep_coming():
    """First come, first served: a small picture behind a large one waits, although it would fit."""
    gate = DecodeGate(100)
    inside = Visitor(gate, 50)
    assert inside.inside.wait(5)
    large = Visitor(gate, 90)
    _waiting(gate, 1)
    small = Visitor(gate, 10)
    _waiting(gate, 2)

    assert not small.inside.is_set()

    inside.leave()
    assert large.inside.wait(5)
    assert small.inside.wait(5)
    large.leave()
    small.leave()


def test_picture_passes_alone_when_it_is_larger_than_the_budget():
    """What needs more than the whole budget is decoded alone instead of never."""
    gate = DecodeGate(100)

    with gate.hold(1_000):
        assert gate.held_bytes == 100
    assert gate.held_bytes == 0


def test_share_is_given_back_when_decoding_fails():
    """A failed decode holds nothing."""
    gate = DecodeGate(100)
    with pytest.raises(RuntimeError), gate.hold(60):
        raise RuntimeError

    assert gate.held_bytes == 0


def test_only_so_many_are_decoded_at_once_though_memory_is_free():
    """Who has decoded lets the next one begin, and keeps the memory."""
    gate = DecodeGate(100, max_at_once=1)
    with gate.hold(10) as share:
        second = Visitor(gate, 10)
        _waiting(gate, 1)
        assert not second.inside.is_set()

        share.end_decoding()
        share.end_decoding()
        assert second.inside.wait(5)
        assert gate.held_bytes == 20

        third = Visitor(gate, 10)
        _waiting(gate, 1)
    assert not third.inside.is_set()

    second.leave()
    assert third.inside.wait(5)
    third.leave()
    assert gate.held_bytes == 0


def test_wait_for_room_ends_in_time():
    """No thread stands before the gate for ever; who gives up lets the next one forward."""
    gate = DecodeGate(100)
    inside = Visitor(gate, 60)
    assert inside.inside.wait(5)

    with pytest.raises(QueueFull), gate.hold(60, max_wait_s=0.05):
        pytest.fail("there was no room")

    small = Visitor(gate, 40)
    assert small.inside.wait(5)
    small.leave()
    inside.leave()
    assert gate.held_bytes == 0


def test_caller_who_leaves_stands_in_nobodys_way():
    """A large picture whose caller left no longer holds up the small one behind it, though nothing became free."""
    gate = DecodeGate(100)
    inside = Visitor(gate, 50)
    assert inside.inside.wait(5)
    caller, left = Caller(), threading.Event()

    def wait() -> None:
        with pytest.raises(CallerLeft), gate.hold(90, caller=caller):
            pytest.fail("there was no room")
        left.set()

    threading.Thread(target=wait, daemon=True).start()
    _waiting(gate, 1)
    small = Visitor(gate, 10)
    _waiting(gate, 2)
    caller.leave(RuntimeError("gone"))

    assert left.wait(5)
    assert small.inside.wait(5)
    small.leave()
    inside.leave()
    assert gate.held_bytes == 0
