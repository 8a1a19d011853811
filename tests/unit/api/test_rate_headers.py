"""Limits in header fields and problems: the draft's form, whatever a policy is called."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from saccade.access.counting import Level
from saccade.access.rate_policy import Policy, Unit, read_policy
from saccade.access.rates import Standing
from saccade.api.rate_headers import refusal_headers, refusal_members, standing_headers

MINUTE = Policy("requests", Unit.REQUESTS, 600, 60)
#: A list member of RFC 9651: a string, and parameters that are integers or strings.
STRING = r'"((?:[ !#-\[\]-~]|\\["\\])*)"'
MEMBER = re.compile(rf"{STRING}((?:;[a-z]+=(?:[0-9]{{1,15}}|{STRING}))*)")


def members(field):
    """Return the members of a list field, each as its name and its parameters; the whole field must be one."""
    found, rest = [], field
    while rest:
        member = MEMBER.match(rest)
        assert member, rest
        found.append((re.sub(r"\\(.)", r"\1", member[1]), member[2]))
        rest = rest[member.end() :]
        assert not rest or rest.startswith(", ")
        rest = rest.removeprefix(", ")
    return found


def test_one_policy_is_told_as_the_draft_has_it():
    """Quota and window, what is left and when it is given back, in whole seconds, rounded up."""
    assert standing_headers(Standing(((MINUTE, Level(599, 59.2)),))) == {
        "RateLimit-Policy": '"requests";q=600;w=60',
        "RateLimit": '"requests";r=599;t=60',
    }


def test_several_policies_are_a_list_with_their_units():
    """Each kind says what it counts; what has no window has no time until nothing is left."""
    policy = read_policy(
        requests="10/second;600/minute",
        images="9/minute",
        pixels="5/hour",
        routes=["POST /v1/jobs=1/day"],
        bytes_in_flight=100,
    )
    policies = [each for each in policy if each.name != "login"]
    standing = Standing(tuple((each, Level(1, 0.5)) for each in policies))

    assert standing_headers(standing) == {
        "RateLimit-Policy": '"requests per second";q=10;w=1, "requests per minute";q=600;w=60, '
        '"images";q=9;w=60;qu="images", "pixels";q=5;w=3600;qu="pixels", "POST /v1/jobs";q=1;w=86400, '
        '"bytes-in-flight";q=100;qu="content-bytes"',
        "RateLimit": '"requests per second";r=1;t=1, "requests per minute";r=1;t=1, "images";r=1;t=1, '
        '"pixels";r=1;t=1, "POST /v1/jobs";r=1;t=1, "bytes-in-flight";r=1',
    }
    used_up = Standing(((policies[-1], Level(0, 1.0)),))
    assert standing_headers(used_up)["RateLimit"] == '"bytes-in-flight";r=0;t=1'


def test_nothing_limited_is_no_header():
    """A server without limits does not speak of them."""
    assert standing_headers(Standing()) == {}
    assert refusal_headers((), 5.0) == {}


@pytest.mark.parametrize(("wait_s", "shown"), [(0.0, 1), (0.2, 1), (17.01, 18), (40_000.0, 40_000)])
def test_refusal_tells_the_time_of_retry_after(wait_s, shown):
    """Nothing is left, and ``t`` is what ``Retry-After`` says: at least a second, rounded up."""
    assert refusal_headers((MINUTE,), wait_s) == {
        "RateLimit-Policy": '"requests";q=600;w=60',
        "RateLimit": f'"requests";r=0;t={shown}',
    }


def test_refusal_is_a_problem_of_the_registered_type():
    """The type is the draft's, and the policies are listed by their names in the headers."""
    assert refusal_members(("requests", "POST /v1/jobs")) == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "violated-policies": ["requests", "POST /v1/jobs"],
    }


@given(
    name=some.text(), most=some.integers(1, 10**15 - 1), left=some.integers(0, 10**15 - 1), wait_s=some.floats(0, 1e7)
)
def test_any_name_makes_a_field_that_can_be_read(name, most, left, wait_s):
    """Quotes, backslashes, line ends, letters of any script: a field of plain ASCII, and the name comes back."""
    headers = standing_headers(Standing(((Policy(name, Unit.REQUESTS, most, 60), Level(left, wait_s)),) * 2))

    for field in headers.values():
        (first, _), (second, _) = members(field)
        assert first == second
        if name.isascii() and name.isprintable():
            assert first == name
