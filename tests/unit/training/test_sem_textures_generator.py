"""The synthetic micrographs behind ``sem-textures``: repeatable, varied, and of the stated form."""

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the generator draws with OpenCV, which only making the shipped models needs")

from saccade.training.sem_textures.augment import as_pixel_values, augmented, warped_to_square
from saccade.training.sem_textures.calibration import expected_calibration_error, fit_temperature, probabilities
from saccade.training.sem_textures.dataset import make_set
from saccade.training.sem_textures.infobar import with_info_bar
from saccade.training.sem_textures.labels import LABELS
from saccade.training.sem_textures.pictures import make_picture
from saccade.training.sem_textures.recipe import INPUT_PX
from saccade.training.sem_textures.scenes import SCENES

SHAPE = (96, 128)


def test_scenes_cover_every_label() -> None:
    """Each of the ten labels has a scene of its own, and there is no scene without a label."""
    assert sorted(LABELS) == sorted(SCENES)


@pytest.mark.parametrize("label", LABELS)
def test_picture_is_the_same_when_the_seed_is(label: str) -> None:
    """A label and a seed name one picture, whatever was drawn before it."""
    first = make_picture(label, 5, shape=SHAPE)
    make_picture(label, 6, shape=SHAPE)

    assert first.tobytes() == make_picture(label, 5, shape=SHAPE).tobytes()


@pytest.mark.parametrize("label", LABELS)
def test_picture_differs_when_the_seed_does(label: str) -> None:
    """Two seeds give pictures that differ over much of the area, not in a few px."""
    one = make_picture(label, 1, shape=SHAPE).astype(np.int16)
    other = make_picture(label, 2, shape=SHAPE).astype(np.int16)

    assert float(np.mean(np.abs(one - other) > 8)) > 0.2


@pytest.mark.parametrize("label", LABELS)
def test_picture_has_shape_and_contrast_when_made(label: str) -> None:
    """Several pictures of every category are grey uint8 of the asked shape and show something."""
    for seed in range(6):
        image = make_picture(label, seed, shape=SHAPE)
        low, high = np.percentile(image, (2, 98))

        assert (SHAPE, np.dtype(np.uint8)) == (image.shape, image.dtype)
        assert high - low > 30, f"seed {seed}"


def test_pictures_differ_when_the_label_does() -> None:
    """One seed gives ten different pictures for the ten labels."""
    pictures = {make_picture(label, 3, shape=SHAPE).tobytes() for label in LABELS}

    assert len(LABELS) == len(pictures)


def test_info_bar_changes_only_the_foot_when_drawn() -> None:
    """The strip of text covers the lower edge and leaves the upper four fifths alone."""
    plain = make_picture("Tips", 0, shape=(192, 256))
    barred = with_info_bar(plain, rng=np.random.default_rng(0))
    kept_rows = 192 * 4 // 5

    assert plain[:kept_rows].tobytes() == barred[:kept_rows].tobytes()
    assert plain[kept_rows:].tobytes() != barred[kept_rows:].tobytes()


def test_augmented_is_a_square_when_the_picture_is_not() -> None:
    """Varied copies have the network's size, differ from each other and repeat with their generator."""
    image = make_picture("Fibres", 0, shape=SHAPE)
    rng = np.random.default_rng(1)
    copies = [augmented(image, rng=rng) for _ in range(8)]

    assert {(INPUT_PX, INPUT_PX)} == {copy.shape for copy in copies}
    assert len(copies) == len({copy.tobytes() for copy in copies})
    assert copies[0].tobytes() == augmented(image, rng=np.random.default_rng(1)).tobytes()


def test_pixel_values_span_minus_one_to_one_when_black_and_white() -> None:
    """Black becomes -1 and white 1, in three equal channels, as the package's preprocessor says."""
    squares = np.array([[[0, 255], [255, 0]]], dtype=np.uint8)
    values = as_pixel_values(squares)

    assert values.shape == (1, 3, 2, 2)
    assert np.dtype(np.float32) == values.dtype
    assert values[0, 2].tolist() == [[-1.0, 1.0], [1.0, -1.0]]


def test_warped_square_keeps_a_flat_grey_when_resized() -> None:
    """Warping to the square changes the size and no brightness."""
    square = warped_to_square(np.full((48, 64), 77, dtype=np.uint8))

    assert square.shape == (INPUT_PX, INPUT_PX)
    assert np.unique(square).tolist() == [77]


def test_set_is_read_again_when_it_is_there(tmp_path) -> None:
    """A set is made once, in the order of the labels, and comes back the same from its file."""
    path = tmp_path / "set.npy"
    made = make_set(path, per_label=2, first_seed=7, shape=(48, 64))
    written_at = path.stat().st_mtime_ns
    again = make_set(path, per_label=2, first_seed=7, shape=(48, 64))

    assert [*range(10), *range(10)] == made.targets.tolist()
    assert make_picture(LABELS[3], 8, shape=(48, 64)).tolist() == made.images[13].tolist()
    assert made.images.tobytes() == again.images.tobytes()
    assert written_at == path.stat().st_mtime_ns


def test_temperature_softens_when_the_logits_are_too_sure() -> None:
    """Answers that are right three times in four, yet nearly certain, are brought down to about 0.75."""
    targets = np.tile(np.array([0, 0, 0, 1], dtype=np.int64), 50)
    logits = np.zeros((200, 10), dtype=np.float32)
    logits[:, 0] = 12.0
    temperature = fit_temperature(logits, targets)
    softened = probabilities(logits, temperature=temperature)

    assert temperature > 2.0
    assert expected_calibration_error(softened, targets) < expected_calibration_error(probabilities(logits), targets)
    assert pytest.approx(0.75, abs=0.06) == float(softened[0, 0])
