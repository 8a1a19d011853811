"""Development tokens: a key in the home folder, what it signs, and who reads it."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from saccade.access.development import AUDIENCE, ISSUER, POLICY, DevelopmentKeys, development_tokens, issue, key_file
from saccade.access.principals import Principal, Role, Via
from saccade.errors import CredentialInvalid, KeySetUnreachable, ParameterInvalid, SettingInvalid
from unit.access.minting import Clock, Provider, jwk, token, tokens

LASTS_S = 3600.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "not" / "there"


def reader_of(home, clock):
    return development_tokens(home, now=clock.now, monotonic=clock.monotonic)


def issued(home, clock, name="alice", role=Role.INVESTIGATOR, lasts_s=LASTS_S):
    return issue(home, name, role, lasts_s, now=clock.now)


def test_token_that_was_issued_opens(home, clock):
    """Who has a token is its name, with the roles that it was made with, apart from everybody of other ways in."""
    found = reader_of(home, clock).read(issued(home, clock))

    assert found == Principal("dev:alice", "alice", frozenset({Role.INVESTIGATOR}), Via.DEVELOPMENT)


@pytest.mark.parametrize("roles", [frozenset(), frozenset({Role.ADMIN}), frozenset(Role)])
def test_token_has_the_roles_it_was_made_with(home, clock, roles):
    """One, several or none; none is not some."""
    assert reader_of(home, clock).read(issued(home, clock, role=roles)).roles == roles


def test_token_says_what_it_is(home, clock):
    """Its claims and its header are those that the documentation names."""
    text = issued(home, clock)
    header = jwt.get_unverified_header(text)

    assert jwt.decode(text, options={"verify_signature": False}) == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "preferred_username": "alice",
        "roles": ["investigator"],
        "iat": int(clock.now_s),
        "exp": int(clock.now_s + LASTS_S),
    }
    assert header == {"alg": "EdDSA", "typ": "JWT", "kid": DevelopmentKeys(home).fetch()["keys"][0]["kid"]}


def test_token_ends_when_it_was_said(home, clock):
    """It lasts as long as was asked for, and a moment for the clock."""
    reader, text = reader_of(home, clock), issued(home, clock)
    clock.now_s += LASTS_S - 1
    assert reader.read(text).id == "dev:alice"

    clock.now_s += 1 + POLICY.leeway_s
    with pytest.raises(CredentialInvalid):
        reader.read(text)


def test_key_is_its_owners_alone(home, clock):
    """Whoever can read the key can be anybody, so nobody else can; the folder too, and nothing half-made stays."""
    issued(home, clock)

    assert stat.S_IMODE(key_file(home).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [path.name for path in home.iterdir()] == ["development-key.pem"]


def test_key_is_made_once(home, clock):
    """A second token is signed with the same key, so that the first goes on."""
    first = issued(home, clock)
    pem = key_file(home).read_bytes()
    issued(home, clock, "bob")

    assert key_file(home).read_bytes() == pem
    assert reader_of(home, clock).read(first).id == "dev:alice"


def test_two_who_make_it_at_once_end_with_one_key(tmp_path, clock):
    """Whoever is second takes the key of the first; nobody gets a token that is worth nothing."""
    for round_ in range(10):
        home = tmp_path / str(round_)
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(lambda number, home=home: issued(home, clock, f"u{number}"), range(8)))

        assert {reader_of(home, clock).read(text).name for text in made} == {f"u{number}" for number in range(8)}
        assert len(list(home.iterdir())) == 1


def test_key_that_appears_is_noticed(home, clock):
    """A server that was started first takes the first token that is made, at once; tokens of others cost no key."""
    reader = reader_of(home, clock)
    for _ in range(2):
        with pytest.raises(CredentialInvalid):
            reader.read(token())
    assert not home.exists()
    text = issued(home, clock)

    assert reader.read(text).id == "dev:alice"


def test_key_that_is_replaced_or_removed_ends(home, clock):
    """Removing the file is how development tokens are taken back."""
    reader, text = reader_of(home, clock), issued(home, clock)
    reader.read(text)
    key_file(home).unlink()
    clock.now_s += POLICY.refresh_s
    with pytest.raises(CredentialInvalid):
        reader.read(text)

    clock.now_s += POLICY.refresh_s
    newer = issued(home, clock)
    assert reader.read(newer).id == "dev:alice"
    with pytest.raises(CredentialInvalid):
        reader.read(text)


def test_key_of_another_home_opens_nothing(home, tmp_path, clock):
    """Each server has its own."""
    issued(home, clock)

    with pytest.raises(CredentialInvalid):
        reader_of(home, clock).read(issued(tmp_path / "another", clock))


def test_provider_cannot_make_development_tokens(home, clock):
    """And the development key cannot make the provider's: neither reader takes what the other does."""
    provider = tokens(Provider(jwk("rsa")), clock)

    with pytest.raises(CredentialInvalid):
        provider.read(issued(home, clock))
    with pytest.raises(CredentialInvalid):
        reader_of(home, clock).read(token())


@pytest.mark.parametrize("name", ["", " alice", "alice ", "al\nice", "al\0ice", "x" * 201, "al\u200bice", "\ud800"])
def test_name_that_could_be_somebody_elses_is_refused(home, clock, name):
    """What a reader would refuse is not made, and no key either."""
    with pytest.raises(ParameterInvalid):
        issued(home, clock, name)
    assert not home.exists()


@pytest.mark.parametrize("lasts_s", [0, -1, 0.5, 1e12, float("nan"), float("inf")])
def test_time_out_of_bounds_is_refused(home, clock, lasts_s):
    """A token lasts from one second to a year."""
    with pytest.raises(ParameterInvalid, match="from one second to a year"):
        issued(home, clock, lasts_s=lasts_s)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        ),
    ],
    ids=["empty", "damaged", "of another kind", "with a password"],
)
def test_damaged_key_is_told_and_never_replaced(home, clock, content):
    """The one who issues says what to remove; the server says that it cannot know."""
    home.mkdir(parents=True)
    key_file(home).write_bytes(content)

    with pytest.raises(SettingInvalid, match="damaged"):
        issued(home, clock)
    with pytest.raises(KeySetUnreachable):
        DevelopmentKeys(home).fetch()
    assert key_file(home).read_bytes() == content


def test_home_that_cannot_be_written_is_told(tmp_path, clock):
    """A setting is wrong, and the sentence says which."""
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingInvalid, match="SACCADE_HOME"):
        issued(tmp_path / "file" / "home", clock)


def run(main, capsys, *words):
    """Run the command in this process; return its exit code and what it wrote."""
    with pytest.raises(SystemExit) as ended:
        main(["token", *words])
    written = capsys.readouterr()
    return ended.value.code or 0, written.out, written.err


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Return a function that runs ``saccade token`` in a home of the test's own."""
    from saccade.cli import main as program

    monkeypatch.setenv("SACCADE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(words):
        monkeypatch.setattr("sys.argv", ["saccade", *words])
        program.main()

    return lambda *words: run(call, capsys, *words)


def test_command_writes_the_token_alone(command, tmp_path):
    """So that it can stand in another command; its bearer comes in by it, and nothing else is told to a pipe."""
    code, out, err = command("alice")

    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    found = development_tokens(tmp_path / "home").read(out.strip())
    assert (found.id, found.roles) == ("dev:alice", {Role.INVESTIGATOR})


def test_command_tells_a_terminal_what_it_made(command, monkeypatch):
    """Whoever looks learns who, what and until when; stdout stays the token alone."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    _, out, err = command("al[b]ice", "--role", "admin", "--role", "researcher")

    assert out.count("\n") == 1
    assert "al[b]ice (admin, researcher) until 2" in err


def test_command_says_all_in_json(command, tmp_path):
    """Programs get the token with what it holds."""
    before = datetime.now(UTC)  # noqa: TID251 - the command reads the real clock
    _, out, _ = command("al[b]ice", "--json", "--lasts", "2w", "--role", "none")
    document = json.loads(out)

    held = jwt.decode(document["token"], options={"verify_signature": False})
    ends = datetime.fromisoformat(document["expires_at"])
    assert ends.timestamp() == held["exp"]
    assert 0 <= (ends - before).total_seconds() - 14 * 86400 + 1 < 60
    assert document["principal"] == development_tokens(tmp_path / "home").read(document["token"]).id
    assert (document["name"], document["roles"]) == ("al[b]ice", [])


def test_command_takes_another_home(command, tmp_path):
    """--home stands over SACCADE_HOME."""
    command("alice", "--home", str(tmp_path / "there"))

    assert key_file(tmp_path / "there").exists()
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("alice", "--role", "boss"), "no role 'boss'"),
        (("alice", "--role", "none", "--role", "admin"), "--role none"),
        (("alice", "--lasts", "soon"), "'soon' is no duration"),
        (("alice", "--lasts", "54w"), "from one second to a year"),
        ((" alice",), "is no name"),
    ],
)
def test_command_refuses_what_makes_no_sense(command, tmp_path, words, told):
    """The command line is wrong: exit 2, one sentence, no key."""
    code, out, err = command(*words)

    assert (code, out) == (2, "")
    assert told in err
    assert not (tmp_path / "home").exists()


def test_command_is_refused_in_production(command, monkeypatch, tmp_path):
    """No token and no key where SACCADE_ENVIRONMENT is prod: exit 78."""
    monkeypatch.setenv("SACCADE_ENVIRONMENT", "prod")
    code, out, err = command("alice")

    assert (code, out) == (78, "")
    assert "[development_only]" in err
    assert not (tmp_path / "home").exists()
