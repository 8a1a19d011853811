"""Aliases wherever a model is named, at a real server and in commands; and what an operator sees when one is broken."""

import base64
import json
import shutil
import time

import httpx2
import pytest
from PIL import Image

PLUGIN = """
class Fixed:
    task = "image-classification"
    labels = ("old", "new")

    def load(self):
        pass

    def predict(self, images):
        return [[{{"label": "{label}", "score": 1.0}}] for _ in images]
"""
LABELS = {"1": "old", "2": "new"}


@pytest.fixture
def place(tmp_path):
    """Return settings of servers and commands that share models and a database."""
    for version, label in LABELS.items():
        folder = tmp_path / "models" / f"fixed@{version}"
        folder.mkdir(parents=True)
        (folder / "fixed.py").write_text(PLUGIN.format(label=label))
        (folder / "saccade.yaml").write_text("engine: python\nentry: fixed.py:Fixed\n")
    return {
        "SACCADE_MODELS": str(tmp_path / "models"),
        "SACCADE_DATABASE_URL": f"sqlite:///{tmp_path}/shared.db",
        "SACCADE_HOME": str(tmp_path / "shared-home"),
    }


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "grey.png"
    Image.new("L", (16, 16), 100).save(path)
    return path


class Asking:
    """Asks a server, and returns what is JSON."""

    def __init__(self, http):
        self.http = http

    def post(self, path, **content):
        answer = self.http.post(path, **content)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def get(self, path):
        return self.http.get(path).json()

    def job(self, body):
        """Return the results of a job, once it has ended."""
        path = f"/v1/jobs/{self.post('/v1/jobs', json=body)['id']}"
        until_s = time.monotonic() + 30
        while self.get(f"{path}?wait=5")["state"] == "running" and time.monotonic() < until_s:
            pass
        return self.get(f"{path}/results")["results"]


@pytest.fixture
def asking(start_server, place):
    with httpx2.Client(base_url=start_server(settings=place).url, timeout=30) as http:
        yield Asking(http)


def promote(asking, version, alias="prod"):
    return asking.post(f"/v1/models/fixed/aliases/{alias}", json={"version": version})


def test_alias_is_understood_wherever_a_model_is_named(asking, picture):
    """In a prediction, pairs, a job, another system's dialect, its card, its load: always the same version."""
    promote(asking, "1")
    promote(asking, "2", "candidate")
    image = base64.b64encode(picture.read_bytes()).decode()
    for named, version in {"fixed": "1", "fixed@prod": "1", "fixed@candidate": "2"}.items():
        reference, label = f"fixed@{version}", LABELS[version]
        one = asking.post(f"/v1/models/{named}/predict", content=picture.read_bytes())
        pairs = asking.post("/v1/predict", json={"images": [{"base64": image}], "models": [named]})["results"]
        items = asking.job({"images": [{"base64": image}], "models": [named]})
        foreign = asking.post(f"/hf/{named}", content=picture.read_bytes())

        assert (one["model"], one["predictions"][0]["label"]) == (reference, label)
        assert [(each["prediction"]["model"], each["prediction"]["predictions"][0]["label"]) for each in pairs] == [
            (reference, label)
        ]
        assert [(each["model"], each["prediction"]["predictions"][0]["label"]) for each in items] == [
            (reference, label)
        ]
        assert foreign[0]["label"] == label
        assert asking.get(f"/v1/models/{named}")["model"] == reference
        assert asking.post(f"/v1/models/{named}/load")["model"] == reference
    told = {each["model"]: (each["default"], each["aliases"]) for each in asking.get("/v1/models")["items"]}

    assert (told["fixed@1"], told["fixed@2"]) == ((True, ["prod"]), (False, ["candidate"]))


def test_rollback_answers_though_the_version_was_unloaded(asking, picture):
    """Whoever took the old version out of memory after a promotion still has one call to go back to it."""
    promote(asking, "1")
    promote(asking, "2")
    asking.post("/v1/models/fixed@1/unload")
    assert asking.http.post("/v1/models/fixed@1/predict", content=picture.read_bytes()).status_code == 409
    asking.post("/v1/models/fixed/aliases/prod/rollback")

    said = asking.post("/v1/models/fixed/predict", content=picture.read_bytes())
    assert (said["model"], said["predictions"][0]["label"]) == ("fixed@1", "old")


def test_broken_alias_is_seen_and_rolled_back(asking, picture, tmp_path):
    """When the version in service vanishes nothing else answers; the list says why, and one call goes back."""
    promote(asking, "1")
    promote(asking, "2")
    shutil.rmtree(tmp_path / "models" / "fixed@2")
    until_s = time.monotonic() + 30
    while "fixed@2" in {each["model"] for each in asking.get("/v1/models")["items"]} and time.monotonic() < until_s:
        time.sleep(0.1)
    refused = asking.http.post("/v1/models/fixed/predict", content=picture.read_bytes())
    assert (refused.status_code, refused.json()["detail"]) == (404, "prod of fixed means fixed@2, which is not here.")
    told = asking.get("/v1/models/fixed/aliases")
    assert [(each["model"], each["problem"]) for each in told["aliases"]] == [("fixed@2", "fixed@2 is not here.")]
    assert len(told["history"]) == 2
    assert asking.get("/v1/models/fixed/evaluations") == {"evaluations": [], "next": None}
    asking.post("/v1/models/fixed/aliases/prod/rollback")

    assert asking.post("/v1/models/fixed/predict", content=picture.read_bytes())["model"] == "fixed@1"
    assert asking.get("/v1/models/fixed/aliases")["aliases"][0]["problem"] is None


def test_commands_list_what_aliases_mean(saccade, place, tmp_path):
    """List and show know aliases and the default; no database is made for that, and one that is away is no failure."""

    def told():
        listed = json.loads(saccade("models", "list", "--json", settings=place).stdout)
        return {each["model"]: (each["default"], each["aliases"]) for each in listed if each["name"] == "fixed"}

    assert told() == {"fixed@2": (True, []), "fixed@1": (False, [])}
    assert not (tmp_path / "shared.db").exists()
    assert saccade("models", "promote", "fixed@1", settings=place).returncode == 0
    assert saccade("models", "promote", "fixed@2", "--alias", "candidate", settings=place).returncode == 0
    assert told() == {"fixed@2": (False, ["candidate"]), "fixed@1": (True, ["prod"])}
    assert "fixed@2 candidate" in saccade("models", "list", settings=place).stdout
    page = saccade("models", "show", "fixed@candidate", settings=place).stdout
    assert page.splitlines()[0] == "fixed@2"
    assert "aliases  candidate" in page
    away = saccade("models", "list", settings={**place, "SACCADE_DATABASE_URL": "postgresql://127.0.0.1:1/none"})

    assert (away.returncode, "fixed@2 default" in away.stdout) == (0, True)
    assert "Shown without aliases and registered models: The database does not answer." in away.stderr


def test_aliases_of_an_unknown_model_are_no_empty_list(saccade, place):
    """Whoever mistypes a name is told."""
    ended = saccade("models", "aliases", "fixd", settings=place)

    assert (ended.returncode, "There is no model 'fixd'" in ended.stderr) == (2, True)


def test_command_tells_which_alias_answers_nobody(saccade, place, tmp_path):
    """Files that were replaced behind a promotion are seen where one looks for aliases."""
    saccade("models", "promote", "fixed@2", settings=place)
    (tmp_path / "models" / "fixed@2" / "fixed.py").write_text(PLUGIN.format(label="other"))
    ended = saccade("models", "aliases", "fixed", settings=place)

    assert ended.returncode == 0
    assert "nobody is answered: fixed@2 has other files now" in ended.stdout
