"""The whole platform in one process, without HTTP: packages on disk, pictures in, predictions out."""

import io
import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from saccade import settings
from saccade.caller import Caller, CallerLeft
from saccade.errors import (
    GraphRefused,
    ImageUnreadable,
    ModelFailed,
    ModelUnknown,
    OutputInvalid,
    SettingInvalid,
    TaskMismatch,
)
from saccade.models.layouts import read_package
from saccade.models.status import ModelState
from saccade.predictions.answer import PredictOptions
from saccade.wiring import Reports, open_platform


def save(graph, path):
    """Write a graph in a version that every engine reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def classifier(folder, *, labels=("red", "green", "blue"), gain=8.0):
    """Write a Hugging Face package that says which channel is the strongest."""
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["means", "gain"], ["logits"]),
    ]
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 32, 32])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])
    weights = [numpy_helper.from_array(np.array(gain, np.float32), "gain")]
    save(helper.make_graph(nodes, "g", [pixels], [logits], weights), folder / "onnx" / "model.onnx")
    config = {
        "architectures": ["ResNetForImageClassification"],
        "model_type": "resnet",
        "id2label": {str(index): label for index, label in enumerate(labels)},
    }
    preprocessor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))


def jpeg(colour, size=(64, 48)):
    """Return a plain picture."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose models folder holds one classifier."""
    monkeypatch.chdir(tmp_path)
    classifier(tmp_path / "home" / "models" / "colours")
    return tmp_path / "home"


@pytest.fixture
def open_at(home):
    """Open platforms on that home and close them at the end."""
    opened = []

    def start(**overrides):
        said = {"SACCADE_HOME": str(home), **{f"SACCADE_{name}": value for name, value in overrides.items()}}
        platform = open_platform(settings.load(said))
        platform.start()
        opened.append(platform)
        return platform

    yield start
    for platform in opened:
        platform.close()


@pytest.mark.parametrize(("colour", "label"), [((250, 0, 0), "red"), ((0, 250, 0), "green"), ((0, 0, 250), "blue")])
def test_predict_says_what_is_in_the_picture(open_at, colour, label):
    """Bytes in, the right label out, with the picture's own size and id."""
    answer = open_at().predictor.predict(jpeg(colour), model="colours")

    assert ("colours@1", label, 64, 48) == (
        answer.model,
        answer.predictions[0].label,
        answer.width_px,
        answer.height_px,
    )
    assert sum(entry.score for entry in answer.predictions) == pytest.approx(1.0, abs=1e-5)
    assert answer.engine == "onnxruntime/cpu/fp32"


def test_predict_answers_from_the_cache_the_second_time(open_at):
    """The same picture again costs no computation, and the answer says so."""
    platform = open_at()
    first, second = (platform.predictor.predict(jpeg((1, 2, 3)), model="colours") for _ in range(2))

    assert (False, True) == (first.cached, second.cached)
    assert first.predictions == second.predictions
    other = platform.predictor.predict(jpeg((1, 2, 3)), model="colours", options=PredictOptions(top_k=1))
    assert (False, 1) == (other.cached, len(other.predictions))


def test_predict_never_serves_an_old_models_answer(open_at, home):
    """A reloaded model with other files has another digest, so the cache cannot lie."""
    platform = open_at()
    platform.predictor.predict(jpeg((250, 0, 0)), model="colours")
    classifier(home / "models" / "colours", labels=("rot", "gruen", "blau"))
    platform.registry.load("colours")

    assert platform.predictor.predict(jpeg((250, 0, 0)), model="colours").predictions[0].label == "rot"


def test_predict_pairs_answers_each_pair_when_some_fail(open_at):
    """One damaged picture and one that could not be fetched spoil nothing else."""
    platform = open_at()
    broken = jpeg((0, 250, 0))[:-400]
    results = platform.predictor.predict_pairs(
        [jpeg((250, 0, 0)), broken, ImageUnreadable("not fetched")], models=["colours", "dummy"]
    )

    assert [(0, "colours"), (0, "dummy"), (1, "colours"), (1, "dummy"), (2, "colours"), (2, "dummy")] == [
        (result.index, result.model) for result in results
    ]
    assert [True, True, False, False, False, False] == [result.answer is not None for result in results]
    assert {"image_unreadable"} == {result.problem.code for result in results if result.problem}


def test_predict_pairs_decodes_nothing_that_is_cached(open_at):
    """A picture is taken in for each model that has to look at it, and for none that has its answer."""
    platform = open_at()
    value = platform.metrics.registry.get_sample_value
    for _ in range(2):
        results = platform.predictor.predict_pairs([jpeg((250, 0, 0))], models=["colours", "dummy"])

        assert value("saccade_image_size_bytes_count") == 2
    assert [True, True] == [result.answer.cached for result in results]


SPY = """
class Spy:
    task = "image-classification"
    labels = ("seen",)

    def load(self):
        self.held = []

    def predict(self, images):
        return [[{"label": "seen", "score": 1.0}] for _ in images]
"""


@pytest.mark.parametrize(("model", "keeps"), [("colours", False), ("spy", True)])
def test_a_picture_holds_its_share_of_memory_as_long_as_it_is_there(open_at, home, model, keeps):
    """The budget is about pixels in memory: a graph's tensors give the share back, a plug-in's picture keeps it."""
    (home / "models" / "spy.py").write_text(SPY)
    platform = open_at()
    gate, held = platform.predictor._gate, []
    with platform.registry.lease(model) as served:
        run = served._batcher._run
        served._batcher._run = lambda works: (held.append(gate.held_bytes), run(works))[1]
        platform.predictor.predict(jpeg((250, 0, 0)), model=model)

    assert [keeps] == [share > 0 for share in held]
    assert gate.held_bytes == 0


def test_predict_pairs_computes_nothing_when_a_model_is_unknown(open_at):
    """Names are checked before work begins."""
    platform = open_at()
    with pytest.raises(ModelUnknown, match="nobody"):
        platform.predictor.predict_pairs([jpeg((0, 0, 0))], models=["colours", "nobody"])


def test_predict_applies_the_function_that_is_asked_for(open_at):
    """Softmax, sigmoid or the bare logits: the caller's word stands over the package's."""
    predictor = open_at().predictor
    softmax, sigmoid, logits = (
        predictor.predict(jpeg((250, 0, 0)), model="colours", options=PredictOptions(function=function)).predictions
        for function in ("softmax", "sigmoid", "none")
    )
    raw = np.array([entry.score for entry in logits])

    assert [entry.score for entry in softmax] == pytest.approx(np.exp(raw) / np.exp(raw).sum(), abs=1e-5)
    assert [entry.score for entry in sigmoid] == pytest.approx(1 / (1 + np.exp(-raw)), abs=1e-5)
    with pytest.raises(TaskMismatch, match="logits"):
        predictor.predict(jpeg((0, 0, 0)), model="dummy", options=PredictOptions(function="sigmoid"))


def test_predict_refuses_words_that_the_model_does_not_know(open_at):
    """candidate_labels mean nothing to a classifier of fixed labels, so they are refused, not ignored."""
    with pytest.raises(TaskMismatch):
        open_at().predictor.predict(jpeg((0, 0, 0)), model="colours", options=PredictOptions(candidate_labels=("cat",)))


def test_a_failed_reload_keeps_serving_when_the_graph_is_damaged(open_at, home):
    """A half-written graph on disk does not take a working model away."""
    platform = open_at()
    platform.predictor.predict(jpeg((250, 0, 0)), model="colours")
    (home / "models" / "colours" / "onnx" / "model.onnx").write_bytes(b"half")
    with pytest.raises(ModelFailed, match="stays in service"):
        platform.registry.load("colours")

    assert platform.predictor.predict(jpeg((0, 0, 250)), model="colours").predictions[0].label == "blue"


def test_a_package_that_breaks_its_own_reference_is_not_served(open_at, home):
    """A package that ships a picture with a known answer must give that answer, or it is not what it says."""
    folder = home / "models" / "checked"
    shutil.copytree(home / "models" / "colours", folder)
    (folder / "reference.jpg").write_bytes(jpeg((250, 0, 0)))
    text = "references:\n- image: reference.jpg\n  predictions:\n  - {{label: {0}, score: {1}}}\n"
    platform = open_at()
    answer = platform.predictor.predict(jpeg((250, 0, 0)), model="colours").predictions[0]
    for label, score, state in ((answer.label, answer.score, ModelState.READY), ("blue", answer.score, None)):
        (folder / "saccade.yaml").write_text(text.format(label, score))
        if state is None:
            with pytest.raises(ModelFailed, match=r"reference\.jpg: prediction 0: label 'red' instead of 'blue'"):
                platform.registry.load("checked")
        else:
            assert platform.registry.load("checked").state is state


def test_check_tries_a_package_outside_the_models_folder_and_serves_nothing_of_it(open_at, tmp_path):
    """A package is held against its own references where it lies, before anybody is served by it."""
    folder = tmp_path / "elsewhere" / "mine"
    classifier(folder)
    (folder / "red.jpg").write_bytes(jpeg((250, 0, 0)))
    text = "references:\n- {{image: red.jpg, predictions: [{{label: {0}, score: 0.9}}]}}\n"
    platform = open_at()
    for label, problem in (("red", "score"), ("blue", "label 'red' instead of 'blue'")):
        (folder / "saccade.yaml").write_text(text.format(label))
        with pytest.raises(OutputInvalid, match=problem):
            platform.check(read_package(folder, inspect=platform.inspector))
    (folder / "saccade.yaml").unlink()
    platform.check(read_package(folder, inspect=platform.inspector))

    assert [] == [status.reference for status in platform.registry.statuses() if status.reference == "mine@1"]


def test_wrong_allow_list_is_told_at_the_start(open_at):
    """An operator learns of a misspelt setting from the server, not from a client's failed request."""
    with pytest.raises(SettingInvalid, match="SACCADE_FETCH_ALLOW"):
        open_at(FETCH_ALLOW="http://camera.lab")


def test_failed_load_is_told_to_whoever_asked_to_hear_it(home, monkeypatch):
    """The server writes it into its log."""
    told = {}
    (home / "models" / "colours" / "onnx" / "model.onnx").write_bytes(b"half")
    platform = open_platform(settings.load({"SACCADE_HOME": str(home)}), reports=Reports(load_failure=told.__setitem__))
    platform.start()
    platform.registry.statuses()
    platform.close()

    assert isinstance(told["colours@1"], GraphRefused)


def test_lone_graph_in_the_models_folder_is_served(open_at, home):
    """A bare .onnx file with its labels beside it is a package like any folder."""
    shutil.copy(home / "models" / "colours" / "onnx" / "model.onnx", home / "models" / "lone.onnx")
    (home / "models" / "lone.labels.txt").write_text("red\ngreen\nblue\n")

    assert open_at().predictor.predict(jpeg((0, 0, 250)), model="lone").predictions[0].label == "blue"


def test_metrics_count_what_happened(open_at):
    """One computed and one cached prediction move the counters by one each."""
    platform = open_at()
    for _ in range(2):
        platform.predictor.predict(jpeg((9, 9, 9)), model="colours")
    value = platform.metrics.registry.get_sample_value

    assert value("saccade_predictions_total", {"model": "colours@1", "outcome": "computed"}) == 1
    assert value("saccade_predictions_total", {"model": "colours@1", "outcome": "cached"}) == 1
    assert value("saccade_stage_duration_seconds_count", {"model": "colours@1", "stage": "infer"}) == 1
    assert value("saccade_model_state", {"model": "colours@1", "state": "ready"}) == 1


def test_nothing_is_imported_that_parses_graphs():
    """The process that answers never imports the library that parses untrusted graphs."""
    import subprocess
    import sys

    program = "import sys, saccade.wiring; sys.exit('onnx' in sys.modules or 'httpx2' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_answer_of_one_principal_is_not_shown_to_another(open_at):
    """An answer that comes at once would tell that somebody else sent the same picture."""
    predictor = open_at().predictor
    told = [predictor.predict(jpeg((9, 9, 9)), model="colours", caller=Caller(owner)).cached for owner in "aabab"]

    assert told == [False, True, False, True, True]


def test_pairs_are_told_as_they_come_even_if_the_caller_leaves(open_at):
    """What was computed is counted, whoever waits for it."""
    platform, caller, told = open_at(), Caller("alice"), []

    def note(pair):
        told.append(pair)
        caller.leave(RuntimeError("gone"))

    with pytest.raises(CallerLeft):
        platform.predictor.predict_pairs([jpeg((9, 9, 9))], models=["colours", "dummy"], caller=caller, on_pair=note)

    assert [pair.model for pair in told] == ["colours"]
    assert told[0].answer is not None
