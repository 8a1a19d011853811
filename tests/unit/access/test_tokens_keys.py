"""Keys that come and go: rotation, unknown ids, a provider that is away or slow, many threads at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.access.provider_keys import MAX_STALE_S, MAX_UNKNOWN, MAX_WAITING, PAUSE_S, STALE_REFRESHES, ProviderKeys
from saccade.errors import CredentialInvalid, KeySetUnreachable
from unit.access.minting import NOW_S, Clock, Provider, claims, jwk, token, tokens
from unit.worker.waiting import eventually

REFRESH_S = 300.0
UNKNOWN_S = 30.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def provider():
    return Provider(jwk("rsa"))


@pytest.fixture
def reader(provider, clock):
    return tokens(provider, clock)


def long(kid="rsa", **more):
    """Return a token that lasts as long as any test."""
    return token(claims(exp=NOW_S + 10_000_000, **more), kid=kid)


def is_taken(reader, text):
    """Say whether a token opens."""
    try:
        return reader.read(text) is not None
    except CredentialInvalid:
        return False


def test_nothing_is_fetched_before_a_token_needs_it(reader, provider):
    """No start waits for a provider, and a token that is bad by itself asks nobody: one of another issuer above all."""
    for text in (token(claims(iss="another")), token(claims(exp=1)), token(claims(sub=" ")), "x.y.z", ""):
        assert not is_taken(reader, text)

    assert provider.fetches == 0


def test_keys_are_fetched_once_in_their_time(reader, provider, clock):
    """Many tokens make one fetch, until the keys are old."""
    for number in range(20):
        reader.read(long(n=number))
    clock.now_s += REFRESH_S - 0.1
    reader.read(long())
    assert provider.fetches == 1

    clock.now_s += 0.1
    reader.read(long())
    assert provider.fetches == 2


def test_new_key_counts_at_once(reader, provider, clock):
    """A token that names a key we do not know makes us ask, once."""
    reader.read(long())
    clock.now_s += PAUSE_S
    provider.jwks.append(jwk("rsa-es"))

    assert is_taken(reader, long("rsa-es"))
    assert is_taken(reader, long("rsa-es", n=1))
    assert provider.fetches == 2


def test_removed_key_ends_with_the_refresh(reader, provider, clock):
    """What the provider took back opens nothing after ``refresh_s``, not even for those who were just let in."""
    reader.read(long())
    provider.jwks = [jwk("rsa-es")]
    clock.now_s += REFRESH_S - 1
    assert is_taken(reader, long())

    clock.now_s += 1
    assert not is_taken(reader, long())


def test_set_without_keys_takes_them_all_back(reader, provider, clock):
    """An empty set is an answer, not a failure."""
    reader.read(long())
    provider.jwks = []
    clock.now_s += REFRESH_S

    assert not is_taken(reader, long())


def test_unknown_key_is_not_asked_for_again_soon(reader, provider, clock):
    """A key id that the provider did not know costs one fetch in ``unknown_s``, however often it comes."""
    reader.read(long())
    asked = []
    for _ in range(int(2 * UNKNOWN_S) + 1):
        clock.now_s += 1
        assert not is_taken(reader, long("rsa-mallory"))
        asked.append(provider.fetches)

    assert asked[-1] == 1 + 2
    assert clock.now_s < NOW_S + REFRESH_S


def test_unknown_key_that_appears_counts_with_the_next_fetch(reader, provider, clock):
    """Being remembered as unknown keeps no key out that another fetch has brought."""
    reader.read(long())
    clock.now_s += PAUSE_S
    assert not is_taken(reader, long("rsa-es"))
    provider.jwks += [jwk("rsa-es"), jwk("rsa-ps")]
    clock.now_s += PAUSE_S
    assert is_taken(reader, long("rsa-ps"))

    assert is_taken(reader, long("rsa-es"))


def test_random_key_ids_cause_no_storm(reader, provider, clock):
    """Thousands of made-up ids make one fetch in each pause, and fill no memory."""
    reader.read(long())
    signed = long()
    header_of = [token(header={"kid": f"made-up-{number}"}).partition(".")[0] for number in range(400)]
    for number in range(4000):
        clock.now_s += 0.01
        text = f"{header_of[number % 400]}.{signed.partition('.')[2]}"
        assert not is_taken(reader, text)

    assert provider.fetches <= 1 + 40 / PAUSE_S
    assert len(reader._provider_keys._unknown_until_s) <= MAX_UNKNOWN


def test_memory_of_unknown_ids_is_bounded(clock, provider):
    """Even where they are remembered for years, it is the last ones only."""
    ring = ProviderKeys(provider, algorithms=("RS256",), refresh_s=1e9, unknown_s=1e9, monotonic=clock.monotonic)
    for number in range(MAX_UNKNOWN + 10):
        clock.now_s += PAUSE_S
        assert ring.find(f"made-up-{number}", "RS256") is None

    assert provider.fetches == MAX_UNKNOWN + 10
    assert len(ring._unknown_until_s) == MAX_UNKNOWN


def test_known_key_with_another_algorithm_asks_nobody(reader, provider, clock):
    """Only an id that is not there is a reason to ask."""
    reader.read(long())
    clock.now_s += PAUSE_S

    assert not is_taken(reader, token(alg="ES256", signer="p256"))
    assert provider.fetches == 1


def test_old_keys_go_on_while_the_provider_is_away(reader, provider, clock):
    """An outage of the provider shuts nobody out, for a bounded time; then nobody can say, which is no refusal."""
    reader.read(long())
    provider.is_away = True
    clock.now_s += REFRESH_S * (1 + STALE_REFRESHES) - 1
    assert is_taken(reader, long())

    clock.now_s += 1
    with pytest.raises(KeySetUnreachable):
        reader.read(long(n=1))

    provider.is_away = False
    clock.now_s += PAUSE_S
    assert is_taken(reader, long())


def test_old_keys_end_after_a_day_however_seldom_they_are_refreshed(provider, clock):
    """A long refresh makes no key that was taken back count for weeks."""
    reader = tokens(provider, clock, refresh_s=MAX_STALE_S)
    reader.read(long())
    provider.is_away = True

    clock.now_s += 2 * MAX_STALE_S - 1
    assert is_taken(reader, long())
    clock.now_s += 1
    with pytest.raises(KeySetUnreachable):
        reader.read(long(n=1))


def test_provider_that_is_away_is_not_asked_all_the_time(reader, provider, clock):
    """With old keys or without, it is asked once in each pause, and each token is answered in between."""
    provider.is_away = True
    for _ in range(50):
        clock.now_s += 0.1
        with pytest.raises(KeySetUnreachable):
            reader.read(long())
    assert provider.fetches == 1

    provider.is_away = False
    clock.now_s += PAUSE_S
    reader.read(long())
    provider.is_away = True
    clock.now_s += REFRESH_S
    for number in range(50):
        clock.now_s += 0.1
        reader.read(long(n=number))
    assert provider.fetches == 3


def test_provider_that_comes_back_is_heard(reader, provider, clock):
    """What it took back while it was away ends with the first fetch that succeeds."""
    reader.read(long())
    provider.is_away = True
    clock.now_s += REFRESH_S
    assert is_taken(reader, long())
    provider.is_away, provider.jwks = False, [jwk("rsa-es")]

    clock.now_s += PAUSE_S
    assert not is_taken(reader, long())


def test_new_key_while_the_provider_is_away_is_no_refusal(reader, provider, clock):
    """Nobody can say whether the provider has such a key: the caller is asked to come again, also between two tries."""
    reader.read(long())
    provider.is_away = True
    clock.now_s += PAUSE_S

    for _ in range(3):
        with pytest.raises(KeySetUnreachable):
            reader.read(long("rsa-es"))
    assert provider.fetches == 2


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}])
def test_answer_that_is_no_key_set_changes_nothing(reader, provider, clock, document, monkeypatch):
    """A provider that answers nonsense is one that is away."""
    reader.read(long())
    monkeypatch.setattr(provider, "fetch", lambda: document)
    clock.now_s += REFRESH_S

    assert is_taken(reader, long())


def test_one_thread_fetches_the_first_keys_and_the_others_wait(reader, provider):
    """However many come at once to a server that has just started, the provider is asked once."""
    provider.may_answer.clear()
    with ThreadPoolExecutor(16) as threads:
        found = [threads.submit(reader.read, long(n=number)) for number in range(16)]
        assert provider.is_asked.wait(10)
        provider.may_answer.set()

        assert {each.result(10).id for each in found} == {"jwt:u-42"}
    assert provider.fetches == 1


def test_nobody_waits_for_a_refresh_but_the_one_who_makes_it(reader, provider, clock):
    """A provider that has become slow holds up one request and not all."""
    reader.read(long())
    clock.now_s += REFRESH_S
    provider.is_asked.clear()
    provider.may_answer.clear()
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(reader.read, long(n=1))
        assert provider.is_asked.wait(10)
        for number in range(2, 6):
            assert reader.read(long(n=number)).id == "jwt:u-42"
        assert not slow.done()
        provider.may_answer.set()

        assert slow.result(10).id == "jwt:u-42"
    assert provider.fetches == 2


def test_few_wait_for_an_unknown_key_and_the_rest_come_again(reader, provider, clock):
    """A slow provider and made-up ids together do not hold every thread of the server; good tokens go on."""
    reader.read(long())
    clock.now_s += PAUSE_S
    provider.is_asked.clear()
    provider.may_answer.clear()
    outcomes, many = [], MAX_WAITING + 6
    tokens = [long("rsa-es", n=number) for number in range(many)]

    def show(number):
        try:
            outcomes.append(reader.read(tokens[number]))
        except KeySetUnreachable as error:
            outcomes.append(error)

    threads = [threading.Thread(target=show, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    assert provider.is_asked.wait(10)
    eventually(lambda: len(outcomes) == many - MAX_WAITING)
    assert all(isinstance(each, KeySetUnreachable) for each in outcomes)
    assert is_taken(reader, long(n=99))

    provider.jwks.append(jwk("rsa-es"))
    provider.may_answer.set()
    for thread in threads:
        thread.join(10)
    assert sum(not isinstance(each, KeySetUnreachable) for each in outcomes) == MAX_WAITING
    assert provider.fetches == 2


def test_fetch_that_fails_in_an_unknown_way_is_not_repeated_at_once(clock):
    """A fault of ours is raised, and does not become a storm at the provider."""

    class Broken:
        fetches = 0

        def fetch(self):
            self.fetches += 1
            raise RuntimeError("a fault")

    broken = Broken()
    reader = tokens(broken, clock)

    with pytest.raises(RuntimeError):
        reader.read(long())
    with pytest.raises(KeySetUnreachable):
        reader.read(long())
    assert broken.fetches == 1
