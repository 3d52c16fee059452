"""A question to the desk's figures, as it is asked, kept and written down. What is a good one: core/semantics.py."""

import msgspec

BEGAN, DONE = "began", "done"
PERSONAL = ("agent", "team")
"""Dimensions that tell of single people at work; a team may be one person."""


class Filter(msgspec.Struct, frozen=True):
    """Only what has one of these values. An empty value is what has none."""

    dimension: str
    values: tuple[str, ...]


class Query(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Measures, by at most two dimensions (the rows first), narrowed, over a period. compare: beside the same
    weekdays before. counted: `began` goes by the cohort that began in the period, `done` by what ended in it."""

    measures: tuple[str, ...]
    by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    period: str = "28d"
    compare: bool = False
    counted: str = BEGAN

    def only(self, dimension: str) -> tuple[str, ...]:
        """The values that a dimension is narrowed to; none: all."""
        return next((one.values for one in self.filters if one.dimension == dimension), ())

    @property
    def agent(self) -> str | None:
        """By which dimension it tells of single people; such answers are not shared between those who may ask."""
        told = (*self.by, *(one.dimension for one in self.filters))
        return next((key for key in told if key in PERSONAL), None)
