"""``saccade users`` and ``saccade keys`` as operators and their scripts use them, on a file and on a server."""

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time

import pytest
from argon2 import PasswordHasher

from saccade.access.accounts import AccountBook
from saccade.access.keys import KeyRing
from saccade.access.passwords import Passwords
from saccade.access.principals import Role
from saccade.backends.database.accounts import SqlAccounts
from saccade.backends.database.keys import SqlKeys
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.errors import CredentialInvalid
from services import postgres_url

pytestmark = pytest.mark.slow  # each command is a process; the pages of docs/how-to are followed in any case

__all__ = ["postgres_url"]

GOOD = "correct horse battery"
BETTER = "staple and battery"
KEY = re.compile(r"sac_[0-9a-f]{20}_[0-9a-f]{64}\n")
PROGRAM = [sys.executable, "-m", "saccade.cli.main"]
DEADLINE_S = 60.0
_AT_TERMINAL = "import os, sys; os.login_tty(os.open(sys.argv[1], os.O_RDWR)); os.execv(sys.argv[2], sys.argv[2:])"


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory):
    """Return the file of an empty database."""
    path = tmp_path_factory.mktemp("empty") / "saccade.db"
    with contextlib.closing(open_database(f"sqlite:///{path}")) as database:
        migrate(database)
    return path


@pytest.fixture
def where(tmp_path, empty_file):
    """Return the settings of a database of this test's own."""
    shutil.copy(empty_file, tmp_path / "saccade.db")
    return {"SACCADE_DATABASE_URL": f"sqlite:///{tmp_path}/saccade.db"}


@pytest.fixture
def opened(where):
    with contextlib.closing(open_database(where["SACCADE_DATABASE_URL"])) as database:
        yield database


@pytest.fixture
def command(saccade, where):
    """Return a function that runs a command, with a text on its stdin if there is one."""

    def run(*words, stdin=None, settings=where):
        if stdin is None:
            return saccade(*words, settings=settings)
        environment = {**os.environ, "COLUMNS": "200", **settings}  # noqa: TID251 - a shell has an environment
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        ended = subprocess.run([*PROGRAM, *words], env=environment, input=data, capture_output=True, timeout=DEADLINE_S)
        return subprocess.CompletedProcess(words, ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return run


@pytest.fixture
def make(opened):
    """Return a function that makes an account, without a process of its own."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    book = AccountBook(SqlAccounts(opened), ring_of(opened), Passwords(min_chars=12, hasher=hasher))

    def make(name, *roles, **profile):
        return book.create(name, GOOD, roles=frozenset(map(Role, roles)), profile=profile)

    return make


def at_terminal(words, answers, settings, *, columns=80):
    """Run a command at a terminal and type an answer to each question; return its code and all that was shown."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": str(columns), **settings}  # noqa: TID251
    # A terminal of its own, for passwords are read from there and not from stdin.
    command = [sys.executable, "-c", _AT_TERMINAL, os.ttyname(theirs), *PROGRAM, *words]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    shown, left, asked, deadline = "", list(answers), 0, time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        is_over = process.poll() is not None  # asked before the last look, so that nothing is missed
        if not select.select([ours], [], [], 0 if is_over else 0.1)[0]:
            if is_over:
                break
            continue
        shown += os.read(ours, 4096).decode()
        if left and len(re.findall(r"(?:Password|Repeat it): ", shown)) > asked:
            asked += 1
            os.write(ours, f"{left.pop(0)}\n".encode())
    os.close(theirs)
    os.close(ours)
    return process.wait(DEADLINE_S), shown


def opens(database, name, password):
    """Say whether the password is the account's."""
    account = SqlAccounts(database).find(name)
    return Passwords(min_chars=12).matches(account.password_hash, password)


def ring_of(database):
    return KeyRing(SqlKeys(database), recheck_s=2.0)


def test_first_admin_is_made_on_an_empty_machine(saccade, tmp_path):
    """With no settings and no server: the file is made, the account is an admin, and nobody else is."""
    ended = subprocess.run(
        [*PROGRAM, "users", "create", "Root", "--admin", "--password-stdin"],
        env={**os.environ, "HOME": str(tmp_path / "home")},  # noqa: TID251
        input=f"{GOOD}\n".encode(),
        capture_output=True,
        timeout=DEADLINE_S,
    )
    listed = json.loads(saccade("users", "list", "--json").stdout)

    assert ended.returncode == 0, ended.stderr
    assert b"root was made: admin." in ended.stdout
    assert [(one["name"], one["roles"]) for one in listed] == [("root", ["admin"])]


def test_password_is_asked_for_twice_and_not_shown(where, opened):
    """Poor ones are refused with the reason and asked for again; what was typed is nowhere on the screen."""
    code, shown = at_terminal(
        ["users", "create", "alice", "--role", "investigator", "--full-name", "Alice A."],
        ["short", GOOD, "mistyped, alas", GOOD],
        where,
    )

    assert code == 0, shown
    assert "at least 12 characters" in shown
    assert "That was another one" in shown
    assert [typed for typed in ("short\r", GOOD, "mistyped") if typed in shown] == []
    assert opens(opened, "alice", GOOD)


def test_password_that_is_never_typed_twice_makes_nothing(where, opened):
    """Three other ones, and the account is not there."""
    code, shown = at_terminal(["users", "create", "alice"], [GOOD, "a", "b", "c"], where)

    assert code == 2, shown
    assert SqlAccounts(opened).find("alice") is None


def test_taken_name_is_told_before_the_password_is_asked_for(where, make):
    """Nobody types a password for nothing."""
    make("alice")
    code, shown = at_terminal(["users", "create", "ALICE"], [], where)

    assert code == 1
    assert "[account_exists]" in shown
    assert "Password" not in shown


def test_script_without_password_is_told_how(command):
    """No terminal and no --password-stdin: nothing waits for ever."""
    ended = command("users", "create", "alice")

    assert ended.returncode == 2
    assert "--password-stdin" in ended.stderr


@pytest.mark.parametrize(
    ("stdin", "says"),
    [
        ("\n" + GOOD, "at least 12"),
        ("x" * 1_000_000, "at most 1024 bytes"),
        (b"\xff\xfe\x00 not a text\n", "not UTF-8"),
    ],
)
def test_poor_password_from_a_pipe_makes_nothing(command, opened, stdin, says):
    """The reason is one line, the exit code that of a wrong command."""
    ended = command("users", "create", "alice@example.org", "--password-stdin", stdin=stdin)

    assert ended.returncode == 2
    assert says in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert SqlAccounts(opened).find("alice@example.org") is None


def test_line_end_is_no_part_of_the_password(command, opened):
    """Unix's, Windows's or none; blanks are."""
    for name, end in (("a", "\r\n"), ("b", ""), ("c", " \n")):
        command("users", "create", name, "--password-stdin", stdin=GOOD + end)

    assert [opens(opened, name, GOOD) for name in "abc"] == [True, True, False]
    assert opens(opened, "c", GOOD + " ")


@pytest.mark.parametrize("name", ["al:ice", "alice ", "--"])
def test_name_that_could_be_mistaken_is_refused(command, opened, name):
    """In one line, and nothing is made."""
    ended = command("users", "create", "--password-stdin", "--", name, stdin=f"{GOOD}\n")

    assert ended.returncode == 2
    assert "'name' must begin with" in ended.stderr
    assert SqlAccounts(opened).list(after=None, limit=9) == []


def test_account_is_shown_without_its_password(command, make):
    """Table, page and JSON have what is known of it, and no hash."""
    make("alice", "researcher", full_name="Ada Łovelace", email="a@b.org", agency="[bold]Lab")
    outputs = [command("users", *words).stdout for words in (["list"], ["show", "Alice"], ["show", "alice", "--json"])]

    for text in outputs:
        assert [
            part for part in ("alice", "researcher", "Ada Łovelace", "a@b.org", "[bold]Lab") if part not in text
        ] == []
        assert "argon2" not in text
        assert "hash" not in text
    assert json.loads(outputs[2])["is_disabled"] is False
    assert json.loads(command("users", "list", "--json").stdout) == [json.loads(outputs[2])]


def test_roles_are_given_and_taken(command, make):
    """The last admin keeps theirs, a role that does not exist is refused."""
    make("root", "admin")
    make("alice")
    assert "alice is now: researcher." in command("users", "role", "alice", "researcher").stdout
    assert "alice is now: no role." in command("users", "role", "alice", "researcher", "--remove").stdout
    last = command("users", "role", "root", "admin", "--remove")
    odd = command("users", "role", "alice", "emperor")
    gone = command("users", "role", "stranger", "admin")

    assert (last.returncode, odd.returncode, gone.returncode) == (1, 2, 2)
    assert "[last_admin]" in last.stderr
    assert "[account_unknown]" in gone.stderr
    assert json.loads(command("users", "show", "root", "--json").stdout)["roles"] == ["admin"]


def test_new_password_ends_the_sessions(command, make, opened):
    """The old one opens nothing, the new one does, and an open session is over."""
    make("alice")
    account = SqlAccounts(opened).find("alice")
    session = ring_of(opened).open_session(account, lasts_s=600)
    ended = command("users", "password", "Alice", "--password-stdin", stdin=f"{BETTER}\n")

    assert ended.returncode == 0, ended.stderr
    assert [opens(opened, "alice", password) for password in (GOOD, BETTER)] == [False, True]
    with pytest.raises(CredentialInvalid):
        ring_of(opened).read(session.text)


def test_disabled_account_is_out_and_in_again(command, make, opened):
    """With its key; the last admin cannot be shut out."""
    make("root", "admin")
    make("alice", "investigator")
    key = command("keys", "create", "alice", "--scope", "jobs:read").stdout.strip()
    command("users", "disable", "alice")
    with pytest.raises(CredentialInvalid):
        ring_of(opened).read(key)
    assert "disabled" in command("keys", "list", "alice").stdout
    last = command("users", "disable", "root")
    command("users", "enable", "alice")

    assert (last.returncode, "[last_admin]" in last.stderr) == (1, True)
    assert ring_of(opened).read(key).id == "alice"


def test_key_alone_goes_to_stdout(command, make, opened):
    """A script takes it as it is; what it is stands on stderr, without the secret, and in no list."""
    make("alice", "researcher")
    options = ("--scope", "predict:*", "--scope", "jobs:read", "--detail", "nightly", "--lasts", "90d")
    made = command("keys", "create", "Alice", *options)

    assert KEY.fullmatch(made.stdout)
    key = made.stdout.strip()
    principal = ring_of(opened).read(key)
    assert (principal.id, principal.roles, principal.scopes) == ("alice", {Role.RESEARCHER}, {"predict:*", "jobs:read"})
    assert key[25:] not in made.stderr + command("keys", "list").stdout + command("keys", "list", "--json").stdout
    (listed,) = json.loads(command("keys", "list", "alice", "--json").stdout)
    assert (listed["id"], listed["owner"], listed["scopes"]) == (key[4:24], "alice", ["jobs:read", "predict:*"])
    assert (listed["detail"], listed["is_usable"], listed["last_used_at"]) == ("nightly", True, None)
    assert listed["expires_at"] > listed["created_at"]


def test_service_key_is_made_for_who_may(command, make, opened):
    """A researcher's, without scopes."""
    make("alice", "researcher")
    made = command("keys", "create", "alice", "--service", "predict_microservice")

    assert ring_of(opened).read(made.stdout.strip()).service == "predict_microservice"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["alice"], 2, "'scopes'"),
        (["alice", "--scope", "metrics:read"], 77, "[forbidden]"),
        (["alice", "--scope", "jobs:read", "--lasts", "soon"], 2, "--lasts"),
        (["alice", "--scope", "jobs:read", "--service", "predict_microservice"], 2, "'scopes'"),
        (["stranger", "--scope", "jobs:read"], 2, "[account_unknown]"),
    ],
)
def test_key_that_cannot_be_made_is_refused(command, make, words, code, says):
    """Nothing on stdout, a reason on stderr, and no key."""
    make("alice", "researcher")
    ended = command("keys", "create", *words)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert says in ended.stderr
    assert json.loads(command("keys", "list", "--json").stdout) == []


def test_rotated_and_disabled_keys(command, make, opened):
    """The old key opens during the overlap, and with --overlap 0 not; a disabled one never, and has no heir."""
    make("alice", "researcher")
    first = command("keys", "create", "alice", "--scope", "jobs:read").stdout.strip()
    rotated = command("keys", "rotate", first[4:24])
    second = rotated.stdout.strip()
    assert KEY.fullmatch(rotated.stdout)
    assert first[4:24] in rotated.stderr
    assert [ring_of(opened).read(key).id for key in (first, second)] == ["alice", "alice"]
    assert "ending" in command("keys", "list").stdout
    third = command("keys", "rotate", second[4:24], "--overlap", "0").stdout.strip()
    with pytest.raises(CredentialInvalid):
        ring_of(opened).read(second)
    command("keys", "disable", third[4:24])
    with pytest.raises(CredentialInvalid):
        ring_of(opened).read(third)

    dead = command("keys", "rotate", third[4:24])
    gone = command("keys", "disable", "0" * 20)
    odd = command("keys", "rotate", third[4:24], "--overlap", "31d")
    assert [(one.returncode, one.stdout) for one in (dead, gone, odd)] == [(1, ""), (2, ""), (2, "")]
    assert "[key_disabled]" in dead.stderr
    assert "[key_unknown]" in gone.stderr


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(where, make, command, columns):
    """No line is broken by the terminal, and names and ids are whole, to be copied."""
    make("ada.lovelace@example.org", "admin", full_name="Ada, Countess of Lovelace", agency="Analytical Engines")
    scopes = [word for scope in ("predict:sem-textures", "jobs:read", "jobs:write") for word in ("--scope", scope)]
    key = command("keys", "create", "ada.lovelace@example.org", *scopes, "--detail", "nightly run of the lab").stdout
    for words, whole in ((["users", "list"], "ada.lovelace@example.org"), (["keys", "list"], key[4:24])):
        _, shown = at_terminal(words, [], where, columns=columns)

        assert max(map(len, shown.splitlines())) <= columns
        assert whole in shown


def test_server_without_schema_is_left_alone(command, postgres_url):
    """Its schema belongs to the operator, who is told what to run; afterwards the same command works."""
    where = {"SACCADE_DATABASE_URL": postgres_url}
    words = ("users", "create", "root", "--admin", "--password-stdin")
    behind = command(*words, stdin=f"{GOOD}\n", settings=where)
    assert (behind.returncode, behind.stdout) == (75, "")
    assert "[schema_behind]" in behind.stderr
    assert command("migrate", settings=where).returncode == 0

    assert command(*words, stdin=f"{GOOD}\n", settings=where).returncode == 0
    key = command("keys", "create", "root", "--scope", "metrics:read", settings=where)
    assert KEY.fullmatch(key.stdout)
    assert "root" in command("keys", "list", settings=where).stdout
