"""Showing pictures to a model: each once, in any order of answers, and on with the others when one fails."""

import threading

import pytest

from saccade.errors import (
    Forbidden,
    ImageUnreadable,
    ModelFailed,
    ModelUnknown,
    OutputInvalid,
    ServerUnreachable,
    TaskMismatch,
)
from saccade.evaluation.answers import Asking
from saccade.evaluation.notes import Asked, Notes
from saccade.evaluation.run import missing, see
from saccade.evaluation.truth import TruthImage
from saccade.models.prediction import Task

ASKED = Asked("m@1", "d", "s", None, None)
ASKING = Asking(Task.IMAGE_CLASSIFICATION, (), None, "python")


class Reader:
    """A model that says what is written in the file, and fails or waits where that says so."""

    def __init__(self, failures=None):
        self.failures = failures or {}
        self.asked = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def __call__(self, data, options):
        text = data.decode()
        with self.lock:
            self.asked.append(text)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if text in self.failures:
                raise self.failures[text]
        finally:
            with self.lock:
                self.at_once -= 1
        return {
            "image": {"width_px": 1, "height_px": 1},
            "timing_ms": {"total": 1.0},
            "predictions": [{"label": text, "score": 0.5, "class_id": 0}],
        }


@pytest.fixture
def images(tmp_path):
    """Twenty files with their number in them."""
    images = []
    for number in range(20):
        path = tmp_path / f"{number:02d}.txt"
        path.write_text(str(number))
        images.append(TruthImage(path.name, path, label=str(number)))
    return images


@pytest.fixture
def open_notes(tmp_path):
    """Return how the notes of this test are opened."""
    return lambda: Notes(tmp_path / "notes", ASKED)


def test_every_picture_is_shown_once_and_comes_in_the_order_of_the_dataset(images, open_notes):
    """Whoever answers first; and no more are under way than threads."""
    model, told = Reader(), []
    with open_notes() as notes:
        seen = see(images, model, ASKING, notes, threads=3, on_seen=told.append)

    assert [each.name for each in seen] == [image.name for image in images]
    assert [each.served[0].label for each in seen] == [image.label for image in images]
    assert sorted(model.asked, key=int) == [image.label for image in images]
    assert model.most_at_once <= 3
    assert sorted(each.name for each in told) == [image.name for image in images]


def test_picture_that_fails_is_noted_and_the_others_go_on(images, open_notes):
    """A torn picture, a model that chokes on one, a file that went away."""
    images[7].path.unlink()
    model = Reader({"3": ImageUnreadable("It is torn."), "5": OutputInvalid("NaN.")})

    with open_notes() as notes:
        seen = see(images, model, ASKING, notes, threads=3)

    assert {each.name: each.problem[0] for each in seen if each.problem} == {
        "03.txt": "image_unreadable",
        "05.txt": "output_invalid",
        "07.txt": "file_unreadable",
    }
    assert sum(len(each.served) for each in seen) == 17


@pytest.mark.parametrize(
    "error",
    [
        ServerUnreachable("Nobody."),
        Forbidden("No."),
        ModelUnknown("Who?"),
        ModelFailed("Broken."),
        TaskMismatch("Not that."),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_stops_every_picture_stops_the_run_and_keeps_what_was_answered(images, open_notes, error):
    """The next run shows only the others."""
    with open_notes() as notes, pytest.raises(type(error)):
        see(images, Reader({"9": error}), ASKING, notes, threads=2)

    with open_notes() as notes:
        kept = set(notes.seen)
        assert {f"{number:02d}.txt" for number in range(8)} <= kept
        assert "09.txt" not in kept
        model = Reader()
        seen = see(images, model, ASKING, notes, threads=2)

    assert sorted(f"{int(text):02d}.txt" for text in model.asked) == sorted({image.name for image in images} - kept)
    assert [each.served[0].label for each in seen] == [image.label for image in images]


def test_ctrl_c_keeps_what_was_answered(images, open_notes):
    """It reaches the main thread while others are at work; nothing that was answered is lost."""
    told = []

    def interrupt(seen):
        told.append(seen.name)
        if len(told) == 4:
            raise KeyboardInterrupt

    with open_notes() as notes, pytest.raises(KeyboardInterrupt):
        see(images, Reader(), ASKING, notes, threads=2, on_seen=interrupt)

    with open_notes() as notes:
        assert 4 <= len(notes.seen) < 20
        assert set(told) <= set(notes.seen)


def test_failed_pictures_are_shown_again(images, open_notes):
    """What failed may have passed; what was answered is not asked again."""
    with open_notes() as notes:
        see(images, Reader({"3": ImageUnreadable("It is torn.")}), ASKING, notes, threads=2)
    model = Reader()

    with open_notes() as notes:
        assert [image.name for image in missing(images, notes.seen)] == ["03.txt"]
        seen = see(images, model, ASKING, notes, threads=2)

    assert model.asked == ["3"]
    assert seen[3].problem is None
