"""The documentation says what is so: links lead somewhere, commands and settings exist, made pages are up to date."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer.main

from parley.cli import app
from parley.config import Config
from parley.core import describe, events

ROOT = Path(__file__).parents[1]
TO_BE_WRITTEN = {"src/parley/services/handovers.py"}  # by whoever follows docs/a-new-report.md
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def named(page: Path) -> Iterator[str]:
    """What a page writes as code, in a line or in a block."""
    yield from CODE.findall(text_of(page))
    for block in re.findall(r"^```(?:sh|console|bash)?\n(.*?)^```", text_of(page), re.S | re.M):
        yield from block.splitlines()


def test_the_page_of_events_is_made_from_the_events() -> None:
    made = "run: python -m parley.core.describe > docs/events.md"
    assert text_of(ROOT / "docs" / "events.md") == describe.page(), made


def test_every_event_is_explained() -> None:
    page = describe.page()
    for kind in events.KINDS.values():
        assert kind.__doc__ != events.Event.__doc__, f"{kind.__name__} has no docstring of its own"
        assert f"## {kind.__struct_config__.tag}\n" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(text_of(page)):
        file, _, part = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), f"{page.name} links to {target}"
        if part and there.suffix == ".md":
            assert part in headings(there), f"{there.name} has no heading #{part}"


def headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ +(.+)$", text_of(page), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_can_be_found() -> None:
    """From the README or the index of the docs."""
    linked = {
        (page.parent / target.partition("#")[0]).resolve() for page in PAGES for target in LINK.findall(text_of(page))
    }
    assert {page for page in PAGES if page.name != "README.md"} <= linked


def commands(group: Any, path: str = "parley") -> dict[str, Any]:
    found = {path: group}
    for name, command in parts(group).items():
        found |= commands(command, f"{path} {name}")
    return found


def parts(command: Any) -> dict[str, Any]:
    """The commands below a command."""
    return getattr(command, "commands", {})


COMMANDS = commands(typer.main.get_command(app))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist_with_their_options(page: Path) -> None:
    for said in named(page):
        for call in re.findall(r"(?:^|[ /])(parley(?: [a-z]\S*)*(?: [^`|&#]*)?)", said):
            words = call.split()
            command = COMMANDS["parley"]
            for word in words[1:]:
                if not parts(command) or not re.fullmatch(r"[a-z-]+", word):
                    break
                command = parts(command).get(word) or pytest.fail(f"{page.name}: there is no `{call.strip()}`")
            known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            options = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert options <= known, f"{page.name}: `{call.strip()}`"


def test_every_command_is_documented() -> None:
    everything = " ".join(said for page in PAGES for said in named(page))
    leaves = [path for path, command in COMMANDS.items() if not parts(command)]
    assert [path for path in leaves if path not in everything] == []


def test_settings_are_those_of_the_program() -> None:
    fields = {f"PARLEY_{field.name.upper()}" for field in msgspec.structs.fields(Config)}
    of_tools = {"PARLEY_PYTHON", "PARLEY_TEST_POSTGRES"}
    said = {name for page in PAGES for name in re.findall(r"\bPARLEY_[A-Z_]*[A-Z]\b", text_of(page))}
    assert {name.removesuffix("_FILE") for name in said} - of_tools <= fields | {"PARLEY_X"}
    table = text_of(ROOT / "docs" / "running.md")
    assert [name for name in sorted(fields) if f"`{name}`" not in table] == []


def test_programs_of_the_bin_folder_exist() -> None:
    said = {name for page in PAGES for name in re.findall(r"(?<![/\w])bin/[a-z][a-z-]*\b", text_of(page))}
    assert [name for name in sorted(said) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_functions_named_are_there(page: Path) -> None:
    """`services/intake.py` is a file; `services/intake.py: Intake.take` is a name in it."""
    for said in CODE.findall(text_of(page)):
        match = re.fullmatch(r"((?:src/parley/)?(?:[a-z_]+/)+[a-z_]+\.(?:py|ts))(?:: ([A-Za-z_.]+))?", said)
        if match is None or match[1] in TO_BE_WRITTEN:
            continue
        file = next((f for f in places(match[1]) if f.exists()), None)
        assert file is not None, f"{page.name} names {match[1]}"
        for part in (match[2] or "").split("."):
            pattern = rf"\b(?:class|def|function|const|async def) {re.escape(part)}\b" if part else ""
            assert re.search(pattern, file.read_text("utf-8")), f"{page.name} names {said}"


def places(name: str) -> list[Path]:
    return [ROOT / name, ROOT / "src" / "parley" / name, ROOT / "src" / name, ROOT / "frontend" / name]


# ── dependencies ────────────────────────────────────────────────────────────────────────────


def project() -> dict[str, list[str]]:
    told = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    return {"run": told["dependencies"], **told["optional-dependencies"]}


def bare(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower()


def explained(heading: str) -> list[str]:
    """The packages in the table below a heading, each with a purpose, a reason and a licence."""
    section = text_of(ROOT / "docs" / "dependencies.md").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0] != "package"]
    assert all(len(row) == 4 and all(len(cell) > 2 for cell in row) for row in rows)
    return [row[0] for row in rows]


def test_every_dependency_has_its_reason() -> None:
    groups = project()
    assert sorted(explained("While it runs")) == sorted(map(bare, groups["run"]))
    assert sorted(explained("With the extra `postgres`")) == sorted(map(bare, groups["postgres"]))
    others = [*groups["fastembed"], *groups["tokenizers"]]
    assert sorted(explained("With the extra `fastembed`, and with `tokenizers`")) == sorted(map(bare, others))
    frontend = json.loads(text_of(ROOT / "frontend" / "package.json"))
    shipped = [*frontend["dependencies"], *frontend["devDependencies"]]
    assert sorted(explained("In the browser, and to bundle it")) == sorted(shipped)
    for package in map(bare, groups["test"]):
        assert package in text_of(ROOT / "docs" / "dependencies.md")


def test_every_dependency_is_used() -> None:
    modules = {
        "markdown-it-py": "markdown_it",
        "argon2-cffi": "argon2",
        "dnspython": "dns",
        "dkimpy": "dkim",
        "pyspf": "spf",
        "phonenumberslite": "phonenumbers",
        "pyyaml": "yaml",
    }
    of_uvicorn = {"websockets", "httptools"}
    code = "\n".join(text_of(file) for file in (ROOT / "src").rglob("*.py"))
    for package in map(bare, [*project()["run"], *project()["postgres"]]):
        module = modules.get(package, package)
        assert package in of_uvicorn or re.search(rf"^\s*(from|import) {module}\b", code, re.M), package


def test_the_locks_hold_every_dependency_and_no_host() -> None:
    for lock, groups in {"run": ["run"], "test": ["run", "postgres", "test"]}.items():
        text = text_of(ROOT / "locks" / f"{lock}.txt")
        assert "://" not in text
        pinned = {line.partition("==")[0] for line in text.splitlines() if "==" in line}
        assert {bare(r) for group in groups for r in project()[group]} <= pinned, "run bin/lock"
        assert text.count("--hash=sha256:") >= len(pinned)
    packages = json.loads(text_of(ROOT / "frontend" / "package-lock.json"))["packages"].values()
    assert not any("resolved" in package for package in packages)
