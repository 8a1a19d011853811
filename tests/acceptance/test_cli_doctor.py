"""``saccade doctor``: what it shows, and when it says that something is wrong."""

import json
import re
import socket


def report(ended):
    """Return a report's settings by name and its checks by name."""
    told = json.loads(ended.stdout)
    settings = {setting["name"]: setting for setting in told["settings"]}
    return settings, {check["check"]: check for check in told["checks"]}


def test_setting_is_shown_with_where_it_came_from(saccade):
    """The environment and the default are told apart."""
    settings, _ = report(saccade("doctor", "--json", settings={"SACCADE_BATCH_MAX_ITEMS": "3"}))

    assert settings["SACCADE_BATCH_MAX_ITEMS"] == {
        "name": "SACCADE_BATCH_MAX_ITEMS",
        "value": "3",
        "origin": "environment",
    }
    assert settings["SACCADE_SERVER_HOST"]["origin"] == "default"


def test_sound_place_is_right_in_every_point(saccade, tmp_path):
    """With nothing set and an empty home, nothing is wrong and every shipped model loads."""
    ended = saccade("doctor", "--json", settings={"SACCADE_SERVER_PORT": "0"})

    _, checks = report(ended)
    assert {name: check["detail"] for name, check in checks.items() if check["verdict"] == "wrong"} == {}
    assert checks["model dummy@1"]["verdict"] == "ok"
    assert ended.returncode == 0


def test_broken_package_is_wrong(saccade, tmp_path):
    """A model that cannot be served is named with its reason, and the exit code is 1."""
    (tmp_path / "models" / "hollow").mkdir(parents=True)

    ended = saccade("doctor", "--json", "--models", "models")

    _, checks = report(ended)
    assert checks["model hollow@1"]["verdict"] == "wrong"
    assert ended.returncode == 1


def test_port_that_is_taken_is_noted(saccade):
    """A running server is no fault, but worth a note."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = saccade("doctor", "--json", settings={"SACCADE_SERVER_PORT": str(taken.getsockname()[1])})

    _, checks = report(ended)
    assert checks["address"]["verdict"] == "note"


def test_tables_show_marks_and_settings(saccade):
    """People get two tables."""
    ended = saccade("doctor")

    assert "SACCADE_HOME" in ended.stdout
    assert re.search(r"✓ +python", ended.stdout)


def test_doctor_says_that_nobody_can_come_in_and_makes_no_database(saccade, tmp_path):
    """Where everybody is asked and nobody could answer, the first account is the next step."""
    done = saccade("doctor", settings={"SACCADE_ACCESS_MODE": "required", "SACCADE_HOME": str(tmp_path / "empty")})

    assert done.returncode == 1
    assert "saccade users create NAME --admin" in done.stdout
    assert not (tmp_path / "empty" / "saccade.db").exists()


def test_doctor_lists_all_that_production_refuses(saccade):
    """An operator makes one trip, and not one for each fault; the other checks are shown too."""
    settings = {
        "SACCADE_ENVIRONMENT": "prod",
        "SACCADE_RATE_LOGIN": "",
        "SACCADE_HINTS_URL": "amqp://guest:guest@127.0.0.1",
    }
    done = saccade("doctor", settings=settings)

    assert done.returncode == 1
    assert "SACCADE_ACCESS_MODE is not set" in done.stdout
    assert "SACCADE_HINTS_URL has a password that everybody knows" in done.stdout
    assert "python" in done.stdout


def test_doctor_asks_the_place_where_limits_are_counted(saccade):
    """One that is away lets everybody through, which nobody would notice."""
    done = saccade("doctor", settings={"SACCADE_RATE_URL": "redis://127.0.0.1:1", "SACCADE_RATE_REQUESTS": "9/second"})

    assert done.returncode == 1
    assert "everybody is let through" in done.stdout


def test_doctor_says_which_faces_have_no_fitting_model_behind_them(saccade):
    """None at all, or one for another task; what is off may name anything."""
    settings = {
        "SACCADE_FACES_0_MODEL": "nope",
        "SACCADE_FACES_1_MODEL": "circles",
        "SACCADE_FACES_2_MODEL": "circles",
        "SACCADE_FACES_4_MODEL": "nope",
        "SACCADE_FACES_4_ENABLED": "false",
    }

    report = json.loads(saccade("doctor", "--json", settings=settings).stdout)

    faces = {
        check["check"]: (check["verdict"], check["detail"]) for check in report["checks"] if "face" in check["check"]
    }
    assert {name: verdict for name, (verdict, _) in faces.items()} == {
        "face 0": "wrong", "face 1": "wrong", "face 2": "ok", "face 4": "ok",
    }  # fmt: skip
    assert "SACCADE_FACES_0_MODEL" in faces["face 0"][1]
    assert "circles@1 is for object-detection" in faces["face 1"][1]


def test_doctor_notes_a_model_that_runs_elsewhere_and_is_away(saccade, tmp_path):
    """It is no fault of this place, and nobody should think that all is well."""
    folder = tmp_path / "models" / "far"
    folder.mkdir(parents=True)
    remote = "task: image-classification\nengine: remote\nremote: {url: http://127.0.0.1:1}\n"
    (folder / "saccade.yaml").write_text(remote)

    report = json.loads(saccade("doctor", "--json", "--models", str(tmp_path / "models")).stdout)

    [found] = [check for check in report["checks"] if check["check"] == "model far@1"]
    assert found["verdict"] == "note"
    assert "could not be reached" in found["detail"]
