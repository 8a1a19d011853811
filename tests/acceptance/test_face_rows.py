"""Every row of the five systems' tables of routes has a test that is marked with it, or a reason why it has none."""

from __future__ import annotations

import re
from pathlib import Path

#: By the number of a system, its table: methods and paths as its clients know them.
ROWS = {
    "0": (
        "GET /__health", "GET /health", "POST /api/v1/inference", "POST /api/v1/jobs/status",
        "POST /api/v1/jobs/results", "GET /api/v1/version", "GET /queue_stats", "GET /livez", "GET /readyz",
    ),
    "1": (
        "GET /", "GET /api/v1/health", "POST /api/v1/classify", "POST /api/v1/classify-batch",
        "GET /api/v1/model/info", "GET /metrics", "GET /docs", "GET /redoc", "GET /openapi.json", "GET /nginx-health",
    ),
    "2": ("GET /", "POST /inference/image", "GET /predictions/{uuid}"),
    "3": (
        "GET /", "POST /auth/new", "POST /auth/login", "GET /auth/status", "GET /auth/profile",
        "POST /auth/add_role", "POST /auth/remove_role", "POST /auth/key", "GET /auth/key", "DELETE /auth/key",
        "POST /auth/create_admin_account", "GET /model/list", "GET /model/all", "POST /model/predict",
        "GET /predict/{md5}",
        "POST /model/results", "POST /model/search", "POST /model/search/download", "POST /model/register",
        "GET /training/list", "GET /training/detail", "POST /training/train", "GET /training/result",
        "GET /training/results", "GET /training/model", "POST /training/result", "POST /training/model",
        "POST /training/register",
    ),
    "4": (
        "POST /images/", "GET /images/{image_id}/objects", "GET /images/{image_id}/objects/{object_id}",
        "GET /health", "GET /config", "GET /docs", "GET /redoc", "GET /openapi.json", "GET /v1/models/{model}",
        "POST /v1/models/{model}:predict",
    ),
}  # fmt: skip

_NO_TRAINING = "remote training is not built yet"
#: What is knowingly not there, and why.
ABSENT = {
    "3 GET /training/list": _NO_TRAINING,
    "3 GET /training/detail": _NO_TRAINING,
    "3 POST /training/train": _NO_TRAINING,
    "3 GET /training/result": _NO_TRAINING,
    "3 GET /training/results": _NO_TRAINING,
    "3 GET /training/model": _NO_TRAINING,
    "3 POST /training/result": _NO_TRAINING,
    "3 POST /training/model": _NO_TRAINING,
    "3 POST /training/register": _NO_TRAINING,
}

ALL = frozenset(f"{system} {row}" for system, rows in ROWS.items() for row in rows)
_MARKER = re.compile(r'^ *@pytest\.mark\.row\("([^"]+)"\)', re.MULTILINE)


def marked():
    """Return the rows that tests are marked with, by the files that have them."""
    files = [path for path in Path(__file__).parent.glob("test_face_*.py") if path != Path(__file__)]
    assert files
    return {path.name: set(_MARKER.findall(path.read_text(encoding="utf-8"))) for path in files}


def test_every_row_has_a_test_or_a_reason():
    """None is forgotten."""
    assert sorted(ALL - set().union(*marked().values()) - set(ABSENT)) == []


def test_every_marker_names_a_row():
    """One that is misspelt would cover nothing."""
    assert {name: sorted(rows - ALL) for name, rows in marked().items() if rows - ALL} == {}


def test_what_is_absent_is_a_row_without_a_test():
    """A reason that no longer holds goes."""
    assert set(ABSENT) <= ALL
    assert sorted(set(ABSENT) & set().union(*marked().values())) == []
