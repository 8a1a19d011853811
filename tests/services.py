"""Real services, each lent as a private corner that is gone afterwards: databases, brokers, and an S3 of our own.

Context managers for programs, session fixtures for tests. A service is looked for at the address below, or at the one
that ``TEST_POSTGRES_URL``, ``TEST_MARIADB_URL``, ``TEST_REDIS_URL`` or ``TEST_RABBITMQ_URL`` names. What is not there
is skipped with a counted line, and fails where a skip would go unseen.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

_MISSING = "not here: "
_DIAL_S = 3
_START_S = 30.0
_LENT_S = 3600
_REDIS_NUMBERS = range(1, 16)


class ServiceMissing(Exception):
    """There is no such service on this machine."""


@contextlib.contextmanager
def private_postgres() -> Iterator[str]:
    """Lend a fresh database of PostgreSQL: ``postgresql://user@host:port/name``."""
    psycopg = _driver("psycopg", "PostgreSQL")
    server = _address("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432")
    name = _new_name()

    def run(command: str) -> None:
        with psycopg.connect(f"{server}/postgres", autocommit=True, connect_timeout=_DIAL_S) as connection:
            connection.execute(command)

    try:
        run(f"CREATE DATABASE {name}")
    except psycopg.OperationalError as failure:
        raise ServiceMissing("PostgreSQL") from failure
    try:
        yield f"{server}/{name}"
    finally:
        run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextlib.contextmanager
def private_mariadb() -> Iterator[str]:
    """Lend a fresh database of MariaDB or MySQL: ``mysql://user@host:port/name``."""
    pymysql = _driver("pymysql", "MariaDB")
    server = _address("TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306")
    parts, name = urlsplit(server), _new_name()

    def run(command: str) -> None:
        with (
            pymysql.connect(
                host=parts.hostname,
                port=parts.port or 3306,
                user=parts.username or "root",
                password=parts.password or "",
                connect_timeout=_DIAL_S,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(command)

    try:
        run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    except pymysql.err.OperationalError as failure:
        raise ServiceMissing("MariaDB") from failure
    try:
        yield f"{server}/{name}"
    finally:
        run(f"DROP DATABASE IF EXISTS {name}")


@contextlib.contextmanager
def private_redis() -> Iterator[str]:
    """Lend a numbered database of Redis, emptied before and after: ``redis://host:port/number``.

    Number 0 is left alone but for the locks that keep two runs out of one number.
    """
    redis = _driver("redis", "Redis")
    server = _address("TEST_REDIS_URL", "redis://127.0.0.1:6379")
    locks = redis.Redis.from_url(f"{server}/0", socket_timeout=_DIAL_S, socket_connect_timeout=_DIAL_S)
    try:
        free = (n for n in _REDIS_NUMBERS if locks.set(f"saccade-test:lent:{n}", os.getpid(), nx=True, ex=_LENT_S))
        lent = next(free, None)
    except redis.RedisError as failure:
        locks.close()
        raise ServiceMissing("Redis") from failure
    if lent is None:
        locks.close()
        raise ServiceMissing("a Redis database that nobody uses")
    with redis.Redis.from_url(f"{server}/{lent}", socket_timeout=_DIAL_S) as database:
        database.flushdb()
        try:
            yield f"{server}/{lent}"
        finally:
            database.flushdb()
            locks.delete(f"saccade-test:lent:{lent}")
            locks.close()


@contextlib.contextmanager
def private_rabbitmq() -> Iterator[str]:
    """Lend a queue of RabbitMQ, deleted afterwards: ``amqp://user:password@host:port//?queue=name``."""
    kombu = _driver("kombu", "RabbitMQ")
    server = _address("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
    queue = _new_name()
    try:
        with kombu.Connection(server, connect_timeout=_DIAL_S) as connection:
            connection.ensure_connection(max_retries=0)
    except (OSError, kombu.exceptions.KombuError) as failure:
        raise ServiceMissing("RabbitMQ") from failure
    try:
        yield f"{server}?queue={queue}"
    finally:
        delete_queue(server, queue)


def delete_queue(url: str, name: str) -> None:
    """Delete a queue of RabbitMQ; ``url`` is without parameters."""
    kombu = importlib.import_module("kombu")
    with kombu.Connection(url, connect_timeout=_DIAL_S) as connection, connection.channel() as channel:
        channel.queue_delete(name)


@contextlib.contextmanager
def private_s3() -> Iterator[str]:
    """Start an S3 of our own with one bucket: ``s3://bucket/prefix?endpoint=…``.

    Whoever opens it has ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY`` in the environment, with any values.
    """
    _driver("moto.server", "moto")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    endpoint, bucket = f"http://127.0.0.1:{port}", _new_name().replace("_", "-")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_made(f"{endpoint}/{bucket}", process)
        yield f"s3://{bucket}/some/where?endpoint={endpoint}&region=us-east-1&allow_http=true"
    finally:
        process.kill()
        process.wait()


def skip_or_fail(what: str) -> None:
    """Skip a test with a line that is counted at the end; fail where nobody would see it."""
    reason = f"{_MISSING}{what}"
    if "CI" in os.environ:  # noqa: TID251
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Yield the URL of a database of PostgreSQL that this session has to itself."""
    yield from _lend(private_postgres())


@pytest.fixture
def fresh_postgres_url() -> Iterator[str]:
    """Yield the URL of a database of PostgreSQL that one test has to itself, for those that count what is there."""
    yield from _lend(private_postgres())


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """Yield the URL of a database of MariaDB that this session has to itself."""
    yield from _lend(private_mariadb())


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Yield the URL of a database of Redis that this session has to itself."""
    yield from _lend(private_redis())


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """Yield the URL of a RabbitMQ with a queue that this session has to itself."""
    yield from _lend(private_rabbitmq())


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """Yield the URL of a place in an S3 that this session has to itself."""
    yield from _lend(private_s3())


def _lend(service: contextlib.AbstractContextManager[str]) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(service)
        except ServiceMissing as missing:
            skip_or_fail(str(missing))
        yield url


def _driver(module: str, service: str):
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as failure:
        raise ServiceMissing(service) from failure


def _address(variable: str, default: str) -> str:
    return os.environ.get(variable, default)  # noqa: TID251


def _new_name() -> str:
    return f"saccade_test_{secrets.token_hex(6)}"


def _until_made(url: str, process: subprocess.Popen[bytes]) -> None:
    """Make a bucket as soon as the server lets us."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            opener.open(urllib.request.Request(url, method="PUT"), timeout=_DIAL_S).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise ServiceMissing("moto")
