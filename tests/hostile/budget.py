"""What a piece of decoding costs: CPU time and memory at the peak, measured in a child process with hard limits."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CPU_LIMIT_S = 2
ADDRESS_SPACE_BYTES = 3 << 30

_CHILD = """
import io, json, resource, sys, time, warnings
from PIL import Image, GifImagePlugin, BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
import simplejpeg
from saccade.images.intake import take
from saccade.images.limits import Limits
from saccade.errors import RequestError

def peak_bytes():
    # Not ru_maxrss, which a child inherits from the process that started it.
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024

def plain(data):
    Image.open(io.BytesIO(data)).load()

def guarded(data):
    take(data, Limits())

warnings.simplefilter("ignore")
data = sys.stdin.buffer.read()
run = {"plain": plain, "take": guarded}[sys.argv[1]]
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2]) + 1))
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]), int(sys.argv[3])))
before = peak_bytes()
started = time.process_time()
try:
    run(data)
    outcome = "decoded"
except RequestError as refusal:
    outcome = refusal.code
except Exception as failure:
    outcome = type(failure).__name__
spent = time.process_time() - started
after = peak_bytes()
print(json.dumps({"outcome": outcome, "cpu_s": spent, "extra_bytes": after - before}))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """How a run ended and what it took."""

    outcome: str
    cpu_s: float
    extra_bytes: int


def forget_peak() -> None:
    """Let this process's memory peak start anew from what it holds now."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Return the most memory that this process has held since ``forget_peak``."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024


def cost_of(how: str, data: bytes) -> Cost:
    """Run ``plain`` (Pillow alone) or ``take`` (Saccade) on the bytes; a child that was killed cost all it had."""
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, how, str(CPU_LIMIT_S), str(ADDRESS_SPACE_BYTES)],
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
    )
    if child.returncode < 0:
        return Cost("killed", CPU_LIMIT_S, 0)
    return Cost(**json.loads(child.stdout.splitlines()[-1]))
