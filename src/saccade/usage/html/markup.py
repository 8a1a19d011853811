"""Building HTML so that no text becomes markup by accident: what is not ``Markup`` is escaped, always."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import TypeAlias

#: Characters that a page may not hold, or that would hide what a name is made of.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_VOID = frozenset({"img", "meta", "wbr"})

Value: TypeAlias = "str | int | float | None"


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = "Markup | str | int | None"


def escape(text: str) -> Markup:
    """Return a text that shows as itself, wherever in a page it stands."""
    return Markup(html.escape(_CONTROLS.sub("\ufffd", text), quote=True))


def join(children: Iterable[Child]) -> Markup:
    """Return pieces as one; None is left out."""
    return Markup("".join(_rendered(child) for child in children if child is not None))


def tag(name: str, /, *children: Child, **attributes: Value) -> Markup:
    """Return an element.

    Args:
        name: As HTML and SVG have it.
        children: What is in it.
        attributes: A trailing ``_`` is dropped and others become ``-``; None leaves the attribute out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{join(children)}</{name}>")


def stranger(text: str) -> Markup:
    """Return a text that somebody else chose, kept apart from the direction of what stands around it."""
    return tag("bdi", text)


def path_text(path: str) -> Markup:
    """Return a path that breaks before its slashes where a line is too short for it."""
    first, *rest = path.split("/")
    return join([first, *(join([tag("wbr"), f"/{part}"]) for part in rest)])


def _rendered(child: Child) -> str:
    return child if isinstance(child, Markup) else escape(str(child))


def _value(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return escape(str(value))
