"""Notes of what models said: kept through any end, and of no use where what was asked differs."""

import json
from dataclasses import replace

import pytest

from saccade.errors import ParameterInvalid
from saccade.evaluation.notes import Asked, Notes
from saccade.evaluation.seen import Seen
from saccade.models.prediction import Box, Classification, Detection, Point

ASKED = Asked("m@1", "d1", "s1", 0.55, None)
FIND = Detection("ring", 0.1 + 0.2, 3, Box(0.1, 1 / 3, 7.0, 9.5), Point(3.5, 4.25), 2.125)
SEEN = (
    Seen("a/ä.png", 40, 30, (FIND,), (FIND, replace(FIND, score=1e-6)), {"infer": 1.25, "total": 3.0}),
    Seen("b.png", 8, 6, (Classification("x", 0.5, 2),), (Classification("x", 0.5, 2),), {"total": 1.0}),
    Seen("c.png", problem=("image_unreadable", "It is torn.")),
)


@pytest.fixture
def path(tmp_path):
    """Three pictures, noted."""
    path = tmp_path / "deep" / "m@1.jsonl"
    with Notes(path, ASKED) as notes:
        for seen in SEEN:
            notes.add(seen)
    return path


def test_what_was_noted_is_read_again_to_the_last_bit(path):
    """Boxes, scores and times come back as they were, for detectors, classifiers and failures."""
    with Notes(path, ASKED) as notes:
        assert notes.seen == {seen.name: seen for seen in SEEN}
        assert notes.begun_anew is None


def test_line_is_in_the_file_before_the_next_picture(tmp_path):
    """A killed process loses nothing that was added: the line is with the system, not in our memory."""
    notes = Notes(tmp_path / "n", ASKED)
    notes.add(SEEN[0])

    assert len((tmp_path / "n").read_bytes().splitlines()) == 2
    notes.close()


@pytest.mark.parametrize("torn", range(1, 60, 7))
def test_torn_last_line_is_cut_off_and_the_rest_is_kept(path, torn):
    """After a kill in the middle of a write, the next run goes on behind the last whole line."""
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[1][:torn])

    with Notes(path, ASKED) as notes:
        assert list(notes.seen) == [seen.name for seen in SEEN]
        notes.add(replace(SEEN[1], name="d.png"))

    with Notes(path, ASKED) as notes:
        assert list(notes.seen) == [*(seen.name for seen in SEEN), "d.png"]
    assert path.read_bytes().startswith(whole)


def test_line_without_its_end_is_not_whole(path):
    """Only the newline is missing: what is added next must not be glued to it."""
    path.write_bytes(path.read_bytes()[:-1])

    with Notes(path, ASKED) as notes:
        assert list(notes.seen) == ["a/ä.png", "b.png"]
        notes.add(SEEN[2])

    with Notes(path, ASKED) as notes:
        assert list(notes.seen) == [seen.name for seen in SEEN]


def test_line_that_is_no_note_ends_what_is_believed(path):
    """What follows damage was not written by us in this order."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1] + b'{"name": "b.png"}\n' + lines[3])

    with Notes(path, ASKED) as notes:
        assert list(notes.seen) == ["a/ä.png"]


def test_last_line_of_a_picture_wins(path):
    """A picture that failed and was asked again is what it was the second time."""
    with Notes(path, ASKED) as notes:
        notes.add(replace(SEEN[1], name="c.png"))

    with Notes(path, ASKED) as notes:
        assert notes.seen["c.png"].problem is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": "m@2"}, "are of another model"),
        ({"digest": "d2"}, "are of another package of the model"),
        ({"dataset": "s2"}, "are of another dataset"),
        ({"threshold": 0.5}, "were taken at another threshold"),
        ({"threshold": None}, "were taken at another threshold"),
        ({"server": "http://x"}, "were taken elsewhere"),
    ],
)
def test_notes_of_something_else_are_begun_anew_and_it_says_why(path, change, sentence):
    """No figure is made of answers to two different questions."""
    with Notes(path, replace(ASKED, **change)) as notes:
        assert (notes.begun_anew, notes.seen) == (sentence, {})
        notes.add(SEEN[1])

    with Notes(path, replace(ASKED, **change)) as notes:
        assert (notes.begun_anew, list(notes.seen)) == (None, ["b.png"])


def test_fresh_begins_anew_without_a_word(path):
    """It was asked for."""
    with Notes(path, ASKED, fresh=True) as notes:
        assert (notes.begun_anew, notes.seen) == (None, {})
    assert len(path.read_bytes().splitlines()) == 1


@pytest.mark.parametrize("text", [b"", b"{", b"no notes\n", b"[1]\n", b'{"format": "saccade-notes/0"}\n'])
def test_file_that_holds_no_notes_is_begun_anew(path, text):
    """Also one whose first line was torn off."""
    path.write_bytes(text)

    with Notes(path, ASKED) as notes:
        assert notes.seen == {}
    assert json.loads(path.read_bytes()) == ASKED.to_json()


def test_second_run_at_the_same_time_is_refused(path):
    """Two would write each other's lines to pieces."""
    with Notes(path, ASKED), pytest.raises(ParameterInvalid, match="the same evaluation is running"):
        Notes(path, ASKED)
    Notes(path, ASKED).close()


def test_place_that_cannot_be_written_is_told(tmp_path):
    """A file where a folder should be."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ParameterInvalid, match="cannot be written"):
        Notes(tmp_path / "file" / "n", ASKED)
