"""Where a model may run that said so itself: which URLs are read, and what is dialled when names change meaning."""

from __future__ import annotations

import pytest

from saccade.backends.remotes import places
from saccade.backends.remotes.places import FixedPlace, LimitedPlace, Spot, admit, problem_of
from saccade.errors import ServiceRefused, UrlUnreachable
from saccade.images.addresses import AllowList, parse_allow_list

NETWORK = parse_allow_list(("10.2.0.0/16:*", "[fd00::/8]:9000"))
NAMED = parse_allow_list(("models.lab:9000",))


class Names:
    """A resolver whose answers can be changed; counts what it was asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> tuple[str, ...]:
        self.asked.append((host, port))
        return self.addresses


@pytest.fixture
def now(monkeypatch):
    """Return the moment at which places believe themselves to be, to be moved on."""
    moment = [1000.0]
    monkeypatch.setattr(places, "monotonic_s", lambda: moment[0])
    return moment


def place(url: str, *addresses: str, allow: AllowList = NETWORK) -> tuple[LimitedPlace, Names]:
    names = Names(*addresses)
    return LimitedPlace(url, allow, resolve=names), names


def test_spot_has_the_address_that_was_looked_at():
    """What is dialled is what was checked; host header and certificate remain those of the name."""
    spot = place("https://Models.Lab:9000/v/", "10.2.0.9")[0].spot()

    assert spot == Spot("https://10.2.0.9:9000/v", {"Host": "models.lab:9000"}, {"sni_hostname": "models.lab"})


@pytest.mark.parametrize(
    ("url", "address", "dialled", "host"),
    [
        ("http://m.lab", "10.2.0.9", "http://10.2.0.9:80", "m.lab"),
        ("https://m.lab", "10.2.0.9", "https://10.2.0.9:443", "m.lab"),
        ("http://10.2.0.9:8000", "", "http://10.2.0.9:8000", "10.2.0.9:8000"),
        ("http://m.lab:9000", "fd00::9", "http://[fd00::9]:9000", "m.lab:9000"),
        ("http://[fd00::9]:9000/a", "", "http://[fd00::9]:9000/a", "[fd00::9]:9000"),
        ("http://m.lab:9000/a%23b%3Fc%2F", "10.2.0.9", "http://10.2.0.9:9000/a%23b%3Fc%2F", "m.lab:9000"),
        ("http://m.lab:9000//", "10.2.0.9", "http://10.2.0.9:9000", "m.lab:9000"),
    ],
)
def test_spots_of_all_kinds_of_urls(url, address, dialled, host):
    """Ports of schemes, both kinds of addresses, and a path that stays as it was encoded."""
    spot = place(url, address)[0].spot()

    assert (spot.url, dict(spot.headers)) == (dialled, {"Host": host})


def test_ipv4_is_dialled_where_there_are_both():
    """Most services listen on it alone, and only one address is dialled."""
    assert place("http://m.lab:9000", "fd00::9", "10.2.0.9", "10.2.0.10")[0].spot().url == "http://10.2.0.9:9000"


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("169.254.169.254",),
        ("8.8.8.8",),
        ("::ffff:10.2.0.9",),
        ("10.2.0.9", "127.0.0.1"),
        ("fd00::9", "::1"),
    ],
)
def test_a_name_with_an_address_elsewhere_is_refused(addresses):
    """Every address counts, and one that wraps another is not the one that it wraps."""
    with pytest.raises(ServiceRefused):
        place("http://m.lab:9000", *addresses)[0].spot()


def test_a_name_that_comes_to_mean_something_else_is_not_dialled_there(now):
    """Between two looks the address of the first is dialled; after that the new one is, or is refused."""
    models, names = place("http://m.lab:9000", "10.2.0.9")
    first = models.spot()
    names.addresses = ("127.0.0.1",)
    now[0] += 1.9
    assert models.spot() == first
    now[0] += 0.2
    for _ in range(2):
        with pytest.raises(ServiceRefused):
            models.spot()
    names.addresses = ("10.2.0.10",)
    assert models.spot().url == "http://10.2.0.10:9000"
    assert names.asked == [("m.lab", 9000)] * 4


def test_a_host_without_address_is_nowhere(now):
    """That is no refusal: it may get one."""
    models, names = place("http://m.lab:9000")
    with pytest.raises(UrlUnreachable) as caught:
        models.spot()
    assert problem_of(caught.value) == "its host has no address"
    names.addresses = ("10.2.0.9",)

    assert models.spot().url == "http://10.2.0.9:9000"


def test_a_listed_name_may_have_any_address():
    """The operator trusts whoever gives it its addresses; at that port."""
    assert place("http://models.lab:9000", "127.0.0.1", allow=NAMED)[0].spot().url == "http://127.0.0.1:9000"
    for url in ("http://models.lab:9001", "http://models.lab", "http://a.models.lab:9000"):
        with pytest.raises(ServiceRefused):
            place(url, "127.0.0.1", allow=NAMED)[0].spot()


def test_public_addresses_are_not_allowed_unless_they_are_listed():
    """Nowhere by default: an operator who lists nothing has no such models."""
    for allow in (AllowList(), NETWORK):
        with pytest.raises(ServiceRefused):
            place("http://8.8.8.8", allow=allow)[0].spot()


def test_the_operators_own_word_is_taken():
    """A package's URL is not looked at."""
    assert FixedPlace("http://127.0.0.1:1/x").spot() == Spot("http://127.0.0.1:1/x")


@pytest.mark.parametrize(
    ("said", "spelled"),
    [
        ("http://10.2.0.9:80/", "http://10.2.0.9"),
        ("HTTP://10.2.0.9", "http://10.2.0.9"),
        ("https://10.2.0.9:443", "https://10.2.0.9"),
        ("http://10.2.0.9:8000/a/../b/", "http://10.2.0.9:8000/b"),
        ("http://10.2.0.9:8000//", "http://10.2.0.9:8000"),
        ("http://[FD00::9]:9000/A%20b", "http://[fd00::9]:9000/A%20b"),
    ],
)
def test_admitted_urls_are_spelled_alike(said, spelled):
    """Else one service could be several places."""
    assert admit(said, NETWORK) == spelled
    assert admit(spelled, NETWORK) == spelled


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:9000", "http://[::1]:9000", "http://169.254.169.254/latest", "http://8.8.8.8"),
        *("http://0x0a020009", "http://167903241", "http://10.131081", "http://[::ffff:10.2.0.9]:9000"),
        *("http://user@10.2.0.9", "http://user:password@10.2.0.9", "http://10.2.0.9@127.0.0.1", "http://@10.2.0.9"),
        *("http://10.2.0.9\\@127.0.0.1", "http://10.2.0.9#@127.0.0.1/", "http://127.0.0.1#@10.2.0.9/"),
        *("ftp://10.2.0.9", "file:///etc/passwd", "gopher://10.2.0.9", "unix:///run/x", "//10.2.0.9", "10.2.0.9"),
        *(
            "http://",
            "http:///x",
            "http://:9000",
            "http://10.2.0.9:0",
            "http://10.2.0.9:65536",
            "http://10.2.0.9:99999",
        ),
        *("http://10.2.0.9:8000?", "http://10.2.0.9/#", "http://10.2.0.9/a?b=c", "http://10.2.0.9/a#b"),
        *("http://10.2.0.9/ a", "http://10.2.0.9/\r\nX-Evil: 1", "http://10.2.0.9/\0", "http://10.2.0.9/ü"),
        *("http://[fd00::9]:9001", "http://[fd00::9%25eth0]:9000", "http://10.2.0.9." + "/" * 5000),
    ],
)
def test_admission_is_refused_for(url):
    """Whatever leads elsewhere, can be read in two ways, or lets no path be put behind it."""
    with pytest.raises(ServiceRefused):
        admit(url, NETWORK)


def test_refusal_says_who_must_act_and_no_address():
    """Not which address a name has: that would be a look into the network."""
    with pytest.raises(ServiceRefused) as caught:
        admit("http://127.0.0.1:9000", NETWORK)

    assert "SACCADE_REMOTE_ALLOW" in caught.value.hint
    assert "127.0.0.1" not in str(caught.value)
    assert "not one where models may run" in problem_of(caught.value)
