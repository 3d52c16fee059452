"""What a website's analytics counted, beside who wrote to us: contact rate and ratings by page and by campaign.

Days are taken in whole. Of each only sums are kept; a browser's own views are looked at once, to find which page and
which campaign led to a conversation, and then forgotten.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, case, delete, func, insert, select

from parley.core import touchpoints
from parley.core.analytics import Sum, View
from parley.core.measure import micros, moment
from parley.core.opinions import CONTENT
from parley.core.stats import Change, Estimate, share, share_change
from parley.log.record import Tx, chunks
from parley.services.inbox import Viewer, of_brand
from parley.services.journeys import journeys
from parley.services.numbers import ratings
from parley.services.visits import arrivals, traffic, visits

PAGE, CAMPAIGN, ALL = "page", "campaign", "all"
SHOWN = 25
NEWEST = 5000  # conversations of which it is told how many were matched

_T, _A, _J, _R, _V = traffic.c, arrivals.c, journeys.c, ratings.c, visits.c


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What an import held. matched: conversations whose page before is now known."""

    days: int
    views: int
    matched: int


def add(tx: Tx, brand: int, views: Iterable[View]) -> Taken:
    """Take whole days of page views in; days that were there before are replaced."""
    by_day: dict[str, dict[str, list[View]]] = defaultdict(lambda: defaultdict(list))
    for view in views:
        by_day[view.at.date().isoformat()][view.client].append(view)
    matched = 0
    for day, of_day in sorted(by_day.items()):
        for table in (traffic, arrivals):
            tx.conn.execute(delete(table).where(table.c.brand == brand, table.c.day == day))
        rows = _counted(brand, day, of_day)
        for chunk in chunks(rows, 1000):
            tx.conn.execute(insert(traffic), list(chunk))
        found = _arrived(tx.conn, brand, day, of_day)
        if found:
            tx.conn.execute(insert(arrivals), found)
        matched += len(found)
    return Taken(days=len(by_day), views=sum(len(v) for d in by_day.values() for v in d.values()), matched=matched)


def add_sums(tx: Tx, brand: int, sums: Iterable[Sum]) -> Taken:
    """Take days in of which only sums are known; those days are replaced.

    Which page led to a conversation is then told by the pages that its visitor agreed to tell the desk.
    """
    counted: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for one in sums:
        what, name = (PAGE, one.page) if one.page else (CAMPAIGN, one.campaign) if one.campaign else (ALL, "")
        found = counted[one.day, what, name]  # pages that are the same once cleaned are one
        found[0], found[1] = found[0] + one.visitors, found[1] + one.views
    days = sorted({day for day, _, _ in counted})
    for table in (traffic, arrivals):
        for some in chunks(days, 500):
            tx.conn.execute(delete(table).where(table.c.brand == brand, table.c.day.in_(some)))
    rows = [{"brand": brand, "day": day, "what": what, "name": name, "visitors": n, "views": views}
            for (day, what, name), (n, views) in counted.items()]  # fmt: skip
    for chunk in chunks(rows, 1000):
        tx.conn.execute(insert(traffic), list(chunk))
    arrived = _arrived_by_visits(tx.conn, brand, days) if days else []
    for chunk in chunks(arrived, 1000):
        tx.conn.execute(insert(arrivals), list(chunk))
    views = sum(views for (_, what, _), (_, views) in counted.items() if what == ALL)
    return Taken(days=len(days), views=views, matched=len(arrived))


def _arrived_by_visits(conn: Connection, brand: int, days: Sequence[str]) -> list[dict[str, object]]:
    """The last page that the visitor told within half an hour before the first words."""
    question = _of_days(select(_J.conversation, _J.began, _J.looked, _V.page), days)
    question = question.join(visits, (_V.identity == _J.identity) & (_V.name == "page"))
    question = question.where(_J.brand == brand, _J.looked.is_not(None)).add_columns(_V.at).order_by(_V.at, _V.seq)
    wanted, found = set(days), {}
    for row in conn.execute(question):
        day, at = moment(row.began).date().isoformat(), micros(row.at)
        if day in wanted and row.began - touchpoints.BEFORE <= at <= row.began:
            found[row.conversation] = {"conversation": row.conversation, "brand": brand, "day": day, "page": row.page,
                                       "campaign": ""}  # fmt: skip
    return list(found.values())


def _counted(brand: int, day: str, of_day: dict[str, list[View]]) -> list[dict[str, object]]:
    visitors: dict[tuple[str, str], set[str]] = defaultdict(set)
    views: dict[tuple[str, str], int] = defaultdict(int)
    for client, seen in of_day.items():
        for view in seen:
            for key in ((ALL, ""), (PAGE, view.page), *([(CAMPAIGN, view.campaign)] if view.campaign else [])):
                visitors[key].add(client)
                views[key] += 1
    return [
        {"brand": brand, "day": day, "what": what, "name": name, "visitors": len(clients), "views": views[what, name]}
        for (what, name), clients in visitors.items()
    ]


def _arrived(conn: Connection, brand: int, day: str, of_day: dict[str, list[View]]) -> list[dict[str, object]]:
    """The last page within half an hour before the first words, and the newest campaign of that day until then."""
    question = _of_days(select(_J.conversation, _J.began, _J.client), [day]).where(_J.brand == brand, _J.client != "")
    found: list[dict[str, object]] = []
    for row in conn.execute(question):
        before = sorted((v for v in of_day.get(row.client, ()) if micros(v.at) <= row.began), key=lambda v: v.at)
        if before and row.began - micros(before[-1].at) <= touchpoints.BEFORE:
            campaign = next((v.campaign for v in reversed(before) if v.campaign), "")
            found.append({"conversation": row.conversation, "brand": brand, "day": day, "page": before[-1].page,
                          "campaign": campaign})  # fmt: skip
    return found


def _of_days(question: Select[Any], days: Sequence[str]) -> Select[Any]:
    first = micros(datetime.fromisoformat(f"{days[0]}T00:00:00+00:00"))
    last = micros(datetime.fromisoformat(f"{days[-1]}T00:00:00+00:00") + timedelta(days=1))
    return question.where(_J.began >= first, _J.began < last, _J.n > 0)


# ── asks ────────────────────────────────────────────────────────────────────────────────────


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A page or campaign. visitors: browsers a day, summed over the days. contacts: conversations that it led to. rate:
    of the visitors, those who wrote. content: of the rated, those with 4 or 5."""

    name: str
    visitors: int
    contacts: int
    rate: Estimate
    rated: int
    content: Estimate


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """Conversations of a channel on the days that were taken in: how many have a page before. badly: of those with one
    that ended, the share that ended badly, minus the share among those without."""

    channel: str
    n: int
    matched: Estimate
    ended: int
    ended_other: int
    badly: Change


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """days: those taken in, first and last; empty: none."""

    days: int = 0
    first: str = ""
    last: str = ""
    visitors: int = 0
    contacts: int = 0
    rate: Estimate = Estimate()
    pages: tuple[Line, ...] = ()
    campaigns: tuple[Line, ...] = ()
    matches: tuple[Match, ...] = ()


def found(conn: Connection, who: Viewer, days: int, now: datetime) -> Found:
    """Of the brands that the viewer serves, over the last days that were taken in."""
    since = (now - timedelta(days=days)).date().isoformat()
    mine = (_T.day >= since, of_brand(_T.brand, who))
    sums = select(_T.what, _T.name, func.sum(_T.visitors)).where(*mine)
    visitors: dict[str, dict[str, int]] = {PAGE: {}, CAMPAIGN: {}, ALL: {}}
    for what, name, n in conn.execute(sums.group_by(_T.what, _T.name)):
        visitors[what][name] = int(n)
    known = sorted(conn.execute(select(_T.day).where(*mine).distinct()).scalars())
    if not known:
        return Found()
    contacts = _contacts(conn, who, since)
    everybody = visitors[ALL].get("", 0)
    n = sum(one.n for one in contacts[ALL].values())
    return Found(
        days=len(known), first=known[0], last=known[-1], visitors=everybody, contacts=n,
        rate=share(min(n, everybody), everybody), pages=_lines(visitors[PAGE], contacts[PAGE]),
        campaigns=_lines(visitors[CAMPAIGN], contacts[CAMPAIGN]), matches=_matches(conn, who, known),
    )  # fmt: skip


class _Sum(msgspec.Struct):
    n: int = 0
    rated: int = 0
    content: int = 0


def _contacts(conn: Connection, who: Viewer, since: str) -> dict[str, dict[str, _Sum]]:
    """Conversations and their CSAT ratings by page, by campaign, and of all."""
    liked = func.sum(case((_R.score >= CONTENT, 1), else_=0))
    question = select(
        _A.page, _A.campaign, func.count(_A.conversation.distinct()), func.count(_R.score), liked
    ).select_from(arrivals.outerjoin(ratings, (_R.conversation == _A.conversation) & _R.score.is_not(None)))
    question = question.where(_A.day >= since, of_brand(_A.brand, who))
    sums: dict[str, dict[str, _Sum]] = {what: defaultdict(_Sum) for what in (PAGE, CAMPAIGN, ALL)}
    for page, campaign, n, rated, content in conn.execute(question.group_by(_A.page, _A.campaign)):
        for what, name in ((PAGE, page), (CAMPAIGN, campaign), (ALL, "")):
            one = sums[what][name]
            one.n, one.rated, one.content = one.n + n, one.rated + rated, one.content + int(content)
    return sums


def _lines(visitors: dict[str, int], contacts: dict[str, _Sum]) -> tuple[Line, ...]:
    """The most contacts first, then the most visitors."""
    lines = [
        Line(name=name, visitors=n, contacts=one.n, rate=share(min(one.n, n), n), rated=one.rated,
             content=share(one.content, one.rated))
        for name, n in visitors.items()
        for one in (contacts.get(name, _Sum()),)
    ]  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (-line.contacts, -line.visitors, line.name))[:SHOWN])


def _matches(conn: Connection, who: Viewer, known: Sequence[str]) -> tuple[Match, ...]:
    """How many conversations have a page before, and whether those that have one are like the others."""
    question: Select[Any] = select(_J.channel, _J.steps, _J.began, _A.conversation.label("arrival")).select_from(
        journeys.outerjoin(arrivals, _A.conversation == _J.conversation)
    )
    question = _of_days(question, known).where(of_brand(_J.brand, who)).order_by(_J.began.desc()).limit(NEWEST)
    days = set(known)
    by_channel: dict[str, list[tuple[bool, bool | None]]] = defaultdict(list)
    for row in conn.execute(question):
        if moment(row.began).date().isoformat() in days:
            bad = touchpoints.unhappy(touchpoints.read(row.steps))
            by_channel[row.channel].append((row.arrival is not None, bad))
    return tuple(_match(channel, told) for channel, told in sorted(by_channel.items()))


def _match(channel: str, told: Sequence[tuple[bool, bool | None]]) -> Match:
    mine = [bad for matched, bad in told if matched and bad is not None]
    others = [bad for matched, bad in told if not matched and bad is not None]
    return Match(
        channel=channel, n=len(told), matched=share(sum(matched for matched, _ in told), len(told)),
        ended=len(mine), ended_other=len(others), badly=share_change(sum(mine), len(mine), sum(others), len(others)),
    )  # fmt: skip
