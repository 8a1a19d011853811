"""The door in front of every route: who asks, what they may, and what they are told if they may not."""

import json
from datetime import datetime

import pytest
from fastapi import APIRouter
from starlette.responses import Response

from saccade.access.development import issue
from saccade.access.policy import PUBLIC, Action
from saccade.access.principals import Role
from saccade.api.app import describe_app
from saccade.api.guard import GuardedRoute

PASSWORD = "a horse, a staple and a battery"
PREDICT = "/v1/models/animals/predict"


@pytest.fixture
def guarded(make_platform):
    """Return a platform that asks everybody who they are."""
    return make_platform(access_mode="required", access_recheck_s="0.2")


@pytest.fixture
def client(guarded):
    from unit.api.conftest import client_of

    with client_of(guarded) as client:
        yield client


@pytest.fixture
def token(guarded):
    """Return a function that makes the headers of somebody who comes with a development token."""

    def make(name, *roles):
        return {"Authorization": f"Bearer {issue(guarded.settings.home, name, frozenset(roles), 600)}"}

    return make


def key_of(client, headers, *scopes, **more):
    made = client.post("/v1/keys", json={"scopes": list(scopes), **more}, headers=headers)
    assert made.status_code == 201, made.text
    return made.json()


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


class TestDeclarations:
    """Every route says what it does."""

    def test_every_route_declares_an_action(self):
        """There is no way around the door."""
        routes = describe_app().routes

        assert [route.path for route in routes if not isinstance(route, GuardedRoute)] == []
        assert all(route.action in Action for route in routes)

    def test_route_without_an_action_cannot_be_made(self):
        """Who forgets it notices when the program starts, not when somebody finds out."""
        router = APIRouter(route_class=GuardedRoute)

        async def forgotten():
            return Response()

        with pytest.raises(TypeError, match="declares no action"):
            router.get("/forgotten")(forgotten)

    def test_only_these_are_public(self):
        """A route that becomes public does so on purpose."""
        public = sorted(route.path for route in describe_app().routes if route.action in PUBLIC)

        assert public == [
            "/", "/__health", "/api/v1/health", "/api/v1/version", "/auth/create_admin_account", "/auth/login",
            "/auth/new", "/docs", "/docs/assets/{name}", "/health", "/livez", "/nginx-health", "/openapi.json",
            "/problems/{code}", "/readyz", "/redoc", "/startupz", "/v1/auth/login", "/v1/auth/register", "/v2",
            "/v2/", "/v2/health/live", "/v2/health/ready", "/version",
        ]  # fmt: skip


class TestNobody:
    """Who does not say who they are."""

    @pytest.mark.parametrize("path", ["/", "/livez", "/version", "/openapi.json", "/docs", "/problems/forbidden"])
    def test_public_routes_answer(self, client, path):
        """What says nothing of anybody needs nobody's name."""
        assert client.get(path).status_code == 200

    @pytest.mark.parametrize(
        "path", ["/v1/me", "/v1/models", "/v1/jobs", "/v1/queue", "/metrics", "/config", "/v1/users"]
    )
    def test_everything_else_is_401_with_a_challenge(self, client, path):
        """RFC 9110: a 401 says how to come in."""
        answer = client.get(path)

        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == 'Bearer realm="saccade"'

    def test_body_is_not_read(self, client, guarded):
        """A stranger's gigabyte costs nothing: the refusal comes before the first byte is asked for."""
        read = []

        def body():
            read.append(1)
            yield b"x"

        assert client.post(PREDICT, content=body()).status_code == 401
        assert guarded.predictor.calls == []

    def test_face_tells_it_in_its_dialect(self, client):
        """Hugging Face's clients read ``error``."""
        answer = client.post("/hf/animals", content=b"x")

        assert (answer.status_code, set(answer.json())) == (401, {"error"})

    def test_metrics_may_be_for_all(self, make_platform):
        """A scraper without credentials, if the operator wants that."""
        from unit.api.conftest import client_of

        platform = make_platform(access_mode="required", access_metrics_for_all="true")

        assert client_of(platform).get("/metrics").status_code == 200
        assert client_of(platform).get("/config").status_code == 401


class TestCredentials:
    """What is shown, and how."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"Authorization": "Basic YWxpY2U6c2VjcmV0"},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer "},
            {"Authorization": "Bearer a b"},
            {"Authorization": b"Bearer \xe9"},
            {"Authorization": "Bearer sac_0123456789abcdef0123_" + "0" * 64},
            {"Authorization": "Bearer sas_x"},
            {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
            {"Authorization": "Bearer " + "a" * 9000},
            {"X-API-Key": ""},
            {"X-API-Key": "nonsense"},
        ],
    )
    def test_what_is_not_valid_is_401_and_says_no_more(self, client, headers):
        """The refusal is the same whatever was wrong."""
        answer = client.get("/v1/me", headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (401, "credential_invalid")
        assert answer.json()["detail"] == "The credentials that came with the request are not valid here."
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]

    def test_two_that_differ_are_refused(self, client, token):
        """Two parts of a system could look at different ones."""
        headers = {**token("alice", Role.INVESTIGATOR), "X-API-Key": "another"}

        assert client.get("/v1/me", headers=headers).status_code == 401

    def test_the_same_twice_in_one_header_name_is_refused(self, client, token):
        """Which one counts would be anybody's guess."""
        value = token("alice", Role.INVESTIGATOR)["Authorization"]

        assert client.get("/v1/me", headers=[("Authorization", value), ("Authorization", value)]).status_code == 401

    def test_key_comes_in_either_header(self, client, token):
        """As a bearer token, or as X-API-Key."""
        made = key_of(client, token("alice", Role.INVESTIGATOR), "predict:*")

        for headers in (bearer(made["key"]), {"X-API-Key": made["key"]}, {"authorization": f"bearer  {made['key']}"}):
            me = client.get("/v1/me", headers=headers).json()
            assert (me["principal"], me["via"], me["scopes"], me["key_id"]) == (
                "dev:alice", "key", ["predict:*"], made["id"],
            )  # fmt: skip


class TestScopes:
    """A key opens what its scopes say of what its owner may."""

    def test_predict_scope_is_for_its_model(self, client, token, picture):
        """On every route that shows a picture to a model."""
        key = bearer(key_of(client, token("alice", Role.INVESTIGATOR), "predict:animals")["key"])

        def pairs(*models):
            files = [("images", ("a.png", picture)), *(("models", (None, model)) for model in models)]
            return client.post("/v1/predict", files=files, headers=key).status_code

        assert client.post(PREDICT, content=picture, headers=key).status_code == 200
        assert client.post("/v1/models/animals@1/predict", content=picture, headers=key).status_code == 200
        assert client.post("/hf/animals", content=picture, headers=key).status_code == 200
        refused = client.post("/v1/models/circles/predict", content=picture, headers=key)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
        assert client.post("/hf/circles", content=picture, headers=key).status_code == 403
        assert (pairs("animals"), pairs("animals", "circles")) == (200, 403)

    def test_job_needs_both_scopes(self, client, token, picture):
        """To submit is one thing, the model another; a job of a single picture is a job."""
        alice = token("alice", Role.INVESTIGATOR)

        def submit(headers, model="animals"):
            files = [("images", ("a.png", picture)), ("models", (None, model))]
            return client.post("/v1/jobs", files=files, headers=headers).status_code

        both = bearer(key_of(client, alice, "predict:animals", "jobs:write")["key"])
        predicts = bearer(key_of(client, alice, "predict:animals")["key"])
        writes = bearer(key_of(client, alice, "jobs:write")["key"])
        assert (submit(both), submit(both, "circles"), submit(predicts), submit(writes)) == (202, 403, 403, 403)
        prefer = {"Prefer": "respond-async"}
        assert client.post(PREDICT, content=picture, headers=both | prefer).status_code == 202
        assert client.post(PREDICT, content=picture, headers=predicts | prefer).status_code == 403
        assert client.get("/v1/jobs", headers=both).status_code == 403
        assert client.get("/v1/jobs", headers=bearer(key_of(client, alice, "jobs:read")["key"])).status_code == 200

    def test_key_makes_no_keys_and_no_users(self, client, token):
        """Not even an admin's: a stolen key stays what it is."""
        key = bearer(key_of(client, token("root", Role.ADMIN), "predict:*", "jobs:read", "usage:read")["key"])

        assert client.post("/v1/keys", json={"scopes": ["predict:*"]}, headers=key).status_code == 403
        assert client.get("/v1/users", headers=key).status_code == 403
        assert client.get("/v1/keys", headers=key).status_code == 403

    def test_service_key_is_not_replaced_by_who_may_not_make_one(self, client, token):
        """Who lost the role does not carry its keys on."""
        made = key_of(client, token("rita", Role.RESEARCHER), service="predict_microservice")
        rotated = client.post(f"/v1/keys/{made['id']}/rotate", headers=token("rita", Role.INVESTIGATOR))

        assert (rotated.status_code, rotated.json()["code"]) == (403, "forbidden")

    def test_key_of_somebody_without_an_account_ends(self, client, token):
        """Nobody tells the server that they left; so their keys do not last for ever."""
        made = key_of(client, token("alice", Role.INVESTIGATOR), "predict:*")
        long = key_of(client, token("alice", Role.INVESTIGATOR), "predict:*", expires_in_s=300_000_000)

        for key in (made, long):
            span = datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"])
            assert span.days == 90

    def test_service_key_opens_nothing_else(self, client, token, picture):
        """A key for machines that register is for nothing but that."""
        key = bearer(key_of(client, token("rita", Role.RESEARCHER), service="predict_microservice")["key"])

        answers = [
            client.get("/v1/me", headers=key), client.get("/v1/models", headers=key),
            client.post(PREDICT, content=picture, headers=key), client.get("/v1/jobs", headers=key),
        ]  # fmt: skip
        assert [answer.status_code for answer in answers] == [403] * 4


class TestRevocation:
    """What was shut opens nothing, soon."""

    def test_disabled_key_is_refused_at_once_where_it_was_disabled(self, client, token):
        """The process that disables a key does not remember it."""
        alice = token("alice", Role.INVESTIGATOR)
        made = key_of(client, alice, "predict:*")
        assert client.get("/v1/me", headers=bearer(made["key"])).status_code == 200
        assert client.delete(f"/v1/keys/{made['id']}", headers=alice).status_code == 204

        assert client.get("/v1/me", headers=bearer(made["key"])).status_code == 401
        assert client.get(f"/v1/keys/{made['id']}", headers=alice).json()["usable"] is False

    def test_disabled_elsewhere_is_refused_within_the_recheck(self, client, token, guarded):
        """Another process wrote it: the database alone says so."""
        made = key_of(client, token("alice", Role.INVESTIGATOR), "predict:*")
        headers = bearer(made["key"])
        assert client.get("/v1/me", headers=headers).status_code == 200
        database = guarded.jobs.store.records._database
        database.write(lambda tx: tx.exec_driver_sql("UPDATE access_key SET disabled_at = 1"))

        from saccade.clock import monotonic_s

        deadline = monotonic_s() + 5.0
        while client.get("/v1/me", headers=headers).status_code == 200:
            assert monotonic_s() < deadline, "a disabled key still opens after 5 s"

    def test_rotated_key_overlaps(self, client, token):
        """The old one opens for as long as was said, and is not replaced twice."""
        alice = token("alice", Role.INVESTIGATOR)
        old = key_of(client, alice, "predict:*", detail="camera")
        new = client.post(f"/v1/keys/{old['id']}/rotate", json={"overlap_s": 3600}, headers=alice).json()

        assert (new["detail"], new["scopes"], new["rotated_from"]) == ("camera", ["predict:*"], old["id"])
        assert [client.get("/v1/me", headers=bearer(made["key"])).status_code for made in (old, new)] == [200, 200]
        again = client.post(f"/v1/keys/{old['id']}/rotate", headers=alice)
        assert (again.status_code, again.json()["code"]) == (409, "key_disabled")
        gone = client.post(f"/v1/keys/{new['id']}/rotate", json={"overlap_s": 0}, headers=alice).json()
        assert [client.get("/v1/me", headers=bearer(made["key"])).status_code for made in (new, gone)] == [401, 200]

    def test_foreign_key_is_absent(self, client, token):
        """Not shown, not rotated, not disabled; an admin may."""
        made = key_of(client, token("alice", Role.INVESTIGATOR), "predict:*")
        bob, root = token("bob", Role.RESEARCHER), token("root", Role.ADMIN)
        path = f"/v1/keys/{made['id']}"

        for answer in (
            client.get(path, headers=bob),
            client.delete(path, headers=bob),
            client.post(f"{path}/rotate", headers=bob),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "key_unknown")
        assert client.get("/v1/keys?owner=dev:alice", headers=bob).json() == {"keys": [], "next": None}
        assert [key["id"] for key in client.get("/v1/keys?owner=dev:alice", headers=root).json()["keys"]] == [
            made["id"]
        ]
        assert client.delete(path, headers=root).status_code == 204


class TestAccounts:
    """Own accounts: made by admins, logged in, changed by their owners."""

    @pytest.fixture
    def alice(self, client, token):
        made = client.post(
            "/v1/users",
            json={"username": "Alice", "password": PASSWORD, "roles": ["investigator"], "agency": "Lab"},
            headers=token("root", Role.ADMIN),
        )
        assert made.status_code == 201, made.text
        return made.json()

    def login(self, client, password=PASSWORD, name="alice"):
        return client.post("/v1/auth/login", json={"username": name, "password": password})

    def test_login_opens_a_session(self, client, alice):
        """JSON, or OAuth2's password form; names in any case."""
        session = self.login(client, name="ALICE").json()
        form = client.post("/v1/auth/login", data={"username": "alice", "password": PASSWORD, "grant_type": "password"})

        assert (session["token_type"], session["expires_in"]) == ("bearer", 57600)
        assert form.status_code == 200
        me = client.get("/v1/me", headers=bearer(session["access_token"])).json()
        assert (me["principal"], me["via"], me["roles"], me["account"]["agency"]) == (
            "alice", "session", ["investigator"], "Lab",
        )  # fmt: skip
        assert "password" not in json.dumps(me)

    def test_logout_ends_it(self, client, alice):
        """That session and no other."""
        first, second = (bearer(self.login(client).json()["access_token"]) for _ in range(2))

        assert client.post("/v1/auth/logout", headers=first).status_code == 204
        assert [client.get("/v1/me", headers=headers).status_code for headers in (first, second)] == [401, 200]

    def test_wrong_password_and_unknown_name_are_told_alike(self, client, alice):
        """Nobody learns which names there are."""
        wrong, unknown = self.login(client, "not the password"), self.login(client, name="nobody-here")

        assert wrong.status_code == unknown.status_code == 401
        assert {**wrong.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}

    def test_disabled_account_is_out_with_all_it_has(self, client, alice, token):
        """Sessions and keys, at once; the password opens nothing either."""
        root = token("root", Role.ADMIN)
        session = bearer(self.login(client).json()["access_token"])
        key = bearer(key_of(client, session, "predict:*")["key"])
        assert client.patch("/v1/users/alice", json={"disabled": True}, headers=root).json()["disabled"] is True

        assert [client.get("/v1/me", headers=headers).status_code for headers in (session, key)] == [401, 401]
        assert self.login(client).status_code == 401

    def test_roles_count_at_once(self, client, alice, token):
        """Given and taken while a session is open."""
        root, session = token("root", Role.ADMIN), bearer(self.login(client).json()["access_token"])
        unload = "/v1/models/animals/unload"
        assert client.post(unload, headers=session).status_code == 403
        assert client.put("/v1/users/alice/roles/researcher", headers=root).json()["roles"] == [
            "investigator",
            "researcher",
        ]
        assert client.post(unload, headers=session).status_code == 200
        assert client.delete("/v1/users/alice/roles/researcher", headers=root).status_code == 200
        assert client.post(unload, headers=session).status_code == 403

    def test_last_admin_stays(self, client, alice, token):
        """Nobody locks everybody out."""
        root = token("root", Role.ADMIN)
        client.put("/v1/users/alice/roles/admin", headers=root)

        for answer in (
            client.delete("/v1/users/alice/roles/admin", headers=root),
            client.patch("/v1/users/alice", json={"disabled": True}, headers=root),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")

    def test_own_password_is_changed_with_the_old_one(self, client, alice):
        """All sessions end; keys stay."""
        session = bearer(self.login(client).json()["access_token"])
        key = bearer(key_of(client, session, "predict:*")["key"])

        def change(old, new):
            body = {"old_password": old, "new_password": new}
            return client.post("/v1/me/password", json=body, headers=session).status_code

        assert change("wrong one, really", "another long password") == 401
        assert change(PASSWORD, "short") == 422
        assert change(PASSWORD, "another long password") == 204
        assert [client.get("/v1/me", headers=headers).status_code for headers in (session, key)] == [401, 200]
        assert self.login(client).status_code == 401
        assert self.login(client, "another long password").status_code == 200

    def test_profile_is_changed_by_its_owner(self, client, alice):
        """What is not named stays; null clears."""
        session = bearer(self.login(client).json()["access_token"])
        changed = client.patch("/v1/me", json={"full_name": "Alice A.", "agency": None}, headers=session).json()

        assert (changed["full_name"], changed["agency"], changed["email"]) == ("Alice A.", None, None)

    def test_registration_is_closed_unless_opened(self, client, make_platform):
        """And gives no role by itself."""
        from unit.api.conftest import client_of

        body = {"username": "carol", "password": PASSWORD}
        closed = client.post("/v1/auth/register", json=body)
        open_door = client_of(make_platform(access_mode="required", access_registration="open"))
        made = open_door.post("/v1/auth/register", json=body)

        assert (closed.status_code, closed.json()["code"]) == (403, "registration_closed")
        assert (made.status_code, made.json()["roles"]) == (201, [])
        again = open_door.post("/v1/auth/register", json=body)
        assert (again.status_code, again.json()["code"]) == (409, "account_exists")

    def test_password_never_comes_back(self, client, token):
        """A refused body is not repeated in the refusal."""
        body = {"username": "dora", "password": {"secret": "hunter2hunter2"}, "roles": ["emperor"]}
        refused = client.post("/v1/users", json=body, headers=token("root", Role.ADMIN))

        assert refused.status_code == 422
        assert "hunter2" not in refused.text


class TestOpen:
    """A server that asks nobody recognises those who say who they are."""

    def test_everybody_is_its_admin(self, platform):
        """Whoever reaches a server that stays on its machine is its operator."""
        from unit.api.conftest import client_of

        me = client_of(platform).get("/v1/me").json()

        assert (me["principal"], me["via"], me["roles"]) == ("anonymous", "open", ["admin"])

    def test_where_anyone_may_use_it_nobody_is_an_admin(self, make_platform):
        """Beyond the machine, everybody may predict, and nobody may unload or make accounts."""
        from unit.api.conftest import client_of

        anyone = client_of(make_platform(server_allow_anyone="true"))

        assert anyone.get("/v1/me").json()["roles"] == ["investigator"]
        assert anyone.post("/v1/models/animals/unload").status_code == 403
        assert anyone.get("/v1/users").status_code == 403

    def test_where_every_page_may_call_nobody_is_an_admin(self, make_platform):
        """Whoever wrote any page would be the operator, and could leave an account behind."""
        from unit.api.conftest import client_of

        anyone = client_of(make_platform(server_cors_origins="*"))
        page = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        body = {"username": "mallory", "password": PASSWORD, "roles": ["admin"]}

        assert anyone.post("/v1/users", json=body, headers=page).status_code == 403

    def test_known_credentials_count_and_unknown_are_passed_over(self, platform):
        """Tokens can be tried at home; clients that always send one of another system go on working."""
        from unit.api.conftest import client_of

        client = client_of(platform)
        alice = bearer(issue(platform.settings.home, "alice", Role.INVESTIGATOR, 60))

        assert client.get("/v1/me", headers=alice).json()["principal"] == "dev:alice"
        assert client.get("/v1/users", headers=alice).status_code == 403
        for stranger in ({"Authorization": "Bearer hf_abcdef"}, {"Authorization": "Basic eA=="}, {"X-API-Key": "x"}):
            assert client.get("/v1/me", headers=stranger).json()["principal"] == "anonymous"
        ours = client.get("/v1/me", headers=bearer("sac_disabled"))
        assert (ours.status_code, ours.json()["code"]) == (401, "credential_invalid")
