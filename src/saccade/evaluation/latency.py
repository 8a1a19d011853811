"""How long pictures took, by stage."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from saccade.evaluation.document import StageLatency
from saccade.evaluation.seen import Seen

#: In the order in which a picture passes them; others come after.
_STAGES = ("queue", "decode", "preprocess", "infer", "postprocess", "total")
_QUANTILES = (50, 90, 99)


def latencies_of(seen: Iterable[Seen]) -> tuple[StageLatency, ...]:
    """Return milliseconds of each stage over the pictures that were answered and tell it.

    Quantiles are linear between neighbours. What a cache answered tells no stage.

    Args:
        seen: What was said of each picture.
    """
    times_ms: dict[str, list[float]] = {stage: [] for stage in _STAGES}
    for each in seen:
        if each.problem is None:
            for stage, spent_ms in each.stages_ms.items():
                times_ms.setdefault(stage, []).append(spent_ms)
    return tuple(_latency(stage, values) for stage, values in times_ms.items() if values)


def _latency(stage: str, values: list[float]) -> StageLatency:
    p50, p90, p99 = np.percentile(values, _QUANTILES).tolist()
    return StageLatency(stage, float(np.mean(values)), p50, p90, p99, max(values))
