"""redis:// and rediss:// : hints in a list of Redis, through kombu."""

from __future__ import annotations

import importlib

from saccade.backends.hints.address import BrokerAddress, read_address
from saccade.backends.hints.broker import BrokerHints
from saccade.backends.hints.link import ANSWER_TIMEOUT_S, MOST_MESSAGES, Broker, Channel

#: The server answers a blocked pop within a second; a connection without such an answer for so long on top is replaced.
_SILENCE_S = 5


def open_redis(url: str) -> BrokerHints:
    """Open hints in a database of Redis.

    Messages are popped when they are received, so that a worker that dies takes up to one message of hints with it,
    and one that stops waiting may hold one that was on its way for a second. The sweep makes up for both.

    Args:
        url: ``redis://[:password@]host[:port]/number``, ``rediss://`` with TLS; see ``read_address``.
    """
    importlib.import_module("redis")  # kombu would name no module if it were missing
    address = read_address(url)
    return BrokerHints(
        Broker(
            url=address.url,
            queue=address.queue,
            options={
                "socket_connect_timeout": ANSWER_TIMEOUT_S,
                "socket_timeout": ANSWER_TIMEOUT_S,
                "health_check_interval": _SILENCE_S,
                "priority_steps": [0],  # one list, not one for each priority
            },
            tls=_tls(address) if url.startswith("rediss:") else None,
            trim=_trim,
        )
    )


def _tls(address: BrokerAddress) -> dict[str, object]:
    """Check the certificate, which kombu by itself does not."""
    tls: dict[str, object] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    return {**tls, "ssl_ca_certs": address.authorities} if address.authorities else tls


def _trim(channel: Channel, queue: str) -> None:
    """Keep the newest; new messages enter on the left."""
    with channel.conn_or_acquire() as client:
        client.ltrim(queue, 0, MOST_MESSAGES - 1)
