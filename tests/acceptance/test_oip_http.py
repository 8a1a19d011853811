"""The Open Inference Protocol over HTTP, as the unmodified ``tritonclient.http`` speaks it, and KServe's first one."""

from __future__ import annotations

import base64
import gc
import io
import json

import httpx2
import numpy as np
import pytest
from PIL import Image

triton = pytest.importorskip("tritonclient.http", reason="not here: tritonclient")

#: Two files in the models folder: one finds dark squares, one knows three shades.
FINDER = '''
class Finder:
    """Finds the bounding boxes of up to two dark squares, one in each half."""

    task = "object-detection"
    labels = ("square",)
    version = "1"

    def load(self):
        pass

    def predict(self, images):
        return [self.find(image.mean(axis=2) < 128) for image in images]

    def find(self, dark):
        half = dark.shape[1] // 2
        found = []
        for left, part in ((0, dark[:, :half]), (half, dark[:, half:])):
            ys, xs = part.nonzero()
            if len(xs):
                box = {"xmin": left + xs.min(), "ymin": ys.min(), "xmax": left + xs.max() + 1, "ymax": ys.max() + 1}
                box = {side: float(place) + 0.25 for side, place in box.items()}
                found.append({"label": "square", "score": 0.75, "box": box})
        return found
'''
SHADES = '''
class Shades:
    """Says how bright a picture is."""

    task = "image-classification"
    labels = ("dark", "grey", "bright")
    version = "3"

    def load(self):
        pass

    def predict(self, images):
        answers = []
        for image in images:
            light = float(image.mean()) / 255
            scores = {"dark": (1 - light) / 2, "bright": light / 2, "grey": 0.5}
            answers.append([{"label": label, "score": score} for label, score in scores.items()])
        return answers
'''


def png(*squares, grey=200):
    """Return a picture of 64 by 64 px with black squares of 16 px whose left upper corners are given."""
    image = Image.new("RGB", (64, 64), (grey,) * 3)
    for x, y in squares:
        image.paste((0, 0, 0), (x, y, x + 16, y + 16))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


ONE, TWO, NONE = png((8, 16)), png((8, 16), (40, 40)), png()


@pytest.fixture(scope="module")
def base(tmp_path_factory, run_server):
    """Yield the address of a server with both models."""
    models = tmp_path_factory.mktemp("models")
    (models / "finder.py").write_text(FINDER)
    (models / "shades.py").write_text(SHADES)
    home = tmp_path_factory.mktemp("server")
    with run_server(home, "--models", str(models), settings={"SACCADE_CACHE_BYTES": "0"}) as started:
        yield started.url


@pytest.fixture(autouse=True)
def collected():
    """Let no frame that an error kept hold a client: gevent's may be let go on this thread alone."""
    yield
    gc.collect()


@pytest.fixture
def client(base):
    with triton.InferenceServerClient(base.removeprefix("http://")) as client:
        yield client


@pytest.fixture
def web(base):
    with httpx2.Client(base_url=base, timeout=20) as web:
        yield web


def pictures(*encoded, shape=None, binary=True):
    """Return the one input, as bytes or, for JSON, as base64."""
    elements = list(encoded) if binary else [base64.b64encode(data).decode() for data in encoded]
    wanted = triton.InferInput("image", shape or [len(encoded)], "BYTES")
    wanted.set_data_from_numpy(np.array(elements, dtype=np.object_).reshape(shape or [-1]), binary_data=binary)
    return [wanted]


def test_server_and_models_tell_of_themselves(client):
    """Alive, ready, who it is, what each model takes and gives."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("finder")
    assert client.is_model_ready("finder", "1")
    assert not client.is_model_ready("nobody")
    assert set(client.get_server_metadata()["extensions"]) == {
        "binary_tensor_data",
        "classification",
        "model_repository",
    }
    metadata = client.get_model_metadata("shades")
    assert (metadata["name"], metadata["versions"]) == ("shades", ["3"])
    assert metadata["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    assert {output["name"] for output in metadata["outputs"]} == {"count", "label", "score", "class_id", "prediction"}
    index = {entry["name"]: entry for entry in client.get_model_repository_index()}
    assert index["finder"] == {"name": "finder", "version": "1", "state": "READY"}


@pytest.mark.parametrize("binary", [True, False])
def test_classifier_answers_in_tensors(client, binary):
    """Labels, scores and ids, best first, a row for each picture; whichever way the tensors travel."""
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("label", "score", "class_id")]

    result = client.infer("shades", pictures(NONE, png(grey=20), binary=binary), outputs=wanted, request_id="a b")

    answer = result.get_response()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("shades", "3", "a b")
    assert [output["name"] for output in answer["outputs"]] == ["label", "score", "class_id"]
    labels = result.as_numpy("label")
    assert labels.shape == (2, 3)
    assert [str(label, "utf-8") if binary else label for label in labels[:, 0]] == ["grey", "grey"]
    assert [str(label, "utf-8") if binary else label for label in labels[:, 1]] == ["bright", "dark"]
    assert result.as_numpy("class_id")[:, 1].tolist() == [2, 0]
    assert result.as_numpy("class_id").dtype == np.int64
    assert result.as_numpy("score").dtype == np.float32
    assert result.as_numpy("score")[:, 0].tolist() == [0.5, 0.5]


def test_classification_extension_answers_texts(client):
    """``value:index:label``, for as many classes as were asked for, beside plain outputs with as many as ever."""
    wanted = [triton.InferRequestedOutput("score", class_count=2), triton.InferRequestedOutput("label")]

    result = client.infer("shades", pictures(NONE), outputs=wanted, parameters={"top_k": 1})

    texts = [str(text, "utf-8") for text in result.as_numpy("score")[0]]
    assert [text.split(":")[1:] for text in texts] == [["1", "grey"], ["2", "bright"]]
    assert float(texts[0].split(":")[0]) == 0.5
    assert result.as_numpy("label").tolist() == [[b"grey"]]


def test_detector_answers_in_padded_tensors(client):
    """Objects of each picture up to the longest row; ``count`` says how many are real."""
    result = client.infer("finder", pictures(ONE, NONE, TWO, shape=[3, 1]))

    assert result.as_numpy("count").tolist() == [1, 0, 2]
    boxes = result.as_numpy("box")
    assert (boxes.shape, boxes.dtype) == ((3, 2, 4), np.float32)
    assert boxes[0].tolist() == [[8.25, 16.25, 24.25, 32.25], [0, 0, 0, 0]]
    assert boxes[1].tolist() == [[0, 0, 0, 0], [0, 0, 0, 0]]
    assert boxes[2, 1].tolist() == [40.25, 40.25, 56.25, 56.25]
    assert result.as_numpy("centroid")[0, 0].tolist() == [16.25, 24.25]
    assert result.as_numpy("radius_px")[0].tolist() == [8.0, 0.0]
    assert result.as_numpy("label")[0].tolist() == [b"square", b""]
    natives = [json.loads(text) for text in result.as_numpy("prediction")]
    assert [len(native["predictions"]) for native in natives] == [1, 0, 2]
    assert natives[0]["model"] == "finder@1"


def test_nothing_found_is_an_empty_tensor(client):
    """No object in any picture: rows of no length, as JSON and as bytes."""
    for binary in (True, False):
        wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("box", "label", "score")]

        result = client.infer("finder", pictures(NONE, NONE), outputs=wanted)

        assert result.as_numpy("box").shape == (2, 0, 4)
        assert result.as_numpy("label").shape == (2, 0)


def test_threshold_and_top_k_are_parameters(client):
    """As numbers; what is unknown is refused."""
    inputs = pictures(ONE)

    assert client.infer("finder", inputs, parameters={"threshold": 0.8}).as_numpy("count").tolist() == [0]
    assert client.infer("shades", inputs, parameters={"top_k": 2}).as_numpy("label").shape == (1, 2)
    with pytest.raises(triton.InferenceServerException, match="'treshold' is not known here"):
        client.infer("finder", inputs, parameters={"treshold": 0.8})


def test_one_bad_picture_refuses_the_request(client):
    """The protocol has no word for one of several, so the text says which."""
    with pytest.raises(triton.InferenceServerException, match="Picture 1: ") as caught:
        client.infer("shades", pictures(ONE, b"no picture", TWO))

    assert caught.value.status() == "400"


@pytest.mark.parametrize("model", ["nobody", "shades@9"])
def test_unknown_model_is_404(client, model):
    """A model that there is not, and a version that there is not."""
    with pytest.raises(triton.InferenceServerException, match="no model") as caught:
        client.infer(model, pictures(ONE))

    assert caught.value.status() == "404"


def test_versions_stand_in_the_path(client):
    """A version is asked for by itself."""
    assert client.infer("shades", pictures(ONE), model_version="3").get_response()["model_version"] == "3"


def test_aliases_are_versions(client, web):
    """In the name and in the path; the answer says which version it was."""
    promoted = web.post("/v1/models/shades/aliases/candidate", json={"version": "3"})
    assert promoted.is_success, promoted.text

    by_name = client.infer("shades@candidate", pictures(ONE)).get_response()
    by_path = client.infer("shades", pictures(ONE), model_version="candidate").get_response()

    assert {answer["model_name"] for answer in (by_name, by_path)} == {"shades"}
    assert {answer["model_version"] for answer in (by_name, by_path)} == {"3"}
    assert client.is_model_ready("shades@candidate")
    assert not client.is_model_ready("shades@prod")


def test_prepared_tensor_is_not_offered(client):
    """Numbers in the place of pictures are 501, and nothing pretends to take them."""
    wanted = triton.InferInput("image", [1, 3, 8, 8], "FP32")
    wanted.set_data_from_numpy(np.zeros((1, 3, 8, 8), np.float32))

    with pytest.raises(triton.InferenceServerException, match="encoded") as caught:
        client.infer("shades", [wanted])

    assert caught.value.status() == "501"


def test_models_are_unloaded_and_loaded(client):
    """Unloaded it is not ready, and infer is 503; loaded again it answers."""
    client.unload_model("shades")
    try:
        assert not client.is_model_ready("shades")
        with pytest.raises(triton.InferenceServerException, match="unloaded") as caught:
            client.infer("shades", pictures(ONE))
        assert caught.value.status() == "503"
        index = {entry["name"]: entry["state"] for entry in client.get_model_repository_index()}
        assert index["shades"] == "UNAVAILABLE"
    finally:
        client.load_model("shades")

    assert client.is_model_ready("shades")
    assert client.infer("shades", pictures(ONE)).as_numpy("count").tolist() == [3]


def test_body_that_is_one_picture(web):
    """A header of no length: the whole body is the picture, and curl needs no JSON at all."""
    answer = web.post("/v2/models/finder/infer", content=TWO, headers={"Inference-Header-Content-Length": "0"})

    assert answer.json()["outputs"][0] == {"name": "count", "datatype": "INT64", "shape": [1], "data": [2]}


class TestKServe:
    """KServe's first protocol, as system 4's backend and TensorFlow Serving's clients send it."""

    URL = "/v1/models/finder:predict"

    def test_picture_of_system_4_gets_a_flat_list(self, web):
        """One picture for a detector: the list of its objects, in whole pixels."""
        body = {"instances": [{"image": {"b64": base64.b64encode(TWO).decode()}}], "parameters": {"label": "coin"}}

        answer = web.post(self.URL, json=body)

        assert answer.json()["predictions"] == [
            {
                "bounding_box": {"xmin": x, "ymin": y, "xmax": x + 16, "ymax": y + 16},
                "centroid": {"x": x + 8, "y": y + 8},
                "radius": {"radius": 8},
                "label": "square",
                "score": 0.75,
            }
            for x, y in ((8, 16), (40, 40))
        ]
        assert float(answer.headers["prediction-time-latency"]) > 0

    def test_several_pictures_get_a_list_each(self, web):
        """However they are written."""
        text = base64.b64encode(ONE).decode()
        empty = base64.b64encode(NONE).decode()

        several = web.post(self.URL, json={"instances": [{"b64": text}, text, {"image": empty}]})
        inputs = web.post(self.URL, json={"inputs": [{"data": text}]})
        labels = web.post("/v1/models/shades:predict", json={"instances": [text], "parameters": {"top_k": 1}})

        assert [len(row) for row in several.json()["predictions"]] == [1, 1, 0]
        assert len(inputs.json()["predictions"]) == 1
        assert labels.json()["predictions"] == [[{"label": "grey", "score": 0.5, "class_id": 1}]]

    def test_model_is_shown_as_kserve_shows_it(self, web):
        """What probes and clients ask before they predict."""
        shown = web.get("/v1/models/finder").json()

        assert (shown["name"], shown["ready"]) == ("finder", True)
        assert "finder" in web.get("/v1/models").json()["models"]
