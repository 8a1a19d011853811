"""The processes of a run: real ``saccade`` commands that are killed, stopped and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

TESTS = Path(__file__).parents[1]
#: Marks every process of a run in its environment, so that none is left behind.
MARK = "CHAOS_RUN"


def writer_of(pid: int) -> str | None:
    """Return the name under which a process writes, as ``inside`` gives it; None if it is gone."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
    return f"{pid}.{started}"


class Program:
    """One ``saccade`` command and all processes below it."""

    def __init__(
        self, name: str, words: Sequence[str], *, folder: Path, settings: Mapping[str, str], mutant: str
    ) -> None:
        """Set what it runs; nothing is started."""
        self.name = name
        self.words = list(words)
        self._mutant = mutant
        outside = {key: value for key, value in os.environ.items() if not key.startswith("SACCADE_")}  # noqa: TID251
        path = os.pathsep.join(filter(None, (str(TESTS), outside.get("PYTHONPATH"))))
        self._environment = {**outside, "PYTHONPATH": path, "HOME": str(folder), **settings}
        self._folder = folder
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.stopped_until = 0.0
        self.starts = 0

    @property
    def is_running(self) -> bool:
        """Whether its first process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How its first process ended; negative is a signal."""
        return None if self._process is None else self._process.poll()

    def start(self, *, failpoints: str = "") -> None:
        """Start it, perhaps with failpoints armed."""
        self.starts += 1
        armed = {"SACCADE_FAILPOINTS": failpoints} if failpoints else {}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chaos.inside", self._mutant, *self.words],
                env={**self._environment, **armed},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def pids(self) -> list[int]:
        """Return the first process and all below it, eldest first."""
        if not self.is_running or self._process is None:
            return []
        with contextlib.suppress(psutil.Error):
            return [
                self._process.pid,
                *(child.pid for child in psutil.Process(self._process.pid).children(recursive=True)),
            ]
        return []

    def kill(self, index: int) -> list[str]:
        """Kill one process of the tree; the first takes all others with it.

        Returns:
            The names of the writers that die.
        """
        pids = self.pids()
        if not pids:
            return []
        victim = pids[index % len(pids)]
        dying = pids if victim == pids[0] else [victim]
        writers = [name for name in map(writer_of, dying) if name]
        if victim == pids[0]:
            self._signal(pids, signal.SIGCONT)
        self._signal([victim], signal.SIGKILL)
        if victim == pids[0] and self._process is not None:
            self._process.wait()
        return writers

    def stop(self, seconds: float) -> None:
        """Stop the whole tree for a while, as a machine that swaps or a paused container does."""
        self._signal(self.pids(), signal.SIGSTOP)
        self.stopped_until = time.monotonic() + seconds

    def resume(self) -> None:
        """Let it go on."""
        self._signal(self.pids(), signal.SIGCONT)
        self.stopped_until = 0.0

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the first process."""
        if self._process is not None:
            self._process.terminate()

    def terminate(self, timeout_s: float) -> float | None:
        """Ask it to stop; return how long it took, None if it had to be killed."""
        if not self.is_running or self._process is None:
            return 0.0
        started = time.monotonic()
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._signal(self.pids(), signal.SIGKILL)
            self._process.wait()
            return None
        return time.monotonic() - started

    @staticmethod
    def _signal(pids: Sequence[int], number: int) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def sweep_up(mark: str) -> int:
    """Kill every process that carries a run's mark; return how many there were."""
    found = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.pid != os.getpid():
                process.kill()
                found += 1
    return found
