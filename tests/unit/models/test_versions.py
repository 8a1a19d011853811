"""Versions sort as people mean them."""

import pytest

from saccade.models.versions import newest_first


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["1", "2", "10"], ["10", "2", "1"]),
        (["1.9", "1.10"], ["1.10", "1.9"]),
        (["2.0-beta", "2.0", "2.0.1"], ["2.0.1", "2.0", "2.0-beta"]),
        (["a", "b"], ["b", "a"]),
    ],
)
def test_newest_first_sorts_numbers_by_value_when_mixed(given, expected):
    """Numbers count by value, a longer version is newer, a pre-release older."""
    assert expected == newest_first(given)
