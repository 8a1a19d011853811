"""How far an evaluation is: a bar with the time that is left where somebody is looking, else a line now and then."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from saccade.cli.output import stderr
from saccade.clock import monotonic_s

if TYPE_CHECKING:
    from saccade.evaluation.seen import Seen

_LINE_EVERY_S = 10.0

OnSeen: TypeAlias = "Callable[[Seen], None]"


@contextlib.contextmanager
def progress(model: str, *, done: int, total: int) -> Iterator[OnSeen]:
    """Show how far one model is, until the block ends.

    Args:
        model: Name and version.
        done: Pictures that were noted before.
        total: All pictures.
    """
    console = stderr()
    if not console.is_terminal:
        yield _Lines(model, done, total).on_seen
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.description}", table_column=Column(min_width=len(model)), markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("[dim]pictures, left"),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[note]}"),
    )
    failed = 0
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(model, total=total, completed=done, note="")

        def on_seen(seen: Seen) -> None:
            nonlocal failed
            failed += seen.problem is not None
            bar.update(task, advance=1, note=f"{failed} failed" if failed else "")

        yield on_seen


class _Lines:
    """Progress as plain lines, each with the time that is left."""

    def __init__(self, model: str, done: int, total: int) -> None:
        self._model = model
        self._before = done
        self._done = done
        self._total = total
        self._failed = 0
        self._begun_s = self._told_s = monotonic_s()

    def on_seen(self, seen: Seen) -> None:
        """Count, and tell if the last line was some time ago."""
        self._done += 1
        self._failed += seen.problem is not None
        now_s = monotonic_s()
        if now_s - self._told_s < _LINE_EVERY_S:
            return
        self._told_s = now_s
        left_s = (now_s - self._begun_s) / (self._done - self._before) * (self._total - self._done)
        failed = f", {self._failed} failed" if self._failed else ""
        line = f"{self._model}: {self._done} of {self._total} pictures{failed}, about {left_s:.0f} s left"
        stderr().print(line, soft_wrap=True, markup=False)


def say(*sentences: str) -> None:
    """Write sentences for people to stderr, each on one line."""
    for sentence in sentences:
        stderr().print(sentence, soft_wrap=True, markup=False)
