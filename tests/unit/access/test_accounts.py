"""Accounts as their owners, admins and attackers meet them: names, logins, passwords, and sessions that end."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher, extract_parameters

from saccade.access.principals import Principal, Role, Via
from saccade.errors import (
    AccountExists,
    AccountUnknown,
    CredentialInvalid,
    DatabaseUnreachable,
    KeyUnknown,
    LastAdmin,
    LoginFailed,
    ParameterInvalid,
)
from unit.access.kept import GOOD, Kept, open_file

BETTER = "staple and battery"
BAD_NAMES = [
    "", " ", "alice ", " alice", "alice\n", "alice\0", "al ice", "al:ice", "jwt:alice", "dev:alice", "al/ice",
    "../alice", ".alice", "-alice", "_alice", "@alice", "alicé", "al\u0131ce", "\u0430lice", "\uff41lice", "\u212aate",
    "\u017fam", "alice\u200b", "ali\u202ece", "a" * 129, "a" * 1_000_000, "anonymous", "Anonymous", "nobody", "NOBODY",
    "\ud800", "alice'--", "alice%", "alice,admin", "alice\\",
]  # fmt: skip

_numbers = itertools.count()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    opened = open_file(tmp_path_factory.mktemp("accounts"))
    yield opened
    opened.close()


@pytest.fixture
def kept(database):
    return Kept(database)


@pytest.fixture
def book(kept):
    return kept.book


@pytest.fixture
def alice(book):
    """Return an account of this test's own."""
    return book.create(f"alice{next(_numbers)}", GOOD, roles=frozenset({Role.INVESTIGATOR}))


def test_name_is_kept_in_small_letters(book):
    """Capitals are the same account, in every call."""
    name = f"Ada.Lovelace+{next(_numbers)}@Example.org"
    account = book.create(name, GOOD)

    assert account.name == name.lower()
    assert book.find(name.upper()) == account
    assert book.login(name.upper(), GOOD, lasts_s=60).record.owner == account.name
    with pytest.raises(AccountExists):
        book.create(name.upper(), GOOD)
    assert book.set_role(name.upper(), Role.INVESTIGATOR, has=True).name == account.name


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name)[:20])
def test_name_that_could_be_mistaken_is_refused(book, kept, name):
    """Blanks, colons, look-alikes, other scripts, floods and reserved words: no account, no question, no login."""
    with pytest.raises(ParameterInvalid) as refusal:
        book.create(name, GOOD)
    assert list(refusal.value.faults) == ["name"]
    with pytest.raises(LoginFailed):
        book.login(name, GOOD, lasts_s=60)
    for act in (
        lambda: book.find(name),
        lambda: book.set_role(name, Role.ADMIN, has=True),
        lambda: book.set_disabled(name, disabled=False),
        lambda: book.set_password(name, GOOD),
        lambda: book.set_profile(name, {}),
    ):
        with pytest.raises(AccountUnknown):
            act()

    assert kept.accounts.calls == []


@pytest.mark.parametrize("name", ["a", "0", "a" * 128, "a.b-c_d+e@f", "9lives"])
def test_name_by_the_rule_is_taken(book, name):
    """The shortest, the longest, and every sign."""
    assert book.create(name, GOOD).name == name


def test_all_faults_are_told_at_once(book, kept):
    """Whoever fills in a form learns of every field, and nothing is made."""
    profile = {"full_name": "x" * 256, "email": "nowhere", "agency": "two\nlines", "roles": "admin"}
    with pytest.raises(ParameterInvalid) as refusal:
        book.create("al:ice", "short", profile=profile)

    assert set(refusal.value.faults) == {"name", "password", "full_name", "email", "agency", "roles"}
    assert kept.accounts.calls == []
    assert "short" not in str(refusal.value).split()


@pytest.mark.parametrize("text", ["a\0b", "a\x1b[31m", "\u202egnp", "a\u2028b", "\ud800", "x" * 256])
@pytest.mark.parametrize("field", ["full_name", "agency", "email"])
def test_profile_has_no_control_characters(book, alice, field, text):
    """Nothing that breaks a line, turns a text round or does not fit."""
    with pytest.raises(ParameterInvalid) as refusal:
        book.set_profile(alice.name, {field: text})

    assert list(refusal.value.faults) == [field]
    assert book.find(alice.name) == alice


@pytest.mark.parametrize("email", ["nowhere", "@example.org", "a@", "a b@example.org", "a@b@c"])
def test_email_is_an_address(book, alice, email):
    """A text with one @ and something on either side."""
    with pytest.raises(ParameterInvalid):
        book.set_profile(alice.name, {"email": email})


def test_profile_changes_what_is_named(book, alice):
    """Blanks at the ends go, empty clears, what is not named stays."""
    book.set_profile(alice.name, {"full_name": "  Ada Łovelace  ", "email": "ada@example.org"})
    changed = book.set_profile(alice.name, {"email": " "})

    assert (changed.full_name, changed.email, changed.agency) == ("Ada Łovelace", None, None)


def test_name_that_two_want_at_once_is_one_account(book):
    """Eight threads: one makes it, the others are told, and the winner's password opens."""

    def create(number):
        try:
            return book.create(name, f"{GOOD} {number}")
        except AccountExists:
            return None

    name = f"wanted{next(_numbers)}"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(create, range(8)))

    (winner,) = [number for number, account in enumerate(made) if account]
    assert book.login(name, f"{GOOD} {winner}", lasts_s=60)


def test_taken_name_costs_no_hash(book, kept, alice):
    """Whoever tries names costs little."""
    kept.accounts.calls.clear()
    with pytest.raises(AccountExists):
        book.create(alice.name, GOOD)

    assert kept.accounts.calls == ["find"]


def test_login_opens_a_session(book, kept, alice):
    """The session's principal is the account, without limits of scopes, for as long as was said."""
    made = book.login(alice.name, GOOD, lasts_s=3600)

    assert made.text.startswith(f"sas_{made.record.id}_")
    assert kept.ring.read(made.text) == Principal(
        alice.name, alice.name, alice.roles, Via.SESSION, key_id=made.record.id
    )
    assert made.record.expires_at_us - made.record.created_at_us == 3_600_000_000


def test_login_fails_in_one_wording(book, alice):
    """Unknown name, impossible name, wrong password, endless password, disabled account: all the same."""
    shut = book.create(f"shut{next(_numbers)}", GOOD)
    book.set_disabled(shut.name, disabled=True)
    said = set()
    for name, password in [
        ("stranger", GOOD),
        ("al:ice", GOOD),
        (alice.name, GOOD + " "),
        (alice.name, GOOD.upper()),
        (alice.name, ""),
        (alice.name, "x" * 1_000_000),
        (alice.name, "\ud800"),
        (alice.name, alice.password_hash),
        (shut.name, GOOD),
        (shut.name, "wrong"),
    ]:
        with pytest.raises(LoginFailed) as refusal:
            book.login(name, password, lasts_s=60)
        said.add((str(refusal.value), refusal.value.hint))

    assert len(said) == 1


def test_every_failed_login_costs_one_verification(database):
    """Whether there is such an account, it is disabled or its name is impossible: the same work is done."""

    class Counted(PasswordHasher):
        count = 0

        def verify(self, kept, password):
            self.count += 1
            return super().verify(kept, password)

    hasher = Counted(time_cost=1, memory_cost=8, parallelism=1)
    book = Kept(database, hasher=hasher).book
    known, shut = (book.create(f"{what}{next(_numbers)}", GOOD).name for what in ("known", "shut"))
    book.set_disabled(shut, disabled=True)
    for name in (known, shut, "stranger", "al:ice", ""):
        hasher.count = 0
        with pytest.raises(LoginFailed):
            book.login(name, "wrong password", lasts_s=60)

        assert hasher.count == 1


def test_login_hashes_anew_what_was_hashed_in_an_older_way(database, kept, alice):
    """The password stays, other sessions go on, and the next login finds nothing to do."""
    other = kept.book.login(alice.name, GOOD, lasts_s=60)
    newer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    upgraded = Kept(database, hasher=newer)
    session = upgraded.book.login(alice.name, GOOD, lasts_s=60)
    renewed = upgraded.book.find(alice.name).password_hash

    assert extract_parameters(renewed).memory_cost == 16
    assert upgraded.ring.read(session.text)
    assert upgraded.ring.read(other.text)
    upgraded.book.login(alice.name, GOOD, lasts_s=60)
    assert upgraded.book.find(alice.name).password_hash == renewed
    with pytest.raises(LoginFailed):
        upgraded.book.login(alice.name, BETTER, lasts_s=60)


def test_logout_ends_one_session(book, kept, alice):
    """At once and for ever; another session and a key go on, and a key cannot be logged out."""
    one, other = (book.login(alice.name, GOOD, lasts_s=60) for _ in range(2))
    me = kept.ring.read(one.text)
    key = kept.ring.make(me, scopes=frozenset({"jobs:read"}))
    for _ in range(2):
        book.logout(me.key_id)

    with pytest.raises(CredentialInvalid):
        kept.ring.read(one.text)
    assert kept.ring.read(other.text)
    assert kept.ring.read(key.text)
    for odd in (key.record.id, "", "0" * 20, "\0"):
        with pytest.raises(KeyUnknown):
            book.logout(odd)
    assert kept.ring.read(key.text)


def test_changed_password_ends_all_sessions(book, kept, alice):
    """By its owner, who knows the old one: sessions are dead at once, the old password opens nothing, keys go on."""
    sessions = [book.login(alice.name, GOOD, lasts_s=60) for _ in range(2)]
    key = kept.ring.make(kept.ring.read(sessions[0].text), scopes=frozenset({"jobs:read"}))
    for made in (*sessions, key):
        kept.ring.read(made.text)
    book.change_password(alice.name, GOOD, BETTER)

    for made in sessions:
        with pytest.raises(CredentialInvalid):
            kept.ring.read(made.text)
    assert kept.ring.read(key.text)
    with pytest.raises(LoginFailed):
        book.login(alice.name, GOOD, lasts_s=60)
    assert book.login(alice.name, BETTER, lasts_s=60)


def test_changed_password_ends_sessions_in_other_processes_in_time(database, kept, alice):
    """After their time of recheck, not later; where an admin set it at once."""
    elsewhere = Kept(database)
    session = kept.book.login(alice.name, GOOD, lasts_s=60)
    for process in (kept, elsewhere):
        process.ring.read(session.text)
    kept.book.set_password(alice.name, BETTER)
    with pytest.raises(CredentialInvalid):
        kept.ring.read(session.text)
    elsewhere.clock.now_s += 2.0

    with pytest.raises(CredentialInvalid):
        elsewhere.ring.read(session.text)


def test_password_is_not_changed_without_the_old_one(book, alice):
    """Neither with a wrong one, nor to a poor one, nor to the same; sessions go on."""
    session = book.login(alice.name, GOOD, lasts_s=60)
    with pytest.raises(LoginFailed):
        book.change_password(alice.name, BETTER, BETTER)
    for poor in (GOOD, "short", alice.name, "x" * 2000):
        with pytest.raises(ParameterInvalid) as refusal:
            book.change_password(alice.name, GOOD, poor)
        assert list(refusal.value.faults) == ["password"]
        assert poor not in str(refusal.value).split()

    assert book.find(alice.name) == alice
    assert session.record.is_usable


def test_password_that_an_admin_set_meanwhile_stands(book, kept, alice):
    """Whoever still knew the old one, and was in the middle of changing it, changes nothing."""

    def admin_is_faster(name):
        kept.accounts.after = None
        assert name == "find"
        book.set_password(alice.name, BETTER)

    kept.accounts.after = admin_is_faster
    with pytest.raises(LoginFailed):
        book.change_password(alice.name, GOOD, "the attacker's choice")

    assert book.login(alice.name, BETTER, lasts_s=60)


def test_login_that_a_change_of_password_overtakes_fails(book, kept, alice):
    """The old password was right a moment ago; no session is left of it."""

    def owner_is_faster(name):
        kept.accounts.after = None
        assert name == "find"
        book.set_password(alice.name, BETTER)

    kept.accounts.after = owner_is_faster
    with pytest.raises(LoginFailed):
        book.login(alice.name, GOOD, lasts_s=60)


def test_disabled_account_is_out_with_its_sessions(book, kept, alice):
    """At once here; let in again it can log in."""
    session = book.login(alice.name, GOOD, lasts_s=60)
    kept.ring.read(session.text)
    book.set_disabled(alice.name, disabled=True)
    with pytest.raises(CredentialInvalid):
        kept.ring.read(session.text)
    with pytest.raises(LoginFailed):
        book.login(alice.name, GOOD, lasts_s=60)
    with pytest.raises(LoginFailed):
        book.change_password(alice.name, GOOD, BETTER)
    book.set_disabled(alice.name, disabled=False)

    assert book.login(alice.name, GOOD, lasts_s=60)


def test_role_counts_in_open_sessions_at_once(book, kept, alice):
    """Given and taken while the session is remembered."""
    session = book.login(alice.name, GOOD, lasts_s=60)
    kept.ring.read(session.text)
    book.set_role(alice.name, Role.RESEARCHER, has=True)
    assert kept.ring.read(session.text).roles == {Role.RESEARCHER, Role.INVESTIGATOR}
    book.set_role(alice.name, Role.RESEARCHER, has=False)

    assert kept.ring.read(session.text).roles == {Role.INVESTIGATOR}


def test_last_admin_stays(tmp_path):
    """A server without any admin could never have one again over HTTP."""
    opened = open_file(tmp_path)
    book = Kept(opened).book
    book.create("root", GOOD, roles=frozenset({Role.ADMIN}))
    with pytest.raises(LastAdmin):
        book.set_role("Root", Role.ADMIN, has=False)
    with pytest.raises(LastAdmin):
        book.set_disabled("Root", disabled=True)
    opened.close()


def test_list_refuses_odd_cursors(book, alice):
    """It goes on behind a name, and behind nothing else."""
    assert alice.name not in [account.name for account in book.list(after=alice.name, limit=1000)]
    for odd in ("\0", "\ud800", "a:b", ""):
        with pytest.raises(ParameterInvalid):
            book.list(after=odd)


def test_nobody_logs_in_while_the_database_is_away(book, kept, alice):
    """Neither with the right password; nor is it said that the password was wrong."""
    kept.accounts.is_away = True

    with pytest.raises(DatabaseUnreachable):
        book.login(alice.name, GOOD, lasts_s=60)
