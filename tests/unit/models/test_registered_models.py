"""The registry with models that registered themselves: they come, move, are hidden and vanish while it serves."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.errors import ModelFailed, ModelLoading, ModelUnavailable, ModelUnknown
from saccade.models.catalog import Catalog
from saccade.models.registrations import Registration, found_of
from unit.models.elsewhere import HERE, THERE, Elsewhere, Server, Store, service

T0 = 1_700_000_000_000_000


@pytest.fixture
def elsewhere():
    return Elsewhere()


@pytest.fixture
def server(tmp_path, elsewhere):
    made = Server(tmp_path, elsewhere, Store())
    yield made
    for _, go in elsewhere.holds.values():
        go.set()
    made.registry.close()


def found(*, principal="ada", last_us=T0, **fields):
    return found_of(Registration(service(**fields), principal, T0, last_us))


def tell(server, *registered, load=True):
    server.registry.set_registered(registered, load=load)


def wait_until(is_so):
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_told_model_is_loaded_without_being_asked_for(server, elsewhere):
    """From then on it is looked after, and is listed while it is there."""
    elsewhere.run(HERE, "tabby")
    tell(server, found())
    wait_until(lambda: server.living() == ["cat@1"])

    assert server.say("cat") == "tabby"
    assert server.registry.status("cat").runtime == "remote/microservice"
    assert server.registry.status("cat").registered.last_at.year == 2023


def test_told_model_may_wait_until_it_is_asked_for(server, elsewhere):
    """Where a process looks once and is gone soon."""
    elsewhere.run(HERE, "tabby")
    tell(server, found(), load=False)
    assert (server.state("cat"), elsewhere.dialled) == ("available", [])

    assert server.say("cat") == "tabby"


def test_same_again_changes_nothing(server, elsewhere):
    """A heartbeat changes only when it was seen."""
    elsewhere.run(HERE, "tabby")
    tell(server, found())
    assert server.say("cat") == "tabby"
    for last_us in (T0, T0 + 2_000_000):
        tell(server, found(last_us=last_us))

    assert server.state("cat") == "ready"
    assert len(elsewhere.dialled) == 1
    assert server.registry.status("cat").registered.last_at.second == 22


def test_model_that_nobody_tells_of_any_more_is_gone(server, elsewhere):
    """Who is being answered is still answered; then nobody looks after it, and nothing tells of it."""
    elsewhere.run(HERE, "tabby")
    tell(server, found(), found(name="dog", url=THERE))
    with server.registry.lease("cat"):
        tell(server)
        assert HERE in {each.spec.url for each in elsewhere.open}
    wait_until(lambda: elsewhere.open == [])

    assert sorted(server.vanished) == ["cat@1", "dog@1"]
    for name in ("cat", "cat@1", "dog"):
        with pytest.raises(ModelUnknown):
            server.say(name)


def test_model_that_moved_is_asked_at_its_new_place_alone(server, elsewhere):
    """Who answers at the old place may be somebody else by now."""
    elsewhere.run(HERE, "tabby")
    tell(server, found())
    assert server.say("cat") == "tabby"
    elsewhere.run(HERE, "impostor")
    elsewhere.run(THERE, "tabby")
    tell(server, found(url=THERE))

    assert server.say("cat") == "tabby"
    assert [each.spec.url for each in elsewhere.open] == [THERE]


def test_model_that_moved_where_nobody_is_yet_is_away(server, elsewhere):
    """It is not asked at the old place meanwhile, and is back as soon as somebody is there."""
    elsewhere.run(HERE, "impostor")
    tell(server, found())
    assert server.say("cat") == "impostor"
    tell(server, found(url=THERE))
    with pytest.raises(ModelUnavailable):
        server.say("cat")
    assert server.state("cat") == "away"
    elsewhere.run(THERE, "tabby")

    assert (server.say("cat"), server.living()) == ("tabby", ["cat@1"])


@pytest.mark.parametrize("is_back", [False, True])
def test_model_that_moves_while_it_is_loaded_is_served_from_its_new_place(server, elsewhere, is_back):
    """What was dialled meanwhile is let go, and never in service; also if it moves to and fro."""
    elsewhere.run(HERE, "tabby")
    elsewhere.run(THERE, "lion")
    entered, go = elsewhere.hold(HERE)
    tell(server, found())
    assert entered.wait(20)
    tell(server, found(url=THERE))
    if is_back:
        tell(server, found())
    go.set()

    assert server.say("cat") == ("tabby" if is_back else "lion")
    wait_until(lambda: [each.spec.url for each in elsewhere.open] == [HERE if is_back else THERE])


def test_model_that_vanishes_while_it_is_loaded_is_let_go(server, elsewhere):
    """Else a thread would look after it for ever; who waits for it is told."""
    elsewhere.run(HERE, "tabby")
    entered, go = elsewhere.hold(HERE)
    tell(server, found())
    assert entered.wait(20)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.say, "cat")
        tell(server)
        go.set()
        with pytest.raises((ModelUnknown, ModelLoading)):
            waiting.result(20)
    wait_until(lambda: elsewhere.open == [])
    with pytest.raises(ModelUnknown):
        server.say("cat")


def test_model_that_vanished_and_came_back_while_it_was_loaded(server, elsewhere):
    """Two loads of it end in one that is looked after."""
    elsewhere.run(HERE, "tabby")
    entered, go = elsewhere.hold(HERE)
    tell(server, found())
    assert entered.wait(20)
    tell(server)
    tell(server, found())
    go.set()

    assert server.say("cat") == "tabby"
    wait_until(lambda: len(elsewhere.open) == 1)


def test_closing_while_models_are_loaded_leaves_nothing_open(server, elsewhere):
    """Neither what is being dialled nor what stands in the line."""
    entered, go = elsewhere.hold(HERE)
    tell(server, *(found(name=f"cat-{number}", protocol="v2") for number in range(20)))
    assert entered.wait(20)
    server.registry.close()
    go.set()
    tell(server, found(url=THERE))

    wait_until(lambda: elsewhere.open == [])
    assert {spec.url for spec in elsewhere.dialled} == {HERE}


def test_slow_dial_holds_up_neither_packages_nor_other_services(server, elsewhere):
    """A service whose host does not answer costs its own time alone."""
    server.put("hen", "hen")
    elsewhere.run(THERE, "tabby")
    entered, _ = elsewhere.hold(HERE)
    tell(server, found(name="slow"), found(url=THERE))
    assert entered.wait(20)

    assert server.say("cat") == "tabby"
    assert server.say("hen") == "hen"
    assert server.state("slow") == "loading"
    assert server.living() == ["cat@1"]


def test_folders_model_hides_its_namesakes(server, elsewhere):
    """In every version: the bare name must not come to mean somebody's newer one."""
    server.put("cat@1", "folder")
    elsewhere.run(HERE, "impostor")
    tell(server, found(), found(version="2", url=THERE), found(name="dummy", version="9", url=f"{HERE}/d"))

    assert server.say("cat") == "folder"
    assert server.registry.status("dummy").registered is None
    for reference in ("cat@2", "dummy@9"):
        with pytest.raises(ModelUnknown):
            server.say(reference)
    assert elsewhere.dialled == []


@pytest.mark.parametrize("version", ["1", "2"])
def test_folders_model_that_is_copied_in_takes_the_name_at_once(server, elsewhere, version):
    """Though the service of that name, or even of that version, is in service; whoever is being answered still is."""
    elsewhere.run(HERE, "tabby")
    tell(server, found())
    assert server.say("cat") == "tabby"
    with server.registry.lease("cat"):
        server.put(f"cat@{version}", "folder")
        tell(server, found(last_us=T0 + 1))
        assert server.say("cat") == "folder"

    assert server.registry.status("cat").registered is None
    assert elsewhere.open == []


@pytest.mark.parametrize("stands", ["loading", "unloaded", "away"])
def test_folders_model_takes_the_name_however_the_service_stands(server, elsewhere, stands):
    """What was done to the service was not done to the folder's model."""
    entered, go = elsewhere.hold(HERE)
    if stands != "away":
        elsewhere.run(HERE, "tabby")
    tell(server, found())
    assert entered.wait(20)
    if stands != "loading":
        go.set()
        wait_until(lambda: server.state("cat") in {"ready", "away"})
    if stands == "unloaded":
        server.registry.unload("cat")
    server.put("cat", "folder")
    tell(server, found(last_us=T0 + 1))
    go.set()

    assert server.say("cat") == "folder"
    assert server.state("cat") == "ready"
    wait_until(lambda: elsewhere.open == [])


def test_broken_package_is_not_answered_for_by_a_service(server, elsewhere):
    """The operator's name stays the operator's, also while their package cannot be read."""
    elsewhere.run(HERE, "tabby")
    tell(server, found())
    assert server.say("cat") == "tabby"
    server.put("cat", "broken")
    tell(server, found(last_us=T0 + 1))

    with pytest.raises(ModelFailed):
        server.say("cat")
    assert elsewhere.open == []


def test_service_is_back_when_the_folders_model_is_gone(server, elsewhere):
    """It is looked after from the next look on, and nobody has to ask for it."""
    elsewhere.run(HERE, "tabby")
    server.put("cat", "folder")
    tell(server, found())
    assert server.say("cat") == "folder"
    (server.folder / "cat" / "says").unlink()
    (server.folder / "cat").rmdir()
    server.registry.statuses()
    tell(server, found())
    wait_until(lambda: server.living() == ["cat@1"])

    assert server.say("cat") == "tabby"


def test_readiness_does_not_count_them(server, elsewhere):
    """They come and go: neither is a server ready by them, nor does it wait for them."""
    elsewhere.run(HERE, "tabby")
    elsewhere.hold(THERE)
    server.registry.load("dummy")
    tell(server, found(), found(name="slow", url=THERE), found(name="away", url=f"{HERE}/nobody"))
    wait_until(lambda: server.living() == ["cat@1"])
    readiness = server.registry.readiness()

    assert (readiness.ready, readiness.loading, readiness.failed) == (True, (), ())


def test_unloaded_stays_unloaded_when_it_moves(server, elsewhere):
    """Whoever unloaded it meant the model, wherever it is; loaded again it is found at its new place."""
    elsewhere.run(HERE, "impostor")
    elsewhere.run(THERE, "tabby")
    tell(server, found())
    assert server.say("cat") == "impostor"
    server.registry.unload("cat")
    tell(server, found(url=THERE))
    assert (server.state("cat"), elsewhere.open) == ("unloaded", [])
    server.registry.load("cat")

    assert server.say("cat") == "tabby"


def test_alias_means_what_was_promoted_and_no_other_service(server, elsewhere):
    """A service that moved is the same; one with other labels, or somebody else's, is not."""
    elsewhere.run(HERE, "tabby")
    elsewhere.run(THERE, "tabby")
    promoted = found(labels=("tabby",))
    tell(server, promoted)
    server.registry.set_aliases({("cat", "prod"): ("cat@1", promoted.package.card.digest)})
    assert server.say("cat@prod") == "tabby"
    tell(server, found(labels=("tabby",), url=THERE, threshold=0.1))
    assert server.say("cat") == "tabby"

    for other in ({"labels": ("tabby", "lion")}, {"labels": ("tabby",), "principal": "eve"}):
        tell(server, found(**other))
        with pytest.raises(ModelFailed, match="others now"):
            server.say("cat")


def test_digest_is_of_what_is_said_and_not_of_where(server):
    """Nor of how it is asked: jobs wait for the model, not for an address."""

    def digest(**fields):
        return found(**fields).package.card.digest

    same = (
        {"url": THERE},
        {"protocol": "v2"},
        {"timeout_s": 1.0},
        {"retries": 0},
        {"threshold": 0.5},
        {"license": "x"},
    )
    others = ({"name": "dog", "model": "cat"}, {"version": "2"}, {"model": "dog"}, {"labels": ("a",)})
    assert {digest(**fields) for fields in same} == {digest()}
    assert len({digest(), digest(principal="eve"), *(digest(**fields) for fields in others)}) == 6
    assert digest(labels=("a", "b")) != digest(labels=("a,b",)) != digest(labels=("b", "a"))
    signatures = {found(**fields).signature for fields in (*same, *others, {}, {"description": "x"})}
    assert len(signatures) == len(same) + len(others) + 2


def test_what_was_seen_first_is_not_taken_in_last(tmp_path, elsewhere, monkeypatch):
    """A slow look at the folders must not bring back what is gone since, nor forget what came."""
    server = Server(tmp_path, elsewhere, Store(), rescan_s=600.0)
    server.registry.statuses()
    seen, go, scan = threading.Event(), threading.Event(), Catalog.scan

    def slow(catalog):
        found_there = scan(catalog)
        if not seen.is_set():
            seen.set()
            assert go.wait(20)
        return found_there

    monkeypatch.setattr(Catalog, "scan", slow)
    elsewhere.run(HERE, "tabby")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.registry.load, "dummy")
        assert seen.wait(20)
        second = pool.submit(tell, server, found())
        time.sleep(0.1)
        go.set()
        first.result(20)
        second.result(20)

    assert server.say("cat") == "tabby"
    server.registry.close()


def test_two_who_tell_at_once_end_with_one_truth(server, elsewhere):
    """Registry and slots agree, whoever was first, and nothing is left open that is not in service."""
    for url in (HERE, THERE):
        elsewhere.run(url, url)
    for _ in range(20):
        start = threading.Barrier(3)

        def tell_of(url, start=start):
            start.wait(20)
            if url is None:
                server.registry.statuses()
            else:
                tell(server, found(url=url))

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(tell_of, (HERE, THERE, None)))
        server.registry.statuses()
        said = server.say("cat")
        wait_until(lambda said=said: [each.spec.url for each in elsewhere.open] == [said])
        tell(server)
    assert elsewhere.open == []
