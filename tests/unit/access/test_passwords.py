"""Passwords: what is taken, how it is kept, and that nothing is told by time or by memory."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from saccade.access.passwords import Passwords
from saccade.errors import QueueFull
from unit.worker.waiting import eventually

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
DEADLINE_S = 10.0


class Watched(PasswordHasher):
    """A real hasher that tells what it was asked, and waits to be let on."""

    def __init__(self):
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.asked = []
        self.inside = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.go_on.set()

    def verify(self, kept, password):
        self.asked.append((kept, password))
        self.inside.release()
        assert self.go_on.wait(DEADLINE_S)
        return super().verify(kept, password)


@pytest.fixture
def passwords():
    return Passwords(min_chars=8, hasher=CHEAP)


@pytest.mark.parametrize(
    "password", ["correct horse", "ünïcödé ßÄ", "  blanks  count  ", "nul\0inside", "x" * 1023 + "y"]
)
def test_good_password_opens_and_no_other_does(passwords, password):
    """Every character counts, to the last one."""
    assert passwords.fault(password, name="alice") is None
    kept = passwords.hash(password)

    assert passwords.matches(kept, password)
    for other in (
        password[:-1],
        password + " ",
        password.upper() + "!",
        "",
        " " + password,
        password.replace("\0", ""),
    ):
        assert other == password or not passwords.matches(kept, other)


def test_nothing_is_kept_of_a_password(passwords):
    """Two hashes of one password differ, and neither has it."""
    first, second = passwords.hash("correct horse"), passwords.hash("correct horse")

    assert first != second
    assert "horse" not in first


def test_same_letters_are_the_same_password(passwords):
    """Keyboards that put an accent in another way open too."""
    assert passwords.matches(passwords.hash("cafe\u0301 au lait"), "caf\u00e9 au lait")


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("short77", "at least 8"),
        ("", "at least 8"),
        ("e\u0301" * 7, "at least 8"),
        ("x" * 1025, "at most 1024 bytes"),
        ("ü" * 513, "at most 1024 bytes"),
        ("half a letter \ud800", "must be text"),
        ("alice@example.org", "the name"),
        ("ALICE@EXAMPLE.ORG", "the name"),
        ("alice@example.orgalice@example.org", "the name"),
        ("zzzzzzzzzzzz", "over and over"),
        ("            ", "over and over"),
        ("Password", "everybody"),
        ("password123", "everybody"),
    ],
)
def test_poor_password_is_refused_with_its_reason(passwords, password, fault):
    """Too short, too long, no text, the name, one character, or what everybody tries."""
    assert fault in passwords.fault(password, name="alice@example.org")


@pytest.mark.parametrize("least", [8, 12, 128])
def test_least_length_is_the_settings(least):
    """One character less is refused, and that many are taken."""
    passwords = Passwords(min_chars=least, hasher=CHEAP)
    text = ("abcdefgh" * 20)[:least]

    assert passwords.fault(text, name="alice") is None
    assert passwords.fault(text[:-1], name="alice") is not None


@pytest.mark.parametrize(
    "kept", ["", "x", "é", "$argon2id$v=19$m=8,t=1,p=1$bm90$aGVyZQ", "sha1:abc", "$argon2id$v=19$"]
)
def test_what_is_no_hash_opens_nothing(passwords, kept):
    """A row that somebody spoilt lets nobody in, and breaks nothing."""
    assert not passwords.matches(kept, "correct horse")
    assert not passwords.matches(kept, "")


@pytest.mark.parametrize("password", ["correct horse", "", "x" * 2_000_000, "half \ud800"])
@pytest.mark.parametrize("is_known", [True, False])
def test_every_login_costs_one_hash(password, is_known):
    """Whether the name exists and whatever is sent: one verification with the same costs, of few bytes."""
    hasher = Watched()
    passwords = Passwords(min_chars=8, hasher=hasher)
    kept = CHEAP.hash("another one") if is_known else None

    assert not passwords.matches(kept, password)

    ((asked, written),) = hasher.asked
    assert extract_parameters(asked) == extract_parameters(hasher.hash("x"))
    assert len(written) <= 1024


def test_nobody_has_the_password_of_those_who_do_not_exist():
    """The hash that is held against unknown names opens with nothing, and differs from process to process."""
    hasher = Watched()
    for _ in range(2):
        passwords = Passwords(min_chars=8, hasher=hasher)
        assert not passwords.matches(None, "")
        assert not passwords.matches("", "")

    assert len({kept for kept, _ in hasher.asked}) == 2


def test_real_costs_are_those_of_owasp():
    """Argon2id with 19 MiB and two passes, and a stranger costs the same."""
    found = extract_parameters(Passwords(min_chars=8).hash("correct horse"))

    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (Type.ID, 19 * 1024, 2, 1)


def test_other_costs_are_outdated(passwords):
    """A hash of an older version is told from one of this."""
    assert not passwords.is_outdated(passwords.hash("correct horse"))
    assert passwords.is_outdated(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash("correct horse"))


def test_flood_of_logins_is_refused_and_then_over():
    """Two at a time, three wait, the sixth is told to come again at once; afterwards all is as before."""
    hasher = Watched()
    passwords = Passwords(min_chars=8, at_once=2, waiting=3, hasher=hasher)
    hasher.go_on.clear()
    with ThreadPoolExecutor(5) as pool:
        under_way = [pool.submit(passwords.matches, None, "x") for _ in range(5)]
        for _ in range(2):
            assert hasher.inside.acquire(timeout=DEADLINE_S)
        eventually(lambda: passwords._inside == 5)
        with pytest.raises(QueueFull):
            passwords.matches(None, "x")
        with pytest.raises(QueueFull):
            passwords.hash("correct horse")

        assert len(hasher.asked) == 2
        hasher.go_on.set()
        assert [one.result(DEADLINE_S) for one in under_way] == [False] * 5
    assert passwords.matches(passwords.hash("correct horse"), "correct horse")
