"""Jobs and items as their owners see them."""

import csv
import io
import json
from dataclasses import replace

import pytest

from saccade.errors import DeadlinePassed, ImageErased, ImageUnreadable, JobCancelled
from saccade.jobs.exports import EXPORTS
from saccade.jobs.records import ItemRecord, JobPriority, JobRecord
from saccade.jobs.render import as_accepted, error_of, item_to_text, job_to_json, problem_of, time_text
from saccade.jobs.states import Counts, ItemState, JobState

ITEM = ItemRecord(
    id=7,
    job_id="j",
    position=2,
    model_index=0,
    model="circles@1",
    digest="d",
    state=ItemState.FAILED,
    attempt=1,
    file_name="a.png",
    source_url=None,
    sha256="ab" * 32,
    blob_key="jobs/1",
    error_code="image_unreadable",
    error_detail="The picture is damaged.",
    prediction=None,
    event_seq=1,
    created_at_us=0,
    started_at_us=1,
    finished_at_us=2,
)
JOB = JobRecord(
    id="j",
    principal="p",
    state=JobState.FAILED,
    counts=Counts(total=5, succeeded=1, failed=1, expired=1),
    running=1,
    models=("circles@1",),
    images=5,
    options={"top_k": 5, "threshold": None, "candidate_labels": [], "function": None},
    priority=JobPriority.LOW,
    webhook=None,
    retry_of=None,
    event_seq=3,
    created_at_us=1_700_000_000_123_456,
    started_at_us=1_700_000_001_000_000,
    finished_at_us=None,
    cancelled_at_us=None,
    deadline_at_us=None,
)


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (None, None),
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(microseconds, text):
    """To the microsecond, with no rounding on the way."""
    assert time_text(microseconds) == text


def test_counts_add_up():
    """Every item is in exactly one state."""
    counts = job_to_json(JOB)["counts"]

    total = counts.pop("total")
    assert counts == {"queued": 1, "running": 1, "succeeded": 1, "failed": 1, "cancelled": 0, "expired": 1}
    assert sum(counts.values()) == total


def test_accepted_job_is_told_as_on_its_first_day():
    """However far it has come, what was answered first is answered again."""
    ended = replace(JOB, counts=Counts(5, succeeded=5), running=0, event_seq=5, finished_at_us=9, cancelled_at_us=8)

    assert as_accepted(JOB) == as_accepted(ended)
    assert job_to_json(as_accepted(ended))["counts"]["queued"] == 5


@pytest.mark.parametrize(
    ("change", "problem", "error"),
    [
        ({}, ("image_unreadable", "The picture is damaged."), ImageUnreadable),
        (
            {"state": ItemState.CANCELLED, "error_code": None, "error_detail": None},
            ("job_cancelled", None),
            JobCancelled,
        ),
        (
            {"state": ItemState.EXPIRED, "error_code": None, "error_detail": None},
            ("deadline_passed", None),
            DeadlinePassed,
        ),
        ({"error_code": "from_the_future"}, ("from_the_future", None), type(None)),
        (
            {
                "state": ItemState.CANCELLED,
                "error_code": "image_deleted",
                "error_detail": "Its owner erased the image.",
            },
            ("image_deleted", "Its owner erased the image."),
            ImageErased,
        ),
        (
            {"state": ItemState.SUCCEEDED, "error_code": "image_deleted", "error_detail": None},
            ("image_deleted", "Its owner erased the image."),
            ImageErased,
        ),
    ],
)
def test_ended_item_says_why_it_has_no_prediction(change, problem, error):
    """With a code, a detail and something to do, whatever ended it."""
    item = replace(ITEM, **change)
    told, (code, detail) = problem_of(item), problem

    assert told["code"] == code
    assert told["detail"] == detail or (detail is None and told["detail"])
    assert told["hint"]
    assert type(error_of(item)) is error


def test_open_and_succeeded_items_have_no_problem():
    """A problem is an end."""
    assert problem_of(replace(ITEM, state=ItemState.RUNNING, error_code="x", finished_at_us=None)) is None
    assert problem_of(replace(ITEM, state=ItemState.SUCCEEDED, prediction="{}")) is None


def test_item_is_one_line_of_json():
    """Also where the database gave the prediction back with line breaks, and names hold anything."""
    text = item_to_text(replace(ITEM, file_name='a"\n\u2028.png', state=ItemState.SUCCEEDED, prediction='{\n"a": 1}'))

    assert len(text.splitlines()) == 1
    assert json.loads(text) == {
        "image": {"index": 2, "name": 'a"\n\u2028.png', "id": "ab" * 32},
        "model": "circles@1",
        "state": "succeeded",
        "prediction": {"a": 1},
    }


def test_job_says_whether_its_images_are_kept():
    """As it was asked for, and unasked they are not."""
    assert (job_to_json(JOB)["keep"], job_to_json(replace(JOB, keep=True))["keep"]) == (False, True)


@pytest.mark.parametrize("form", EXPORTS)
def test_item_whose_image_was_erased_is_exported(form):
    """It succeeded, and its result, its name and its hash have gone since: every format says so, or leaves it out."""
    gone = {"file_name": None, "source_url": None, "sha256": None, "blob_key": None}
    erased = replace(ITEM, state=ItemState.SUCCEEDED, error_code="image_deleted", error_detail=None, **gone)
    export = EXPORTS[form](JOB)

    text = export.begin() + export.page([erased]) + export.end(None)

    if form == "coco":
        assert (json.loads(text)["images"], json.loads(text)["annotations"]) == ([], [])
    elif form == "csv":
        (row,) = csv.DictReader(io.StringIO(text))
        assert (row["name"], row["image"], row["state"]) == ("image 2", "", "succeeded")
        assert (row["code"], row["label"]) == ("image_deleted", "")
    else:
        item = json.loads(text)["results"][0] if form == "json" else json.loads(text)
        assert item["image"] == {"index": 2, "name": None, "id": None}
        assert (item["state"], item["problem"]["code"]) == ("succeeded", "image_deleted")
        assert "prediction" not in item
