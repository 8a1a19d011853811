"""Old rows go, a few at a time; nothing younger than was said does."""

from datetime import UTC, datetime

import pytest

from saccade.errors import DatabaseUnreachable, SettingInvalid
from saccade.usage.retention import Retention

NOW = datetime(2026, 3, 10, tzinfo=UTC)


class Ledger:
    """Holds so many old rows, and remembers how it was asked."""

    def __init__(self, rows):
        self.rows = rows
        self.asked = []

    def forget(self, *, before_us, most):
        self.asked.append((before_us, most))
        gone = min(self.rows, most)
        self.rows -= gone
        return gone


def retention(ledger, days, clock):
    return Retention(lambda: ledger, days * 86_400.0, now=lambda: NOW, monotonic=lambda: clock[0])


def test_what_is_older_goes_in_several_goes():
    """A long history is deleted in pieces, so that nobody waits behind it."""
    ledger, clock = Ledger(100_000), [0.0]
    keeper = retention(ledger, 30, clock)
    keeper.tidy()
    assert 0 < ledger.rows < 100_000
    while ledger.rows:
        keeper.tidy()

    assert {before for before, _ in ledger.asked} == {int((NOW.timestamp() - 30 * 86_400) * 1e6)}


def test_it_is_looked_at_once_a_minute():
    """And not with every flush."""
    ledger, clock = Ledger(0), [0.0]
    keeper = retention(ledger, 30, clock)
    for clock[0] in (0.0, 1.0, 59.0, 61.0, 62.0):
        keeper.tidy()

    assert len(ledger.asked) == 2


def test_without_retention_no_row_goes():
    """0 keeps rows for ever: nothing is older than the beginning of time."""
    ledger = Ledger(0)
    retention(ledger, 0, [0.0]).tidy()

    assert [before for before, _ in ledger.asked] == [0]


def test_less_than_a_day_is_refused():
    """Daily quotas are counted from the same rows."""
    with pytest.raises(SettingInvalid, match="SACCADE_USAGE_RETENTION_S"):
        retention(Ledger(0), 0.5, [0.0])


def test_outage_is_told_and_tried_again():
    """The next flush tries once more."""
    clock = [0.0]

    def away():
        raise DatabaseUnreachable("away")

    keeper = Retention(away, 86_400.0, now=lambda: NOW, monotonic=lambda: clock[0])
    for _ in range(2):
        with pytest.raises(DatabaseUnreachable):
            keeper.tidy()
