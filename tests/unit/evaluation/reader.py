"""What a browser would make of a page, and what must hold of every page."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "wbr", "img"}


class Page(HTMLParser):
    """Elements in order with their attributes, and the text; elements that are not closed in order are an error."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(page)
        self.close()
        assert [] == self.open

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert name == self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)

    @property
    def shown(self):
        """What is read as cells and words, each by itself."""
        return set(self.texts)

    def named(self, name, kind=None):
        """Return the attributes of all elements of one name, perhaps of one class."""
        return [
            has
            for tag, has in self.elements
            if tag == name and (kind is None or kind in (has.get("class") or "").split())
        ]


FAULTS = {
    "svg": lambda has: "has no role" if has.get("aria-hidden") != "true" and has.get("role") != "img" else None,
    "th": lambda has: None if has.get("scope") in {"col", "row", "rowgroup"} else "heads nothing",
    "img": lambda has: None if has.get("alt") else "is not described",
}


def faults_of(read):
    """Return what keeps people from reading a page who do not see it, or see it otherwise."""
    ids = Counter(has["id"] for _, has in read.elements if "id" in has)
    found = [f"id {name} stands {number} times" for name, number in ids.items() if number > 1]
    found += [f"{name} {fault}" for name, has in read.elements if name in FAULTS and (fault := FAULTS[name](has))]
    leads = [word for _, has in read.elements for word in (has.get("aria-labelledby") or "").split()]
    leads += [has["href"].removeprefix("#") for has in read.named("a")]
    found += [f"{reference} is not there" for reference in leads if reference not in ids]
    levels = [0, *(int(name[1]) for name, _ in read.elements if name in {"h1", "h2", "h3"})]
    found += [f"h{after} follows h{before}" for before, after in pairwise(levels) if after > before + 1]
    if len(read.named("caption")) != len(read.named("table")):
        found.append("a table has no caption")
    if read.named("html") != [{"lang": "en"}]:
        found.append("the language is not told")
    return found
