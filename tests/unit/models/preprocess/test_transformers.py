"""transformers' torch-free processors are the oracle: every value and every mask must be equal, bit for bit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from saccade.errors import ImageShapeUnsupported, PackageInvalid, PreprocessorUnsupported, SaccadeError
from saccade.models.preprocess.plan import CenterCrop, Plan, Resize
from saccade.models.preprocess.processors import PROCESSORS
from saccade.models.preprocess.run import carry_out
from saccade.models.preprocess.transformers import plan_from_config

_FIXTURES_ARE_CONSTANT = HealthCheck.function_scoped_fixture


class Answer(NamedTuple):
    """Pixels and mask of one picture."""

    pixels: np.ndarray
    mask: np.ndarray | None


def ours(config: dict[str, object], image: np.ndarray) -> Answer | None:
    """What Saccade makes of a picture; None where it refuses the file or the picture."""
    try:
        prepared = carry_out(plan_from_config(config), image)
    except SaccadeError:
        return None
    return Answer(prepared.pixels, prepared.mask)


def theirs(processor: type, config: dict[str, object], image: np.ndarray) -> Answer | None:
    """What transformers makes of a picture; None where it fails."""
    try:
        features = processor(**config)(Image.fromarray(image))
    except Exception:  # noqa: BLE001 - whatever it raises, it gives no answer
        return None
    masks = features.get("pixel_mask")
    return Answer(np.asarray(features["pixel_values"][0], np.float32), None if masks is None else masks[0])


def assert_same(expected: Answer | None, actual: Answer | None) -> None:
    """Both refused, or both gave the same numbers."""
    assert (expected is None) == (actual is None)
    if expected is None or actual is None:
        return
    assert expected.pixels.shape == actual.pixels.shape
    assert np.array_equal(expected.pixels, actual.pixels)
    assert (expected.mask is None) == (actual.mask is None)
    assert expected.mask is None or np.array_equal(expected.mask, actual.mask)


sides = st.one_of(st.integers(1, 90), st.integers(1, 90), st.integers(1, 700))
edges = st.integers(1, 72)
sizes = st.one_of(
    edges,
    st.tuples(edges, edges).map(list),
    st.builds(lambda h, w: {"height": h, "width": w}, edges, edges),
    st.builds(lambda s: {"height": s, "width": s}, edges),
    st.builds(lambda s: {"shortest_edge": s}, edges),
    st.builds(lambda s, longer: {"shortest_edge": s, "longest_edge": s + longer}, edges, edges),
    st.builds(lambda h, w: {"max_height": h, "max_width": w}, edges, edges),
)
squares = st.one_of(
    edges,
    st.tuples(edges, edges).map(list),
    st.builds(lambda h, w: {"height": h, "width": w}, edges, edges),
)
switches = st.booleans()
nullable = st.sampled_from([True, True, False, None])
channels = st.one_of(
    st.floats(0.05, 2.0), st.lists(st.floats(0.05, 2.0), min_size=3, max_size=3), st.just([0.485, 0.456, 0.406])
)
configs = st.fixed_dictionaries(
    {"size": st.one_of(sizes, sizes, sizes, sizes, st.none())},
    optional={
        "crop_pct": st.sampled_from([None, 0.5, 0.875, 0.9, 0.95, 1.0]),
        "crop_size": squares,
        "default_to_square": nullable,
        "do_center_crop": nullable,
        "do_convert_rgb": switches,
        "do_flip_channel_order": nullable,
        "do_normalize": nullable,
        "do_pad": nullable,
        "do_reduce_labels": switches,
        "do_rescale": nullable,
        "do_resize": nullable,
        "image_mean": channels,
        "image_std": channels,
        "include_top": nullable,
        "max_size": st.integers(60, 150),
        "pad_and_return_pixel_mask": nullable,
        "pad_size": st.one_of(st.none(), st.integers(60, 160), st.just({"height": 150, "width": 120})),
        "resample": st.sampled_from([*range(6), *range(6), None]),
        "rescale_factor": st.sampled_from([1 / 255, 1 / 127.5, 1.0, 0.1, 1, None]),
        "rescale_offset": nullable,
    },
)


@pytest.mark.parametrize("name", PROCESSORS)
@settings(max_examples=40, deadline=None, suppress_health_check=[_FIXTURES_ARE_CONSTANT])
@given(config=configs, height=sides, width=sides, seed=st.integers(0, 1 << 16))
def test_numbers_equal_transformers_when_any_key_is_set(oracle, picture, name, config, height, width, seed):
    """Whatever keys a file sets, the tensor and the mask are the library's, and what it refuses is refused."""
    image = picture(height, width, seed=seed)

    expected = theirs(oracle(name), config, image)

    assert_same(expected, ours({"image_processor_type": f"{name}ImageProcessor", **config}, image))


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (37, 53), (700, 333), (3, 240), (480, 640), (1344, 50)])
def test_numbers_equal_transformers_when_the_file_sets_nothing(oracle, picture, name, height, width):
    """A file that only names its class gets that class's defaults, not somebody else's."""
    image = picture(height, width)

    expected = theirs(oracle(name), {}, image)

    assert_same(expected, ours({"image_processor_type": f"{name}ImageProcessor"}, image))


@pytest.mark.parametrize("name", ["Detr", "Yolos"])
@settings(max_examples=60, deadline=None, suppress_health_check=[_FIXTURES_ARE_CONSTANT])
@given(short=st.integers(1, 60), long=st.integers(1, 400), longest=st.integers(20, 120), tall=st.booleans())
def test_both_edges_equal_transformers_when_the_long_one_is_the_limit(
    oracle, picture, name, short, long, longest, tall
):
    """The rounding of a long, narrow picture is the library's to the pixel."""
    image = picture(*((long, short) if tall else (short, long)))
    config = {"size": {"shortest_edge": 48, "longest_edge": longest}, "do_rescale": False, "do_normalize": False}

    expected = theirs(oracle(name), config, image)

    assert_same(expected, ours({"image_processor_type": f"{name}ImageProcessor", **config}, image))


@pytest.mark.parametrize("name", PROCESSORS)
def test_defaults_equal_transformers_when_read_from_the_class(oracle, name):
    """Every number in the table is the installed class's."""
    row, processor = PROCESSORS[name], oracle(name)()

    expected = {
        "size": dict(processor.size),
        "resample": int(processor.resample),
        "mean": tuple(processor.image_mean),
        "std": tuple(processor.image_std),
        "default_to_square": processor.default_to_square,
        "crops": False if row.crops is None else bool(processor.do_center_crop),
        "normalizes": False if row.normalizes is None else bool(processor.do_normalize),
        "pads": bool(getattr(processor, "do_pad", None)),
    }
    assert expected == {
        "size": dict(row.size),
        "resample": int(row.resample),
        "mean": row.mean,
        "std": row.std,
        "default_to_square": row.default_to_square,
        "crops": bool(row.crops),
        "normalizes": bool(row.normalizes),
        "pads": row.pads,
    }


@pytest.mark.parametrize(
    "config",
    [
        {"image_processor_type": "ConvNextImageProcessor"},
        {"image_processor_type": "ConvNextImageProcessorFast"},
        {"image_processor_type": "ConvNextFeatureExtractor"},
        {"feature_extractor_type": "ConvNextFeatureExtractor"},
        {"image_processor": {"image_processor_type": "ConvNextImageProcessor"}, "processor_class": "X"},
    ],
)
def test_class_is_found_when_named_in_any_of_the_ways(config):
    """Fast, legacy and nested names mean the same class."""
    assert plan_from_config(config).steps[0] == Resize(384, 384, PROCESSORS["ConvNext"].resample)


def test_square_size_is_taken_when_an_old_clip_file_asks_for_it(oracle, picture):
    """KOSMOS-2's switch warps to the default square."""
    config, image = {"use_square_size": True}, picture(50, 80)

    expected = theirs(oracle("CLIP"), config, image)

    assert_same(expected, ours({"image_processor_type": "CLIPImageProcessor", **config}, image))


@pytest.mark.parametrize("rescale", [True, False])
def test_old_switch_is_taken_when_an_early_owl_vit_file_has_it(oracle, picture, rescale):
    """The first files of OWL-ViT say `rescale` where later ones say `do_rescale`."""
    config, image = {"rescale": rescale, "size": 32, "do_normalize": False}, picture(50, 80)

    expected = theirs(oracle("OwlViT"), config, image)

    assert_same(expected, ours({"image_processor_type": "OwlViTFeatureExtractor", **config}, image))


def test_one_class_ignores_a_key_when_only_another_class_knows_it():
    """crop_pct means nothing to ViT, in Saccade as in transformers."""
    plain = plan_from_config({"image_processor_type": "ViTImageProcessor"})

    assert plain == plan_from_config({"image_processor_type": "ViTImageProcessor", "crop_pct": 0.5})


def test_crop_follows_the_resize_when_convnext_is_small():
    """Below 384 px ConvNeXT resizes by crop_pct and crops to the size."""
    plan = plan_from_config({"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224})

    assert CenterCrop(224, 224) == plan.steps[1]
    assert isinstance(plan, Plan)


@pytest.mark.parametrize("name", ["Perceiver", "Owlv2", "GroundingDino", "DPT", "DINOv3ViT", "Invented"])
def test_class_is_refused_by_name_when_its_rules_are_not_exact(name):
    """Saccade says which class it cannot reproduce instead of guessing."""
    with pytest.raises(PreprocessorUnsupported, match=f"{name}ImageProcessor is not supported: "):
        plan_from_config({"image_processor_type": f"{name}ImageProcessorFast"})


def test_key_is_refused_by_name_when_its_effect_is_not_known():
    """A key that nobody taught Saccade is not skipped."""
    with pytest.raises(PreprocessorUnsupported, match=r"ViTImageProcessor: .* do_thumbnail, size_divisor"):
        plan_from_config({"feature_extractor_type": "ViTFeatureExtractor", "size_divisor": 32, "do_thumbnail": True})


def test_unknown_key_is_harmless_when_it_is_off():
    """Null and false switch nothing on."""
    plain = plan_from_config({"image_processor_type": "ViTImageProcessor"})

    off = {"image_processor_type": "ViTImageProcessor", "do_thumbnail": False, "size_divisor": None}
    assert plain == plan_from_config(off)


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("ViT", {"size": {"longest_edge": 300}}, "ViTImageProcessor: size is {'longest_edge': 300}"),
        ("ViT", {"size": {"min_pixels": 4, "max_pixels": 9}}, "size is {'min_pixels': 4"),
        ("Detr", {"size": {"shortest_edge": 800}}, "DetrImageProcessor: size {'shortest_edge': 800}"),
        ("ConvNext", {"size": {"height": 224, "width": 224}}, "ConvNextImageProcessor: size"),
        ("CLIP", {"crop_size": {"shortest_edge": 224}}, "CLIPImageProcessor: crop_size"),
        ("Detr", {"pad_size": {"shortest_edge": 224}}, "DetrImageProcessor: pad_size"),
    ],
)
def test_size_is_refused_by_name_when_the_class_has_no_rule_for_it(name, config, message):
    """A form of size that the class does not resize to is named with its class."""
    with pytest.raises(PreprocessorUnsupported) as caught:
        plan_from_config({"image_processor_type": f"{name}ImageProcessor", **config})

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"do_resize": "yes"}, "do_resize is 'yes'; allowed: true, false."),
        ({"resample": 9}, "resample is 9; allowed: 0 (nearest), 1 (lanczos)"),
        ({"resample": "bicubic"}, "resample is 'bicubic'; allowed: 0 (nearest)"),
        ({"resample": None}, "resample is needed and has no value."),
        ({"size": None}, "size is needed and has no value."),
        ({"size": 0}, "size is 0; allowed: a whole number from 1."),
        ({"size": {"height": 224.5, "width": 3}}, "size: height is 224.5; allowed: a whole number from 1."),
        ({"image_mean": [0.5, 0.5]}, "image_mean is [0.5, 0.5]; allowed: one number, or a list of three."),
        ({"image_mean": None}, "image_mean is needed and has no value."),
        ({"image_std": 0}, "image_std is 0; allowed: one number, or a list of three, none of them 0."),
        ({"rescale_factor": "1/255"}, "rescale_factor is '1/255'; allowed: a finite number."),
        ({"rescale_factor": float("nan")}, "rescale_factor is nan; allowed: a finite number."),
        ({"do_center_crop": True}, "crop_size is needed and has no value."),
    ],
)
def test_value_is_refused_by_name_when_it_is_wrong(config, message):
    """The message names the class, the key, what it holds and what it may hold."""
    with pytest.raises(PackageInvalid) as caught:
        plan_from_config({"image_processor_type": "ViTImageProcessor", **config})

    assert f"ViTImageProcessor: {message}" in str(caught.value)


@pytest.mark.parametrize("config", [{}, {"image_processor_type": 3}, {"image_processor": []}])
def test_file_is_refused_when_it_names_no_class(config):
    """Without a class there are no rules."""
    with pytest.raises(PackageInvalid, match="names no image_processor_type"):
        plan_from_config(config)


def test_picture_is_refused_when_it_is_too_narrow_for_the_class(picture):
    """A strip whose short side would shrink to nothing is the caller's to crop."""
    plan = plan_from_config({"image_processor_type": "DetrImageProcessor"})

    with pytest.raises(ImageShapeUnsupported, match="A picture of 3000 x 1 px would have to be scaled to"):
        carry_out(plan, picture(1, 3000))


def test_picture_is_refused_when_it_is_larger_than_the_padding(picture):
    """A picture that does not fit into pad_size is not cut."""
    plan = plan_from_config({"image_processor_type": "ViTImageProcessor", "do_pad": True, "pad_size": 200})

    with pytest.raises(ImageShapeUnsupported, match="comes to 224 x 224 px, but the model takes at most 200 x 200"):
        carry_out(plan, picture(20, 20))


def test_timm_wrapper_is_read_when_it_carries_its_configuration():
    """The wrapper's own file holds timm's configuration."""
    plan = plan_from_config(
        {"image_processor_type": "TimmWrapperImageProcessor", "pretrained_cfg": {"input_size": [3, 96, 96]}}
    )

    assert CenterCrop(96, 96) != plan.steps[1]
    assert (96, 96) == (plan.steps[1].height_px, plan.steps[1].width_px)


def test_timm_wrapper_is_refused_when_it_carries_nothing():
    """Without pretrained_cfg there is nothing to read."""
    with pytest.raises(PackageInvalid, match="pretrained_cfg is missing"):
        plan_from_config({"image_processor_type": "TimmWrapperImageProcessor"})
