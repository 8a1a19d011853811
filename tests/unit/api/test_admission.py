"""Admission in virtual time: bursts come in, floods are shed, and what is let in is answered quickly."""

import statistics

import pytest

from saccade.api.admission import MOST_RETRY_S, Admission, Bounds, Line
from saccade.errors import QueueFull
from saccade.metrics import Metrics
from unit.api.storms import NAME, Clock, Storm, percentile


def quiet(storm, requests=40):
    """Send lone requests, so that the line knows how long one takes; forget them."""
    storm.open_loop(1 / (3 * storm.service_s), requests * 3 * storm.service_s)
    storm.run()
    assert storm.refusals == []
    unloaded_s = percentile(storm.stays_s, 0.95)
    storm.stays_s.clear()
    storm.ended_s.clear()
    return unloaded_s


@pytest.mark.parametrize("connections", [1, 32, 64])
@pytest.mark.parametrize("service_s", [0.005, 0.05, 0.25])
@pytest.mark.parametrize("slots", [1, 2, 8])
def test_clients_that_wait_for_their_answers_are_never_refused(connections, service_s, slots):
    """A closed loop of up to 64 connections gets everything through, from a cold start on."""
    storm = Storm(service_s=service_s, slots=slots, max_wait_s=64 * 0.25 * 1.2)
    storm.closed_loop(connections, 20 * service_s * connections)
    storm.run()

    assert storm.refusals == []
    assert len(storm.stays_s) > connections


@pytest.mark.parametrize("slots", [1, 2, 8])
@pytest.mark.parametrize("service_s", [0.05, 0.2])
def test_tenfold_overload_is_shed_and_the_rest_answered_in_good_time(slots, service_s):
    """For a minute: 95 of 100 answers come within twice the unloaded time, and nine tenths of the capacity is used."""
    storm = Storm(service_s=service_s, slots=slots)
    unloaded_s = quiet(storm)
    offered = storm.capacity * 10 * 60
    storm.open_loop(storm.capacity * 10, 60)
    storm.run()

    assert percentile(storm.stays_s, 0.95) <= 2 * unloaded_s
    assert len(storm.stays_s) >= 0.9 * storm.capacity * 60
    assert len(storm.stays_s) + len(storm.refusals) == pytest.approx(offered, rel=0.05)


def test_a_model_that_takes_many_at_once_keeps_its_batches_full_while_it_sheds():
    """What a line may hold follows from its measured rate, so batching is not starved by shedding."""
    storm = Storm(service_s=0.05, slots=2, batch=16)
    unloaded_s = quiet(storm)
    storm.open_loop(storm.capacity * 10, 20)
    storm.run()

    assert len(storm.stays_s) >= 0.9 * storm.capacity * 20
    assert percentile(storm.stays_s, 0.95) <= 2.2 * unloaded_s


@pytest.mark.parametrize("slots", [1, 2])
def test_flood_on_a_cold_start_keeps_all_slots_at_work(slots):
    """Though nothing is known of the model, and a request spends time outside of its slot: nine tenths are used."""
    storm = Storm(slots=slots, outside_s=0.02)
    for _ in range(100):
        storm.ask()
    storm.open_loop(storm.capacity * 10, 30)
    storm.run()

    assert len(storm.stays_s) >= 0.9 * storm.capacity * 30


def test_line_is_calm_again_when_the_flood_is_over():
    """Nothing of the overload remains: lone requests are answered at once, and a burst finds its places."""
    storm = Storm()
    unloaded_s = quiet(storm)
    storm.open_loop(storm.capacity * 10, 60)
    storm.run()
    storm.stays_s.clear()
    storm.refusals.clear()
    storm.after(1.5, lambda: storm.open_loop(5, 5))
    storm.run()
    storm.closed_loop(64, 5)
    storm.run()

    assert storm.refusals == []
    assert percentile(storm.stays_s[:20], 0.95) <= 1.2 * unloaded_s


def test_short_peak_costs_nobody_the_place_that_they_have():
    """A page of a hundred pictures gets the first 64; nobody who was let in is sent away."""
    storm = Storm()
    quiet(storm)
    for _ in range(100):
        storm.ask()
    storm.run()

    assert (64, 36, 0) == (len(storm.stays_s), len(storm.refusals), storm.late)


def test_flood_that_lasts_ends_the_burst():
    """Those who would be answered much too late are told so, instead of spoiling the answers' times for seconds."""
    storm = Storm(service_s=1.0)
    unloaded_s = quiet(storm)
    storm.open_loop(40, 30)
    storm.run(5)
    storm.stays_s.clear()
    storm.run()

    assert storm.late > 0
    assert percentile(storm.stays_s, 0.95) <= 2 * unloaded_s


def test_slow_model_takes_no_more_than_are_answered_within_the_longest_wait():
    """Ten seconds of patience are ten of two slots that take two; one for each slot and one more are always let in."""
    storm = Storm(service_s=2.0, max_wait_s=10.0)
    storm.closed_loop(4, 60)
    storm.run()
    for _ in range(60):
        storm.ask()

    assert storm.line.held == pytest.approx(10, abs=1)

    slower = Storm(service_s=60.0, max_wait_s=10.0)
    slower.closed_loop(3, 600)
    slower.run(900)
    for _ in range(60):
        slower.ask()

    assert slower.line.held == 3


def test_clients_that_come_back_when_told_all_get_their_answers():
    """At three times the capacity, obeying Retry-After costs at most three attempts in the mean, and nobody fails."""
    storm = Storm()
    quiet(storm)
    attempts = {}

    def client(number):
        def ask():
            attempts[number] = attempts.get(number, 0) + 1
            storm.ask(on_refusal=lambda refusal: storm.after(refusal.retry_after_s, ask))

        return ask

    for number in range(int(storm.capacity * 3 * 10)):
        storm.after(number / (storm.capacity * 3), client(number))
    storm.run()

    assert len(storm.stays_s) == len(attempts)
    assert statistics.mean(attempts.values()) <= 3


def test_refused_clients_are_told_different_moments_in_the_order_they_came():
    """They do not come back all at once; nobody is told less than nothing, or more than is bearable."""
    storm = Storm()
    quiet(storm)
    for _ in range(600):
        storm.ask()
    told = [retry_after_s for _, retry_after_s in storm.refusals]
    first, last = told[:50], told[-50:]

    assert 0 < min(told)
    assert max(told) <= MOST_RETRY_S * 1.25 + 1
    assert statistics.mean(last) > statistics.mean(first) + 5
    assert len(set(told)) == len(told)


def test_lines_are_apart():
    """A model that is flooded takes nothing from the others."""
    admission = Admission(Bounds(slots=2, burst=4, max_wait_s=10), Metrics(), Clock())
    for _ in range(4):
        admission.enter("popular")

    with pytest.raises(QueueFull):
        admission.look("popular")
    admission.look("quiet")
    admission.enter("quiet")


def test_names_that_never_answered_are_forgotten():
    """A scanner that asks for a million models leaves nothing behind."""
    admission = Admission(Bounds(slots=2, burst=4, max_wait_s=10), Metrics(), Clock())
    for number in range(100):
        name = f"nobody {number}"
        admission.leave(name, admission.enter(name), answered=False)

    assert admission._lines == {}


def test_what_no_model_answered_teaches_nothing():
    """Cached answers and refused pictures are quick, and must not make a line believe that its model is."""
    storm = Storm()
    quiet(storm)
    before = storm.line.rate, storm.line.service_s
    for _ in range(100):
        place = storm.admission.enter(NAME)
        storm.clock.now_s += 0.001
        storm.admission.leave(NAME, place, answered=False)

    assert before == (storm.line.rate, storm.line.service_s)


def test_counts_tell_who_holds_a_place_and_who_was_refused_where():
    """The gauge follows the places, the counter the refusals."""
    metrics = Metrics()
    admission = Admission(Bounds(slots=1, burst=2, max_wait_s=10), metrics, Clock())
    places = [admission.enter("a") for _ in range(2)]
    with pytest.raises(QueueFull):
        admission.look("a")
    with pytest.raises(QueueFull):
        admission.enter("a")

    def value(name, **labels):
        return metrics.registry.get_sample_value(name, labels)

    assert value("saccade_admission_requests") == 2.0
    assert value("saccade_admission_refused_total", where="head") == 1.0
    assert value("saccade_admission_refused_total", where="body") == 1.0
    admission.leave("a", places[0], answered=True)
    assert value("saccade_admission_requests") == 1.0


def test_places_that_are_always_there_do_not_depend_on_the_burst():
    """However small the burst is set, every slot can have work and one request can follow."""
    places = [Line(Bounds(slots, burst=1, max_wait_s=0.001), Metrics(), Clock()).most for slots in (1, 2, 4)]

    assert places == [2, 3, 5]
