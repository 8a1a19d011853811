"""What a bulk submission has done so far, in a file beside its results, so that it goes on after any end of it.

A chunk is noted with its pictures before it is submitted, and as done in the very moment in which its results are safe:
the file of results is cut back to the length that was noted last, so that no line is lost and none stands twice.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path

from saccade.errors import ParameterInvalid

_TABLES = """
CREATE TABLE IF NOT EXISTS run (asked TEXT NOT NULL, output_bytes INTEGER NOT NULL, failed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS chunk (id INTEGER PRIMARY KEY, is_done INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS picture (name BLOB PRIMARY KEY, chunk_id INTEGER NOT NULL, position INTEGER NOT NULL)
WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS picture_chunk ON picture (chunk_id, position);
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The pictures of one job."""

    id: int
    names: tuple[str, ...]


class BulkState:
    """The state of one submission. Used by one thread; a second process is refused."""

    def __init__(self, output: Path, asked: object) -> None:
        """Open the state beside the results, or begin one, and cut the results back to what is known to be whole.

        Args:
            output: Where results go; the state lies at the same place with ``.state`` behind the name.
            asked: What is submitted, as JSON; a state of something else is not gone on with.

        Raises:
            ParameterInvalid: The results or the state are not those of this submission, or it is running already.
        """
        self._path = output.with_name(f"{output.name}.state")
        self._output = output
        if output.is_dir():
            raise ParameterInvalid(f"{output} is a folder.", hint="Name a file with --output.")
        is_new = not self._path.exists()
        if is_new and output.exists() and output.stat().st_size:
            raise ParameterInvalid(
                f"{output} is there, but nothing beside it says how far it is.", hint="Name another --output."
            )
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path, isolation_level=None, timeout=1.0)
        except (OSError, sqlite3.OperationalError) as error:
            raise ParameterInvalid(f"{output} cannot be written: {error}.", hint="Name another --output.") from None
        try:
            self._open(json.dumps(asked, sort_keys=True))
            self._lines = self._opened_output()
        except BaseException:
            self._database.close()
            raise

    @property
    def path(self) -> Path:
        """Where the state lies."""
        return self._path

    @property
    def failed(self) -> int:
        """Results that are problems."""
        return self._number("SELECT failed FROM run")

    @property
    def done(self) -> int:
        """Pictures whose results are safe."""
        return self._number("SELECT count(*) FROM picture JOIN chunk ON chunk.id = chunk_id WHERE is_done")

    def open_chunks(self) -> Iterator[Chunk]:
        """Yield the chunks that an earlier run began and did not end."""
        for (number,) in self._database.execute("SELECT id FROM chunk WHERE NOT is_done ORDER BY id").fetchall():
            rows = self._database.execute("SELECT name FROM picture WHERE chunk_id = ? ORDER BY position", (number,))
            yield Chunk(number, tuple(os.fsdecode(name) for (name,) in rows))

    def knows(self, name: str) -> bool:
        """Say whether a picture belongs to a chunk already."""
        query = "SELECT 1 FROM picture WHERE name = ?"
        return self._database.execute(query, (os.fsencode(name),)).fetchone() is not None

    def plan(self, names: Sequence[str]) -> Chunk | None:
        """Note a new chunk of those pictures that belong to none yet; None where all do."""
        fresh = tuple(name for name in dict.fromkeys(names) if not self.knows(name))
        if not fresh:
            return None
        with self._transaction():
            number = int(self._database.execute("INSERT INTO chunk DEFAULT VALUES").lastrowid or 0)
            rows = [(os.fsencode(name), number, position) for position, name in enumerate(fresh)]
            self._database.executemany("INSERT INTO picture VALUES (?, ?, ?)", rows)
        return Chunk(number, fresh)

    def finish(self, chunk: Chunk, lines: Sequence[str], *, failed: int) -> None:
        """Write a chunk's results; when this returns they are safe and will not be written again."""
        self._lines.write("".join(f"{line}\n" for line in lines).encode())
        self._lines.flush()
        os.fsync(self._lines.fileno())
        with self._transaction():
            self._database.execute("UPDATE chunk SET is_done = 1 WHERE id = ?", (chunk.id,))
            self._database.execute("UPDATE run SET output_bytes = ?, failed = failed + ?", (self._lines.tell(), failed))

    def close(self) -> None:
        """Close both files."""
        self._lines.close()
        self._database.close()

    def _open(self, asked: str) -> None:
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("BEGIN EXCLUSIVE")
            for statement in _TABLES.split(";"):
                self._database.execute(statement)
            # As long as there is no result, what is asked may be asked otherwise: a wrong option costs no file.
            self._database.execute("UPDATE run SET asked = ? WHERE output_bytes = 0", (asked,))
            row = self._database.execute("SELECT asked FROM run").fetchone()
            if row is None:
                self._database.execute("INSERT INTO run VALUES (?, 0, 0)", (asked,))
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise ParameterInvalid(f"{self._path} is in use: the same command is running.") from None
            raise ParameterInvalid(f"{self._path} cannot be used: {error}.") from None
        except sqlite3.DatabaseError:
            raise ParameterInvalid(f"{self._path} is no state of ours.", hint="Name another --output.") from None
        if row is not None and row[0] != asked:
            raise ParameterInvalid(
                f"{self._output} holds results of other models, options or of another server.",
                hint="Name another --output.",
            )

    def _opened_output(self) -> BufferedWriter:
        known = self._number("SELECT output_bytes FROM run")
        present = self._output.stat().st_size if self._output.exists() else 0
        if present < known:
            raise ParameterInvalid(
                f"{self._output} is shorter than what was written to it.", hint="Name another --output."
            )
        lines = self._output.open("ab")
        lines.truncate(known)
        lines.seek(known)
        return lines

    def _transaction(self) -> sqlite3.Connection:
        self._database.execute("BEGIN")
        return self._database

    def _number(self, query: str) -> int:
        return int(self._database.execute(query).fetchone()[0])
