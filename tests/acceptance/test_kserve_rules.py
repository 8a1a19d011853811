"""KServe's rules for the container of a custom predictor, kept by the very manifest that the page on protocols shows.

There is no cluster: the test does to the manifest what KServe, Knative and Kubernetes do to it, and starts the process.
"""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
import yaml

from working.apart import ROOT, Apart, free_port, program
from working.processes import eventually, outside
from working.slow import slow_plug_in

PAGE = ROOT / "docs" / "how-to" / "speak-oip.md"
COINS = ROOT / "samples" / "circles" / "coins.jpg"
WASHERS = ROOT / "samples" / "circles" / "washers.jpg"
CIRCLES = ROOT / "src" / "saccade" / "models" / "embedded" / "circles"
FIRST_PROCESS = ["unshare", "--pid", "--fork", "--kill-child"]
GRACE_S = 30
#: What Kubernetes tells of a service named ``saccade-server`` in the same namespace, unless links are switched off.
LINKS = {"SACCADE_SERVER_SERVICE_HOST": "10.96.0.7", "SACCADE_SERVER_PORT": "tcp://10.96.0.7:80"}


def manifest():
    """Return the InferenceService that the page shows."""
    found = re.search(r"^```\n(apiVersion: serving.kserve.io.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return yaml.safe_load(found[1])


class Pod:
    """The container's process, with folders of the test's own in place of the volumes."""

    def __init__(self, folder, *, as_first_process=False, **settings):
        predictor = manifest()["spec"]["predictor"]
        (container,) = predictor["containers"]
        port = free_port()
        self.models, self.home, self.url = folder / "models", folder / "home", f"http://127.0.0.1:{port}"
        volumes = {"/mnt/models": str(self.models), container["volumeMounts"][0]["mountPath"]: str(self.home)}
        said = {entry["name"]: volumes.get(entry["value"], entry["value"]) for entry in container["env"]}
        said["STORAGE_URI"] = "/mnt/models"  # KServe puts the place of the models there
        knative = {"PORT": "8080", "K_SERVICE": "circles", "K_CONFIGURATION": "circles", "K_REVISION": "circles-00001"}
        kubernetes = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_PORT": "tcp://10.96.0.1:443"}
        links = LINKS if predictor.get("enableServiceLinks", True) else {}
        self.environment = {**knative, **kubernetes, **links, **said, **settings}
        self.probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("readiness", "liveness")}
        assert {port["containerPort"] for port in container["ports"]} == {8080}
        words = [str(port) if word == "8080" else word for word in container["command"]]
        words[0] = str(Path(sys.executable).parent / words[0])
        self.home.mkdir(exist_ok=True)
        self.process = Apart(
            [*(FIRST_PROCESS if as_first_process else []), *words], folder / "pod.log", folder, **self.environment
        )

    def run(self, *words):
        """Run a command in the container, as ``kubectl exec`` does, and return what it prints."""
        command = [sys.executable, "-m", "saccade.cli.main", *words]
        environment = {**outside(), "HOME": str(self.home), **self.environment}
        done = subprocess.run(command, env=environment, input="a long pass phrase\n", capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def ask(self, path, body=None, key=None):
        """Return status and JSON of an answer; (0, {}) where nobody answers."""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def await_ready(self):
        """Wait as Kubernetes waits: for the probe, and for nothing else; fail where the process has ended."""

        def is_settled():
            return self.process.process.poll() is not None or self.ask(self.probes["readiness"])[0] == 200

        eventually(is_settled, "the container is ready")
        assert self.process.process.poll() is None, self.process.log.read_text()


@pytest.fixture
def start_pod(tmp_path):
    """Return a function that starts the container; all are killed at the end."""
    with contextlib.ExitStack() as stack:

        def start(**options):
            pod = Pod(tmp_path, **options)
            stack.callback(pod.process.kill)
            return pod

        yield start


@pytest.fixture
def models(tmp_path):
    """Return the folder that the storage initializer has filled: one package of a name that is not shipped."""
    folder = tmp_path / "models"
    shutil.copytree(CIRCLES, folder / "rounds")
    said = (folder / "rounds" / "saccade.yaml").read_text()
    (folder / "rounds" / "saccade.yaml").write_text(said.replace("name: circles\n", ""))
    return folder


def state_of(folder):
    """Return every path below a folder with what tells that it was written to."""
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def encoded(picture):
    return base64.b64encode(picture.read_bytes()).decode()


def key_of(pod):
    """Return a key to the container, made in it."""
    pod.run("users", "create", "ada", "--role", "investigator", "--password-stdin")
    return pod.run("keys", "create", "ada", "--scope", "predict:*")


def test_what_lies_at_the_mount_is_served_by_both_protocols_to_those_with_a_key(start_pod, models):
    """Ready means that the mounted model answers; probes need no key, predictions do; the mount is only read."""
    before = state_of(models)
    pod = start_pod()
    pod.await_ready()
    key = key_of(pod)
    body = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [encoded(COINS)]}]}

    assert pod.ask(pod.probes["liveness"])[0] == 200
    assert pod.ask("/v2/models/rounds/infer", body)[0] == 401
    assert pod.ask("/v2/models/rounds/ready", key=key) == (200, {"name": "rounds", "ready": True})
    assert pod.ask("/v1/models/rounds", key=key)[1]["ready"] is True
    status, second = pod.ask("/v2/models/rounds/infer", body, key)
    count = {output["name"]: output["data"] for output in second["outputs"]}["count"][0]
    first = pod.ask("/v1/models/rounds:predict", {"instances": [{"image": {"b64": encoded(COINS)}}]}, key)[1]
    assert (status, second["model_name"]) == (200, "rounds")
    assert len(first["predictions"]) == count > 0
    assert state_of(models) == before


def test_the_client_of_kserve_asks_it_unmodified(start_pod, models):
    """Live, ready, the model ready, and two pictures in both protocols, the second with tensors as they are."""
    python = program(".venv-kserve", "python")
    pod = start_pod()
    pod.await_ready()
    script = str(ROOT / "tests" / "working" / "kserve_client.py")
    command = [python, script, pod.url, "rounds", key_of(pod), str(COINS), str(WASHERS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    counts = [len(found) for found in said["v1"]["predictions"]]

    assert (said["live"], said["ready"], said["model ready"]) == (True, True, [True, True])
    assert said["v2"]["count"] == counts
    assert min(counts) > 0


def test_it_stops_when_it_is_told_to_and_ends_what_it_began(start_pod, models):
    """SIGTERM to the first process of a container: the request under way is answered, then the process is gone."""
    (models / "slow.py").write_text(slow_plug_in(6.0))
    first = subprocess.run([*FIRST_PROCESS, "true"], stderr=subprocess.DEVNULL).returncode == 0
    anyone = {"SACCADE_ACCESS_MODE": "open", "SACCADE_SERVER_ALLOW_ANYONE": "true"}  # as the page says of a mesh
    pod = start_pod(as_first_process=first, **anyone, SACCADE_ACCESS_METRICS_FOR_ALL="true")
    pod.await_ready()
    answers = []
    body = {"instances": [{"image": {"b64": encoded(COINS)}}]}
    client = threading.Thread(target=lambda: answers.append(pod.ask("/v1/models/slow:predict", body)))
    client.start()

    def under_way():
        with urllib.request.urlopen(f"{pod.url}/metrics", timeout=20) as answer:
            return b"http_server_active_requests 2.0" in answer.read()

    eventually(lambda: answers or under_way(), "the request is under way")
    assert answers == [], "it was still under way"
    outer = psutil.Process(pod.process.process.pid)
    inner = outer.children()[0] if first else outer
    inner.terminate()
    code = pod.process.process.wait(GRACE_S)
    client.join(GRACE_S)

    assert [(status, found["predictions"][0][0]["label"]) for status, found in answers] == [(200, "nothing")]
    assert code == (0 if first else -15)


def test_links_to_services_would_stop_it_which_is_why_the_manifest_wants_none(start_pod, models):
    """Kubernetes' variables of a service named ``saccade-server`` are no settings; Saccade says so and goes."""
    pod = start_pod(**LINKS)

    assert pod.process.process.wait(GRACE_S) != 0
    assert "SACCADE_SERVER_" in pod.process.log.read_text()
