"""What a page of a report shows: the builder's form, what was understood, figures, drawings and the table."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from parley.core.asking import COMPARE, COUNTED, MEASURE, PERIOD, SPLIT, Part, Understood
from parley.core.measure import DEFINITIONS
from parley.core.query import BEGAN, DONE, Filter, Query
from parley.core.semantics import DIMENSIONS, MEASURES, MOST_MEASURES, PERIODS
from parley.services.figures import Number
from parley.services.numbers import Choice
from parley.services.reporting import Found, Row
from parley.web import numbers, report_charts, views
from parley.web.report_words import NARROWED, NONE, NOTHING, Names, address, calendar, period_words, title
from parley.web.words import translate as t

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("How many", ("volume", "open", "open_age_median", "open_age_p90")),
    ("How fast", ("human_median", "human_p90", "right_median", "right_p90", "bot_median", "bot_p90",
                  "resolution_median", "resolution_p90")),
    ("Costs", ("cost",)),
    ("Promises", ("first_kept", "next_kept", "resolution_kept")),
    ("Solved", ("no_repeat", "one_touch", "no_reopen", "first_contact_closed", "said_solved", "reopened",
                "transferred")),
    ("The bot", ("contained", "bot_resolved")),
    ("What customers say", ("csat", "response_rate", "nps", "ces")),
)  # fmt: skip


class Options(views.View, frozen=True, kw_only=True):
    """A list of the form, in groups; a group without a label stands by itself. chosen: a value."""

    name: str
    label: str
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    chosen: str = ""
    hidden: bool = False


class Chip(views.View, frozen=True, kw_only=True):
    """A part of the query. href: the report without it, where it can do without. mended: the slip that was read so."""

    label: str
    text: str
    href: str = ""
    mended: str = ""


class Lost(views.View, frozen=True, kw_only=True):
    """Words that were not understood. near: what is like them (text, address of the question with it)."""

    words: str
    near: tuple[tuple[str, str], ...] = ()


class Asked(views.View, frozen=True, kw_only=True):
    """How a question was read. partly: address of the report that the rest makes. model: a model may be
    asked; proposed: this is its reading; in_vain: it had none."""

    question: str
    chips: tuple[Chip, ...] = ()
    lost: tuple[Lost, ...] = ()
    ignored: tuple[str, ...] = ()
    why: str = ""
    partly: str = ""
    partly_words: str = ""
    model: bool = False
    proposed: bool = False
    in_vain: bool = False


class Cell(views.View, frozen=True, kw_only=True):
    value: str
    interval: str
    n: str
    has_interval: bool = True
    note: str = ""
    change: str = ""
    tone: str = "quiet"
    href: str = ""


class Line(views.View, frozen=True, kw_only=True):
    names: tuple[str, ...]
    cells: tuple[Cell, ...]


class Form(views.View, frozen=True, kw_only=True):
    measures: tuple[Options, ...]
    splits: tuple[Options, ...]
    period: Options
    start: str
    end: str
    narrowed: tuple[Options, ...]
    compare: bool
    counted: Options

    @property
    def is_narrowed(self) -> bool:
        return self.counted.chosen != BEGAN or any(one.chosen for one in self.narrowed)


class Kept(views.View, frozen=True, kw_only=True):
    """A saved report on its page. shares, weekdays, hours, agents: (value, label, chosen). mails: what became of them
    (agent, when it is due, when the last was sent, what hinders it). changed: the form differs from what is saved."""

    id: int
    name: str
    owner: str
    mine: bool
    shared: str
    shares: tuple[tuple[str, str, bool], ...] = ()
    every: str = ""
    mailed: str = ""
    weekdays: tuple[tuple[str, str, bool], ...] = ()
    hours: tuple[tuple[str, str, bool], ...] = ()
    agents: tuple[tuple[str, str, bool], ...] = ()
    mails: tuple[tuple[str, datetime, datetime | None, str], ...] = ()
    changed: bool = False


class ReportPage(views.View, frozen=True, kw_only=True):
    """heading: dimensions; measures: (label, whether it has an interval), each with its columns. query: the address's
    part that asks for it. may_save: whether the reader may keep it. status: that of the answer."""

    title: str
    query: str
    form: Form
    figures: tuple[views.Figure, ...] = ()
    charts: tuple[views.Chart, ...] = ()
    heading: tuple[str, ...] = ()
    measures: tuple[tuple[str, bool], ...] = ()
    lines: tuple[Line, ...] = ()
    compare: bool = False
    notes: tuple[str, ...] = ()
    calendar: str = ""
    as_of: datetime | None = None
    problem: str = ""
    status: int = 200
    asked: Asked | None = None
    kept: Kept | None = None
    may_save: bool = False
    chips: tuple[Chip, ...] = ()


# ── the form ────────────────────────────────────────────────────────────────────────────────


def form(query: Query, names: Names) -> Form:
    own = query.period if query.period in PERIODS else "dates" if ".." in query.period else query.period
    periods = [*((key, t(label)) for key, label in PERIODS.items()), ("dates", t("From a day on"))]
    if own not in dict(periods):
        periods.insert(0, (own, period_words(own)))
    start, _, end = query.period.partition("..") if ".." in query.period else ("", "", "")
    return Form(
        measures=tuple(_measure(place, query) for place in range(min(len(query.measures) + 1, MOST_MEASURES))),
        splits=tuple(_split(place, query) for place in range(2)),
        period=Options(name="period", label=t("Period"), groups=(("", tuple(periods)),), chosen=own),
        start=start,
        end=end,
        narrowed=tuple(
            _narrow(key, query, names) for key in NARROWED if len(names.values[key]) > 1 or query.only(key)
        ),
        compare=query.compare,
        counted=Options(
            name="counted", label=t("Counted by"), chosen=query.counted,
            groups=(("", ((BEGAN, t("when they began")), (DONE, t("when it was done")))),),
        ),
    )  # fmt: skip


def _measure(place: int, query: Query) -> Options:
    groups = tuple((t(label), tuple((key, t(DEFINITIONS[key].label)) for key in keys)) for label, keys in GROUPS)
    none = (("", (("", t("Nothing more")),)),) if place else ()
    chosen = query.measures[place] if place < len(query.measures) else ""
    return Options(name="measure", label=t("and") if place else t("Show"), groups=(*none, *groups), chosen=chosen)


def _split(place: int, query: Query) -> Options:
    options = (("", t("Nothing") if not place else t("Nothing more")),
               *((key, t(one.label)) for key, one in DIMENSIONS.items()))  # fmt: skip
    chosen = query.by[place] if place < len(query.by) else ""
    return Options(name="by", label=t("and") if place else t("Split by"), groups=(("", options),), chosen=chosen)


def _narrow(key: str, query: Query, names: Names) -> Options:
    options = [("", t("All")), *names.values[key].items()]
    if key in NOTHING:
        options.append((NONE, t(NOTHING[key])))
    values = [value or NONE for value in query.only(key)]
    chosen = ",".join(values)
    if chosen and chosen not in dict(options):
        options.insert(1, (chosen, ", ".join(names.of(key, value) for value in query.only(key))))
    return Options(name=key, label=t(DIMENSIONS[key].label), groups=(("", tuple(options)),), chosen=chosen)


# ── what was understood ─────────────────────────────────────────────────────────────────────


def chips(query: Query, names: Names, path: str = "/desk/reports/new") -> tuple[Chip, ...]:
    """The parts of a query, each with the address of the report without it."""

    def without(**changed: object) -> str:
        return f"{path}?{address(msgspec.structs.replace(query, **changed))}"

    found = [
        Chip(label=t("Shows"), text=t(DEFINITIONS[key].label),
             href=without(measures=tuple(k for k in query.measures if k != key)) if len(query.measures) > 1 else "")
        for key in query.measures
    ]  # fmt: skip
    found += [
        Chip(label=t("by"), text=t(DIMENSIONS[key].label), href=without(by=tuple(k for k in query.by if k != key)))
        for key in query.by
    ]
    for one in query.filters:
        for value in one.values:
            found.append(
                Chip(label=t(DIMENSIONS[one.dimension].label), text=names.of(one.dimension, value),
                     href=without(filters=_dropped(query, one, value)))
            )  # fmt: skip
    usual = without(period="28d") if query.period != "28d" else ""
    found.append(Chip(label=t("Period"), text=period_words(query.period), href=usual))
    if query.compare:
        found.append(Chip(label="", text=t("beside the same weekdays before"), href=without(compare=False)))
    if query.counted == DONE:
        found.append(Chip(label="", text=t("counted by when it was done"), href=without(counted=BEGAN)))
    return tuple(found)


def _dropped(query: Query, gone: Filter, value: str) -> tuple[Filter, ...]:
    rest = tuple(other for other in gone.values if other != value)
    return tuple(
        Filter(one.dimension, rest) if one is gone else one for one in query.filters if one is not gone or rest
    )


def understood_chips(found: Understood, names: Names) -> tuple[Chip, ...]:
    """What was understood of a question that is no query as a whole."""
    return tuple(_said(part, names) for part in found.parts)


def _said(part: Part, names: Names) -> Chip:
    mended = part.words if part.read_as else ""
    if part.kind == MEASURE:
        return Chip(label=t("Shows"), text=t(DEFINITIONS[part.key].label), mended=mended)
    if part.kind == SPLIT:
        return Chip(label=t("by"), text=t(DIMENSIONS[part.key].label), mended=mended)
    if part.kind == PERIOD:
        return Chip(label=t("Period"), text=period_words(part.key))
    if part.kind in (COMPARE, COUNTED):
        words = t("side by side") if part.key == "values" else t("beside the same weekdays before")
        return Chip(label="", text=words if part.kind == COMPARE else t("counted by when it was done"))
    return Chip(label=t(DIMENSIONS[part.key].label), text=names.of(part.key, part.value), mended=mended)


# ── figures and table ───────────────────────────────────────────────────────────────────────


def of(found: Found, names: Names, as_of: datetime, path: str = "/desk/reports/cases") -> ReportPage:
    """A report as it is shown."""
    asked = address(found.query)

    def href(key: str, values: Sequence[str]) -> str:
        return f"{path}?{address(found.query, figure=key, **{f'g{n}': v or NONE for n, v in enumerate(values)})}"

    return ReportPage(
        title=title(found.query, names),
        query=asked,
        form=form(found.query, names),
        figures=tuple(_figure(number, found, href(number.key, ()), whole=True) for number in found.totals),
        charts=report_charts.charts(found, names, href),
        heading=tuple(t(DIMENSIONS[key].label) for key in found.query.by),
        measures=tuple(
            (t(DEFINITIONS[key].label), MEASURES[key].unit != "conversations") for key in found.query.measures
        ),
        lines=tuple(_line(row, found, names, href) for row in found.rows),
        compare=found.query.compare,
        notes=_notes(found),
        calendar=calendar(found),
        as_of=as_of,
        chips=chips(found.query, names),
    )


def _figure(number: Number, found: Found, href: str, *, whole: bool = False) -> views.Figure:
    shown = numbers.in_currency(numbers.figure(number, Choice()), number, found.currency)
    definition = DEFINITIONS[number.key]
    said = f"{shown.definition} {t(definition.spread)}" if whole else shown.definition
    return msgspec.structs.replace(shown, href=href if shown.href else "", definition=said)


def _line(row: Row, found: Found, names: Names, href: report_charts.Href) -> Line:
    cells = []
    for number in row.numbers:
        shown = _figure(number, found, href(number.key, row.keys))
        cells.append(
            Cell(value=shown.value, interval=shown.interval, n=str(number.n), note=shown.note, change=shown.change,
                 tone=shown.tone, href=shown.href, has_interval=MEASURES[number.key].unit != "conversations")
        )  # fmt: skip
    words = tuple(names.of(key, value) for key, value in zip(found.query.by, row.keys, strict=True))
    return Line(names=words, cells=tuple(cells))


def _notes(found: Found) -> tuple[str, ...]:
    said = [
        t("{dimension}: {meaning}", dimension=t(DIMENSIONS[key].label), meaning=t(DIMENSIONS[key].meaning))
        for key in dict.fromkeys((*found.query.by, *(one.dimension for one in found.query.filters)))
        if DIMENSIONS[key].meaning
    ]
    if found.left_out:
        said.append(t("{n} more groups with fewer cases are not shown.", n=found.left_out))
    if any(number.few for row in found.rows for number in row.numbers):
        said.append(t("Fewer than five cases: nothing is said about one person."))
    if found.query.counted == DONE:
        said.append(t(
            "Counted by when it was done: what has no end yet is not part of it, so slow ones come in a later period."
        ))  # fmt: skip
    elif found.query.by and any(MEASURES[key].of != "talks" for key in found.query.measures):
        said.append(t("Ratings, answers and promises go by their own day, under what is known of their conversation."))
    return tuple(said)
