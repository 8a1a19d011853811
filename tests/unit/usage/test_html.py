"""The page: whatever strangers call themselves, it shows their words and runs none; it works offline, for everybody."""

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from saccade.usage.html.markup import escape, tag
from saccade.usage.html.page import content_security_policy, report_to_html
from saccade.usage.html.timeline import axis_of
from saccade.usage.html.week import shade_bounds, shade_of
from unit.usage.ledger import FakeLedger, report_of

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></svg></title><script>",
    "&lt;script&gt;&#60;",
    "<!-- --><![CDATA[",
    "\u202eevil\u202d",
    "يوسف الخطيب",
    "\0\x1b[2J\ud800",
    "long" * 5000,
)  # fmt: skip
NEVER_VISIBLE = frozenset({"style", "title", "desc"})


class Page(HTMLParser):
    """What a browser would make of a page: its elements in order, their attributes, its text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, name, attributes):
        self.elements.append(name)
        self.attributes.append((name, dict(attributes)))
        if name not in {"meta", "wbr"}:
            self.open.append(name)

    def handle_endtag(self, name):
        assert name == self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)


def page_of(**fields):
    """Return the page on a ledger with these names."""
    fields = {"names": ("Ada",), "models": ("circles@1",), **fields}
    return report_to_html(report_of(FakeLedger(**fields), recent_limit=25, service="lab", principal="x"))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_stranger_is_shown_and_makes_nothing(text):
    """A hostile name, model, service or filter gives the very elements and attributes that a plain one gives."""
    plain = Page(report_to_html(report_of(FakeLedger(names=("A",), models=("B",)), service="C", principal="D")))
    hostile = Page(report_to_html(report_of(FakeLedger(names=(text,), models=(text,)), service=text, principal=text)))

    def shape(page):  # a path may break before each of its slashes
        return [(name, sorted(given)) for name, given in page.attributes if name != "wbr"]

    shown = re.sub("[\x00\x1b\ud800]", "\ufffd", text)
    assert shape(plain) == shape(hostile)
    assert hostile.text.count(shown) >= 5


@settings(max_examples=50, deadline=None)
@given(some.text(min_size=1))
def test_any_text_comes_out_as_itself(text):
    """What a browser reads is what went in, but for characters that no page may hold."""
    page = Page(tag("p", text, title=text))

    shown = re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", text)
    assert (["p"], shown, shown) == (page.elements, page.text, page.attributes[0][1]["title"])


def test_markup_is_not_escaped_twice_and_text_never_becomes_it():
    """Only what was built as an element stays one."""
    assert "<p><b>&lt;</b>&amp;lt;</p>" == tag("p", tag("b", "<"), "&lt;")
    assert "&lt;b&gt; 1 &quot;" == escape('<b> 1 "')


def test_page_runs_nothing_and_asks_for_nothing():
    """No script, no handler, no address: it opens offline and tells nobody that it was opened."""
    page = page_of(names=HOSTILE)
    read = Page(page)
    given_names = {name for _, given in read.attributes for name in given}

    assert {"script", "link", "img", "iframe", "object", "form", "base", "a"} & set(read.elements) == set()
    assert [
        name for name in given_names if name.startswith("on") or name in {"src", "href", "style", "xlink:href"}
    ] == []
    assert re.findall(r"url\(|@import|https?:", page) == []


def test_policy_lets_the_own_style_through_and_nothing_else():
    """The policy names the hash of the one style element that there is."""
    page = page_of()
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        == content_security_policy()
    )
    assert escape(content_security_policy()) in page
    assert page.count("<style") == 1


@pytest.mark.parametrize("ledger", [FakeLedger(), FakeLedger(hours=0), FakeLedger(hours=1, errors=0)])
def test_page_is_accessible(ledger):
    """Every picture is described or hidden, every table has a caption, every card a heading; no id stands twice."""
    read = Page(report_to_html(report_of(ledger, recent_limit=5)))
    ids = Counter(given["id"] for _, given in read.attributes if "id" in given)

    assert [name for name, number in ids.items() if number > 1] == []
    for name, has in read.attributes:
        if name == "svg":
            named = has.get("aria-labelledby", "").split()
            assert has.get("aria-hidden") == "true" or has["role"] == "img"
            assert set(named) <= set(ids)
        if name == "th":
            assert has["scope"] == "col"
        if name == "section":
            assert has["aria-labelledby"] in ids
    assert read.elements.count("caption") == read.elements.count("table")
    assert ("html", {"lang": "en"}) in read.attributes


def test_every_panel_is_there_with_rows_and_without():
    """A ledger without a row gives a page that says so in every card, not an error."""
    cards = ["traffic", "endpoints", "statuses", "latency", "models", "users", "paths", "week", "recent", "notes"]
    for hours in (0, 24):
        for since_h in (24, None):
            read = Page(report_to_html(report_of(FakeLedger(hours=hours), since_h=since_h, recent_limit=5)))
            assert cards == [given["id"] for name, given in read.attributes if name == "h2"]


def palettes():
    """Return the colours of the light and of the dark page by name."""
    style = re.search(r"<style>(.*?)</style>", page_of(), re.DOTALL)[1]
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in (light, dark)]


def contrast(one, other):
    """Return the contrast of two colours as WCAG 2 defines it."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("number", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_that_people_need(number):
    """Words have 4.5 to 1 against what is behind them, and marks 3 to 1, by day and by night."""
    colours = palettes()[number]

    weak = [
        (front, back, round(contrast(colours[front], colours[back]), 2))
        for fronts, least in ((("ink", "soft", "red"), 4.5), (("blue", "red", "amber", "teal", "grey"), 3.0))
        for front in fronts
        for back in ("card", "page")
        if contrast(colours[front], colours[back]) < least
    ]
    assert weak == []


@given(some.integers(1, 10**12))
def test_axis_is_round_and_near(most):
    """At most five lines, at round numbers, reach over the highest bar, which fills two thirds of the height."""
    step, lines = axis_of(most)

    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert 1 <= lines <= 5
    assert most <= step * lines <= max(2, 1.5 * most)


@given(some.integers(1, 10**9), some.data())
def test_more_requests_are_never_paler(most, data):
    """Shades rise with the numbers, none is the colour of nothing, and the most has the darkest."""
    bounds = shade_bounds(most)
    few = data.draw(some.integers(1, most))

    assert 1 <= shade_of(few, bounds) <= shade_of(most, bounds) == 5
    assert shade_of(0, bounds) == 0


@pytest.mark.parametrize(
    ("since_h", "bucket"), [(1, "minute"), (6, "minute"), (24, "hour"), (24 * 30, "hour"), (24 * 4000, "day")]
)
def test_page_stays_small_whatever_the_window(since_h, bucket):
    """Buckets beyond what can be drawn stand together, so eleven years by the day are a page like any other."""
    page = report_to_html(report_of(since_h=since_h, bucket=bucket))

    assert len(page) < 200_000
    assert page.count('class="blue"') > 2
