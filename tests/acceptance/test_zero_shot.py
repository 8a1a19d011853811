"""Finding by words at a real server: over HTTP, as a job, by Hugging Face's client, and from the command line."""

import base64
import json
import shutil

import httpx2
import pytest
import yaml

from zero_shot.golden import FOLDER, found, golden, png

pytest.importorskip("tokenizers")

LABELS = ["coin", "a photo of a cat"]
ROW = next(row for row in golden("answers") if row["labels"] == LABELS)
PICTURE = png(*ROW["picture"])
PREDICT = "/v1/models/words/predict"
#: As transformers says it; the order is that of the scores.
EXPECTED = [thing.label for thing in found(ROW, "0.9")]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Make a folder with the tiny package twice: bare, and with labels of its own."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(FOLDER, folder / "words")
    shutil.copytree(FOLDER, folder / "coins")
    (folder / "coins" / "saccade.yaml").write_text(yaml.safe_dump({"labels": LABELS}))
    return folder


@pytest.fixture(scope="module")
def base(models, tmp_path_factory, run_server):
    """Yield the address of a server with both."""
    with run_server(tmp_path_factory.mktemp("server"), "--models", str(models)) as started:
        yield started.url


@pytest.fixture
def client(base):
    with httpx2.Client(base_url=base, timeout=20) as client:
        yield client


def labels_of(answer):
    return [entry["label"] for entry in answer["predictions"]]


def test_words_are_taken_in_every_envelope(client):
    """Query, form and JSON say the same, and the answer is transformers'."""
    asked = {"threshold": 0.9, "candidate_labels": LABELS}

    query = client.post(PREDICT, params=asked, content=PICTURE).json()
    form = client.post(PREDICT, data={**asked, "threshold": "0.9"}, files={"file": ("a.png", PICTURE)}).json()
    text = client.post(PREDICT, json={**asked, "image_base64": base64.b64encode(PICTURE).decode()}).json()
    own = client.post("/v1/models/coins/predict", params={"threshold": 0.9}, content=PICTURE).json()

    assert query["task"] == "zero-shot-object-detection"
    assert EXPECTED == labels_of(query)
    assert query["predictions"] == form["predictions"] == text["predictions"] == own["predictions"]


def test_request_without_words_is_told_which_parameter_is_missing(client):
    """Nothing to look for is the caller's to mend, on every way in."""
    plain = client.post(PREDICT, content=PICTURE)
    hugging = client.post("/hf/words", content=PICTURE)
    pairs = client.post("/v1/predict", files=[("images", ("a.png", PICTURE))], data={"models": ["words", "coins"]})

    assert (plain.status_code, plain.json()["code"]) == (422, "parameter_invalid")
    assert "candidate_labels" in json.dumps(plain.json()["errors"])
    assert (hugging.status_code, "candidate_labels" in hugging.json()["error"]) == (422, True)
    codes = [result.get("problem", {}).get("code") for result in pairs.json()["results"]]
    assert codes == ["parameter_invalid", None]


def test_job_looks_for_the_words_it_was_given(client):
    """What a request may ask, a job may ask."""
    form = {"models": ["words"], "candidate_labels": LABELS, "threshold": "0.9"}
    job = client.post("/v1/jobs", data=form, files=[("images", ("a.png", PICTURE))]).json()

    ended = client.get(f"/v1/jobs/{job['id']}", params={"wait": 30}).json()
    [line] = client.get(f"/v1/jobs/{job['id']}/results", params={"format": "jsonl"}).text.splitlines()

    assert (ended["state"], ended["options"]["candidate_labels"]) == ("succeeded", LABELS)
    assert EXPECTED == labels_of(json.loads(line)["prediction"])


def test_other_protocols_carry_the_words(client):
    """The Open Inference Protocol and KServe's first one take them among their parameters, and answer with places."""
    text = base64.b64encode(PICTURE).decode()
    image = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [text]}
    parameters = {"threshold": 0.9, "candidate_labels": ", ".join(LABELS)}

    oip = client.post("/v2/models/words/infer", json={"inputs": [image], "parameters": parameters}).json()
    asked = {"instances": [{"image": {"b64": text}}], "parameters": {**parameters, "candidate_labels": LABELS}}
    kserve = client.post("/v1/models/words:predict", json=asked).json()

    outputs = {output["name"]: output for output in oip["outputs"]}
    assert outputs["label"]["data"] == EXPECTED
    assert outputs["box"]["shape"] == [1, len(EXPECTED), 4]
    assert len(kserve["predictions"]) == len(EXPECTED)


def test_huggingface_client_finds_by_words(base):
    """Its client sends the words unmodified, and its own types for this task read the answer."""
    from huggingface_hub import (
        InferenceClient,
        ZeroShotObjectDetectionInput,
        ZeroShotObjectDetectionOutputElement,
        ZeroShotObjectDetectionParameters,
    )

    parameters = ZeroShotObjectDetectionParameters(candidate_labels=LABELS)
    asked = ZeroShotObjectDetectionInput(inputs=base64.b64encode(PICTURE).decode(), parameters=parameters)
    answer = httpx2.post(f"{base}/hf/words", json={**asked, "parameters": dict(parameters)}, timeout=20)
    elements = ZeroShotObjectDetectionOutputElement.parse_obj_as_list(answer.content)
    sent = InferenceClient().zero_shot_image_classification(PICTURE, LABELS, model=f"{base}/hf/words")

    theirs = found(ROW, "0.1")
    assert [thing.label for thing in theirs] == [element.label for element in elements]
    assert [(element.label, element.score) for element in elements] == [(each.label, each.score) for each in sent]
    whole = [round(max(edge, 0)) for edge in theirs[0].box]
    box = elements[0].box
    assert [box.xmin, box.ymin, box.xmax, box.ymax] == [min(whole[0], 80), min(whole[1], 48), *_inside(whole)]


def _inside(whole):
    return min(whole[2], ROW["picture"][1]), min(whole[3], ROW["picture"][0])


def test_command_line_finds_by_words_here_and_there(saccade, models, base, tmp_path):
    """Words between commas or given again mean the same; a server is asked with them too, also by jobs."""
    (tmp_path / "a.png").write_bytes(PICTURE)
    asked = ("words", "a.png", "--json", "--threshold", "0.9")

    here = saccade("predict", *asked, "--models", str(models), "--candidate-labels", ",".join(LABELS))
    again = [word for label in LABELS for word in ("--candidate-labels", label)]
    there = saccade("predict", *asked, "--base-url", base, *again)
    jobs = saccade("jobs", "submit", *asked[:2], *asked[3:], *again, "--base-url", base)

    assert (here.returncode, there.returncode, jobs.returncode) == (0, 0, 0), jobs.stderr
    results = (tmp_path / "results.jsonl").read_text()
    for text in (here.stdout, there.stdout, results):
        assert EXPECTED == labels_of(json.loads(text)["prediction"])
