"""Accounts on every database: one name is one account, an admin is always left, a new password ends all sessions."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.access.principals import Role
from saccade.access.records import KeyKind, NewAccount, NewKey
from saccade.backends.database.accounts import SqlAccounts
from saccade.backends.database.keys import SqlKeys
from saccade.errors import AccountExists, AccountUnknown, LastAdmin, LoginFailed

SECRET = "5" * 64


@pytest.fixture
def accounts(db):
    return SqlAccounts(db.database)


@pytest.fixture
def keys(db):
    return SqlKeys(db.database)


def made(accounts, name="alice", *roles, **fields):
    return accounts.create(NewAccount(name, f"hash of {name}", frozenset(roles), **fields))


def session_of(keys, owner, number=1, **fields):
    new = NewKey(f"{number:020x}", KeyKind.SESSION, owner, owner, SECRET, roles=None, scopes=None, lasts_s=60.0)
    return keys.add(new, **fields)


def outcome(act):
    """Return what became of it: a value, or the class of our error; anything else escapes."""
    try:
        return act()
    except (AccountExists, LastAdmin, LoginFailed) as error:
        return type(error)


def test_account_is_kept_as_it_was_made(accounts, db):
    """Every field comes back, and the time is the database's."""
    new = NewAccount("ada", "h", frozenset({Role.ADMIN, Role.RESEARCHER}), "Ada Łovelace", "ada@example.org", "Agency")
    account = accounts.create(new)

    assert account == accounts.find("ada")
    assert (account.password_hash, account.roles) == ("h", {Role.ADMIN, Role.RESEARCHER})
    assert (account.full_name, account.email, account.agency) == ("Ada Łovelace", "ada@example.org", "Agency")
    assert not account.is_disabled
    assert 1_600_000_000_000_000 < account.created_at_us < 4_000_000_000_000_000


@pytest.mark.parametrize(
    "name", ["alice ", "alice  ", "Alice", "ALICE", "alicé", "al\u0131ce", "alice\t", " alice", "%", ""]
)
def test_name_is_itself_and_nothing_like_it(accounts, name):
    """Blanks at the end, capitals and accents make another name, also where the database overlooks them."""
    made(accounts)

    assert accounts.find(name) is None
    with pytest.raises(AccountUnknown):
        accounts.set_role(name, Role.ADMIN, has=True)
    assert accounts.find("alice").roles == frozenset()


def test_name_is_given_once(accounts):
    """The second account of a name is refused, and the first stays as it was."""
    made(accounts)
    with pytest.raises(AccountExists):
        accounts.create(NewAccount("alice", "another", frozenset({Role.ADMIN})))

    assert accounts.find("alice").password_hash == "hash of alice"


def test_name_that_many_want_at_once_is_one_account(accounts):
    """Of sixteen at the same time one is kept and the others are told that it exists."""
    with ThreadPoolExecutor(16) as pool:
        ended = list(pool.map(lambda _: outcome(lambda: made(accounts)), range(16)))

    assert ended.count(AccountExists) == 15


def test_list_goes_on_behind_a_name(accounts):
    """Pages have every account once, in one order."""
    names = ["a.b", "a-b", "ab", "a_b", "a@b.org", "a+b", "0x", "zoe"]
    for name in names:
        made(accounts, name)
    seen, after = [], None
    while page := accounts.list(after=after, limit=3):
        seen += [account.name for account in page]
        after = seen[-1]

    assert sorted(seen) == sorted(names)
    assert [account.name for account in accounts.list(after=None, limit=100)] == seen


def test_roles_are_given_and_taken(accounts):
    """Twice is the same as once, and the others stay."""
    made(accounts, "alice", Role.RESEARCHER)
    for _ in range(2):
        given = accounts.set_role("alice", Role.INVESTIGATOR, has=True)

    assert given.roles == {Role.RESEARCHER, Role.INVESTIGATOR}
    for _ in range(2):
        taken = accounts.set_role("alice", Role.RESEARCHER, has=False)
    assert taken.roles == {Role.INVESTIGATOR}


def test_roles_that_are_given_at_once_are_all_there(accounts):
    """No gift overwrites another one."""
    made(accounts)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda role: accounts.set_role("alice", role, has=True), Role))

    assert accounts.find("alice").roles == set(Role)


def test_role_of_a_newer_version_gives_nothing(accounts, db):
    """A role that this version does not know is none, and the others count."""
    made(accounts)
    db.run("UPDATE account SET roles = 'superadmin,researcher' WHERE name = 'alice'")

    assert accounts.find("alice").roles == {Role.RESEARCHER}


def test_last_admin_stays(accounts):
    """Neither the role nor the way in is taken from the only admin, whatever others may be called."""
    made(accounts, "root", Role.ADMIN)
    made(accounts, "admin", Role.RESEARCHER)
    made(accounts, "shut", Role.ADMIN)
    accounts.set_disabled("shut", disabled=True)

    with pytest.raises(LastAdmin):
        accounts.set_role("root", Role.ADMIN, has=False)
    with pytest.raises(LastAdmin):
        accounts.set_disabled("root", disabled=True)
    accounts.set_role("shut", Role.ADMIN, has=False)  # they could not come in anyway
    accounts.set_disabled("admin", disabled=True)
    assert accounts.find("root").roles == {Role.ADMIN}


@pytest.mark.parametrize("shut", [("role", "role"), ("disable", "disable"), ("role", "disable")])
def test_two_admins_that_shut_each_other_out_leave_one(accounts, shut):
    """At the same moment, by either way, again and again: one of the two is refused."""

    def take(name, how):
        if how == "role":
            return accounts.set_role(name, Role.ADMIN, has=False)
        return accounts.set_disabled(name, disabled=True)

    for name in ("a", "b"):
        made(accounts, name, Role.ADMIN)
    for _ in range(10):
        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(outcome, lambda n=n, how=how: take(n, how)) for n, how in zip("ab", shut, strict=True)]
            ended = [job.result() for job in jobs]

        assert ended.count(LastAdmin) == 1, ended
        for name in ("a", "b"):
            accounts.set_disabled(name, disabled=False)
            accounts.set_role(name, Role.ADMIN, has=True)


def test_new_password_ends_all_sessions_of_its_account(accounts, keys):
    """All of them, and those of nobody else; keys go on."""
    made(accounts)
    made(accounts, "bob")
    for number in (1, 2):
        session_of(keys, "alice", number)
    other = session_of(keys, "bob", 3)
    key = keys.add(NewKey(f"{4:020x}", KeyKind.KEY, "alice", "alice", SECRET, None, frozenset({"jobs:read"})))

    assert accounts.set_password("alice", "new").password_hash == "new"

    sessions = keys.list("alice", kind=KeyKind.SESSION, after=None, limit=10)
    assert [(one.is_usable, one.disabled_by) for one in sessions] == [(False, "alice")] * 2
    assert keys.find(other.id).is_usable
    assert keys.find(key.id).is_usable


def test_password_hashed_anew_ends_nothing(accounts, keys):
    """Sessions go on, and only the very hash that was checked is replaced."""
    made(accounts)
    session = session_of(keys, "alice")

    accounts.set_password("alice", "anew", was="hash of alice", ends_sessions=False)

    assert keys.find(session.id).is_usable
    with pytest.raises(LoginFailed):
        accounts.set_password("alice", "late", was="hash of alice")
    assert accounts.find("alice").password_hash == "anew"
    assert keys.find(session.id).is_usable


def test_session_needs_the_password_that_was_checked(accounts, keys):
    """A password that was changed since, and an account that was disabled since, open no session."""
    made(accounts)
    session_of(keys, "alice", 1, password_hash="hash of alice")
    accounts.set_password("alice", "new")
    with pytest.raises(LoginFailed):
        session_of(keys, "alice", 2, password_hash="hash of alice")
    accounts.set_disabled("alice", disabled=True)
    with pytest.raises(LoginFailed):
        session_of(keys, "alice", 3, password_hash="new")

    assert len(keys.list("alice", kind=KeyKind.SESSION, after=None, limit=10)) == 1


def test_no_session_outlives_a_password_that_is_changed_meanwhile(accounts, keys):
    """Logins with the old password race with its change: afterwards no session is open that was made with it."""
    made(accounts)
    for turn in range(8):
        before = accounts.find("alice").password_hash

        def login(number, *, before=before):
            return outcome(lambda: session_of(keys, "alice", number, password_hash=before))

        with ThreadPoolExecutor(5) as pool:
            logins = [pool.submit(login, turn * 10 + number) for number in range(1, 5)]
            pool.submit(accounts.set_password, "alice", f"new {turn}").result()
            for one in logins:
                one.result()

        sessions = keys.list("alice", kind=KeyKind.SESSION, after=None, limit=100)
        assert [one.id for one in sessions if one.is_usable] == []


def test_profile_changes_what_is_named(accounts):
    """The rest stays, None clears, and what is no field changes nothing."""
    made(accounts, "alice", full_name="Alice", email="a@b.org")

    changed = accounts.set_profile("alice", {"email": None, "agency": "Agency", "roles": "admin"})

    assert (changed.full_name, changed.email, changed.agency) == ("Alice", None, "Agency")
    assert changed.roles == frozenset()
    assert accounts.set_profile("alice", {}) == changed


def test_nothing_is_done_to_nobody(accounts):
    """Each change of an account that is not there says so."""
    for change in (
        lambda: accounts.set_role("nobody", Role.ADMIN, has=False),
        lambda: accounts.set_disabled("nobody", disabled=True),
        lambda: accounts.set_password("nobody", "h"),
        lambda: accounts.set_profile("nobody", {"email": "a@b.org"}),
    ):
        with pytest.raises(AccountUnknown):
            change()
