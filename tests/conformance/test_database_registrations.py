"""Models that registered themselves, on every database: what was said is kept, and a name has one owner."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.backends.database.registrations import SqlRegistrations
from saccade.errors import NameTaken
from saccade.models.prediction import Task
from saccade.models.registrations import MOST_LABELS, Service

NUT = "\U0001f529"
#: How many rows there are, whatever is seen of them.
COUNT = "SELECT COUNT(*) FROM model_registration"


@pytest.fixture
def registrations(db):
    return SqlRegistrations(db.database)


def service(name="cat", version="1", **fields):
    said = {
        "url": f"http://10.2.0.9:9000/{name}/{version}",
        "protocol": "microservice",
        "model": name,
        "task": Task.IMAGE_CLASSIFICATION,
        "timeout_s": 30.0,
        "retries": 2,
    }
    return Service(name=name, version=version, **{**said, **fields})


def told(registrations):
    """Return what everybody sees: reference and owner."""
    return [(each.service.reference, each.principal) for each in registrations.all()]


def race(count, run):
    """Let so many run at the same moment; return what each came to, None where the name was taken."""
    start = threading.Barrier(count)

    def one(number):
        start.wait(20)
        try:
            return run(number)
        except NameTaken:
            return None

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_registration_is_kept_as_it_was_said(registrations):
    """Every field comes back, numbers to the last bit; the database says when."""
    assert registrations.all() == []
    full = service(
        "coin-finder",
        "2.1-rc_1",
        protocol="v2",
        model="« Münzen » \U0001fa99@7",
        task=Task.OBJECT_DETECTION,
        labels=("Münze", "\U0001f529 Mutter", "it's", 'a "b" \\n'),
        description="Zählt 100% der Münzen;\nund Muttern.",
        license="CC-BY-4.0",
        threshold=0.1 + 0.2,
        timeout_s=0.1,
        retries=0,
    )
    put = registrations.put(full, principal="jwt:Ünal")
    bare = registrations.put(service(), principal="ada")

    assert registrations.all() == [bare, put]
    assert (put.service, put.principal) == (full, "jwt:Ünal")
    assert (bare.service.license, bare.service.threshold, bare.service.labels) == (None, None, ())
    assert put.last_us == put.first_us > 1_700_000_000_000_000


def test_long_fields_are_kept_whole(registrations):
    """As many labels as a service may have, of letters that take most bytes, and the longest of everything else."""
    labels = tuple(f"{number:05d}".ljust(30, NUT) for number in range(MOST_LABELS))
    long = service(
        "n" * 100,
        "v" * 64,
        url=f"http://10.2.0.9:9000/{'p' * 1979}",
        model=NUT * 200,
        labels=labels,
        description=NUT * 1000,
        license=NUT * 100,
    )
    registrations.put(long, principal="p" * 255)

    [kept] = registrations.all()
    assert kept.service == long
    assert kept.principal == "p" * 255


def test_same_model_takes_its_own_place(registrations):
    """It says something else, or is somewhere else: since when it is known does not change."""
    first = registrations.put(service(), principal="ada")
    moved = service(url="http://10.2.0.10:9000", labels=("a", "b"), threshold=0.5)
    second = registrations.put(moved, principal="ada")

    assert registrations.all() == [second]
    assert second.service == moved
    assert second.first_us == first.first_us
    assert second.last_us >= first.last_us


def test_another_model_at_the_same_place_takes_it(registrations):
    """Two cannot be at one: a service that calls itself otherwise is what it says now."""
    registrations.put(service("cat", url="http://10.2.0.9:9000"), principal="ada")
    registrations.put(service("cat", "2", url="http://10.2.0.9:9000"), principal="ada")
    assert told(registrations) == [("cat@2", "ada")]
    registrations.put(service("dog", url="http://10.2.0.9:9000"), principal="ada")

    assert told(registrations) == [("dog@1", "ada")]


def test_one_server_has_many_models(registrations):
    """Where the protocol has names of models, the place is server and name; a microservice is one model."""
    server = "http://10.2.0.9:9000"
    for name, protocol in (("cat", "v2"), ("dog", "v2"), ("cow", "microservice")):
        registrations.put(service(name, url=server, protocol=protocol), principal="ada")
    assert [name for name, _ in told(registrations)] == ["cat@1", "cow@1", "dog@1"]
    registrations.put(service("hen", url=server), principal="ada")  # a microservice whatever its model is called

    assert [name for name, _ in told(registrations)] == ["cat@1", "dog@1", "hen@1"]


def test_move_to_a_place_frees_the_old_one(registrations):
    """Another may register there."""
    registrations.put(service("cat", url="http://10.2.0.9:9000"), principal="ada")
    registrations.put(service("cat", url="http://10.2.0.10:9000"), principal="ada")
    registrations.put(service("dog", url="http://10.2.0.9:9000"), principal="eve")

    assert told(registrations) == [("cat@1", "ada"), ("dog@1", "eve")]


@pytest.mark.parametrize(
    "other",
    [
        service(labels=("mine",)),
        service(version="2"),
        service("dog", url="http://10.2.0.9:9000/cat/1"),
    ],
    ids=["name and version", "name", "place"],
)
def test_name_and_place_are_their_owners(registrations, other):
    """Nobody else writes a version of the name, or another name at the place; nothing is changed by that."""
    kept = registrations.put(service(), principal="ada")
    for principal in ("eve", "Ada", "ada "):
        with pytest.raises(NameTaken):
            registrations.put(other, principal=principal)

    assert registrations.all() == [kept]


def test_what_is_called_almost_the_same_is_apart(registrations):
    """No letter of a name is a pattern; upper and lower case of a version are two."""
    for name, version in (("cat", "a"), ("cat", "A"), ("ca", "a"), ("c_t", "a"), ("cat.", "a")):
        registrations.put(service(name, version), principal="ada")
    registrations.put(service("c-t", "a"), principal="eve")
    assert registrations.remove("c_t")

    assert [name for name, _ in told(registrations)] == ["c-t@a", "ca@a", "cat@A", "cat@a", "cat.@a"]


def test_removed_is_gone_and_free(registrations):
    """One version or all; whoever comes then is the owner."""
    for version in ("1", "2", "3"):
        registrations.put(service(version=version), principal="ada")
    registrations.put(service("dog"), principal="ada")

    assert registrations.remove("cat", version="2")
    assert told(registrations) == [("cat@1", "ada"), ("cat@3", "ada"), ("dog@1", "ada")]
    assert not registrations.remove("cat", version="2")
    assert registrations.remove("cat")
    assert not registrations.remove("cat")
    registrations.put(service(), principal="eve")
    assert told(registrations) == [("cat@1", "eve"), ("dog@1", "ada")]


def test_two_at_once_are_one_registration(registrations):
    """A service that says it twice at the same moment, or is known to two servers, is there once."""
    for number in range(10):
        new = service(f"cat-{number}")
        made = race(3, lambda _, new=new: registrations.put(new, principal="ada"))
        [kept] = [each for each in registrations.all() if each.service == new]

        assert None not in made
        assert {each.first_us for each in made} >= {kept.first_us}


@pytest.mark.parametrize("about", ["name and version", "name", "place"])
def test_of_two_owners_at_once_one_has_it(registrations, about):
    """Whoever it is: everybody sees the same one, and the other is refused from then on."""
    for number in range(10):
        name, url = f"cat-{number}", f"http://10.2.0.9:9000/{number}"
        new = {
            "name and version": [service(name, url=f"{url}/{each}") for each in range(2)],
            "name": [service(name, str(each)) for each in range(2)],
            "place": [service(f"{name}-{each}", url=url) for each in range(2)],
        }[about]
        race(2, lambda each, new=new: registrations.put(new[each], principal=f"p{each}"))
        seen = [each for each in registrations.all() if each.service in new]

        assert len(seen) == 1
        winner = new.index(seen[0].service)
        registrations.put(new[winner], principal=f"p{winner}")
        with pytest.raises(NameTaken):
            registrations.put(new[1 - winner], principal=f"p{1 - winner}")
        assert told(registrations)[-1:] == [(new[winner].reference, f"p{winner}")]
        registrations.remove(new[winner].name)


def test_versions_of_two_owners_are_never_seen_together(db, registrations):
    """Two who registered versions of a new name at one moment: theirs it is who came first, and that tidies up."""
    first = registrations.put(service(), principal="ada")
    columns = "name, version, url, place, protocol, model, task, labels, description, timeout_s, retries, principal"
    values = "name, '2', url, 'elsewhere', protocol, model, task, labels, description, timeout_s, retries, 'eve'"
    db.run(
        f"INSERT INTO model_registration ({columns}, first_at, last_at) "
        f"SELECT {values}, first_at + 1, last_at + 1 FROM model_registration"
    )

    assert registrations.all() == [first]
    with pytest.raises(NameTaken):
        registrations.put(service(version="2"), principal="eve")
    assert db.rows(COUNT) == [(2,)]
    again = registrations.put(service(), principal="ada")
    assert registrations.all() == [again]
    assert db.rows(COUNT) == [(1,)]


def test_place_is_not_taken_while_its_owner_says_that_they_are_there(registrations):
    """Whoever waits for the row of a heartbeat finds it again, and its owner with it."""
    kept = registrations.put(service(), principal="ada")
    evil = service("dog", url=kept.service.url)
    ended = threading.Event()

    def beat():
        while not ended.is_set():
            registrations.put(service(), principal="ada")

    def steal():
        try:
            for _ in range(60):
                with pytest.raises(NameTaken):
                    registrations.put(evil, principal="eve")
        finally:
            ended.set()

    with ThreadPoolExecutor(2) as pool:
        beating, stealing = pool.submit(beat), pool.submit(steal)
        stealing.result(60)
        beating.result(60)
    assert told(registrations) == [("cat@1", "ada")]


def test_removed_while_it_says_that_it_is_there(registrations):
    """Both are answered, and it is there or not, never half."""
    for _ in range(10):
        registrations.put(service(), principal="ada")
        race(2, lambda each: registrations.remove("cat") if each else registrations.put(service(), principal="ada"))

        assert told(registrations) in ([], [("cat@1", "ada")])
