"""Who you are, accounts and keys: what is sent and what is answered. These bodies are validated by their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from saccade.api.schemas.shape import Request, Shape

RoleName = Literal["investigator", "researcher", "admin"]
ServiceName = Literal["predict_microservice"]

_Name = Field(min_length=1, max_length=128)
_Password = Field(min_length=1, max_length=1024)
_Text = Field(None, max_length=255)


class Login(Request):
    """A name and its password."""

    username: str = _Name
    password: str = _Password


class Session(Shape):
    """A login: what to send as `Authorization: Bearer …`; shown this once."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int
    """Seconds."""


class Profile(Request):
    """What an account says of its owner."""

    full_name: str | None = _Text
    email: str | None = _Text
    agency: str | None = _Text


class NewUser(Profile):
    """An account that is to be made."""

    username: str = _Name
    """Small letters, digits and `._@+-`; it cannot be changed."""

    password: str = _Password
    roles: list[RoleName] = Field([], max_length=3)


class Registration(Profile):
    """An account that somebody makes for themselves; an admin gives it roles."""

    username: str = _Name
    """Small letters, digits and `._@+-`; it cannot be changed."""

    password: str = _Password


class NewPassword(Request):
    """A password that an admin sets."""

    password: str = _Password


class PasswordChange(Request):
    """A password that its owner changes."""

    old_password: str = _Password
    new_password: str = _Password


class UserChange(Request):
    """Whether an account is shut out."""

    disabled: bool


class User(Shape):
    """An account; nothing of its password is ever shown."""

    username: str
    roles: list[RoleName]
    full_name: str | None
    email: str | None
    agency: str | None
    disabled: bool
    created_at: datetime


class UserList(Shape):
    """Accounts by name."""

    users: list[User]
    next: str | None
    """Where the list goes on; null at its end."""


class Me(Shape):
    """Who you are to this server."""

    principal: str
    """Id of whom your jobs belong to."""

    name: str
    roles: list[RoleName]
    via: Literal["open", "key", "session", "jwt", "dev"]
    """How you came in; `open` where nobody is asked."""

    scopes: list[str] | None
    """What your key is limited to; null where you came without one."""

    service: ServiceName | None
    key_id: str | None
    """Id of the key or session that you showed."""

    account: User | None
    """Your account here, if you have one."""


class NewKey(Request):
    """A key that is to be made."""

    scopes: list[str] = Field([], max_length=200)
    """`predict:<model>` or `predict:*`, `jobs:read`, `jobs:write`, `images:read`, `images:write`, `models:admin`,
    `usage:read`, `metrics:read`: what the key lets through of what its owner may. A service key has none."""

    service: ServiceName | None = None
    """What kind of machine the key is for; it opens nothing else."""

    detail: str = Field("", max_length=1000)
    """What the key is for, in your words."""

    expires_in_s: float | None = Field(None, ge=1, le=315_360_000)
    """Seconds until it expires; by default never."""

    owner: str | None = Field(None, min_length=1, max_length=128)
    """Name of the account that the key acts for; by default you. Only admins name another."""


class KeyRotation(Request):
    """How a key is replaced."""

    overlap_s: float = Field(86_400, ge=0, le=2_592_000)
    """How long the old one still opens."""


class Key(Shape):
    """A key without its secret."""

    id: str
    owner: str
    owner_name: str
    scopes: list[str]
    service: ServiceName | None
    detail: str
    usable: bool
    """Neither expired nor disabled, and its owner is not shut out."""

    created_at: datetime
    expires_at: datetime | None
    disabled_at: datetime | None
    disabled_by: str | None
    rotated_from: str | None
    last_used_at: datetime | None
    """To the minute."""


class KeyMade(Key):
    """A key with its secret: it is shown this once."""

    key: str
    """What to send as `Authorization: Bearer …` or `X-API-Key`."""


class KeyList(Shape):
    """Keys, newest first."""

    keys: list[Key]
    next: str | None
    """Where the list goes on; null at its end."""
