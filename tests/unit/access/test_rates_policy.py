"""Limits as an operator writes them: read as meant, refused with the form that is right, named apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from saccade.access.rate_policy import Policy, Unit, read_limits, read_policy
from saccade.errors import SettingInvalid
from saccade.settings import RateSettings


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", ()),
        (" ; ", ()),
        ("600/minute", ((600, 60),)),
        ("600 per minute", ((600, 60),)),
        ("10/Second", ((10, 1),)),
        ("5000/12 hours", ((5000, 43_200),)),
        ("1/1 day", ((1, 86_400),)),
        ("600/minute; 10/second;", ((10, 1), (600, 60))),
        ("999999999999999/31 days", ((999_999_999_999_999, 2_678_400),)),
    ],
)
def test_limit_is_read_as_it_is_meant(text, limits):
    """Amount and span, several separated by semicolons; nothing is no limit."""
    assert limits == read_limits(text, "SACCADE_RATE_REQUESTS")


@pytest.mark.parametrize(
    "text",
    [
        "600",
        "600/",
        "/minute",
        "0/minute",
        "-1/minute",
        "6e2/minute",
        "600/fortnight",
        "600/0 seconds",
        "600/32 days",
        "600 / minute",
        "600/minute,10/second",
        "600/minute;700/60 seconds",
        "1000000000000000/minute",
        "٦/minute",
        "\x00" * 500,
    ],
)
def test_wrong_limit_is_refused_with_the_form_that_is_right(text):
    """The message names the variable in one short line of plain letters, the hint shows how a limit is written."""
    with pytest.raises(SettingInvalid) as caught:
        read_limits(text, "SACCADE_RATE_IMAGES")

    assert str(caught.value).startswith("SACCADE_RATE_IMAGES: ")
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 400
    assert "600/minute" in caught.value.hint


@given(some.text())
def test_no_text_is_an_error_of_ours(text):
    """Whatever stands in the variable is a limit or is refused."""
    try:
        limits = read_limits(text, "SACCADE_RATE_REQUESTS")
    except SettingInvalid:
        return

    assert all(amount > 0 and span_s > 0 for amount, span_s in limits)


def test_limits_have_names_of_their_own():
    """One of a kind is called by it, several have their span in their name, a route's are called as the route."""
    policy = read_policy(
        requests="600/minute;10/second;9/7 hours",
        images="1000/minute",
        pixels="1000000000/hour",
        routes=("POST /v1/jobs=60/minute", "GET /v1/jobs/{job_id}=10/second;100/minute"),
        login="10/minute",
        bytes_in_flight=1000,
    )

    assert [each.name for each in policy] == [
        "requests per second",
        "requests per minute",
        "requests per 7 hours",
        "images",
        "pixels",
        "login",
        "POST /v1/jobs",
        "GET /v1/jobs/{job_id} per second",
        "GET /v1/jobs/{job_id} per minute",
        "bytes-in-flight",
    ]
    assert policy.bytes_in_flight == Policy("bytes-in-flight", Unit.BYTES, 1000, None)
    assert policy.images == (Policy("images", Unit.IMAGES, 1000, 60),)


@pytest.mark.parametrize(
    "routes",
    [
        ["/v1/jobs=60/minute"],
        ["POST /v1/jobs"],
        ["POST /v1/jobs="],
        ["post /v1/jobs=60/minute"],
        ["POST v1/jobs=60/minute"],
        ["POST /v1/jöbs=60/minute"],
        ["POST /v1/jobs=60"],
        ["POST /v1/jobs=60/minute", "POST /v1/jobs=1/second"],
    ],
)
def test_wrong_route_is_refused_with_the_form_that_is_right(routes):
    """A method, a path, a limit; each route once."""
    with pytest.raises(SettingInvalid, match="SACCADE_RATE_ROUTES") as caught:
        read_policy(routes=routes)

    assert "60/minute" in caught.value.hint or "600/minute" in caught.value.hint


def test_defaults_of_the_settings_limit_logins_only():
    """Out of the box nobody who is let in is limited, and nobody guesses passwords quickly."""
    policy = read_policy(**RateSettings().model_dump(exclude={"url", "on_failure"}))

    assert [(each.name, each.most, each.span_s) for each in policy] == [("login", 10, 60)]
    assert not policy.counts_requests
