"""COCO's annotations: what is read, what is refused and in which words, and which way up boxes are."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from saccade.errors import TruthInvalid
from saccade.evaluation.coco_file import read_coco
from saccade.evaluation.turning import upright_box, upright_size
from saccade.models.prediction import Box, Task
from saccade.vision.decode import upright

ORIENTATION = 0x0112


def picture(path, *, size=(40, 30), orientation=None):
    """Write a JPEG, lying as EXIF says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[ORIENTATION] = orientation
    held = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(held, "JPEG", exif=exif.tobytes() if orientation else b"")
    path.write_bytes(held.getvalue())


@pytest.fixture
def place(tmp_path):
    """A folder with two pictures, of which the annotations know."""
    picture(tmp_path / "images" / "b.jpg")
    picture(tmp_path / "images" / "deep" / "a.jpg")
    return tmp_path


def document():
    """Return annotations that are right."""
    return {
        "images": [
            {"id": 7, "file_name": "b.jpg", "width": 40, "height": 30},
            {"id": 3, "file_name": "deep/a.jpg", "width": 40, "height": 30},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 1, "bbox": [2, 3, 10, 5], "area": 33.5, "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 2, "bbox": [1.5, 0, 4, 4], "iscrowd": 1},
        ],
        "categories": [
            {"id": 1, "name": "coin", "supercategory": "money"},
            {"id": 2, "name": "note", "supercategory": "money"},
        ],
    }


def read(place, told, **options):
    """Write annotations and read them."""
    path = place / "ann.json"
    path.write_text(json.dumps(told))
    return read_coco(path, place / "images", **options)


def test_everything_is_read(place):
    """Names, labels, boxes as corners, areas as annotated or of the box, crowds; pictures by name."""
    found = read(place, document())

    dataset = found.dataset
    assert found.remarks == ()
    assert dataset.task is Task.OBJECT_DETECTION
    assert dataset.name == "images"
    assert dataset.labels == ("coin", "note")
    assert [image.name for image in dataset.images] == ["b.jpg", "deep/a.jpg"]
    assert [image.path for image in dataset.images] == [place / "images/b.jpg", place / "images/deep/a.jpg"]
    first, second = dataset.images[0].boxes
    assert (first.label, first.box, first.area_px, first.is_crowd) == ("coin", Box(2, 3, 12, 8), 33.5, False)
    assert (second.label, second.box, second.area_px, second.is_crowd) == ("note", Box(1.5, 0, 5.5, 4), 16, True)
    assert dataset.images[1].boxes == ()


def test_heading_of_roboflow_is_no_label(place):
    """A category that no box uses and that is others' supercategory is a heading; one that is used is a label."""
    told = document()
    told["categories"].insert(0, {"id": 0, "name": "money", "supercategory": "none"})

    assert read(place, told).dataset.labels == ("coin", "note")
    told["annotations"][0]["category_id"] = 0
    assert read(place, told).dataset.labels == ("money", "coin", "note")


def test_heading_may_be_called_as_its_category(place):
    """Roboflow's heading often has the name of its only category."""
    told = document()
    told["categories"] = [
        {"id": 0, "name": "coin", "supercategory": "none"},
        {"id": 1, "name": "coin", "supercategory": "coin"},
        {"id": 2, "name": "note", "supercategory": "coin"},
    ]

    assert read(place, told).dataset.labels == ("coin", "note")


def test_limit_takes_the_first_by_name_and_needs_no_other_file(place):
    """The same pictures however the file is sorted; what is left out need not be there."""
    told = document()
    told["images"].append({"id": 9, "file_name": "z.jpg"})

    assert [image.name for image in read(place, told, limit=2).dataset.images] == ["b.jpg", "deep/a.jpg"]


def test_equal_datasets_have_equal_hashes_whatever_lies_around(place, tmp_path):
    """Order, ids and other keys of the file do not matter; the truth and the bytes do."""
    told = document()
    before = read(place, told).dataset.sha256
    other = document()
    other["images"].reverse()
    other["annotations"].reverse()
    other["categories"].reverse()
    other["info"] = {"year": 2020}
    for entry in other["annotations"]:
        entry["id"] += 100

    assert read(place, other).dataset.sha256 == before
    assert read(place, document(), name="other").dataset.sha256 == before
    for change in ({"bbox": [2, 3, 10, 6]}, {"area": 34}, {"category_id": 2}, {"iscrowd": 1}):
        changed = document()
        changed["annotations"][0].update(change)
        assert read(place, changed).dataset.sha256 != before, change
    picture(place / "images" / "b.jpg", size=(40, 30), orientation=1)
    assert read(place, document()).dataset.sha256 != before


def _images(key, value):
    def change(told):
        told["images"][1][key] = value

    return change


def _annotation(key, value):
    def change(told):
        told["annotations"][1][key] = value

    return change


def _without(part, key):
    def change(told):
        del told[part][0][key]

    return change


REFUSED = {
    "image id twice": (_images("id", 7), "images[1] has the id 7, which ann.json: images[0] has too"),
    "file twice": (_images("file_name", "./b.jpg"), "images[1] names the file 'b.jpg', which ann.json: images[0]"),
    "annotation id twice": (_annotation("id", 1), "annotations[1] has the id 1, which ann.json: annotations[0]"),
    "way out": (_images("file_name", "../ann.json"), "images[1] names the file '../ann.json', which is no path below"),
    "way out in between": (_images("file_name", "deep/../../ann.json"), "which is no path below"),
    "absolute": (_images("file_name", "/etc/passwd"), "'/etc/passwd', which is no path below"),
    "drive": (_images("file_name", "C:\\a.jpg"), "which is no path below"),
    "NUL": (_images("file_name", "a\0.jpg"), "which is no path below"),
    "no name": (_without("images", "file_name"), "images[0] has no file_name; it must be a text"),
    "missing file": (_images("file_name", "deep/c.jpg"), "1 picture is not in"),
    "width": (_images("width", 0), "images[1] has the width '0'"),
    "zero width": (_annotation("bbox", [1, 1, 0, 4]), "annotations[1] has a bbox of 0 x 4 px; both must be more"),
    "negative height": (_annotation("bbox", [1, 1, 3, -4]), "annotations[1] has a bbox of 3 x -4 px"),
    "three numbers": (
        _annotation("bbox", [1, 1, 3]),
        "annotations[1] has the bbox '[1, 1, 3]'; it must be four numbers",
    ),
    "text in a box": (_annotation("bbox", [1, 1, 3, "4"]), "it must be four numbers"),
    "not a number": (_annotation("bbox", [1, 1, float("nan"), 4]), "it must be four numbers"),
    "endless": (_annotation("bbox", [1, 1, float("inf"), 4]), "it must be four numbers"),
    "beyond a float": (_annotation("bbox", [1, 1, 10**400, 4]), "it must be four numbers"),
    "outside": (
        _annotation("bbox", [40, 3, 5, 5]),
        "annotations[1] has a bbox (40 3 45 8) that lies outside b.jpg, 40 x 30 px",
    ),
    "outside to the left": (_annotation("bbox", [-9, 3, 9, 5]), "that lies outside b.jpg"),
    "area": (_annotation("area", -1), "annotations[1] has the area '-1'"),
    "crowd": (_annotation("iscrowd", 2), "annotations[1] has the iscrowd '2'; it must be 0 or 1"),
    "strange image": (_annotation("image_id", 4), "annotations[1] is of the image 4, which is not among the images"),
    "strange category": (_annotation("category_id", 4), "annotations[1] is of the category 4, which is not among"),
    "id of a kind": (_annotation("image_id", 7.5), "annotations[1] has the image_id '7.5'"),
    "no list": (lambda told: told.pop("categories"), "it has no list 'categories'"),
    "no image": (lambda told: told.update(images=[]), "names no image"),
    "no object": (lambda told: told["images"].append(3), "images[2] is no object"),
    "one name twice": (lambda told: told["categories"][0].update(name="note"), "Two categories have the name 'note'"),
}


@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_in_a_sentence_that_names_the_place(place, change, sentence):
    """Nobody looks for a wrong entry among thousands."""
    told = document()
    change(told)

    with pytest.raises(TruthInvalid) as caught:
        read(place, told)

    assert sentence in str(caught.value)


def test_missing_files_are_all_counted_and_the_first_named(place):
    """Seven missing, five named."""
    told = document()
    told["images"] += [{"id": 100 + number, "file_name": f"no{number}.jpg"} for number in range(7)]

    with pytest.raises(TruthInvalid, match=r"7 pictures are not in .*: no0.jpg, .*no4.jpg and 2 more\."):
        read(place, told)


@pytest.mark.parametrize("text", ["", "[1]", "{", "null", "[" * 100_000])
def test_file_that_is_no_coco_is_refused(place, text):
    """Whatever the bytes are, one sentence."""
    (place / "ann.json").write_text(text)

    with pytest.raises(TruthInvalid):
        read_coco(place / "ann.json", place / "images")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_box_is_turned_as_the_picture_is(orientation):
    """A painted rectangle lies, after the picture was turned, exactly where its turned box says."""
    stored = np.zeros((30, 40, 3), np.uint8)
    stored[4:9, 10:28] = 255

    seen = upright(stored, orientation)
    box = upright_box(Box(10, 4, 28, 9), width_px=40, height_px=30, orientation=orientation)

    rows, columns = np.nonzero(seen[..., 0])
    assert Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == box
    assert (seen.shape[1], seen.shape[0]) == upright_size(40, 30, orientation)


def test_boxes_drawn_on_the_picture_as_stored_are_turned(place):
    """The annotations give the size before EXIF turns it: their boxes lie on their side too."""
    picture(place / "images" / "b.jpg", size=(40, 30), orientation=6)

    found = read(place, document())

    assert found.dataset.images[0].boxes[0].box == Box(30 - 8, 2, 30 - 3, 12)
    assert found.remarks == (
        "1 picture is annotated as stored and not as seen; their boxes are turned upright with them: b.jpg.",
    )


def test_boxes_drawn_on_the_picture_as_seen_are_left(place):
    """The annotations give the upright size: nothing to turn, nothing to tell."""
    picture(place / "images" / "b.jpg", size=(30, 40), orientation=6)

    found = read(place, document())

    assert found.dataset.images[0].boxes[0].box == Box(2, 3, 12, 8)
    assert found.remarks == ()


def test_picture_turned_in_place_is_told(place):
    """Upside down has one size both ways: the boxes are taken as seen, and that is said."""
    picture(place / "images" / "b.jpg", size=(40, 30), orientation=3)

    found = read(place, document())

    assert found.dataset.images[0].boxes[0].box == Box(2, 3, 12, 8)
    assert "nothing tells how they were annotated" in found.remarks[0]


def test_size_that_contradicts_the_picture_is_told_with_a_count(place):
    """Annotations of a picture that was scaled since are a trap; the names are told."""
    told = document()
    for entry in told["images"]:
        entry["width"], entry["height"] = 80, 60

    [remark] = read(place, told).remarks

    assert remark.startswith("2 pictures are of another size than the annotations say")
    assert remark.endswith(": b.jpg, deep/a.jpg.")


def test_box_over_the_edge_is_kept_and_told(place):
    """A box that hangs over by more than a pixel is taken as it is, with a remark; by half a pixel without."""
    told = document()
    told["annotations"][0]["bbox"] = [30, 3, 10.5, 5]

    assert read(place, told).remarks == ()
    told["annotations"][0]["bbox"] = [30, 3, 12, 5]
    found = read(place, told)
    assert found.dataset.images[0].boxes[0].box == Box(30, 3, 42, 8)
    assert "reach beyond the picture's edge" in found.remarks[0]


def test_file_that_is_no_picture_stays_in_the_dataset(place):
    """It is the model's turn to say what is wrong with it; the truth counts."""
    (place / "images" / "b.jpg").write_bytes(b"no picture")

    found = read(place, document())

    assert [len(image.boxes) for image in found.dataset.images] == [2, 0]


def test_link_in_the_folder_is_followed(place):
    """Whoever laid out the folder may keep the pictures elsewhere."""
    picture(place / "elsewhere.jpg")
    (place / "images" / "b.jpg").unlink()
    (place / "images" / "b.jpg").symlink_to(place / "elsewhere.jpg")

    assert read(place, document()).dataset.images[0].path.read_bytes() == (place / "elsewhere.jpg").read_bytes()
