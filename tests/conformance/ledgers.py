"""Random histories for the ledger, and a report on them made the plain way: row by row, in Python."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import strategies as some
from sqlalchemy import insert

from saccade.backends.database.ledger import SqlLedger
from saccade.backends.database.schema import usage_event
from saccade.usage.document import summed
from saccade.usage.event import Batch, PredictionEvent, RequestEvent, latency_class, latency_of
from saccade.usage.totals import path_of
from saccade.usage.window import to_us, zone_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_US = 60_000_000
#: Changes of clocks, midnights and other edges, each with a zone where it is one.
EDGES = tuple(
    (to_us(datetime.fromisoformat(text)), zone)
    for text, zone in (
        ("2026-03-29T01:00+00:00", "Europe/Rome"),
        ("2026-10-25T01:00+00:00", "Europe/Rome"),
        ("2025-12-31T23:00+00:00", "Europe/Rome"),
        ("2026-03-08T07:00+00:00", "America/New_York"),
        ("2026-11-01T06:00+00:00", "America/New_York"),
        ("2026-04-04T15:00+00:00", "Australia/Lord_Howe"),
        ("2026-10-03T15:30+00:00", "Australia/Lord_Howe"),
        ("2018-11-04T03:00+00:00", "America/Sao_Paulo"),
        ("2026-06-15T18:15+00:00", "Asia/Kathmandu"),
        ("2026-06-15T00:00+00:00", "UTC"),
    )
)
ZONES = tuple(sorted({zone for _, zone in EDGES}))
_numbers = count(1)

#: Moments around one edge: on it, a hair from it, or within three days.
_offsets = some.one_of(
    some.sampled_from([0, -1, 1, 15 * MINUTE_US, 60 * MINUTE_US - 1, 60 * MINUTE_US, -MINUTE_US, 24 * 60 * MINUTE_US]),
    some.integers(-3 * 1440 * MINUTE_US, 3 * 1440 * MINUTE_US),
)
_people = some.sampled_from([("alice", "Alice"), ("jwt:a", "Alice"), ("bob", "Bob"), ("bob", "Bobby"), ("Bob", "bob")])


def requests(edge):
    """Return a strategy for the requests around an edge."""
    return some.builds(
        lambda who, what, status, offset, bytes_in, duration_us, number: RequestEvent(
            who[0], who[1], "key", what[0], what[1], what[2], status, bytes_in, duration_us, f"r{number}", edge + offset
        ),
        _people,
        some.sampled_from(
            [
                ("POST", "/v1/models/{model}/predict", "circles"),
                ("POST", "/v1/models/{model}/predict", "<script>alert(1)</script>"),
                ("GET", "/v1/models/{model}", "circles"),
                ("GET", "/v1/jobs", ""),
                ("POST", "/v1/jobs", ""),
            ]
        ),
        some.sampled_from([200, 202, 399, 400, 404, 499, 503]),
        _offsets,
        some.integers(0, 2**40),
        some.integers(0, 10**12),
        some.integers(0, 9),
    )


def predictions(edge):
    """Return a strategy for predictions around an edge, each with the sign of whether it was an item of a job."""
    return some.tuples(
        some.booleans(),
        some.builds(
            lambda who, model, succeeded, pixels, halves, cached, offset: PredictionEvent(
                who[0], model, "sha256:0", succeeded, pixels, halves / 2, cached, edge + offset
            ),
            _people,
            some.sampled_from(["circles@1", "circles@2", "sem-textures@1"]),
            some.booleans(),
            some.integers(0, 10**9),
            some.integers(0, 10**6),  # halves add up exactly in any order
            some.booleans(),
            _offsets,
        ),
    )


def keep(database, service, asked, predicted):
    """Write a history: requests and what was answered at once as the meter does, items of jobs as a worker does."""
    at_once = tuple(event for is_item, event in predicted if not is_item)
    SqlLedger(database).write(Batch(f"b{next(_numbers)}", service, tuple(asked), at_once))
    items = [
        {
            "item_id": next(_numbers),
            "principal": event.principal,
            "model": event.model,
            "digest": event.digest,
            "outcome": "succeeded" if event.succeeded else "failed",
            "pixels": event.pixels,
            "compute_ms": event.compute_ms,
            "cached": event.cached,
            "service": service,
            "created_at": event.at_us,
        }
        for is_item, event in predicted
        if is_item
    ]
    if items:
        database.write(lambda tx: tx.execute(insert(usage_event), items))


def plain_report(asked, predicted, *, zone_name, bucket, since_us, until_us, recent_limit):
    """Return what must stand in the JSON report, but for what is only said in words."""
    zone = zone_of(zone_name)
    requests = [event for event in asked if (since_us is None or since_us <= event.at_us) and event.at_us < until_us]
    spent = [
        (is_item, event)
        for is_item, event in predicted
        if (since_us is None or since_us <= event.at_us) and event.at_us < until_us
    ]
    moments = [event.at_us for event in requests] + [event.at_us for _, event in spent]
    begin_us = since_us if since_us is not None else min(moments, default=None)
    endpoints = Counter(f"{event.method} {event.route}" for event in requests)
    return {
        "coverage_start": _iso(min(moments), zone) if moments else None,
        "coverage_end": _iso(max(moments), zone) if moments else None,
        "total": len(requests),
        "unique_users": len({event.principal for event in requests}),
        "error_count": sum(event.status >= 400 for event in requests),
        "error_rate": round(sum(event.status >= 400 for event in requests) / max(1, len(requests)), 6),
        "bytes_in": sum(event.bytes_in for event in requests),
        "latency_ms": _latency(requests),
        "predictions": _sums(spent),
        "endpoint_counts": dict(endpoints),
        "status_counts": dict(Counter(str(event.status) for event in requests)),
        "user_counts": summed((user["shown"], user["n"]) for user in _users(requests, spent)),
        "path_counts": dict(Counter(path_of(event.route, event.model) for event in requests)),
        "endpoints": sorted(
            (_endpoint(name, requests) for name in endpoints), key=lambda each: (-each["n"], each["endpoint"])
        ),
        "users": [
            {key: value for key, value in user.items() if key != "shown"} for user in _users(requests, spent)
        ],
        "models": sorted(
            (
                {"model": model, **_sums([one for one in spent if one[1].model == model])}
                for model in {event.model for _, event in spent}
            ),
            key=lambda each: (-each["n"], each["model"]),
        ),
        "time_buckets": [] if begin_us is None else _buckets(requests, zone, bucket, begin_us, until_us),
        "hour_heatmap": _week(requests, zone),
        "recent": sorted((_iso(event.at_us, zone) for event in requests), key=_moment, reverse=True)[:recent_limit],
    }  # fmt: skip


def _iso(at_us, zone):
    return (EPOCH + timedelta(microseconds=at_us)).astimezone(zone).isoformat()


def _moment(text):
    return datetime.fromisoformat(text)


def _latency(requests):
    if not requests:
        return None
    ordered = sorted(latency_class(event.duration_us) for event in requests)
    return {
        f"p{percent}": round(latency_of(ordered[-(-len(ordered) * percent // 100) - 1]), 3) for percent in (50, 95, 99)
    }


def _sums(spent):
    return {
        "n": len(spent),
        "succeeded": sum(event.succeeded and not event.cached for _, event in spent),
        "failed": sum(not event.succeeded for _, event in spent),
        "cached": sum(event.succeeded and event.cached for _, event in spent),
        "sync": sum(not is_item for is_item, _ in spent),
        "jobs": sum(is_item for is_item, _ in spent),
        "pixels": sum(event.pixels for _, event in spent),
        "compute_ms": sum(event.compute_ms for _, event in spent),
    }


def _endpoint(name, requests):
    mine = [event for event in requests if f"{event.method} {event.route}" == name]
    return {
        "endpoint": name,
        "method": mine[0].method,
        "route": mine[0].route,
        "n": len(mine),
        "errors": sum(event.status >= 400 for event in mine),
        "bytes_in": sum(event.bytes_in for event in mine),
        "latency_ms": _latency(mine),
    }


def _users(requests, spent):
    found = []
    for principal in {event.principal for event in requests}:
        mine = [event for event in requests if event.principal == principal]
        did = [event for _, event in spent if event.principal == principal]
        found.append(
            {
                "principal": principal,
                "name": max(enumerate(mine), key=lambda each: (each[1].at_us, each[0]))[1].user_name,
                "n": len(mine),
                "errors": sum(event.status >= 400 for event in mine),
                "bytes_in": sum(event.bytes_in for event in mine),
                "images": len(did),
                "pixels": sum(event.pixels for event in did),
                "compute_ms": sum(event.compute_ms for event in did),
            }
        )
    names = Counter(user["name"] for user in found)
    for user in found:
        alone = names[user["name"]] == 1 or user["name"] == user["principal"]
        user["shown"] = user["name"] if alone else f"{user['name']} ({user['principal']})"
    return sorted(found, key=lambda user: (-user["n"], user["principal"]))


def _label(moment, bucket):
    if bucket == "day":
        return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).isoformat()
    return moment.replace(minute=0 if bucket == "hour" else moment.minute, second=0, microsecond=0).isoformat()


def _buckets(requests, zone, bucket, begin_us, until_us):
    """Walk over the window minute by minute to find its buckets, then count into them."""
    walk = [*range(begin_us, until_us, MINUTE_US), until_us - 1]
    counts = {}
    for at_us in walk:
        counts.setdefault(_label((EPOCH + timedelta(microseconds=at_us)).astimezone(zone), bucket), [0, 0])
    for event in requests:
        counted = counts[_label((EPOCH + timedelta(microseconds=event.at_us)).astimezone(zone), bucket)]
        counted[0] += 1
        counted[1] += event.status >= 400
    return [{"bucket": label, "n": n, "errors": errors} for label, (n, errors) in counts.items()]


def _week(requests, zone):
    moments = [(EPOCH + timedelta(microseconds=event.at_us)).astimezone(zone) for event in requests]
    counts = Counter((moment.weekday(), moment.hour) for moment in moments)
    return [{"dow": day, "hour": hour, "n": counts[day, hour]} for day in range(7) for hour in range(24)]
