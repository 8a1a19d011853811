"""Pictures that arrive as text: base64, bare or in a data URL."""

from __future__ import annotations

import binascii
import re

from saccade.errors import ImageEmpty, ImageTooLarge, ImageUnreadable
from saccade.images.limits import Limits

_HINT = "Send RFC 4648 base64 (standard or URL-safe, padding optional), bare or after 'data:image/...;base64,'."
# The media type is not believed, only passed over; real ones are short.
_DATA_URL = re.compile(r"data:[^,;]{0,127}(?:;[^,;]{1,127}){0,4}?;base64,", re.IGNORECASE)
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def from_base64(text: str, limits: Limits) -> bytes:
    """Decode base64 strictly.

    Line breaks (CR, LF) are passed over, as every encoder for mail and shells makes them. Anything else that is not of
    the alphabet is refused, as is a mixture of the standard and the URL-safe alphabet.

    Args:
        text: Base64, bare or as a ``data:`` URL.
        limits: The size is checked before anything is decoded.

    Raises:
        ImageEmpty: There is no text, or nothing behind the prefix.
        ImageTooLarge: It would decode to more bytes than the limit.
        ImageUnreadable: It is no base64.
    """
    prefix = _DATA_URL.match(text)
    start = prefix.end() if prefix else 0
    # Four characters are three bytes; wrapped at 76 columns, with CR LF, one more character in 38 is a line break.
    if (len(text) - start) * 3 // 4 > limits.max_bytes * 40 // 38 + 4:
        raise ImageTooLarge(f"The base64 text holds more than {limits.max_bytes} bytes.")
    try:
        symbols = text[start:].encode("ascii").translate(None, b"\r\n")
    except UnicodeEncodeError:
        raise ImageUnreadable("The base64 text has characters that are none of its alphabet.", hint=_HINT) from None
    symbols = symbols.removesuffix(b"=").removesuffix(b"=")
    if not symbols:
        raise ImageEmpty("The base64 text is empty.")
    if len(symbols) * 3 // 4 > limits.max_bytes:
        raise ImageTooLarge(f"The base64 text holds more than {limits.max_bytes} bytes.")
    return _decoded(symbols)


def _decoded(symbols: bytes) -> bytes:
    if b"=" in symbols:
        raise ImageUnreadable("The base64 text has padding where none belongs.", hint=_HINT)
    if b"-" in symbols or b"_" in symbols:
        if b"+" in symbols or b"/" in symbols:
            raise ImageUnreadable("The base64 text mixes two alphabets.", hint=_HINT)
        symbols = symbols.translate(_URL_SAFE)
    try:
        return binascii.a2b_base64(symbols + b"=" * (-len(symbols) % 4), strict_mode=True)
    except binascii.Error:
        raise ImageUnreadable("The base64 text is damaged.", hint=_HINT) from None
