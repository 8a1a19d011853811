"""Databases and brokers of a run's own, on free ports: it may kill and wipe them, and nobody else is disturbed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from saccade.backends.hints.address import DEFAULT_QUEUE

_UP_TIMEOUT_S = 60.0
_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class Missing(RuntimeError):
    """A service is not installed here."""


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Service:
    """One server process that can be killed, started again with what it kept, and wiped."""

    name = ""
    program = ""

    def __init__(self, folder: Path) -> None:
        """Lay it out below a folder, which must be empty; nothing is started."""
        if not self._found():
            raise Missing(self.name)
        self.folder = folder
        self.port = free_port()
        folder.mkdir(parents=True)
        self._log = (folder / "service.log").open("a")
        self._process: subprocess.Popen[bytes] | None = None
        self._prepare()

    @classmethod
    def _found(cls) -> bool:
        return shutil.which(cls.program) is not None

    @property
    def url(self) -> str:
        """Where Saccade finds it."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """Its process, the leader of a session of its own."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, wait: bool = True) -> None:
        """Start it; again and again while what a killed one held is not free yet."""
        self._spawn()
        if wait:
            self.await_up()

    def await_up(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + _UP_TIMEOUT_S
        while not self._answers():
            assert time.monotonic() < deadline, f"{self.name} does not start; see {self._log.name}"
            if self._process is None or self._process.poll() is not None:
                self._spawn()
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill it the hard way: nothing is flushed and nobody is told."""
        if self._process is None:
            return
        for number in (signal.SIGCONT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
        self._process.wait()
        self._process = None

    def wipe(self) -> None:
        """Make it forget everything."""
        raise NotImplementedError

    def close(self) -> None:
        """Kill it and remove its folder."""
        self.kill()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self) -> None:
        """Make what it needs before its first start."""

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _environment(self) -> dict[str, str]:
        return {}

    def _answers(self) -> bool:
        raise NotImplementedError

    def _user(self) -> str | None:
        """Return whom it must run as, if we are root and it refuses that."""
        return None

    def _spawn(self) -> None:
        self._process = subprocess.Popen(
            self._command(),
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **self._environment()},  # noqa: TID251
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            user=self._user(),
        )

    def _own(self, user: str) -> str | None:
        """Give the folder to a user that the service has to be, where we are root."""
        if os.geteuid() != 0:
            return None
        entry = pwd.getpwnam(user)
        os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        return user

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command, cwd=self.folder, user=self._user(), capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, done.stdout + done.stderr


class PostgreSql(Service):
    """A cluster of its own, as durable against the death of a process as the default is."""

    name = "postgresql"

    @classmethod
    def _found(cls) -> bool:
        return bool(_POSTGRESQL)

    @property
    def url(self) -> str:
        """Where Saccade finds it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def _user(self) -> str | None:
        return self._own("postgres")

    def _prepare(self) -> None:
        self._run(str(_POSTGRESQL[0] / "initdb"), "-D", "data", "-A", "trust", "-U", "postgres", "--no-sync")

    def _command(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": "64MB",
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [str(_POSTGRESQL[0] / "postgres"), "-D", "data", *words]

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class MariaDb(Service):
    """A server of its own, with InnoDB's default durability."""

    name = "mariadb"
    program = "mariadbd"

    @property
    def url(self) -> str:
        """Where Saccade finds it."""
        return f"mysql://root@127.0.0.1:{self.port}/saccade"

    def _user(self) -> str | None:
        return self._own("mysql")

    def _prepare(self) -> None:
        options = ("--auth-root-authentication-method=normal", "--skip-test-db")
        self._run("mariadb-install-db", "--no-defaults", f"--datadir={self.folder / 'data'}", *options)

    def _command(self) -> list[str]:
        return [
            "mariadbd",
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self.folder / 's'}",
            f"--pid-file={self.folder / 'pid'}",
            "--innodb-buffer-pool-size=64M",
            "--skip-name-resolve",
        ]

    def _answers(self) -> bool:
        import pymysql

        try:
            with pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=2) as connection:
                connection.cursor().execute("CREATE DATABASE IF NOT EXISTS saccade")
        except pymysql.err.MySQLError:
            return False
        return True


class Redis(Service):
    """A broker that keeps nothing: killing it wipes it too."""

    name = "redis"
    program = "redis-server"

    @property
    def url(self) -> str:
        """Where Saccade finds it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def wipe(self) -> None:
        """Make it forget everything."""
        import redis

        with contextlib.suppress(redis.RedisError), redis.Redis(port=self.port) as client:
            client.flushall()

    def _command(self) -> list[str]:
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]

    def _answers(self) -> bool:
        import redis

        with contextlib.suppress(redis.RedisError), redis.Redis(port=self.port) as client:
            return bool(client.ping())
        return False


class RabbitMq(Service):
    """A node of its own, with its own port mapper."""

    name = "rabbitmq"

    @classmethod
    def _found(cls) -> bool:
        return _RABBITMQ.exists()

    @property
    def url(self) -> str:
        """Where Saccade finds it."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def wipe(self) -> None:
        """Delete the queue with all that waits in it; every third time, all that the node ever knew."""
        self._wipes += 1
        if self._wipes % 3 and self._delete_queue():
            return
        self.kill()
        shutil.rmtree(self.folder / "mnesia", ignore_errors=True)
        self.start(wait=False)

    def _delete_queue(self) -> bool:
        from kombu import Connection

        try:
            with Connection(self.url, connect_timeout=2) as connection:
                connection.ensure_connection(max_retries=1, timeout=2)
                connection.channel().queue_delete(DEFAULT_QUEUE)
        except Exception:  # noqa: BLE001 - it is down, or goes down in this moment
            return False
        return True

    def close(self) -> None:
        """Kill it, its port mapper too, and remove its folder."""
        self.kill()
        environment = {"PATH": os.environ["PATH"], **self._environment()}  # noqa: TID251
        for _ in range(50):  # the mapper refuses as long as it has not noticed that the node is gone
            done = subprocess.run(["epmd", "-kill"], env=environment, capture_output=True, text=True)
            if "not allowed" not in done.stdout + done.stderr:
                break
            time.sleep(0.1)
        super().close()

    def _prepare(self) -> None:
        self._ports = (free_port(), free_port())
        self._wipes = 0
        (self.folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")

    def _environment(self) -> dict[str, str]:
        epmd, between_nodes = self._ports
        return {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_NODENAME": f"chaos{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_DIST_PORT": str(between_nodes),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def _command(self) -> list[str]:
        return [str(_RABBITMQ)]

    def _answers(self) -> bool:
        from kombu import Connection

        try:
            with Connection(self.url, connect_timeout=2) as connection:
                connection.ensure_connection(max_retries=1, timeout=2)
        except Exception:  # noqa: BLE001 - whatever it says while it starts, it is not up
            return False
        return True


#: Each service by the name that a plan calls it.
SERVICES: dict[str, type[Service]] = {kind.name: kind for kind in (PostgreSql, MariaDb, Redis, RabbitMq)}


def is_here(name: str) -> bool:
    """Say whether a service is installed on this machine."""
    return SERVICES[name]._found()
