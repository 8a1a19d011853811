"""Ultralytics' heads: suppression per class, and the way back out of the letterbox."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.errors import OutputInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.families import FAMILIES
from saccade.models.geometry import Geometry


def letterbox(width_px, height_px, side_px=640):
    """The geometry of a picture scaled to fit a square and padded around the centre."""
    scale = min(side_px / width_px, side_px / height_px)
    inner_w, inner_h = round(width_px * scale), round(height_px * scale)
    return Geometry(
        width_px, height_px, side_px, side_px, inner_w / width_px, inner_h / height_px,
        (side_px - inner_w) // 2, (side_px - inner_h) // 2,
    )  # fmt: skip


SQUARE = Geometry(640, 640, 640, 640)


def decode(family, outputs, *, labels=(), geometry=SQUARE, threshold=None, package=None):
    options = DecodeOptions(threshold=threshold, package=package or {})
    return FAMILIES[family].decode(outputs, geometry=geometry, labels=labels, options=options)


def head(*cells, classes=2, empty_cells=40):
    """A (4+C, N) head from cells (cx, cy, w, h, class id, score), with cells that see nothing around them."""
    rows = np.zeros((4 + classes, len(cells) + empty_cells), np.float32)
    for column, (cx, cy, w, h, class_id, score) in enumerate(cells):
        rows[:4, column] = cx, cy, w, h
        rows[4 + class_id, column] = score
    return rows


def corners(found):
    return [(d.box.x_min, d.box.y_min, d.box.x_max, d.box.y_max) for d in found]


def loop_reference(cells, threshold, max_iou):
    """Threshold, then for each cell from best to worst: keep unless a kept one of its class overlaps too much."""

    def box(cell):
        return cell[0] - cell[2] / 2, cell[1] - cell[3] / 2, cell[0] + cell[2] / 2, cell[1] + cell[3] / 2

    def iou(a, b):
        width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
        height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
        joint = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
        return width * height / joint

    kept = []
    for cell in sorted((c for c in cells if np.float32(c[5]) >= np.float32(threshold)), key=lambda c: -c[5]):
        if all(other[4] != cell[4] or iou(box(other), box(cell)) <= max_iou for other in kept):
            kept.append(cell)
    return [(cell[4], cell[5], box(cell)) for cell in kept]


CELLS = st.lists(
    st.tuples(
        st.integers(200, 400), st.integers(200, 400), st.integers(1, 60).map(lambda n: n * 2),
        st.integers(1, 60).map(lambda n: n * 2), st.integers(0, 1), st.integers(1, 8).map(lambda n: n / 8),
    ),
    max_size=14,
)  # fmt: skip


@given(CELLS, st.sampled_from([0.1, 0.25, 0.6]), st.sampled_from([0.0, 0.45, 0.7]))
def test_yolo_equals_the_loop_when_cells_are_any(cells, threshold, max_iou):
    """The same finds in the same order as the plain loop, whichever way the head lies."""
    expected = loop_reference(cells, threshold, max_iou)
    for outputs in ({"output0": head(*cells)}, {"anything": head(*cells).T}):
        found = decode("yolo", outputs, threshold=threshold, package={"max_iou": max_iou}, labels=("a", "b"))

        assert [(row[0], row[1]) for row in expected] == [(d.class_id, d.score) for d in found]
        assert [row[2] for row in expected] == corners(found)


@given(
    st.integers(1, 4000), st.integers(1, 4000),
    st.tuples(*[st.floats(0, 1)] * 4).filter(lambda f: abs(f[0] - f[2]) > 0.05 and abs(f[1] - f[3]) > 0.05),
)  # fmt: skip
def test_yolo_undoes_the_letterbox_when_pictures_are_any(width_px, height_px, fractions):
    """A box of the original, carried into the input, comes back to where it was."""
    geometry = letterbox(width_px, height_px) if 0.05 < width_px / height_px < 20 else letterbox(300, 200)
    width_px, height_px = geometry.original_width_px, geometry.original_height_px
    (x1, x2), (y1, y2) = sorted(fractions[0::2]), sorted(fractions[1::2])
    box = (x1 * width_px, y1 * height_px, x2 * width_px, y2 * height_px)
    left, right = (x * geometry.scale_x + geometry.offset_x for x in box[0::2])
    top, bottom = (y * geometry.scale_y + geometry.offset_y for y in box[1::2])
    cell = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, 0, 0.9)
    row = np.array([[left, top, right, bottom, 0.9, 0]], np.float32)

    for family, output in (("yolo", head(cell)), ("yolo-end2end", row)):
        [found] = decode(family, {"output0": output}, geometry=geometry)

        assert np.allclose(box, corners([found])[0], atol=1e-3 * max(width_px, height_px) / 10)


def test_yolo_keeps_boxes_of_other_classes_when_they_overlap():
    """A rider does not take away the bicycle."""
    same_place = [(100, 100, 50, 50, 0, 0.9), (101, 100, 50, 50, 1, 0.8), (102, 100, 50, 50, 0, 0.7)]

    assert [0, 1] == [found.class_id for found in decode("yolo", {"output0": head(*same_place)})]


def test_yolo_takes_a_quarter_and_300_when_nobody_says_otherwise():
    """Family threshold 0.25, at most 300 finds; the package may ask for fewer."""
    cells = [(x * 20 + 10, y * 20 + 10, 10, 10, 0, 0.5) for x in range(20) for y in range(20)]
    weak = [(500, 500, 10, 10, 0, 0.25), (600, 500, 10, 10, 0, 0.24)]

    assert [0.25] == [found.score for found in decode("yolo", {"output0": head(*weak)})]
    assert 300 == len(decode("yolo", {"output0": head(*cells)}))
    assert 7 == len(decode("yolo", {"output0": head(*cells)}, package={"max_detections": 7}))


def test_yolo_refuses_when_rows_and_labels_differ():
    """Mask and pose heads, and v5's with its objectness, are not read as more classes."""
    with pytest.raises(OutputInvalid, match=r"with the package's 2 labels 4\+C is 6"):
        decode("yolo", {"output0": head(classes=3)}, labels=("a", "b"))
    with pytest.raises(OutputInvalid, match="Family yolo expects one output"):
        decode("yolo", {"output0": np.zeros((4, 50), np.float32)})
    with pytest.raises(OutputInvalid, match="NaN or infinity"):
        decode("yolo", {"output0": head((1, 1, 1, 1, 0, float("nan")))})


def test_yolo_end2end_gives_rows_when_they_are_strong():
    """Weak rows and the padding of zeros fall away; the rest keeps its class and comes best first."""
    rows = np.array(
        [[10, 20, 30, 40, 0.3, 2], [50, 60, 70, 80, 0.9, 0], [1, 1, 9, 9, 0.2, 1], [0, 0, 0, 0, 0, -1]], np.float32
    )
    found = decode("yolo-end2end", {"output0": rows}, labels=("a", "b", "c"))

    assert [("a", 0), ("c", 2)] == [(d.label, d.class_id) for d in found]
    assert [(50, 60, 70, 80), (10, 20, 30, 40)] == corners(found)
    assert [] == decode("yolo-end2end", {"output0": np.zeros((300, 6), np.float32)}, threshold=0.0)


@pytest.mark.parametrize("class_id", [0.5, -1.0, 9.0, 3e9])
def test_yolo_end2end_refuses_when_a_class_id_is_none(class_id):
    """A fraction, a negative number or an id beyond the labels is no class."""
    with pytest.raises(OutputInvalid):
        decode("yolo-end2end", {"o": np.array([[1, 1, 5, 5, 0.9, class_id]], np.float32)}, labels=("a",))
