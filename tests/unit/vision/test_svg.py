"""What drawings as SVG promise: XML whatever the labels are, nothing active or from outside, and the same places."""

import base64
import io
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from saccade.vision.drawn import DrawnFormat, encode
from saccade.vision.layout import lay_out, lay_out_labels
from saccade.vision.lettering import shown
from saccade.vision.marks import Circle, Mark
from saccade.vision.svg import svg_of

SVG = "{http://www.w3.org/2000/svg}"
KNOWN = {"svg", "title", "image", "g", "rect", "circle", "path", "text"}
SAFE = {
    *("width", "height", "viewBox", "role", "aria-label", "font-family", "fill", "preserveAspectRatio", "href"),
    *("x", "y", "rx", "cx", "cy", "r", "d", "stroke", "stroke-width", "stroke-dasharray", "fill-opacity"),
    *("pointer-events", "font-size", "textLength", "lengthAdjust", "text-anchor"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    "]]>",
    "<![CDATA[",
    "&lt;&#0;&bogus;",
    '" onload="alert(1)',
    "' onload='alert(1)",
    "--><svg onload=alert(1)>",
    "\x00\x08\x0b\x1b[31m\x7f\x9b",
    "\r\n\t",
    "\u202egnp.exe\u202c\u2066\u2069\u200f",
    "\ud800",
    "\udfff\ud800",
    "\ufffe\uffff\U0001ffff",
    "javascript:alert(1)",
    "url(https://a.example/x)",
    "",
]


def plain(height_px=120, width_px=160):
    return np.full((height_px, width_px, 3), 70, np.uint8)


def parsed(scene, rgb):
    """Return the document as a strict parser reads it, after looking at every element and attribute."""
    text = svg_of(scene, encode(rgb, DrawnFormat.PNG), "image/png")
    root = ET.fromstring(text.encode())
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in KNOWN
        assert set(element.attrib) <= SAFE
        for name, value in element.attrib.items():
            assert name != "href" or value.startswith("data:image/png;base64,")
            assert "url(" not in value or name == "aria-label"
    return root


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("label", HOSTILE)
def test_svg_is_xml_without_anything_active_when_labels_are_hostile(label):
    """Boxes, circles and panels alike: text stays text, and what XML cannot hold is left out."""
    marks = [Mark(label, 0.5, (30, 40, 100, 100), Circle(60, 70, 30))]
    root = parsed(lay_out(marks, width_px=160, height_px=120), plain())
    said = f"{shown(label)} 0.50"

    assert [said, said] == [group.findtext(f"{SVG}title") for group in root.findall(f"{SVG}g")][:2]
    assert f"1 {shown(label)}" == root.attrib["aria-label"] == root.findtext(f"{SVG}title")
    parsed(lay_out_labels([(label, 0.5), (label * 50, 0.2)], width_px=160, height_px=120), plain())


EDGES = st.floats(-300, 300)


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.lists(
        st.tuples(EDGES, EDGES, EDGES, EDGES, st.text(st.characters(), max_size=30), st.floats(0, 200)), max_size=5
    ),
)
def test_svg_is_xml_when_boxes_and_labels_are_any(size, things):
    """No box, circle, label or size of picture makes it anything else."""
    height_px, width_px = size
    marks = [Mark(label, 0.5, (a, b, c, d), Circle(a, b, radius)) for a, b, c, d, label, radius in things]

    root = parsed(lay_out(marks, width_px=width_px, height_px=height_px), plain(*size))

    rings = [mark for mark in marks if mark.circle.radius_px <= np.hypot(*size)]
    assert len(rings) == len([group for group in root.iter(f"{SVG}g") if group.find(f"{SVG}circle") is not None])
    labels = [(mark.label, mark.score) for mark in marks]
    parsed(lay_out_labels(labels, width_px=width_px, height_px=height_px), plain(*size))


def test_shown_holds_nothing_that_xml_refuses():
    """Every code point there is, one by one: what is shown is in XML 1.0, and neither moves nor turns text."""
    kept = {point for point in range(sys.maxunicode + 1) if shown(f"a{chr(point)}a") == f"a{chr(point)}a"}
    allowed = {0x20, *range(0x21, 0xD800), *range(0xE000, 0xFFFE), *range(0x10000, 0x110000)}
    turning = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0xFEFF, 0x2028, 0x2029}

    assert kept <= allowed - turning
    assert {ord(letter) for letter in " aZ~äжש年😀"} <= kept


def test_svg_holds_the_picture_exactly():
    """What is embedded is the picture, as large as the document, so that places in px mean the same in both."""
    rgb = np.random.default_rng(5).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    root = parsed(lay_out([], width_px=50, height_px=30), rgb)
    image = root.find(f"{SVG}image")
    data = base64.b64decode(image.attrib["href"].partition(",")[2])

    assert (root.attrib["width"], root.attrib["height"], root.attrib["viewBox"]) == ("50", "30", "0 0 50 30")
    assert (image.attrib["width"], image.attrib["height"]) == ("50", "30")
    assert (rgb == np.asarray(Image.open(io.BytesIO(data)))).all()
    assert root.attrib["aria-label"] == "Nothing was found."


def test_svg_has_tags_and_outlines_at_the_places_of_the_scene():
    """Vectors lie where pixels would: the line of a frame inside its box, the tag upon it, the ring at its radius."""
    marks = [Mark("coin", 0.93, (20, 40, 80, 100), Circle(50, 70, 30))]
    scene = lay_out(marks, width_px=160, height_px=120)
    root = parsed(scene, plain())
    frame, ring, tag = root.findall(f"{SVG}g")
    line = frame.findall(f"{SVG}rect")[2].attrib
    circle = ring.findall(f"{SVG}circle")[2].attrib
    back = tag.findall(f"{SVG}rect")[0].attrib
    place = scene.tags[0].place

    assert ("20.5", "40.5", "59", "59", "1") == tuple(line[k] for k in ("x", "y", "width", "height", "stroke-width"))
    assert ("50", "70", "30") == (circle["cx"], circle["cy"], circle["r"])
    assert (place.left, place.top, place.width) == tuple(int(back[k]) for k in ("x", "y", "width"))
    assert texts(root) == ["coin", "0.93"]


def test_svg_has_dashes_when_labels_share_a_colour():
    """The second label of a colour is broken here too."""
    marks = [Mark("circle", 0.9, (5, 30, 60, 80)), Mark("person", 0.8, (80, 30, 150, 100), Circle(115, 65, 30))]
    root = parsed(lay_out(marks, width_px=160, height_px=120), plain())
    dashed = [element.tag.removeprefix(SVG) for element in root.iter() if "stroke-dasharray" in element.attrib]

    assert ["path"] * 4 + ["circle"] == dashed


def test_panel_says_labels_and_numbers_in_order():
    """Best first, each with its number."""
    root = parsed(lay_out_labels([("cat", 0.9), ("dog", 0.001)], width_px=400, height_px=300), plain(300, 400))

    assert texts(root) == ["cat", "0.90", "dog", "<0.01"]
    assert root.attrib["aria-label"] == "cat 0.90, dog <0.01"
