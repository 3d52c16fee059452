"""How far a long reading is, shown on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from parley.assess.letters import Progress as Told


@contextmanager
def watched() -> Iterator[Told]:
    """A bar for each part of the work, on standard error, gone when it is done."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    bars = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def told(what: str, done: int, whole: int | None) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=whole)
            progress.update(bars[what], completed=done, total=whole)

        yield told
