"""Registration: who is taken in, who is refused, and what becomes known of a service by looking at it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.errors import (
    DatabaseUnreachable,
    Forbidden,
    ModelNotLoaded,
    ModelUnknown,
    NameTaken,
    RegistryFull,
    ServiceRefused,
    ServiceUnreachable,
)
from saccade.models import registrar as module
from unit.models.elsewhere import HERE, THERE, Elsewhere, Server, Store


@pytest.fixture
def elsewhere():
    return Elsewhere()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def server(tmp_path, elsewhere, store):
    made = Server(tmp_path, elsewhere, store)
    yield made
    made.registry.close()


@pytest.fixture
def other(tmp_path, elsewhere, store):
    """Return another process on the same database."""
    made = Server(tmp_path, elsewhere, store)
    yield made
    made.registry.close()


def test_new_service_is_in_service_when_it_is_answered(server, elsewhere, store):
    """Whoever registered may be asked at once."""
    elsewhere.run(HERE, "tabby", "lion")
    welcome = server.register()

    assert welcome.is_new
    assert (welcome.status.reference, welcome.status.state.value) == ("cat@1", "ready")
    assert server.say("cat") == "tabby"
    assert [each.principal for each in store.all()] == ["ada"]


def test_service_that_says_it_again_is_only_noted(server, elsewhere, store):
    """It is not dialled, shown nothing, and loaded no second time; when it came last is written down."""
    place = elsewhere.run(HERE, "tabby")
    first = server.register()
    dialled, pictures = len(elsewhere.dialled), place.pictures
    again = server.register()

    assert not again.is_new
    assert (len(elsewhere.dialled), place.pictures) == (dialled, pictures)
    [kept] = store.all()
    assert kept.last_us > kept.first_us
    assert first.status.registered.first_at == first.status.registered.last_at
    server.registrar.observe()
    assert server.registry.status("cat").registered.last_at > first.status.registered.first_at


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": ("lynx",)},
        {"description": "Finds cats."},
        {"license": "MIT"},
        {"threshold": 0.5},
        {"timeout_s": 1.0},
        {"retries": 0},
        {"protocol": "v2"},
    ],
)
def test_service_that_says_something_else_is_known_by_it_everywhere(server, other, elsewhere, changed):
    """Also where another server heard it, and where it is in service already."""
    elsewhere.run(HERE, "tabby")
    for each in (server, other):
        each.register(protocol="v1")
        each.registrar.observe()
    welcome = server.register(**{"protocol": "v1", **changed})
    other.registrar.observe()

    assert welcome.is_new
    for each in (server, other):
        assert each.say("cat") == "tabby"
        with each.registry.lease("cat") as served:
            spec, card = served.package.remote, served.package.card
        for name, value in changed.items():
            assert getattr(spec if hasattr(spec, name) else card, name) == value


def test_service_that_moved_is_found_at_its_new_place(server, other, elsewhere, store):
    """With the labels that were learnt, the digest of before, and its first time."""
    elsewhere.run(HERE, "tabby")
    server.register()
    other.registrar.observe()
    before = server.registry.status("cat")
    assert other.say("cat") == "tabby"
    elsewhere.stop(HERE)
    elsewhere.run(THERE, "tabby")
    server.register(url=THERE)
    elsewhere.run(HERE, "impostor")  # whoever is there by now
    other.registrar.observe()

    for each in (server, other):
        assert each.say("cat") == "tabby"
        assert each.registry.status("cat").card.digest == before.card.digest
    assert [each.service.url for each in store.all()] == [THERE]
    assert server.registry.status("cat").registered.first_at == before.registered.first_at
    assert {each.spec.url for each in elsewhere.open} == {THERE}


def test_service_does_not_move_while_it_answers_at_its_old_place(server, elsewhere):
    """Two of one name: the first one stays."""
    elsewhere.run(HERE, "tabby")
    elsewhere.run(THERE, "impostor")
    server.register()
    with pytest.raises(NameTaken, match="still answers"):
        server.register(url=THERE)

    assert server.say("cat") == "tabby"


def test_url_is_compared_as_it_is_admitted(server, elsewhere, store):
    """Another spelling is no move."""
    elsewhere.run(HERE, "tabby")
    server.register()

    assert not server.register(url=f"{HERE}/").is_new
    assert [each.service.url for each in store.all()] == [HERE]


@pytest.mark.parametrize("version", ["1", "2"])
def test_name_is_its_owners(server, elsewhere, version):
    """In all versions; neither heartbeat nor move of somebody else counts."""
    elsewhere.run(HERE, "tabby")
    server.register()
    elsewhere.run(THERE, "impostor")
    for url in (HERE, THERE):
        with pytest.raises(NameTaken, match="somebody else"):
            server.register(url=url, version=version, principal="eve")
    elsewhere.stop(HERE)
    with pytest.raises(NameTaken, match="somebody else"):
        server.register(url=THERE, version=version, principal="eve")


def test_place_is_its_owners(server, elsewhere):
    """Nobody gives somebody else's service a second name, and so takes its first one away."""
    elsewhere.run(HERE, "tabby")
    server.register()
    with pytest.raises(NameTaken):
        server.register(name="dog", principal="eve")

    assert server.say("cat") == "tabby"
    with pytest.raises(ModelUnknown):
        server.say("dog")


def test_admin_may_change_what_is_somebodys_and_it_stays_theirs(server, elsewhere, store):
    """An operator helps out; the service's own key goes on working."""
    elsewhere.run(HERE, "tabby")
    server.register()
    elsewhere.stop(HERE)
    elsewhere.run(THERE, "tabby")
    server.register(url=THERE, principal="root", is_admin=True)
    server.register(url=THERE, version="2", principal="root", is_admin=True)

    assert {each.principal for each in store.all()} == {"ada"}
    assert not server.register(url=THERE, version="2").is_new


@pytest.mark.parametrize("is_admin", [False, True])
@pytest.mark.parametrize("folder", ["cat", "cat@7"])
def test_name_of_a_folder_is_the_operators(server, elsewhere, store, folder, is_admin):
    """In every version, and whoever asks."""
    server.put(folder, "folder")
    elsewhere.run(HERE, "tabby")
    with pytest.raises(NameTaken, match="folders"):
        server.register(version="9", is_admin=is_admin)
    with pytest.raises(NameTaken, match="folders"):
        server.register(name="dummy")

    assert store.all() == []
    assert elsewhere.dialled == []


def test_refused_place_is_not_dialled(server, elsewhere, store):
    """Not even to see who is there."""
    elsewhere.run(HERE, "tabby")
    server.refused.add(HERE)
    with pytest.raises(ServiceRefused):
        server.register()

    assert (elsewhere.dialled, store.all()) == ([], [])


def test_service_that_does_not_answer_is_not_taken_in(server, elsewhere, store):
    """Nor does it take anything from what was known."""
    with pytest.raises(ServiceUnreachable, match="ConnectError"):
        server.register()
    assert store.all() == []
    elsewhere.run(HERE, "tabby")
    server.register()
    elsewhere.stop(HERE)
    for url in (HERE, THERE):
        with pytest.raises(ServiceUnreachable):
            server.register(url=url, labels=("other",))

    assert [each.service.labels for each in store.all()] == [("tabby",)]
    assert all(each.spec.url == HERE for each in elsewhere.open)


def test_service_that_is_back_is_taken_in_again(server, elsewhere):
    """Whether it says so or not."""
    elsewhere.run(HERE, "tabby")
    server.register()
    elsewhere.stop(HERE)
    assert (server.state("cat"), server.living()) == ("away", [])
    elsewhere.run(HERE, "tabby")

    assert (server.state("cat"), server.living()) == ("ready", ["cat@1"])
    assert not server.register().is_new


def test_unloaded_on_purpose_stays_unloaded(server, elsewhere, store):
    """What an operator took out of service is not brought back by a heartbeat, nor by a service that changed."""
    elsewhere.run(HERE, "tabby")
    server.register()
    server.registry.unload("cat")
    assert server.register().status.state.value == "unloaded"
    assert server.register(threshold=0.5).status.state.value == "unloaded"
    server.registrar.observe()

    with pytest.raises(ModelNotLoaded):
        server.say("cat")
    assert store.all()[0].service.threshold == 0.5
    server.registry.load("cat")
    assert server.say("cat") == "tabby"


def test_registry_takes_so_many_and_no_more(server, elsewhere, monkeypatch):
    """Those that are known go on; one that is removed makes room."""
    monkeypatch.setattr(module, "MOST_REGISTERED", 2)
    urls = {name: f"{HERE}/{name}" for name in ("cat", "dog", "cow")}
    for name, url in urls.items():
        elsewhere.run(url, name)
    for name in ("cat", "dog"):
        server.register(name=name, url=urls[name])
    with pytest.raises(RegistryFull):
        server.register(name="cow", url=urls["cow"])
    assert not server.register(name="cat", url=urls["cat"]).is_new
    server.registrar.remove("dog", principal="ada", is_admin=False)

    assert server.register(name="cow", url=urls["cow"]).is_new


def test_one_owner_does_not_take_all_the_room(server, elsewhere, monkeypatch):
    """Whoever has as many as anybody may have leaves room for others."""
    monkeypatch.setattr(module, "MOST_EACH", 1)
    urls = {name: f"{HERE}/{name}" for name in ("cat", "dog", "cow")}
    for name, url in urls.items():
        elsewhere.run(url, name)
    server.register(name="cat", url=urls["cat"])
    with pytest.raises(RegistryFull, match="You have registered 1 models"):
        server.register(name="dog", url=urls["dog"])

    assert server.register(name="cow", url=urls["cow"], principal="bea").is_new


def test_removed_is_forgotten_everywhere_and_comes_back_when_it_registers(server, other, elsewhere):
    """Nobody asks it any more."""
    elsewhere.run(HERE, "tabby")
    server.register()
    other.registrar.observe()
    assert other.say("cat") == "tabby"
    server.registrar.remove("cat", principal="ada", is_admin=False)
    other.registrar.observe()

    for each in (server, other):
        with pytest.raises(ModelUnknown):
            each.say("cat")
        assert each.vanished == ["cat@1"]
    assert elsewhere.open == []
    assert server.register().is_new
    assert server.say("cat") == "tabby"


def test_only_owner_and_admin_remove(server, elsewhere):
    """One version or all of them."""
    for version in ("1", "2", "3"):
        elsewhere.run(f"{HERE}/{version}", version)
        server.register(version=version, url=f"{HERE}/{version}")
    with pytest.raises(Forbidden):
        server.registrar.remove("cat", principal="eve", is_admin=False)
    server.registrar.remove("cat", version="2", principal="ada", is_admin=False)
    assert server.living() == ["cat@3", "cat@1"]
    server.registrar.remove("cat", principal="root", is_admin=True)

    assert server.living() == []


@pytest.mark.parametrize(
    ("name", "version"), [("dog", None), ("cat", "2"), ("cat", ""), ("cat", "prod"), ("dummy", None), ("\0", None)]
)
def test_what_did_not_register_is_not_removed(server, elsewhere, store, name, version):
    """Packages are not, whoever asks; and no text gets to the database that it does not take."""
    elsewhere.run(HERE, "tabby")
    server.register()
    server.store.remove = None  # is not even asked
    with pytest.raises(ModelUnknown):
        server.registrar.remove(name, version=version, principal="root", is_admin=True)

    assert len(store.all()) == 1


def test_name_that_was_removed_is_free_and_another_model(server, elsewhere):
    """Aliases and jobs that meant the first owner's do not come to mean it, though it says the same of itself."""
    elsewhere.run(HERE, "tabby")
    before = server.register(labels=("tabby",)).status.card.digest
    server.registrar.remove("cat", principal="ada", is_admin=False)
    after = server.register(labels=("tabby",), principal="eve").status.card.digest

    assert after != before


def test_database_that_is_away_is_told_and_nothing_is_forgotten(server, elsewhere, store):
    """What is in service goes on."""
    elsewhere.run(HERE, "tabby")
    server.register()
    store.failure = DatabaseUnreachable("The database does not answer.")
    for verb in (server.registrar.observe, server.register):
        with pytest.raises(DatabaseUnreachable):
            verb()

    assert server.say("cat") == "tabby"


def test_same_service_at_two_servers_at_once_is_one(server, other, elsewhere, store):
    """Both answer, and both know it."""
    elsewhere.run(HERE, "tabby")
    for _ in range(5):
        start = threading.Barrier(2)

        def register(each, start=start):
            start.wait(20)
            return each.register()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(register, (server, other)))
        assert [each.service.reference for each in store.all()] == ["cat@1"]
        for each in (server, other):
            each.registrar.observe()
            assert each.say("cat") == "tabby"
        server.registrar.remove("cat", principal="ada", is_admin=False)
        other.registrar.observe()
    assert elsewhere.open == []


def test_trial_is_shorter_than_the_service_may_ask_for(server, elsewhere):
    """And nothing that was dialled to look stays open."""
    elsewhere.run(HERE, "tabby")
    server.register(timeout_s=60.0, retries=5)

    assert (elsewhere.dialled[0].timeout_s, elsewhere.dialled[0].retries) == (10.0, 0)
    assert all(spec.is_limited for spec in elsewhere.dialled)
    assert [each.spec.timeout_s for each in elsewhere.open] == [60.0]
