"""Keys and sessions on every database: what opens, until when, for whom, and what takes the place of what."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.access.principals import Role, Service
from saccade.access.records import KeyKind, NewAccount, NewKey
from saccade.backends.database.accounts import SqlAccounts
from saccade.backends.database.keys import SqlKeys
from saccade.errors import KeyDisabled, KeyUnknown

SECOND_US = 1_000_000


@pytest.fixture
def keys(db):
    return SqlKeys(db.database)


@pytest.fixture
def accounts(db):
    found = SqlAccounts(db.database)
    found.create(NewAccount("alice", "h", frozenset({Role.RESEARCHER})))
    return found


def key_id(number):
    return f"{number:020x}"


def new_key(number=1, owner="jwt:alice", *, kind=KeyKind.KEY, roles=frozenset({Role.INVESTIGATOR}), **fields):
    scopes = fields.pop("scopes", frozenset({"jobs:read"}))
    return NewKey(key_id(number), kind, owner, owner, f"{number:064x}", roles=roles, scopes=scopes, **fields)


def of_account(number=1, **fields):
    return new_key(number, "alice", roles=None, **fields)


def test_key_is_kept_as_it_was_made(keys):
    """Every field comes back, and what was not given is not there."""
    new = new_key(
        scopes=frozenset({"predict:*", "jobs:write"}),
        service=Service.PREDICT,
        detail="nightly « Läufe »",
        lasts_s=3600.0,
        rotated_from=key_id(9),
    )
    record = keys.add(new)

    assert record == keys.find(new.id)
    assert (record.owner, record.owner_name, record.secret_hash) == (new.owner, new.owner_name, new.secret_hash)
    assert (record.kind, record.roles, record.scopes) == (new.kind, new.roles, new.scopes)
    assert (record.service, record.detail, record.rotated_from) == (new.service, new.detail, new.rotated_from)
    assert record.expires_at_us - record.created_at_us == 3600 * SECOND_US
    assert record.is_usable
    assert record.disabled_at_us is record.disabled_by is record.last_used_at_us is None


def test_unknown_id_is_none(keys):
    """Nothing is found that was not made."""
    assert keys.find(key_id(1)) is None


def test_roles_of_an_account_are_those_of_this_moment(keys, accounts):
    """What is given or taken after a key was made counts at once; a snapshot never changes."""
    keys.add(of_account(1))
    keys.add(new_key(2))
    accounts.set_role("alice", Role.RESEARCHER, has=False)
    accounts.set_role("alice", Role.INVESTIGATOR, has=True)

    assert keys.find(key_id(1)).roles == {Role.INVESTIGATOR}
    accounts.set_role("alice", Role.INVESTIGATOR, has=False)
    assert keys.find(key_id(1)).roles == frozenset()
    assert keys.find(key_id(2)).roles == {Role.INVESTIGATOR}


def test_disabled_account_takes_its_keys_along(keys, accounts):
    """Keys and sessions of a disabled account open nothing, in lists too; others do, and so do these afterwards."""
    keys.add(of_account(1))
    keys.add(of_account(2, kind=KeyKind.SESSION, scopes=None))
    keys.add(new_key(3))
    accounts.set_disabled("alice", disabled=True)

    assert [keys.find(key_id(number)).is_usable for number in (1, 2, 3)] == [False, False, True]
    assert [one.is_usable for one in keys.list("alice", kind=KeyKind.KEY, after=None, limit=9)] == [False]
    accounts.set_disabled("alice", disabled=False)
    assert keys.find(key_id(1)).is_usable


def test_key_of_an_account_that_is_gone_opens_nothing(keys, accounts, db):
    """It has neither roles nor use."""
    keys.add(of_account())
    db.run("DELETE FROM account")

    record = keys.find(key_id(1))
    assert not record.is_usable
    assert record.roles == frozenset()


def test_key_ends_by_the_databases_clock(keys, db):
    """A moment before its end it opens, at its end it does not."""
    keys.add(new_key(lasts_s=60.0))
    db.run(f"UPDATE access_key SET expires_at = expires_at - {59 * SECOND_US}")
    assert keys.find(key_id(1)).is_usable
    db.run(f"UPDATE access_key SET expires_at = expires_at - {2 * SECOND_US}")

    assert not keys.find(key_id(1)).is_usable


def test_key_for_a_service_of_a_newer_version_opens_nothing(keys, db):
    """It does not become a key without a service."""
    keys.add(new_key(service=Service.PREDICT, scopes=frozenset()))
    db.run("UPDATE access_key SET service = 'train_microservice'")

    assert not keys.find(key_id(1)).is_usable


def test_first_to_disable_stands(keys):
    """Once disabled it opens nothing for ever, and a second time changes neither when nor by whom."""
    keys.add(new_key())
    first = keys.disable(key_id(1), by="alice")

    assert (first.is_usable, first.disabled_by) == (False, "alice")
    assert keys.disable(key_id(1), by="root") == first
    with pytest.raises(KeyUnknown):
        keys.disable(key_id(2), by="alice")


def test_rotated_key_opens_during_the_overlap(keys, db):
    """Old and new open side by side; after the overlap only the new one does."""
    keys.add(new_key(1))
    new = keys.rotate(key_id(1), new_key(2, rotated_from=key_id(1)), overlap_s=60.0)

    assert new.is_usable
    assert keys.find(key_id(1)).is_usable
    db.run(f"UPDATE access_key SET expires_at = expires_at - {61 * SECOND_US} WHERE expires_at IS NOT NULL")
    assert [keys.find(key_id(number)).is_usable for number in (1, 2)] == [False, True]


def test_overlap_of_nothing_ends_the_old_key_at_once(keys):
    """There is no moment left in which it opens."""
    keys.add(new_key(1))
    keys.rotate(key_id(1), new_key(2, rotated_from=key_id(1)), overlap_s=0.0)

    assert not keys.find(key_id(1)).is_usable


def test_rotation_lengthens_no_key(keys):
    """One that ends before the overlap does keeps its end."""
    before = keys.add(new_key(1, lasts_s=60.0)).expires_at_us
    keys.rotate(key_id(1), new_key(2, rotated_from=key_id(1)), overlap_s=3600.0)

    assert keys.find(key_id(1)).expires_at_us == before


def test_nothing_takes_the_place_of_what_is_over(keys, accounts):
    """Disabled, expired, of a disabled account, replaced already or never made: each is refused and nothing is kept."""
    keys.add(new_key(1))
    keys.disable(key_id(1), by="alice")
    keys.add(new_key(2, lasts_s=0.0))
    keys.add(of_account(3))
    accounts.set_disabled("alice", disabled=True)
    keys.add(new_key(4))
    keys.rotate(key_id(4), new_key(5, rotated_from=key_id(4)), overlap_s=60.0)

    for number in (1, 2, 3, 4):
        with pytest.raises(KeyDisabled):
            keys.rotate(key_id(number), new_key(9, rotated_from=key_id(number)), overlap_s=60.0)
    with pytest.raises(KeyUnknown):
        keys.rotate(key_id(8), new_key(9), overlap_s=60.0)
    assert keys.find(key_id(9)) is None


def test_key_has_one_heir_however_many_rotate_it_at_once(keys):
    """Of eight at the same time one makes a key; the others are refused."""

    def rotate(number):
        try:
            return keys.rotate(key_id(1), new_key(number, rotated_from=key_id(1)), overlap_s=60.0)
        except KeyDisabled:
            return None

    keys.add(new_key(1))
    with ThreadPoolExecutor(8) as pool:
        made = [record for record in pool.map(rotate, range(2, 10)) if record]

    assert len(made) == 1
    assert {one.id for one in keys.list(None, kind=KeyKind.KEY, after=None, limit=99)} == {key_id(1), made[0].id}


def test_list_is_the_owners_newest_first(keys):
    """Pages have each key once, and neither sessions nor what belongs to others."""
    for number in (3, 1, 5, 2, 4):
        keys.add(new_key(number))
    keys.add(new_key(6, "jwt:bob"))
    keys.add(new_key(7, kind=KeyKind.SESSION, scopes=None))
    first = keys.list("jwt:alice", kind=KeyKind.KEY, after=None, limit=3)
    rest = keys.list("jwt:alice", kind=KeyKind.KEY, after=first[-1].id, limit=3)

    assert [one.id for one in (*first, *rest)] == [key_id(number) for number in (5, 4, 3, 2, 1)]
    assert [one.id for one in keys.list(None, kind=KeyKind.KEY, after=None, limit=2)] == [key_id(6), key_id(5)]
    assert [one.id for one in keys.list("jwt:alice", kind=KeyKind.SESSION, after=None, limit=9)] == [key_id(7)]


def test_last_use_never_goes_back(keys):
    """Processes write in any order: the latest stands, and ids that are not there are passed over."""
    keys.add(new_key(1))
    keys.add(new_key(2))
    keys.note_used({key_id(1): 200, key_id(2): 300, key_id(9): 1})
    keys.note_used({key_id(1): 100, key_id(2): 400})
    keys.note_used({})

    assert [keys.find(key_id(number)).last_used_at_us for number in (1, 2)] == [200, 400]


def test_processes_that_note_the_same_keys_do_not_stop_each_other(keys):
    """Eight writers, the same twenty keys, each in an order of its own."""
    for number in range(1, 21):
        keys.add(new_key(number))

    def note(turn):
        keys.note_used({key_id((number * 7 + turn) % 20 + 1): 1000 + turn for number in range(20)})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(24)))

    assert {keys.find(key_id(number)).last_used_at_us for number in range(1, 21)} == {1023}
