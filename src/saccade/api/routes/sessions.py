"""Coming in and being somebody: login, logout, registration, ``/v1/me``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.names import is_account_name
from saccade.access.policy import Action
from saccade.access.principals import Via
from saccade.api.access_render import account_to_json, principal_to_json
from saccade.api.answers import JsonAnswer
from saccade.api.dependencies import authentications_of, passwords_of, platform_of
from saccade.api.description import JSON_TYPE, Operation, body_of, created, emptied, new_router, operation, ref
from saccade.api.documents import read_document
from saccade.api.principals import caller_of
from saccade.api.sign_up import check_open, log_in, own_account, sign_up
from saccade.api.tolls import count_login
from saccade.errors import AccountUnknown, Forbidden

router = new_router("access")

_NO_STORE = {"Cache-Control": "no-store"}


def _login_operation() -> Operation:
    content = {
        JSON_TYPE: {"schema": ref("Login")},
        "application/x-www-form-urlencoded": {"schema": ref("Login")},
    }
    return operation(
        "Log in",
        action=Action.SESSION_OPEN,
        ok="Session",
        problems=(400, 401, 413, 415, 429, 503),
        extra={"requestBody": {"required": True, "content": content}},
    )


@router.post("/v1/auth/login", **_login_operation())
async def login(request: Request) -> Response:
    """Open a session with a name and its password; whether there is such a name is told to nobody."""
    made = await log_in(request)
    lasts_s = platform_of(request).settings.access.session_s
    return JsonAnswer(
        {"access_token": made.text, "token_type": "bearer", "expires_in": int(lasts_s)}, headers=_NO_STORE
    )


@router.post(
    "/v1/auth/logout",
    **emptied(operation("Log out", action=Action.PROFILE_WRITE, ok=None, problems=(404,)), "The session has ended."),
    status_code=204,
)
async def logout(request: Request) -> Response:
    """End the session that the request came with."""
    caller = caller_of(request)
    if caller.via is not Via.SESSION or caller.key_id is None:
        raise Forbidden("You came without a session, so there is none to end.")
    await authentications_of(request).run(platform_of(request).accounts.logout, caller.key_id)
    return Response(status_code=204, headers=_NO_STORE)


@router.post(
    "/v1/auth/register",
    **created(
        operation(
            "Make yourself an account",
            action=Action.SESSION_OPEN,
            ok="User",
            problems=(400, 409, 413, 415, 429, 503),
            extra=body_of("Registration"),
        )
    ),
    status_code=201,
)
async def register(request: Request) -> Response:
    """Make an account for yourself, where the operator lets strangers do so; an admin gives it roles."""
    from saccade.api.schemas.access import Registration

    check_open(request)
    asked = await read_document(request, Registration)
    profile = {"full_name": asked.full_name, "email": asked.email, "agency": asked.agency}
    account = await sign_up(request, asked.username, asked.password, profile)
    return JsonAnswer(account_to_json(account), status=201, headers=_NO_STORE)


@router.get("/v1/me", **operation("Who you are", action=Action.PROFILE_READ, ok="Me"))
async def me(request: Request) -> Response:
    """Say who the caller is to this server: how they came in, what they may, and their account if they have one."""
    return JsonAnswer(principal_to_json(caller_of(request), await own_account(request)), headers=_NO_STORE)


@router.patch(
    "/v1/me",
    **operation(
        "Change your profile",
        action=Action.PROFILE_WRITE,
        ok="User",
        problems=(400, 404, 413, 415),
        extra=body_of("Profile"),
    ),
)
async def change_profile(request: Request) -> Response:
    """Change what is named of `full_name`, `email` and `agency`; null clears it."""
    from saccade.api.schemas.access import Profile

    asked = await read_document(request, Profile)
    fields = {name: getattr(asked, name) for name in asked.model_fields_set}
    account = await authentications_of(request).run(
        platform_of(request).accounts.set_profile, _own_name(request), fields
    )
    return JsonAnswer(account_to_json(account), headers=_NO_STORE)


@router.post(
    "/v1/me/password",
    **emptied(
        operation(
            "Change your password",
            action=Action.PROFILE_WRITE,
            ok=None,
            problems=(400, 401, 404, 413, 415, 429),
            extra=body_of("PasswordChange"),
        ),
        "It is changed, and all your sessions have ended.",
    ),
    status_code=204,
)
async def change_password(request: Request) -> Response:
    """Change your password; all your sessions end, this one too. Your keys stay."""
    from saccade.api.schemas.access import PasswordChange

    asked = await read_document(request, PasswordChange)
    name = _own_name(request)
    await count_login(request, name)
    accounts = platform_of(request).accounts
    await passwords_of(request).run(accounts.change_password, name, asked.old_password, asked.new_password)
    return Response(status_code=204, headers=_NO_STORE)


def _own_name(request: Request) -> str:
    """Return the name of the caller's account.

    Raises:
        AccountUnknown: They have none: they came with another's token, or nobody was asked.
    """
    caller = caller_of(request)
    if caller.via is Via.OPEN or not is_account_name(caller.id):
        raise AccountUnknown("You have no account here; your profile is kept where you signed in.")
    return caller.id
