"""What access needs kept: accounts, and keys with sessions. Every write is durable when the call returns.

Every method raises ``DatabaseUnreachable`` where the database does not answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from saccade.access.principals import Role
from saccade.access.records import Account, KeyKind, KeyRecord, NewAccount, NewKey


class Accounts(Protocol):
    """The accounts of this server."""

    def create(self, new: NewAccount) -> Account:
        """Keep a new account.

        Raises:
            AccountExists: There is one of this name.
        """

    def find(self, name: str) -> Account | None:
        """Return an account, or None."""

    def list(self, *, after: str | None, limit: int) -> Sequence[Account]:
        """Return accounts by name, from behind one on."""

    def set_role(self, name: str, role: Role, *, has: bool) -> Account:
        """Give or take a role. Idempotent.

        Raises:
            AccountUnknown: There is no such account.
            LastAdmin: It would leave no admin who may come in.
        """

    def set_disabled(self, name: str, *, disabled: bool) -> Account:
        """Shut an account out, with all its keys and sessions, or let it in again. Idempotent.

        Raises:
            AccountUnknown: There is no such account.
            LastAdmin: It would leave no admin who may come in.
        """

    def set_password(
        self, name: str, password_hash: str, *, was: str | None = None, ends_sessions: bool = True
    ) -> Account:
        """Change a password; all sessions of the account end in the same transaction.

        Args:
            name: Of the account.
            password_hash: Of the new password.
            was: What is kept of the old one, where it was checked: only that is replaced.
            ends_sessions: False where it is the same password, hashed anew.

        Raises:
            AccountUnknown: There is no such account.
            LoginFailed: The password is not ``was`` any more.
        """

    def set_profile(self, name: str, fields: Mapping[str, str | None]) -> Account:
        """Change ``full_name``, ``email`` or ``agency``; what is not named stays.

        Raises:
            AccountUnknown: There is no such account.
        """


class Keys(Protocol):
    """Keys and sessions. They are never deleted, so that the ledger can say who used what."""

    def add(self, new: NewKey, *, password_hash: str | None = None) -> KeyRecord:
        """Keep a new one.

        Args:
            new: What is kept.
            password_hash: What is kept of its owner's password, where that was checked for it: so no session is opened
                with a password that is being changed at this moment.

        Raises:
            LoginFailed: The owner has another password by now, or is disabled.
        """

    def find(self, key_id: str) -> KeyRecord | None:
        """Return one with what its owner may at this moment, or None."""

    def list(self, owner: str | None, *, kind: KeyKind, after: str | None, limit: int) -> Sequence[KeyRecord]:
        """Return those of an owner (None: of all), newest first: ids sort by their time, from behind one on."""

    def disable(self, key_id: str, *, by: str) -> KeyRecord:
        """Let it open nothing any more. Idempotent: the first to do so stands.

        Raises:
            KeyUnknown: There is none.
        """

    def rotate(self, old_id: str, new: NewKey, *, overlap_s: float) -> KeyRecord:
        """Keep a new one in the place of an old one, which opens for so many seconds more, or until its own end.

        Raises:
            KeyUnknown: There is none.
            KeyDisabled: It opens nothing any more, or another one took its place already.
        """

    def note_used(self, used_at_us: Mapping[str, int]) -> None:
        """Note when keys were used last, by id; an earlier time than is known changes nothing."""
