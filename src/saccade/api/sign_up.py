"""Making an account for oneself, coming in with it, and finding it: the same rules wherever somebody asks."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from saccade.access.keys import MadeKey
from saccade.access.names import is_account_name
from saccade.access.principals import Role, Via
from saccade.access.records import Account
from saccade.api.dependencies import authentications_of, passwords_of, platform_of
from saccade.api.documents import read_credentials
from saccade.api.principals import caller_of
from saccade.api.tolls import count_login
from saccade.errors import RegistrationClosed
from saccade.settings import GivenRole, Registration


def check_open(request: Request) -> None:
    """Return if strangers may make themselves an account; asked before a body is read.

    Raises:
        RegistrationClosed: They may not.
    """
    if platform_of(request).settings.access.registration is not Registration.OPEN:
        raise RegistrationClosed("Nobody makes an account for themselves here.")


async def sign_up(request: Request, name: str, password: str, profile: Mapping[str, str | None]) -> Account:
    """Make an account with the role that the operator gives to all who come.

    Raises:
        RegistrationClosed: Strangers may not make themselves one.
        RateExceeded: There were too many tries.
        ParameterInvalid: The name, the password or a field is not taken.
        AccountExists: There is one of this name.
    """
    check_open(request)
    await count_login(request, name)
    platform = platform_of(request)
    given = platform.settings.access.registration_role
    roles = frozenset() if given is GivenRole.NONE else frozenset({Role(given)})
    return await passwords_of(request).run(platform.accounts.create, name, password, roles=roles, profile=profile)


async def log_in(request: Request) -> MadeKey:
    """Open a session for the name and the password in a request's body.

    Raises:
        RequestError: The body holds none.
        RateExceeded: There were too many tries.
        LoginFailed: One of them is wrong; which is told to nobody.
    """
    from saccade.api.schemas.access import Login

    asked = await read_credentials(request, Login)
    await count_login(request, asked.username)
    platform = platform_of(request)
    lasts_s = platform.settings.access.session_s
    return await passwords_of(request).run(platform.accounts.login, asked.username, asked.password, lasts_s=lasts_s)


async def own_account(request: Request) -> Account | None:
    """Return the caller's account here, None if they have none: another's token, or nobody was asked."""
    caller = caller_of(request)
    if caller.via is Via.OPEN or not is_account_name(caller.id):
        return None
    return await authentications_of(request).run(platform_of(request).accounts.find, caller.id)
