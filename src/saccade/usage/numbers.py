"""Figures as people read them: three digits and a unit."""

from __future__ import annotations

#: Keeps a number and its unit on one line.
_SPACE = "\u00a0"
_STEP = 1000.0
_BINARY_STEP = 1024.0
_S_MS = 1000.0
_MINUTE_MS = 60_000.0
_HOUR_MS = 3_600_000.0
_LEAST_PERCENT = 0.05


def whole(number: int) -> str:
    """Return all digits, in groups: ``12,345``."""
    return f"{number:,}"


def compact(number: float, unit: str = "") -> str:
    """Return three digits and what they are to be multiplied by: ``12.3 k``, ``1.2 Gpx``."""
    for prefix in ("", "k", "M", "G", "T"):
        if number < _STEP - 0.5:
            digits = f"{number:.0f}" if not prefix and number == int(number) else _three(number)
            return f"{digits}{_SPACE}{prefix}{unit}" if prefix or unit else digits
        number /= _STEP
    return f"{_three(number)}{_SPACE}P{unit}"


def size(number: int) -> str:
    """Return bytes in binary units: ``1.5 GiB``."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < _BINARY_STEP - 0.5:
            return f"{number if unit == 'B' else _three(value)}{_SPACE}{unit}"
        value /= _BINARY_STEP
    return f"{_three(value)}{_SPACE}PiB"


def lasting(duration_ms: float) -> str:
    """Return a duration: ``0.4 ms``, ``1.2 s``, ``3.4 min``, ``5.6 h``."""
    for least, unit, of_one in ((_HOUR_MS, "h", _HOUR_MS), (_MINUTE_MS, "min", _MINUTE_MS), (_S_MS, "s", _S_MS)):
        if duration_ms >= least:
            return f"{_three(duration_ms / of_one)}{_SPACE}{unit}"
    return f"{_three(duration_ms)}{_SPACE}ms"


def percent(share: float) -> str:
    """Return a share of 0..1; what is little but not nothing, or much but not all, is never rounded to that."""
    value = 100 * share
    if 0 < value < _LEAST_PERCENT:
        return f"<0.1{_SPACE}%"
    if 100 - _LEAST_PERCENT <= value < 100:  # noqa: PLR2004 - percent
        return f">99.9{_SPACE}%"
    return f"{value:.1f}{_SPACE}%" if value % 100 else f"{value:.0f}{_SPACE}%"


def _three(number: float) -> str:
    """Return a number below a thousand or so with three digits, without zeros that say nothing."""
    text = f"{number:.0f}" if number >= 99.95 else f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"  # noqa: PLR2004
    return text.rstrip("0").rstrip(".") if "." in text else text
