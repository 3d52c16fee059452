"""What the benchmarks over folders of mail share: options, a visible skip, a table, the JSON line at the end."""

import argparse
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

Figures = dict[str, Any]


def run(doc: str, measured: Callable[[Path], tuple[Figures, str]]) -> None:
    """Ask for the folder, measure, print the table and then one line of JSON. A missing folder is said, not hidden."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    asked = parser.parse_args()
    if not asked.folder.is_dir():
        print(json.dumps({"skipped": f"{asked.folder} is not there", "score": None}))
        sys.exit(0)
    figures, table = measured(asked.folder)
    if not asked.json:
        print(table)
    print(json.dumps(figures, ensure_ascii=False))


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file."""
    return [msgspec.json.decode(line) for line in file.read_bytes().split(b"\n") if line.strip()]


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as columns of text; numbers stand to the right."""
    shown = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(heads, *shown, strict=True)]
    lines = [list(heads), ["-" * width for width in widths], *shown]
    return "\n".join(
        "  ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)


def _padded(cell: str, width: int) -> str:
    space = " " * (width - _width(cell))
    return space + cell if cell[:1].isdigit() or cell == "–" else cell + space


def _width(cell: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in cell)


def share(right: Iterable[bool]) -> float:
    """Of those that are true; 0 of none."""
    seen = list(right)
    return round(sum(seen) / len(seen), 4) if seen else 0.0


def squeezed(text: str | None) -> str:
    """White space collapsed: how names, subjects and bodies are compared."""
    return " ".join((text or "").replace("\0", "").split())
