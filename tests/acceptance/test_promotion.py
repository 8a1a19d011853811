"""Promotion between real servers: two processes on one database, two versions of one model that answer differently."""

import json
import time

import httpx2
import pytest
from PIL import Image

PLUGIN = """
class Fixed:
    task = "image-classification"
    labels = ("dark", "bright")

    def load(self):
        pass

    def predict(self, images):
        return [[{{"label": {answer}, "score": 1.0}}] for image in images]
"""
#: The first calls everything dark, the second looks.
ANSWERS = {"1": '"dark"', "2": '"bright" if image.mean() > 128 else "dark"'}
#: How soon a promotion is observed by every server on the database.
OBSERVED_S = 5.0


@pytest.fixture
def place(tmp_path):
    """Return settings of servers and commands that share models and a database."""
    for version, answer in ANSWERS.items():
        folder = tmp_path / "models" / f"fixed@{version}"
        folder.mkdir(parents=True)
        (folder / "fixed.py").write_text(PLUGIN.format(answer=answer))
        (folder / "saccade.yaml").write_text("engine: python\nentry: fixed.py:Fixed\n")
    return {
        "SACCADE_MODELS": str(tmp_path / "models"),
        "SACCADE_DATABASE_URL": f"sqlite:///{tmp_path}/shared.db",
        "SACCADE_HOME": str(tmp_path / "shared-home"),
    }


@pytest.fixture
def bright(tmp_path):
    """Return a picture that the two versions answer differently."""
    path = tmp_path / "bright.png"
    Image.new("L", (16, 16), 250).save(path)
    return path.read_bytes()


def ask(server, picture, model="fixed"):
    """Return which version answered, and what."""
    answer = httpx2.post(f"{server.url}/v1/models/{model}/predict", content=picture, timeout=30)
    said = answer.json()
    return (said["model"], said["predictions"][0]["label"]) if answer.status_code == 200 else said["code"]


def change(server, path, **body):
    """Move the alias, and return the answer's status and text."""
    answer = httpx2.post(f"{server.url}/v1/models/fixed/aliases/{path}", json=body or None, timeout=30)
    return answer.status_code, answer.json()


def wait_until_answered(server, picture, expected):
    """Ask until the answer is what is expected, a little longer than is allowed; return after how many seconds."""
    begun_s = time.monotonic()
    while (said := ask(server, picture)) != expected and time.monotonic() - begun_s < OBSERVED_S + 1:
        time.sleep(0.1)
    assert said == expected
    return time.monotonic() - begun_s


def test_promotion_through_one_server_is_answered_by_the_other_and_outlives_a_restart(start_server, place, bright):
    """Within five seconds all servers answer with the version in service; so do those started later, and back again."""
    first, second = start_server(settings=place), start_server(settings=place)
    for server in (first, second):
        assert ask(server, bright) == ("fixed@2", "bright")

    assert change(first, "prod", version="1")[0] == 200
    assert ask(first, bright) == ("fixed@1", "dark")
    assert wait_until_answered(second, bright, ("fixed@1", "dark")) < OBSERVED_S
    assert change(second, "prod", version="2")[1]["replaced"] == "fixed@1"
    assert wait_until_answered(first, bright, ("fixed@2", "bright")) < OBSERVED_S
    assert change(second, "candidate", version="1")[0] == 200
    assert ask(second, bright, "fixed@candidate") == ("fixed@1", "dark")

    status, made = change(second, "prod/rollback")
    assert (status, made["kind"], made["model"], made["replaced"]) == (200, "rollback", "fixed@1", "fixed@2")
    assert ask(second, bright) == ("fixed@1", "dark")
    assert wait_until_answered(first, bright, ("fixed@1", "dark")) < OBSERVED_S
    assert (change(first, "prod/rollback")[0], ask(first, bright, "fixed@2")) == (409, ("fixed@2", "bright"))

    first.stop()
    second.stop()
    third = start_server(settings=place)
    assert ask(third, bright) == ("fixed@1", "dark")
    assert ask(third, bright, "fixed@candidate") == ("fixed@1", "dark")
    history = httpx2.get(f"{third.url}/v1/models/fixed/aliases").json()["history"]
    assert [(each["alias"], each["kind"], each["model"]) for each in history] == [
        ("prod", "rollback", "fixed@1"),
        ("candidate", "promote", "fixed@1"),
        ("prod", "promote", "fixed@2"),
        ("prod", "promote", "fixed@1"),
    ]


def draw_truth(folder):
    """Draw two pictures of each label."""
    for label, grey in (("dark", 10), ("bright", 250)):
        (folder / "truth" / label).mkdir(parents=True)
        for number in range(2):
            Image.new("L", (16, 16), grey + number).save(folder / "truth" / label / f"{number}.png")


def test_command_promotes_only_what_its_evaluation_lets_through(saccade, place, tmp_path):
    """Refused with the figures and exit code 1, nothing changed; accepted once the files are better and evaluated."""
    draw_truth(tmp_path)
    weak, strong = (f"fixed@{version}" for version in ANSWERS)

    def command(*words):
        return saccade("models", *words, settings=place)

    unseen = command("promote", strong, "--if", "top1 >= 0.9")
    assert (unseen.returncode, "No evaluation of the files of fixed@2 is on record" in unseen.stderr) == (1, True)
    output = str(tmp_path / "report")
    ended = saccade("evaluate", weak, strong, "--labels", "truth", "--output", output, settings=place)
    assert ended.returncode == 0, ended.stderr

    refused = command("promote", weak, "--if", "top1 >= 0.9")
    assert refused.returncode == 1
    assert "fixed@1 is not promoted: top1 is 0.5, asked >= 0.9 (on 4 images of truth" in " ".join(
        refused.stderr.split()
    )
    assert json.loads(command("aliases", "fixed", "--json").stdout) == {"name": "fixed", "aliases": [], "history": []}

    accepted = command("promote", strong, "--if", "top1 >= 0.9", "--dataset", "truth", "--json")
    assert accepted.returncode == 0, accepted.stderr
    made = json.loads(accepted.stdout)
    assert (made["model"], made["condition"], made["figures"]) == (strong, "top1 >= 0.9", {"top1": 1.0})
    assert command("promote", weak, "--if", "top1 >= prod - 0.25").returncode == 1
    assert command("promote", weak, "--if", "top1 >= prod - 0.5").returncode == 0
    assert command("promote", weak, "--if", "import os").returncode == 2
    assert "prod of fixed means fixed@2, before fixed@1" in command("rollback", "fixed").stdout

    (tmp_path / "models" / strong / "fixed.py").write_text(PLUGIN.format(answer='"bright"'))
    changed = command("promote", strong, "--if", "top1 >= 0.9")
    assert (changed.returncode, "No evaluation" in changed.stderr) == (1, True)


def test_command_says_what_there_is_where_nothing_is_done(saccade, place, start_server, tmp_path):
    """Figures that there are, nothing in service, nothing changed: each is told, with hints that can be typed as is."""
    draw_truth(tmp_path)
    ended = saccade("evaluate", "fixed@2", "--labels", "truth", "--output", "report", settings=place)
    assert ended.returncode == 0, ended.stderr
    server = start_server(settings=place)

    def command(*words):
        ended = saccade("models", *words, settings=place)
        return ended.returncode, " ".join((ended.stdout + ended.stderr).split())

    for at in ([], ["--base-url", server.url]):
        code, told = command("promote", "fixed@2", "--if", "top1 >= prod and f1 > 0", *at)
        assert code == 1
        assert "top1 is 1, and nothing is in service, so there is no figure to compare with" in told
        assert "f1 is not among the evaluation's figures: top1, top5, macro_f1" in told
        assert "saccade models aliases fixed shows what there is" in command("rollback", "fixed", *at)[1]
    assert command("promote", "fixed@2", "--dataset", "truth", "--if", "top1 >= 0.9")[0] == 0
    for at in ([], ["--base-url", server.url]):
        told = command("promote", "fixed@2", "--if", "top1 >= 0.8", *at)
        assert told == (0, "prod of fixed means fixed@2 already. Nothing changed.")
        assert "saccade models aliases fixed shows the history" in command("rollback", "fixed", *at)[1]
