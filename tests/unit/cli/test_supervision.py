"""The supervisor's arithmetic and words."""

import signal

import pytest

from saccade.cli.supervisor import Backoff, described


def test_pauses_double_up_to_a_ceiling():
    """0.1 s, 0.2 s and so on, never above 10 s, however often."""
    backoff = Backoff()

    assert [backoff.delay_s(crashes) for crashes in (1, 2, 3, 7, 8, 100_000)] == pytest.approx(
        [0.1, 0.2, 0.4, 6.4, 10.0, 10.0]
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGSEGV, "was killed by SIGSEGV"),
        (-signal.SIGKILL, "was killed by SIGKILL"),
        (-40, "was killed by signal 40"),
        (3, "ended by itself with exit code 3"),
    ],
)
def test_death_is_described_in_words(code, words):
    """The log names the signal."""
    assert described(code) == words
