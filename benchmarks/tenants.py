"""One tenant asks for ten times what it may have, another for half: does the quiet one notice?

Run: ``python -m benchmarks.tenants [--rate 20] [--seconds 60] [--factor 10] [--rates-url memory://]``.

Both predict with the shipped ``circles``, under tokens of ``saccade token``, on one server where everybody may have
``--rate`` requests a second over a minute, and twice that in any one second. Requests leave at random moments. The
quiet tenant is measured alone first, then beside the noisy one. What both may have together must be within what the
machine can do: this is about limits, ``benchmarks.overload`` is about too much of everything.

Targets: the quiet tenant is never refused, and its p95 is <= 1.5 x that of when it was alone; the noisy one gets what
it may have within 2 %, and all else is answered 429 with ``Retry-After``, ``RateLimit`` and a problem. Exit code 1 if
one is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks import pictures, servers
from benchmarks.load import Client, Outcome, percentile_ms, statuses
from benchmarks.overload import show

MODEL = "circles"
QUIET, NOISY, STARTER = "quiet", "noisy", "starter"
START_LIMIT_S = 60.0
WARM_UP = 20
MINUTE_S = 60.0


def token_of(name: str, home: Path) -> str:
    """Return a development token that the server of this home takes."""
    command = [str(Path(sys.executable).parent / "saccade"), "token", name]
    environment = {**os.environ, "SACCADE_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def await_answer(server: servers.Server, token: str, picture: bytes) -> None:
    """Ask until the server predicts, then a few times more; under a name whose limit is nobody's else."""
    deadline_s, answered = time.perf_counter() + START_LIMIT_S, 0
    while answered < WARM_UP:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {token}"}
        try:
            connection.request("POST", server.path, picture, headers)
            answered += connection.getresponse().status == http.client.OK
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
        if time.perf_counter() > deadline_s:
            raise TimeoutError(f"no answer from {server.process.args}")


def is_proper_refusal(outcome: Outcome) -> bool:
    """Tell whether a refusal says that a limit was in the way, which one, and when to come back."""
    return (
        outcome.status == http.client.TOO_MANY_REQUESTS
        and int(outcome.headers.get("retry-after", 0)) >= 1
        and ";r=0;t=" in outcome.headers.get("ratelimit", "")
        and ";q=" in outcome.headers.get("ratelimit-policy", "")
        and outcome.headers.get("content-type") == "application/problem+json"
    )


async def beside(quiet: Client, noisy: Client, *, rate: float, factor: float, seconds: float) -> dict[str, object]:
    """Measure the quiet tenant alone and then beside the noisy one."""
    alone = await quiet.open_loop(rate / 2, seconds, state=1)
    together, flood = await asyncio.gather(
        quiet.open_loop(rate / 2, seconds, state=2), noisy.open_loop(rate * factor, seconds, state=3)
    )
    quiet.close()
    noisy.close()
    answered = [outcome for outcome in flood if outcome.status == http.client.OK]
    refused = [outcome for outcome in flood if outcome.status not in {0, http.client.OK}]
    may_have = min(2 * rate * math.ceil(seconds), rate * MINUTE_S * math.ceil(seconds / MINUTE_S))
    return {
        "quiet_alone": statuses(alone),
        "quiet_together": statuses(together),
        "quiet_refused": sum(outcome.status != http.client.OK for outcome in [*alone, *together]),
        "quiet_alone_p50_ms": percentile_ms(alone, 0.5),
        "quiet_alone_p95_ms": percentile_ms(alone, 0.95),
        "quiet_together_p50_ms": percentile_ms(together, 0.5),
        "quiet_together_p95_ms": percentile_ms(together, 0.95),
        "quiet_p95_to_alone": percentile_ms(together, 0.95) / percentile_ms(alone, 0.95),
        "noisy": statuses(flood),
        "noisy_to_what_it_may": len(answered) / may_have,
        "noisy_proper_refusals": sum(map(is_proper_refusal, refused)) / max(1, len(refused)),
        "noisy_refused_p50_ms": percentile_ms(refused, 0.5),
        "noisy_refused_p99_ms": percentile_ms(refused, 0.99),
        "failed": sum(outcome.status == 0 for outcome in [*alone, *together, *flood]),
        "late_p99_ms": percentile_ms([*together, *flood], 0.99, lambda outcome: outcome.sent_s - outcome.due_s),
    }


def missed(measured: dict[str, object]) -> list[str]:
    """Return the names of the targets that were missed."""

    def value(name: str) -> float:
        return float(str(measured[name]))

    held = {
        "quiet_refused": value("quiet_refused") == 0,
        "quiet_p95_to_alone": value("quiet_p95_to_alone") <= 1.5,
        "noisy_to_what_it_may": 0.98 <= value("noisy_to_what_it_may") <= 1.02,
        "noisy_proper_refusals": value("noisy_proper_refusals") == 1,
        "failed": value("failed") == 0,
    }
    return [name for name, is_held in held.items() if not is_held]


def main() -> None:
    """Run it and print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=int, default=20, help="requests a second that one tenant may have")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--factor", type=float, default=10.0)
    parser.add_argument("--rates-url", default="memory://")
    asked = parser.parse_args()
    limit = f"{2 * asked.rate}/second;{int(asked.rate * MINUTE_S)}/minute"
    shown = pictures.jpegs(16)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        tokens = {name: token_of(name, home) for name in (QUIET, NOISY, STARTER)}
        settings = {
            "SACCADE_HOME": str(home),
            "SACCADE_LOG_LEVEL": "error",
            "SACCADE_ACCESS_MODE": "required",
            "SACCADE_RATE_REQUESTS": limit,
            "SACCADE_RATE_URL": asked.rates_url,
        }
        with servers.saccade(Path(folder) / MODEL, **settings) as server:
            await_answer(server, tokens[STARTER], shown[0])
            quiet, noisy = (Client(server.port, server.path, shown, tokens[name]) for name in (QUIET, NOISY))
            measured = uvloop.run(beside(quiet, noisy, rate=asked.rate, factor=asked.factor, seconds=asked.seconds))
    setting = {
        "limit": limit,
        "rates_url": asked.rates_url.partition("://")[0],
        "factor": asked.factor,
        "seconds": asked.seconds,
        "cpus": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }
    print(", ".join(f"{key} {value}" for key, value in setting.items()))
    targets = {
        "quiet_refused": "0",
        "quiet_p95_to_alone": "<= 1.5",
        "noisy_to_what_it_may": "0.98 to 1.02",
        "noisy_proper_refusals": "1",
        "failed": "0",
    }
    show(measured, targets)
    print(json.dumps({**setting, **measured}, default=lambda value: None if math.isnan(value) else value))
    if names := missed(measured):
        print(f"missed: {', '.join(names)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
