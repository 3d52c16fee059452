"""Eight areas of a desk's maturity, each on a ladder of five rungs with the figure that puts it there."""

from collections.abc import Callable

import msgspec

from parley.assess.figures import FIGURES, Figure, percent
from parley.assess.study import Study

LEVELS = ("1 – by chance", "2 – begun", "3 – in order", "4 – measured", "5 – leading")


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """evidence: key of the figure it is read from. rungs: from level 2 to 5; falling ones where less is better."""

    name: str
    evidence: str
    rungs: tuple[float, float, float, float]
    less: bool = False
    written: str = "share"


AREAS = (
    Area(
        name="Speed", evidence="first_answer_median", rungs=(86_400, 43_200, 14_400, 3_600), less=True, written="time"
    ),
    Area(name="Reliability", evidence="unanswered", rungs=(0.2, 0.08, 0.03, 0.01), less=True),
    Area(name="Hours", evidence="outside_hours", rungs=(0.45, 0.3, 0.15, 0.05), less=True),
    Area(name="Solved for good", evidence="no_repeat", rungs=(0.7, 0.8, 0.9, 0.95)),
    Area(name="Clear answers", evidence="one_touch", rungs=(0.35, 0.5, 0.65, 0.8)),
    Area(name="Routine off people's hands", evidence="trusted", rungs=(0.35, 0.2, 0.1, 0.03), less=True),
    Area(name="Shared load", evidence="answerers", rungs=(0.8, 0.6, 0.45, 0.3), less=True),
    Area(name="Listening", evidence="listening", rungs=(0.25, 0.5, 0.75, 1.0)),
)


def level(area: Area, value: float) -> int:
    """1 to 5."""
    return 1 + sum((value <= rung) if area.less else (value >= rung) for rung in area.rungs)


def _next(area: Area, now: int) -> str:
    if now == 5:
        return "stay there"
    rung = area.rungs[now - 1]
    edge = f"{rung / 3600:.0f} h" if area.written == "time" else percent(rung)
    return f"{'at most' if area.less else 'at least'} {edge}"


def listening(study: Study) -> Figure:
    """What is recorded about how it went."""
    n = len(study.cases)
    seen = (
        ("closes are recorded", any(case.states for case in study.cases)),
        ("half of the conversations have a tag", bool(n) and sum(bool(c.tags) for c in study.cases) >= n / 2),
        ("one in twenty is rated", bool(n) and sum(c.score is not None for c in study.cases) >= n / 20),
        ("one in five is rated", bool(n) and sum(c.score is not None for c in study.cases) >= n / 5),
    )
    had = sum(has for _, has in seen)
    return Figure(
        key="listening", label="Signs of listening", value=f"{had} of 4", n=n, of="conversations", number=had / 4,
        definition="Which of four things the source records: closes, tags, ratings of one in twenty, of one in five. A "
        "plain mailbox can hold none of them.", heads=("sign", "there"),
        rows=tuple((name, "yes" if has else "no") for name, has in seen),
    )  # fmt: skip


def maturity(study: Study) -> Figure:
    """The ladder; an area whose figure is not known has no level and does not count."""
    rows, levels = [], []
    for area in AREAS:
        found = {**FIGURES, "listening": listening}[area.evidence](study)
        if found.number is None:
            rows.append((area.name, "not known", f"{found.label}: not known", ""))
            continue
        now = level(area, found.number)
        levels.append(now)
        evidence = f"{found.label}: {found.value}, n = {found.n:,}" + (f", {found.interval}" if found.interval else "")
        rows.append((area.name, LEVELS[now - 1], evidence, _next(area, now)))
    mean = sum(levels) / len(levels) if levels else None
    return Figure(
        key="maturity", label="Maturity", value=f"{mean:.1f} of 5" if mean else "not known", n=len(levels),
        of="areas with a figure", number=mean, definition="Mean of the levels of eight areas. Each is read from "
        "one figure "
        "by fixed edges, which are this project's own judgement and not a standard; the table says what is "
        "needed next.",
        heads=("area", "level", "evidence", "for the next level"), rows=tuple(rows),
    )  # fmt: skip


FIGURES_MADE: dict[str, Callable[[Study], Figure]] = {"listening": listening, "maturity": maturity}
