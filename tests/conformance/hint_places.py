"""Where the suites of hints find them: a queue of its own on each scheme, behind a proxy that fails on command."""

import contextlib
import importlib
import secrets
import time
from dataclasses import dataclass

import pytest

from faults import Proxy, make_certificate, proxy_to
from saccade.backends import HINTS, open_hints
from saccade.errors import HintsUnreachable
from services import delete_queue

EMBEDDED = {"memory"}
BROKERS = sorted(set(HINTS) - EMBEDDED)


@dataclass
class Place:
    """Where hints are: the URL through a proxy, and the broker itself to look into."""

    url: str
    scheme: str
    queue: str = ""
    broker_url: str = ""
    proxy: Proxy | None = None

    def empty(self):
        """Take everything out of the broker behind our back, and what it knows of us."""
        if self.scheme.startswith("redis"):
            with self._redis() as database:
                database.flushdb()
        else:
            delete_queue(self.broker_url, self.queue)

    def length(self):
        """Return how many messages the broker keeps."""
        if self.scheme.startswith("redis"):
            with self._redis() as database:
                return database.llen(self.queue)
        with self._channel() as channel:
            return channel.queue_declare(self.queue, passive=True).message_count

    def put(self, body):
        """Put a message of a stranger into the queue."""
        kombu = importlib.import_module("kombu")
        with kombu.Connection(self.broker_url) as connection, connection.channel() as channel:
            kombu.Producer(channel).publish(body, routing_key=self.queue)

    def _redis(self):
        return importlib.import_module("redis").Redis.from_url(self.broker_url)

    @contextlib.contextmanager
    def _channel(self):
        kombu = importlib.import_module("kombu")
        with kombu.Connection(self.broker_url) as connection, connection.channel() as channel:
            yield channel


@contextlib.contextmanager
def place_of(request, scheme):
    """Lend a queue of its own on the scheme."""
    if scheme in EMBEDDED:
        yield Place(f"{scheme}://", scheme)
        return
    kind, port = ("redis_url", 6379) if scheme.startswith("redis") else ("rabbitmq_url", 5672)
    broker_url = request.getfixturevalue(kind).partition("?")[0]
    queue = f"hints-{secrets.token_hex(6)}"
    tls, authority = (None, None)
    if scheme in {"rediss", "amqps"}:
        tls, authority = make_certificate(request.getfixturevalue("tmp_path"))
    with proxy_to(broker_url, default_port=port, tls=tls) as (proxy, through):
        url = f"{scheme}:{through.partition(':')[2]}?queue={queue}{f'&ca={authority}' if authority else ''}"
        place = Place(url, scheme, queue, broker_url, proxy)
        try:
            yield place
        finally:
            place.empty()


@pytest.fixture(params=sorted(HINTS))
def place(request):
    """Yield a place on each scheme."""
    with place_of(request, request.param) as lent:
        yield lent


@pytest.fixture(params=BROKERS)
def broker(request):
    """Yield a place on each scheme that has a broker."""
    with place_of(request, request.param) as lent:
        yield lent


@pytest.fixture
def opened(request):
    """Return a function that opens hints, closed at the end."""
    with contextlib.ExitStack() as stack:

        def open_one(place):
            hints = open_hints(place.url)
            stack.callback(hints.close)
            return hints

        yield open_one


def gather(hints, count, *, most=64, within_s=20.0):
    """Return hints as they come, until there are so many or the time is over."""
    got, deadline = [], time.monotonic() + within_s
    while len(got) < count and time.monotonic() < deadline:
        taken = hints.wait(most=most, timeout_s=0.5)
        assert len(taken) <= most
        got += taken
    return got


def until_it_works(action, within_s):
    """Repeat until the broker is there again; return the seconds that it took."""
    started = time.monotonic()
    while True:
        try:
            action()
        except HintsUnreachable:
            assert time.monotonic() - started < within_s, "the broker is back, and nobody noticed"
            time.sleep(0.05)
        else:
            return time.monotonic() - started


def refused_after_s(action):
    """Return how long it took to say that the broker does not answer."""
    started = time.monotonic()
    with pytest.raises(HintsUnreachable):
        action()
    return time.monotonic() - started
