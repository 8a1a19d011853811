"""The Open Inference Protocol over gRPC, as the unmodified ``tritonclient.grpc`` speaks it, against a real server."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import numpy as np
import pytest

from acceptance.test_oip_http import FINDER, NONE, ONE, SHADES, TWO, png

triton = pytest.importorskip("tritonclient.grpc", reason="not here: tritonclient")
grpc = pytest.importorskip("grpc", reason="not here: grpcio")

SLOW = '''
import time


class Slow:
    """Takes a second for a picture."""

    task = "image-classification"
    labels = ("late",)
    version = "1"

    def load(self):
        pass

    def predict(self, images):
        if images[0].shape[0] == 64:  # not the picture by which it is tried when it is loaded
            time.sleep(1.0)
        return [[{"label": "late", "score": 1.0}] for _ in images]
'''


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, source in {"finder": FINDER, "shades": SHADES, "slow": SLOW}.items():
        (folder / f"{name}.py").write_text(source)
    return folder


@pytest.fixture(scope="module")
def served(models, tmp_path_factory, run_server):
    """Yield the address for gRPC, and the server."""
    port = free_port()
    home = tmp_path_factory.mktemp("server")
    settings = {
        "SACCADE_GRPC_PORT": str(port),
        "SACCADE_CACHE_BYTES": "0",
        "SACCADE_IMAGE_MAX_BYTES": "200000",
        "SACCADE_SERVER_MAX_BODY_BYTES": "1000000",
    }
    with run_server(home, "--models", str(models), settings=settings) as started:
        yield f"127.0.0.1:{port}", started


@pytest.fixture
def client(served):
    with triton.InferenceServerClient(served[0]) as client:
        yield client


@pytest.fixture
def channel(served):
    with grpc.insecure_channel(served[0], options=[("grpc.max_send_message_length", -1)]) as channel:
        yield channel


def pictures(*encoded, shape=None):
    wanted = triton.InferInput("image", shape or [len(encoded)], "BYTES")
    wanted.set_data_from_numpy(np.array(encoded, dtype=np.object_).reshape(shape or [-1]))
    return [wanted]


def ask(channel, method, message, answer):
    """Make one call with a message of the client's own kinds."""
    path = f"/inference.GRPCInferenceService/{method}"
    call = channel.unary_unary(path, lambda sent: sent.SerializeToString(), answer.FromString)
    return call(message, timeout=20)


def test_server_and_models_tell_of_themselves(client):
    """Alive, ready, who it is, what each model takes and gives."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("finder")
    assert client.is_model_ready("finder", "1")
    assert "binary_tensor_data" in client.get_server_metadata().extensions
    metadata = client.get_model_metadata("finder")
    assert (metadata.name, list(metadata.versions), metadata.platform) == ("finder", ["1"], "python")
    shapes = {output.name: list(output.shape) for output in metadata.outputs}
    assert shapes["box"] == [-1, -1, 4]
    index = {entry.name: entry.state for entry in client.get_model_repository_index().models}
    assert index["finder"] == "READY"


def test_classifier_answers_in_tensors(client):
    """Labels, scores and ids, the client's id, and only what was asked for."""
    wanted = [triton.InferRequestedOutput("label"), triton.InferRequestedOutput("class_id")]

    result = client.infer("shades", pictures(NONE, png(grey=20)), outputs=wanted, request_id="7")

    answer = result.get_response()
    assert (answer.model_name, answer.model_version, answer.id) == ("shades", "3", "7")
    assert [output.name for output in answer.outputs] == ["label", "class_id"]
    assert result.as_numpy("label")[:, 1].tolist() == [b"bright", b"dark"]
    assert result.as_numpy("class_id")[:, 1].tolist() == [2, 0]


def test_detector_answers_in_padded_tensors(client):
    """As over HTTP."""
    result = client.infer("finder", pictures(ONE, NONE, TWO, shape=[3, 1]), parameters={"threshold": "0.5"})

    assert result.as_numpy("count").tolist() == [1, 0, 2]
    assert result.as_numpy("box")[2, 1].tolist() == [40.25, 40.25, 56.25, 56.25]
    assert len(json.loads(result.as_numpy("prediction")[2])["predictions"]) == 2


def test_classification_extension_answers_texts(client):
    """``value:index:label``."""
    wanted = [triton.InferRequestedOutput("score", class_count=1)]

    result = client.infer("shades", pictures(ONE), outputs=wanted)

    assert result.as_numpy("score")[0, 0].endswith(b":1:grey")


def test_typed_contents_are_answered_in_typed_contents(channel):
    """A client that does not know the raw layout gets none."""
    kinds = triton.service_pb2
    message = kinds.ModelInferRequest(model_name="finder")
    given = message.inputs.add(name="image", datatype="BYTES", shape=[1])
    given.contents.bytes_contents.append(TWO)

    answer = ask(channel, "ModelInfer", message, kinds.ModelInferResponse)

    outputs = {output.name: output.contents for output in answer.outputs}
    assert list(outputs["count"].int64_contents) == [2]
    assert list(outputs["label"].bytes_contents) == [b"square", b"square"]
    assert list(outputs["box"].fp32_contents)[:4] == [8.25, 16.25, 24.25, 32.25]
    assert list(answer.raw_output_contents) == []


def test_models_are_unloaded_and_loaded(client):
    """Unloaded it is not ready, and a call is UNAVAILABLE."""
    client.unload_model("shades")
    try:
        assert not client.is_model_ready("shades")
        with pytest.raises(triton.InferenceServerException, match="unloaded") as caught:
            client.infer("shades", pictures(ONE))
        assert caught.value.status() == "StatusCode.UNAVAILABLE"
    finally:
        client.load_model("shades")

    assert client.is_model_ready("shades")


def refusal(client, *arguments, **more):
    with pytest.raises(triton.InferenceServerException) as caught:
        client.infer(*arguments, **more)
    return caught.value.status().removeprefix("StatusCode."), caught.value.message()


def test_refusals_have_the_codes_of_grpc(client):
    """Unknown, wrong, bad picture by its place, not offered, too large."""
    numbers = triton.InferInput("image", [1, 3, 8, 8], "FP32")
    numbers.set_data_from_numpy(np.zeros((1, 3, 8, 8), np.float32))
    unknown = [triton.InferRequestedOutput("boxes")]

    assert refusal(client, "nobody", pictures(ONE))[0] == "NOT_FOUND"
    assert refusal(client, "finder/infer", pictures(ONE))[0] == "NOT_FOUND"
    assert refusal(client, "finder", pictures(ONE), outputs=unknown)[0] == "INVALID_ARGUMENT"
    code, text = refusal(client, "finder", pictures(ONE, b"no picture"))
    assert (code, text.startswith("Picture 1: ")) == ("INVALID_ARGUMENT", True)
    assert refusal(client, "finder", [numbers])[0] == "UNIMPLEMENTED"
    assert refusal(client, "finder", pictures(b"x" * 1_100_000))[0] == "RESOURCE_EXHAUSTED"
    assert client.is_server_live()


def test_nonsense_is_refused(channel):
    """Contents that lie, that are missing, or that stand beside nothing."""
    kinds = triton.service_pb2
    lies = kinds.ModelInferRequest(model_name="finder", raw_input_contents=[b"\xff\xff\xff\xff"])
    lies.inputs.add(name="image", datatype="BYTES", shape=[1])
    negative = kinds.ModelInferRequest(model_name="finder", raw_input_contents=[b"\0\0\0\0"])
    negative.inputs.add(name="image", datatype="BYTES", shape=[-1])
    lonely = kinds.ModelInferRequest(model_name="finder", raw_input_contents=[b"a", b"b"])
    lonely.inputs.add(name="image", datatype="BYTES", shape=[1])
    strange = kinds.ModelInferRequest(model_name="finder")
    strange.inputs.add(name="image", datatype="BYTES", shape=[1]).contents.bytes_contents.append(ONE)
    strange.parameters["threshold"].double_param = float("nan")
    empty = kinds.ModelInferRequest(model_name="finder")

    for message in (lies, negative, lonely, strange, empty):
        with pytest.raises(grpc.RpcError) as caught:
            ask(channel, "ModelInfer", message, kinds.ModelInferResponse)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_calls_that_are_given_up_are_not_run(served, client):
    """The server learns that a client does not wait any more: what has not begun is called off, others are answered."""
    address, server = served

    def impatient(number):
        with triton.InferenceServerClient(address) as own:
            return refusal(own, "slow", pictures(png(grey=number)), client_timeout=0.5)[0]

    with ThreadPoolExecutor(12) as pool:
        codes = set(pool.map(impatient, range(100, 112)))

    assert codes == {"DEADLINE_EXCEEDED"}
    assert client.infer("finder", pictures(ONE)).as_numpy("count").tolist() == [1]
    latest = time.monotonic() + 10
    while '"status_code":499' not in server.log_text() and time.monotonic() < latest:
        time.sleep(0.05)
    assert '"status_code":499' in server.log_text()


def test_many_calls_at_once_are_all_answered(served):
    """On one connection and on several."""
    address = served[0]
    local = threading.local()

    def one(number):
        if not hasattr(local, "client"):
            local.client = triton.InferenceServerClient(address)
        return local.client.infer("finder", pictures(TWO if number % 2 else ONE)).as_numpy("count")[0]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(80)))

    assert found == [1, 2] * 40


def test_health_and_reflection_are_there(channel):
    """What load balancers and tools ask."""
    health = pytest.importorskip("grpc_health.v1.health_pb2")
    reflection = pytest.importorskip("grpc_reflection.v1alpha.reflection_pb2")
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        lambda sent: sent.SerializeToString(),
        health.HealthCheckResponse.FromString,
    )
    info = channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        lambda sent: sent.SerializeToString(),
        reflection.ServerReflectionResponse.FromString,
    )

    for service in ("", "inference.GRPCInferenceService"):
        asked = health.HealthCheckRequest(service=service)
        assert check(asked, timeout=10).status == health.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        check(health.HealthCheckRequest(service="nothing"), timeout=10)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    [listed] = info(iter([reflection.ServerReflectionRequest(list_services="")]), timeout=10)
    assert "inference.GRPCInferenceService" in {service.name for service in listed.list_services_response.service}


def test_callers_are_asked_who_they_are_and_counted(start_server, saccade, models, tmp_path):
    """The same door, keys, rates and ledger as over HTTP."""
    port = free_port()
    home = tmp_path / "home"
    home.mkdir()
    settings = {
        "SACCADE_GRPC_PORT": str(port),
        "SACCADE_ACCESS_MODE": "required",
        "SACCADE_RATE_ROUTES": "POST /v2/models/{model}/infer=2/hour",
    }
    server = start_server("--models", str(models), home=home, settings=settings)
    place = {"SACCADE_HOME": str(home / "saccade")}
    token = saccade("token", "ann", "--role", "investigator", settings=place).stdout.strip()
    headers = {"authorization": f"Bearer {token}"}
    with triton.InferenceServerClient(f"127.0.0.1:{port}") as client:
        assert client.is_server_live()
        assert refusal(client, "finder", pictures(ONE))[0] == "UNAUTHENTICATED"
        assert refusal(client, "finder", pictures(ONE), headers={"x-api-key": "sk_wrong"})[0] == "UNAUTHENTICATED"
        with pytest.raises(triton.InferenceServerException) as caught:
            client.unload_model("finder", headers=headers)
        assert caught.value.status() == "StatusCode.PERMISSION_DENIED"

        for _ in range(2):
            assert client.infer("finder", pictures(ONE), headers=headers).as_numpy("count").tolist() == [1]
        assert refusal(client, "finder", pictures(ONE), headers=headers)[0] == "RESOURCE_EXHAUSTED"

    latest = time.monotonic() + 10
    usage = {}
    while usage.get("predictions", {}).get("n", 0) < 2 and time.monotonic() < latest:
        usage = httpx2.get(f"{server.url}/v1/usage", headers=headers).json()
        time.sleep(0.1)
    assert usage["predictions"]["n"] == 2
    assert usage["endpoint_counts"]["POST /v2/models/{model}/infer"] >= 3


def test_call_under_way_ends_when_the_server_stops(start_server, models):
    """SIGTERM lets it end, as it lets requests end, and the server goes at once after that."""
    port = free_port()
    server = start_server("--models", str(models), settings={"SACCADE_GRPC_PORT": str(port)})
    with triton.InferenceServerClient(f"127.0.0.1:{port}") as client, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.infer, "slow", pictures(ONE))
        time.sleep(0.4)

        begun = time.monotonic()
        code = server.stop()

        assert answer.result(timeout=10).as_numpy("label").tolist() == [[b"late"]]
    assert (code, time.monotonic() - begun < 10) == (0, True)
    assert "Traceback" not in server.log_text()


def test_port_that_is_taken_ends_the_server(tmp_path, saccade):
    """With a sentence, and not with half a server."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]

        done = saccade("serve", "--no-supervisor", "--port", "0", settings={"SACCADE_GRPC_PORT": str(port)})

    assert done.returncode != 0
    assert "gRPC" in done.stdout + done.stderr
