"""Wordings kept as data: one pattern a line, so that a lead can read and extend them without reading code."""

import re
import tomllib
from functools import cache
from importlib import resources

_GROUP = re.compile(r"<([a-z_]+)>")


@cache
def read(name: str) -> dict[str, dict[str, list[str]]]:
    """The tables of a lexicon: section, then entry, then its lines with groups put in."""
    tables = tomllib.loads(resources.files(__package__).joinpath(f"{name}.toml").read_text("utf-8"))
    groups = {key: value.strip() for key, value in tables.pop("groups", {}).items()}
    return {
        section: {key: [_filled(line, groups) for line in block.split("\n") if line.strip()]
                  for key, block in entries.items()}
        for section, entries in tables.items()
    }  # fmt: skip


def _filled(line: str, groups: dict[str, str]) -> str:
    """Groups may stand within groups."""
    while (found := _GROUP.search(line)) and found[1] in groups:
        line = line.replace(found[0], groups[found[1]])
    return line
