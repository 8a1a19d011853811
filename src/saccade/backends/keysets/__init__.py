"""Where a provider's keys may be: one file per scheme; a module is imported when it is opened."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import cast

from saccade.access.keyset import KeySet
from saccade.errors import SchemeUnknown

#: scheme → "module:factory". A factory takes the setting's whole text; a text without a scheme is the path of a file.
KEYSETS: Mapping[str, str] = {
    "https": "saccade.backends.keysets.http:open_http",
    "http": "saccade.backends.keysets.http:open_http",
    "file": "saccade.backends.keysets.file:open_file",
}


def open_key_set(text: str) -> KeySet:
    """Open the key set that SACCADE_JWT_JWKS names; nothing is fetched yet.

    Raises:
        SchemeUnknown: No key set has this scheme.
        SettingInvalid: The URL cannot be read.
    """
    scheme, separator, _ = text.partition("://")
    if not separator:
        scheme = "file"
    if scheme not in KEYSETS:
        raise SchemeUnknown(
            f"SACCADE_JWT_JWKS has the scheme {scheme[:20]!a}.",
            hint=f"Known schemes: {', '.join(sorted(KEYSETS))}; or write the path of a file.",
        )
    module, _, name = KEYSETS[scheme].partition(":")
    factory = cast("Callable[[str], KeySet]", getattr(importlib.import_module(module), name))
    return factory(text)
