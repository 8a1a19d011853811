"""The port ``Limiter`` on every scheme: exact counts, charges, processes together, and a place that is away."""

import contextlib
import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from faults import Proxy, make_certificate, proxy_to
from saccade.access.counting import Window
from saccade.access.rate_policy import read_policy
from saccade.access.rates import Rates
from saccade.backends import LIMITERS, open_limiter
from saccade.errors import LimiterUnreachable, RateExceeded, SettingInvalid

EMBEDDED = {"memory"}
SHARED = sorted(set(LIMITERS) - EMBEDDED)
ROUTE = "POST /v1/jobs"
TIMEOUT_S = 0.5


@dataclass
class Place:
    """Where limits are counted: the URL, through a proxy where it is another machine."""

    url: str
    proxy: Proxy | None = None
    direct_url: str = ""


@contextlib.contextmanager
def place_of(request, scheme):
    """Lend a place on the scheme that nobody has counted in."""
    if scheme in EMBEDDED:
        yield Place(f"{scheme}://")
        return
    server = request.getfixturevalue("redis_url")
    import redis

    with redis.Redis.from_url(server) as database:
        database.flushdb()
    tls, authority = make_certificate(request.getfixturevalue("tmp_path")) if scheme == "rediss" else (None, None)
    with proxy_to(server, default_port=6379, tls=tls) as (proxy, through):
        url = f"{scheme}:{through.partition(':')[2]}{f'?ca={authority}' if authority else ''}"
        yield Place(url, proxy, server)


@pytest.fixture(params=sorted(LIMITERS))
def limiter(request):
    """Yield a limiter on each scheme."""
    with place_of(request, request.param) as place:
        opened = open_limiter(place.url)
        yield opened
        opened.close()


@pytest.fixture(params=SHARED)
def shared_place(request):
    """Yield a place on each scheme that processes share."""
    with place_of(request, request.param) as place:
        yield place


def window(key="a", most=5, span_s=60, *, is_remembered=True):
    return Window(key, most, span_s, is_remembered)


def test_there_is_room_for_as_many_as_may_be(limiter):
    """Five fit, the sixth does not, and is told when the first one leaves."""
    limiter.check()
    counts = [limiter.admit([window()]) for _ in range(6)]

    assert [count.full for count in counts] == [(), (), (), (), (), (0,)]
    assert [count.levels[0].remaining for count in counts] == [4, 3, 2, 1, 0, 0]
    assert all(58 < count.levels[0].reset_s <= 60.01 for count in counts)
    assert limiter.admit([window("b")]).full == ()


@pytest.mark.parametrize("is_remembered", [True, False])
def test_room_comes_back(limiter, is_remembered):
    """When the told time is over, one fits again."""
    short = window(most=2, span_s=1, is_remembered=is_remembered)
    while not (count := limiter.admit([short])).full:
        pass
    told_s, begun_s = count.levels[0].reset_s, time.monotonic()
    while limiter.admit([], [short]).full:
        assert time.monotonic() - begun_s < 5
    took_s = time.monotonic() - begun_s

    assert told_s - 0.1 <= took_s <= told_s + 0.5


def test_what_does_not_fit_somewhere_is_counted_nowhere(limiter):
    """A full window, counted or only tested, keeps the request out of all others."""
    wide, narrow, charged = window("wide", 100), window("narrow", 1), window("charged", 1000, is_remembered=False)
    assert limiter.admit([wide, narrow], [charged]).full == ()
    for _ in range(5):
        assert limiter.admit([wide, narrow], [charged]).full == (1,)
    limiter.charge(charged, 5000)
    for _ in range(5):
        assert limiter.admit([wide], [charged]).full == (1,)

    assert limiter.admit([wide]).levels[0].remaining == 98


def test_charge_counts_what_does_not_fit(limiter):
    """An amount far beyond the limit is counted as a whole, and what is only tested counts nothing."""
    charged = window("pixels", 1_000_000_000, 3600, is_remembered=False)
    assert limiter.admit([], [charged]).levels[0].remaining == 1_000_000_000
    limiter.charge(charged, 300_000_000)
    for _ in range(3):
        assert limiter.admit([], [charged]).levels[0].remaining == 700_000_000
    limiter.charge(charged, 999_999_999_999)

    full = limiter.admit([], [charged])
    assert full.full == (0,)
    assert 3600 <= full.levels[0].reset_s <= 7200


def test_large_windows_count_requests_too(limiter):
    """Requests are counted one by one in a window of two sums, up to its limit."""
    large = window("large", 50, 3600, is_remembered=False)

    assert sum(not limiter.admit([large]).full for _ in range(60)) == 50


def test_threads_together_get_what_one_would(limiter):
    """Eight threads at once, two limits: as many as the tighter one allows, and the wider one counted no more."""
    wide, narrow = window("wide", 1000), window("narrow", 60)

    def ask(_):
        return sum(not limiter.admit([wide, narrow]).full for _ in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 60
    assert limiter.admit([wide]).levels[0].remaining == 1000 - 61


LIMITS = {"requests": "400/hour", "routes": [f"{ROUTE}=300/hour"]}


def _ask(url, start, tries, admitted):
    rates, count = Rates(read_policy(**LIMITS), open_limiter(url)), 0
    start.wait()
    for _ in range(tries):
        with contextlib.suppress(RateExceeded):
            rates.admit("alice", ROUTE)
            count += 1
    admitted.put(count)
    rates.close()


def test_processes_together_are_let_in_as_often_as_one(redis_url):
    """Four processes ask 600 times at once: 300 come in, give or take 2 %, and refusals ate of no other limit."""
    context = multiprocessing.get_context("spawn")
    start, admitted, url = context.Barrier(4), context.Queue(), f"{redis_url}?prefix=processes"
    processes = [context.Process(target=_ask, args=(url, start, 150, admitted)) for _ in range(4)]
    for process in processes:
        process.start()
    counts = [admitted.get(timeout=90) for _ in processes]
    for process in processes:
        process.join(20)
    rates = Rates(read_policy(**LIMITS), open_limiter(url))
    (_, level), *_ = rates.admit("alice", "GET /").levels
    rates.close()

    assert 294 <= sum(counts) <= 306
    assert min(counts) > 0
    assert level.remaining == 400 - sum(counts) - 1


def test_two_processes_share_one_count(shared_place):
    """What one lets in, the other knows."""
    one, other = open_limiter(shared_place.url), open_limiter(shared_place.url)
    for _ in range(3):
        one.admit([window()])
    other.charge(window("pixels", 10, is_remembered=False), 50)

    assert other.admit([window()]).levels[0].remaining == 1
    assert one.admit([], [window("pixels", 10, is_remembered=False)]).full == (0,)
    assert one.is_blocking
    one.close()
    other.close()


def test_saccades_with_different_prefixes_share_nothing(redis_url):
    """Several on one Redis are told apart by the prefix in the URL."""
    one, other = open_limiter(f"{redis_url}?prefix=one"), open_limiter(f"{redis_url}?prefix=other")
    for _ in range(5):
        one.admit([window("prefixed")])

    assert one.admit([window("prefixed")]).full == (0,)
    assert other.admit([window("prefixed")]).full == ()
    one.close()
    other.close()


def test_nothing_is_kept_for_longer_than_it_counts(redis_url):
    """Each key in Redis has an end: at the latest two spans after it was used."""
    import redis

    limiter = open_limiter(f"{redis_url}?prefix=ends")
    limiter.admit([window("remembered")])
    limiter.charge(window("summed", is_remembered=False), 7)
    with redis.Redis.from_url(redis_url) as database:
        ends_s = [database.ttl(key) for key in database.scan_iter("ends:*")]
    limiter.close()

    assert len(ends_s) == 2
    assert all(0 < end_s <= 120 for end_s in ends_s)


def refused_after_s(limiter):
    begun_s = time.monotonic()
    with pytest.raises(LimiterUnreachable):
        limiter.admit([window()])
    return time.monotonic() - begun_s


def until_it_counts(limiter, within_s=10.0):
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            return limiter.admit([window()])
        except LimiterUnreachable:
            assert time.monotonic() < deadline_s, "the place is back, and nobody noticed"


@pytest.mark.parametrize("fault", ["cut", "freeze"])
def test_outage_costs_one_request_its_patience_and_the_others_nothing(shared_place, fault):
    """Dead or silent: said within a second, then at once; found again soon after it is back."""
    limiter = open_limiter(shared_place.url)
    limiter.admit([window()])
    getattr(shared_place.proxy, fault)()

    assert refused_after_s(limiter) < 2 * TIMEOUT_S + 0.5
    begun_s, asked = time.monotonic(), 0
    while time.monotonic() - begun_s < 0.4:
        assert refused_after_s(limiter) < TIMEOUT_S
        asked += 1
    assert asked > 5

    shared_place.proxy.mend() if fault == "cut" else shared_place.proxy.thaw()
    assert until_it_counts(limiter).levels[0].remaining == 3
    limiter.close()


def test_crowd_does_not_queue_for_a_silent_place(shared_place):
    """Eight threads and twenty requests each while nothing answers: all are through in a few time-outs, not in 160."""
    limiter = open_limiter(shared_place.url)
    shared_place.proxy.freeze()
    begun_s = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [refused_after_s(limiter) for _ in range(20)], range(8)))

    assert time.monotonic() - begun_s < 10 * TIMEOUT_S
    limiter.close()


def test_scripts_are_found_again_after_the_server_forgot_them(redis_url):
    """A Redis that was started anew knows no script and no count; nobody is refused for it."""
    import redis

    limiter = open_limiter(f"{redis_url}?prefix=forgot")
    for _ in range(5):
        limiter.admit([window()])
    with redis.Redis.from_url(redis_url) as database:
        database.script_flush()
        database.flushdb()

    assert limiter.admit([window()]).levels[0].remaining == 4
    limiter.close()


def test_connection_that_was_closed_meanwhile_is_no_outage(redis_url):
    """Idle connections are closed by servers; the next request opens another one and is counted."""
    import redis

    limiter = open_limiter(f"{redis_url}?prefix=closed")
    limiter.admit([window()])
    with redis.Redis.from_url(redis_url) as database:
        own = database.client_id()
        number = int(redis_url.rpartition("/")[2])
        for client in database.client_list():
            if int(client["db"]) == number and int(client["id"]) != own:
                database.client_kill_filter(_id=client["id"])

    assert limiter.admit([window()]).levels[0].remaining == 3
    limiter.close()


def test_outage_follows_the_setting(shared_place):
    """Open lets through and says so; closed refuses with an error of its own."""
    told = []
    limits = {"requests": "1/hour", "images": "5/hour"}
    opened = Rates(read_policy(**limits), open_limiter(shared_place.url), on_uncounted=lambda: told.append(1))
    closed = Rates(read_policy(**limits, fails_open=False), open_limiter(shared_place.url))
    shared_place.proxy.cut()
    for _ in range(3):
        assert opened.admit("alice", ROUTE).levels == ()
        opened.charge("alice", images=1)
        with pytest.raises(LimiterUnreachable) as caught:
            closed.admit("alice", ROUTE)

    assert len(told) == 3
    assert "alice" not in str(caught.value)
    opened.close()
    closed.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis://u:hunter2@127.0.0.1:6379/0?what=x",
        "redis://u:hunter2@127.0.0.1:6379/0?prefix=a/b",
        "redis://u:hunter2@127.0.0.1:6379/0#x",
        "redis://u:hunter2@127.0.0.1:sixthousand/0",
        "redis://u:hunter2@127.0.0.1:6379/0?ssl_cert_reqs=none",
    ],
)
def test_wrong_url_is_refused_without_its_password(url):
    """A URL that cannot be kept is refused at the start; what it holds is not shown."""
    with pytest.raises(SettingInvalid, match="SACCADE_RATE_URL") as caught:
        open_limiter(url)

    assert "hunter2" not in str(caught.value)


def test_stranger_behind_tls_is_not_trusted(request):
    """A certificate that no trusted authority vouches for is an outage, not a place to count."""
    with place_of(request, "rediss") as place:
        limiter = open_limiter(place.url.partition("?")[0])
        with pytest.raises(LimiterUnreachable):
            limiter.check()
        limiter.close()
