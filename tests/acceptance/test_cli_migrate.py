"""``saccade migrate`` and what ``saccade doctor`` says of the database, the broker and the store."""

import json
import socket

import pytest

from saccade.backends.database.schema import HEAD
from saccade.failpoints import FAILPOINTS


def checks_of(ended):
    """Return doctor's checks by name."""
    return {check["check"]: check for check in json.loads(ended.stdout)["checks"]}


@pytest.fixture
def nobody():
    """Return a port of loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_schema_is_brought_up_once(saccade, tmp_path):
    """The first call says from what to what, the second that there is nothing to do."""
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    first = saccade("migrate", settings={"SACCADE_DATABASE_URL": url})
    second = saccade("migrate", settings={"SACCADE_DATABASE_URL": url})

    assert first.stdout == f"The schema of {url} was empty and is {HEAD} now.\n"
    assert second.stdout == f"The schema of {url} is {HEAD} already.\n"
    assert first.returncode == second.returncode == 0


def test_scripts_learn_the_revisions(saccade, tmp_path):
    """With --json the revisions are told apart from the words."""
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    ended = saccade("migrate", "--json", settings={"SACCADE_DATABASE_URL": url})

    assert json.loads(ended.stdout) == {"database": url, "from": None, "to": HEAD}


def test_database_that_does_not_come_is_waited_for_and_told(saccade, nobody):
    """Each try is seen, the password is not, and the exit code says that the same may succeed later."""
    url = f"postgresql://ada:s3cret@127.0.0.1:{nobody}/saccade"
    ended = saccade("migrate", settings={"SACCADE_DATABASE_URL": url, "SACCADE_DATABASE_WAIT_S": "1"})

    assert "Trying again in 0.5 s" in ended.stderr
    assert "[database_unreachable]" in ended.stderr
    assert "s3cret" not in ended.stderr
    assert ended.returncode == 75


def test_scheme_that_is_unknown_is_a_wrong_setting(saccade):
    """No patience mends a setting."""
    ended = saccade("migrate", settings={"SACCADE_DATABASE_URL": "oracle://db/saccade"})

    assert "[scheme_unknown]" in ended.stderr
    assert ended.returncode == 78


def test_doctor_makes_nothing_by_looking(saccade, tmp_path):
    """A file and a folder that are not there yet are right, and still not there afterwards."""
    checks = checks_of(saccade("doctor", "--json"))

    assert checks["database"]["verdict"] == checks["objects"]["verdict"] == checks["hints"]["verdict"] == "ok"
    assert list((tmp_path / "home").rglob("saccade.db")) == []


def test_doctor_says_what_does_not_answer_and_what_mends_it(saccade, nobody, tmp_path):
    """Each of the three has its own line, the exit code is 1, and no password is shown."""
    (tmp_path / "taken").touch()
    ended = saccade(
        "doctor",
        "--json",
        settings={
            "SACCADE_DATABASE_URL": f"postgresql://ada:s3cret@127.0.0.1:{nobody}/saccade",
            "SACCADE_HINTS_URL": f"redis://:s3cret@127.0.0.1:{nobody}/0",
            "SACCADE_OBJECTS_URL": f"file://{tmp_path}/taken",
        },
    )

    checks = checks_of(ended)
    assert {name: checks[name]["verdict"] for name in ("database", "hints", "objects")} == {
        "database": "wrong",
        "hints": "wrong",
        "objects": "wrong",
    }
    assert "refused" in checks["database"]["detail"]  # the operator is told what the drivers say
    assert "refused" in checks["hints"]["detail"]
    assert "SACCADE_DATABASE_URL" in checks["database"]["detail"]
    assert "SACCADE_HINTS_URL" in checks["hints"]["detail"]
    assert "SACCADE_OBJECTS_URL" in checks["objects"]["detail"]
    assert "s3cret" not in ended.stdout
    assert ended.returncode == 1


def test_doctor_tells_the_schema_of_a_database_that_answers(saccade, tmp_path):
    """After migrate the schema is this version's."""
    settings = {"SACCADE_DATABASE_URL": f"sqlite:///{tmp_path / 'jobs.db'}"}
    saccade("migrate", settings=settings)

    found = checks_of(saccade("doctor", "--json", settings=settings))["database"]
    assert f"schema {HEAD}" in found["detail"]
    assert found["verdict"] == "ok"


def test_doctor_lists_the_failpoints(saccade):
    """For people a table, for scripts JSON; either has every name with its moment."""
    listed = json.loads(saccade("doctor", "--failpoints", "--json").stdout)
    table = saccade("doctor", "--failpoints").stdout

    assert {one["name"]: one["moment"] for one in listed} == dict(FAILPOINTS)
    assert [name for name in FAILPOINTS if name not in table] == []
