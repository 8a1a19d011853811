"""Runs ``saccade`` as it is, with two additions: each connection says whose it is, and a mutant takes a guard out.

``python -m chaos.inside none serve --port 0`` is ``saccade serve --port 0`` whose writes the witness can tell apart
from those of all other processes. The product has no such switch.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from sqlalchemy import Engine, event


def writer_name() -> str:
    """Return the name of this process; a number alone may come again, so its start stands beside it."""
    with open(f"/proc/{os.getpid()}/stat", encoding="ascii", errors="replace") as stat:  # noqa: PTH123 - no file of ours
        started = stat.read().rpartition(")")[2].split()[19]
    return f"{os.getpid()}.{started}"


def label_connections() -> None:
    """Make every connection of this process, and of those that it forks, carry its name."""

    @event.listens_for(Engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        name = writer_name()
        kind = type(connection).__module__.partition(".")[0]
        if kind == "sqlite3":
            connection.create_function("chaos_writer", 0, writer_name)
            return
        cursor = connection.cursor()
        cursor.execute(f"SET chaos.writer = '{name}'" if kind == "psycopg" else f"SET @chaos_writer = '{name}'")
        cursor.close()
        connection.commit()


def main() -> None:
    """Run it."""
    from chaos.mutants import MUTANTS

    mutant, *words = sys.argv[1:]
    label_connections()
    MUTANTS[mutant]()
    sys.argv = ["saccade", *words]
    from saccade.cli.main import main as saccade

    saccade()


if __name__ == "__main__":
    main()
