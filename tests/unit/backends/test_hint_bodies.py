"""Item ids as text: what is packed comes out again, and garbage is nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from saccade.backends.hints.bodies import MOST_IDS_A_MESSAGE, pack, unpack

ids = some.integers(min_value=0, max_value=10**18 - 1)


@given(some.lists(ids, max_size=3000))
def test_what_is_packed_comes_out(item_ids):
    """All ids come out in their order, and no message carries more than it may."""
    bodies = list(pack(item_ids))

    assert [item_id for body in bodies for item_id in unpack(body)] == item_ids
    assert all(len(unpack(body)) <= MOST_IDS_A_MESSAGE for body in bodies)


@pytest.mark.parametrize(("count", "messages"), [(0, 0), (1, 1), (32, 32), (63, 63), (64, 32), (20_000, 313)])
def test_few_ids_are_spread_and_many_are_bundled(count, messages):
    """A small job has a message for each item, so that workers share it; a large one is not 20,000 messages."""
    assert len(list(pack(range(count)))) == messages


@given(some.one_of(some.text(), some.binary(), some.none(), some.integers(), some.dictionaries(ids, ids)))
def test_garbage_is_never_an_error(body):
    """A stranger's message yields at most a few numbers."""
    found = unpack(body)

    assert len(found) <= MOST_IDS_A_MESSAGE
    assert all(0 <= item_id < 10**18 for item_id in found)
