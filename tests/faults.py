"""TCP proxies that fail: on command, so that a test can take a real service away, or by chance, for whole runs."""

from __future__ import annotations

import contextlib
import ipaddress
import random
import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

_POLL_S = 0.05
_STUCK_S = 10.0
_CHUNK_BYTES = 65536


class Proxy:
    """Forwards connections from a free port of loopback to a service.

    * ``cut`` ends all connections and refuses new ones, as a service that died; ``mend`` lets them in again.
    * ``freeze`` swallows everything on present and new connections without a word, as a network that drops packets;
      after ``thaw`` new connections work, and those of before stay half-open for ever.
    """

    def __init__(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self._target = (host, port)
        self._tls = tls
        self._lock = threading.Lock()
        self._pairs: list[_Pair] = []
        self._frozen = False
        self._listener: socket.socket | None = None
        self.port = 0
        self.connections = 0
        self.mend()

    def cut(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
            pairs, self._pairs = self._pairs, []
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for pair in pairs:
            pair.end()

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def freeze(self) -> None:
        with self._lock:
            self._frozen = True
            for pair in self._pairs:
                pair.frozen = True

    def thaw(self) -> None:
        self._frozen = False

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self._begin(client)

    def _begin(self, client: socket.socket) -> None:
        threading.Thread(target=self._open, args=(client,), daemon=True).start()

    def _open(self, client: socket.socket) -> None:
        try:
            if self._tls is not None and not self._frozen:
                client = self._tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()
            return
        with self._lock:
            pair = _Pair(client, server, frozen=self._frozen)
            self._pairs.append(pair)
            gone = self._listener is None
        if gone:
            pair.end()
        pair.pump()
        pair.end()


class FaultProxy(Proxy):
    """Passes connections on to one of several servers, and resets a part of them. One request a connection."""

    def __init__(self, upstreams: Sequence[int], *, seed: int, share: float) -> None:
        """Listen on a free port.

        Args:
            upstreams: Ports on loopback.
            seed: Decides the fates.
            share: Of connections that are reset, half of them before the request arrives and half when it was
                answered and nobody knows.
        """
        self._upstreams = upstreams
        self._random = random.Random(seed)
        self._share = share
        self.resets = 0
        super().__init__("127.0.0.1", upstreams[0])

    def _begin(self, client: socket.socket) -> None:
        upstream, fate = self._random.choice(self._upstreams), self._random.random()
        threading.Thread(target=self._serve, args=(client, upstream, fate), daemon=True).start()

    def _serve(self, client: socket.socket, port: int, fate: float) -> None:
        client.settimeout(_STUCK_S)
        if fate < self._share / 2:
            with contextlib.suppress(OSError):
                client.recv(_CHUNK_BYTES)
            self.resets += 1
            _reset(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", port), timeout=2)
        except OSError:  # a server that starts again: not ours
            _reset(client)
            return
        pair = _Pair(client, server, frozen=False)
        if fate < self._share:
            pair.pump(deaf_to=server)
            self.resets += 1
            _reset(client)
        else:
            pair.pump()
        pair.end()


def _reset(side: socket.socket) -> None:
    """Close with a reset instead of an end."""
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    side.close()


class _Pair:
    """Two ends of a connection, and the one thread that carries bytes between them (TLS sockets bear no more)."""

    def __init__(self, client: socket.socket, server: socket.socket, *, frozen: bool) -> None:
        self._other = {client: server, server: client}
        self.frozen = frozen
        for side in self._other:
            side.settimeout(_STUCK_S)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def pump(self, *, deaf_to: socket.socket | None = None) -> None:
        """Carry until one side ends, or until ``deaf_to`` says something."""
        with contextlib.suppress(OSError, ValueError):
            while self._carry(deaf_to):
                pass

    def end(self) -> None:
        for side in self._other:
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                side.close()

    def _carry(self, deaf_to: socket.socket | None) -> bool:
        waiting = [side for side in self._other if isinstance(side, ssl.SSLSocket) and side.pending()]
        readable = waiting or select.select(list(self._other), [], [], _POLL_S)[0]
        for source in readable:
            if source is deaf_to:
                return False
            data = source.recv(_CHUNK_BYTES)
            if not data:
                return False
            if not self.frozen:
                self._other[source].sendall(data)
        return True


@contextlib.contextmanager
def proxy_to(url: str, *, default_port: int, tls: ssl.SSLContext | None = None) -> Iterator[tuple[Proxy, str]]:
    """Yield a proxy before the service of a URL, and the URL that leads through it."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "127.0.0.1", parts.port or default_port, tls=tls)
    user, at, _ = parts.netloc.rpartition("@")
    try:
        yield proxy, parts._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}").geturl()
    finally:
        proxy.cut()


def make_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context for 127.0.0.1, and the file of the authority that vouches for it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "saccade test")])
    now = datetime.now(UTC)  # noqa: TID251
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    authority, private = folder / "authority.pem", folder / "key.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, private)
    return context, authority
