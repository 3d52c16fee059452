"""Saved reports: kept, shared, hidden, mailed with the figures of the page, and rebuilt from the log."""

import asyncio
import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest

from harness.desk import StoryDesk
from harness.smtp_sink import Sink, smtp_sink
from parley.core import events as e
from parley.core.errors import NotAllowed, NotFound, Refused
from parley.core.query import Filter, Query
from parley.services import report_mail, reporting, saved_reports, setup
from parley.services.inbox import Viewer
from parley.services.saved_reports import DAY, WEEK, next_due
from parley.web.reports import as_csv

VOLUME = Query(measures=("volume", "human_median"), by=("channel",), period="7d")
TEAMS = Query(measures=("csat",), by=("agent",))


@pytest.fixture
def sink() -> Iterator[Sink]:
    with smtp_sink() as sink:
        yield sink


def viewer(desk: StoryDesk, name: str, role: str = "agent", brands: tuple[int, ...] = ()) -> Viewer:
    return Viewer(agent=desk.agent(name, role, brands=brands).number, role=role, brands=brands or None)


def saved(desk: StoryDesk, who: Viewer, query: Query = VOLUME, name: str = "Week") -> int:
    return int(desk.change(lambda tx: saved_reports.save(tx, name, query, who)))


def seen(desk: StoryDesk, who: Viewer) -> list[str]:
    return [one.name for one in desk.record.ask(saved_reports.every, who)]


# ── kept and shared ─────────────────────────────────────────────────────────────────────────


def test_a_report_is_kept_renamed_changed_and_deleted(desk: StoryDesk) -> None:
    ana = viewer(desk, "ana")
    number = saved(desk, ana)
    assert seen(desk, ana) == ["Week"]
    desk.change(lambda tx: saved_reports.rename(tx, number, "  The   week ", ana))
    changed = Query(measures=("csat",))
    desk.change(lambda tx: saved_reports.save(tx, "The week", changed, ana, number))
    kept = desk.record.ask(saved_reports.of_viewer, number, ana)
    assert (kept.name, kept.query, kept.owner) == ("The week", changed, ana.agent)
    desk.rebuilds()
    desk.change(lambda tx: saved_reports.remove(tx, number, ana))
    assert seen(desk, ana) == []
    with pytest.raises(NotFound):
        desk.record.ask(saved_reports.of_viewer, number, ana)
    desk.rebuilds()


def test_nobody_else_sees_it_until_it_is_shared(desk: StoryDesk) -> None:
    other = desk.change(lambda tx: setup.add_brand(tx, "Wrenfield"))
    ana, ben = viewer(desk, "ana"), viewer(desk, "ben", brands=(desk.brand,))
    far, lead = viewer(desk, "far", brands=(other,)), viewer(desk, "lea", "lead")
    number = saved(desk, ana)
    assert [seen(desk, who) for who in (ana, ben, far, lead)] == [["Week"], [], [], []]
    desk.change(lambda tx: saved_reports.share(tx, number, desk.brand, ana))
    assert [seen(desk, who) for who in (ana, ben, far, lead)] == [["Week"], ["Week"], [], ["Week"]]
    desk.change(lambda tx: saved_reports.share(tx, number, 0, ana))
    assert [seen(desk, who) for who in (ana, ben, far, lead)] == [["Week"], [], [], ["Week"]], "who serves every brand"
    desk.change(lambda tx: saved_reports.share(tx, number, None, ana))
    assert [seen(desk, who) for who in (ana, ben, far, lead)] == [["Week"], [], [], []]
    for stranger in (Viewer(), Viewer(role="anonymous", brands=None), Viewer(role="admin", brands=None, person=1)):
        assert seen(desk, stranger) == []


def test_what_a_report_names_is_not_shared_with_whom_it_is_not_for(desk: StoryDesk) -> None:
    other = desk.change(lambda tx: setup.add_brand(tx, "Wrenfield"))
    lead, ben = viewer(desk, "lea", "lead"), viewer(desk, "ben", brands=(desk.brand,))
    of_people = saved(desk, lead, TEAMS, "People")
    of_other = saved(desk, lead, Query(measures=("volume",), filters=(Filter("brand", (str(other),)),)), "Other brand")
    for number in (of_people, of_other):
        desk.change(lambda tx, number=number: saved_reports.share(tx, number, desk.brand, lead))
    assert seen(desk, ben) == [], "one tells of people, the other of a brand that is not theirs"
    assert set(seen(desk, viewer(desk, "leo", "lead"))) == {"People", "Other brand"}


def test_only_the_owner_and_admins_change_it(desk: StoryDesk) -> None:
    ana, lead, admin = viewer(desk, "ana"), viewer(desk, "lea", "lead"), viewer(desk, "ada", "admin")
    number = saved(desk, ana)
    desk.change(lambda tx: saved_reports.share(tx, number, 0, ana))
    for act in (
        lambda tx: saved_reports.rename(tx, number, "Mine", lead),
        lambda tx: saved_reports.share(tx, number, None, lead),
        lambda tx: saved_reports.remove(tx, number, lead),
        lambda tx: saved_reports.save(tx, "Mine", VOLUME, lead, number),
        lambda tx: saved_reports.agree_on_mail(tx, number, DAY, 0, 6, [lead.agent], lead),
    ):
        with pytest.raises(NotAllowed):
            desk.change(act)
    desk.change(lambda tx: saved_reports.rename(tx, number, "Checked", admin))
    assert seen(desk, ana) == ["Checked"]
    assert desk.record.ask(saved_reports.of_viewer, number, ana).owner == ana.agent


def test_what_may_not_be_asked_may_not_be_saved(desk: StoryDesk) -> None:
    with pytest.raises(NotAllowed):
        saved(desk, viewer(desk, "ana"), TEAMS)
    with pytest.raises(NotAllowed):
        saved(desk, Viewer(agent=1, role="read-only", brands=None))
    with pytest.raises(Refused):
        saved(desk, viewer(desk, "ana"), Query(measures=("luck",)))
    with pytest.raises(Refused):
        saved(desk, viewer(desk, "ana"), VOLUME, "   ")
    limited = viewer(desk, "ben", brands=(desk.brand,))
    number = saved(desk, limited)
    with pytest.raises(NotAllowed, match="your own brands"):
        desk.change(lambda tx: saved_reports.share(tx, number, 0, limited))


# ── by mail ─────────────────────────────────────────────────────────────────────────────────


def by_mail(desk: StoryDesk, sink: Sink) -> None:
    settings = {"smtp_host": sink.host, "smtp_port": sink.port, "smtp_security": "none"}
    desk.change(lambda tx: setup.change_inbox(tx, desk.mail_inbox, settings=settings))
    desk.desk.setup_changed()


def mailed(desk: StoryDesk) -> int:
    return asyncio.run(desk.desk.mailer.round())


def answered(desk: StoryDesk) -> None:
    for place in range(3):
        desk.visitor(f"kim{place}").says("Hello")
        desk.later(minutes=4)
        desk.agent("ana").replies("Hello")


def test_a_weekly_report_says_what_the_page_says_and_goes_once_a_week(desk: StoryDesk, sink: Sink) -> None:
    by_mail(desk, sink)
    answered(desk)
    lead = viewer(desk, "lea", "lead")
    number = saved(desk, lead)
    desk.change(lambda tx: saved_reports.agree_on_mail(tx, number, WEEK, 2, 7, [lead.agent], lead))
    assert mailed(desk) == 0, "it is Monday"
    desk.clock.now = datetime(2026, 3, 4, 7, 0, 1, tzinfo=UTC)  # the next Wednesday
    assert mailed(desk) == 1
    (mail,) = sink.mails
    assert mail.recipients == ["lea@larkspur.test"]
    letter = message_from_bytes(mail.raw, policy=policy.default)
    assert letter["Subject"] == "Report: Week"
    assert letter["Auto-Submitted"] == "auto-generated"
    found = desk.record.ask(reporting.report, lead, VOLUME, desk.clock.now)
    table = next(part for part in letter.iter_attachments() if part.get_filename() == "report.csv")
    rows = list(csv.DictReader(io.StringIO(table.get_content())))
    page = list(csv.DictReader(io.StringIO(as_csv(found))))
    for row in (*rows, *page):
        row.pop("to")  # the moment itself
    assert rows == page
    assert [row["value"] for row in rows if not row["channel"]] == ["3", "240.0"]
    words = letter.get_body(("plain",)).get_content()
    assert "First answer by people: 4 min" in words
    assert f"http://desk.test/desk/reports/{number}" in words
    assert mailed(desk) == 0
    desk.clock.now += timedelta(days=6)
    assert mailed(desk) == 0
    desk.clock.now += timedelta(days=1, seconds=5)
    assert mailed(desk) == 1
    assert len({message_from_bytes(m.raw)["Message-ID"] for m in sink.mails}) == 2
    desk.rebuilds()


def test_each_gets_the_figures_of_their_own_brands(desk: StoryDesk, sink: Sink) -> None:
    by_mail(desk, sink)
    answered(desk)
    other = desk.change(lambda tx: setup.add_brand(tx, "Wrenfield"))
    lead, ben = viewer(desk, "lea", "lead"), viewer(desk, "ben", brands=(desk.brand, other))
    number = saved(desk, lead)
    desk.change(lambda tx: saved_reports.share(tx, number, desk.brand, lead))
    far = viewer(desk, "far", brands=(other,))
    with pytest.raises(Refused, match="Far may not see"):
        desk.change(lambda tx: saved_reports.agree_on_mail(tx, number, DAY, 0, 7, [far.agent], lead))
    desk.change(lambda tx: saved_reports.agree_on_mail(tx, number, DAY, 0, 7, [lead.agent, ben.agent], lead))
    desk.change(lambda tx: saved_reports.share(tx, number, other, lead))  # and ben serves that one, too
    desk.change(lambda tx: setup.change_agent(tx, ben.agent, brands=str(other)))
    desk.clock.now += timedelta(days=1)
    assert mailed(desk) == 2
    texts = {m.recipients[0]: message_from_bytes(m.raw, policy=policy.default).get_body(("plain",)) for m in sink.mails}
    assert "Conversations: 3" in texts["lea@larkspur.test"].get_content()
    assert "ben@larkspur.test" not in texts, "no inbox of a brand that they serve can send mail"
    (state,) = [m for m in desk.record.ask(saved_reports.mails_of, number) if m.agent == ben.agent]
    assert "no inbox that can send" in state.reason


def test_a_mail_server_that_is_away_is_asked_again_and_the_same_mail_is_sent(desk: StoryDesk, sink: Sink) -> None:
    by_mail(desk, sink)
    lead = viewer(desk, "lea", "lead")
    number = saved(desk, lead)
    desk.change(lambda tx: saved_reports.agree_on_mail(tx, number, DAY, 0, 7, [lead.agent], lead))
    desk.clock.now = datetime(2026, 3, 3, 7, 0, 1, tzinfo=UTC)
    sink.answer("RCPT", "451 Come back later")
    assert mailed(desk) == 1
    (state,) = desk.record.ask(saved_reports.mails_of, number)
    assert (state.tries, state.sent_at) == (1, None)
    assert "Come back later" in state.reason
    assert mailed(desk) == 0, "not at once"
    desk.clock.now += timedelta(minutes=1)
    assert mailed(desk) == 1
    (state,) = desk.record.ask(saved_reports.mails_of, number)
    assert (state.tries, state.reason) == (0, "")
    assert state.due == datetime(2026, 3, 4, 7, 0, tzinfo=UTC)
    assert len(sink.mails) == 1
    kinds = [type(r.event) for r in desk.events(e.ReportMailDelayed, e.ReportMailed, e.ReportMailFailed)]
    assert kinds == [e.ReportMailDelayed, e.ReportMailed]
    desk.rebuilds()


def test_who_left_gets_no_more_and_two_processes_send_once(desk: StoryDesk, sink: Sink) -> None:
    by_mail(desk, sink)
    lead, ada = viewer(desk, "lea", "lead"), viewer(desk, "ada", "admin")
    number = saved(desk, lead)
    desk.change(lambda tx: saved_reports.share(tx, number, 0, lead))
    desk.change(lambda tx: saved_reports.agree_on_mail(tx, number, DAY, 0, 7, [lead.agent, ada.agent], lead))
    desk.change(lambda tx: setup.change_agent(tx, ada.agent, active=False))
    desk.clock.now += timedelta(days=1)
    twin = report_mail.Mailer(desk.record, desk.desk.channels, desk.desk.inboxes, desk.desk.mailer.write)

    async def both() -> list[int]:
        return list(await asyncio.gather(desk.desk.mailer.round(), twin.round()))

    assert sum(asyncio.run(both())) == 2
    assert [mail.recipients for mail in sink.mails] == [["lea@larkspur.test"]]
    (failed,) = desk.events(e.ReportMailFailed)
    assert failed.event.agent == ada.agent
    desk.change(lambda tx: saved_reports.remove(tx, number, lead))
    desk.clock.now += timedelta(days=2)
    assert mailed(desk) == 0


@pytest.mark.parametrize(("every", "weekday", "hour", "after", "due"), [
    (DAY, 0, 6, "2026-03-02T05:59", "2026-03-02T06:00"), (DAY, 0, 6, "2026-03-02T06:00", "2026-03-03T06:00"),
    (WEEK, 0, 6, "2026-03-02T05:59", "2026-03-02T06:00"), (WEEK, 0, 6, "2026-03-02T06:00", "2026-03-09T06:00"),
    (WEEK, 6, 23, "2026-12-28T10:00", "2027-01-03T23:00"),
])  # fmt: skip
def test_when_the_next_is_due(every: str, weekday: int, hour: int, after: str, due: str) -> None:
    then, expected = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (after, due))
    assert next_due(every, weekday, hour, then) == expected
