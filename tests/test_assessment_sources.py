"""Exports of other systems and the running desk: the same figures from each shape."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.desk import StoryDesk
from parley.assess.catalogue import figure
from parley.assess.exports import moment, read_export
from parley.assess.living import read_desk
from parley.assess.run import study_from, study_of
from parley.core.errors import ParleyError

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ASKED, ANSWERED = "Where is my parcel, it has not arrived yet?", "It left our house on Monday and comes tomorrow."


def silently(what: str, done: int, whole: int | None) -> None:
    pass


def stamp(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def zendesk(number: int, answered: bool) -> dict[str, Any]:
    customer = 1000 + number
    said = [{"author_id": customer, "created_at": stamp(number * 24), "body": ASKED, "public": True}]
    if answered:
        said.append({"author_id": 7, "created_at": stamp(number * 24 + 1), "body": "look at this", "public": False})
        said.append({"author_id": 7, "created_at": stamp(number * 24 + 2), "body": ANSWERED, "public": True})
    return {
        "id": number, "subject": "Parcel", "status": "solved" if answered else "open", "requester_id": customer,
        "created_at": stamp(number * 24), "updated_at": stamp(number * 24 + 5), "tags": ["parcel"], "comments": said,
        "via": {"channel": "web"}, "satisfaction_rating": {"score": "good" if answered else "unoffered"},
    }  # fmt: skip


def freshdesk(number: int, answered: bool) -> dict[str, Any]:
    said = [{"body_text": "look at this", "incoming": False, "private": True, "created_at": stamp(number * 24 + 1),
             "user_id": 7}, {"body_text": ANSWERED, "incoming": False, "private": False,
             "created_at": stamp(number * 24 + 2), "user_id": 7}]  # fmt: skip
    return {
        "id": number, "subject": "Parcel", "description_text": ASKED, "requester_id": 1000 + number, "source": 2,
        "status": 4 if answered else 2, "created_at": stamp(number * 24), "tags": ["parcel"],
        "stats": {"resolved_at": stamp(number * 24 + 5) if answered else None},
        "conversations": said if answered else [],
    }  # fmt: skip


def hubspot(number: int, answered: bool) -> list[dict[str, Any]]:
    one = {"type": "MESSAGE", "conversationsThreadId": str(number), "channelId": "1002"}
    asks = one | {"direction": "INCOMING", "createdAt": stamp(number * 24), "text": ASKED,
                  "senders": [{"actorId": f"V-{number}", "name": "Ysolde Marrowby"}]}  # fmt: skip
    tells = one | {"direction": "OUTGOING", "createdAt": stamp(number * 24 + 2), "text": ANSWERED,
                   "senders": [{"actorId": "A-7"}]}  # fmt: skip
    return [asks, tells] if answered else [asks]


MADE = [(number, number % 4 != 0) for number in range(1, 41)]


def as_file(form: str, folder: Path) -> Path:
    """Forty tickets, every fourth without an answer; the others answered after two hours."""
    users = [{"id": 7, "role": "agent", "name": "Bo"}]
    if form == "zendesk":
        whole: Any = {"tickets": [zendesk(*one) for one in MADE], "users": users}
    elif form == "freshdesk":
        whole = [freshdesk(*one) for one in MADE]
    else:
        whole = {"results": [message for one in MADE for message in hubspot(*one)]}
    path = folder / f"{form}.json"
    path.write_text(json.dumps(whole))
    return path


@pytest.mark.parametrize("form", ["zendesk", "freshdesk", "hubspot"])
def test_tickets_tell_the_same_whatever_system_kept_them(form: str, tmp_path: Path) -> None:
    study = study_of([as_file(form, tmp_path)], (), "UTC", silently)
    assert len(study.cases) == 40
    assert figure(study, "first_answer_median").value == "2.0 h"
    assert sum(not clock.ended for clock in study.firsts) == 10
    if form != "hubspot":
        assert sum(clock.ended for clock in study.resolutions) == 30
        assert {clock.seconds for clock in study.resolutions if clock.ended} == {5 * 3600}
        assert all(case.tags == ("parcel",) for case in study.cases)


def test_lines_are_read_as_well_as_a_list(tmp_path: Path) -> None:
    path = tmp_path / "tickets.ndjson"
    path.write_text("\n".join(json.dumps(zendesk(*one)) for one in MADE))
    found = read_export(path, silently)
    assert len(found.cases) == 40
    assert found.cases[0].answers
    assert found.cases[0].score == 5


def test_a_table_of_messages_and_one_of_tickets(tmp_path: Path) -> None:
    messages = tmp_path / "messages.csv"
    lines = ["Ticket ID,Created at,From,Direction,Body"]
    for number, answered in MADE:
        lines.append(f'{number},{stamp(number * 24)},c{number},incoming,"{ASKED}"')
        lines += [f'{number},{stamp(number * 24 + 2)},bo,outgoing,"{ANSWERED}"'] if answered else []
    messages.write_text("\n".join(lines))
    tickets = tmp_path / "tickets.csv"
    lines = ["Id,Subject,Requester email,Created at,Solved at,First reply time in minutes,Satisfaction Score"]
    for number, answered in MADE:
        end = f"{stamp(number * 24 + 5)},120,Good" if answered else ",,"
        lines.append(f"{number},Parcel,c{number}@people.example,{stamp(number * 24)},{end}")
    tickets.write_text("\n".join(lines))
    for path in (messages, tickets):
        study = study_of([path], (), "UTC", silently)
        assert (len(study.cases), figure(study, "first_answer_median").value) == (40, "2.0 h")
    assert sum(case.score == 5 for case in study.cases) == 30


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("a.json", "{", "no JSON"), ("b.json", '[{"x": 1}]', "no tickets in a shape"), ("c.csv", "a,b\n1,2", "no column")],
)
def test_what_is_no_export_is_said(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ParleyError, match=said):
        study_of([tmp_path / name], (), "UTC", silently)


@pytest.mark.parametrize(
    "written", ["2026-03-02T09:00:00Z", "2026-03-02 09:00:00 UTC", "02.03.2026 09:00", 1772442000000]
)
def test_times_are_read_as_they_are_written(written: Any) -> None:
    assert moment(written) == START.timestamp()


def test_people_who_are_not_known_do_not_come_again(tmp_path: Path) -> None:
    path = tmp_path / "nobody.csv"
    path.write_text("Id,Created at,Subject\n" + "\n".join(f"{n},{stamp(n)},Parcel" for n in range(30)))
    assert figure(study_of([path], (), "UTC", silently), "no_repeat").value == "not known"


def test_the_running_desk_is_read_from_its_log(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Where is my parcel?")
    desk.clock.advance(hours=2)
    desk.agent("ana").replies("It comes tomorrow.")
    desk.clock.advance(hours=1)
    desk.agent("ana").closes()
    desk.clock.advance(days=1)
    desk.visitor("noa").says("Do you have boots in size 50?")
    study = study_from(read_desk(desk.record, silently), "UTC", silently)
    assert [len(case.turns) for case in study.cases] == [2, 1]
    assert [(round(c.seconds / 3600), c.ended) for c in study.firsts] == [(2, True), (0, False)]
    assert [(round(c.seconds / 3600), c.ended) for c in study.resolutions] == [(3, True), (0, False)]
