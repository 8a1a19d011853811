"""The whole page: what it is about, the figures that count, and a card for each question."""

from __future__ import annotations

from datetime import timedelta

from saccade import __version__
from saccade.usage.html.latency import latency_panel
from saccade.usage.html.markup import Child, Markup, join, stranger, tag
from saccade.usage.html.panels import (
    endpoints_panel,
    models_panel,
    notes_panel,
    paths_panel,
    recent_panel,
    statuses_panel,
    users_panel,
)
from saccade.usage.html.parts import kpi
from saccade.usage.html.shell import document, own_style, policy_of
from saccade.usage.html.timeline import traffic_panel
from saccade.usage.html.week import week_panel
from saccade.usage.notes import in_words
from saccade.usage.numbers import compact, lasting, percent, size, whole
from saccade.usage.report import UsageReport
from saccade.usage.window import name_of

#: A share of errors that is shown as bad.
_MANY_ERRORS = 0.05
#: Figures with more digits are shortened.
_LONG = 99_999


def report_to_html(report: UsageReport) -> str:
    """Return the report as one page that needs nothing else and does nothing."""
    cards = tag(
        "main",
        _figures(report),
        traffic_panel(report),
        endpoints_panel(report),
        statuses_panel(report),
        latency_panel(report),
        models_panel(report),
        users_panel(report),
        paths_panel(report),
        week_panel(report),
        recent_panel(report),
        notes_panel(report),
    )
    body = (_header(report), cards, _footer(report))
    return document(f"{_title(report)}: usage report", *body, style=own_style(), policy=content_security_policy())


def content_security_policy() -> str:
    """Return what a browser may do with the page: apply its own style, and nothing else."""
    return policy_of(own_style())


def _title(report: UsageReport) -> str:
    return report.question.service or "Saccade"


def _header(report: UsageReport) -> Markup:
    zone = report.question.zone
    since, until = report.begins, report.question.window.until.astimezone(zone)
    ends = tag("b", f"{until:%d %B %Y, %H:%M}")
    told: Child
    if since is None:
        told = join(["Everything until ", ends, "."])
    else:
        begins = tag("b", f"{since:%d %B %Y, %H:%M}")
        told = join([begins, " to ", ends, f" ({in_words(until - since)}), on the clock of {name_of(zone)}."])
    return tag(
        "header",
        tag("p", "Usage report", class_="eyebrow"),
        tag("h1", stranger(_title(report))),
        tag("p", told, class_="lede"),
        _filters(report),
        _coverage(report),
    )


def _filters(report: UsageReport) -> Markup | None:
    question = report.question
    found = [
        ("Only your own use", question.only is not None),
        (f"Service: {question.service}", question.service is not None),
        (f"User: {question.principal}", question.principal is not None),
    ]
    shown = [tag("li", stranger(words)) for words, is_in_force in found if is_in_force]
    return tag("ul", *shown, class_="filters", aria_label="Filters") if shown else None


def _coverage(report: UsageReport) -> Markup | None:
    """Show which part of the window the rows cover."""
    window, first, last = report.question.window, report.first, report.last
    if first is None or last is None:
        return None
    since = window.since or first
    whole_span = max(window.until - since, timedelta(microseconds=1))
    begin, end = (first - since) / whole_span, (last - since) / whole_span
    words = f"Rows from {first:%d %b %Y, %H:%M:%S} to {last:%d %b %Y, %H:%M:%S}"
    drawn = tag(
        "svg",
        tag("title", f"{words}; the whole bar is the window."),
        tag("rect", x=0, y=0, width=100, height=8, class_="track"),
        tag("rect", x=100 * begin, y=0, width=max(0.4, 100 * (end - begin)), height=8, class_="teal"),
        class_="bar", viewBox="0 0 100 8", preserveAspectRatio="none", role="img",
    )  # fmt: skip
    covered = f"{percent(min(1.0, end - begin))} of the window"
    ends = tag("div", tag("span", words), tag("span", covered), class_="ends")
    return tag("div", drawn, ends, class_="coverage")


def _figures(report: UsageReport) -> Markup:
    """Return the figures that count."""
    every, latency = report.predictions, report.latency
    until = report.question.window.until
    days = max(1.0, (until - (report.begins or until)) / timedelta(days=1))
    cards = (
        kpi("Requests", _number(report.requests), f"{compact(report.requests / days)} a day"),
        kpi(
            "Errors",
            percent(report.error_share),
            f"{whole(report.errors)} with status 400 or above",
            is_bad=report.error_share >= _MANY_ERRORS,
        ),
        kpi(
            "Users", _number(report.users_seen), f"{compact(report.requests / max(1, report.users_seen))} requests each"
        ),
        kpi(
            "Latency, p95",
            "none" if latency is None else lasting(latency.p95_ms),
            "no requests" if latency is None else f"half took at most {lasting(latency.p50_ms)}",
        ),
        kpi("Predictions", _number(every.predictions), f"{whole(every.failed)} failed, {whole(every.cached)} cached"),
        kpi("Pixels seen", compact(every.pixels, "px"), f"{size(report.bytes_in)} came in"),
    )
    return tag("dl", *cards, class_="kpis", aria_label="The figures that count")


def _number(number: int) -> str:
    return compact(number) if number > _LONG else whole(number)


def _footer(report: UsageReport) -> Markup:
    now = report.question.window.now.astimezone(report.question.zone)
    made = f"Made by Saccade {__version__} on {now:%d %B %Y at %H:%M:%S} ({name_of(report.question.zone)})."
    return tag("footer", f"{made} One file: no script, and nothing is loaded from elsewhere.")
