"""The report as one file: drawings as SVG, style within, no script, nothing fetched."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from parley import __version__
from parley.assess.catalogue import ALL, figure
from parley.assess.figures import DAYS, Figure, percent
from parley.assess.maturity import AREAS, level
from parley.assess.study import Study
from parley.core.cases import Clock
from parley.core.stats import kaplan_meier, share
from parley.web import plots

HOUR, DAY = 3600.0, 86_400.0
_TIMES = plots.Axis(
    low=60, high=30 * DAY, logarithmic=True,
    marks=((60, "1 min"), (600, "10 min"), (HOUR, "1 h"), (8 * HOUR, "8 h"), (DAY, "1 day"), (7 * DAY, "1 week")),
)  # fmt: skip
_SHARES = plots.Axis(low=0, high=1, marks=((0, "0 %"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1, "100 %")))

HEADLINE = ("volume", "first_answer_median", "unanswered", "no_repeat", "routine", "maturity")


class Section(NamedTuple):
    """A chapter: its title, what it asks, and the figures in it, by key."""

    key: str
    title: str
    asks: str
    figures: tuple[str, ...]


SECTIONS = (
    Section("volumes", "How much comes, and when", "Volume, its course over the weeks and over the hours of a week.",
            ("volume", "per_week", "trend", "busiest_hour", "channels")),
    Section("times", "How long customers wait", "First answers and solutions; those that still run count as such.",
            ("first_answer_median", "first_answer_p90", "within_day", "unanswered", "resolution_median",
             "resolution_p90")),
    Section("reasons", "Where they wait, and why", "Closed hours, long queues, or work that goes back and forth.",
            ("waiting", "outside_hours", "backlog", "queued")),
    Section("repeats", "Solved once, or again and again", "First contact resolution and what one solution takes.",
            ("no_repeat", "one_touch", "answers_each", "answerers")),
    Section("themes", "What people write about", "Themes found in their own words, without a list given beforehand.",
            ("themes", "unhappy")),
    Section("routine", "How much of it is routine", "Measured: old answers tried on later questions.",
            ("routine", "by_chance", "trusted")),
    Section("maturity", "How mature the desk is", "Eight areas, each with its evidence.",
            ("maturity", "listening", "unrated")),
    Section("next", "The next ten steps", "Ordered by how many conversations a month they would make better.",
            ("next_steps",)),
)  # fmt: skip


def report(study: Study, source: Sequence[str], beside: str) -> str:
    """The page. source: what `parley assess` was told, for the commands. beside: name of the configuration's file."""
    found = {key: figure(study, key) for key in ALL}
    env = Environment(loader=PackageLoader("parley.assess", "."), autoescape=True, undefined=StrictUndefined,
                      trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    call = "parley assess " + " ".join(shlex.quote(word) for word in source)
    return env.get_template("report.html").render(
        sections=SECTIONS, figures=found, headline=HEADLINE, call=call, beside=beside, version=__version__,
        css=Markup((Path(__file__).parent / "report.css").read_text("utf-8")), drawings=drawings(study, found),
        short=in_short(found),
        ours=study.gathered.ours, source=study.gathered.source, zone=str(study.zone), span=_span(study),
        made=datetime.now(UTC).strftime("%Y-%m-%d"), n=len(study.cases),
    )  # fmt: skip


def in_short(found: Mapping[str, Figure]) -> list[tuple[str, str]]:
    """What a lead should take away, in sentences made of the figures, each with the figure's key."""
    first, none, waits, themes = (found[key] for key in ("first_answer_median", "unanswered", "waiting", "themes"))
    routine, chance, steps = found["routine"], found["by_chance"], found["next_steps"].rows
    told = [
        f"Half of those who write have their first answer by a person within {first.value}."
        if first.number is not None
        else "Fewer than half of those who write get an answer by a person.",
        f"{none.value} never hear from a person." if none.number else "",
        f"{waits.value} of all waiting passes while nobody is at work." if waits.number else "",
        f"The largest of {themes.value} themes is “{themes.rows[0][0].strip('“”')}”." if themes.rows else "",
        f"{routine.value} of later questions are answered by what was written before; by chance {chance.value}."
        if routine.number is not None
        else "",
        f"What would help most: {steps[0][0].lower()}, about {steps[0][1].partition(' ')[0]} conversations a month."
        if steps
        else "",
    ]
    keys = (first.key, none.key, waits.key, themes.key, routine.key, "next_steps")
    return [(sentence, key) for sentence, key in zip(told, keys, strict=True) if sentence]


def _span(study: Study) -> str:
    if not study.cases:
        return "no time at all"
    return f"{study.local(study.cases[0].began):%Y-%m-%d} to {study.local(study.now):%Y-%m-%d}"


# ── drawings ────────────────────────────────────────────────────────────────────────────────


def drawings(study: Study, found: Mapping[str, Figure]) -> dict[str, list[tuple[str, Markup]]]:
    """By section, each with what stands above it."""
    if not study.cases:
        return {}
    solved = _shares("repeats", "Solved for good", found, ("no_repeat", "one_touch"))
    replayed = _shares("routine", "Old answers on later questions", found, ("routine", "by_chance", "trusted"))
    return {
        "volumes": [("Conversations by week", _weeks(study)), ("By weekday and hour", _hours(study))],
        "times": [("Share answered and solved, by time since the first message", _curve(study))],
        "repeats": [("Shares with their intervals", solved)],
        "themes": [("Share of openings read", _themes(study))] if study.themes else [],
        "routine": [("Old answers tried on later questions", replayed)],
        "maturity": [("Level by area, from 1 (by chance) to 5 (leading)", _ladder(found))],
    }


def _weeks(study: Study) -> Markup:
    weeks = study.weeks[-104:]
    ends = {weeks[0], weeks[-1]}
    columns = [
        plots.Bar(name=f"{day:%-d %b %y}", value=n, tentative=(day, n) in ends,
                  hint=f"Week of {day:%Y-%m-%d}: {n:,}" + (" (not whole)" if (day, n) in ends else ""))
        for day, n in weeks
    ]  # fmt: skip
    return plots.bars("weeks", "Conversations by week", "The table below says the same in numbers.", columns)


def _hours(study: Study) -> Markup:
    names = [str(hour) if hour % 3 == 0 else "" for hour in range(24)]
    rows = list(zip(DAYS, study.hours, strict=True))
    return plots.heat(
        "hours", "Conversations by weekday and hour", "Darker is more; see the table.", rows, names, cell=24
    )


def _curve(study: Study) -> Markup:
    curves = []
    for name, clocks in (("first answer", study.firsts), ("solved", study.resolutions)):
        points = [(step.time, 1 - step.alive) for step in _steps(clocks)]
        mark = next((point for point in points if point[1] >= 0.5), None)
        curves.append(plots.Steps(name=name, points=points, mark=mark, words="half by here" if mark else ""))
    about = "Share of conversations that have their first answer, and that are solved, by the time since they began."
    return plots.steps("curve", "Answered and solved over time", about, curves, _TIMES)


def _steps(clocks: Sequence[Clock]) -> list:  # type: ignore[type-arg]
    return kaplan_meier([c.seconds for c in clocks if c.ended], [c.seconds for c in clocks if not c.ended])


def _shares(key: str, title: str, found: Mapping[str, Figure], names: Sequence[str]) -> Markup:
    rows = [
        plots.Whisker(
            name=one.label, value=one.number, low=one.low, high=one.high, text=one.value, note=f"n = {one.n:,}"
        )
        for one in (found[name] for name in names)
    ]
    return plots.whiskers(key, title, "Each share with its 95 % interval.", rows, _SHARES)


def _themes(study: Study) -> Markup:
    whole = len(study.sample)
    rows = []
    for theme in study.themes[:12]:
        n = len(theme.places)
        found = share(n, whole)
        rows.append(
            plots.Whisker(name=theme.name, value=found.value, low=found.interval.low, high=found.interval.high,
                          text=percent(found.value), note=f"n = {n:,}")
        )  # fmt: skip
    top = max(row.high or 0 for row in rows)
    marks = tuple((x, f"{x * 100:.0f} %") for x in (0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1) if x <= top * 1.15)
    axis = plots.Axis(low=0, high=max(top * 1.15, 0.06), marks=marks)
    return plots.whiskers("themes", "Themes by share", "The twelve largest; the table has all of them.", rows, axis)


def _ladder(found: Mapping[str, Figure]) -> Markup:
    axis = plots.Axis(low=1, high=5, marks=tuple((x, str(x)) for x in range(1, 6)))
    rows = []
    for area in AREAS:
        number = found[area.evidence].number
        at = None if number is None else level(area, number)
        rows.append(plots.Whisker(name=area.name, value=at, text=f"level {at}" if at else "not known",
                                  note=f"{found[area.evidence].label}: {found[area.evidence].value}"))  # fmt: skip
    return plots.whiskers("ladder", "Maturity by area", "From 1, by chance, to 5, leading.", rows, axis)
