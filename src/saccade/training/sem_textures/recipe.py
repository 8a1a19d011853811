"""The sizes of a run: how many pictures, how long to train. Fixed counts, so a run can be repeated."""

from dataclasses import dataclass

from saccade.training.sem_textures.canvas import Shape

INPUT_PX = 192
"""Side of the square that the network sees."""
NORMAL_MEAN = 0.5
"""Subtracted from a brightness of 0..1 before the network."""
NORMAL_DEVIATION = 0.5
"""Divides the rest: the network sees -1..1."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a run makes, besides the code."""

    #: Rows and columns of a training picture, px.
    picture_shape: Shape = (288, 384)
    #: Training pictures per label, seeds from 0.
    train_per_label: int = 800
    #: Pictures per label that set the temperature, seeds from ``CALIBRATION_SEED``.
    calibration_per_label: int = 100
    #: Pictures per label that are only measured, seeds from ``TEST_SEED``.
    test_per_label: int = 300
    #: Rows and columns of the larger pictures that are measured as well, px.
    large_shape: Shape = (768, 1024)
    #: Larger pictures per label, seeds from ``LARGE_SEED``.
    large_per_label: int = 20
    #: Steps of the optimiser.
    steps: int = 3000
    #: Pictures per step.
    batch: int = 64
    #: Random state of weights, order and augmentation.
    random_state: int = 20


TRAIN_SEED = 0
CALIBRATION_SEED = 1_000_000
TEST_SEED = 2_000_000
LARGE_SEED = 3_000_000
SAMPLE_SEED = 4_000_000

SHIPPED = Recipe()
"""What the shipped package was made with."""

QUICK = Recipe(train_per_label=40, calibration_per_label=8, test_per_label=10, large_per_label=1, steps=40, batch=32)
"""The same path in under two minutes, with no promise about accuracy."""
