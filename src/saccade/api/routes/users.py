"""Accounts, for admins."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.names import is_account_name
from saccade.access.policy import Action
from saccade.access.principals import Role
from saccade.api.access_render import account_to_json
from saccade.api.answers import JsonAnswer
from saccade.api.cursors import no_cursor, single, whole_number
from saccade.api.dependencies import authentications_of, passwords_of, platform_of
from saccade.api.description import body_of, created, emptied, new_router, operation, page_parameters
from saccade.api.documents import read_document
from saccade.errors import ParameterInvalid

router = new_router("access")

_NO_STORE = {"Cache-Control": "no-store"}
_DEFAULT_PAGE = 50
_LARGEST_PAGE = 200
_BODY_PROBLEMS = (400, 413, 415)


@router.get(
    "/v1/users",
    **operation("List accounts", action=Action.USERS_READ, ok="UserList", extra={"parameters": page_parameters()}),
)
async def list_users(request: Request) -> Response:
    """Return accounts by name."""
    limit = whole_number(request, "limit", least=1, most=_LARGEST_PAGE) or _DEFAULT_PAGE
    after = single(request, "cursor")
    if after is not None and not is_account_name(after):
        raise no_cursor()
    found = await authentications_of(request).run(platform_of(request).accounts.list, after=after, limit=limit + 1)
    shown = found[:limit]
    more = {"cursor": shown[-1].name, "limit": str(limit)} if len(found) > limit else None
    return JsonAnswer(
        {
            "users": [account_to_json(account) for account in shown],
            "next": f"/v1/users?{urlencode(more)}" if more else None,
        },
        headers=_NO_STORE,
    )


@router.post(
    "/v1/users",
    **created(
        operation(
            "Make an account",
            action=Action.USERS_WRITE,
            ok="User",
            problems=(*_BODY_PROBLEMS, 409),
            extra=body_of("NewUser"),
        )
    ),
    status_code=201,
)
async def create_user(request: Request) -> Response:
    """Make an account with roles; its owner changes the password at `/v1/me/password`."""
    from saccade.api.schemas.access import NewUser

    asked = await read_document(request, NewUser)
    account = await passwords_of(request).run(
        platform_of(request).accounts.create,
        asked.username,
        asked.password,
        roles=frozenset(Role(role) for role in asked.roles),
        profile={"full_name": asked.full_name, "email": asked.email, "agency": asked.agency},
    )
    return JsonAnswer(account_to_json(account), status=201, headers=_NO_STORE)


@router.get("/v1/users/{name}", **operation("Show an account", action=Action.USERS_READ, ok="User", problems=(404,)))
async def show_user(request: Request, name: str) -> Response:
    """Return one account."""
    account = await authentications_of(request).run(platform_of(request).accounts.find, name)
    return JsonAnswer(account_to_json(account), headers=_NO_STORE)


@router.patch(
    "/v1/users/{name}",
    **operation(
        "Shut an account out or in",
        action=Action.USERS_WRITE,
        ok="User",
        problems=(*_BODY_PROBLEMS, 404, 409),
        extra=body_of("UserChange"),
    ),
)
async def change_user(request: Request, name: str) -> Response:
    """Shut an account out, with all its keys and sessions, or let it in again."""
    from saccade.api.schemas.access import UserChange

    asked = await read_document(request, UserChange)
    accounts = platform_of(request).accounts
    account = await authentications_of(request).run(accounts.set_disabled, name, disabled=asked.disabled)
    return JsonAnswer(account_to_json(account), headers=_NO_STORE)


@router.post(
    "/v1/users/{name}/password",
    **emptied(
        operation(
            "Set a password",
            action=Action.USERS_WRITE,
            ok=None,
            problems=(*_BODY_PROBLEMS, 404),
            extra=body_of("NewPassword"),
        ),
        "It is set, and all sessions of the account have ended.",
    ),
    status_code=204,
)
async def set_password(request: Request, name: str) -> Response:
    """Set the password of an account, for somebody who forgot theirs; all its sessions end."""
    from saccade.api.schemas.access import NewPassword

    asked = await read_document(request, NewPassword)
    await passwords_of(request).run(platform_of(request).accounts.set_password, name, asked.password)
    return Response(status_code=204, headers=_NO_STORE)


_ROLE_PROBLEMS = (404, 409)


@router.put(
    "/v1/users/{name}/roles/{role}",
    **operation("Give a role", action=Action.USERS_WRITE, ok="User", problems=_ROLE_PROBLEMS),
)
async def give_role(request: Request, name: str, role: str) -> Response:
    """Give an account a role: `investigator`, `researcher` or `admin`. Giving it twice is no error."""
    return await _set_role(request, name, role, has=True)


@router.delete(
    "/v1/users/{name}/roles/{role}",
    **operation("Take a role", action=Action.USERS_WRITE, ok="User", problems=_ROLE_PROBLEMS),
)
async def take_role(request: Request, name: str, role: str) -> Response:
    """Take a role from an account; the last admin who may come in stays one."""
    return await _set_role(request, name, role, has=False)


async def _set_role(request: Request, name: str, role: str, *, has: bool) -> Response:
    if role not in set(Role):
        fault = f"must be one of {', '.join(Role)}"
        raise ParameterInvalid(f"'role' {fault}.", faults={"role": fault})
    accounts = platform_of(request).accounts
    account = await authentications_of(request).run(accounts.set_role, name, Role(role), has=has)
    return JsonAnswer(account_to_json(account), headers=_NO_STORE)
