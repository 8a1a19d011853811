"""The Open Inference Protocol: its statuses and words, and what hostile requests get."""

import base64
import json
import struct

import pytest

from saccade.access.development import issue
from saccade.access.principals import Role
from saccade.api.faces.oip_requests import MAX_PICTURES
from saccade.models.status import ModelState
from unit.api.conftest import PICTURE, client_of

INFER = "/v2/models/animals/infer"
TEXT = base64.b64encode(PICTURE).decode()
LENGTH = "Inference-Header-Content-Length"

UNKNOWN = "There is no model 'nobody'. GET /v1/models lists the models."


def image(**members):
    """Return a request of one picture, with some members of its input changed or, where None, left out."""
    given = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [TEXT], **members}
    return {"inputs": [{name: value for name, value in given.items() if value is not None}]}


def outputs_of(answer):
    assert answer.status_code == 200, answer.text
    return {output["name"]: output for output in answer.json()["outputs"]}


def binary(client, document, data, *, length=None, url=INFER):
    head = json.dumps(document).encode()
    shown = str(len(head)) if length is None else length
    return client.post(url, content=head + data, headers={LENGTH: shown})


def framed(*pictures):
    return b"".join(struct.pack("<I", len(picture)) + picture for picture in pictures)


class TestServer:
    """What is told without a picture."""

    def test_server_tells_of_itself_with_and_without_slash(self, client):
        """The protocol's text has one path and its description the other."""
        assert client.get("/v2").json() == client.get("/v2/").json()
        assert client.get("/v2").json()["name"] == "saccade"
        assert client.get("/v2/health/live").json() == {"live": True}

    def test_readiness_is_the_models(self, client, platform):
        """503 until the models are there, so that probes and clients understand."""
        assert client.get("/v2/health/ready").json() == {"ready": True}

        platform.registry.ready = False

        answer = client.get("/v2/health/ready")
        assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (503, {"ready": False}, "1")

    def test_model_readiness(self, client, platform):
        """KServe's words; 503 while it is not in service, 404 for what there is not."""
        assert client.get("/v2/models/animals/ready").json() == {"name": "animals", "ready": True}
        assert client.get("/v2/models/animals/versions/1/ready").json() == {"name": "animals", "ready": True}

        platform.registry.states["animals"] = ModelState.UNLOADED

        answer = client.get("/v2/models/animals/ready")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert client.get("/v2/models/nobody/ready").json() == {"error": UNKNOWN}
        assert client.get("/v2/models/nobody/ready").status_code == 404

    def test_metadata_names_tensors(self, client):
        """A detector has places, a classifier has none; a failed package has no metadata."""
        outputs = {each["name"]: each for each in client.get("/v2/models/circles").json()["outputs"]}

        assert outputs["box"] == {"name": "box", "datatype": "FP32", "shape": [-1, -1, 4]}
        assert outputs["centroid"]["shape"] == [-1, -1, 2]
        assert client.get("/v2/models/circles@1/versions/1").status_code == 400

    def test_failed_model_is_not_ready(self, client, platform):
        """A package that cannot be read is 503, and the text says why."""
        platform.registry.states["animals"] = ModelState.FAILED

        for answer in (client.get("/v2/models/animals"), client.post(INFER, json=image())):
            assert (answer.status_code, list(answer.json())) == (503, ["error"])
            assert "labels.txt" in answer.json()["error"]

    def test_repository_is_listed(self, client, platform):
        """Every version with its state; on demand only those that are ready."""
        platform.registry.states["circles"] = ModelState.UNLOADED

        states = {each["name"]: each for each in client.post("/v2/repository/index").json()}
        ready = client.post("/v2/repository/index", json={"ready": True}).json()

        assert states["circles"] == {
            "name": "circles", "version": "1", "state": "UNAVAILABLE", "reason": "unloaded"
        }  # fmt: skip
        assert "circles" not in {each["name"] for each in ready}
        assert "circles" in client.get("/v2/models").json()["models"]
        assert client.post("/v2/repository/index", json={"ready": 1}).status_code == 400

    def test_models_are_loaded_and_unloaded(self, client, platform):
        """As KServe answers; a configuration with the request is not offered."""
        assert client.post("/v2/repository/models/animals/unload").json() == {"name": "animals", "unload": True}
        assert platform.registry.states["animals"] is ModelState.UNLOADED
        assert client.post("/v2/repository/models/animals/load", json={}).json() == {"name": "animals", "load": True}
        with_config = {"parameters": {"config": "{}"}}
        assert client.post("/v2/repository/models/animals/load", json=with_config).status_code == 501
        assert client.post("/v2/repository/models/nobody/load").status_code == 404


class TestInfer:
    """Pictures in, tensors out."""

    def test_answer_has_all_outputs_and_the_id(self, client):
        """Which model answered, the client's own name for the request, and every output."""
        answer = client.post(INFER, json={**image(), "id": "7", "parameters": {"top_k": 2}})

        assert {key: answer.json()[key] for key in ("model_name", "model_version", "id")} == {
            "model_name": "animals", "model_version": "1", "id": "7"
        }  # fmt: skip
        outputs = outputs_of(answer)
        assert list(outputs) == ["count", "label", "score", "class_id", "prediction"]
        assert outputs["label"] == {
            "name": "label", "datatype": "BYTES", "shape": [1, 2], "data": ["label 0", "label 1"]
        }  # fmt: skip
        assert json.loads(outputs["prediction"]["data"][0])["predictions"][1]["label"] == "label 1"

    def test_bytes_behind_the_json_are_pictures(self, client, platform):
        """As they are, without base64."""
        document = image(shape=[2], data=None, parameters={"binary_data_size": len(framed(PICTURE, PICTURE))})

        outputs = outputs_of(binary(client, document, framed(PICTURE, PICTURE)))

        assert outputs["count"]["data"] == [5, 5]
        assert [call[0] for call in platform.predictor.calls] == [PICTURE, PICTURE]

    def test_outputs_come_as_bytes_where_wanted(self, client):
        """By default of the request, or output by output."""
        wanted = [{"name": "score"}, {"name": "class_id", "parameters": {"binary_data": False}}]
        parameters = {"binary_data_output": True, "top_k": 2}

        answer = client.post(INFER, json={**image(), "outputs": wanted, "parameters": parameters})

        length = int(answer.headers[LENGTH])
        score, class_id = json.loads(answer.content[:length])["outputs"]
        assert answer.headers["content-type"] == "application/octet-stream"
        assert score == {"name": "score", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}
        assert class_id["data"] == [0, 1]
        assert answer.content[length:] == struct.pack("<2f", 1 / 2, 1 / 3)

    def test_native_prediction_has_no_more_labels_than_asked(self, client):
        """A classification that needs more labels shows them nowhere else."""
        wanted = [{"name": "score", "parameters": {"classification": 4}}, {"name": "prediction"}, {"name": "label"}]

        outputs = outputs_of(client.post(INFER, json={**image(), "outputs": wanted, "parameters": {"top_k": 2}}))

        assert outputs["score"]["shape"] == [1, 4]
        assert outputs["score"]["data"][3] == "0.200000:3:label 3"
        assert outputs["label"]["shape"] == [1, 2]
        assert len(json.loads(outputs["prediction"]["data"][0])["predictions"]) == 2

    def test_labels_to_look_for_may_stand_between_commas(self, client, platform):
        """A parameter of this protocol is no list."""
        client.post(INFER, json={**image(), "parameters": {"candidate_labels": "a cat, a dog"}})

        assert platform.predictor.calls[0][2].candidate_labels == ("a cat", "a dog")

    def test_each_picture_is_metered(self, make_platform):
        """Several pictures are several predictions in the ledger, as with /v1/predict."""
        platform = make_platform()
        with client_of(platform) as client:
            assert client.post(INFER, json=image(shape=[3], data=[TEXT] * 3)).status_code == 200
            assert client.post(INFER, json=image()).status_code == 200
            usage = wait_for_usage(client, predictions=4)

        assert usage["predictions"]["n"] == 4


def wait_for_usage(client, *, predictions):
    """Return what the ledger says once it has so many predictions, which are written down in the background."""
    import time

    latest = time.monotonic() + 5
    while True:
        usage = client.get("/v1/usage").json()
        if usage["predictions"]["n"] >= predictions or time.monotonic() > latest:
            return usage
        time.sleep(0.05)


class TestRefusals:
    """Statuses that the protocol's clients know, each with one text."""

    @pytest.mark.parametrize(
        ("model", "status"),
        [("nobody", 404), ("loading", 503), ("full", 503), ("unloaded", 503), ("broken", 500), ("bug", 500)],
    )
    def test_models_that_do_not_answer(self, client, model, status):
        """404 for none, 503 for one that is not ready, 500 for one that is at fault; nothing of the inside is told."""
        answer = client.post(f"/v2/models/{model}/infer", json=image())

        assert (answer.status_code, list(answer.json())) == (status, ["error"])
        assert "secret" not in answer.text

    def test_models_that_do_not_answer_several_pictures(self, client):
        """The same statuses."""
        for model, status in (("loading", 503), ("broken", 500)):
            answer = client.post(f"/v2/models/{model}/infer", json=image(shape=[2], data=[TEXT, TEXT]))
            assert (answer.status_code, "Picture" in answer.text) == (status, False)

    @pytest.mark.parametrize("bad", ["%%%", base64.b64encode(b"GIF no").decode(), ""])
    def test_bad_picture_is_named(self, client, bad):
        """By its place, counted from 0, whether it is no base64 or no picture."""
        answer = client.post(INFER, json=image(shape=[3], data=[TEXT, TEXT, bad]))

        assert answer.status_code == 400
        assert answer.json()["error"].startswith("Picture 2: ")
        assert client.post(INFER, json=image(data=[bad])).json()["error"].startswith("Picture 0: ")

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"inputs": None},
            {"inputs": []},
            {"inputs": {}},
            {"inputs": ["image"]},
            {"inputs": [None]},
            {"inputs": image()["inputs"] * 2},
            image(name="picture"),
            image(name=None),
            image(name=7),
            image(datatype="STRING"),
            image(datatype=None),
            image(shape=None),
            image(shape=[]),
            image(shape=[0], data=[]),
            image(shape=[2]),
            image(shape=[-1]),
            image(shape=[1, 2]),
            image(shape=[2, 1]),
            image(shape=[1, 1, 1]),
            image(shape=[1 << 62]),
            image(shape=[MAX_PICTURES + 1], data=[TEXT] * (MAX_PICTURES + 1)),
            image(data=None),
            image(data=TEXT),
            image(data=[7]),
            image(data=[None]),
            image(data=[[[[[[[[[[TEXT]]]]]]]]]]),
            image(parameters=7),
            image(parameters={"binary_data_size": 4}),
            image(parameters={"binary_data_size": -1}),
            image(parameters={"binary_data_size": True}, data=None),
            image(parameters={"binary_data_size": "0"}, data=None),
            image(parameters={"binary_data_size": 0}),
            {**image(), "id": 7},
            {**image(), "id": ""},
            {**image(), "id": "\ud800"},
            {**image(), "parameters": []},
            {**image(), "parameters": {"top_k": 0}},
            {**image(), "parameters": {"top_k": True}},
            {**image(), "parameters": {"threshold": 2}},
            {**image(), "parameters": {"nonsense": 1}},
            {**image(), "parameters": {"binary_data_output": "yes"}},
            {**image(), "parameters": {"candidate_labels": 7}},
            {**image(), "outputs": {}},
            {**image(), "outputs": [7]},
            {**image(), "outputs": [{"name": "box"}]},
            {**image(), "outputs": [{"name": ["label"]}]},
            {**image(), "outputs": [{"name": "label"}, {"name": "label"}]},
            {**image(), "outputs": [{"name": "label", "parameters": {"classification": 2}}]},
            {**image(), "outputs": [{"name": "score", "parameters": {"classification": 101}}]},
            {**image(), "outputs": [{"name": "score", "parameters": {"classification": True}}]},
            {**image(), "outputs": [{"name": "score", "parameters": {"classification": 1.5}}]},
            {**image(), "outputs": [{"name": "score", "parameters": {"binary_data": 1}}]},
        ],
    )
    def test_nonsense_is_400(self, client, platform, document):
        """Wrong shapes, names, types and sizes: one text, and no model is asked."""
        answer = client.post(INFER, content=json.dumps(document))

        assert (answer.status_code, list(answer.json())) == (400, ["error"])
        assert platform.predictor.calls == []

    @pytest.mark.parametrize(
        ("document", "data"),
        [
            (image(), b"more"),
            (image(data=None, parameters={"binary_data_size": 5}), framed(b"")),
            (image(data=None, parameters={"binary_data_size": 4}), b"\xff\xff\xff\xff"),
            (image(data=None, parameters={"binary_data_size": 3}), b"\0\0\0"),
            (image(data=None, parameters={"binary_data_size": 8}), framed(b"", b"")),
            (image(shape=[2], data=None, parameters={"binary_data_size": 4}), framed(b"")),
            (image(data=None, parameters={"binary_data_size": 4_000_000}), bytes(4_000_000)),
        ],
    )
    def test_sizes_that_lie_are_400(self, client, platform, document, data):
        """Too many bytes, too few, lengths that overrun, a million empty elements."""
        answer = binary(client, document, data)

        assert (answer.status_code, list(answer.json())) == (400, ["error"])
        assert platform.predictor.calls == []

    @pytest.mark.parametrize("length", ["-1", "1e3", "9" * 30, "99999", "٣", "", "5, 5"])
    def test_header_length_that_lies_is_400(self, client, length):
        """No number, or one beyond the body."""
        answer = client.post(INFER, content=json.dumps(image()), headers={LENGTH: length.encode()})

        assert (answer.status_code, list(answer.json())) == (400, ["error"])

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 90_000, b'{"inputs": 1, "inputs": 2}', b"NaN"])
    def test_body_that_is_no_object_is_400(self, client, body):
        """Empty, cut short, of another kind, nested without end."""
        assert client.post(INFER, content=body).status_code == 400

    def test_body_of_another_kind_is_415(self, client):
        """A form, text, and what is compressed."""
        assert client.post(INFER, files={"file": PICTURE}).status_code == 415
        assert client.post(INFER, content="{}", headers={"Content-Type": "text/plain"}).status_code == 415
        assert client.post(INFER, content="{}", headers={"Content-Encoding": "gzip"}).status_code == 415

    def test_too_much_is_413(self, make_client):
        """By what the server takes of any body."""
        with make_client(server_max_body_bytes=1000) as client:
            answer = client.post(INFER, json=image(data=["A" * 2000]))

        assert (answer.status_code, list(answer.json())) == (413, ["error"])

    @pytest.mark.parametrize(
        "document",
        [
            image(datatype="FP32", shape=[1, 3, 8, 8], data=[0.5] * 192),
            image(name="input", datatype="UINT8", shape=[1, 8, 8, 3], data=[0] * 192),
            image(parameters={"shared_memory_region": "a"}),
            {**image(), "outputs": [{"name": "label", "parameters": {"shared_memory_region": "a"}}]},
        ],
    )
    def test_what_is_not_offered_is_501(self, client, document):
        """Prepared tensors and shared memory are named as what they are."""
        assert client.post(INFER, json=document).status_code == 501

    def test_unknown_paths_speak_the_dialect(self, client):
        """Also what no route answers."""
        for answer in (client.get("/v2/nothing"), client.get(INFER), client.post("/v2/models/animals/infer/more")):
            assert list(answer.json()) == ["error"]


class TestDoor:
    """Who may come in, on a server that asks."""

    @pytest.fixture
    def guarded(self, make_platform):
        return make_platform(access_mode="required")

    @pytest.fixture
    def client(self, guarded):
        with client_of(guarded) as client:
            yield client

    def headers(self, guarded, *roles):
        return {"Authorization": f"Bearer {issue(guarded.settings.home, 'ann', frozenset(roles), 600)}"}

    def test_nobody_learns_only_that_the_server_lives(self, client):
        """Health and the server's name are for all; models are not."""
        assert client.get("/v2/health/ready").status_code == client.get("/v2").status_code == 200
        for answer in (client.get("/v2/models"), client.post(INFER, json=image()), client.get("/v2/models/animals")):
            assert (answer.status_code, list(answer.json())) == (401, ["error"])

    def test_roles_count(self, guarded, client):
        """Who may predict may not load."""
        headers = self.headers(guarded, Role.INVESTIGATOR)

        assert client.post(INFER, json=image(), headers=headers).status_code == 200
        refused = client.post("/v2/repository/models/animals/load", headers=headers)
        assert (refused.status_code, list(refused.json())) == (403, ["error"])
        researcher = self.headers(guarded, Role.RESEARCHER)
        assert client.post("/v2/repository/models/animals/load", headers=researcher).status_code == 200

    def test_key_for_one_model_opens_no_other(self, guarded, client):
        """With a version in the path, in the name, or without."""
        made = client.post(
            "/v1/keys", json={"scopes": ["predict:circles"]}, headers=self.headers(guarded, Role.INVESTIGATOR)
        )
        key = {"X-API-Key": made.json()["key"]}

        assert client.post("/v2/models/circles/versions/1/infer", json=image(), headers=key).status_code == 200
        for path in ("animals", "animals@1", "animals/versions/1"):
            assert client.post(f"/v2/models/{path}/infer", json=image(), headers=key).status_code == 403
        assert client.post("/v1/models/animals:predict", json={"instances": [TEXT]}, headers=key).status_code == 403

    def test_rates_count(self, make_platform):
        """429 says when to come again, in the dialect."""
        platform = make_platform(rate_routes="POST /v2/models/{model}/infer=1/hour", access_mode="required")
        headers = self.headers(platform, Role.INVESTIGATOR)
        with client_of(platform) as client:
            assert client.post(INFER, json=image(), headers=headers).status_code == 200
            refused = client.post(INFER, json=image(), headers=headers)

        assert (refused.status_code, list(refused.json())) == (429, ["error"])
        assert refused.headers["retry-after"]
