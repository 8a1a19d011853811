"""System 3's accounts, row for row of its table, against one real server that asks everybody who they are."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from working.photo_server import PASSWORDS, PHRASE, ROLES, failure, key_of, photo_server, photos, register
from working.processes import eventually

__all__ = ["photos", "register"]

UNAUTHENTICATED = {"status": "failure", "detail": "Unable to validate credentials."}
ALL = pytest.mark.parametrize("who", [None, "alice", "bob", "rita", "root"])


@pytest.mark.row("3 GET /")
def test_sign_of_life(photos):
    """Word for word, for everybody."""
    answer = photos.ask(None, "GET", "/")

    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "success", "detail": "PhotoAnalysisServer is Running"},
    )


@pytest.mark.row("3 POST /auth/new")
def test_whoever_registers_has_no_role_until_an_admin_gives_one(photos, register):
    """The account is there, may see itself, and may do nothing else."""
    profile = {"email": "ada@example.org", "full_name": "Ada Łovelace", "agency": "Lab"}
    made = register("ada", **profile)
    session = photos.login("ada", PHRASE).json()["access_token"]
    photos.clients["ada"] = httpx2.Client(base_url=photos.url, headers={"Authorization": f"Bearer {session}"})

    assert (made.status_code, made.json()["status"]) == (200, "success")
    assert "ada" in made.json()["detail"]
    assert photos.ask("ada", "GET", "/auth/profile").json() == {
        "username": "ada", "roles": [], "disabled": False, **profile
    }  # fmt: skip
    for method, path in (
        ("GET", "/model/list"),
        ("GET", "/model/all"),
        ("POST", "/model/search"),
        ("GET", "/auth/key"),
    ):
        failure(photos.ask("ada", method, path), 403)
    failure(photos.ask("ada", "POST", "/model/results", json=[]), 403)
    failure(key_of(photos, "ada"), 403)
    failure(photos.ask("ada", "POST", "/auth/add_role", params={"username": "ada", "role": "investigator"}), 403)
    photos.ask("root", "POST", "/auth/add_role", params={"username": "ada", "role": "investigator"})
    eventually(lambda: photos.ask("ada", "GET", "/model/list").status_code == 200, "the role opens nothing")


@pytest.mark.row("3 POST /auth/new")
def test_account_that_cannot_be_made_is_refused(photos, register):
    """With the status that says why; and a second one of a name leaves the first as it is."""
    assert register("twice").status_code == 200
    failure(register("twice", "quite another pass phrase"), 409)
    failure(register("TWICE", "quite another pass phrase"), 409)
    assert photos.login("twice", PHRASE).status_code == 200
    assert "12" in failure(register("short", "password"), 422)
    for name in ("", "a\nb", "a\x00b", "a:b", "../root", "\uff41dmin", "anonymous", "x" * 129):
        failure(register(name), 422)
    failure(register("odd", email="no address"), 422)
    failure(register("odd", full_name="a\x1b[31m"), 422)
    failure(photos.ask(None, "POST", "/auth/new", params={"username": "odd"}), 422)
    failure(photos.ask(None, "POST", "/auth/new", params={"password": PHRASE}), 422)
    twice = [("username", "odd"), ("username", "root"), ("password", PHRASE)]
    failure(photos.ask(None, "POST", "/auth/new", params=twice), 422)
    failure(photos.login("odd", PHRASE), 401)


@pytest.mark.row("3 POST /auth/new")
def test_name_that_many_want_at_once_is_one_accounts(photos, register):
    """The others are told that it is taken, and no password but the first one's opens it."""
    phrases = [f"pass phrase of number {number}" for number in range(6)]
    with ThreadPoolExecutor(len(phrases)) as pool:
        answers = list(pool.map(lambda phrase: register("wanted", phrase), phrases))
    opened = [photos.login("wanted", phrase).status_code for phrase in phrases]

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert [answer.status_code == 200 for answer in answers] == [status == 200 for status in opened]


@pytest.mark.row("3 POST /auth/new")
def test_role_in_the_query_is_not_given(photos, register):
    """Nobody says themselves what they may."""
    assert register("sly", roles="admin", role="admin", disabled="false").status_code == 200
    photos.clients["sly"] = httpx2.Client(
        base_url=photos.url, headers={"Authorization": f"Bearer {photos.login('sly', PHRASE).json()['access_token']}"}
    )

    assert photos.ask("sly", "GET", "/auth/profile").json()["roles"] == []


@pytest.mark.row("3 POST /auth/login")
def test_login_opens_a_session(photos):
    """Field for field; a wrong password and an unknown name are one answer, with its header."""
    answer = photos.login("alice", PASSWORDS["alice"])
    wrong, unknown = photos.login("alice", PASSWORDS["bob"]), photos.login("nobody-here", PASSWORDS["bob"])

    assert answer.status_code == 200
    assert list(answer.json()) == ["status", "detail", "access_token", "token_type"]
    assert (answer.json()["status"], answer.json()["token_type"]) == ("success", "bearer")
    for refused in (wrong, unknown):
        assert failure(refused, 401) == "Incorrect username or password."
        assert refused.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"username=alice", 422),
        (b"username=alice&username=bob&password=x", 400),
        (b"password=%FF%FE&username=alice", 400),
        (b"username=a%00b&password=x", 401),
        (b"&".join(b"a=b" for _ in range(9999)), 400),
        (b"username=alice&password=" + b"x" * 70_000, 413),
    ],
)
@pytest.mark.row("3 POST /auth/login")
def test_odd_form_is_refused(photos, content, status):
    """In this system's words, with what is wrong, and never by a failure of the server."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    failure(photos.ask(None, "POST", "/auth/login", content=content, headers=headers), status)


@ALL
@pytest.mark.row("3 GET /auth/status")
def test_status_tells_who_is_logged_in(photos, who):
    """Whoever has an account; nobody else."""
    answer = photos.ask(who, "GET", "/auth/status")

    if who is None:
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    else:
        assert (answer.status_code, answer.json()) == (
            200,
            {"status": "success", "detail": "User is Authenticated."},
        )


@ALL
@pytest.mark.row("3 GET /auth/profile")
def test_profile_has_no_password(photos, who):
    """Field for field and type for type; none of them is a hash."""
    answer = photos.ask(who, "GET", "/auth/profile")
    if who is None:
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
        return

    assert answer.json() == {
        "username": who,
        "roles": [ROLES.get(who, "admin")],
        "email": None,
        "full_name": None,
        "agency": None,
        "disabled": False,
    }
    assert "argon2" not in answer.text


@pytest.mark.row("3 POST /auth/add_role")
@pytest.mark.row("3 POST /auth/remove_role")
def test_roles_are_given_and_taken_by_admins(photos, register):
    """Twice changes nothing and succeeds; unknown names and roles fail; the last admin stays one."""
    register("climber")

    def change(what, who="root", **query):
        return photos.ask(who, "POST", f"/auth/{what}_role", params={"username": "climber", **query})

    for what in ("add", "add", "remove", "remove"):
        answer = change(what, role="researcher")
        assert (answer.status_code, answer.json()["status"]) == (200, "success")
        assert list(answer.json()) == ["status", "detail"]
    failure(change("add", role="emperor"), 422)
    failure(change("add", role=""), 422)
    failure(change("add"), 422)
    failure(change("add", username="stranger", role="admin"), 404)
    failure(change("add", username="a\nb\x00", role="admin"), 404)
    failure(change("remove", username="root", role="admin"), 409)


@pytest.mark.parametrize("who", [None, "alice", "rita"])
@pytest.mark.parametrize("what", ["add", "remove"])
@pytest.mark.row("3 POST /auth/add_role")
@pytest.mark.row("3 POST /auth/remove_role")
def test_nobody_but_an_admin_changes_roles(photos, who, what):
    """Not their own either; nothing has changed afterwards."""
    for name, role in (("rita", "admin"), ("alice", "admin"), ("root", "admin"), ("bob", "investigator")):
        answer = photos.ask(who, "POST", f"/auth/{what}_role", params={"username": name, "role": role})
        failure(answer, 401 if who is None else 403)
    roles = [photos.ask(name, "GET", "/auth/profile").json()["roles"] for name in ("rita", "alice", "bob", "root")]

    assert roles == [["researcher"], ["investigator"], ["investigator"], ["admin"]]


@ALL
@pytest.mark.row("3 POST /auth/create_admin_account")
def test_no_admin_is_made_by_whoever_asks(photos, who):
    """It is gone for everybody, and the password that everybody knew opens nothing."""
    failure(photos.ask(who, "POST", "/auth/create_admin_account"), 410)

    failure(photos.login("admin", "password"), 401)


def test_session_of_a_disabled_account_opens_nothing(photos, register):
    """What was a 400 for an inactive user is a 401 like every other credential that does not open."""
    register("leaver")
    session = photos.login("leaver", PHRASE).json()["access_token"]
    client = httpx2.Client(base_url=photos.url, headers={"Authorization": f"Bearer {session}"})
    photos.clients["leaver"] = client
    assert photos.ask("leaver", "GET", "/auth/status").status_code == 200
    assert photos.ask("root", "PATCH", "/v1/users/leaver", json={"disabled": True}).status_code == 200

    eventually(lambda: photos.ask("leaver", "GET", "/auth/status").status_code == 401, "the session still opens", 6)
    assert photos.ask("leaver", "GET", "/auth/profile").json() == UNAUTHENTICATED
    failure(photos.login("leaver", PHRASE), 401)
    photos.ask("root", "PATCH", "/v1/users/leaver", json={"disabled": False})


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": "Basic cm9vdDpyb290"},
        {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0."},
        [("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
        [("Authorization", b"Bearer \xff\xfe")],
    ],
)
def test_credentials_that_are_none_open_nothing(photos, headers):
    """Also the token without a signature that names an admin."""
    answer = photos.ask(None, "GET", "/auth/profile", headers=headers)

    assert answer.status_code in {400, 401}, answer.text
    assert answer.json()["status"] == "failure"


def test_guessing_is_slowed_down(tmp_path, run_server):
    """Tries to log in and to register are counted together, here and at the native routes alike."""
    with photo_server(run_server, tmp_path, SACCADE_RATE_LOGIN="6/minute") as world:
        tries = [world.login("root", f"guess number {number}") for number in range(4)]
        query = {"username": "short", "password": "x"}
        tries += [world.ask(None, "POST", "/auth/new", params=query) for _ in range(2)]
        over = [world.login("root", PASSWORDS["root"]), world.ask(None, "POST", "/auth/new", params=query)]
        native = world.ask(None, "POST", "/v1/auth/login", json={"username": "root", "password": "x"})

    assert [answer.status_code for answer in tries] == [401] * 4 + [422] * 2
    assert [failure(answer, 429) for answer in over]
    assert [int(answer.headers["retry-after"]) > 0 for answer in over] == [True, True]
    assert native.status_code == 429


def test_registration_is_closed_unless_it_is_opened(tmp_path, run_server):
    """A refusal that makes nothing, before anything of the query is looked at."""
    with photo_server(run_server, tmp_path, SACCADE_ACCESS_REGISTRATION="closed") as world:
        refused = world.ask(None, "POST", "/auth/new", params={"username": "ada", "password": PHRASE})
        login = world.login("ada", PHRASE)

    failure(refused, 403)
    failure(login, 401)
