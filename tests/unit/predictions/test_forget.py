"""Answers of one owner's picture are forgotten, and those of others are not."""

import hashlib
import io

import pytest
from PIL import Image, ImageDraw

from saccade import settings
from saccade.caller import Caller
from saccade.wiring import open_platform


@pytest.fixture
def predictor(tmp_path):
    """Return the predictor of a platform with the models that are shipped."""
    platform = open_platform(settings.load({"SACCADE_HOME": str(tmp_path)}))
    platform.start()
    yield platform.predictor
    platform.close()


def drawn(size):
    """Return a picture of a disc, as a file."""
    image = Image.new("RGB", (96, 96), (20, 20, 20))
    ImageDraw.Draw(image).ellipse((10, 10, 10 + size, 10 + size), fill=(230, 230, 230))
    written = io.BytesIO()
    image.save(written, "png")
    return written.getvalue()


def test_forget_drops_the_answers_of_one_owner_and_picture(predictor):
    """Whatever model gave them; the same picture of another, and another picture of the same, stay known."""
    mine, other = drawn(60), drawn(40)

    def ask(data, owner):
        return predictor.predict(data, model="circles", caller=Caller(owner)).cached

    assert [ask(mine, "alice"), ask(mine, "bob"), ask(other, "alice")] == [False] * 3
    assert [ask(mine, "alice"), ask(mine, "bob"), ask(other, "alice")] == [True] * 3

    predictor.forget("alice", hashlib.sha256(mine).hexdigest())

    assert [ask(mine, "alice"), ask(mine, "bob"), ask(other, "alice")] == [False, True, True]
