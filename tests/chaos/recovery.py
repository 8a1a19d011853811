"""How long the items of a killed worker waited until somebody else held them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from chaos.audit import Change
from chaos.journal import Story

_SECOND_US = 1_000_000


def recovery(changes: Sequence[Change], story: Story, *, lease_s: float) -> dict[str, Any]:
    """Return the times from a kill to the next claim of each item that the victim held, and to its release.

    Kills within reach of a database's outage are told apart: nobody can claim anything then.
    """
    kills = defaultdict(list)
    for at_us, writers, _ in story.kills:
        for writer in writers:
            kills[writer].append(at_us)
    freed, claimed, disturbed = [], [], []
    for _, group in groupby(changes, key=lambda change: change.item_id):
        for died_us, freed_us, claimed_us in _losses(list(group), kills):
            until_us = claimed_us or freed_us
            if any(down < until_us and up > died_us for down, up in story.outages):
                disturbed.append((until_us - died_us) / _SECOND_US)
                continue
            freed.append((freed_us - died_us) / _SECOND_US)
            if claimed_us is not None:
                claimed.append((claimed_us - died_us) / _SECOND_US)
    return {
        "lease_s": lease_s,
        "freed": _spread(freed),
        "claimed_again": _spread(claimed),
        "claimed_again_while_the_database_was_down": _spread(disturbed),
    }


def _losses(life: Sequence[Change], kills: Mapping[str, Sequence[int]]) -> Iterator[tuple[int, int, int | None]]:
    """Yield when each holder of an item was killed, when the item was freed, and when it was claimed again."""
    for index, change in enumerate(life):
        if change.new_state != "running" or change.old_state == "running" or change.writer not in kills:
            continue
        later = life[index + 1 :]
        end = next((one for one in later if one.new_state != "running"), None)
        if end is None or end.new_state != "queued":
            continue
        died_us = _died_within(kills[change.writer], change.at_us, end.at_us)
        if died_us is not None:
            again = (one.at_us for one in later if one.seq > end.seq and one.new_state == "running")
            yield died_us, end.at_us, next(again, None)


def _died_within(deaths: Sequence[int], begin_us: int, end_us: int) -> int | None:
    place = bisect_right(deaths, begin_us)
    return deaths[place] if place < len(deaths) and deaths[place] <= end_us else None


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {"count": 0}
    at = lambda share: round(ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)], 2)  # noqa: E731
    return {"count": len(ordered), "p50": at(0.5), "p99": at(0.99), "max": at(1.0)}
