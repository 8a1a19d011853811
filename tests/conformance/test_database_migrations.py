"""The schema on every database: the migrations make what the code means, once, however many start them."""

import contextlib
import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from conformance.stores import KINDS, new_job
from saccade.backends.database import migrate as migrate_module
from saccade.backends.database.migrate import is_current, migrate, revision
from saccade.backends.database.opening import DATABASES, open_database, open_store
from saccade.backends.database.schema import HEAD, metadata
from saccade.errors import DatabaseUnreachable, SchemaBehind, SchemeUnknown, SettingInvalid
from services import ServiceMissing, private_mariadb, private_postgres, skip_or_fail

MIGRATE = """
import sys
from saccade.backends.database.migrate import is_current, migrate
from saccade.backends.database.opening import open_database

database = open_database(sys.argv[1])
migrate(database)
print(is_current(database))
sys.stdin.read()
"""


@pytest.fixture(params=KINDS)
def url(request, tmp_path):
    """Yield the URL of a database without anything in it."""
    lend = {"postgresql": private_postgres, "mysql": private_mariadb}
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/folder/saccade.db"
        return
    with contextlib.ExitStack() as stack:
        try:
            lent = stack.enter_context(lend[request.param]())
        except ServiceMissing as missing:
            skip_or_fail(str(missing))
        yield lent


@pytest.fixture
def database(url):
    opened = open_database(url)
    yield opened
    opened.close()


def differences(database):
    with database.engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), metadata)


def partial_indexes(tables):
    return {
        (index.name, str(index.dialect_options["sqlite"]["where"]), str(index.dialect_options["postgresql"]["where"]))
        for table in tables
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }


def test_migrations_make_the_schema(database):
    """Upgraded from nothing, a database has exactly the tables, columns and indexes that the code names."""
    assert revision(database) is None
    migrate(database)

    assert revision(database) == HEAD
    assert differences(database) == []
    assert open_store(database).submissions.submit(new_job(images=2))


def test_partial_indexes_are_partial(database):
    """Where the database can, the indexes of open items hold no ended one."""
    migrate(database)
    wanted = {index.name for table in metadata.sorted_tables for index in table.indexes if _where(index)}
    with database.engine.connect() as connection:
        made = inspect(connection).get_indexes("item")
    partial = {index["name"] for index in made if any("where" in key for key in index.get("dialect_options", {}))}

    assert len(wanted) == 6
    assert partial == (set() if database.dialect in {"mysql", "mariadb"} else wanted)


def _where(index):
    return index.dialect_options["sqlite"]["where"] is not None


def test_migrating_again_does_nothing(database):
    """A second run finds nothing to do and loses nothing."""
    migrate(database)
    store = open_store(database)
    store.submissions.submit(new_job())
    migrate(database)

    assert store.records.open_items() == {"alice": 1}


def test_two_processes_may_migrate_at_once(url, database):
    """Both end well although the first keeps its connections; the schema is made once."""
    processes = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        lines = [process.stdout.readline().strip() for process in processes]
    finally:
        for process in processes:
            process.communicate("", timeout=60)

    assert lines == ["True"] * 3
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert differences(database) == []


def test_downgrading_leaves_nothing(database):
    """All tables go, in an order that works."""
    migrate(database)
    config = Config()
    config.set_main_option("script_location", str(migrate_module._MIGRATIONS))
    with database.engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    assert revision(database) is None
    with database.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version", "sqlite_sequence"}


def test_a_newer_schema_is_said_to_be_newer(database):
    """A database that a later version wrote is left alone, and the operator is told what to do."""
    migrate(database)
    database.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = '9999'")))

    assert not is_current(database)
    with pytest.raises(SchemaBehind, match="9999") as caught:
        migrate(database)
    assert "newer" in caught.value.hint


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_is_not_there_is_said_to_be_away(scheme):
    """Nothing listens on the port: an error in our words, within seconds, without the password."""
    database = open_database(f"{scheme}://somebody:s3cret@127.0.0.1:9/saccade")

    for ask in (migrate, is_current):
        with pytest.raises(DatabaseUnreachable) as caught:
            ask(database)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("text_", ["oracle://x/y", "no url", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_names_no_database_is_refused(text_):
    """The operator learns which schemes there are, or that a file is missing."""
    with pytest.raises((SchemeUnknown, SettingInvalid)):
        open_database(text_)


def test_every_scheme_is_a_kind_that_is_tested():
    """A new scheme must come with its own run of these suites."""
    openers = {DATABASES[scheme][0] for scheme in DATABASES}

    assert openers == {DATABASES[kind][0] for kind in KINDS}
