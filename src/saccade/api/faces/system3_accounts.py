"""System 3's accounts and keys: everything comes in the query, secrets too, and none of it is logged."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.credentials import is_key_id, read_credential
from saccade.access.keys import KeyRing
from saccade.access.names import account_name
from saccade.access.policy import Action
from saccade.access.principals import Role, Service
from saccade.access.records import KeyRecord
from saccade.api.answers import JsonAnswer
from saccade.api.cursors import single
from saccade.api.dependencies import authentications_of, platform_of
from saccade.api.description import Operation, new_router, ref
from saccade.api.faces.system3_models import system3_operation
from saccade.api.principals import caller_of
from saccade.api.sign_up import log_in, own_account, sign_up
from saccade.errors import Forbidden, KeyUnknown, ParameterInvalid, RouteGone

router = new_router("faces")

_NO_STORE = {"Cache-Control": "no-store"}
#: Keys that are listed at most, and looked at at once: what is disabled is kept, and does not hide what opens.
_MOST_KEYS = 200
_PROFILE = ("full_name", "email", "agency")


def _operation(
    summary: str,
    action: Action,
    *,
    ok: str = "System3Done",
    needs: Mapping[str, str] | None = None,
    takes: Mapping[str, str] | None = None,
    problems: tuple[int, ...] = (),
    extra: Mapping[str, object] | None = None,
) -> Operation:
    parameters = [
        {"name": name, "in": "query", "required": is_needed, "description": text, "schema": {"type": "string"}}
        for given, is_needed in ((needs, True), (takes, False))
        for name, text in (given or {}).items()
    ]
    described = {**({"parameters": parameters} if parameters else {}), **(extra or {})}
    return system3_operation(summary, action, ok=ok, problems=problems, extra=described)


@router.post(
    "/auth/new",
    **_operation(
        "Make yourself an account",
        Action.SESSION_OPEN,
        needs={"username": "Name of the account.", "password": "Its password."},
        takes={"email": "Address.", "full_name": "Name of the person.", "agency": "Whom they work for."},
        problems=(409, 429, 503),
    ),
)
async def system3_new_account(request: Request) -> Response:
    """Make an account without roles, where the operator lets strangers do so."""
    name, password = _needed(request, "username"), _needed(request, "password")
    account = await sign_up(request, name, password, {field: single(request, field) for field in _PROFILE})
    return _done(f"account with username [{account.name}] created.")


def _login_operation() -> Operation:
    content = {"application/x-www-form-urlencoded": {"schema": ref("Login")}}
    return _operation(
        "Log in",
        Action.SESSION_OPEN,
        ok="System3Session",
        problems=(400, 401, 413, 415, 429, 503),
        extra={"requestBody": {"required": True, "content": content}},
    )


@router.post("/auth/login", **_login_operation())
async def system3_login(request: Request) -> Response:
    """Open a session, as OAuth2's password grant does."""
    made = await log_in(request)
    return JsonAnswer(
        {
            "status": "success",
            "detail": "Successfully Logged In.",
            "access_token": made.text,
            "token_type": "bearer",
        },
        headers=_NO_STORE,
    )


@router.get("/auth/status", **_operation("Are you logged in", Action.PROFILE_READ))
async def system3_status() -> Response:
    """Answer whoever may come in."""
    return _done("User is Authenticated.")


@router.get("/auth/profile", **_operation("Your profile", Action.PROFILE_READ, ok="System3Profile", problems=(404,)))
async def system3_profile(request: Request) -> Response:
    """Return the caller's account, or what is known of them without one."""
    caller, account = caller_of(request), await own_account(request)
    return JsonAnswer(
        {
            "username": caller.id,
            "roles": sorted(caller.roles if account is None else account.roles),
            "email": None if account is None else account.email,
            "full_name": None if account is None else account.full_name,
            "agency": None if account is None else account.agency,
            "disabled": False if account is None else account.is_disabled,
        },
        headers=_NO_STORE,
    )


_ROLE = {"username": "Of the account.", "role": "`investigator`, `researcher` or `admin`."}


@router.post("/auth/add_role", **_operation("Give a role", Action.USERS_WRITE, needs=_ROLE, problems=(404, 409)))
async def system3_add_role(request: Request) -> Response:
    """Give an account a role; giving it twice changes nothing."""
    return await _set_role(request, has=True)


@router.post("/auth/remove_role", **_operation("Take a role", Action.USERS_WRITE, needs=_ROLE, problems=(404, 409)))
async def system3_remove_role(request: Request) -> Response:
    """Take a role from an account; taking it twice changes nothing."""
    return await _set_role(request, has=False)


@router.post(
    "/auth/key",
    **_operation(
        "Make a key for a service",
        Action.SERVICE_KEYS_WRITE,
        ok="System3KeyMade",
        needs={"key_owner_username": "Whose it is.", "service": "`predict_microservice`."},
        takes={"detail": "What it is for."},
        problems=(404,),
    ),
)
async def system3_make_key(request: Request) -> Response:
    """Make a key that opens nothing but what such a service needs; only an admin makes one for somebody else."""
    name, service = _needed(request, "key_owner_username"), _needed(request, "service")
    detail = single(request, "detail") or ""
    if service not in set(Service):
        fault = f"must be one of {', '.join(Service)}"
        raise ParameterInvalid(f"'service' {fault}.", faults={"service": fault})
    caller, platform = caller_of(request), platform_of(request)
    if caller.id not in {name, account_name(name)} and not caller.is_admin:
        raise Forbidden("Only an admin makes keys for others.")

    def make() -> dict[str, object]:
        owner = platform.accounts.find(name)
        made = platform.keys.make(caller, service=Service(service), detail=detail, owner=owner)
        return {"status": "success", **_key(made.record), "key": made.text}

    return JsonAnswer(await authentications_of(request).run(make), headers=_NO_STORE)


@router.get("/auth/key", **_operation("Your keys", Action.KEYS_READ, ok="System3Keys"))
async def system3_list_keys(request: Request) -> Response:
    """Return the caller's keys that open something; `key` is the part of each that is no secret."""
    found = await authentications_of(request).run(_usable, platform_of(request).keys, caller_of(request).id)
    return JsonAnswer({"status": "success", "keys": [_key(key) for key in found]}, headers=_NO_STORE)


@router.delete(
    "/auth/key",
    **_operation(
        "Disable a key",
        Action.KEYS_WRITE,
        ok="System3KeyDisabled",
        needs={"key": "The key, or the part of it that is no secret."},
        problems=(404,),
    ),
)
async def system3_disable_key(request: Request) -> Response:
    """Let a key open nothing any more; it is kept, for the ledger names it."""
    text = _needed(request, "key")
    shown = read_credential(text)
    key_id = shown.id if shown is not None else text
    if not is_key_id(key_id):
        raise KeyUnknown("Invalid API key provided. Unable to delete.")
    record = await authentications_of(request).run(platform_of(request).keys.disable, caller_of(request), key_id)
    content = {"status": "success", "detail": "API key has been removed.", "key": _key(record)}
    return JsonAnswer(content, headers=_NO_STORE)


@router.post(
    "/auth/create_admin_account",
    **_operation("What made an admin", Action.SERVICE_READ, problems=(410,)),
)
async def system3_create_admin() -> Response:
    """Refuse: an admin whose password everybody knows is made nowhere here."""
    raise RouteGone(
        "No admin is made by whoever asks.", hint="On the server: saccade users create NAME --admin makes one."
    )


async def _set_role(request: Request, *, has: bool) -> Response:
    name, role = _needed(request, "username"), _needed(request, "role")
    if role not in set(Role):
        fault = f"must be one of {', '.join(Role)}"
        raise ParameterInvalid(f"'role' {fault}.", faults={"role": fault})
    accounts = platform_of(request).accounts

    def change() -> bool:
        had = Role(role) in accounts.find(name).roles
        accounts.set_role(name, Role(role), has=has)
        return had

    had = await authentications_of(request).run(change)
    if had is has:
        word = "already has" if has else "does not have"
        return _done(f"User {name} {word} role {role}. No changes made.")
    return _done(f"User {name} {'added to' if has else 'removed from'} role {role}.")


def _needed(request: Request, name: str) -> str:
    """Return a parameter of the query.

    Raises:
        ParameterInvalid: It is missing, or given twice; what was given is not repeated.
    """
    value = single(request, name)
    if value is None:
        raise ParameterInvalid(f"{name!r} is missing.", faults={name: "is missing"})
    return value


def _usable(keys: KeyRing, owner: str) -> list[KeyRecord]:
    """Return the newest keys of somebody that open something. Blocking."""
    usable: list[KeyRecord] = []
    after: str | None = None
    while len(usable) < _MOST_KEYS:
        page = keys.list(owner, after=after, limit=_MOST_KEYS)
        usable += [key for key in page if key.is_usable]
        if len(page) < _MOST_KEYS:
            break
        after = page[-1].id
    return usable[:_MOST_KEYS]


def _key(record: KeyRecord) -> dict[str, object]:
    return {
        "key": record.id,
        "type": record.service or "",
        "user": record.owner,
        "detail": record.detail,
        "enabled": record.is_usable,
    }


def _done(detail: str) -> Response:
    return JsonAnswer({"status": "success", "detail": detail}, headers=_NO_STORE)
