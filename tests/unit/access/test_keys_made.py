"""Keys being made, renewed and shut: who may, for what, and how long the old one lives."""

import math

import pytest

from saccade.access.credentials import new_credential
from saccade.access.policy import Action, Resource, Verdict, allow
from saccade.access.principals import ANONYMOUS, Principal, Role, Service, Via
from saccade.access.records import KeyKind
from saccade.errors import CredentialInvalid, Forbidden, KeyDisabled, KeyUnknown, ParameterInvalid
from unit.access.kept import ADMIN, GOOD, JWT, Kept, open_file

DAY_S = 24 * 3600.0
READ = frozenset({"jobs:read"})


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    opened = open_file(tmp_path_factory.mktemp("made"))
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
    with pytest.raises(CredentialInvalid):
        ring.read(text)


@pytest.mark.parametrize(
    ("wish", "parameter"),
    [
        ({"scopes": frozenset()}, "scopes"),
        ({"scopes": frozenset({"jobs:read", "everything"})}, "scopes"),
        ({"scopes": frozenset({"*"})}, "scopes"),
        ({"scopes": frozenset({"predict:"})}, "scopes"),
        ({"scopes": frozenset({"predict:circles@1"})}, "scopes"),
        ({"scopes": frozenset({"predict:circles\n"})}, "scopes"),
        ({"scopes": frozenset({"predict:" + "a" * 101})}, "scopes"),
        ({"scopes": frozenset({"JOBS:READ"})}, "scopes"),
        ({"scopes": frozenset(f"predict:m{n}" for n in range(101))}, "scopes"),
        ({"scopes": READ, "service": Service.PREDICT}, "scopes"),
        ({"scopes": READ, "detail": "x" * 1001}, "detail"),
        ({"scopes": READ, "detail": "two\nlines"}, "detail"),
        ({"scopes": READ, "detail": "\u202egnp.exe"}, "detail"),
        ({"scopes": READ, "detail": "\ud800"}, "detail"),
        ({"scopes": READ, "lasts_s": 0.0}, "lasts_s"),
        ({"scopes": READ, "lasts_s": -1.0}, "lasts_s"),
        ({"scopes": READ, "lasts_s": math.nan}, "lasts_s"),
        ({"scopes": READ, "lasts_s": math.inf}, "lasts_s"),
        ({"scopes": READ, "lasts_s": 1e12}, "lasts_s"),
    ],
)  # fmt: skip
def test_wish_that_cannot_be_kept_names_its_parameter(kept, wish, parameter):
    """Nothing is made, and the caller learns which parameter is wrong."""
    kept.keys.calls.clear()
    with pytest.raises(ParameterInvalid) as refusal:
        kept.ring.make(ADMIN, **wish)

    assert list(refusal.value.faults) == [parameter]
    assert str(refusal.value).startswith(f"'{parameter}' ")
    assert str(refusal.value).isprintable()
    assert kept.keys.calls == []


@pytest.mark.parametrize("scope", ["jobs:read", "jobs:write", "usage:read", "predict:circles", "predict:*"])
def test_key_is_made_for_what_its_owner_may(kept, scope):
    """Each scope of an investigator's."""
    maker = Principal("jwt:ida", "Ida", frozenset({Role.INVESTIGATOR}), Via.JWT)

    assert kept.ring.make(maker, scopes=frozenset({scope})).record.scopes == {scope}


@pytest.mark.parametrize(
    ("roles", "scope"),
    [
        ((), "jobs:read"),
        ((), "predict:*"),
        ((Role.INVESTIGATOR,), "models:admin"),
        ((Role.INVESTIGATOR, Role.RESEARCHER), "metrics:read"),
    ],
)
def test_key_is_not_made_for_more_than_its_owner_may(kept, roles, scope):
    """It would open nothing today, and more than was thought of tomorrow."""
    maker = Principal("jwt:ida", "Ida", frozenset(roles), Via.JWT)

    with pytest.raises(Forbidden, match=scope.replace("*", r"\*")):
        kept.ring.make(maker, scopes=frozenset({scope}))


def test_key_makes_no_keys(kept):
    """Neither a key with every scope, nor one of a service."""
    for maker in (
        Principal("jwt:root", "root", frozenset(Role), Via.KEY, scopes=frozenset({"jobs:read", "jobs:write"})),
        Principal("jwt:root", "root", frozenset(Role), Via.KEY, scopes=frozenset(), service=Service.PREDICT),
    ):
        with pytest.raises(Forbidden):
            kept.ring.make(maker, scopes=READ)


def test_only_admins_make_keys_for_others(kept, alice):
    """Such a key is the other one's, within their roles; for oneself it goes by the same name."""
    with pytest.raises(Forbidden):
        kept.ring.make(JWT, scopes=READ, owner=alice)
    made = kept.ring.make(ADMIN, scopes=READ, owner=alice)
    with pytest.raises(Forbidden):
        kept.ring.make(ADMIN, scopes=frozenset({"metrics:read"}), owner=alice)

    assert kept.ring.read(made.text).id == alice.name
    assert kept.ring.make(of_session(alice), scopes=READ, owner=alice).record.owner == alice.name


def test_everybody_has_no_key(kept, alice):
    """On an open server a key would outlive the openness; for an account its operator may make one."""
    with pytest.raises(Forbidden):
        kept.ring.make(ANONYMOUS, scopes=READ)

    assert kept.ring.make(ANONYMOUS, scopes=READ, owner=alice).record.owner == alice.name


def test_service_key_opens_its_service_and_nothing_else(kept):
    """Made by who may make such keys; whatever its owner may, it may not."""
    investigator = Principal("jwt:ida", "Ida", frozenset({Role.INVESTIGATOR}), Via.JWT)
    with pytest.raises(Forbidden):
        kept.ring.make(investigator, service=Service.PREDICT)
    principal = kept.ring.read(kept.ring.make(ADMIN, service=Service.PREDICT).text)

    assert [action for action in Action if allow(principal, action) is Verdict.ALLOWED] == [
        Action.SERVICE_READ,
        Action.SESSION_OPEN,
        Action.MODELS_REGISTER,
    ]


def test_key_predicts_with_its_models_only(kept):
    """The scope names the model, and no other one is opened."""
    principal = kept.ring.read(kept.ring.make(JWT, scopes=frozenset({"predict:circles"})).text)

    assert allow(principal, Action.PREDICT, Resource(model="circles")) is Verdict.ALLOWED
    assert allow(principal, Action.PREDICT, Resource(model="circles2")) is Verdict.FORBIDDEN


def test_foreign_keys_are_absent(kept, alice):
    """To find, disable or rotate another one's key, or what is no key's id, is the same as if there was none."""
    mine = kept.ring.make(of_session(alice), scopes=READ)
    session = kept.book.login(alice.name, GOOD, lasts_s=60)
    odd = ["", "x", "0" * 20, mine.record.id.upper() + " ", mine.record.id + "\n", "\ud800", session.record.id]
    by_key = Principal("jwt:root", "root", frozenset({Role.ADMIN}), Via.KEY, scopes=READ)
    said = set()
    for by, key_id in [(JWT, mine.record.id), (by_key, mine.record.id), *((ADMIN, one) for one in odd)]:
        for act in (kept.ring.find, kept.ring.disable, kept.ring.rotate):
            with pytest.raises(KeyUnknown) as refusal:
                act(by, key_id)
            said.add(str(refusal.value))

    assert len(said) == 1
    assert kept.ring.read(mine.text)
    assert kept.ring.disable(ADMIN, mine.record.id).disabled_by == ADMIN.id


def test_rotated_key_lives_for_the_overlap(kept, alice):
    """The new one has all that the old one had, and as long; the old one has a day by default, or no moment."""
    me = of_session(alice)
    old = kept.ring.make(me, scopes=READ, detail="nightly", lasts_s=90 * DAY_S)
    kept.ring.read(old.text)
    new = kept.ring.rotate(me, old.record.id)

    assert kept.ring.read(new.text) == Principal(
        alice.name, alice.name, alice.roles, Via.KEY, READ, None, new.record.id
    )
    assert (new.record.detail, new.record.rotated_from) == ("nightly", old.record.id)
    assert new.record.expires_at_us - new.record.created_at_us == int(90 * DAY_S * 1e6)
    assert kept.ring.read(old.text)
    left_s = (kept.ring.find(me, old.record.id).expires_at_us - new.record.created_at_us) / 1e6
    assert 0 <= DAY_S - left_s < 60
    last = kept.ring.rotate(me, new.record.id, overlap_s=0)
    refused(kept.ring, new.text)
    assert kept.ring.read(last.text)


def test_rotation_carries_no_role_on_that_was_lost(kept):
    """A token's key keeps of its roles what its owner still has; by an admin it is rotated as it is."""
    made = kept.ring.make(Principal("jwt:ida", "Ida", frozenset(Role), Via.JWT), scopes=READ)
    weaker = Principal("jwt:ida", "Ida", frozenset({Role.INVESTIGATOR}), Via.JWT)
    by_admin = kept.ring.rotate(ADMIN, made.record.id)
    assert kept.ring.read(by_admin.text).roles == set(Role)

    by_owner = kept.ring.rotate(weaker, by_admin.record.id)
    assert kept.ring.read(by_owner.text).roles == {Role.INVESTIGATOR}


@pytest.mark.parametrize("overlap_s", [-1.0, 30 * DAY_S + 1, math.nan, math.inf])
def test_overlap_has_its_range(kept, overlap_s):
    """0 to 30 days, and nothing is rotated beyond."""
    made = kept.ring.make(JWT, scopes=READ)
    with pytest.raises(ParameterInvalid):
        kept.ring.rotate(JWT, made.record.id, overlap_s=overlap_s)

    assert kept.ring.rotate(JWT, made.record.id, overlap_s=30 * DAY_S)


def test_what_is_over_is_not_rotated(kept):
    """A disabled key has no heir, and none has two."""
    dead, alive = (kept.ring.make(JWT, scopes=READ) for _ in range(2))
    kept.ring.disable(JWT, dead.record.id)
    kept.ring.rotate(JWT, alive.record.id)

    for made in (dead, alive):
        with pytest.raises(KeyDisabled):
            kept.ring.rotate(JWT, made.record.id)


def test_list_has_keys_only_and_refuses_odd_cursors(kept, alice):
    """An owner's keys, newest first; a text that no owner can have finds none."""
    me = of_session(alice)
    first, second = (kept.ring.make(me, scopes=READ).record.id for _ in range(2))
    kept.book.login(alice.name, GOOD, lasts_s=60)

    assert {one.id for one in kept.ring.list(alice.name)} == {first, second}
    assert [one.id for one in kept.ring.list(alice.name, after=max(first, second))] == [min(first, second)]
    for odd in ("\0", "\ud800", "x" * 300):
        assert kept.ring.list(odd) == []
    for odd in ("", "x", "0" * 19, "'"):
        with pytest.raises(ParameterInvalid):
            kept.ring.list(alice.name, after=odd)
