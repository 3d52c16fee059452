"""Questions in plain words and the reports they ask for; and those that are not answered with a guess."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.core.asking import Understood, distance, names_of, understand
from parley.core.query import DONE, Filter, Query
from parley.core.semantics import MEASURES, check
from parley.services import proposed_reports

NOW = datetime(2026, 11, 28, 1, 30, tzinfo=UTC)  # a Saturday
VALUES = {
    "channel": {"email": "E-mail", "webchat": "Web chat", "whatsapp": "WhatsApp", "sms": "SMS",
                "phone_line": "Phone line"},
    "brand": {"1": "Brackenfell Outdoor", "2": "Wrenfield & Daughters"},
    "team": {"Returns": "Returns", "First line": "First line", "Invoice": "Invoice"},
    "agent": {"3": "Ana Silva", "4": "Ben Okafor", "5": "Ana Lind"},
    "topic": {"refund": "refund", "late-delivery": "late-delivery", "size exchange": "size exchange",
              "invoice": "invoice"},
    "language": {"en": "English", "de": "Deutsch", "fr": "Français"},
}  # fmt: skip
NAMES = names_of(VALUES)


def read(question: str) -> Understood:
    return understand(question, NAMES, NOW)


def q(*measures: str, **more: Any) -> Query:
    """A query; further words are dimensions with the values they are narrowed to."""
    fields = {key: more.pop(key) for key in ("by", "period", "compare", "counted") if key in more}
    filters = tuple(Filter(key, (value,) if isinstance(value, str) else tuple(value)) for key, value in more.items())
    return Query(measures=measures, filters=filters, **fields)


ASKED: dict[str, Query] = {
    # one measure
    "How many conversations did we have?": q("volume"),
    "csat": q("csat"),
    "What is our NPS?": q("nps"),
    "customer effort score this quarter": q("ces", period="this_quarter"),
    "backlog": q("open"),
    "How old is the backlog?": q("open_age_median"),
    "backlog age by brand": q("open_age_median", by=("brand",)),
    "containment rate last week": q("contained", period="last_week"),
    "first contact resolution last month": q("no_repeat", period="last_month"),
    "reopen rate yesterday": q("reopened", period="yesterday"),
    "transfers this month": q("transferred", period="this_month"),
    "sla attainment last 7 days": q("first_kept", period="7d"),
    "resolution sla in October": q("resolution_kept", period="2026-10-01..2026-10-31"),
    "survey response rate": q("response_rate"),
    "time to resolution": q("resolution_median"),
    "p90 first response": q("human_p90"),
    "90th percentile of resolution time by channel": q("resolution_p90", by=("channel",)),
    "nine of ten first response last week": q("human_p90", period="last_week"),
    "bot first response today": q("bot_median", period="today"),
    "true bot resolution by topic": q("bot_resolved", by=("topic",)),
    "customers say solved": q("said_solved"),
    # splits
    "Median first response by channel last month for Brackenfell":
        q("human_median", by=("channel",), period="last_month", brand="1"),
    "how many refunds per week since September":
        q("volume", by=("week",), period="2026-09-01..", topic="refund"),
    "CSAT by topic compared with before": q("csat", by=("topic",), compare=True),
    "volume by weekday and hour": q("volume", by=("weekday", "hour")),
    "conversations per day in the last two weeks": q("volume", by=("day",), period="14d"),
    "weekly volume this year": q("volume", by=("week",), period="this_year"),
    "monthly csat since January": q("csat", by=("month",), period="2026-01-01.."),
    "csat split by agent and week": q("csat", by=("agent", "week")),
    "which channels have the worst satisfaction": q("csat", by=("channel",)),
    "reopened by team last quarter": q("reopened", by=("team",), period="last_quarter"),
    "first response by language": q("human_median", by=("language",)),
    "volume by bot or human": q("volume", by=("handled",)),
    "resolution time by hour of day": q("resolution_median", by=("hour",)),
    "nps by brand and month": q("nps", by=("brand", "month")),
    "Backlog by brand": q("open", by=("brand",)),
    # narrowed
    "csat for web chat": q("csat", channel="webchat"),
    "csat in webchat last week": q("csat", channel="webchat", period="last_week"),
    "first response on whatsapp": q("human_median", channel="whatsapp"),
    "volume by email": q("volume", channel="email"),
    "resolution time for e-mail": q("resolution_median", channel="email"),
    "email vs web chat csat": q("csat", by=("channel",), channel=("email", "webchat")),
    "compare email and sms volume": q("volume", by=("channel",), channel=("email", "sms")),
    "csat of Ana Silva": q("csat", agent="3"),
    "first response of Ben": q("human_median", agent="4"),
    "late deliveries per day": q("volume", by=("day",), topic="late-delivery"),
    "how many late deliveries per day": q("volume", by=("day",), topic="late-delivery"),
    "csat of refund and invoice conversations": q("csat", topic=("refund", "invoice")),
    "csat for Wrenfield & Daughters": q("csat", brand="2"),
    "volume in French by week": q("volume", by=("week",), language="fr"),
    "volume on Mondays by hour": q("volume", by=("hour",), weekday="0"),
    "csat handled by the bot": q("csat", handled="bot"),
    "how many were escalated last week": q("volume", handled="handed", period="last_week"),
    "sla of the returns team": q("first_kept", team="Returns"),
    "reopened on the phone line": q("reopened", channel="phone_line"),
    # periods
    "volume between 1 October and 15 October": q("volume", period="2026-10-01..2026-10-15"),
    "volume between 1 and 15 October": q("volume", period="2026-10-01..2026-10-15"),
    "csat from 3rd to 9th of November by day": q("csat", by=("day",), period="2026-11-03..2026-11-09"),
    "csat from 2026-09-01 to 2026-09-30": q("csat", period="2026-09-01..2026-09-30"),
    "volume since monday by day": q("volume", by=("day",), period="2026-11-23.."),
    "nps in q3": q("nps", period="2026-07-01..2026-09-30"),
    "csat on 3 November": q("csat", period="2026-11-03..2026-11-03"),
    "volume last 3 months by week": q("volume", by=("week",), period="91d"),
    "csat in december": q("csat", period="2025-12-01..2025-12-31"),
    "csat last year": q("csat", period="2025-01-01..2025-12-31"),
    "sla past 30 days by day": q("first_kept", by=("day",), period="30d"),
    # several measures, counted otherwise, with a before
    "csat and nps by brand": q("csat", "nps", by=("brand",)),
    "first response, resolution time and csat by channel last month":
        q("human_median", "resolution_median", "csat", by=("channel",), period="last_month"),
    "resolution time by closing date last week": q("resolution_median", period="last_week", counted=DONE),
    "volume by channel last week vs before": q("volume", by=("channel",), period="last_week", compare=True),
    "How many conversations were reopened per week?": q("reopened", by=("week",)),
    "first response week on week": q("human_median", compare=True),
    "first response this week compared to last week": q("human_median", period="this_week", compare=True),
    "volume this week vs last week by channel":
        q("volume", by=("channel",), period="this_week", compare=True),
    "csat last week versus the week before": q("csat", period="last_week", compare=True),
    "how fast do we answer on whatsapp": q("human_median", channel="whatsapp"),
    "how satisfied are customers by brand": q("csat", by=("brand",)),
    "csat over time": q("csat", by=("week",)),
    "bot deflection trend": q("contained", by=("week",)),
    "emails per day last week": q("volume", by=("day",), channel="email", period="last_week"),
    "refunds per week": q("volume", by=("week",), topic="refund"),
    "busiest hour": q("volume", by=("hour",)),
    "how quickly do we respond to emails": q("human_median", channel="email"),
    "backlog of the invoice team": q("open", team="Invoice"),
    "csat for invoice questions": q("csat", topic="invoice"),
    "how does first response compare to the week before": q("human_median", compare=True),
    "how many did the bot solve last week": q("bot_resolved", period="last_week"),
    # slips of typing
    "medain frist respnse by chanel last month": q("human_median", by=("channel",), period="last_month"),
    "csat by tpoic": q("csat", by=("topic",)),
    "containmnet by brnd": q("contained", by=("brand",)),
    "volume for Brackenfel": q("volume", brand="1"),
    "resolutoin time by channel": q("resolution_median", by=("channel",)),
    "satisfacton by weekday": q("csat", by=("weekday",)),
}  # fmt: skip


@pytest.mark.parametrize("question", ASKED, ids=str)
def test_a_question_is_read_as_its_report(question: str) -> None:
    found = read(question)
    assert found.unknown == ()
    assert found.query == ASKED[question]


NOT_UNDERSTOOD: dict[str, str] = {
    "what is the weather tomorrow": "weather",
    "average order value by brand": "average",
    "revenue by channel last month": "revenue",
    "how many socks did we sell": "socks",
    "select * from agents": "select",
    "drop table conversations": "drop",
    "csat by moon phase": "moon",
    "first response except refunds": "except",
    "csat by channel over 90": "90",
    "conversations longer than 3 hours": "longer",
    "mean first response by channel": "mean",
    "passwords of all agents": "passwords",
    "csat for Unknown Brand": "unknown",
    "volume where name = 'x' or 1=1": "where",
    "first response without the weekend": "without",
    "salary by agent": "salary",
    "csat of Ana": "ana",
}


@pytest.mark.parametrize("question", NOT_UNDERSTOOD, ids=str)
def test_what_is_not_understood_is_said_and_not_guessed(question: str) -> None:
    found = read(question)
    assert found.query is None
    assert NOT_UNDERSTOOD[question] in {one.words for one in found.unknown}


@pytest.mark.parametrize(("question", "why"), [
    ("", "Say what"), ("by channel", "no measure"), ("last month", "no measure"), ("please show me", "no measure"),
    ("csat last week this month", "two periods"), ("csat by channel by brand by agent", "two different things"),
    ("csat by day and week", "do not cross"), ("backlog by day", "of this moment"),
    ("volume by closing date", "no end of its own"), ("volume since 2020-01-01", "400 days"),
    ("csat nps ces sla backlog by brand", "more than 4"),
])  # fmt: skip
def test_a_question_that_is_no_report_is_told_why(question: str, why: str) -> None:
    found = read(question)
    assert found.query is None
    assert why in found.why


def test_what_is_near_is_offered() -> None:
    assert "median" in read("average first response").unknown[0].near
    assert "satisfaction" in read("csat and satisfiedness").unknown[0].near
    unknown = read("csat by moon phase")
    assert unknown.partly == q("csat"), "the rest can be shown, with a click"


def test_a_slip_that_was_mended_is_shown() -> None:
    parts = read("satisfacton by chanel").parts
    assert [(part.words, part.read_as) for part in parts] == [("satisfacton", "satisfaction"), ("chanel", "channel")]


def test_asking_for_an_order_of_rows_is_named() -> None:
    assert read("which agents have the worst csat").ignored == ("worst",)


def test_two_people_of_one_name_are_not_confused() -> None:
    assert read("csat of Ana Lind").query == q("csat", agent="5")
    assert read("csat of Ana").query is None


def test_part_of_a_name_will_do_where_it_means_one_thing() -> None:
    assert read("csat for Wrenfield").query == q("csat", brand="2")
    assert read("csat of Okafor").query == q("csat", agent="4")


def test_a_name_that_is_not_known_to_the_asker_is_nothing_to_them() -> None:
    """Names come from what the asker may see; nothing else can be found out by asking."""
    found = understand("csat of Ben", names_of({**VALUES, "agent": {}}), NOW)
    assert found.query is None
    assert "ben" in {one.words for one in found.unknown}


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_to_an_end(text: str) -> None:
    found = read(text)
    if found.query is not None:
        assert check(found.query, NOW) == found.query
        assert found.unknown == ()


@given(st.lists(st.sampled_from([*(name for m in MEASURES.values() for name in m.names), "by channel", "per week",
                                 "last month", "for refund", "moon", "and", "drop"]), max_size=6))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_a_report_is_well_formed_or_there_is_none(parts: list[str]) -> None:
    found = read(" ".join(parts))
    assert found.query is None or check(found.query, NOW)
    if {"moon", "drop"} & set(parts):
        assert found.query is None


def test_distance_counts_slips() -> None:
    assert [distance(*pair.split()) for pair in ("chanel channel", "tpoic topic", "csat csat", "a abc")] == [1, 1, 0, 2]


# ── what a language model may propose ───────────────────────────────────────────────────────

TOLD = {"brand": {"1": "Brackenfell"}, "topic": {"refund": "refund"}}
GOOD = '{"measures": ["csat"], "by": ["channel"], "filters": {"brand": ["1"]}, "period": "last_month"}'


def test_a_proposal_is_a_query_like_any_other() -> None:
    wanted = q("csat", by=("channel",), brand="1", period="last_month")
    assert proposed_reports.read(GOOD, TOLD, NOW) == wanted
    assert proposed_reports.read(f"Here you are:\n```json\n{GOOD}\n```", TOLD, NOW) == wanted


@pytest.mark.parametrize("said", [
    "", "I do not know.", "SELECT * FROM conversations", '{"measures": []}', '{"measures": ["revenue"]}',
    '{"measures": ["csat"], "sql": "drop table agents"}', '{"measures": ["csat"], "by": ["agent", "day", "week"]}',
    '{"measures": ["csat"], "filters": {"brand": ["2"]}}', '{"measures": ["csat"], "filters": {"agent": ["3"]}}',
    '{"measures": ["csat"], "filters": {"topic": ["refund\'; --"]}}', '{"measures": ["csat"], "period": "forever"}',
    '{"measures": "csat"}', "[1, 2]",
])  # fmt: skip
def test_anything_else_that_a_model_says_is_nothing(said: str) -> None:
    assert proposed_reports.read(said, TOLD, NOW) is None


def test_a_model_is_told_names_of_the_layer_and_of_no_person() -> None:
    rule = proposed_reports.rule({key: VALUES[key] for key in proposed_reports.OFFERED if key in VALUES}, NOW)
    assert all(f"{key}: " in rule for key in MEASURES)
    assert "Brackenfell Outdoor" in rule
    assert "Ana Silva" not in rule
    assert msgspec.json.encode(rule)
