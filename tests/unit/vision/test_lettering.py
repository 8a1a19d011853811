"""What text on pictures promises: it fits, it is cut visibly, and every label can be drawn."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.vision import lettering
from saccade.vision.lettering import Lettering, drawable, shown, shown_score

TEXT = Lettering.of_size(14)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60), st.integers(20, 300))
def test_shortened_fits_when_a_label_is_long(label, room_px):
    """What is left fits the room, and what was cut off shows that it was; two letters may be wider than the room."""
    text = shown(label)
    cut = TEXT.shortened(text, room_px)

    assert TEXT.wide(cut) <= room_px or len(cut) <= 2
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))


def test_shortened_keeps_as_much_as_fits():
    """One letter more would be too much."""
    text = "abcdefghijklmnopqrstuvwxyz"
    cut = TEXT.shortened(text, 100)

    assert TEXT.wide(text[: len(cut)] + "…") > 100


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("a\n\tb\x00c", "a b c"),
        ("  a   b ", "a b"),
        ("\u202eabc", "abc"),
        ("x\ud800y", "x y"),
        ("Käfer 年 😀", "Käfer 年 😀"),
    ],
)
def test_shown_is_one_line_of_visible_letters(label, expected):
    """What moves, hides or turns other text becomes a space."""
    assert expected == shown(label)


def test_drawable_is_plain_when_the_machine_has_no_fonts(monkeypatch):
    """Accents go, other scripts become question marks, and nothing becomes an empty box."""
    monkeypatch.setattr(lettering, "_machine_font", lambda *_: None)
    drawable.cache_clear()
    try:
        assert [drawable(text, 17)[1] for text in ("Käfer", "жук", "coin…", "½")] == ["Kafer", "???", "coin…", "1"]
    finally:
        drawable.cache_clear()


def test_drawable_leaves_text_alone_when_a_font_has_it():
    """English is drawn with the font that Pillow carries, whatever else the machine has."""
    font, text = drawable("traffic light 0.93", 17)

    assert (("Aileron", "Regular"), "traffic light 0.93") == (font.getname(), text)


def test_shown_score_never_says_zero_when_there_is_something():
    """0.00 is said of nothing only."""
    assert ["0.00", "<0.01", "0.01", "1.00"] == [shown_score(score) for score in (0, 0.0049, 0.005001, 1)]
