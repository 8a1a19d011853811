"""A ledger in a list, whose figures are made up: for pages, which do not care where figures come from."""

from datetime import UTC, datetime, timedelta

from saccade.usage.calendar import Bucket
from saccade.usage.event import latency_class
from saccade.usage.figures import Edges, ModelCell, RecentRequest, RouteCell, SlotCell, UserFigures
from saccade.usage.report import Question, make_report
from saccade.usage.window import Window, to_us, zone_of

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOUR_US = 3_600_000_000


class FakeLedger:
    """Some requests of every name, route and model that it is told, one an hour."""

    def __init__(self, *, names=("Ada",), models=("circles@1",), hours=24, errors=1):
        self.names, self.model_names, self.hours, self.errors = names, models, hours, errors

    def read(self, work):
        return work(self)

    def principals(self, name, *, among):
        return (name,) if among is None else among

    def edges(self, chosen):
        return Edges(self._first if self.hours else None, 0)

    def routes(self, chosen):
        if not self.hours:
            return
        good = self.hours - self.errors
        for model in self.model_names:
            for status, number in ((200, good), (500, self.errors)):
                if number:
                    kind = ("/v1/models/{model}/predict", model, "POST", status, latency_class(20_000))
                    yield RouteCell(*kind, number, 1000 * number, self._first, to_us(NOW) - HOUR_US)

    def slots(self, chosen, *, width_us):
        for number in range(self.hours):
            yield SlotCell(self._first + number * HOUR_US, len(self.model_names), int(number < self.errors))

    def users(self, chosen, *, most):
        users = [UserFigures(f"id-{n}", name, 5, 1, 100, 7, 10**6, 9.5) for n, name in enumerate(self.names)]
        return users[:most] if self.hours else [], len(self.names) if self.hours else 0

    def models(self, chosen):
        if self.hours:
            for model in self.model_names:
                yield ModelCell(model, True, False, 9, 3, 10**6, 90.0, self._first, self._first)
                yield ModelCell(model, True, True, 2, 0, 10**5, 0.0, self._first, self._first)
                yield ModelCell(model, False, False, 1, 1, 0, 0.0, self._first, self._first)

    def recent(self, chosen, *, most):
        if not self.hours:
            return []
        return [
            RecentRequest(self._first, "saccade", f"id-{n}", name, "key", "POST", "/v1/models/{model}/predict",
                          self.model_names[0], 200, 1000, 20_000, "r1")
            for n, name in enumerate(self.names)
        ][:most]  # fmt: skip

    @property
    def _first(self):
        return to_us(NOW) - self.hours * HOUR_US


def report_of(ledger=None, *, since_h=24, zone="UTC", bucket=None, until=NOW, **fields):
    """Return the report on a ledger."""
    since = None if since_h is None else until - timedelta(hours=since_h)
    question = Question(Window(NOW, since, until, until == NOW), zone_of(zone), bucket and Bucket(bucket), **fields)
    return make_report(ledger or FakeLedger(), question)
