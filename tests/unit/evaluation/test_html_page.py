"""The page of an evaluation: it tells every figure, shows what strangers wrote and runs none of it, and reads well."""

import base64
import dataclasses
import hashlib
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from browser import browse
from saccade.evaluation.document import Figure
from saccade.evaluation.html.page import content_security_policy, page
from saccade.evaluation.worst import WorstPicture
from saccade.usage.html.markup import escape
from saccade.usage.numbers import lasting
from unit.evaluation.examples import (
    classifier,
    detector,
    empty_classifier,
    empty_detector,
    evaluation,
    without_intervals,
)
from unit.evaluation.reader import Page, faults_of

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
    "long" * 2000,
)  # fmt: skip


def labels(count):
    """Return so many labels."""
    return tuple(f"label {number}" for number in range(count))


DOCUMENTS = {
    "detector": evaluation(detector(failed=2)),
    "three detectors": evaluation(detector("a@1"), detector("a@2", seed=2), detector("b@1", seed=3), server="http://s"),
    "nine detectors": evaluation(*(detector(f"a@{n}", seed=n) for n in range(1, 10))),
    "one label": evaluation(detector(labels=("coin",))),
    "80 labels": evaluation(detector(labels=labels(80))),
    "without intervals": evaluation(without_intervals(detector()), resamples=0),
    "no picture": evaluation(empty_detector(), empty_detector("b@1")),
    "no model": evaluation(),
    "neither task": evaluation(replace(detector(), detection=None)),
    "classifier": evaluation(classifier(failed=2)),
    "one class": evaluation(classifier(labels=("tips",), skill=1.0)),
    "30 classes": evaluation(classifier(labels=labels(30)), classifier("b@1", labels=labels(30), unsaid=0)),
    "80 classes": evaluation(classifier(labels=labels(80))),
    "no class": evaluation(empty_classifier()),
    "both tasks": evaluation(detector(), classifier()),
}


def pictures(document):
    """Return a picture for each of the worst rows of every model; of the first there is no file."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 0, 200)).save(file, "JPEG")
    found = {}
    for model in document.models:
        rows = [row for row in model.rows if row.badness][:3]
        found[model.model] = [
            WorstPicture(row, file.getvalue() if n else b"", "image/jpeg", 64, 48) for n, row in enumerate(rows)
        ]
    return found


def html_of(document):
    """Return the page on a document."""
    return page(document, pictures(document))


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_page_is_well_formed_and_accessible(document):
    """Whatever is known and whatever is not, elements are closed, pictures described, tables headed, links lead on."""
    read = Page(html_of(document))

    assert [] == faults_of(read)
    assert not {"None", "nan", "inf"} & {word for text in read.texts for word in text.split()}


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_stranger_is_shown_and_makes_nothing(text):
    """A hostile model, dataset, server, engine, label, file or problem gives the elements that a plain one gives."""

    def document(word):
        names = [f"{word}{number}" for number in range(12)]
        found = [
            detector(word, labels=(word, f"{word}2"), names=names),
            classifier(f"{word}b", labels=(word, f"{word}2"), failed=1),
        ]
        rows = tuple(replace(row, problem=word if row.problem else None) for row in found[1].rows)
        found = [replace(found[0], engine=word), replace(found[1], rows=rows)]
        return evaluation(*found, dataset=word, server=word)

    plain, hostile = Page(html_of(document("A"))), Page(html_of(document(text)))

    def shape(read):
        return [(name, sorted(has)) for name, has in read.elements]

    assert shape(plain) == shape(hostile)
    assert hostile.text.count(re.sub("[\x00\x1b\ud800]", "\ufffd", text)[:20]) >= 10


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_page_runs_nothing_and_asks_for_nothing(document):
    """No script, no handler, no address but of what stands in the page itself."""
    html = html_of(replace(document, server=None))
    read = Page(html)
    given = [(name, key, value) for name, has in read.elements for key, value in has.items()]

    assert not {"script", "link", "iframe", "object", "form", "base"} & {name for name, _ in read.elements}
    assert [] == [key for _, key, _ in given if key.startswith("on") or key in {"style", "xlink:href", "srcset"}]
    assert [] == [value for name, key, value in given if key == "href" and not (name == "a" and value[0] == "#")]
    assert [] == [value for _, key, value in given if key == "src" and not value.startswith("data:image/jpeg;base64,")]
    assert [] == re.findall(r"url\(|@import|https?:", html)


def test_policy_lets_the_own_style_and_pictures_in_the_page_through_and_nothing_else():
    """The policy names the hash of the one style element that there is."""
    html = html_of(DOCUMENTS["detector"])
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        == content_security_policy()
    )
    assert escape(content_security_policy()) in html
    assert html.count("<style") == 1


#: Fields of a document that a page tells otherwise: by a plot, by a head, in other words.
NOT_TOLD = {"threshold", "curves", "iou", "low", "high", "confusion"}


def parts_of(value):
    """Yield the parts of a document that are figures or numbers."""
    if isinstance(value, tuple):
        for each in value:
            yield from parts_of(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, Figure):
        for field in dataclasses.fields(value):
            if field.name not in NOT_TOLD:
                yield from parts_of(getattr(value, field.name))
    else:
        yield value


def numbers_in(value):
    """Yield what a page must tell of a part of a document, as people write it."""
    for part in parts_of(value):
        if isinstance(part, Figure) and part.value is not None:
            yield f"{part.value:.3f}"
            if part.low is not None:
                yield f"{part.low:.3f}\u2013{part.high:.3f}"
        elif isinstance(part, float):
            yield f"{part:.3f}"
        elif isinstance(part, int):
            yield f"{part:,}"


@pytest.mark.parametrize(
    "name", ["three detectors", "80 labels", "without intervals", "classifier", "80 classes", "both tasks"]
)
def test_every_figure_of_the_document_is_told(name):
    """Each value, each end of an interval, each count, each bin and each latency stands in the page."""
    document = DOCUMENTS[name]
    text = Page(html_of(document)).text

    for model in document.models:
        wanted = set(numbers_in(model.detection)) | set(numbers_in(model.classification))
        for each in model.latency:
            wanted |= {lasting(value) for value in (each.mean, each.p50, each.p90, each.p99, each.most)}
        assert [] == sorted(number for number in wanted if number not in text)
        assert len(wanted) > 20
    for identity in (document.id, document.dataset_sha256, document.dataset, f"{document.images:,} picture"):
        assert identity in text


def test_what_is_not_known_is_a_dash():
    """A detector that saw no picture has a dash for each figure and zero for each count."""
    read = Page(html_of(evaluation(empty_detector())))

    # Five cards, twelve of COCO's, three at each of four overlaps twice, four of Jaccard, and the latency.
    assert 5 + 12 + 24 + 4 + 1 == read.texts.count("\u2013")


def test_best_of_each_column_has_a_star():
    """Of three models the largest figure is marked, of ECE and latency the smallest; equal ones are both, or none."""
    values = {"ap": (0.5, 0.7, 0.6), "ece": (0.2, 0.1, 0.1), "p50_ms": (9.0, 7.0, 8.0), "failed": (0.0, 0.0, 0.0)}
    base = empty_detector()
    models = [
        replace(base, model=f"m{number}", detection=None, figures={name: each[number] for name, each in values.items()})
        for number in range(3)
    ]
    html = page(evaluation(*models), {})

    rows = re.findall(r"<tr>(.*?)</tr>", html.split('id="comparison"')[1].split("</table>")[0], re.DOTALL)
    starred = [re.findall(r'class="n best" data-label="([^"]*)"', row) for row in rows[1:]]
    assert [[], ["AP", "ECE", "Latency p50"], ["ECE"]] == starred
    assert 4 == html.count("<title>best</title>")


def test_one_model_is_compared_with_none():
    """The table side by side is for several models; a list of chapters too."""
    one, three = Page(html_of(DOCUMENTS["detector"])), Page(html_of(DOCUMENTS["three detectors"]))

    assert ([], 0) == ([has for has in one.named("h2") if has["id"] == "comparison"], len(one.named("nav")))
    assert (1, 3) == (len(three.named("nav")), len(three.named("a")))
    assert ["comparison", "comparison-pr", "cautions", "model1", "model2", "model3", "method"] == [
        has["id"] for has in three.named("h2")
    ]


def palettes():
    """Return the colours of the light and of the dark page by name."""
    style = re.search(r"<style>(.*?)</style>", html_of(DOCUMENTS["detector"]), re.DOTALL)[1]
    found = [{}, {}]
    for block in re.finditer(r"(@media [^{]*dark\) \{\s*)?:root \{(.*?)\}", style, re.DOTALL):
        found[block[1] is not None] |= dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block[2]))
    return found


def contrast(one, other):
    """Return the contrast of two colours as WCAG 2 defines it."""

    def luminance(color):
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("number", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_that_people_need(number):
    """Lines, marks and parts of bars have 3 to 1 against the card; numbers in cells of the matrix 4.5 to 1."""
    colors = palettes()[number]
    marks = [(front, "card", 3.0) for front in ("violet", "seen", "there", "blue", "red", "teal", "amber", "grey")]
    cells = [("ink", f"h{shade}", 4.5) for shade in (1, 2)] + [("card", f"h{shade}", 4.5) for shade in (4, 5)]
    cells.append(("ink" if number == 0 else "card", "h3", 4.0))

    assert [] == [
        (front, back, round(contrast(colors[front], colors[back]), 2))
        for front, back, least in marks + cells
        if contrast(colors[front], colors[back]) < least
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_browser_applies_the_style_and_shows_the_pictures(tmp_path, scheme):
    """In a real browser, under its own policy, the page has its colours by day and by night, and its pictures."""
    file = tmp_path / "report.html"
    file.write_text(html_of(DOCUMENTS["detector"]), "utf-8")
    shot = tmp_path / "shot.png"
    options = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []

    dom = browse(file.as_uri(), *options, "--hide-scrollbars", "--window-size=1280,7000", f"--screenshot={shot}")

    with Image.open(shot) as image:
        seen = image.convert("RGB")
    ground = seen.getpixel((3, 3))
    red, green, blue = np.moveaxis(np.asarray(seen), 2, 0)
    purple = int(((red > 180) & (green < 60) & (blue > 180)).sum())
    assert {"light": (0xF6, 0xF5, 0xF1), "dark": (0x10, 0x13, 0x17)}[scheme] == ground
    assert purple > 1000
    assert "</html>" in dom or dom == ""
