"""One connection to a broker through kombu, for one thread at a time; its failures become HintsUnreachable."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kombu import Connection, Consumer, Producer, Queue

from saccade.backends.hints.bodies import unpack
from saccade.backends.words import first_line
from saccade.clock import monotonic_s
from saccade.errors import HintsUnreachable

#: Longest wait for a connection and for any answer on it.
ANSWER_TIMEOUT_S = 2.0
#: A broker without workers keeps so many messages and drops the oldest for new ones. Dropping is harmless: the row of
#: the item is the truth, and the sweep sends a hint again.
MOST_MESSAGES = 10_000
_BEAT_EVERY_S = 1.0
_TRANSIENT = 1


class Client(Protocol):
    """What trimming needs of Redis' driver."""

    def ltrim(self, name: str, start: int, end: int) -> object:
        """Keep a range of a list."""


class Channel(Protocol):
    """What trimming needs of kombu's channel to Redis."""

    def conn_or_acquire(self) -> contextlib.AbstractContextManager[Client]:
        """Lend a client."""


class _Message(Protocol):
    body: object

    def ack(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Broker:
    """What tells one kind of broker from another.

    Attributes:
        url: As kombu reads it.
        queue: Name of the queue.
        options: Of kombu's transport.
        tls: Arguments of the TLS layer; None speaks without.
        queue_arguments: What the queue is declared with.
        heartbeat_s: How often each side shows that it lives; 0 where the transport has its own way.
        acknowledges: A message stays with the broker until it is acknowledged, and workers get one at a time.
        trim: Shortens the queue after publishing, where the broker does not do so by itself.
    """

    url: str
    queue: str
    options: Mapping[str, object]
    tls: Mapping[str, object] | None = None
    queue_arguments: Mapping[str, object] = field(default_factory=dict)
    heartbeat_s: float = 0.0
    acknowledges: bool = False
    trim: Callable[[Channel, str], None] | None = None


class Link:
    """A connection with one channel; the queue exists when it is open. Broken once, it is only good to be dropped."""

    def __init__(self, broker: Broker) -> None:
        """Connect.

        Raises:
            HintsUnreachable: The broker does not answer in time, or refuses.
        """
        self._broker = broker
        self._received: list[int] = []
        self._unacknowledged: _Message | None = None
        self._beaten_s = monotonic_s()
        self._connection = Connection(
            broker.url,
            ssl=dict(broker.tls) if broker.tls else False,
            transport_options=dict(broker.options),
            connect_timeout=ANSWER_TIMEOUT_S,
            heartbeat=broker.heartbeat_s,
        )
        try:
            with _naming_failures():
                self._connection.ensure_connection(max_retries=0, interval_start=0, interval_step=0)
                self._channel = self._connection.channel()
                self._queue = Queue(
                    broker.queue, durable=True, channel=self._channel, queue_arguments=dict(broker.queue_arguments)
                )
                self._queue.queue_declare()
                self._producer = Producer(self._channel, auto_declare=False)
        except HintsUnreachable:
            self.drop()
            raise

    def publish(self, bodies: Iterator[str]) -> None:
        """Send messages and return when the broker has them: it answers what comes after them on the channel."""
        with _naming_failures():
            with self._producer.batch():
                for body in bodies:
                    self._producer.publish(
                        body,
                        routing_key=self._broker.queue,
                        content_type="text/plain",
                        content_encoding="utf-8",
                        delivery_mode=_TRANSIENT,
                    )
            if self._broker.trim is not None:
                self._broker.trim(self._channel, self._broker.queue)
            self._queue.queue_declare()

    def ask(self) -> None:
        """Get any answer from the broker."""
        with _naming_failures():
            self._queue.queue_declare()

    def subscribe(self) -> None:
        """Let the broker send what is in the queue, to be had by ``receive``."""
        with _naming_failures():
            if self._broker.acknowledges:
                self._channel.basic_qos(prefetch_size=0, prefetch_count=1, a_global=False)
            Consumer(
                self._channel,
                [self._queue],
                no_ack=not self._broker.acknowledges,
                auto_declare=False,
                on_message=self._keep,
            ).consume()

    def receive(self, timeout_s: float) -> list[int]:
        """Return ids as soon as a message arrives; nothing after ``timeout_s``.

        The message is acknowledged with the next call, so that a broker sends no further one to a worker that is busy.
        """
        with _naming_failures():
            self._acknowledge()
            with contextlib.suppress(socket.timeout):
                self._connection.drain_events(timeout=timeout_s)
            self._beat()
        return self._taken()

    def take(self) -> list[int]:
        """Return the ids of one more message if there is one at this moment."""
        with _naming_failures():
            message = self._channel.basic_get(self._broker.queue, no_ack=True)
        return self._taken() + (unpack(message.body) if message is not None else [])

    def close(self) -> None:
        """Take leave of the broker, and drop the connection where it does not answer."""
        with contextlib.suppress(HintsUnreachable), _naming_failures():
            self._connection.release()
        self.drop()

    def drop(self) -> None:
        """Let go of a connection without a word to the broker."""
        with contextlib.suppress(HintsUnreachable), _naming_failures():
            self._connection.collect(ANSWER_TIMEOUT_S)

    def _keep(self, message: _Message) -> None:
        self._received += unpack(message.body)
        if self._broker.acknowledges:
            self._unacknowledged = message

    def _acknowledge(self) -> None:
        message, self._unacknowledged = self._unacknowledged, None
        if message is not None:
            message.ack()

    def _taken(self) -> list[int]:
        taken, self._received = self._received, []
        return taken

    def _beat(self) -> None:
        """Show that we live, and find out whether the broker does; after reading, for what was read is its beat."""
        now_s = monotonic_s()
        if self._connection.supports_heartbeats and now_s - self._beaten_s >= _BEAT_EVERY_S:
            self._beaten_s = now_s
            self._connection.heartbeat_check()


@contextlib.contextmanager
def _naming_failures() -> Iterator[None]:
    """Give every way in which kombu and its transports fail our name."""
    try:
        yield
    except HintsUnreachable:
        raise
    except Exception as failure:
        # There is no list to catch by: kombu's transports let KeyError, AttributeError and their drivers' own errors
        # escape when a connection breaks (its sources say so), and none of it means anything but a lost connection.
        unreachable = HintsUnreachable("The broker of hints does not answer.")
        unreachable.reason = f"{type(failure).__name__}: {first_line(failure)}"  # kombu's KeyError has no other words
        raise unreachable from failure
