"""``saccade demo``: the tour that everybody sees first."""

from pathlib import Path

import psutil
import pytest
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "samples"


def test_demo_asks_both_models_draws_a_picture_and_leaves_no_server(saccade, tmp_path):
    """Every sample has a row, the annotated picture is a picture of the same size, and nothing runs on."""
    before = set(psutil.Process().children(recursive=True))
    ended = saccade("demo", "--samples", str(SAMPLES))

    pictures = [path for folder in ("circles", "sem-textures") for path in (SAMPLES / folder).glob("*.jpg")]
    written = list((tmp_path / "demo-output").iterdir())
    assert ended.returncode == 0, ended.stderr
    assert [path.name for path in pictures if path.name not in ended.stdout] == []
    assert len(written) == 1
    source = next(path for path in pictures if written[0].stem == f"{path.stem}-annotated")
    with Image.open(source) as plain, Image.open(written[0]) as drawn:
        assert drawn.size == plain.size
        assert drawn.convert("RGB").tobytes() != plain.convert("RGB").tobytes()
    assert set(psutil.Process().children(recursive=True)) <= before


def test_demo_without_samples_says_so(saccade, tmp_path):
    """There is nothing to show, and the line says which option helps."""
    (tmp_path / "empty").mkdir()

    ended = saccade("demo", "--samples", "empty")

    assert ended.returncode == 2
    assert "--samples" in ended.stderr


@pytest.mark.parametrize(("setting", "value"), [("SACCADE_PRELOAD", "some")])
def test_demo_fails_with_the_servers_own_words(saccade, tmp_path, setting, value):
    """A server that does not start is quoted."""
    (tmp_path / "samples" / "circles").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "samples" / "circles" / "black.png")

    ended = saccade("demo", "--samples", "samples", settings={setting: value})

    assert ended.returncode == 75
    assert "SACCADE_PRELOAD='some'" in ended.stderr
