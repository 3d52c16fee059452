"""The assessment of a mailbox of which is known what is in it: sides, cases, figures, report, setup.

With PARLEY_PICTURES=1 the picture of the README is made anew on the way (docs/pictures).
"""

import os
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from typer.testing import CliRunner

from harness.axe import violations
from harness.desk import StoryDesk
from harness.mailboxes import DESK, FIRST, LAST, Made, as_maildir, as_mbox, made
from parley.ai.encoder import encoder
from parley.assess.catalogue import ALL, figure
from parley.assess.run import printed, study_of, write
from parley.assess.study import Study
from parley.cli import app
from parley.core.cases import DAY, Case, Turn, first_answer, resolution, waits
from parley.core.errors import BadConfig, ParleyError
from parley.core.redaction import redacted
from parley.services import desk_notes, knowledge, prepared

PICTURES = Path(__file__).parents[1] / "docs/pictures"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
needs_encoder = pytest.mark.skipif(encoder() is None, reason="the sentence encoder is not built")


def silently(what: str, done: int, whole: int | None) -> None:
    pass


@pytest.fixture(scope="module")
def known() -> Made:
    return made(300)


@pytest.fixture(scope="module")
def box(known: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_mbox(known, tmp_path_factory.mktemp("mails") / "old.mbox")


@pytest.fixture(scope="module")
def study(box: Path) -> Study:
    return study_of([box], (), "UTC", silently)


@pytest.fixture(scope="module")
def report(study: Study, box: Path) -> Path:
    target = box.parent / "report.html"
    write(study, [str(box)], target)
    return target


# ── what is in it ───────────────────────────────────────────────────────────────────────────


def test_the_desk_is_told_from_its_customers_and_machines_are_left_out(study: Study, known: Made) -> None:
    assert study.gathered.ours == (DESK.partition("@")[2],)
    assert len(study.cases) == known.conversations + known.again
    assert study.gathered.skipped["written by a machine"] == known.machines


def test_a_maildir_tells_the_same(study: Study, known: Made, tmp_path: Path) -> None:
    again = study_of([as_maildir(known, tmp_path / "box")], (), "UTC", silently)
    for key in ("volume", "first_answer_median", "unanswered", "no_repeat", "one_touch", "outside_hours"):
        assert printed(figure(again, key)) == printed(figure(study, key))


def test_unanswered_ones_are_counted_with_their_interval(study: Study, known: Made) -> None:
    found = figure(study, "unanswered")
    assert found.low is not None
    assert found.high is not None
    # Who writes again two days later has no answer to that one.
    expected = (known.unanswered + known.again) / (known.conversations + known.again)
    assert found.low < expected < found.high


def test_hours_are_read_from_the_answers(study: Study) -> None:
    hours = dict(figure(study, "outside_hours").rows)
    assert hours["Sat"] == hours["Sun"] == "none"
    assert hours["Tue"].startswith("9:00")


@needs_encoder
def test_routine_is_what_the_mailbox_holds(study: Study, known: Made) -> None:
    found, chance = figure(study, "routine"), figure(study, "by_chance")
    answered = known.conversations - known.unanswered
    assert found.low is not None
    assert found.high is not None
    assert found.low < known.routine / answered < found.high
    assert chance.number is not None
    assert chance.number < found.low


@needs_encoder
def test_without_routine_none_is_found(tmp_path: Path) -> None:
    varied = study_of([as_mbox(made(200, routine=0.0), tmp_path / "b.mbox")], (), "UTC", silently)
    assert (figure(varied, "routine").number or 0) < 0.1


def test_an_inbox_without_answers_says_so(known: Made, tmp_path: Path) -> None:
    lone = Made()
    lone.mails = [mail for mail in known.mails if DESK not in mail.sender]
    found = study_of([as_mbox(lone, tmp_path / "in.mbox")], (), "UTC", silently)
    assert figure(found, "first_answer_median").value == "not reached"
    assert figure(found, "unanswered").value == "100.0 %"
    assert figure(found, "routine").value == "not known"


def test_nothing_to_assess_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.mbox").write_bytes(b"")
    with pytest.raises(ParleyError, match="no conversation"):
        study_of([tmp_path / "empty.mbox"], (), "UTC", silently)


# ── formulas ────────────────────────────────────────────────────────────────────────────────


def case(*turns: tuple[float, bool, str]) -> Case:
    said = tuple(Turn(at=at * DAY, ours=ours, who="a" if ours else "c", text=text) for at, ours, text in turns)
    return Case(number=1, person="c", channel="", subject="", turns=said)


def test_thanks_do_not_open_a_case_again_but_a_question_does() -> None:
    asked, told = (0.0, False, "How?"), (1.0, True, "So.")
    assert resolution(case(asked, told, (2.0, False, "Thank you")), 30 * DAY).seconds == DAY
    assert not resolution(case(asked, told, (2.0, False, "And then?")), 30 * DAY).ended
    assert not resolution(case(asked, told), 5 * DAY).ended


def test_waits_begin_with_the_first_unanswered_word() -> None:
    talk = case((0, False, "a"), (1, False, "b"), (3, True, "c"), (4, False, "d"), (5, True, "e"))
    assert [(a / DAY, b / DAY, first) for a, b, first in waits(talk)] == [(0, 3, True), (4, 5, False)]
    assert first_answer(talk, 9 * DAY).seconds == 3 * DAY


def test_names_and_addresses_are_taken_out() -> None:
    said = "Dear Wendeline,\nmy name is Torvald Oak. Call +49 170 1234567 or write to a.b@c.example, "
    said += "order 12345.\nKind regards\nT"
    found = redacted(said, frozenset({"oak"}))
    for word in ("Wendeline", "Torvald", "Oak", "1234567", "c.example", "12345", "regards"):
        assert word not in found
    assert "[name]" in found


# ── report ──────────────────────────────────────────────────────────────────────────────────


class Reading(HTMLParser):
    """What stands in the report: the words of every figure, by its key, and of the parts around them."""

    def __init__(self) -> None:
        super().__init__()
        self.figures: dict[str, list[str]] = {}
        self.commands: dict[str, str] = {}
        self.top: list[str] = []
        self.steps: list[str] = []
        self.drawn: list[str] = []
        self.short: list[str] = []
        self._inside, self._code = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self._code = tag == "code"
        if tag == "article":
            self._inside = (told.get("id") or "").removeprefix("figure-")
        elif tag == "section":
            self._inside = "short" if told.get("class") == "short" else ""
        elif tag in ("text", "tspan") and str(told.get("class")).startswith("row-"):
            self._inside = "drawn"
        elif tag in ("ul", "ol") and told.get("class") in ("top", "steps"):
            self._inside = str(told["class"])

    def handle_endtag(self, tag: str) -> None:
        self._code = False
        if tag in ("article", "ul", "ol", "text", "section"):
            self._inside = ""

    def handle_data(self, data: str) -> None:
        said = " ".join(data.split())
        if self._code and " --figure " in said:
            self.commands[said.rpartition(" ")[2]] = said
        elif said and self._inside in ("top", "steps", "drawn", "short"):
            {"top": self.top, "steps": self.steps, "drawn": self.drawn, "short": self.short}[self._inside].append(said)
        elif said and self._inside:
            self.figures.setdefault(self._inside, []).append(said)


def told_by(command: str, at: Path) -> str:
    """What the command prints that the report names, run as it stands there."""
    done = CliRunner().invoke(app, [*shlex.split(command)[1:]])
    assert done.exit_code == 0, f"{command}: {done.output} ({at})"
    return " ".join(done.stdout.split())


@needs_encoder
def test_every_figure_of_the_report_is_recomputed_by_the_command_it_names(tmp_path: Path) -> None:
    """Value, n, interval, definition and every cell of its table; those at the top and the next steps too."""
    box = as_mbox(made(70), tmp_path / "small box.mbox")
    target = tmp_path / "small.html"
    write(study_of([box], (), "Europe/Berlin", silently), [str(box), "--zone=Europe/Berlin"], target)
    page = Reading()
    page.feed(target.read_text("utf-8"))
    assert set(page.commands) == set(ALL)
    assert {*page.figures, "next_steps"} == set(ALL)
    printed = {key: told_by(command, box) for key, command in page.commands.items()}
    for key, words in page.figures.items():
        plain = [word for word in words if not word.startswith(("How ", "parley assess")) and word != "day"]
        missing = [word for word in plain if word not in printed[key]]
        assert missing == [], f"{key} shows what its command does not print"
    everything = " ".join(printed.values())
    assert [word for word in page.top if word not in everything] == []
    assert len(page.short) >= 5
    for sentence in page.short:
        for number in re.findall(r"\d[\d.,]*(?: (?:%|h|min|days|s)(?=\W|$))?", sentence):
            assert number in everything, sentence
    drawn = [re.sub(r"^(level|n =) ", "", word) for word in page.drawn]
    assert len(drawn) > 20
    assert [word for word in drawn if word not in everything] == []
    numbers = [word for word in page.steps if word[0].isdigit()]
    assert numbers
    assert [word for word in numbers if word not in printed["next_steps"]] == []


def test_shares_of_themes_stand_within_their_intervals(study: Study) -> None:
    for row in figure(study, "themes").rows:
        value, low, high = (float(number) for number in re.findall(r"([\d.]+) %", row[3]))
        assert low <= value <= high


def test_nobody_is_named_and_nothing_is_fetched(report: Path) -> None:
    both = report.read_text("utf-8") + report.with_suffix(".config.json").read_text("utf-8")
    assert [name for name in (*FIRST, *LAST) if re.search(rf"\b{name}\b", both, re.I)] == []
    assert "@people" not in both
    assert "<script" not in both
    assert re.findall(r"(?:src|href)=\"(?!#)[^\"]*\"", both) == []


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
def test_the_report_passes_axe_and_fits_its_window(report: Path, scheme: str, width: int) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            bypass_csp=True,
        )
        page = context.new_page()
        page.goto(report.as_uri())
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if os.environ.get("PARLEY_PICTURES") and (scheme, width) == ("light", 1440):
            page.set_viewport_size({"width": 1200, "height": 1180})
            page.screenshot(path=PICTURES / "assessment.png")
        browser.close()


# ── setup ───────────────────────────────────────────────────────────────────────────────────


@needs_encoder
def test_the_setup_is_taken_into_a_desk_once(report: Path, desk: StoryDesk) -> None:
    new = prepared.read(report.with_suffix(".config.json"))
    assert new.macros
    assert new.articles
    taken = desk.record.do(lambda tx: prepared.take(tx, new))
    assert taken.articles == len(new.articles)
    assert desk.record.ask(prepared.teams) == new.teams
    assert desk.record.ask(prepared.tags) == new.tags
    assert [macro.name for macro in desk.record.ask(desk_notes.macros)][-len(new.macros) :] == [
        m.name for m in new.macros
    ]
    drafts = desk.record.ask(knowledge.every, audience="draft")
    assert {draft.title for draft in drafts} >= {article.title for article in new.articles}
    again = desk.record.do(lambda tx: prepared.take(tx, new))
    assert (again.teams, again.tags, again.macros, again.articles) == (0, 0, 0, 0)


def test_another_file_is_no_setup(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"macros": 3}')
    with pytest.raises(BadConfig, match="Nothing was changed"):
        prepared.read(tmp_path / "x.json")
