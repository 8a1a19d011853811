"""Accounts of this server: made, logged in, changed and shut out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saccade.access.keys import KeyRing, MadeKey
from saccade.access.names import NAME_FAULT, account_name, check_profile, invalid
from saccade.access.passwords import Passwords
from saccade.access.ports import Accounts
from saccade.access.principals import Role
from saccade.access.records import Account, NewAccount
from saccade.errors import AccountExists, AccountUnknown, LoginFailed


class AccountBook:
    """All accounts. Thread-safe; names may be given in capitals, and are kept in small letters."""

    def __init__(self, accounts: Accounts, ring: KeyRing, passwords: Passwords) -> None:
        """Keep accounts.

        Args:
            accounts: Where they are kept.
            ring: What makes and ends their sessions.
            passwords: What is asked of passwords.
        """
        self._accounts = accounts
        self._ring = ring
        self._passwords = passwords

    def create(
        self,
        name: str,
        password: str,
        *,
        roles: frozenset[Role] = frozenset(),
        profile: Mapping[str, str | None] | None = None,
    ) -> Account:
        """Make an account.

        Args:
            name: As it was given.
            password: As it was typed.
            roles: What they may do.
            profile: ``full_name``, ``email`` and ``agency``, as far as they are known.

        Raises:
            ParameterInvalid: The name, the password or a field is not taken; all that is wrong is told at once.
            AccountExists: There is one of this name.
            QueueFull: Too many passwords are being looked at.
        """
        wanted = account_name(name)
        fields, faults = check_profile(profile or {})
        if wanted is None:
            faults["name"] = NAME_FAULT
        if fault := self._passwords.fault(password, name=wanted or ""):
            faults["password"] = fault
        if wanted is None or faults:
            raise invalid(faults)
        self.check_free(wanted)  # before the hash, which is dear
        return self._accounts.create(NewAccount(wanted, self._passwords.hash(password), roles, **fields))

    def check_free(self, name: str) -> None:
        """Return if an account of this name can be made.

        Raises:
            ParameterInvalid: None can have this name.
            AccountExists: There is one.
        """
        wanted = account_name(name)
        if wanted is None:
            raise invalid({"name": NAME_FAULT})
        if self._accounts.find(wanted) is not None:
            raise AccountExists(f"There is an account {wanted} already.")

    def check_password(self, name: str, password: str) -> None:
        """Return if an account of this name may have this password.

        Raises:
            ParameterInvalid: It is not taken.
        """
        if fault := self._passwords.fault(password, name=account_name(name) or ""):
            raise invalid({"password": fault})

    def login(self, name: str, password: str, *, lasts_s: float) -> MadeKey:
        """Open a session for somebody who knows the password.

        It takes as long, and says the same, if there is no such account.

        Args:
            name: As it was given.
            password: As it was typed.
            lasts_s: Seconds until the session ends.

        Raises:
            LoginFailed: The name or the password is wrong, or the account is disabled: that is not told apart.
            QueueFull: Too many passwords are being looked at.
        """
        account = self._verified(name, password)
        if self._passwords.is_outdated(account.password_hash):
            renewed = self._passwords.hash(password)
            account = self._accounts.set_password(account.name, renewed, was=account.password_hash, ends_sessions=False)
        return self._ring.open_session(account, lasts_s=lasts_s)

    def logout(self, key_id: str) -> None:
        """End a session. Idempotent.

        Args:
            key_id: Of the session, as its principal has it.

        Raises:
            KeyUnknown: There is no such session.
        """
        self._ring.end_session(key_id)

    def change_password(self, name: str, old: str, new: str) -> Account:
        """Change a password for its owner; all their sessions end.

        Raises:
            LoginFailed: The old one is wrong.
            ParameterInvalid: The new one is not taken.
            QueueFull: Too many passwords are being looked at.
        """
        account = self._verified(name, old)
        if new == old:
            raise invalid({"password": "must be another one than before"})
        self.check_password(account.name, new)
        changed = self._accounts.set_password(account.name, self._passwords.hash(new), was=account.password_hash)
        self._ring.forget_owner(account.name)
        return changed

    def set_password(self, name: str, new: str) -> Account:
        """Change a password for an admin, who need not know the old one; all sessions of the account end.

        Raises:
            AccountUnknown: There is no such account.
            ParameterInvalid: The new one is not taken.
            QueueFull: Too many passwords are being looked at.
        """
        account = self.find(name)
        self.check_password(account.name, new)
        changed = self._accounts.set_password(account.name, self._passwords.hash(new))
        self._ring.forget_owner(account.name)
        return changed

    def set_role(self, name: str, role: Role, *, has: bool) -> Account:
        """Give or take a role. Idempotent.

        Raises:
            AccountUnknown: There is no such account.
            LastAdmin: It would leave no admin who may come in.
        """
        changed = self._accounts.set_role(_known(name), role, has=has)
        self._ring.forget_owner(changed.name)
        return changed

    def set_disabled(self, name: str, *, disabled: bool) -> Account:
        """Shut an account out, with all its keys and sessions, or let it in again. Idempotent.

        Raises:
            AccountUnknown: There is no such account.
            LastAdmin: It would leave no admin who may come in.
        """
        changed = self._accounts.set_disabled(_known(name), disabled=disabled)
        self._ring.forget_owner(changed.name)
        return changed

    def set_profile(self, name: str, fields: Mapping[str, str | None]) -> Account:
        """Change what is named of ``full_name``, ``email`` and ``agency``; None and empty clear it.

        Raises:
            AccountUnknown: There is no such account.
            ParameterInvalid: A field is not taken.
        """
        kept, faults = check_profile(fields)
        if faults:
            raise invalid(faults)
        return self._accounts.set_profile(_known(name), kept)

    def find(self, name: str) -> Account:
        """Return an account.

        Raises:
            AccountUnknown: There is no such account.
        """
        account = self._accounts.find(_known(name))
        if account is None:
            raise _unknown()
        return account

    def list(self, *, after: str | None = None, limit: int = 50) -> Sequence[Account]:
        """Return accounts by name, from behind one on.

        Raises:
            ParameterInvalid: ``after`` is no name that an account can have.
        """
        if after is not None and account_name(after) is None:
            raise invalid({"after": "must be the name of an account"})
        return self._accounts.list(after=after, limit=limit)

    def _verified(self, name: str, password: str) -> Account:
        """Return the account whose password this is, after the same time whether there is one or not.

        Raises:
            LoginFailed: There is none.
        """
        wanted = account_name(name)
        account = self._accounts.find(wanted) if wanted is not None else None
        is_right = self._passwords.matches(account.password_hash if account else None, password)
        if account is None or account.is_disabled or not is_right:
            raise LoginFailed("The name or the password is wrong.")
        return account


def _known(name: str) -> str:
    """Return the name that is meant.

    Raises:
        AccountUnknown: No account can have it.
    """
    wanted = account_name(name)
    if wanted is None:
        raise _unknown()
    return wanted


def _unknown() -> AccountUnknown:
    return AccountUnknown("There is no such account.")
