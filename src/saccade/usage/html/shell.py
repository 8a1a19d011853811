"""What is around every page: its head, its style, and what a browser may do with it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from saccade.usage.html.markup import Child, Markup, tag


def document(title: str, *body: Child, style: str, policy: str) -> str:
    """Return a page that needs nothing else and does nothing.

    Args:
        title: As it stands on the tab of a browser.
        body: What is seen.
        style: The sheet, which stands in the page.
        policy: ``policy_of`` this style.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    return "<!DOCTYPE html>\n" + tag("html", head, tag("body", *body), lang="en") + "\n"


def policy_of(style: str, *, shows_pictures: bool = False) -> str:
    """Return what a browser may do with a page: apply its own style, show pictures that stand in it, nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    pictures = "img-src data:; " if shows_pictures else ""
    return f"default-src 'none'; {pictures}style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def own_style() -> str:
    """Return the sheet that all pages begin with: colours, type, cards, tables, the phone and paper."""
    return files("saccade.usage.html").joinpath("style.css").read_text("utf-8")
