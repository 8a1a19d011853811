"""Spans of time as people write them."""

import pytest

from saccade.durations import parse_duration_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", 45),
        ("30m", 1800),
        ("12h", 43_200),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("1.5h", 5400),
        (" 24h ", 86_400),
    ],
)
def test_duration_is_a_number_and_a_unit(text, seconds):
    """Seconds, minutes, hours, days, weeks; parts of them too."""
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "h",
        "0s",
        "0.0d",
        "-1h",
        "+1h",
        "1 h",
        "1H",
        "1y",
        "1h30m",
        "1e3s",
        "1.s",
        ".5h",
        "\u0661h",
        "9" * 10 + "s",
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(text):
    """Nothing is guessed: no unit, no sign, no other script, and never nothing."""
    with pytest.raises(ValueError, match="write 45s, 30m, 12h, 7d or 2w"):
        parse_duration_s(text)
