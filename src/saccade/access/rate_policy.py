"""How much one principal may ask for: limits as an operator writes them, read once into values that have names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from saccade.errors import SettingInvalid

_UNITS_S: Mapping[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_LIMIT = re.compile(r"([0-9]{1,15})(?:/| per )(?:([0-9]{1,6}) )?(second|minute|hour|day)s?")
_ROUTE = re.compile(r"[A-Z]+ /[!-~]*")
#: Longest span: beyond it a quota is meant, and what is counted here would be lost with the process that counts.
_LONGEST_S = 31 * 86_400
#: Integers of header fields have no more digits (RFC 9651), and sums in Redis are exact up to here.
_MOST = 10**15 - 1


class Unit(StrEnum):
    """What a policy counts, as ``RateLimit-Policy`` names it."""

    REQUESTS = "requests"
    IMAGES = "images"
    PIXELS = "pixels"
    BYTES = "content-bytes"


@dataclass(frozen=True, slots=True)
class Policy:
    """One limit of one kind.

    Attributes:
        name: By which clients tell it from the others; the same in headers, in problems and in this server's settings.
        unit: What it counts.
        most: So much is allowed,
        span_s: in so many seconds; None: at once.
    """

    name: str
    unit: Unit
    most: int
    span_s: int | None


@dataclass(frozen=True, slots=True)
class RatePolicy:
    """All limits of one principal; what is empty is without limit.

    Attributes:
        requests: Of requests, whatever they are for.
        images: Of pictures.
        pixels: Of pixels that were decoded.
        routes: Of requests to one route, by ``METHOD /path`` with the path's template.
        login: Of tries to come in, for one address and for one name.
        bytes_in_flight: Of bytes of bodies under way.
        fails_open: Whether requests are let through while nobody can count them.
    """

    requests: tuple[Policy, ...] = ()
    images: tuple[Policy, ...] = ()
    pixels: tuple[Policy, ...] = ()
    routes: Mapping[str, tuple[Policy, ...]] = field(default_factory=lambda: MappingProxyType({}))
    login: tuple[Policy, ...] = ()
    bytes_in_flight: Policy | None = None
    fails_open: bool = True

    @property
    def counts_requests(self) -> bool:
        """Whether any request has to be counted or tested."""
        return bool(self.requests or self.images or self.pixels or self.routes)

    def __iter__(self) -> Iterator[Policy]:
        """Yield every policy."""
        yield from (*self.requests, *self.images, *self.pixels, *self.login)
        for policies in self.routes.values():
            yield from policies
        if self.bytes_in_flight is not None:
            yield self.bytes_in_flight


def read_policy(
    *,
    requests: str = "",
    images: str = "",
    pixels: str = "",
    routes: Sequence[str] = (),
    login: str = "",
    bytes_in_flight: int = 0,
    fails_open: bool = True,
) -> RatePolicy:
    """Return the limits of these settings, each as ``RateSettings`` has it.

    Raises:
        SettingInvalid: One cannot be read; the message names the variable, the hint shows how it is written.
    """
    return RatePolicy(
        requests=_named("requests", Unit.REQUESTS, requests, "SACCADE_RATE_REQUESTS"),
        images=_named("images", Unit.IMAGES, images, "SACCADE_RATE_IMAGES"),
        pixels=_named("pixels", Unit.PIXELS, pixels, "SACCADE_RATE_PIXELS"),
        routes=_read_routes(routes),
        login=_named("login", Unit.REQUESTS, login, "SACCADE_RATE_LOGIN"),
        bytes_in_flight=Policy("bytes-in-flight", Unit.BYTES, bytes_in_flight, None) if bytes_in_flight else None,
        fails_open=fails_open,
    )


def read_limits(text: str, setting: str) -> tuple[tuple[int, int], ...]:
    """Return limits as (amount, seconds), the shortest span first.

    Args:
        text: ``600/minute``, ``10 per second``, ``5000/12 hours``; several are separated by semicolons.
        setting: Name of the variable, for the refusal.

    Raises:
        SettingInvalid: It is none, or allows nothing, or two have the same span.
    """
    limits: dict[int, int] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        found = _LIMIT.fullmatch(part.lower())
        if found is None:
            raise _refusal(setting, f"{part[:60]!a} cannot be read")
        amount, span_s = int(found[1]), int(found[2] or 1) * _UNITS_S[found[3]]
        if not 0 < amount <= _MOST:
            raise _refusal(setting, f"{part[:60]!a} allows {'nothing' if not amount else 'too much'}")
        if not 0 < span_s <= _LONGEST_S:
            raise _refusal(setting, f"the span of {part[:60]!a} is not between a second and 31 days")
        if span_s in limits:
            raise _refusal(setting, f"{part[:60]!a} has the span of another limit")
        limits[span_s] = amount
    return tuple((limits[span_s], span_s) for span_s in sorted(limits))


def _read_routes(texts: Sequence[str]) -> Mapping[str, tuple[Policy, ...]]:
    setting, routes = "SACCADE_RATE_ROUTES", dict[str, tuple[Policy, ...]]()
    for text in texts:
        route, separator, limits = (part.strip() for part in text.rpartition("="))
        if not separator or not limits or not _ROUTE.fullmatch(route) or route in routes:
            what = "names a route twice" if route in routes else "cannot be read"
            raise _refusal(
                setting, f"{text[:100]!a} {what}", form="POST /v1/jobs=60/minute,GET /v1/jobs/{job_id}=10/second"
            )
        routes[route] = _named(route, Unit.REQUESTS, limits, setting)
    return MappingProxyType(routes)


def _named(name: str, unit: Unit, text: str, setting: str) -> tuple[Policy, ...]:
    """Return limits as policies; where there are several of a kind, each has its span in its name."""
    limits = read_limits(text, setting)
    alone = len(limits) == 1
    return tuple(
        Policy(name if alone else f"{name} per {_span_words(span_s)}", unit, amount, span_s)
        for amount, span_s in limits
    )


def _span_words(span_s: int) -> str:
    unit = max((unit for unit in _UNITS_S if span_s % _UNITS_S[unit] == 0), key=_UNITS_S.__getitem__)
    count = span_s // _UNITS_S[unit]
    return unit if count == 1 else f"{count} {unit}s"


def _refusal(
    setting: str, what: str, *, form: str = "600/minute, 10/second;600/minute or 5000/12 hours"
) -> SettingInvalid:
    return SettingInvalid(f"{setting}: {what}.", hint=f"It is written as {form}.")
