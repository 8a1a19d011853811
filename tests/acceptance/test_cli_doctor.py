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
