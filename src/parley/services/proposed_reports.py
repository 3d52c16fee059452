"""What a language model makes of a question that was not understood: a query, or nothing.

It never sees a figure, a conversation or the database. It is given the names of the semantic layer and says which of
them are meant, in one typed form; what it says is checked like an address that somebody typed, and shown as its guess.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from parley.core.errors import Refused
from parley.core.measure import DEFINITIONS
from parley.core.query import Filter, Query
from parley.core.redaction import redacted
from parley.core.semantics import DIMENSIONS, MEASURES, PERIODS, check
from parley.services import language_model
from parley.services.language_model import Model

PURPOSE = "reports"
OFFERED = ("channel", "brand", "team", "topic", "language", "handled", "weekday")
"""Whose values it is told. Names of people are not among them."""
MOST_TOLD = 60

RULE = """You translate a question about a customer service desk into one JSON object, and write nothing else.
{{"measures": [...], "by": [...], "filters": {{"dimension": ["value"]}}, "period": "...", "compare": false}}
measures: one to four of these keys:
{measures}
by: none, one or two of: {dimensions}
filters: only these values, by their keys:
{values}
period: {periods}, a number of days as 14d, or dates as 2026-09-01.. or 2026-09-01..2026-09-30. Today is {today}.
compare: true if the question compares with an earlier period.
If the question asks for anything that these cannot say, write {{"measures": []}}."""


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it may say."""

    measures: tuple[str, ...]
    by: tuple[str, ...] = ()
    filters: dict[str, tuple[str, ...]] = {}
    period: str = "28d"
    compare: bool = False


def may_ask(conn: Connection) -> bool:
    now = language_model.settings(conn)
    return now.on and now.reports


def proposed(model: Model, question: str, values: Mapping[str, Mapping[str, str]], now: datetime) -> Query | None:
    """Its query, if it says one that is well formed and names only what there is."""
    told = {key: dict(list(values.get(key, {}).items())[:MOST_TOLD]) for key in OFFERED}
    said = model.ask(0, PURPOSE, rule(told, now), redacted(question))
    return read(said, told, now) if said else None


def rule(told: Mapping[str, Mapping[str, str]], now: datetime) -> str:
    return RULE.format(
        measures="\n".join(f"{key}: {DEFINITIONS[key].label}" for key in MEASURES),
        dimensions=", ".join(DIMENSIONS),
        values="\n".join(
            f"{key}: " + ", ".join(f"{value} ({label})" for value, label in known.items())
            for key, known in told.items() if known
        ),
        periods=", ".join(PERIODS),
        today=f"{now:%Y-%m-%d}",
    )  # fmt: skip


def read(said: str, told: Mapping[str, Mapping[str, str]], now: datetime) -> Query | None:
    """The query in an answer; None for anything else, however near it comes."""
    text = said[said.find("{") : said.rfind("}") + 1]
    try:
        found = msgspec.json.decode(text.encode(), type=Proposal)
        if any(value not in told.get(key, {}) for key, chosen in found.filters.items() for value in chosen):
            return None
        return check(
            Query(
                measures=found.measures, by=found.by, period=found.period, compare=found.compare,
                filters=tuple(Filter(key, chosen) for key, chosen in found.filters.items()),
            ),
            now,
        )  # fmt: skip
    except (msgspec.MsgspecError, Refused):
        return None
