"""The recipe of what ships, in numbers: how many pictures, which training. A quick one tries the same path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from saccade.training.circles.batches import Phase
from saccade.training.circles.train import Plan

SMALL_BATCH_PX = 16 * 224 * 224
LARGE_BATCH_PX = 12 * 320 * 320


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what comes out.

    Attributes:
        pictures: How many to train on, of all kinds.
        more: How many more of some kinds, on which the network errs most.
        validation: How many to calibrate and to choose the threshold on.
        plans: Runs of training, each from the averaged weights of the one before.
        test_pictures: Pictures of each held-out set; None takes the full sets.
        workers: Processes that draw and train. Training depends on it: each draws its own share of a batch.
    """

    pictures: int
    more: Mapping[str, int]
    validation: int
    plans: tuple[Plan, ...]
    test_pictures: int | None
    workers: int = 2


SHIPPED = Recipe(
    pictures=25_500,
    more={"empty": 4_000},
    validation=1_500,
    plans=(
        Plan((Phase(1_800, (192, 224, 256, 256, 320), SMALL_BATCH_PX),), random_state=20, average=0.997),
        Plan(
            (Phase(3_200, (224, 256, 320, 320, 384, 448), LARGE_BATCH_PX),),
            random_state=21,
            rate=2e-3,
            average=0.998,
            crowd_power=0.5,
        ),
        Plan(
            (Phase(3_300, (256, 320, 384, 448, 448), LARGE_BATCH_PX),),
            random_state=22,
            rate=1.5e-3,
            average=0.998,
            crowd_power=0.5,
        ),
        Plan(
            (Phase(700, (320, 384, 448), LARGE_BATCH_PX),),
            random_state=23,
            rate=6e-4,
            average=0.997,
            warm_up=50,
            crowd_power=0.5,
        ),
        Plan(
            (Phase(3_000, (320, 384, 448), LARGE_BATCH_PX),),
            random_state=24,
            rate=1.2e-3,
            average=0.998,
            warm_up=50,
            crowd_power=0.5,
        ),
    ),
    test_pictures=None,
)
QUICK = Recipe(
    pictures=300,
    more={"empty": 40},
    validation=100,
    plans=(
        Plan((Phase(40, (192, 224), 8 * 192 * 192),), random_state=20, average=0.9, warm_up=10),
        Plan((Phase(15, (256,), 4 * 256 * 256),), random_state=21, rate=1e-3, average=0.9, warm_up=5),
    ),
    test_pictures=10,
)
