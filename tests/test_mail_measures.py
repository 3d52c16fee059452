"""The benchmarks over folders of mail, on a few mails of our own: they see what is right, and what is wrong."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SAMPLES = Path(__file__).parents[1] / "src" / "parley" / "channels" / "email" / "samples"


@pytest.fixture(autouse=True, scope="module")
def benchmarks_can_be_imported() -> Iterator[None]:
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def benchmark(name: str) -> ModuleType:
    return importlib.import_module(name)


def lines(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("name", ["email_parsing", "bounces"])
def test_a_folder_that_is_not_there_is_said(name: str, tmp_path: Path) -> None:
    command = [sys.executable, BENCHMARKS / f"{name}.py", tmp_path / "nowhere", "--json"]
    said = subprocess.run(command, capture_output=True, text=True)
    last = json.loads(said.stdout.strip().splitlines()[-1])
    assert last["score"] is None
    assert "not there" in last["skipped"]


def test_parsing_is_measured(tmp_path: Path) -> None:
    mails = {
        "right": {"subject": "Größe", "from": [{"name": "Jürgen Müller", "address": "juergen.mueller@example.org"}]},
        "wrong": {"subject": "another", "attachment_count": 3},
    }
    raw = "From: Jürgen Müller <juergen.mueller@example.org>\nSubject: Größe\n\nHallo\n".encode()
    rows = []
    for name, expect in mails.items():
        (tmp_path / f"{name}.eml").write_bytes(raw)
        rows.append({"id": name, "file": f"{name}.eml", "expect": expect})
    lines(tmp_path / "expected.jsonl", rows)
    figures, shown = benchmark("email_parsing").measured(tmp_path, seconds=0.01)
    assert figures["score"] == 0.5
    assert figures["wrong"] == {"wrong": ["attachment_count", "subject"]}
    assert figures["exceptions in read"] == 0
    assert "stdlib policy.default" in shown


def test_our_own_samples_are_read_without_exceptions(tmp_path: Path) -> None:
    rows = []
    for sample in sorted(SAMPLES.glob("*.eml")):
        (tmp_path / sample.name).write_bytes(sample.read_bytes())
        rows.append({"id": sample.stem, "file": sample.name, "expect": {}})
    lines(tmp_path / "expected.jsonl", rows)
    figures, _ = benchmark("email_parsing").measured(tmp_path, seconds=0.01)
    assert figures["score"] == 1.0
    assert (figures["exceptions in read"], figures["refused with a sentence"]) == (0, 0)


def test_new_words_are_measured(tmp_path: Path) -> None:
    text = "The blue one.\n\nOn Mon, Aug 3, 2026 at 9:58 AM Acme <s@acme.example> wrote:\n> Which one?\n"
    lines(
        tmp_path / "cases.jsonl",
        [
            {"id": "own-en_1", "source": "own", "kind": "plain", "text": text, "expect": {"equals": "The blue one."}},
            {"id": "own-german", "source": "own", "kind": "plain", "text": text, "expect": {"contains": "Which one?"}},
            {"id": "own-none", "source": "own", "kind": "plain", "text": text, "expect": {}},
        ],
    )
    figures, _ = benchmark("email_reply").measured(tmp_path)
    assert figures["score"] == 0.5
    assert figures["exact"] == {"all": 0.5, "en": 1.0, "de": 0.0}
    assert figures["F1"] == {"all": 1.0, "en": 1.0}


def test_bounces_are_measured(tmp_path: Path) -> None:
    hard = {"dsn": "5.1.1", "smtp_code": "550", "reason": "userunknown", "hard": True}
    rows = []
    for name, label in (("right", hard), ("wrong", {**hard, "reason": "mailboxfull", "hard": False})):
        (tmp_path / f"{name}.eml").write_bytes((SAMPLES / "bounce-postfix.eml").read_bytes())
        rows.append({"id": name, "file": f"{name}.eml", "kind": "bounce", "recipients": [label]})
    lines(tmp_path / "labels.jsonl", rows)
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    lines(ordinary / "cases.jsonl", [{"id": "a", "kind": "plain", "text": "My mail came back undeliverable."}])
    figures, _ = benchmark("bounces").measured(tmp_path, [ordinary])
    assert figures["score"] == 0.5
    assert figures["machine-made: recall"] == 1.0
    assert (figures["ordinary mails"], figures["false alarms"]) == (1, 0.0)
    assert figures["wrong"] == ["wrong"]


VECTORS = (
    "<img src=x onerror=alert(1)>",
    "<svg><script>alert(1)</script>",
    "\"><iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href=javascript:alert(1)>x</a>{{alert(1)}}",
    "<img src=//elsewhere.test/a.gif><style>@import url(//elsewhere.test/b.css)</style>",
)


@pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="no Chromium at /usr/bin/chromium")
class TestInChromium:
    """What runs or calls home is seen, and nothing of it is on the desk."""

    def test_nothing_runs_anywhere_on_the_desk(self, tmp_path: Path) -> None:
        lines(tmp_path / "vectors.jsonl", [{"id": f"own-{n}", "payload": one} for n, one in enumerate(VECTORS)])
        figures, _ = benchmark("html_sanitise").measured(tmp_path, whole=4)
        assert figures["faults"] == []
        assert figures["score"] == 1.0
        assert set(figures["shown"]) >= {"body, framed", "conversation page", "list", "people", "search", "body, bare"}

    def test_what_runs_is_seen(self) -> None:
        measure = benchmark("html_sanitise")
        watch = measure.Watch()
        with measure.chromium() as browser, measure.unprotected(browser, watch) as page:
            for number, vector in enumerate(VECTORS):
                measure.bare(page, vector, "raw", str(number), watch)
                page.wait_for_timeout(150)
        seen = {vector for vector, _ in watch.seen["raw"]}
        assert seen == {str(number) for number in range(len(VECTORS))}
        assert ("0", "ran: alert 1") in watch.seen["raw"]
        assert any(what.startswith("asked: ") and "elsewhere.test" in what for _, what in watch.seen["raw"])
