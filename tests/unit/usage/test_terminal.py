"""The page on a terminal: it fits, it aligns, and no name moves the cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.cells import cell_len
from rich.console import Console

from saccade.cli.usage_page import gathered, meter, sparks, usage_page
from unit.usage.ledger import FakeLedger, report_of


def shown(width, ledger=None, **fields):
    """Return the lines that a terminal of so many columns would show."""
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(usage_page(report_of(ledger, **fields), width=width))
    return captured.get().splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
@pytest.mark.parametrize("name", ["Ada", "x" * 400, "李伟" * 60, "يوسف الخطيب", "\x1b[2J\u202ed\r\n"])
def test_page_fits_the_terminal(width, name):
    """No line is broken or longer than the terminal is wide, whatever people and models are called."""
    lines = shown(width, FakeLedger(names=(name,) * 12, models=tuple(f"{name}{n}" for n in range(12))))

    assert max(cell_len(line) for line in lines) <= width
    assert "\x1b[2J" not in "".join(lines)
    assert "\u202e" not in "".join(lines)
    assert [line for line in lines if line.startswith("Users")] or width >= 112


def test_page_has_every_part():
    """The figures that count, the timeline, endpoints, statuses, users, models and notes are all there."""
    text = "\n".join(shown(80))

    for part in ("requests", "p95", "Requests each hour", "Endpoints", "Statuses", "Users", "Models", "Data quality"):
        assert part in text
    assert "24 " in text


def test_empty_ledger_is_a_page_too():
    """Where nothing was counted the page says so."""
    text = "\n".join(shown(80, FakeLedger(hours=0)))

    assert "Nothing was counted in this window." in text
    assert "Endpoints" not in text


@given(some.lists(some.integers(0, 10**9), min_size=1, max_size=50), some.integers(1, 5))
def test_little_is_seen_and_nothing_is_not(counts, rows):
    """Each count that is not zero has a block in the lowest line, and only those have."""
    lines = sparks(counts, rows=rows)

    assert [count > 0 for count in counts] == [cell != " " for cell in lines[-1]]
    assert {len(line) for line in lines} == {len(counts)}


@given(some.lists(some.integers(0, 100), min_size=1, max_size=500), some.integers(1, 100))
def test_no_count_is_lost_in_gathering(counts, most):
    """Columns that stand for several buckets add up to all of them."""
    columns, together = gathered(counts, most)

    assert sum(columns) == sum(counts)
    assert len(columns) <= most
    assert -(-len(counts) // together) == len(columns)


@given(some.lists(some.floats(0, 1), max_size=4), some.integers(1, 20))
def test_bar_is_as_wide_as_its_cells(shares, cells):
    """Whatever its parts, a bar never pushes the columns beside it."""
    assert len(meter([(share, "blue") for share in shares], cells=cells)) == cells
