"""The options that a package gives its decoder, read with their types and refused by name when they are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saccade.errors import PackageInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.package import Plain


def threshold_of(options: DecodeOptions, *, default: float) -> float:
    """Return the lowest score to give: the caller's, else the package's, else the family's."""
    return default if options.threshold is None else options.threshold


def fraction(package: Mapping[str, Plain], name: str, *, default: float) -> float:
    """Read a number in 0..1.

    Raises:
        PackageInvalid: It is something else.
    """
    value = package.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise PackageInvalid(f"The decoder's {name} is {value!r}; it must be a number from 0 to 1.")
    return float(value)


def count(package: Mapping[str, Plain], name: str, *, default: int) -> int:
    """Read a whole number of at least 1.

    Raises:
        PackageInvalid: It is something else.
    """
    value = package.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise PackageInvalid(f"The decoder's {name} is {value!r}; it must be a whole number of at least 1.")
    return value


def choice(package: Mapping[str, Plain], name: str, *, default: str, choices: Sequence[str]) -> str:
    """Read one of several words.

    Raises:
        PackageInvalid: It is something else.
    """
    value = package.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in choices:
        raise PackageInvalid(f"The decoder's {name} is {value!r}; it must be one of: {', '.join(choices)}.")
    return value
