"""Writes docs/events.md from the events themselves: `python -m parley.core.describe > docs/events.md`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from parley.core import agreement, query, trial
from parley.core import events as e

HEAD = """# Events

Everything that can happen at a desk, in the order of `src/parley/core/events.py`, from which this page is made
(`python -m parley.core.describe > docs/events.md`). An event is a fact: it is written once and stays as it is; only
the first words of a message that its writer took back are struck out. It belongs to one stream (`conversation/12`,
`person/7`, `agent/3`, `article/4`, `brand/2`, `candidate/2`, `incident/5`, `report/5`, `desk/1`) and has one place in
the whole log, its `seq`.
Fields with a value after `=` may be left out.
"""


PARTS = (
    e.File,
    e.Awaited,
    e.Source,
    e.Origin,
    e.Noticed,
    e.Words,
    e.Remark,
    agreement.Agreement,
    agreement.Hours,
    agreement.Holiday,
    agreement.Policy,
    trial.Change,
    trial.Wording,
    trial.Before,
    query.Query,
    query.Filter,
)


def page() -> str:
    """The whole page."""
    sections = "".join(_section(kind) for kind in e.KINDS.values())
    parts = "".join(_part(kind) for kind in PARTS)
    return f"{HEAD}{sections}\n# Parts\n{parts}"


def _section(kind: type[e.Event]) -> str:
    return f"\n## {kind.__struct_config__.tag}\n\n{_said(kind)}\n{_fields(kind)}"


def _part(kind: type[msgspec.Struct]) -> str:
    return f"\n## {kind.__name__}\n\n{_said(kind)}\n{_fields(kind)}"


def _said(kind: type[msgspec.Struct]) -> str:
    return re.sub(r"[ \t]*\n[ \t]+", "\n", (kind.__doc__ or "").strip())


def _fields(kind: type[msgspec.Struct]) -> str:
    lines = [f"- `{name}: {written}`" for name, written in _written(kind)]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _written(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """Fields as they stand in the source, which says it more briefly than the resolved types do."""
    for node in _classes()[kind.__name__].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            default = f" = {ast.unparse(node.value)}" if node.value is not None else ""
            yield node.target.id, ast.unparse(node.annotation) + default


def _classes() -> dict[str, ast.ClassDef]:
    trees = (ast.parse(Path(str(module.__file__)).read_text("utf-8")) for module in (e, agreement, trial, query))
    return {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}


if __name__ == "__main__":
    print(page(), end="")
