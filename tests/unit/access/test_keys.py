"""Keys as their owners, strangers and attackers meet them: what opens, what does not, for how long, and who may."""

import string
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.access import credentials
from saccade.access.credentials import Credential, is_key_id, new_credential, read_credential
from saccade.access.keys import KeyRing
from saccade.access.policy import Action, Verdict, allow
from saccade.access.principals import Principal, Role, Via
from saccade.access.records import KeyKind
from saccade.backends.database.keys import SqlKeys
from saccade.errors import CredentialInvalid, DatabaseUnreachable
from unit.access.kept import ADMIN, GOOD, JWT, Kept, open_file

READ = frozenset({"jobs:read"})


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    opened = open_file(tmp_path_factory.mktemp("keys"))
    yield opened
    opened.close()


@pytest.fixture
def kept(database):
    return Kept(database)


@pytest.fixture
def alice(kept):
    """Return an account of this test's own."""
    name = f"alice-{new_credential(KeyKind.KEY)[1].id}"
    return kept.book.create(name, GOOD, roles=frozenset({Role.RESEARCHER}))


def of_session(account):
    return Principal(account.name, account.name, account.roles, Via.SESSION)


def refused(ring, text):
    with pytest.raises(CredentialInvalid) as refusal:
        ring.read(text)
    assert ring.recall(text) is None
    return str(refusal.value), refusal.value.hint


def test_key_opens_for_its_owner(kept):
    """Who shows it is who made it, with its scopes, and the text has the documented form."""
    made = kept.ring.make(JWT, scopes=READ, detail=" nightly ")
    principal = kept.ring.read(made.text)

    assert principal == Principal("jwt:alice", "Alice", JWT.roles, Via.KEY, READ, None, made.record.id)
    prefix, key_id, secret = made.text.split("_")
    assert (prefix, key_id, len(secret)) == ("sac", made.record.id, 64)
    assert made.record.detail == "nightly"


def test_key_of_a_development_token_opens_nothing_in_production(kept, database):
    """Development tokens are refused there, and so is what was made with one; other keys are not."""
    sandbox = Principal("dev:alice", "alice", frozenset({Role.INVESTIGATOR}), Via.DEVELOPMENT)
    made, other = kept.ring.make(sandbox, scopes=READ), kept.ring.make(JWT, scopes=READ)
    production = KeyRing(SqlKeys(database), recheck_s=2.0, takes_development=False)

    assert kept.ring.read(made.text).id == "dev:alice"
    assert production.read(other.text).id == "jwt:alice"
    refused(production, made.text)


def test_ids_sort_by_time():
    """The newest id is the greatest."""
    ids = []
    while len({one[:12] for one in ids}) < 3:
        ids.append(new_credential(KeyKind.KEY)[1].id)

    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)
    assert all(map(is_key_id, ids))
    assert len(set(ids)) == len(ids)


def test_secret_is_nowhere_but_in_the_text(kept, database):
    """Neither the database nor what a log would print has it."""
    made = kept.ring.make(JWT, scopes=READ)
    secret = made.text.split("_")[2]
    rows = database.read(lambda tx: tx.exec_driver_sql("SELECT * FROM access_key").all())

    assert secret not in repr(rows)
    assert secret not in repr(made) + repr(read_credential(made.text)) + repr(kept.ring.read(made.text))


def test_every_character_counts(kept):
    """Changed anywhere, cut anywhere or drawn out anywhere, a key opens nothing."""
    text = kept.ring.make(JWT, scopes=READ).text
    kept.ring.read(text)
    forged = [text[:n] + other + text[n + 1 :] for n in range(len(text)) for other in "0f_" if other != text[n]]
    forged += [text[:n] for n in range(len(text))] + [text[:n] + "0" + text[n:] for n in range(len(text) + 1)]

    opened = []
    for one in forged:
        try:
            opened.append(kept.ring.read(one))
        except CredentialInvalid:
            continue
    assert opened == []
    assert kept.ring.read(text)


@pytest.mark.parametrize(
    "change",
    [str.upper, lambda text: text + "\n", lambda text: " " + text, lambda text: text + " ", lambda text: text + "\0",
     lambda text: text.replace("_", "-"), lambda text: text.replace("0", "\u0660"), lambda text: text * 2,
     lambda text: text.replace("sac_", "\uff53ac_"), lambda text: "sac_" + text, lambda _: "", lambda _: "sac__",
     lambda _: "sac_" + "0" * 5_000_000, lambda _: "\ud800", lambda _: "sac_' OR 1=1 --_",
     lambda text: "Bearer " + text],
)  # fmt: skip
def test_what_is_no_key_is_refused_without_a_question(kept, change):
    """Odd cases, look-alikes, floods and half letters never reach the database."""
    text = kept.ring.make(JWT, scopes=READ).text
    kept.keys.calls.clear()

    assert refused(kept.ring, change(text)) == refused(kept.ring, "nonsense")
    assert kept.keys.calls == []


@given(st.text(alphabet=string.hexdigits + "sac_", max_size=100))
def test_only_texts_of_the_form_are_read(text):
    """Whatever is read is written back to the same text."""
    found = read_credential(text)

    assert found is None or (text.startswith(f"{credentials.PREFIXES[found.kind]}_{found.id}_") and len(text) == 89)


def test_secret_is_compared_in_constant_time(monkeypatch):
    """Both whole hashes go through the comparison that does not stop at the first difference."""
    seen = []
    monkeypatch.setattr(credentials.hmac, "compare_digest", lambda a, b: seen.append((a, b)) or a == b)
    credential = Credential(KeyKind.KEY, "0" * 20, "a" * 64)

    assert not credential.is_of("b" * 64)
    assert credential.is_of("a" * 64)
    assert seen == [(b"a" * 64, b"b" * 64), (b"a" * 64, b"a" * 64)]


def test_session_is_no_key_and_a_key_no_session(kept, alice):
    """The secret of one kind does not open under the other's prefix."""
    key = kept.ring.make(of_session(alice), scopes=READ).text
    session = kept.book.login(alice.name, GOOD, lasts_s=60).text
    assert kept.ring.read(session).scopes is None

    for text in ("sas" + key[3:], "sac" + session[3:]):
        refused(kept.ring, text)


def test_key_whose_scopes_were_lost_opens_nothing(kept, database):
    """A row without scopes does not become a key without limits."""
    made = kept.ring.make(ADMIN, scopes=READ)
    database.write(lambda tx: tx.exec_driver_sql("UPDATE access_key SET scopes = NULL WHERE id = ?", (made.record.id,)))

    principal = kept.ring.read(made.text)
    assert principal.scopes == frozenset()
    assert not principal.is_admin
    assert allow(principal, Action.JOBS_READ) is Verdict.FORBIDDEN


def test_database_is_asked_once_in_a_while(kept):
    """Within the time of recheck a thousand requests cost one question, and after it another."""
    text = kept.ring.make(JWT, scopes=READ).text
    kept.keys.calls.clear()
    for _ in range(1000):
        kept.ring.read(text)
    assert kept.keys.calls == ["find"]
    kept.clock.now_s += 2.0
    kept.ring.read(text)

    assert kept.keys.calls == ["find", "find"]


def test_recall_never_asks(kept):
    """Before the first look-up and after its time nothing is recalled; in between it is the same answer."""
    text = kept.ring.make(JWT, scopes=READ).text
    kept.keys.calls.clear()
    assert kept.ring.recall(text) is None
    assert kept.keys.calls == []
    found = kept.ring.read(text)
    kept.keys.is_away = True
    assert kept.ring.recall(text) == found
    kept.clock.now_s += 1.999
    assert kept.ring.recall(text) == found
    kept.clock.now_s += 0.001
    assert kept.ring.recall(text) is None
    assert kept.ring.recall(text[:-1] + ("0" if text[-1] != "0" else "1")) is None

    assert kept.keys.calls == ["find"]


def test_wrong_secret_is_wrong_while_the_right_one_is_remembered(kept):
    """Knowing an id, which is no secret, opens nothing."""
    text = kept.ring.make(JWT, scopes=READ).text
    kept.ring.read(text)

    refused(kept.ring, text[:25] + "0" * 64)


def test_disabled_key_is_dead_here_at_once_and_elsewhere_in_time(database):
    """The process that disabled it forgets; another one finds out after its time of recheck, not later."""
    here, elsewhere = Kept(database), Kept(database)
    made = here.ring.make(JWT, scopes=READ)
    for process in (here, elsewhere):
        process.ring.read(made.text)
    here.ring.disable(JWT, made.record.id)

    refused(here.ring, made.text)
    assert elsewhere.ring.read(made.text)
    elsewhere.clock.now_s += 2.0
    refused(elsewhere.ring, made.text)


def test_key_that_is_disabled_while_it_is_looked_up_is_not_remembered(kept):
    """The answer of a moment before is used once and not kept."""
    made = kept.ring.make(JWT, scopes=READ)

    def disable(name):
        kept.keys.after = None
        if name == "find":
            kept.ring.disable(JWT, made.record.id)

    kept.keys.after = disable
    kept.ring.read(made.text)

    assert kept.ring.recall(made.text) is None
    refused(kept.ring, made.text)


def test_record_is_as_old_as_the_question(kept):
    """A database that takes its time does not make a key live longer."""
    text = kept.ring.make(JWT, scopes=READ).text

    def take_time(_):
        kept.clock.now_s += 1.5

    kept.keys.after = take_time
    kept.ring.read(text)
    kept.keys.after = None
    kept.clock.now_s += 0.5

    assert kept.ring.recall(text) is None


def test_nobody_comes_in_unverified_while_the_database_is_away(kept):
    """What was verified a moment ago opens; what was not is told to come again, and never let in."""
    known, unknown = (kept.ring.make(JWT, scopes=READ).text for _ in range(2))
    kept.ring.read(known)
    kept.keys.is_away = True

    assert kept.ring.read(known)
    with pytest.raises(DatabaseUnreachable):
        kept.ring.read(unknown)
    kept.clock.now_s += 2.0
    with pytest.raises(DatabaseUnreachable):
        kept.ring.read(known)
    kept.keys.is_away = False
    assert kept.ring.read(known)


def test_invented_ids_cost_little_and_push_nobody_out(database):
    """One id costs one question; thousands leave the memory as small as it was, and real keys in it."""
    kept = Kept(database, most=10)
    text = kept.ring.make(JWT, scopes=READ).text
    kept.ring.read(text)
    kept.keys.calls.clear()
    invented = new_credential(KeyKind.KEY)[0]
    for _ in range(5):
        refused(kept.ring, invented)
    assert kept.keys.calls == ["find"]
    for _ in range(50):
        refused(kept.ring, new_credential(KeyKind.KEY)[0])

    assert kept.ring.recall(text)
    assert len(kept.ring._found._unknown) == 10
    kept.clock.now_s += 2.0
    refused(kept.ring, invented)
    assert kept.keys.calls.count("find") == 52


def test_memory_holds_so_many_and_those_last_used(database):
    """The one that was not used for longest goes first."""
    kept = Kept(database, most=3)
    texts = [kept.ring.make(JWT, scopes=READ).text for _ in range(4)]
    for text in texts[:3]:
        kept.ring.read(text)
    kept.ring.recall(texts[0])
    kept.ring.read(texts[3])

    assert [kept.ring.recall(text) is not None for text in texts] == [True, False, True, True]


def test_roles_of_an_account_count_as_they_are(kept, alice):
    """What an account loses its keys lose, and what it gains they gain, within their scopes."""
    text = kept.ring.make(of_session(alice), scopes=frozenset({"models:admin"})).text
    assert allow(kept.ring.read(text), Action.MODELS_WRITE) is Verdict.ALLOWED

    kept.book.set_role(alice.name, Role.RESEARCHER, has=False)
    assert allow(kept.ring.read(text), Action.MODELS_WRITE) is Verdict.FORBIDDEN
    kept.book.set_role(alice.name, Role.ADMIN, has=True)
    principal = kept.ring.read(text)
    assert principal.roles == {Role.ADMIN}
    assert not principal.is_admin
    assert allow(principal, Action.USERS_READ) is Verdict.FORBIDDEN


def test_key_of_a_token_keeps_the_roles_of_its_making(kept):
    """There is no account that could tell."""
    text = kept.ring.make(JWT, scopes=READ).text

    assert kept.ring.read(text).roles == {Role.RESEARCHER}


def test_key_of_a_disabled_account_opens_nothing(kept, alice):
    """Here at once; let in again it opens again."""
    text = kept.ring.make(of_session(alice), scopes=READ).text
    kept.ring.read(text)
    kept.book.set_disabled(alice.name, disabled=True)
    refused(kept.ring, text)
    kept.book.set_disabled(alice.name, disabled=False)

    assert kept.ring.read(text)


def test_last_use_is_written_once_a_minute(kept, monkeypatch):
    """Each key once a minute however often it is used, and at the end all that is left."""
    now = {"us": 1_000_000_000_000}
    monkeypatch.setattr("saccade.access.keys._now_us", lambda: now["us"])
    made = kept.ring.make(JWT, scopes=READ)

    def used():
        kept.ring.read(made.text)
        kept.ring.flush_used()
        return kept.keys.real.find(made.record.id).last_used_at_us

    assert used() == now["us"]
    for _ in range(3):
        now["us"] += 19_000_000
        assert used() == 1_000_000_000_000
    now["us"] += 3_000_000
    kept.ring.flush_used()
    assert kept.keys.real.find(made.record.id).last_used_at_us == now["us"] - 3_000_000
    now["us"] += 1
    assert used() == now["us"] - 3_000_001
    kept.ring.flush_used(is_last=True)
    assert kept.keys.real.find(made.record.id).last_used_at_us == now["us"]
    kept.keys.calls.clear()
    kept.ring.flush_used(is_last=True)
    assert kept.keys.calls == []


def test_last_use_waits_for_a_database_that_is_away(kept):
    """What could not be written is written the next time; a refused secret is no use."""
    made = kept.ring.make(JWT, scopes=READ)
    refused(kept.ring, made.text[:25] + "0" * 64)
    kept.ring.flush_used()
    assert kept.keys.real.find(made.record.id).last_used_at_us is None
    kept.ring.read(made.text)
    kept.keys.is_away = True
    with pytest.raises(DatabaseUnreachable):
        kept.ring.flush_used()
    kept.keys.is_away = False
    kept.ring.flush_used()

    assert kept.keys.real.find(made.record.id).last_used_at_us is not None


def test_many_threads_read_at_once(kept):
    """Right and wrong texts side by side: each gets its own answer."""
    made = [kept.ring.make(Principal(f"jwt:{n}", f"{n}", JWT.roles, Via.JWT), scopes=READ) for n in range(8)]

    def look(turn):
        one = made[turn % 8]
        if turn % 3 == 0:
            kept.clock.now_s += 1.0
        assert kept.ring.read(one.text).id == one.record.owner
        with pytest.raises(CredentialInvalid):
            kept.ring.read(one.text[:25] + made[(turn + 1) % 8].text[25:])
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(look, range(200)))
