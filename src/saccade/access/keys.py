"""Keys and sessions: made, shown once, recognised, renewed and shut.

What a key opens is looked up every few seconds and remembered in between, so that a request costs no question to the
database and a disabled key is dead everywhere soon. While the database is away nobody is let in unverified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from saccade.access.credentials import Credential, is_key_id, new_credential, read_credential
from saccade.access.names import invalid, is_account_name, is_plain
from saccade.access.policy import Action, Verdict, allow, is_scope
from saccade.access.ports import Keys
from saccade.access.principals import ANONYMOUS_ID, Principal, Role, Service, Via
from saccade.access.records import Account, KeyKind, KeyRecord, NewKey
from saccade.access.remembering import Found, LastUsed
from saccade.access.service import refusal
from saccade.clock import monotonic_s, utc_now
from saccade.errors import Forbidden, KeyUnknown

DEFAULT_OVERLAP_S = 24 * 3600.0
MAX_OVERLAP_S = 30 * 24 * 3600.0
MAX_LASTS_S = 3650 * 24 * 3600.0
MAX_SCOPES = 100
MAX_DETAIL_CHARS = 1000
_MOST_REMEMBERED = 10_000
_MAX_OWNER_CHARS = 255
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key or session that was made a moment ago.

    Attributes:
        text: The whole of it, secret and all: nobody can read it again.
        record: What was kept.
    """

    text: str = field(repr=False)
    record: KeyRecord


class KeyRing:
    """Knows whose a key or session is. Thread-safe."""

    def __init__(
        self,
        keys: Keys,
        *,
        recheck_s: float,
        takes_development: bool = True,
        takes_outside: bool = True,
        outside_lasts_s: float = MAX_LASTS_S,
        most: int = _MOST_REMEMBERED,
        clock: Callable[[], float] = monotonic_s,
    ) -> None:
        """Recognise what is kept.

        Args:
            keys: Where they are kept.
            recheck_s: How long one that was found is not looked up again.
            takes_development: Whether keys open that were made with development tokens; production says no.
            takes_outside: Whether keys open that were made with a provider's tokens: as long as such tokens do.
            outside_lasts_s: Longest life of keys of those who have no account here: nobody tells us that they left.
            most: How many are remembered.
            clock: Seconds that never go back.
        """
        self._keys = keys
        shut = {Via.DEVELOPMENT: takes_development, Via.JWT: takes_outside}
        self._shut = tuple(f"{via.value}:" for via, is_taken in shut.items() if not is_taken)
        self._outside_lasts_s = outside_lasts_s
        self._found = Found(fresh_s=recheck_s, most=most, clock=clock)
        self._used = LastUsed()

    def recall(self, text: str) -> Principal | None:
        """Return whose it is if that was found out a moment ago; never asks the database."""
        shown = read_credential(text)
        record = self._found.recall(shown.id) if shown else None
        if shown is None or record is None or not self._opens(record, shown):
            return None
        return self._let_in(record)

    def read(self, text: str) -> Principal:
        """Return whose it is.

        Raises:
            CredentialInvalid: It opens nothing.
            DatabaseUnreachable: Nobody can tell.
        """
        shown = read_credential(text)
        record = self._record(shown.id) if shown else None
        if shown is None or record is None or not self._opens(record, shown):
            raise refusal()
        return self._let_in(record)

    def make(
        self,
        maker: Principal,
        *,
        scopes: frozenset[str] = frozenset(),
        service: Service | None = None,
        detail: str = "",
        lasts_s: float | None = None,
        owner: Account | None = None,
    ) -> MadeKey:
        """Make a key, which opens no more than its owner may.

        Args:
            maker: Who makes it, and whose it is unless ``owner`` is given.
            scopes: What it is limited to; at least one, but none for a service key.
            service: Kind of service key.
            detail: What it is for, in its owner's words.
            lasts_s: Seconds until it expires; None never, if its owner has an account here.
            owner: Whose it is, if an admin makes it for somebody else.

        Raises:
            ParameterInvalid: A scope does not exist, or a value lies outside its range.
            Forbidden: The maker may not make such a key, or the owner's roles do not allow what it is for.
        """
        faults = _faults(scopes, service, detail, lasts_s)
        if faults:
            raise invalid(faults)
        _check_maker(maker, service, owner)
        for_id, for_name, roles = (
            (owner.name, owner.name, owner.roles) if owner else (maker.id, maker.name, maker.roles)
        )
        if for_id == ANONYMOUS_ID:
            raise Forbidden(
                "Nobody is asked who they are here, so a key would belong to everybody, and outlive that.",
                hint="Make it for an account: saccade keys create NAME.",
            )
        _check_roles(roles, scopes)
        kept = None
        if not is_account_name(for_id):
            kept, lasts_s = roles, min(lasts_s or self._outside_lasts_s, self._outside_lasts_s)
        return self._add(
            KeyKind.KEY,
            lambda made: NewKey(
                id=made.id,
                kind=made.kind,
                owner=for_id,
                owner_name=for_name,
                secret_hash=made.secret_hash,
                roles=kept,
                scopes=scopes,
                service=service,
                detail=detail.strip(),
                lasts_s=lasts_s,
            ),
        )

    def open_session(self, account: Account, *, lasts_s: float) -> MadeKey:
        """Make a session for somebody whose password was checked.

        Raises:
            LoginFailed: The account has another password by now, or was disabled.
        """
        return self._add(
            KeyKind.SESSION,
            lambda made: NewKey(
                id=made.id,
                kind=made.kind,
                owner=account.name,
                owner_name=account.name,
                secret_hash=made.secret_hash,
                roles=None,
                scopes=None,
                lasts_s=lasts_s,
            ),
            password_hash=account.password_hash,
        )

    def find(self, by: Principal, key_id: str) -> KeyRecord:
        """Return a key of somebody's own, or to an admin any.

        Raises:
            KeyUnknown: There is none, or it is somebody else's: that is not told apart.
        """
        record = self._keys.find(key_id) if is_key_id(key_id) else None
        if record is None or record.kind is not KeyKind.KEY or not (record.owner == by.id or by.is_admin):
            raise KeyUnknown("There is no such key.")
        return record

    def list(self, owner: str | None, *, after: str | None = None, limit: int = 50) -> Sequence[KeyRecord]:
        """Return an owner's keys (None: all), newest first, from behind one on.

        Raises:
            ParameterInvalid: ``after`` is no id of a key.
        """
        if after is not None and not is_key_id(after):
            raise invalid({"after": "must be the id of a key"})
        if owner is not None and not is_plain(owner, most=_MAX_OWNER_CHARS):
            return []
        return self._keys.list(owner, kind=KeyKind.KEY, after=after, limit=limit)

    def rotate(self, by: Principal, key_id: str, *, overlap_s: float = DEFAULT_OVERLAP_S) -> MadeKey:
        """Make a key in the place of another one, which opens for so many seconds more; it lasts as long as that did.

        Raises:
            ParameterInvalid: The overlap lies outside 0 to 30 days.
            KeyUnknown: There is none, or it is somebody else's.
            KeyDisabled: It opens nothing any more, or another one has its place already.
            Forbidden: It is a service key, and they may not make such any more.
        """
        if not 0 <= overlap_s <= MAX_OVERLAP_S:
            raise invalid({"overlap_s": f"must lie between 0 and {MAX_OVERLAP_S:.0f}"})
        old = self.find(by, key_id)
        if old.service is not None and not _may(by.roles, Action.SERVICE_KEYS_WRITE):
            raise Forbidden("Your roles do not allow you to make service keys.")
        kept = None
        if not is_account_name(old.owner):  # whoever lost a role since then does not carry it on
            kept = old.roles & by.roles if by.id == old.owner else old.roles
        text, made = new_credential(KeyKind.KEY)
        new = NewKey(
            id=made.id,
            kind=made.kind,
            owner=old.owner,
            owner_name=old.owner_name,
            secret_hash=made.secret_hash,
            roles=kept,
            scopes=old.scopes,
            service=old.service,
            detail=old.detail,
            lasts_s=_span_s(old),
            rotated_from=old.id,
        )
        record = self._keys.rotate(old.id, new, overlap_s=overlap_s)
        self._found.forget(old.id)
        return MadeKey(text, record)

    def disable(self, by: Principal, key_id: str) -> KeyRecord:
        """Let a key open nothing any more: here at once, elsewhere within seconds. Idempotent.

        Raises:
            KeyUnknown: There is none, or it is somebody else's.
        """
        old = self.find(by, key_id)
        record = self._keys.disable(old.id, by=by.id)
        self._found.forget(old.id)
        return record

    def end_session(self, key_id: str) -> None:
        """Let a session open nothing any more; a key is none. Idempotent.

        Raises:
            KeyUnknown: There is no such session.
        """
        record = self._keys.find(key_id) if is_key_id(key_id) else None
        if record is None or record.kind is not KeyKind.SESSION:
            raise KeyUnknown("There is no such session.")
        self._keys.disable(record.id, by=record.owner)
        self._found.forget(record.id)

    def forget_owner(self, owner: str) -> None:
        """Look up anew what an owner's keys and sessions open, from the next request on."""
        self._found.forget_owner(owner)

    def flush_used(self, *, is_last: bool = False) -> None:
        """Write when keys were used last, each at most once a minute; call it every now and then.

        Args:
            is_last: Write all of it, for the process is about to end.

        Raises:
            DatabaseUnreachable: The database does not answer; it is written another time.
        """
        self._used.flush(self._keys.note_used, now_us=_now_us(), is_last=is_last)

    def _add(
        self, kind: KeyKind, describe: Callable[[Credential], NewKey], *, password_hash: str | None = None
    ) -> MadeKey:
        text, made = new_credential(kind)
        return MadeKey(text, self._keys.add(describe(made), password_hash=password_hash))

    def _record(self, key_id: str) -> KeyRecord | None:
        """Return a record that is no older than ``recheck_s``."""
        record = self._found.recall(key_id)
        if record is not None or self._found.is_unknown(key_id):
            return record
        asked = self._found.asking()
        record = self._keys.find(key_id)
        self._found.keep(key_id, record, asked)
        return record

    def _opens(self, record: KeyRecord, shown: Credential) -> bool:
        """Say whether this is the secret, of the right kind, and opens anything."""
        is_shut = bool(self._shut) and record.owner.startswith(self._shut)
        return shown.is_of(record.secret_hash) and shown.kind is record.kind and record.is_usable and not is_shut

    def _let_in(self, record: KeyRecord) -> Principal:
        self._used.note(record.id, _now_us())
        is_key = record.kind is KeyKind.KEY
        return Principal(
            id=record.owner,
            name=record.owner_name,
            roles=record.roles,
            via=Via.KEY if is_key else Via.SESSION,
            # Only a session is without limits: a key whose scopes were lost opens nothing.
            scopes=(record.scopes or frozenset()) if is_key else None,
            service=record.service,
            key_id=record.id,
        )


def _faults(scopes: frozenset[str], service: Service | None, detail: str, lasts_s: float | None) -> dict[str, str]:
    """Return what is wrong with the wishes for a key."""
    faults = {}
    unknown = sorted(scope for scope in scopes if not is_scope(scope))
    if service is not None and scopes:
        faults["scopes"] = "must be none: a service key opens what its service needs, and nothing else"
    elif service is None and not 1 <= len(scopes) <= MAX_SCOPES:
        faults["scopes"] = f"must be 1 to {MAX_SCOPES}"
    elif unknown:
        faults["scopes"] = f"has {', '.join(ascii(scope[:64]) for scope in unknown[:3])}, which is no scope"
    if not is_plain(detail, most=MAX_DETAIL_CHARS):
        faults["detail"] = f"must have at most {MAX_DETAIL_CHARS} characters, none of them a control character"
    if lasts_s is not None and not 1 <= lasts_s <= MAX_LASTS_S:
        faults["lasts_s"] = f"must lie between 1 and {MAX_LASTS_S:.0f}"
    return faults


def _check_maker(maker: Principal, service: Service | None, owner: Account | None) -> None:
    """Return if somebody may make such a key.

    Raises:
        Forbidden: They may not.
    """
    if maker.scopes is not None or maker.service is not None:
        raise Forbidden("A key makes no keys.", hint="Log in, or come with a token.")
    if owner is not None and owner.name != maker.id and not maker.is_admin:
        raise Forbidden("Only an admin makes keys for others.")
    if service is not None and not _may(maker.roles, Action.SERVICE_KEYS_WRITE):
        raise Forbidden("Your roles do not allow you to make service keys.")


def _check_roles(roles: frozenset[Role], scopes: frozenset[str]) -> None:
    """Return if the owner's roles allow all that a key is for; such a key would else be made in vain.

    Raises:
        Forbidden: They do not.
    """
    for scope in sorted(scopes):
        lacking = [action for action in _opened_by(scope) if not _may(roles, action)]
        if lacking:
            raise Forbidden(
                f"The owner's roles do not allow what the scope {scope} is for: {', '.join(lacking)}.",
                hint="An admin gives roles: saccade users role NAME ROLE.",
            )


def _may(roles: frozenset[Role], action: Action) -> bool:
    return allow(Principal("", "", roles, Via.SESSION), action) is Verdict.ALLOWED


def _opened_by(scope: str) -> list[Action]:
    """Return what a scope lets through, of an owner who may do everything, beyond what any key does."""
    bare, scoped = (Principal("", "", frozenset(Role), Via.KEY, scopes=frozenset(scopes)) for scopes in ((), (scope,)))
    return [action for action in Action if allow(bare, action) is not allow(scoped, action)]


def _span_s(record: KeyRecord) -> float | None:
    """Return how long a key was made to last."""
    if record.expires_at_us is None:
        return None
    return (record.expires_at_us - record.created_at_us) / _SECOND_US


def _now_us() -> int:
    return int(utc_now().timestamp() * _SECOND_US)
