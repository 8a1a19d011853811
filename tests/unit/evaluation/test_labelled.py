"""Pictures with one label each, from a tree of folders or a table."""

import pytest
from PIL import Image

from saccade.errors import TruthInvalid
from saccade.evaluation.labelled import read_labels
from saccade.models.prediction import Task

SUFFIXES = {".png"}


@pytest.fixture
def tree(tmp_path):
    """Folders of labels: one deep, one without pictures, with a hidden one and other files beside."""
    root = tmp_path / "tree"
    for name in ("cats/one.png", "cats/more/two.PNG", "dogs/three.png", ".trash/four.png", "cats/.old/five.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), len(name)).save(root / name, "PNG")
    (root / "empty").mkdir()
    (root / "dogs" / "notes.txt").write_text("no picture")
    (root / "README.md").write_text("no picture")
    return root


def labels_of(found):
    """Return each picture's label by its name."""
    return {image.name: image.label for image in found.dataset.images}


def test_folder_is_the_label_of_all_below_it(tree):
    """At any depth; hidden folders and other files are left out, a folder without pictures is a label too."""
    found = read_labels(tree, None, suffixes=SUFFIXES)

    assert found.dataset.task is Task.IMAGE_CLASSIFICATION
    assert found.dataset.name == "tree"
    assert found.dataset.labels == ("cats", "dogs", "empty")
    assert labels_of(found) == {"cats/more/two.PNG": "cats", "cats/one.png": "cats", "dogs/three.png": "dogs"}
    assert all(image.path == tree / image.name for image in found.dataset.images)


def test_table_names_files_and_labels(tree, tmp_path):
    """Other columns and a byte order mark do not matter; labels are in the order of the table."""
    table = tmp_path / "truth.csv"
    table.write_text('\ufeffnote,label,file\nx,Dog,dogs/three.png\ny,"Cat, small",./cats/one.png\n')

    found = read_labels(table, tree, suffixes=SUFFIXES)

    assert found.dataset.name == "truth"
    assert found.dataset.labels == ("Dog", "Cat, small")
    assert labels_of(found) == {"cats/one.png": "Cat, small", "dogs/three.png": "Dog"}


def test_table_without_images_lies_beside_them(tree):
    """File names are relative to the table's own folder then."""
    (tree / "truth.csv").write_text("file,label\ncats/one.png,a\n")

    assert labels_of(read_labels(tree / "truth.csv", None, suffixes=SUFFIXES)) == {"cats/one.png": "a"}


def test_tree_and_table_of_the_same_truth_are_the_same_dataset(tree):
    """The hash is of names, bytes and labels, not of where they stood."""
    (tree / "empty").rmdir()
    (tree / "truth.csv").write_text("file,label\ncats/one.png,cats\ndogs/three.png,dogs\ncats/more/two.PNG,cats\n")

    by_tree = read_labels(tree, None, suffixes=SUFFIXES).dataset
    by_table = read_labels(tree / "truth.csv", None, suffixes=SUFFIXES).dataset

    assert by_tree.sha256 == by_table.sha256
    assert read_labels(tree, None, suffixes=SUFFIXES, limit=2).dataset.sha256 != by_tree.sha256


REFUSED = {
    "heading": ("name,label\na.png,x\n", "does not name the columns file and label"),
    "empty": ("", "does not name the columns file and label"),
    "no row": ("file,label\n", "names no picture"),
    "no label": ("file,label\ncats/one.png,\n", "truth.csv: line 2 lacks a label"),
    "short row": ("file,label\ncats/one.png\n", "truth.csv: line 2 lacks a label"),
    "no file": ("file,label\n,x\n", "truth.csv: line 2 lacks a file"),
    "twice": ("file,label\ncats/one.png,x\n./cats/one.png,y\n", "line 3 names the file './cats/one.png' a second time"),
    "way out": ("file,label\n../secret.png,x\n", "truth.csv: line 2 names the file '../secret.png', which is no path"),
    "missing": ("file,label\ncats/six.png,x\n", "1 picture is not in"),
    "quote": ('file,label\n"cats/one.png,x\n', "cannot be read"),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_table_that_is_wrong_is_refused_with_its_line(tree, text, sentence):
    """The sentence names the line."""
    (tree / "truth.csv").write_text(text)

    with pytest.raises(TruthInvalid) as caught:
        read_labels(tree / "truth.csv", None, suffixes=SUFFIXES)

    assert sentence in str(caught.value)


def test_picture_without_a_folder_has_no_label(tree):
    """A stray picture is told by name, rather than left out in silence."""
    Image.new("L", (4, 4)).save(tree / "stray.png")

    with pytest.raises(TruthInvalid, match="no folder gives them a label: stray"):
        read_labels(tree, None, suffixes=SUFFIXES)


def test_tree_without_pictures_is_refused(tmp_path):
    """Nothing to evaluate on is a mistake in the path."""
    (tmp_path / "a").mkdir()

    with pytest.raises(TruthInvalid, match="There is no picture"):
        read_labels(tmp_path, None, suffixes=SUFFIXES)


def test_tree_takes_no_images_folder(tree):
    """Its pictures lie in it; a second folder would be ignored."""
    with pytest.raises(TruthInvalid, match="whose pictures lie in it"):
        read_labels(tree, tree, suffixes=SUFFIXES)
