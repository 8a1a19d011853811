"""What an error means for an item, and how long it waits before it is tried again."""

import statistics

import pytest

from saccade import errors
from saccade.errors import SaccadeError, UrlUnreachable
from saccade.jobs.records import Failed, HandedBack, TryAgain
from saccade.worker.verdicts import Kind, ModelChanged, backoff_s, outcome_of, verdict_of
from unit.worker.claims import claim

BACK = {
    errors.ModelUnknown,
    errors.ModelNotLoaded,
    errors.ModelFailed,
    errors.ModelLoading,
    errors.ModelUnavailable,
    errors.QueueFull,
    errors.ShuttingDown,
}


def leaves(family):
    """Return all errors of a family."""
    return [kind for kind in family.__subclasses__() if kind.__module__.startswith(errors.__name__)]


@pytest.mark.parametrize("family", [errors.RequestError, errors.ModelError, errors.StateError])
def test_what_cannot_get_better_by_itself_fails_at_once(family):
    """A picture, an option or a model that is wrong stays wrong: no attempt is wasted on it."""
    kinds = [kind for kind in leaves(family) if kind not in BACK]

    assert {verdict_of(kind("wrong")).kind for kind in kinds} == {Kind.FAIL}
    assert [verdict_of(kind("wrong")).code for kind in kinds] == [kind.code for kind in kinds]


def test_what_is_unavailable_is_tried_again():
    """What is away may come back."""
    kinds = [kind for kind in leaves(errors.UnavailableError) if kind not in BACK]

    assert {verdict_of(kind("away")).kind for kind in kinds} == {Kind.AGAIN}


@pytest.mark.parametrize("kind", [*BACK, ModelChanged])
def test_what_is_not_the_items_affair_costs_it_nothing(kind):
    """An item whose model is gone here, or for which there is no room, goes back and keeps its attempts."""
    assert isinstance(outcome_of(claim(), verdict_of(kind("elsewhere"))), HandedBack)


@pytest.mark.parametrize(("passing", "kind"), [(True, Kind.AGAIN), (False, Kind.FAIL)])
def test_url_that_may_answer_later_is_tried_again(passing, kind):
    """A server that is slow or overloaded is asked again; one that says no is believed."""
    assert verdict_of(UrlUnreachable("no", passing=passing)).kind is kind


def test_fault_of_our_own_is_tried_again_and_tells_nothing_of_the_inside():
    """A bug may be a passing one; its words are for the log and not for the item's owner."""
    outcome = outcome_of(claim(attempt=2), verdict_of(KeyError("/secret/path")))

    assert isinstance(outcome, TryAgain)
    assert (outcome.code, outcome.crashed) == ("internal", False)
    assert "secret" not in outcome.detail


def test_words_of_an_error_fit_into_any_database():
    """No NUL, no half of a character, no novel: PostgreSQL takes none of them."""
    outcome = outcome_of(claim(), verdict_of(errors.ImageUnreadable("a\0b\ud800" + "c" * 5000)))

    assert isinstance(outcome, Failed)
    assert outcome.detail.startswith("ab?ccc")
    assert len(outcome.detail) == 1000


@pytest.mark.parametrize(("attempt", "longest_s"), [(1, 0.5), (2, 1.0), (5, 8.0), (8, 60.0), (1000, 60.0)])
def test_backoff_doubles_up_to_a_minute_with_full_jitter(attempt, longest_s):
    """The whole span from nothing to twice the last one is used, so that what failed together does not return so."""
    drawn = [backoff_s(attempt) for _ in range(2000)]

    assert 0.0 <= min(drawn) < 0.1 * longest_s
    assert 0.9 * longest_s < max(drawn) <= longest_s
    assert statistics.mean(drawn) == pytest.approx(longest_s / 2, rel=0.1)


def test_every_error_has_a_verdict():
    """No family is forgotten."""
    kinds = [kind for family in SaccadeError.__subclasses__() for kind in leaves(family)]

    assert all(verdict_of(kind("x")).kind in Kind for kind in kinds)
