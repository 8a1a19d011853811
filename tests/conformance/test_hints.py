"""The port ``Hints``, on every scheme that can be opened."""

import itertools
import threading
import time

from conformance.hint_places import Place, broker, gather, opened, place
from saccade.backends import open_hints
from saccade.backends.hints.link import MOST_MESSAGES

__all__ = ["broker", "opened", "place"]


def test_what_is_published_arrives_once(place, opened):
    """Each hint is returned once, about in order, and never more than asked for at a time."""
    hints = opened(place)
    ids = list(range(1, 301))

    hints.publish(ids[:100])
    for item_id in ids[100:110]:
        hints.publish([item_id])
    hints.publish(ids[110:])
    got = gather(hints, 300, most=7)

    assert sorted(got) == ids
    assert max(abs(index - item_id) for index, item_id in enumerate(got)) < 64
    assert hints.wait(most=7, timeout_s=0.2) == []


def test_publishing_nothing_sends_nothing(place, opened):
    """A job without hints is no message."""
    hints = opened(place)

    hints.publish([])

    assert hints.wait(most=1, timeout_s=0.1) == []


def test_hint_wakes_a_wait(place, opened):
    """A hint that arrives during a wait ends it at once: in milliseconds, not when the time is over."""
    hints = opened(place)
    hints.check()
    hints.wait(most=1, timeout_s=0.2)
    delays = []
    for number in range(5):
        timer = threading.Timer(0.2, hints.publish, ([number],))
        timer.start()
        started = time.monotonic()

        assert hints.wait(most=1, timeout_s=10) == [number]

        delays.append(time.monotonic() - started - 0.2)
        timer.join()

    assert min(delays) < 0.1
    assert max(delays) < 2


def test_wait_ends_with_nothing_when_the_time_is_over(place, opened):
    """No hint, no endless wait."""
    hints = opened(place)
    started = time.monotonic()

    assert hints.wait(most=1, timeout_s=0.4) == []

    assert 0.35 < time.monotonic() - started < 2


def test_wake_ends_a_wait(place, opened):
    """A thread that has something to say to the waiting one gets through within 100 ms."""
    hints = opened(place)
    hints.wait(most=1, timeout_s=0.1)
    delays = []
    for _ in range(5):
        timer = threading.Timer(0.2, hints.wake)
        timer.start()
        started = time.monotonic()

        assert hints.wait(most=1, timeout_s=10) == []

        delays.append(time.monotonic() - started - 0.2)
        timer.join()

    assert min(delays) <= 0.1
    assert max(delays) < 2


def test_wake_before_a_wait_counts_once(place, opened):
    """A wake that comes a moment too early is not lost, and does not end two waits."""
    hints = opened(place)
    hints.publish([1])
    hints.wake()
    hints.wake()

    assert hints.wait(most=1, timeout_s=10) == []
    assert hints.wait(most=1, timeout_s=10) == [1]


def test_waiting_costs_next_to_nothing(place, opened):
    """An idle worker leaves the processor alone: no loop runs hot."""
    hints = opened(place)
    hints.wait(most=1, timeout_s=0.2)
    started = time.thread_time()

    hints.wait(most=1, timeout_s=2)

    assert time.thread_time() - started < 0.2


def test_many_threads_publish(place, opened):
    """Threads that publish at the same time do not garble each other's hints."""
    hints = opened(place)
    threads = [
        threading.Thread(target=lambda first=first: [hints.publish([first + step]) for step in range(25)])
        for first in range(0, 200, 25)
    ]
    for thread in threads:
        thread.start()
    got = gather(hints, 200)
    for thread in threads:
        thread.join()

    assert sorted(got) == list(range(200))


def test_large_batch_is_quick(place, opened):
    """20,000 hints are sent in seconds, and all arrive."""
    hints = opened(place)
    hints.check()
    started = time.monotonic()

    hints.publish(range(20_000))

    assert time.monotonic() - started < 5
    assert sorted(gather(hints, 20_000, most=500, within_s=60)) == list(range(20_000))


def test_close_ends_everything_and_may_be_repeated(place):
    """Closing lets a waiting thread go, and closing twice is closing."""
    hints = open_hints(place.url)
    hints.publish([1])
    assert gather(hints, 1) == [1]
    answers = []
    thread = threading.Thread(target=lambda: answers.append(hints.wait(most=1, timeout_s=30)))
    thread.start()
    time.sleep(0.2)

    hints.close()
    hints.close()
    thread.join(5)

    assert answers == [[]]
    assert hints.wait(most=1, timeout_s=5) == []


def test_memory_is_bounded(opened):
    """Without a worker the newest hints are kept, and memory does not fill."""
    hints = opened(Place("memory://", "memory"))

    hints.publish(range(150_000))
    got = []
    while taken := hints.wait(most=10_000, timeout_s=0):
        got += taken

    assert got == list(range(50_000, 150_000))


def test_consumers_share(broker, opened):
    """Several workers take from one queue: each hint goes to one of them, and each of them gets some."""
    workers, taken = [opened(broker) for _ in range(3)], [[], [], []]

    def work(number):
        misses = 0
        while misses < 3:
            got = workers[number].wait(most=4, timeout_s=0.5)
            taken[number] += got
            misses = 0 if got else misses + 1
            time.sleep(0.01)  # what a worker does with its hints

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    opened(broker).publish(range(300))
    for thread in threads:
        thread.join(60)

    assert sorted(itertools.chain(*taken)) == list(range(300))
    assert min(map(len, taken)) > 30


def test_busy_worker_keeps_no_hint_from_others(broker, opened):
    """A worker that took a hint and works on it holds no other one back."""
    busy, free, sender = opened(broker), opened(broker), opened(broker)
    sender.publish([0])
    assert gather(busy, 1, most=1) == [0]

    sender.publish(range(1, 31))

    assert sorted(gather(free, 30, within_s=5)) == list(range(1, 31))


def test_few_hints_reach_many_workers(broker, opened):
    """The hints of a small job do not all lie in one message for one worker."""
    workers, sender = [opened(broker) for _ in range(4)], opened(broker)
    sender.publish([1, 2, 3, 4])

    assert sorted(gather(worker, 1, most=1)[0] for worker in workers) == [1, 2, 3, 4]


def test_queue_without_workers_is_bounded(broker, opened):
    """Nobody takes hints for days: the broker keeps so many messages and no more."""
    hints = opened(broker)

    for _ in range(5):
        hints.publish(range(150_000))

    assert 0 < broker.length() <= MOST_MESSAGES


def test_messages_of_strangers_are_nothing(broker, opened):
    """What somebody else wrote into the queue is passed over."""
    hints = opened(broker)
    hints.check()
    for body in ("hello", "", "1;2", {"id": 5}, "-3", "٣", "9" * 40, b"\xff\x00"):
        broker.put(body)
    hints.publish([7])

    assert gather(hints, 1, within_s=5) == [7]
