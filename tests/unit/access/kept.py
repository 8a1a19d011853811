"""What tests of access share: accounts and keys in a file, a clock that stands, and a database that goes away."""

from dataclasses import dataclass, field

from argon2 import PasswordHasher

from saccade.access.accounts import AccountBook
from saccade.access.keys import KeyRing
from saccade.access.passwords import Passwords
from saccade.access.principals import Principal, Role, Via
from saccade.backends.database.accounts import SqlAccounts
from saccade.backends.database.keys import SqlKeys
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.errors import DatabaseUnreachable

GOOD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ADMIN = Principal("jwt:root", "root", frozenset({Role.ADMIN}), Via.JWT)
JWT = Principal("jwt:alice", "Alice", frozenset({Role.RESEARCHER}), Via.JWT)


@dataclass
class Clock:
    """Seconds that go on when the test says so."""

    now_s: float = 1000.0

    def __call__(self):
        return self.now_s


@dataclass
class Away:
    """Another object, whose calls are counted, and fail while it is away."""

    real: object
    is_away: bool = False
    calls: list = field(default_factory=list)
    after: object = None

    def __getattr__(self, name):
        method = getattr(self.real, name)

        def call(*words, **fields):
            self.calls.append(name)
            if self.is_away:
                raise DatabaseUnreachable("The database does not answer.")
            value = method(*words, **fields)
            if self.after is not None:
                self.after(name)
            return value

        return call


class Kept:
    """A book and a ring as one process has them."""

    def __init__(self, database, *, recheck_s=2.0, most=100, hasher=CHEAP):
        self.database = database
        self.clock = Clock()
        self.keys = Away(SqlKeys(database))
        self.accounts = Away(SqlAccounts(database))
        self.ring = KeyRing(self.keys, recheck_s=recheck_s, most=most, clock=self.clock)
        self.passwords = Passwords(min_chars=12, hasher=hasher)
        self.book = AccountBook(self.accounts, self.ring, self.passwords)


def open_file(folder):
    """Return a migrated database in a file."""
    database = open_database(f"sqlite:///{folder}/saccade.db")
    migrate(database)
    return database
