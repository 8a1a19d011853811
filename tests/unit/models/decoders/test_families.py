"""The table of families, and what all decoders promise alike."""

import numpy as np
import pytest

from saccade.errors import OutputInvalid, PackageInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.families import FAMILIES, family_named, require_known_options
from saccade.models.geometry import Geometry
from saccade.models.prediction import Detection, Task

GEOMETRY = Geometry(120, 90, 64, 64, scale_x=64 / 120, scale_y=64 / 90)


def outputs_of(family, rng):
    """Outputs that the family accepts, with finds in them, without a batch axis."""
    corners = np.sort(rng.uniform(0, 64, (9, 2, 2)), axis=1).reshape(9, 4).astype(np.float32)
    relative = rng.uniform(0.2, 0.7, (9, 4)).astype(np.float32)
    scores = rng.uniform(0.5, 1, 9).astype(np.float32)
    logits = rng.normal(0, 3, (9, 5)).astype(np.float32)
    finished = {"labels": rng.integers(1, 5, 9), "boxes": corners, "scores": scores}
    cells = np.concatenate([relative.T * 64, rng.uniform(0, 1, (5, 9))]).astype(np.float32)
    rows = np.concatenate([corners, scores[:, None], rng.integers(0, 5, (9, 1))], axis=1).astype(np.float32)
    indices = np.stack([np.zeros(9, int), rng.integers(0, 5, 9), np.arange(9)], axis=1)
    return {
        "transformers": {"logits": logits[0]},
        "detr": {"logits": logits, "pred_boxes": relative},
        "rt-detr": {"logits": logits, "pred_boxes": relative},
        "rt-detr-original": finished,
        "rf-detr": {"dets": relative, "labels": logits},
        "yolo": {"output0": np.concatenate([cells] * 2, axis=1)},
        "yolo-end2end": {"output0": rows},
        "torchvision-detection": finished,
        "nms-in-graph": {
            "selected_indices": indices,
            "boxes": corners,
            "scores": rng.uniform(0, 1, (5, 9)).astype(np.float32),
        },
        "peaks": {"scores": scores, "boxes": corners, "circles": rng.uniform(1, 9, (9, 3)).astype(np.float32)},
        "owl-vit": {"logits": logits, "pred_boxes": relative},
    }[family]


def decode(family, outputs, **options):
    return FAMILIES[family].decode(outputs, geometry=GEOMETRY, labels=(), options=DecodeOptions(**options))


every_family = pytest.mark.parametrize("family", FAMILIES)
SEEDS = range(5)


@every_family
def test_decode_gives_the_same_when_a_batch_axis_of_one_is_left(family):
    """Outputs with a batch of one are read as those without."""
    for seed in SEEDS:
        outputs = outputs_of(family, np.random.default_rng(seed))
        batched = {name: tensor[None] for name, tensor in outputs.items()}

        assert decode(family, outputs)
        assert decode(family, outputs) == decode(family, batched)


@every_family
def test_decode_gives_the_same_when_asked_twice(family):
    """A decoder keeps nothing, changes nothing and rolls no dice."""
    outputs = outputs_of(family, np.random.default_rng(1))
    for tensor in outputs.values():
        tensor.setflags(write=False)

    assert decode(family, outputs) == decode(family, outputs)


@every_family
def test_decode_gives_sound_predictions_when_outputs_are_random(family):
    """Best first, scores in 0..1 and at or above the threshold, boxes inside the picture and with an area."""
    for seed in SEEDS:
        found = decode(family, outputs_of(family, np.random.default_rng(seed)), threshold=0.25)
        scores = [entry.score for entry in found]

        assert scores == sorted(scores, reverse=True)
        assert all(0.25 <= score <= 1 for score in scores)
        assert all(entry.label == f"class {entry.class_id}" for entry in found)
        for box in (entry.box for entry in found if isinstance(entry, Detection)):
            assert 0 <= box.x_min < box.x_max <= 120
            assert 0 <= box.y_min < box.y_max <= 90


@every_family
def test_decode_says_what_it_expects_when_outputs_are_of_another_kind(family):
    """The message names the family, what it expects, and every output with its shape."""
    strange = {"tokens": np.zeros((7, 3, 2, 5), np.float32), "other": np.zeros((2, 2, 2), np.int64)}
    with pytest.raises(OutputInvalid) as caught:
        decode(family, strange)

    assert f"Family {family} expects {FAMILIES[family].outputs}" in str(caught.value)
    assert "tokens [7, 3, 2, 5] float32, other [2, 2, 2] int64" in str(caught.value)


@every_family
def test_decode_finds_outputs_when_names_are_in_capitals(family):
    """Names are matched in any case of letters."""
    outputs = outputs_of(family, np.random.default_rng(2))

    assert decode(family, outputs) == decode(family, {name.upper(): tensor for name, tensor in outputs.items()})


@every_family
def test_options_are_read_when_the_table_names_them(family):
    """Each option in the table is looked at by its decoder: nonsense in it is refused."""
    outputs = outputs_of(family, np.random.default_rng(3))
    for option in FAMILIES[family].options:
        package = {"box_unit": "relative", option: ["nonsense"]}
        with pytest.raises(PackageInvalid, match=f"decoder's {option} is"):
            decode(family, outputs, package=package)


class Watched(dict):
    """A package's options that notes which of them are looked at."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def get(self, key, default=None):
        self.seen.add(key)
        return super().get(key, default)


@every_family
def test_options_stand_in_the_table_when_a_decoder_reads_them(family):
    """No decoder looks for an option that the table would refuse."""
    watched = Watched()
    decode(family, outputs_of(family, np.random.default_rng(4)), package=watched)

    assert watched.seen <= FAMILIES[family].options


def test_require_known_options_refuses_when_one_is_misspelt():
    """An option that nothing reads is an error, not a silent nothing."""
    require_known_options(FAMILIES["yolo"], {"max_iou": 0.5})
    with pytest.raises(PackageInvalid, match=r"no option max_uoi; it has: max_detections, max_iou"):
        require_known_options(FAMILIES["yolo"], {"max_uoi": 0.5})


def test_family_named_refuses_when_there_is_none():
    """The message lists the families that exist."""
    assert family_named("yolo").task is Task.OBJECT_DETECTION
    with pytest.raises(PackageInvalid, match=r"'yollo'.*rt-detr"):
        family_named("yollo")
