"""Every step: where it puts the picture, what it fills in, and that nothing is written to the original."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from saccade.errors import ImageShapeUnsupported
from saccade.models.preprocess.canvas import MAX_RESIZED_PIXELS
from saccade.models.preprocess.plan import (
    Bound,
    CenterCrop,
    CropRounding,
    Fit,
    FlipChannels,
    Letterbox,
    Normalize,
    Pad,
    PadMode,
    PadPlace,
    Plan,
    Resample,
    Rescale,
    Resize,
    ResizeKeepRatio,
    ResizeShortest,
)
from saccade.models.preprocess.run import carry_out

lengths = st.integers(40, 160)
filters = st.sampled_from([Resample.NEAREST, Resample.BILINEAR, Resample.BOX])
resizes = st.one_of(
    st.builds(Resize, lengths, lengths, filters),
    st.builds(ResizeShortest, lengths, filters, st.one_of(st.none(), st.integers(80, 200))),
    st.builds(ResizeShortest, lengths, filters, st.just(200), st.just(16)),
    st.builds(ResizeKeepRatio, lengths, lengths, filters, st.sampled_from(Bound)),
    st.builds(Fit, lengths, filters),
    st.builds(
        Letterbox,
        lengths,
        lengths,
        fill=st.just(0),
        resample=filters,
        place=st.sampled_from(PadPlace),
        multiple=st.sampled_from([None, 32]),
    ),
)
crops = st.builds(CenterCrop, lengths, lengths, rounding=st.sampled_from(CropRounding))
pads = st.one_of(
    st.builds(Pad, multiple=st.sampled_from([7, 16, 32])), st.builds(Pad, height_px=st.just(600), width_px=st.just(600))
)
chains = st.tuples(
    st.one_of(st.just(()), st.tuples(resizes), st.tuples(resizes, crops), st.tuples(crops, resizes), st.tuples(crops)),
    st.sampled_from([(), (Rescale(1 / 255),), (Rescale(1 / 255), FlipChannels())]),
    st.one_of(st.just(()), st.tuples(crops)),
    st.one_of(st.just(()), st.tuples(pads)),
).map(lambda parts: tuple(step for part in parts for step in part))


def bright_box(pixels: np.ndarray) -> np.ndarray:
    """x1 y1 x2 y2 of the bright pixels of a tensor."""
    rows = np.flatnonzero(pixels[0].max(axis=1) > pixels.max() / 2)
    columns = np.flatnonzero(pixels[0].max(axis=0) > pixels.max() / 2)
    return np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32)


@settings(max_examples=300, deadline=None)
@given(steps=chains, height=st.integers(60, 200), width=st.integers(60, 200), data=st.data())
def test_bright_spot_maps_back_when_any_steps_are_taken(steps, height, width, data):
    """What the network sees at a place lies in the original where the geometry says, to a px and a half of input."""
    top, left = data.draw(st.integers(0, height - 30)), data.draw(st.integers(0, width - 30))
    image = np.zeros((height, width, 3), np.uint8)
    image[top : top + 30, left : left + 30] = 255

    prepared = carry_out(Plan(steps, pixel_mask=True), image)

    geometry = prepared.geometry
    assert (3, geometry.input_height_px, geometry.input_width_px) == prepared.pixels.shape
    seen = geometry.to_original(bright_box(prepared.mask[np.newaxis]))[0]
    low, high = np.maximum(seen[:2], [left, top]), np.minimum(seen[2:], [left + 30, top + 30])
    px = 1.5 / np.array([geometry.scale_x, geometry.scale_y])
    assume(np.all(high - low > 2 * px))
    found = geometry.to_original(bright_box(prepared.pixels))[0]
    assert np.all(np.abs(found - np.concatenate([low, high])) <= np.tile(px, 2) + 1e-3)


# A resize after padding blends the two at their border, where no mask is right.
@given(
    steps=chains.filter(lambda steps: not any(isinstance(step, CenterCrop) for step in steps[:1])),
    height=st.integers(60, 200),
    width=st.integers(60, 200),
)
@settings(deadline=None)
def test_mask_covers_the_picture_when_a_mask_is_wanted(steps, height, width):
    """The mask is 1 exactly where a picture of ones is not padding."""
    image = np.full((height, width, 3), 255, np.uint8)

    prepared = carry_out(Plan(steps, pixel_mask=True), image)

    assert np.int64 == prepared.mask.dtype
    assert np.array_equal(prepared.pixels[0] > 0, prepared.mask == 1)


def test_box_comes_back_when_it_went_through_every_step():
    """Scale and offset of each step add up to the way back."""
    steps = (Resize(100, 50, Resample.BOX), CenterCrop(80, 60), Pad(multiple=64))

    geometry = carry_out(Plan(steps), np.zeros((200, 200, 3), np.uint8)).geometry

    # Halved to 100 high, quartered to 50 wide, then 10 rows cut off and 5 columns put before.
    assert (0.5, 0.25, -10.0, 5.0) == (geometry.scale_y, geometry.scale_x, geometry.offset_y, geometry.offset_x)
    assert (128, 64) == (geometry.input_height_px, geometry.input_width_px)
    back = geometry.to_original(np.array([[10, 0, 30, 40]], np.float32))
    assert [[20.0, 20.0, 100.0, 100.0]] == back.tolist()


@given(
    factor=st.sampled_from([1 / 255, 1.0, 1 / 127.5]),
    offset=st.sampled_from([0.0, -1.0]),
    mean=st.tuples(*[st.floats(-2, 2)] * 3),
    std=st.tuples(*[st.floats(0.01, 5)] * 3),
    flipped=st.booleans(),
)
def test_values_equal_the_arithmetic_when_they_are_looked_up(factor, offset, mean, std, flipped):
    """The table of 256 values gives the bits that computing every pixel gives."""
    image = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    floats = (image.astype(np.float64) * factor).astype(np.float32) + np.float32(offset)
    floats = floats[:, :, ::-1] if flipped else floats
    expected = ((floats - np.array(mean, np.float32)) / np.array(std, np.float32)).transpose(2, 0, 1)

    flip = (FlipChannels(),) if flipped else ()
    actual = carry_out(Plan((Rescale(factor, offset), *flip, Normalize(mean, std))), image).pixels

    assert np.array_equal(expected, actual)


def test_values_equal_the_arithmetic_when_padding_came_between(picture):
    """After padding there are no bytes to look up; the same arithmetic goes on with floats."""
    image = picture(5, 4)
    steps = (Rescale(0.5), Pad(multiple=8), Rescale(0.25, 3.0), FlipChannels(), Normalize((1, 2, 3), (2, 2, 4)))
    padded = np.zeros((8, 8, 3), np.float32)
    padded[:5, :4] = image * np.float32(0.5)
    expected = ((padded * np.float32(0.25) + 3)[:, :, ::-1] - np.float32([1, 2, 3])) / np.float32([2, 2, 4])

    assert np.array_equal(expected.transpose(2, 0, 1), carry_out(Plan(steps), image).pixels)


def test_channels_are_turned_round_when_flipped_after_rescaling(picture):
    """BGR is RGB from behind, whether bytes or their values are flipped."""
    image = picture(6, 7)

    before = carry_out(Plan((FlipChannels(), Rescale(2.0))), image).pixels
    after = carry_out(Plan((Rescale(2.0), FlipChannels())), image).pixels

    assert np.array_equal(image[:, :, ::-1].transpose(2, 0, 1) * np.float32(2), before)
    assert np.array_equal(before, after)


@pytest.mark.parametrize(
    ("rounding", "have_px", "want_px", "first"),
    [
        (CropRounding.FLOOR, 9, 4, 2),
        (CropRounding.EVEN, 9, 4, 2),
        (CropRounding.FLOOR, 11, 4, 3),
        (CropRounding.EVEN, 11, 4, 4),
        (CropRounding.FLOOR, 4, 9, -3),
        (CropRounding.EVEN, 4, 9, -2),
    ],
)
def test_crop_starts_by_its_own_rule_when_an_odd_px_is_to_spare(rounding, have_px, want_px, first):
    """Transformers and torchvision disagree about odd numbers, and each gets its way."""
    image = np.zeros((have_px, 6, 3), np.uint8)

    geometry = carry_out(Plan((CenterCrop(want_px, 6, rounding=rounding),)), image).geometry

    assert -first == geometry.offset_y


def test_border_has_its_colour_when_the_crop_is_larger():
    """Each channel is filled with its own value, before the values are rescaled."""
    plan = Plan((CenterCrop(3, 3, fill=(1, 2, 3)), Rescale(2.0)))

    pixels = carry_out(plan, np.full((1, 1, 3), 9, np.uint8)).pixels

    assert [2.0, 4.0, 6.0] == pixels[:, 0, 0].tolist()
    assert [18.0, 18.0, 18.0] == pixels[:, 1, 1].tolist()


@pytest.mark.parametrize("before", [(), (Rescale(1.0),)])
def test_border_repeats_when_padding_takes_the_edge(before):
    """Edge padding copies the last row and column, of bytes and of floats."""
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)

    pixels = carry_out(Plan((*before, Pad(height_px=3, width_px=4, mode=PadMode.EDGE))), image).pixels

    assert [[0.0, 3.0, 3.0, 3.0], [6.0, 9.0, 9.0, 9.0], [6.0, 9.0, 9.0, 9.0]] == pixels[0].tolist()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((300, 700), (110, 256)), ((700, 300), (256, 110)), ((1, 5000), (1, 256)), ((8, 4), (256, 128))],
)
def test_long_side_has_its_length_when_a_picture_is_fitted(size, expected):
    """The short side is rounded and never vanishes; small pictures are enlarged."""
    prepared = carry_out(Plan((Fit(256, Resample.BILINEAR),)), np.zeros((*size, 3), np.uint8))

    assert (3, *expected) == prepared.pixels.shape


def test_tensor_is_contiguous_and_apart_when_a_plan_was_carried_out(picture):
    """The engine can take the tensor as it is, and the picture is as it was."""
    image = picture(30, 40)
    untouched = image.copy()

    for steps in ((), (Rescale(1 / 255),), (CenterCrop(20, 50), FlipChannels()), (Resize(30, 40, Resample.BOX),)):
        pixels = carry_out(Plan(steps), image).pixels
        assert (np.float32, True, False) == (
            pixels.dtype,
            pixels.flags.c_contiguous,
            np.shares_memory(pixels, image),
        )
    assert np.array_equal(untouched, image)


def test_read_only_picture_is_taken_when_it_comes_from_a_decoder(picture):
    """Decoders hand out arrays that nobody may write to, cut out of larger ones."""
    image = picture(60, 50)[10:, 5:45]
    image.flags.writeable = False

    prepared = carry_out(Plan((ResizeShortest(20, Resample.BICUBIC), CenterCrop(30, 30), Rescale(1.0))), image)

    assert (3, 30, 30) == prepared.pixels.shape


def test_strip_is_refused_when_enlarging_it_would_eat_the_memory(picture):
    """One px by sixty thousand would become 13 million px wide; it is refused before anything is allocated."""
    plan = Plan((ResizeShortest(224, Resample.BILINEAR), CenterCrop(224, 224)))

    with pytest.raises(ImageShapeUnsupported, match="A picture of 60000 x 1 px would have to be scaled to 13440000"):
        carry_out(plan, picture(1, 60_000))


def test_limit_lets_a_long_picture_through_when_it_is_still_reasonable():
    """A hundred times longer than high is a picture that somebody may send."""
    assert 224 * 224 * 100 < MAX_RESIZED_PIXELS


def test_plan_is_a_mistake_when_it_resizes_floats(picture):
    """No reader writes such a plan; if one did, it is told at once."""
    with pytest.raises(ValueError, match="cannot be resized after"):
        carry_out(Plan((Rescale(1.0), Resize(4, 4, Resample.BOX))), picture(8, 8))


def test_step_is_a_mistake_when_nobody_knows_it(picture):
    """A plan holds steps and nothing else."""
    with pytest.raises(TypeError, match="str is no step"):
        carry_out(Plan(("resize",)), picture(8, 8))
