"""Pictures as base64: what is taken, and what is refused with which code."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.errors import ImageEmpty, ImageTooLarge, ImageUnreadable
from saccade.images.limits import Limits
from saccade.images.sources import from_base64

DATA = bytes(range(256)) * 3 + b"x"
STANDARD = base64.b64encode(DATA).decode()
LIMITS = Limits()


@pytest.mark.parametrize(
    "text",
    [
        STANDARD,
        STANDARD.rstrip("="),
        base64.urlsafe_b64encode(DATA).decode(),
        base64.encodebytes(DATA).decode(),
        STANDARD + "\r\n",
        "data:image/png;base64," + STANDARD,
        "data:;base64," + STANDARD,
        "DATA:image/svg+xml;charset=utf-8;BASE64," + STANDARD,
    ],
)
def test_base64_is_decoded_when_it_is_well_formed(text: str):
    """Both alphabets, with or without padding, line breaks and data URL prefix, mean the same bytes."""
    assert from_base64(text, LIMITS) == DATA


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AAA*",
        "AA A",
        "AA=A",
        "AAAA====",
        "+_AA",
        "ÄÖÜA",
        "http://host/x.png",
        "data:image/png,AAAA",
        "data:image/png;base64;AAAA",
        "data:a;b;c;d;e;f;base64,AAAA",
        "AAAA\x00AAAA",
        "%2BAAA",
    ],
)
def test_base64_is_refused_when_it_is_malformed(text: str):
    """Anything outside the alphabet, mixed alphabets and wrong lengths are ``image_unreadable``, with a hint."""
    with pytest.raises(ImageUnreadable) as caught:
        from_base64(text, LIMITS)

    assert "base64" in caught.value.hint


@pytest.mark.parametrize("text", ["", "\r\n", "==", "data:image/png;base64,"])
def test_base64_is_refused_when_nothing_is_in_it(text: str):
    """No bytes are ``image_empty``, as in every other way of sending."""
    with pytest.raises(ImageEmpty):
        from_base64(text, LIMITS)


def test_base64_is_refused_before_it_is_decoded_when_it_is_too_long():
    """The size is checked by the text's length: the text may be none at all."""
    with pytest.raises(ImageTooLarge):
        from_base64("*" * 200, Limits(max_bytes=100))


@pytest.mark.parametrize("wrapped", [False, True])
def test_base64_is_taken_exactly_up_to_the_limit_when_it_is_long(wrapped: bool):
    """The limit counts decoded bytes, however the text is wrapped."""
    encode = base64.encodebytes if wrapped else base64.b64encode

    assert from_base64(encode(bytes(3_000)).decode(), Limits(max_bytes=3_000)) == bytes(3_000)
    with pytest.raises(ImageTooLarge):
        from_base64(encode(bytes(3_001)).decode(), Limits(max_bytes=3_000))


@given(st.binary(min_size=1, max_size=200))
def test_base64_gives_back_any_bytes_when_they_were_encoded(data: bytes):
    """Encoding and decoding are inverse, in both alphabets."""
    assert from_base64(base64.b64encode(data).decode(), LIMITS) == data
    assert from_base64(base64.urlsafe_b64encode(data).decode().rstrip("="), LIMITS) == data


@given(st.text(max_size=80))
def test_base64_gives_bytes_or_a_refusal_when_the_text_is_anything(text: str):
    """No text makes anything but bytes or one of the three refusals."""
    with contextlib.suppress(ImageEmpty, ImageTooLarge, ImageUnreadable):
        assert isinstance(from_base64(text, LIMITS), bytes)
