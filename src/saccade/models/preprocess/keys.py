"""Read typed values out of a package's JSON or YAML; say which key is wrong and what is allowed instead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from saccade.errors import PackageInvalid
from saccade.models.plain import Plain
from saccade.models.preprocess.plan import Resample

_CHANNELS = 3
_Choice = TypeVar("_Choice", bound=Enum)


@dataclass(frozen=True, slots=True)
class Keys:
    """A mapping out of a package, with the name under which errors speak of it.

    Every reader returns None where the key holds null, and ``default`` where the key is absent: in transformers'
    files the two mean different things.
    """

    values: Mapping[str, Plain]
    where: str

    def wrong(self, key: str, allowed: str) -> PackageInvalid:
        """Return the error that names the key, what it holds and what it may hold."""
        return PackageInvalid(f"{self.where}: {key} is {self.values.get(key)!r}; allowed: {allowed}.")

    def switch(self, key: str, *, default: bool | None = None) -> bool:
        """Return a boolean; null counts as false."""
        value = self.values.get(key, default)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self.wrong(key, "true, false")

    def number(self, key: str, *, default: float | None = None) -> float | None:
        """Return a finite number."""
        value = self.values.get(key, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(key, "a finite number")
        return value

    def share(self, key: str, *, default: float | None = None) -> float | None:
        """Return a number above 0."""
        value = self.number(key, default=default)
        if value is not None and value <= 0:
            raise self.wrong(key, "a number above 0")
        return value

    def length(self, key: str, *, default: int | None = None) -> int | None:
        """Return a whole number from 1."""
        value = self.values.get(key, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.wrong(key, "a whole number from 1")
        return value

    def channels(self, key: str, *, default: tuple[float, ...] | None = None) -> tuple[float, ...] | None:
        """Return one finite number for each of the three channels; a single number counts for all of them."""
        value = self.values.get(key, default if default is None else list(default))
        if value is None:
            return None
        numbers = value if isinstance(value, list | tuple) else [value] * _CHANNELS
        read = [
            float(number)
            for number in numbers
            if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
        ]
        if len(read) != _CHANNELS or len(read) != len(numbers):
            raise self.wrong(key, "one number, or a list of three")
        return tuple(read)

    def deviations(self, key: str, *, default: tuple[float, ...] | None = None) -> tuple[float, ...] | None:
        """Return three numbers to divide by, none of them 0."""
        read = self.channels(key, default=default)
        if read is not None and 0.0 in read:
            raise self.wrong(key, "one number, or a list of three, none of them 0")
        return read

    def filter_number(self, key: str, *, default: Resample | None = None) -> Resample | None:
        """Return a Pillow filter given by its number."""
        value = self.values.get(key, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value not in set(Resample):
            raise self.wrong(key, ", ".join(f"{int(one)} ({one.name.lower()})" for one in Resample))
        return Resample(value)

    def filter_name(self, key: str, *, default: Resample | None = None) -> Resample | None:
        """Return a Pillow filter given by its name in small letters."""
        value = self.values.get(key, default)
        if value is None or isinstance(value, Resample):
            return value
        names = {one.name.lower(): one for one in Resample}
        if not isinstance(value, str) or value not in names:
            raise self.wrong(key, ", ".join(names))
        return names[value]

    def choice(self, key: str, kinds: type[_Choice], *, default: _Choice) -> _Choice:
        """Return a member of an enumeration given by its value; null counts as absent."""
        value = self.values.get(key)
        if value is None:
            return default
        for member in kinds:
            if member.value == value:
                return member
        raise self.wrong(key, ", ".join(str(member.value) for member in kinds))
