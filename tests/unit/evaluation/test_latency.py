"""How long pictures took."""

from saccade.evaluation.latency import latencies_of
from saccade.evaluation.seen import Seen


def test_each_stage_has_mean_quantiles_and_most_in_the_order_of_work():
    """Linear between neighbours; pictures that failed or tell nothing do not count."""
    seen = [Seen(str(number), stages_ms={"total": float(number), "infer": 1.0, "odd": 2.0}) for number in range(101)]
    seen += [Seen("failed", stages_ms={"total": 9999.0}, problem=("a", "b")), Seen("cached")]

    infer, total, odd = latencies_of(seen)

    assert ("infer", "total", "odd") == (infer.stage, total.stage, odd.stage)
    assert (50, 50, 90, 99, 100) == (total.mean, total.p50, total.p90, total.p99, total.most)
    assert () == latencies_of([])
