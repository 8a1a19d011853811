"""The cards of tables: endpoints, statuses, models, users, paths, recent requests, notes."""

from __future__ import annotations

from typing import TypeAlias

from saccade.usage.figures import RecentRequest, UserFigures
from saccade.usage.html.markup import Child, Markup, join, path_text, stranger, tag
from saccade.usage.html.parts import bar, legend, panel, square, table
from saccade.usage.html.timeline import NOTHING, join_counts
from saccade.usage.notes import notes_on
from saccade.usage.numbers import compact, lasting, percent, size, whole
from saccade.usage.report import UsageReport
from saccade.usage.statuses import phrase
from saccade.usage.totals import EndpointTotal, ModelTotal, path_of
from saccade.usage.window import from_us, name_of

Cells: TypeAlias = "tuple[Child, ...]"

#: Endpoints and paths that fit beside another card.
_MOST_LISTED = 12
_CLASSES = (("2", "blue", "answered"), ("3", "grey", "redirected"), ("4", "amber", "refused"), ("5", "red", "failed"))
_US_PER_MS = 1000


def endpoints_panel(report: UsageReport) -> Markup:
    """Return the card of what was asked for."""
    heads = (("Endpoint", "name"), ("", "barred"), ("Requests", "n"), ("Share", "n spare"), ("Errors", "n"))
    listed = report.endpoints[:_MOST_LISTED]
    most = max((each.requests for each in listed), default=1)
    hidden = len(report.endpoints) - len(listed)
    hint = "What was asked for." if hidden <= 0 else f"What was asked for; {hidden} more endpoints were asked less."
    rows = (_endpoint_row(each, most, report.requests) for each in listed)
    return panel("endpoints", "Endpoint mix", hint, table("Requests by endpoint", heads, rows), kind="seven")


def statuses_panel(report: UsageReport) -> Markup:
    """Return the card of how requests were answered."""
    total = max(1, report.requests)
    by_class = {
        digit: sum(number for status, number in report.statuses if str(status).startswith(digit))
        for digit, _, _ in _CLASSES
    }
    present = [(kind, by_class[digit], words) for digit, kind, words in _CLASSES if by_class[digit]]
    health = bar([(kind, number / total) for kind, number, _ in present], thick=True)
    keys = legend((square(kind), join_counts(number, words)) for kind, number, words in present)
    heads = (("Status", ""), ("", "name"), ("Requests", "n"), ("Share", "n"))
    rows = (
        (status_mark(status), tag("span", phrase(status), class_="quiet"), whole(number), percent(number / total))
        for status, number in report.statuses
    )
    hint = f"{percent(1 - report.error_share)} of the requests were answered as asked." if report.requests else NOTHING
    figures = table("Requests by status", heads, rows)
    return panel("statuses", "Status health", hint, health, tag("div", class_="gap"), keys, figures, kind="five")


def models_panel(report: UsageReport) -> Markup:
    """Return the card of models and pixels."""
    every = report.predictions
    if not every.predictions:
        none = tag("p", "Nothing was predicted in this window.", class_="empty")
        return panel("models", "Models and pixels", "One prediction for each picture and model.", none)
    keys = legend(
        [
            (square("blue"), join_counts(every.succeeded, "computed")),
            (square("teal"), join_counts(every.cached, "from the cache")),
            (square("red"), join_counts(every.failed, "failed")),
        ]
    )
    heads = (
        ("Model", "name"), ("", "barred"), ("Predictions", "n"), ("Failed", "n"), ("At once", "n spare"),
        ("In jobs", "n spare"), ("Pixels", "n"), ("Compute each", "n spare"), ("Compute", "n spare"),
    )  # fmt: skip
    most = max(model.predictions for model in report.models)
    figures = table("Predictions by model", heads, (_model_row(model, most) for model in report.models))
    hint = (
        f"{whole(every.sync)} predictions were answered at once, {whole(every.jobs)} were items of jobs; "
        f"{compact(every.pixels, 'px')} in all."
    )
    return panel("models", "Models and pixels", hint, keys, tag("div", figures, class_="scroll"))


def users_panel(report: UsageReport) -> Markup:
    """Return the card of who asked most."""
    heads = (
        ("", "n quiet spare"), ("User", "name"), ("", "barred"), ("Requests", "n"), ("Errors", "n"), ("Images", "n"),
        ("Pixels", "n spare"),
    )  # fmt: skip
    most = max((user.requests for user in report.users), default=1)
    rows = (_user_row(number, user, most) for number, user in enumerate(report.users, start=1))
    hint = "Who asked most. Each picture counts once for each model that saw it."
    return panel("users", "Users", hint, table("Users by requests", heads, rows), kind="seven")


def paths_panel(report: UsageReport) -> Markup:
    """Return the card of the busiest paths."""
    listed = report.paths[:_MOST_LISTED]
    most = max((number for _, number in listed), default=1)
    heads = (("Path", "name"), ("", "barred"), ("Requests", "n"))
    rows = (
        (
            _named(tag("span", tag("bdi", path_text(path)), class_="route"), bar([("blue", number / most)])),
            bar([("blue", number / most)]),
            whole(number),
        )
        for path, number in listed
    )
    figures = table("Requests by path", heads, rows)
    return panel("paths", "Busiest paths", "Models by their names, jobs together.", figures, kind="five")


def recent_panel(report: UsageReport) -> Markup:
    """Return the card of the last requests."""
    heads = (("When", ""), ("User", "name"), ("Request", "name"), ("Status", ""), ("Took", "n"), ("Sent", "n spare"))
    rows = (_recent_row(request, report) for request in report.recent)
    zone = name_of(report.question.zone)
    hint = f"The last {whole(len(report.recent))}, newest first, on the clock of {zone}." if report.recent else NOTHING
    figures = tag("div", table("Recent requests", heads, rows), class_="scroll")
    return panel("recent", "Recent requests", hint, figures, kind="recent")


def notes_panel(report: UsageReport) -> Markup:
    """Return the card of what to know about the figures."""
    notes = tag("ul", *(tag("li", stranger(note)) for note in notes_on(report)), class_="notes")
    return panel("notes", "Data quality", "What to know before these figures are used.", notes)


def status_mark(status: int) -> Markup:
    """Return a status with a mark whose colour and shape tell its class."""
    return tag("span", status, class_=f"status s{str(status)[0]}")


def _endpoint_row(each: EndpointTotal, most: int, total: int) -> Cells:
    drawn = bar([("blue", (each.requests - each.errors) / most), ("red", each.errors / most)])
    return (
        _named(_request(each.method, path_text(each.route)), drawn),
        drawn,
        whole(each.requests),
        percent(each.requests / max(1, total)),
        _errors(each.errors),
    )


def _model_row(model: ModelTotal, most: int) -> Cells:
    parts = [("blue", model.succeeded / most), ("teal", model.cached / most), ("red", model.failed / most)]
    return (
        _named(stranger(model.model), bar(parts)),
        bar(parts),
        whole(model.predictions),
        _errors(model.failed),
        whole(model.sync),
        whole(model.jobs),
        compact(model.pixels, "px"),
        lasting(model.compute_ms / model.succeeded) if model.succeeded else "",
        lasting(model.compute_ms),
    )


def _user_row(number: int, user: UserFigures, most: int) -> Cells:
    drawn = bar([("blue", (user.requests - user.errors) / most), ("red", user.errors / most)])
    under = tag("span", stranger(user.principal), class_="under") if user.principal != user.name else None
    return (
        number,
        _named(join([stranger(user.name), under]), drawn),
        drawn,
        whole(user.requests),
        _errors(user.errors),
        whole(user.images),
        compact(user.pixels, "px"),
    )


def _recent_row(request: RecentRequest, report: UsageReport) -> Cells:
    at = from_us(request.at_us, report.question.zone)
    path = tag("bdi", path_text(path_of(request.route, request.model)))
    return (
        tag("time", f"{at:%d %b %H:%M:%S}", datetime=at.isoformat(), class_="when"),
        stranger(request.user_name),
        _request(request.method, path),
        status_mark(request.status),
        lasting(request.duration_us / _US_PER_MS),
        size(request.bytes_in) if request.bytes_in else "",
    )


def _request(method: str, path: Markup) -> Markup:
    return join([tag("span", method, class_="verb"), " ", tag("span", path, class_="route")])


def _named(name: Markup, drawn: Markup) -> Markup:
    """Return a name, and for narrow screens the bar below it, where there is no room for one beside it."""
    return join([name, tag("span", drawn, class_="narrow")])


def _errors(number: int) -> Markup:
    return tag("span", whole(number), class_="bad" if number else "quiet")
