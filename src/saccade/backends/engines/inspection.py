"""Looks at an ONNX file without touching it in this process: a child with hard limits reads it and reports."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

from pydantic import TypeAdapter, ValidationError

from saccade.backends.engines.inspection_rules import check_sidecar
from saccade.errors import GraphRefused
from saccade.models.digests import file_sha256
from saccade.models.graph import GraphFacts

#: Part of the key of what is remembered: raised when the checks change, so that every graph is looked at again.
INSPECTOR_VERSION = 1
_CHILD_MODULE = "saccade.backends.engines.inspection_child"
_FACTS = TypeAdapter(GraphFacts)
#: How pickles and the zip files that hold them begin: torch, joblib, numpy and friends.
_CODE_MAGICS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04", b"\x93NUMPY")


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphInspector:
    """Checks graphs and reads their facts; call it with a path.

    What it finds is remembered by the file's digest, so that a graph that is known starts no child.

    Attributes:
        cache_dir: Where to remember; None forgets.
        shipped_dir: Where records of graphs that come with Saccade lie; only read, so that a first start is quick.
        memory_bytes: Address space that the child may use.
        timeout_s: Time that the child may take, of the clock and of the processor.
        trial: ``run`` also loads the graph and runs it once on a black picture, ``skip`` only reads it.
    """

    cache_dir: Path | None = None
    shipped_dir: Path | None = None
    memory_bytes: int = 4 * 1024**3
    timeout_s: float = 60.0
    trial: Literal["run", "skip"] = "run"

    def __call__(self, graph: Path) -> GraphFacts:
        """Return the facts of a graph that may be served.

        Idempotent: a second call on the same file answers from memory, if there is a cache folder.

        Raises:
            GraphRefused: It is no ONNX file, is broken, reaches outside itself, or exceeds a limit.
        """
        _check_plain_file(graph)
        name = self.record_name(graph) if self.cache_dir or self.shipped_dir else ""
        folders = [folder for folder in (self.shipped_dir, self.cache_dir) if folder is not None]
        facts = next(filter(None, (_remembered(folder / name) for folder in folders)), None)
        if facts is None:
            facts = self._ask_child(graph)
            if self.cache_dir is not None:
                _remember(self.cache_dir / name, facts)
        for sidecar in facts.external:
            fault = check_sidecar(graph.parent, sidecar)
            if fault is not None:
                raise GraphRefused(f"'{graph.name}' is refused: {fault}.")
        return facts

    def record_name(self, graph: Path) -> str:
        """Return the file name under which a graph's facts are remembered: it holds everything they depend on."""
        return f"{file_sha256(graph)}.v{INSPECTOR_VERSION}.{self.trial}.json"

    def _ask_child(self, graph: Path) -> GraphFacts:
        command = [sys.executable, "-P", "-s", "-B", "-m", _CHILD_MODULE, str(graph.absolute())]
        command += ["--memory-bytes", str(self.memory_bytes), "--cpu-s", str(math.ceil(self.timeout_s) + 1)]
        command += ["--trial", self.trial]
        # The child gets nothing of our environment (it holds secrets) but where modules are; one thread per library.
        environment = {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "ORT_DISABLE_TELEMETRY": "1",
        }
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module; the path is an argument, not a command
                command, env=environment, cwd="/", capture_output=True, timeout=self.timeout_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            reason = f"looking at it took longer than {self.timeout_s:g} s"
            raise GraphRefused(f"'{graph.name}' is refused: {reason}.") from error
        return _facts(graph, done)


def _check_plain_file(graph: Path) -> None:
    try:
        with graph.open("rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise GraphRefused(f"'{graph.name}' cannot be read: {error.strerror}.") from error
    if start.startswith(_CODE_MAGICS):
        raise GraphRefused(
            f"'{graph.name}' is refused: it is a pickle or an archive of pickles, which can run any code when loaded."
        )


def _facts(graph: Path, done: subprocess.CompletedProcess[bytes]) -> GraphFacts:
    reason = _reason(done)
    if reason is not None:
        raise GraphRefused(f"'{graph.name}' is refused: {reason}.")
    return _FACTS.validate_python(_answer(done)["facts"])


def _reason(done: subprocess.CompletedProcess[bytes]) -> str | None:
    if done.returncode == -signal.SIGXCPU:
        return "looking at it takes too much processor time"
    if done.returncode < 0:
        return f"whoever looks at it crashes ({signal.Signals(-done.returncode).name})"
    if done.returncode > 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return f"looking at it failed: {last[0][:300] if last else f'exit code {done.returncode}'}"
    refused = _answer(done).get("refused")
    return None if refused is None else str(refused)


def _answer(done: subprocess.CompletedProcess[bytes]) -> dict[str, object]:
    # The last line: a library may have written something before it.
    return cast("dict[str, object]", json.loads(done.stdout.splitlines()[-1]))


def _remembered(record: Path) -> GraphFacts | None:
    """Return what was found before; a record that is absent or damaged counts as nothing."""
    try:
        return _FACTS.validate_json(record.read_bytes())
    except (OSError, ValidationError):
        return None


def _remember(record: Path, facts: GraphFacts) -> None:
    """Write the record beside its place and move it there, so that nobody reads half of it.

    Where nothing can be written, nothing is remembered: the next start looks again.
    """
    plain = asdict(facts) | {"operators": sorted(facts.operators), "metadata": dict(facts.metadata)}
    partial = record.with_suffix(f".{os.getpid()}.partial")
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
        partial.replace(record)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
