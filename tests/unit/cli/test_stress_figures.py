"""The figures of a stress run: percentiles, sums that agree, and how they are shown."""

import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from saccade.cli.stress_figures import STAGES, Figures, Spread
from saccade.cli.stress_plan import ANONYMOUS, Mode, Picture, Plan
from saccade.cli.stress_run import End
from saccade.cli.stress_tables import report_of
from saccade.cli.stress_visit import Call, Failure, Outcome

TIMES = st.lists(st.floats(0, 100), min_size=1, max_size=60)


def succeeded(mode, took_s, *, user="anonymous", **stages):
    rest = took_s - sum(stages.values())
    calls = (Call("POST /v1/jobs", 202, took_s),)
    return Outcome(mode, user, took_s, {"told_to_wait": 0.0, **stages, "rest": rest - 0.0}, calls)


def failed(code="queue_full", *, status=503, user="anonymous", detail="Full.", endpoint="POST /v1/jobs", number=0):
    failure = Failure(code, detail, endpoint, status, f"req-{number}", None)
    return Outcome(Mode.STATUS, user, 0.5, {}, (Call(endpoint, status, 0.5),), failure)


def counted(*outcomes):
    figures = Figures()
    for outcome in outcomes:
        figures.add(outcome)
    return figures


def shown(figures, *, end=End.COMPLETE, begun=None, requests=None, width=80):
    done = figures.succeeded + figures.failed
    plan = Plan(
        model="m",
        mode=Mode.MIXED,
        users=[ANONYMOUS],
        pictures=[Picture("a", b"a")],
        requests=requests or done or 1,
        concurrency=1,
    )
    stream = io.StringIO()
    console = Console(file=stream, width=width)
    for part in report_of(plan, figures, end, begun=done if begun is None else begun, elapsed_s=2.0):
        console.print(part)
    return stream.getvalue()


class TestSpread:
    """How long something took, many times."""

    def test_percentiles_are_times_that_were_measured(self):
        """The least time that so many do not exceed, as everybody counts by hand."""
        spread = Spread.of([number / 1000 for number in range(100, 0, -1)])

        figures = (spread.min_ms, spread.p50_ms, spread.p90_ms, spread.p95_ms, spread.p99_ms, spread.max_ms)
        assert figures == pytest.approx((1, 50, 90, 95, 99, 100))
        assert (spread.count, spread.mean_ms) == (100, pytest.approx(50.5))

    @given(TIMES)
    def test_percentiles_are_in_order_and_share_is_right(self, times_s):
        """For any times: no percentile is below another, and at most the rest lies above."""
        spread = Spread.of(times_s)
        ordered = [spread.min_ms, spread.p50_ms, spread.p90_ms, spread.p95_ms, spread.p99_ms, spread.max_ms]

        assert ordered == sorted(ordered)
        assert sum(time_s * 1e3 > spread.p90_ms for time_s in times_s) <= 0.1 * len(times_s)
        assert sum(time_s * 1e3 >= spread.p90_ms for time_s in times_s) >= 0.1 * len(times_s)

    def test_mean_says_how_far_it_may_be_off(self):
        """Nothing is claimed of a single time."""
        assert Spread.of([1.0]).error_ms is None
        assert Spread.of([1.0, 1.0, 1.0]).error_ms == 0
        assert Spread.of([0.0, 2.0] * 50).error_ms == pytest.approx(1.96 * 1000 / math.sqrt(99))


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9), st.floats(0, 30)), min_size=1, max_size=30))
def test_means_of_stages_add_up_to_the_whole(measured):
    """Whatever was measured, also where stages overlap and the rest is below zero."""
    figures = counted(
        *(succeeded(Mode.STATUS, took_s, submit=submit_s, processing=work_s) for submit_s, work_s, took_s in measured)
    )

    stages = figures.stages[Mode.STATUS]
    parts = [stages[name].mean_ms for name in STAGES if name in stages and name != "end_to_end"]
    assert math.fsum(parts) == pytest.approx(stages["end_to_end"].mean_ms, abs=1e-6)
    assert {spread.count for spread in stages.values()} == {len(measured)}


def test_requests_are_counted_by_status_user_call_and_kind():
    """Each in all places, failures of one look together, with the first as the sample."""
    figures = counted(
        succeeded(Mode.RESULTS, 0.1, user="alice"),
        succeeded(Mode.INFERENCE, 0.2, user="bob"),
        failed(user="bob", number=1),
        failed(user="bob", number=2),
        failed("timed_out", status=None, user="alice"),
    )

    document = json.loads(json.dumps(figures.to_json()))

    assert (document["succeeded"], document["failed"]) == (2, 3)
    assert document["statuses"] == {"202": 2, "503": 2, "none": 1}
    assert {(call["endpoint"], call["status"], call["count"]) for call in document["calls"]} == {
        ("POST /v1/jobs", 202, 2),
        ("POST /v1/jobs", 503, 2),
        ("POST /v1/jobs", None, 1),
    }
    assert [(kind["code"], kind["count"]) for kind in document["failures"]] == [("queue_full", 2), ("timed_out", 1)]
    assert document["failures"][0]["request_id"] == "req-1"
    assert (document["users"]["bob"]["succeeded"], document["users"]["bob"]["failed"]) == (1, 2)
    assert list(document["stages"]) == ["inference", "results"]
    assert all("told_to_wait" not in stages for stages in document["stages"].values())


def test_being_told_to_wait_is_counted_apart():
    """It is no failure, and its time is a stage of its own."""
    calls = (Call("POST /v1/jobs", 429, 0.1, was_told_to_wait=True), Call("POST /v1/jobs", 202, 0.1))
    outcome = Outcome(Mode.STATUS, "a", 1.2, {"told_to_wait": 1.1, "submit": 0.1, "rest": 0.0}, calls)

    figures = counted(outcome)

    assert (figures.waits, figures.failed, figures.statuses) == (1, 0, {"202": 1, "429": 1})
    assert figures.stages[Mode.STATUS]["told_to_wait"].mean_ms == pytest.approx(1100)
    assert "Once the server said to come again later." in shown(figures)


def test_report_fits_into_eighty_columns():
    """Also with requests of minutes, long names and long paths: nothing is cut off or broken."""
    outcomes = [
        succeeded(
            mode, 31.234 + 10 * number, user=f"{'u' * 30}{number}", submit=45.5, queue_wait=0.1, processing=12.345
        )
        for number in range(20)
        for mode in (Mode.INFERENCE, Mode.STATUS, Mode.RESULTS)
    ]
    long = failed(
        "image_format_unsupported", detail="No picture. " * 30, endpoint=f"POST /v1/models/{'m' * 60}/predict"
    )
    figures = counted(*outcomes, long, *(failed(f"code_{number}") for number in range(9)))

    text = shown(figures)

    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert " 221 s " in text
    assert "60 succeeded, 10 failed in 2.0 s, 35.0 a second" in text
    assert "and 9 more: see --json" in text
    assert "and 5 more kinds of failures: see --json" in text


def test_report_says_why_it_is_not_whole():
    """Whoever reads it later knows that not all was sent."""
    figures = counted(succeeded(Mode.STATUS, 0.1))

    assert "Interrupted: 3 under way were dropped, 6 not begun." in shown(
        figures, end=End.INTERRUPTED, begun=4, requests=10
    )
    assert "The time was up: 9 of 10 were not begun." in shown(figures, end=End.DURATION, begun=1, requests=10)


def test_markup_in_a_name_is_only_text():
    """What users and servers write is shown as it is."""
    text = shown(counted(failed(user="[red]a", detail="[bold]no[/]"), succeeded(Mode.STATUS, 1, user="b")))

    assert "[red]a" in text
    assert "[bold]no[/]" in text
