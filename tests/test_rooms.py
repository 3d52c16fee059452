"""The map of the program, read from its imports: which room may use which, and what from outside."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley.channels import installed

SOURCES = Path(__file__).parents[1] / "src" / "parley"
FILES = sorted(SOURCES.rglob("*.py"))
STDLIB = sys.stdlib_module_names

# room: (rooms of ours it may import beside itself, packages from outside). None: anything.
ROOMS: dict[str, tuple[set[str], set[str] | None]] = {
    "core": (set(), {"msgspec", "phonenumbers"}),
    "log": ({"core"}, {"msgspec", "sqlalchemy", "alembic", "psycopg"}),
    "channels": ({"core"}, None),
    "ai": ({"core"}, {"numpy", "onnxruntime", "msgspec", "httpx"}),
    "services": ({"core", "log", "ai"}, {"msgspec", "sqlalchemy", "argon2", "nh3", "httpx", "yaml"}),
    "web": (
        {"core", "services", "log.record", "log.tables.to_micros"},
        {"msgspec", "litestar", "jinja2", "markupsafe", "sqlalchemy", "markdown_it", "nh3"},
    ),
    "assess": (
        {"core", "log.record", "ai", "services", "channels.installed", "web.plots"},
        {"msgspec", "numpy", "jinja2", "markupsafe", "rich", "sqlalchemy"},
    ),
    "demo": ({"core", "log", "ai", "services", "channels", "web", "app", "config", "running"}, None),
}
# Files at the top put rooms together. Nobody may import them but one another, and the demo.
TOP = {
    "analytics_reports",
    "app",
    "cli",
    "running",
    "checking",
    "rehearsal",
    "replay",
    "importing",
    "scaffold",
    "config",
    "__init__",
    "__main__",
}


def room_of(file: Path) -> str:
    parts = file.relative_to(SOURCES).parts
    return parts[0] if len(parts) > 1 else file.stem


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or later, as an absolute name."""
    package = ("parley", *file.relative_to(SOURCES).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names) if module.startswith("parley") else (module,)


def ours(file: Path) -> Iterator[str]:
    """The rooms' parts that a file imports: `log.record.Record`, `core.events` …"""
    yield from (name.partition(".")[2] for name in imports(file) if name.startswith("parley."))


def foreign(file: Path) -> set[str]:
    heads = {name.partition(".")[0] for name in imports(file)}
    return heads - STDLIB - {"parley"}


def allowed(name: str, rooms: set[str]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def in_room(room: str) -> list[Path]:
    return [file for file in FILES if room_of(file) == room and "tests" not in file.parts]


def test_every_file_has_its_room() -> None:
    assert {room_of(file) for file in FILES} <= set(ROOMS) | TOP


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_the_map_allows(room: str) -> None:
    rooms, outside = ROOMS[room]
    strays = []
    for file in in_room(room):
        where = file.relative_to(SOURCES)
        strays += [f"{where}: parley.{n}" for n in ours(file) if not allowed(n, {*rooms, room, "__version__"})]
        if outside is not None:
            strays += [f"{where}: {package}" for package in foreign(file) - outside]
    assert strays == []


def test_only_the_top_knows_every_room() -> None:
    strays = [
        f"{file.relative_to(SOURCES)}: {name}"
        for file in FILES
        if room_of(file) in set(ROOMS) - {"demo"}
        for name in ours(file)
        if name.partition(".")[0] in TOP - {"__init__"}
    ]
    assert strays == []


def test_the_demo_is_begun_by_the_command_line_alone() -> None:
    """Channels' own tests use its simulators; they are in no wheel."""
    shipped = [file for file in FILES if "tests" not in file.parts]
    users = {room_of(file) for file in shipped for name in ours(file) if allowed(name, {"demo"})}
    assert users == {"demo", "cli"}


@pytest.mark.parametrize("name", sorted(installed()))
def test_a_channel_stays_in_its_folder(name: str) -> None:
    others = set(installed()) - {name}
    for file in (SOURCES / "channels" / name).rglob("*.py"):
        used = {n.split(".")[1] for n in ours(file) if n.startswith("channels.")}
        assert not used & others, f"{file.name} imports another channel"


def test_nobody_names_a_channel() -> None:
    """What a channel can do is asked of its manifest; its name stands nowhere but in its folder and the demo."""
    names = "|".join(sorted(installed()))
    naming = re.compile(rf"""channels[./]({names})\b|(?:channel|inbox|kind)\w* *(?:[=!]=|in) *[("']*({names})["']""")
    words = "|".join(sorted(name for name in installed() if len(name) > 1))  # a lone letter is in quotes for much else
    quoted = re.compile(rf"""["']({words})["']""")
    strays = [
        f"{file.relative_to(SOURCES)}:{number}: {line.strip()}"
        for file in [*FILES, *SOURCES.rglob("*.html")]
        if file.relative_to(SOURCES).parts[0] not in ("channels", "demo")
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if naming.search(line) or (file.suffix == ".py" and quoted.search(line))
    ]
    assert strays == []


def test_no_page_names_a_channel() -> None:
    """Nor do the scripts and styles of desk, chat and public pages; `email` is also the name of a kind of input."""
    words = "|".join(sorted(name for name in installed() if len(name) > 1 and name != "email"))
    naming = re.compile(rf"""["'`]({words})["'`]|\[data-\w+=["']?({words})\b""")
    pages = SOURCES.parents[1] / "frontend"
    files = [f for room in ("desk", "widget", "shared", "public", "style") for f in (pages / room).rglob("*.*")]
    assert len(files) > 40
    strays = [
        f"{file.relative_to(pages)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if naming.search(line) and not line.startswith("//")
    ]
    assert strays == []


def test_only_the_engines_know_which_database_it_is() -> None:
    """`if postgres` stands in log/engines. Schema, moving house and its own consistent reading have to ask as well."""
    asking = re.compile(r"""(name|dialect\.name|get_backend_name\(\)) *(==|!=|in) *[("']+(sqlite|postgresql)""")
    found = {
        str(file.relative_to(SOURCES))
        for file in FILES
        if "engines" not in file.parts
        for line in file.read_text("utf-8").splitlines()
        if asking.search(line)
    }
    assert found <= {"log/backup.py", "log/migrations/env.py"}
