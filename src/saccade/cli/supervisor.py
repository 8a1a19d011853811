"""A parent that does nothing but keep one child alive.

The parent holds the listening socket, so that connections wait in line while a crashed child is replaced. It has one
thread and few imports: what can fail lives in the child. A child that dies without being told to is started again,
after 0.1 s, 0.2 s and so on up to 10 s; one that was well for half a minute starts this series anew. There is no giving
up: a server that is tried every ten seconds heals by itself when its cause goes away. Only what no restart mends ends
both: a wrong setting, and whatever else the command names.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from saccade.cli.exits import ExitCode
from saccade.cli.probe import Probe

_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PROBE_EVERY_S = 0.1
#: Beyond the server's own grace: closing sessions and files takes its time too.
_KILL_AFTER_GRACE_S = 10.0
_IDLE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a restart."""

    first_s: float = 0.1
    factor: float = 2.0
    longest_s: float = 10.0
    healthy_after_s: float = 30.0

    def delay_s(self, crashes: int) -> float:
        """Return the pause after this many crashes in a row, the last one included."""
        return min(self.longest_s, self.first_s * self.factor ** min(crashes - 1, 32))


@dataclass(slots=True)
class Child:
    """The process under watch; times are of the monotonic clock."""

    pid: int
    started_at: float
    ready_at: float | None = None


@dataclass(frozen=True, slots=True)
class Reports:
    """What the supervisor tells: the child is ready for the first time, or something to log."""

    ready: Callable[[], None]
    log: Callable[[str, str], None]


class Supervisor:
    """Runs a command in a child and starts it again when it crashes."""

    def __init__(
        self,
        serve: Callable[[], int],
        *,
        probe: Probe,
        reports: Reports,
        grace_s: float,
        backoff: Backoff | None = None,
        what: str = "server",
        final: frozenset[int] = frozenset({ExitCode.CONFIGURATION}),
    ) -> None:
        """Take the work and its surroundings.

        Args:
            serve: What the child runs; returns its exit code.
            probe: Asks whether the child is ready.
            reports: Told what happens.
            grace_s: How long the child may take to stop before it is killed.
            backoff: The pauses between restarts.
            what: What the child is called in the reports.
            final: Exit codes of the child that no restart mends.
        """
        self._serve = serve
        self._what = what
        self._final = final
        self._probe = probe
        self._reports = reports
        self._grace_s = grace_s
        self._backoff = backoff or Backoff()
        self._child: Child | None = None
        self._crashes = 0
        self._announced = False
        self._restart_at: float | None = None
        self._kill_at: float | None = None
        self._stopped_by: int | None = None
        self._exit_code: int | None = None
        self._alive_r, self._alive_w = os.pipe()

    def run(self) -> int:
        """Keep the child alive until somebody asks to stop; return the exit code.

        In the child this never returns: it ends with ``SystemExit``.
        """
        with _woken_by_signals() as wake:
            self._start()
            while self._exit_code is None:
                self._turn(wake)
        return self._exit_code

    def _turn(self, wake: socket.socket) -> None:
        """Wait for the next event and act on it."""
        waiting = self._probe.waiting
        readable, _, _ = select.select([wake, *([waiting] if waiting else [])], [], [], self._pause_s())
        if wake in readable:
            for number in wake.recv(64):
                self._on_signal(number)
        self._reap()
        if waiting in readable and self._probe.take_answer():
            self._on_ready()
        self._on_time()

    def _pause_s(self) -> float:
        """Return how long nothing needs to be done unless something happens."""
        now = time.monotonic()
        pauses = [at - now for at in (self._restart_at, self._kill_at) if at is not None]
        if self._child and self._child.ready_at is None:
            pauses.append(_PROBE_EVERY_S)
        return max(0.0, min(pauses, default=_IDLE_S))

    def _on_time(self) -> None:
        """Do what is due: start again, ask whether the child is ready, or end one that does not stop."""
        now = time.monotonic()
        if self._restart_at is not None and now >= self._restart_at:
            self._start()
        if self._child is None:
            return
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            self._reports.log("error", f"The {self._what} did not stop in time and is killed.")
            os.kill(self._child.pid, signal.SIGKILL)
        elif self._child.ready_at is None and self._stopped_by is None:
            self._probe.ask()

    def _on_ready(self) -> None:
        """Note that the child answers."""
        if self._child is None:
            return
        self._child.ready_at = time.monotonic()
        if self._announced:
            self._reports.log("info", f"The {self._what} is ready again.")
        else:
            self._announced = True
            self._reports.ready()

    def _on_signal(self, number: int) -> None:
        """Pass the first wish to stop on, gently; kill at the second."""
        if number not in _STOPS:
            return
        again = self._stopped_by is not None
        self._stopped_by = number
        self._restart_at = None
        self._probe.forget()
        if self._child is None:
            self._exit_code = ExitCode.OK
            return
        self._kill_at = time.monotonic() + self._grace_s + _KILL_AFTER_GRACE_S
        os.kill(self._child.pid, signal.SIGKILL if again else signal.SIGTERM)

    def _reap(self) -> None:
        """Learn whether the child has ended, and decide what follows."""
        if self._child is None:
            return
        pid, status = os.waitpid(self._child.pid, os.WNOHANG)
        if pid == 0:
            return
        child, self._child = self._child, None
        self._probe.forget()
        code = os.waitstatus_to_exitcode(status)
        if self._stopped_by is not None:
            gently = code in {ExitCode.OK, -signal.SIGTERM}
            self._exit_code = ExitCode.OK if gently else ExitCode.FAILED
        elif code in self._final:
            self._exit_code = code
        else:
            self._plan_restart(child, code)

    def _plan_restart(self, child: Child, code: int) -> None:
        """Log the crash and say when the next child starts."""
        now = time.monotonic()
        if child.ready_at is not None and now - child.ready_at >= self._backoff.healthy_after_s:
            self._crashes = 0
        self._crashes += 1
        delay_s = self._backoff.delay_s(self._crashes)
        self._restart_at = now + delay_s
        lived_s = now - child.started_at
        self._reports.log(
            "error", f"The {self._what} {described(code)} after {lived_s:.1f} s; it starts again in {delay_s:g} s."
        )

    def _start(self) -> None:
        """Fork the child. Signals wait until it has its own handling, so that none is lost between the two."""
        self._restart_at = None
        held = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        pid = os.fork()
        if pid == 0:
            self._become_child()
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            raise SystemExit(self._serve())
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        self._child = Child(pid, time.monotonic())

    def _become_child(self) -> None:
        """Shed what belongs to the parent, stand apart from the terminal's Ctrl-C, and die with the parent."""
        signal.set_wakeup_fd(-1)
        for number in (*_STOPS, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        os.close(self._alive_w)
        self._probe.forget()
        threading.Thread(target=_die_with_parent, args=(self._alive_r,), name="parent-watch", daemon=True).start()
        faulthandler.enable()


def described(code: int) -> str:
    """Return how a process ended, in words: a negative code is the signal that killed it."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
        return f"was killed by signal {-code}"
    return f"ended by itself with exit code {code}"


def _die_with_parent(alive: int) -> None:
    """Wait until the parent's end of the pipe is gone: nobody would restart us, and the port must become free."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def _woken_by_signals() -> Iterator[socket.socket]:
    """Turn the signals that matter into bytes on a socket; a SIGHUP that is ignored (nohup) stays ignored."""
    reader, writer = socket.socketpair()
    for end in (reader, writer):
        end.settimeout(0)
    heard = [number for number in _STOPS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: None) for number in (*heard, signal.SIGCHLD)}
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()
