"""Start-up and memory against a hand-written FastAPI service with the same model, and the cost of ``--help``.

Run: ``python -m benchmarks.start``. Targets: start to first answer ≤ 1.3, help ≤ 3, memory ≤ 200 MiB.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import mobilenet, pictures, servers

RUNS = 7
HELP_RUNS = 15


def seconds(command: list[str]) -> float:
    """Return how long a command takes."""
    begun_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun_s


def spread(values: list[float], unit: str) -> str:
    """Return minimum, median and maximum in words."""
    return f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f} {unit}"


def main() -> None:
    """Measure in turn, A B A B, and print ratios pair by pair."""
    print(f"Python {platform.python_version()}, {len(os.sched_getaffinity(0))} CPUs, {RUNS} pairs; min / median / max")
    with tempfile.TemporaryDirectory() as folder:
        package = mobilenet.write_package(Path(folder) / "models" / "mobilenet")
        picture = pictures.jpegs(1)[0]
        with servers.saccade(package) as server:  # fills the inspection cache and the page cache
            server.first_answer_s(picture)
        ours, theirs, memory, their_memory = [], [], [], []
        for _ in range(RUNS):
            with servers.saccade(package) as server:
                ours.append(server.first_answer_s(picture))
                for _ in range(50):
                    servers.ask(server.port, server.path, picture)
                memory.append(server.pss_mib())
            with servers.plain(package) as server:
                theirs.append(server.first_answer_s(picture))
                for _ in range(50):
                    servers.ask(server.port, server.path, picture)
                their_memory.append(server.pss_mib())
        print(f"start to first answer, Saccade:     {spread(ours, 's')}")
        print(f"start to first answer, by hand:     {spread(theirs, 's')}")
        print(f"ratio:                              {spread([a / b for a, b in zip(ours, theirs, strict=True)], '')}")
        print(f"memory (PSS) after 50 answers:      {spread(memory, 'MiB')}; by hand {spread(their_memory, 'MiB')}")
    saccade = str(Path(sys.executable).parent / "saccade")
    imports = [sys.executable, "-c", "import typer, rich"]
    pairs = [(seconds([saccade, "--help"]), seconds(imports)) for _ in range(HELP_RUNS)]
    print(f"saccade --help ÷ import typer, rich: {spread([a / b for a, b in pairs], '')}")


if __name__ == "__main__":
    main()
