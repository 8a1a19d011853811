"""Plug-ins are other people's code: right answers travel on, anything else is a plug-in's failure and nobody else's."""

import numpy as np
import pytest

from saccade.backends.engines.python import open_plugin
from saccade.errors import PluginFailed
from saccade.models.package import ModelCard, Package
from saccade.models.prediction import Box, Classification, Detection, Task
from saccade.models.runners import PluginRunner, RunOptions

IMAGE = np.zeros((20, 40, 3), np.uint8)


def card(task=Task.IMAGE_CLASSIFICATION, threshold=None):
    return ModelCard(
        name="p",
        version="1",
        task=task,
        family="plugin",
        engine="python",
        labels=("cat", "dog"),
        layout="test",
        threshold=threshold,
    )


class Fixed:
    """A plug-in that always answers the same."""

    def __init__(self, answer):
        self.answer = answer

    def load(self):
        pass

    def predict(self, images):
        return self.answer


def ask(answer, tmp_path, options=None, **about):
    """Run one picture through a plug-in with this answer."""
    package = Package(card=card(**about), folder=tmp_path, entry="x:Y")
    runner = PluginRunner(package, Fixed(answer))
    work = runner.prepare(IMAGE)
    return runner.finish(work.payload, runner.run([work.payload])[0], options or RunOptions())


def test_classes_and_mappings_are_the_same_answer(tmp_path):
    """A plug-in may use our classes or plain mappings."""
    as_class = [[Classification("dog", 0.75, 1), Classification("cat", 0.25, 0)]]
    as_mapping = [[{"label": "dog", "score": 0.75}, {"label": "cat", "score": 0.25, "class_id": 0}]]

    assert tuple(as_class[0]) == ask(as_class, tmp_path) == ask(as_mapping, tmp_path)


def test_answers_are_sorted_and_cut_as_asked(tmp_path):
    """Best first, as many as asked for, none under the threshold."""
    answer = [[{"label": "cat", "score": 0.2}, {"label": "dog", "score": 0.7}, {"label": "bird", "score": 0.5}]]

    assert ["dog", "bird"] == [entry.label for entry in ask(answer, tmp_path, RunOptions(top_k=2))]
    assert ["dog"] == [entry.label for entry in ask(answer, tmp_path, RunOptions(threshold=0.6))]
    assert ["dog", "bird"] == [entry.label for entry in ask(answer, tmp_path, threshold=0.4)]


def test_boxes_are_clipped_to_the_picture_and_get_a_circle(tmp_path):
    """A detector's plug-in need not know the picture's edge; centroid and radius come from the box unless given."""
    box = {"xmin": -5, "ymin": 2, "xmax": 50, "ymax": 12}
    plain = ask([[{"label": "cat", "score": 1, "box": box}]], tmp_path, task=Task.OBJECT_DETECTION)[0]
    round_one = {"label": "cat", "score": 1, "box": box, "centroid": {"x": 1, "y": 2}, "radius_px": 3}
    circle = ask([[round_one]], tmp_path, task=Task.OBJECT_DETECTION)[0]

    assert isinstance(plain, Detection)
    assert (0, 2, 40, 12) == (plain.box.x_min, plain.box.y_min, plain.box.x_max, plain.box.y_max)
    assert (20, 7, 12.5) == (plain.centroid.x, plain.centroid.y, plain.radius_px)
    assert (1, 2, 3) == (circle.centroid.x, circle.centroid.y, circle.radius_px)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        [[], []],
        ["cat"],
        [None],
        [["cat"]],
        [[{"score": 0.5}]],
        [[{"label": "cat"}]],
        [[{"label": "cat", "score": "high"}]],
        [[{"label": "cat", "score": 1.5}]],
        [[{"label": "cat", "score": float("nan")}]],
        [[object()]],
    ],
)
def test_nonsense_is_the_plugins_failure(answer, tmp_path):
    """Whatever a plug-in answers instead of predictions, the caller gets one clear problem."""
    with pytest.raises(PluginFailed, match="p@1"):
        ask(answer, tmp_path)


def test_a_detector_without_a_box_fails(tmp_path):
    """A detection without a box is none."""
    with pytest.raises(PluginFailed, match="box"):
        ask([[{"label": "cat", "score": 0.5}]], tmp_path, task=Task.OBJECT_DETECTION)


@pytest.mark.parametrize("side", ["xmin", "ymax"])
@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_a_place_that_is_not_finite_fails(tmp_path, side, value):
    """Such a number has no JSON; the picture would end as a failure of the server's own."""
    box = {"xmin": 1.0, "ymin": 1.0, "xmax": 2.0, "ymax": 2.0}
    detection = Detection.of_box(label="cat", score=0.5, class_id=0, box=Box(*{**box, side: value}.values()))

    with pytest.raises(PluginFailed, match="not finite"):
        ask([[detection]], tmp_path, task=Task.OBJECT_DETECTION)


def test_a_box_that_ends_before_it_begins_fails(tmp_path):
    """It would be stored with a radius below zero."""
    box = {"xmin": 9.0, "ymin": 1.0, "xmax": 2.0, "ymax": 2.0}

    with pytest.raises(PluginFailed, match="ends before it begins"):
        ask([[{"label": "cat", "score": 0.5, "box": box}]], tmp_path, task=Task.OBJECT_DETECTION)


@pytest.mark.parametrize("raised", [KeyError, SystemExit])
def test_what_a_plugin_raises_is_wrapped(tmp_path, raised):
    """An exception of a plug-in never looks like ours, and sys.exit() ends nothing."""

    class Raising:
        def predict(self, images):
            raise raised("secret")

    runner = PluginRunner(Package(card=card(), folder=tmp_path, entry="x:Y"), Raising())
    with pytest.raises(PluginFailed, match=raised.__name__) as caught:
        runner.run([IMAGE])
    assert "secret" not in str(caught.value)


def test_open_plugin_imports_a_file_anew_when_it_changed(tmp_path):
    """An edited plug-in file is seen at the next load."""
    for number in (1, 2):
        text = (
            f"class Mine:\n    number = {number}\n    def load(self): pass\n    def predict(self, images): return []\n"
        )
        (tmp_path / "mine.py").write_text(text + "#" * number)

        assert number == open_plugin("mine.py:Mine", tmp_path).number


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Mine:\n    def predict(self, images): return []\n", "no method load"),
        ("class Mine:\n    def load(self): raise OSError('no disk')\n    def predict(self, i): return []\n", "no disk"),
        (
            "class Mine:\n    def load(self): raise SystemExit(3)\n    def predict(self, i): return []\n",
            "SystemExit: 3",
        ),
        ("import not_installed_anywhere\n", "not_installed_anywhere"),
        ("class Other: pass\n", "Mine"),
        ("def (:\n", "SyntaxError"),
    ],
)
def test_open_plugin_says_why_it_cannot(text, message, tmp_path):
    """A plug-in that cannot be loaded is named with the reason."""
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(PluginFailed, match=message):
        open_plugin("mine.py:Mine", tmp_path)


def test_open_plugin_takes_an_installed_module(tmp_path):
    """package.module:Class names a class that is installed."""
    assert callable(open_plugin("saccade.models.dummy:Dummy", tmp_path).predict)
