"""The traits of a picture, held against other programs that tell the same."""

import subprocess

import pytest
from PIL import Image

from saccade.images.intake import take
from saccade.images.limits import Limits
from saccade.images.traits import traits_of
from saccade.vision.phash import phash
from unit.images.pictures import encoded, noise


def traits(data):
    """Return the traits of a file."""
    return traits_of(data, take(data, Limits()))


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_hashes_are_those_of_the_file(name):
    """As coreutils tell them of the very bytes."""
    data = encoded(noise(), "PNG")
    told = subprocess.run([f"{name}sum"], input=data, capture_output=True, check=True).stdout.split()[0].decode()

    assert getattr(traits(data), name) == told


def test_size_is_that_of_the_upright_picture():
    """A camera that was turned wrote its rows as columns; what is told is what is seen."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(noise().crop((0, 0, 30, 20)), "JPEG", exif=exif)

    found = traits(data)

    assert (found.width_px, found.height_px, found.size_bytes) == (20, 30, len(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_format_is_named_in_small_letters(kind):
    """As in media types, whatever the decoder calls it."""
    assert traits(encoded(noise(), kind)).format == kind.lower()


def test_perceptual_hash_is_that_of_the_upright_pixels():
    """The same picture stored sideways with the tag that says so has the very same one."""
    upright = noise()
    exif = Image.Exif()
    exif[0x0112] = 3
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_180), "PNG", exif=exif)

    assert traits(turned).phash == traits(encoded(upright, "PNG")).phash == phash(take(turned, Limits()).rgb)
