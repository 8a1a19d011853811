"""Connections to models elsewhere, over a network that is made up: names of certificates, and steps that take time."""

from __future__ import annotations

import httpcore2
import httpx2
import pytest

from saccade.backends.remotes import transport
from saccade.backends.remotes.transport import Patience, TimedTransport

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class MadeUpNetwork(httpcore2.NetworkBackend):
    """One answer on each connection; every step takes as long as it is told."""

    def __init__(self, clock: list[float], *, step_s: float, piece_bytes: int = 1000) -> None:
        self.clock, self.step_s, self.piece_bytes = clock, step_s, piece_bytes
        self.opened: list[Wire] = []
        self.tls_names: list[str | None] = []
        self.timeouts_s: list[float | None] = []

    def step(self, timeout_s: float | None, failure: type[Exception]) -> None:
        self.timeouts_s.append(timeout_s)
        self.clock[0] += self.step_s if timeout_s is None else min(self.step_s, timeout_s)
        if timeout_s is not None and self.step_s > timeout_s:
            raise failure("timed out")

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.step(timeout, httpcore2.ConnectTimeout)
        self.opened.append(Wire(self))
        return self.opened[-1]


class Wire(httpcore2.NetworkStream):
    """A connection of the made-up network."""

    def __init__(self, network: MadeUpNetwork) -> None:
        self._network, self._answer = network, ANSWER
        self.is_closed = False

    def read(self, max_bytes, timeout=None):
        self._network.step(timeout, httpcore2.ReadTimeout)
        many = min(max_bytes, self._network.piece_bytes)
        piece, self._answer = self._answer[:many], self._answer[many:]
        return piece

    def write(self, buffer, timeout=None):
        self._network.step(timeout, httpcore2.WriteTimeout)

    def close(self):
        self.is_closed = True

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        self._network.step(timeout, httpcore2.ConnectTimeout)
        self._network.tls_names.append(server_hostname)
        return self

    def get_extra_info(self, info):
        return None


@pytest.fixture
def clock(monkeypatch):
    moment = [500.0]
    monkeypatch.setattr(transport, "monotonic_s", lambda: moment[0])
    return moment


def ask(network, url="http://10.2.0.9:9000/status", *, patience_s=None, **extensions):
    patience = Patience()
    carrier = TimedTransport(patience, is_tls=url.startswith("https"), connections=2, network=network)
    with httpx2.Client(transport=carrier, timeout=1.0, trust_env=False) as client:
        if patience_s is None:
            return client.get(url, extensions=extensions)
        with patience.until(network.clock[0] + patience_s):
            return client.get(url, extensions=extensions)


def test_certificate_must_belong_to_the_name_and_not_to_the_address(clock):
    """The address is dialled; the name is asked for, as the place says."""
    network = MadeUpNetwork(clock, step_s=0.0)

    assert ask(network, "https://10.2.0.9/status", sni_hostname="models.lab").content == b"ok"
    assert network.tls_names == ["models.lab"]


def test_steps_have_their_own_limit_without_patience(clock):
    """The library's; each of these is quick enough, and all of them take their time."""
    network = MadeUpNetwork(clock, step_s=0.9, piece_bytes=1)

    assert ask(network).content == b"ok"
    assert set(network.timeouts_s) == {1.0}
    assert clock[0] > 500.0 + 30


def test_all_steps_together_have_the_patience_of_who_asks(clock):
    """None takes more than what is left, and when nothing is left, the connection is given up."""
    network = MadeUpNetwork(clock, step_s=0.9, piece_bytes=1)
    with pytest.raises(httpx2.ReadTimeout):
        ask(network, patience_s=5.0)

    assert clock[0] - 500.0 == pytest.approx(5.0)
    assert [each.is_closed for each in network.opened] == [True]


@pytest.mark.parametrize(("step_s", "failure"), [(2.0, httpx2.ConnectTimeout), (0.6, httpx2.WriteTimeout)])
def test_trouble_has_the_clients_names(clock, step_s, failure):
    """Whether a try may be repeated rests on where it failed."""
    with pytest.raises(failure):
        ask(MadeUpNetwork(clock, step_s=step_s), patience_s=1.0)


def test_patience_is_the_threads_own_and_ends_with_its_block(clock):
    """Who asks next has all of theirs."""
    patience = Patience()
    with patience.until(clock[0] + 3.0):
        assert patience.left_s(None) == 3.0
        assert patience.left_s(1.0) == 1.0
    assert patience.left_s(None) is None
