"""amqp:// and amqps:// : hints in a queue of RabbitMQ, through kombu."""

from __future__ import annotations

import ssl

from saccade.backends.hints.address import BrokerAddress, read_address
from saccade.backends.hints.broker import BrokerHints
from saccade.backends.hints.link import ANSWER_TIMEOUT_S, MOST_MESSAGES, Broker

#: py-amqp gives a connection up after two beats without a sign.
_HEARTBEAT_S = 5.0


def open_amqp(url: str) -> BrokerHints:
    """Open hints in a virtual host of RabbitMQ.

    The queue is durable, for RabbitMQ 4 has no other shared ones; the messages are not, for hints may be lost. A
    message is acknowledged when its worker waits again: hints go to workers that wait, and those of a worker that died
    come again, which does nothing when their items were claimed.

    Args:
        url: ``amqp://user:password@host[:port]/vhost``, ``amqps://`` with TLS; see ``read_address``.
    """
    address = read_address(url)
    return BrokerHints(
        Broker(
            url=address.url,
            queue=address.queue,
            options={"read_timeout": ANSWER_TIMEOUT_S, "write_timeout": ANSWER_TIMEOUT_S},
            tls=_tls(address) if url.startswith("amqps:") else None,
            queue_arguments={"x-max-length": MOST_MESSAGES},
            heartbeat_s=_HEARTBEAT_S,
            acknowledges=True,
        )
    )


def _tls(address: BrokerAddress) -> dict[str, object]:
    """Check the certificate and its name, which py-amqp does only when it is told the name."""
    return {"server_hostname": address.host, "cert_reqs": ssl.CERT_REQUIRED, "ca_certs": address.authorities}
