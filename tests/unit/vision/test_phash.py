"""The perceptual hash against imagehash, and what it is for: copies are near, other pictures are far."""

import io
import math
from decimal import Decimal, getcontext
from pathlib import Path

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.fftpack import dct

from saccade.vision.phash import _BASIS, distance, phash

SAMPLES = sorted(Path(__file__).parents[3].glob("samples/*/*.jpg"))
NEAR_BITS = 8


def from_imagehash(rgb):
    return int(str(imagehash.phash(Image.fromarray(rgb))), 16)


def tied_bits(rgb):
    """Return a mask of the bits whose wave equals the median, but for floating point's noise."""
    grey = Image.fromarray(rgb).convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    waves = dct(dct(np.asarray(grey, float), axis=0), axis=1)[:8, :8].ravel()
    mask = 0
    for wave in waves:
        mask = mask << 1 | int(abs(wave - np.median(waves)) < 1e-6)
    return mask


def opened(path):
    return np.asarray(Image.open(path).convert("RGB"))


def copy_of(rgb, *, scale=1.0, quality=95):
    """Return a picture made smaller and compressed."""
    size = [max(1, round(side * scale)) for side in rgb.shape[1::-1]]
    data = io.BytesIO()
    Image.fromarray(rgb).resize(size).save(data, "JPEG", quality=quality)
    return np.asarray(Image.open(data))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_it_is_the_hash_of_imagehash(path):
    """On a real picture all bits are equal."""
    rgb = opened(path)

    assert from_imagehash(rgb) == phash(rgb)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 4, 16]))
def test_it_is_the_hash_of_imagehash_on_any_picture(seed, height_px, width_px, grain):
    """On noise of any size and grain all bits are equal whose wave is not the median itself."""
    noise = np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3)).astype(np.uint8)
    rgb = noise.repeat(grain, axis=0).repeat(grain, axis=1)
    ties = tied_bits(rgb)

    assert from_imagehash(rgb) & ~ties == phash(rgb) & ~ties


@settings(max_examples=50, deadline=None)
@given(arrays(np.uint8, (8, 8, 3)))
def test_waves_that_equal_the_median_have_no_bit(block):
    """In a picture that mirrors itself half of the waves are nothing; whatever noise says, their bits are 0."""
    rgb = np.concatenate([block, block[:, ::-1]], axis=1)

    assert 0 == phash(rgb) & tied_bits(rgb)


@pytest.mark.parametrize(("level", "expected"), [(0, 0), (7, 1 << 63), (255, 1 << 63)])
def test_a_plain_picture_has_its_brightness_alone(level, expected):
    """Without any wave only the highest bit may be set, on every machine."""
    assert expected == phash(np.full((40, 60, 3), level, np.uint8))


def test_no_machine_rounds_a_cosine_otherwise():
    """Each cosine, computed to fifty digits, is the one that is used, and none lies near a half."""
    getcontext().prec = 50
    pi = Decimal("3.14159265358979323846264338327950288419716939937511")
    for wave in range(8):
        for column in range(32):
            turn = pi * ((2 * column + 1) * wave % 128) / 64
            exact, term = Decimal(0), Decimal(1)
            for power in range(0, 80, 2):
                exact += term
                term *= -turn * turn / ((power + 1) * (power + 2))
            steps = exact * (1 << 40)

            assert round(steps) == _BASIS[wave, column]
            assert abs(steps - math.floor(steps) - Decimal("0.5")) > Decimal("0.001") or steps == 0


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize(("scale", "quality"), [(1.0, 40), (0.5, 95), (0.75, 70), (1.7, 80), (0.3, 90)])
def test_a_copy_is_near(path, scale, quality):
    """Made smaller or larger, and compressed again, a picture differs in at most eight bits."""
    rgb = opened(path)

    assert distance(phash(rgb), phash(copy_of(rgb, scale=scale, quality=quality))) <= NEAR_BITS


def test_different_pictures_are_far():
    """No two of the samples are as near as copies are."""
    hashes = [phash(opened(path)) for path in SAMPLES]
    near = [(a, b) for a in range(len(hashes)) for b in range(a) if distance(hashes[a], hashes[b]) <= NEAR_BITS]

    assert len(SAMPLES) >= 10
    assert near == []


@given(st.integers(0, 2**64 - 1), st.sets(st.integers(0, 63)))
def test_distance_counts_bits(first, places):
    """The distance is how many bits were flipped, either way round."""
    second = first
    for place in places:
        second ^= 1 << place

    assert len(places) == distance(first, second) == distance(second, first)
