"""What changed: planted changes are found with their reason, calm weeks stay calm, page, CSV and API say the same."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest

from harness.desk import START, StoryDesk
from harness.web import WebDesk, serving
from parley.core import events as e
from parley.core.errors import NotFound
from parley.log.readers import catch_up
from parley.log.record import Tx
from parley.services import monday, people
from parley.services.inbox import SYSTEM, Viewer
from parley.services.monday import Change, Monday
from parley.services.numbers import Choice

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ALL = Choice(days=7)
BEGIN = START.replace(hour=0) - 35 * DAY  # START is a Monday; five whole weeks lie before it


class Told(msgspec.Struct):
    """A conversation as it shall have been. wait: minutes to the answer."""

    at: datetime
    wait: float
    tag: str = ""
    by_mail: bool = True
    brand: int = 1
    rating: int | None = None


def lived(desk: StoryDesk, talks: Sequence[Told]) -> None:
    """Writes them into the log as if they had happened, in the order of time."""

    def write(tx: Tx) -> None:
        from parley.core.channel import Address

        kim = next(
            iter(people.meet(tx, [Address(kind="mail", value="kim@customer.test", name="Kim")], "test").values())
        )
        tx.flush()
        moments: list[tuple[datetime, int, str, e.Event, str]] = []
        for talk in talks:
            stream = e.conversation(tx.new_id("conversation"))
            for at, fact, by in _happened(desk, tx, talk, kim):
                moments.append((at, len(moments), stream, fact, by))
        for at, _, stream, fact, by in sorted(moments, key=lambda m: m[:2]):
            tx.append(stream, [fact], by, at=at)

    desk.change(write)
    for reader in desk.desk.readers:
        if not reader.in_step:
            catch_up(desk.record, reader)


def _happened(desk: StoryDesk, tx: Tx, talk: Told, kim: people.Identity) -> Iterator[tuple[datetime, e.Event, str]]:
    box, channel = (desk.mail_inbox, "email") if talk.by_mail else (desk.chat_inbox, "webchat")
    answered = talk.at + talk.wait * MINUTE
    yield talk.at, _opened(talk, kim, box, channel), "person/1"
    yield talk.at, _said(e.MessageReceived, tx, kim, box, channel), "person/1"
    if talk.tag:
        yield talk.at + MINUTE, e.Tagged(tag=talk.tag), "agent/1"
    reply = _said(e.ReplyWritten, tx, kim, box, channel)
    yield answered, reply, "agent/1"
    yield answered, e.Sent(message=reply.message), "delivery"
    yield answered + MINUTE, e.Closed(), "agent/1"
    if talk.rating is not None:
        survey = tx.new_id("survey")
        yield answered + 2 * MINUTE, e.SurveyAsked(survey=survey, message=tx.new_id("message")), "surveys"
        yield answered + 3 * MINUTE, e.SurveyAnswered(survey=survey, score=talk.rating, channel=channel), "person/1"


def _opened(talk: Told, kim: people.Identity, box: int, channel: str) -> e.Event:
    subject = f"About {talk.tag or 'this'}"
    return e.ConversationOpened(person=kim.person, inbox=box, channel=channel, brand=talk.brand, subject=subject)


def _said(
    kind: type[e.MessageReceived] | type[e.ReplyWritten], tx: Tx, kim: people.Identity, box: int, channel: str
) -> e.MessageReceived | e.ReplyWritten:
    message = tx.new_id("message")
    tx.say(message, e.Words(text="Said and done."))
    return kind(message=message, person=kim.person, identity=kim.id, inbox=box, channel=channel)


def weeks(rng: Random, a_day: int = 6) -> list[Told]:
    """Five weeks of the same: two topics, two channels, answers after about an hour."""
    found = []
    for day in range(35):
        for _ in range(a_day + rng.randint(-1, 1)):
            at = BEGIN + day * DAY + 8 * HOUR + rng.random() * 10 * HOUR
            tag = rng.choice(("delivery", "returns"))
            by_mail = rng.random() < 0.5
            rating = rng.choice((1, 5, 5, 5)) if rng.random() < 0.5 else None
            found.append(Told(at, 40 + rng.random() * 40, tag, by_mail, rating=rating))
    return found


def last(talk: Told) -> bool:
    return talk.at >= BEGIN + 28 * DAY


def asked(desk: StoryDesk, who: Viewer = SYSTEM) -> Monday:
    return desk.record.ask(monday.monday, who, ALL, START + 7 * HOUR)


def of(found: Monday, key: str) -> Change:
    return next(one for one in found.changes if one.key == key)


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[StoryDesk]:
    with closing(StoryDesk(tmp_path)) as desk:
        yield desk


# ── what is found ───────────────────────────────────────────────────────────────────────────


def test_calm_weeks_stay_calm(desk: StoryDesk) -> None:
    lived(desk, weeks(Random(1)))
    found = asked(desk)
    assert found.week.start == START.replace(hour=0) - 7 * DAY
    assert found.compared_with.end == found.week.start
    assert found.weeks == 4
    assert [one.key for one in found.changes if one.clear] == []
    assert [one.key for one in found.moved if one.clear] == []
    assert found.tested >= 8


def test_slow_answers_of_one_topic_are_found_with_their_reason(quick: StoryDesk) -> None:
    talks = weeks(Random(2))
    slow = [msgspec.structs.replace(t, wait=t.wait + 600) if last(t) and t.tag == "delivery" else t for t in talks]
    lived(quick, slow)
    found = asked(quick)
    human = of(found, "human")
    assert human.clear
    assert human.value is not None
    assert human.before is not None
    assert human.value > human.before
    assert not of(found, "volume").clear
    first = human.reasons[0]
    assert (first.by, first.key, first.alone) == ("topic", "delivery", True)
    assert first.part > 0.7
    assert abs(first.rate) > 5 * abs(first.mix)
    cases, kind = quick.record.ask(monday.cases, SYSTEM, ALL, "human", "topic", "delivery", START)
    assert kind == "time"
    assert len(cases) == first.n
    assert all(case.value and case.value > 600 * 60 for case in cases)
    assert cases == sorted(cases, key=lambda case: -(case.value or 0))


def test_more_of_the_worse_channel_is_told_as_mix(quick: StoryDesk) -> None:
    """Mail is rated worse than chat and stays so; there is only more of it."""
    talks, rng = [], Random(8)
    for number in range(700):
        at = BEGIN + (number % 35) * DAY + 9 * HOUR + (number // 35) * MINUTE
        mail = number % 10 < (9 if at >= BEGIN + 28 * DAY else 2)
        good = rng.random() < (0.3 if mail else 0.85)
        talks.append(Told(at, 50, "", mail, rating=5 if good else 1))
    lived(quick, talks)
    csat = of(asked(quick), "csat")
    assert csat.clear
    assert csat.change is not None
    assert csat.change < -0.2
    parts = [line for line in csat.lines if line.by == "channel"]
    assert sum(line.rate + line.mix for line in parts) == pytest.approx(csat.change)
    assert sum(line.part for line in parts) == pytest.approx(1)
    assert abs(sum(line.mix for line in parts)) > 3 * abs(sum(line.rate for line in parts))


def test_a_topic_that_grows_is_found_though_the_whole_stays(quick: StoryDesk) -> None:
    talks = weeks(Random(3))
    moved = [msgspec.structs.replace(t, tag="card") if last(t) and t.tag == "delivery" else t for t in talks]
    some = [msgspec.structs.replace(t, tag="card") if not last(t) and i % 12 == 0 else t for i, t in enumerate(moved)]
    lived(quick, some)
    found = asked(quick)
    assert not of(found, "volume").clear
    grown = {one.key: one for one in found.moved if one.clear and one.by == "topic"}
    assert grown["card"].ratio > 2
    assert grown["card"].low is not None
    assert grown["card"].low > 1
    assert grown["delivery"].ratio < 0.5 if "delivery" in grown else True


def test_weeks_before_the_desk_are_no_quiet_weeks(quick: StoryDesk) -> None:
    lived(quick, [talk for talk in weeks(Random(4)) if talk.at >= BEGIN + 14 * DAY])
    found = asked(quick)
    assert found.weeks == 2
    volume = of(found, "volume")
    assert not volume.clear
    assert volume.before == volume.n_before / 2


def test_young_promises_are_not_compared(quick: StoryDesk) -> None:
    """A promise counts once its moment has passed, kept or not: else the newest would all look kept."""
    talks = weeks(Random(5))
    lived(quick, [*talks, Told(START - 25 * HOUR, 30, "", True)])
    kept = of(asked(quick), "first_kept")
    assert kept.n == sum(last(talk) for talk in talks) + 1
    assert kept.value == 1


def test_an_empty_desk_has_nothing_to_say(quick: StoryDesk) -> None:
    found = asked(quick)
    assert (found.weeks, found.tested, found.moved) == (0, 0, ())
    assert all(one.few and not one.clear for one in found.changes)
    with pytest.raises(NotFound):
        quick.record.ask(monday.cases, SYSTEM, ALL, "horoscope", "", "", START)


def test_other_brands_are_not_in_it(quick: StoryDesk) -> None:
    talks = weeks(Random(6))
    lived(quick, [msgspec.structs.replace(talk, brand=2) for talk in talks])
    mine = Viewer(agent=1, role="lead", brands=(1,))
    assert all(one.n == one.n_before == 0 for one in asked(quick, mine).changes)
    assert of(asked(quick), "volume").n > 0
    assert quick.record.ask(monday.cases, mine, ALL, "volume", "", "", START)[0] == []


# ── as it is served ─────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    story = StoryDesk(tmp_path_factory.mktemp("monday"))
    talks = weeks(Random(2))
    lived(story, [msgspec.structs.replace(t, wait=700) if last(t) and t.tag == "delivery" else t for t in talks])
    with serving(story) as web:
        yield web


def test_page_csv_and_api_say_the_same(web: WebDesk) -> None:
    lead = web.signed_in("lea", "lead")
    told = lead.get("/api/v1/monday").json()
    table = list(csv.DictReader(io.StringIO(lead.get("/desk/monday.csv").text)))
    figures = {row["figure"]: row for row in table if row["what"] == "figure"}
    assert list(figures) == [one["key"] for one in told["changes"]]
    for one in told["changes"]:
        row = figures[one["key"]]
        assert int(row["n"]) == one["n"]
        assert float(row["chance"]) == one.get("chance", 1.0)
        assert bool(int(row["clear"])) == one.get("clear", False)
        for name in ("value", "low", "high", "before", "change"):
            assert (float(row[name]) if row[name] else None) == one.get(name)
    parts = [row for row in table if row["what"] == "part"]
    assert len(parts) == sum(len(one.get("lines", ())) for one in told["changes"])
    answer = lead.get("/desk/monday")
    assert answer.status_code == 200
    page = answer.text
    clear = [one["key"] for one in told["changes"] if one.get("clear")]
    assert page.count('class="chart change"') == len(clear) > 0
    assert "delivery" in page
    assert "without it no clear change is left" in page


def test_every_line_leads_to_its_conversations(web: WebDesk) -> None:
    lead = web.signed_in("lea", "lead")
    page = lead.get("/desk/monday").text
    links = {part.partition('"')[0].replace("&amp;", "&") for part in page.split('href="')[1:]}
    cases = [link for link in links if link.startswith("/desk/monday/cases")]
    assert len(cases) > 5
    for link in cases:
        answer = lead.get(link)
        assert answer.status_code == 200
        assert "/desk/conversations/" in answer.text or "No conversation to show" in answer.text
