"""What a trial shows so far: each arm's shares, and whether they differ for certain, however often somebody looks.

Compared are the first conversations of people since the approval, by the arm that was drawn for them, whatever the bot
then did: only so is the draw the one thing that tells the arms apart.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, case, exists, func, select

from parley.core import trial as t
from parley.core.measure import DAY, micros
from parley.core.opinions import LOW
from parley.core.stats import Change, Estimate, share
from parley.services.article_uses import uses
from parley.services.candidates import Candidate, arms
from parley.services.facts import REPEAT_DAYS
from parley.services.inbox import conversations
from parley.services.knowledge import articles
from parley.services.numbers import measured, ratings

_A, _M, _C, _U = arms.c, measured.c, conversations.c, uses.c

FIGURES = {
    "contained": (
        "Kept by the bot", True,
        "Of the conversations that are decided (closed, or people took part), those that no person took part in.",
    ),
    "resolved": (
        "Solved by the bot", True,
        "Of the conversations that are decided and seven days old, those that the bot kept, after which the person "
        "began no other within seven days and gave no rating of 1 or 2.",
    ),
    "handed": ("Handed over", False, "Of the conversations that are decided, those that the bot handed over."),
    "content": ("Rated 4 or 5", True, "Of the surveys of satisfaction that were answered, those with a 4 or a 5."),
    "repeat": (
        "Came again within a week", False,
        "Of the conversations that are seven days old, those after which the same person began another within seven "
        "days, in any channel and on any matter.",
    ),
}  # fmt: skip

OF_ARTICLE = {
    "helpful": (
        "Found helpful", True,
        "Of the conversations answered from it whose customers rated them, those rated 4 or 5; a 1, 2 or 3 is a no.",
    ),
    "taken_over": (
        "Taken over by people", False, "Of the conversations answered from it, those that the bot then handed over.",
    ),
    "unhelpful": ("Rated low", False, "Of the conversations answered from it, those with a low answer to a survey."),
    "again": (
        "Asked again", False,
        "Of the conversations answered from it, those in which it was answered from twice, or that came back after "
        "they were closed.",
    ),
}  # fmt: skip


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One share in both arms. more: whether more is better. change: new minus old, in an interval that is valid at any
    time; verdict: better, worse, open (no difference shown so far) or few (too few to say)."""

    key: str
    label: str
    meaning: str
    more: bool
    new: Estimate
    old: Estimate
    new_n: int
    old_n: int
    change: Change
    verdict: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """given: conversations by arm, all of them. figures: of first conversations. of_article: of those answered from the
    article whose wordings are compared; empty where that is not what is tried."""

    given: Mapping[str, int] = {}
    figures: tuple[Figure, ...] = ()
    of_article: tuple[Figure, ...] = ()


Counts = dict[tuple[int, str], dict[str, t.Seen]]  # (stage, arm) → figure → what was seen


def comparison(conn: Connection, one: Candidate, now: datetime) -> Comparison:
    question = select(_A.arm, func.count()).where(_A.candidate == one.id).group_by(_A.arm)
    given = {arm: int(n) for arm, n in conn.execute(question).all()}
    if not given:
        return Comparison()
    counts = _counted(conn, one.id, now)
    for key, its in _rated(conn, one.id).items():
        counts.setdefault(key, {}).update(its)
    article = one.change.article
    level = t.level_for(len(FIGURES) + (len(OF_ARTICLE) if article else 0))
    of_article = _figures(OF_ARTICLE, _of_article(conn, one.id, article), level) if article else ()
    return Comparison(given=given, figures=_figures(FIGURES, counts, level), of_article=of_article)


def _figures(told: Mapping[str, tuple[str, bool, str]], counts: Counts, level: float) -> tuple[Figure, ...]:
    found = []
    for key, (label, more, meaning) in told.items():
        stages = [(_seen(counts, key, stage, True), _seen(counts, key, stage, False)) for stage in _stages(counts)]
        new, old = _sum([one for one, _ in stages]), _sum([one for _, one in stages])
        change = t.difference(stages, level)
        found.append(
            Figure(
                key=key, label=label, meaning=meaning, more=more, new=share(new.hits, new.n),
                old=share(old.hits, old.n), new_n=new.n, old_n=old.n, change=change, verdict=_verdict(change, more),
            )
        )  # fmt: skip
    return tuple(found)


def _stages(counts: Counts) -> list[int]:
    return sorted({stage for stage, _ in counts})


def _seen(counts: Counts, key: str, stage: int, new: bool) -> t.Seen:
    """Those held out are on the old bot like the rest who did not draw the new one."""
    wanted = (t.NEW,) if new else (t.OLD, t.HOLDOUT)
    return _sum([counts.get((stage, arm), {}).get(key, t.Seen()) for arm in wanted])


def _sum(parts: Sequence[t.Seen]) -> t.Seen:
    return t.Seen(sum(one.hits for one in parts), sum(one.n for one in parts))


def _verdict(change: Change, more: bool) -> str:
    if change.value is None:
        return "few"
    if not change.clear:
        return "open"
    return "better" if (change.value > 0) == more else "worse"


def _counted(conn: Connection, candidate: int, now: datetime) -> Counts:
    """Everything but surveys, in one question."""
    week = REPEAT_DAYS * DAY
    other, theirs = measured.alias(), conversations.alias()
    again = exists(
        select(other.c.conversation)
        .join(theirs, theirs.c.id == other.c.conversation)
        .where(theirs.c.person == _C.person, other.c.began_at > _M.began_at, other.c.began_at < _M.began_at + week)
        .correlate(measured, conversations)
    )
    low = exists(
        select(ratings.c.survey)
        .where(ratings.c.conversation == _M.conversation, ratings.c.score <= LOW["csat"])
        .correlate(measured)
    )
    decided = _M.closed_at.is_not(None) | _M.people_at.is_not(None)
    kept, old = and_(decided, _M.people_at.is_(None)), _M.began_at <= micros(now) - week
    sums = {
        "contained": (kept, decided),
        "resolved": (and_(kept, old, ~again, ~low), and_(decided, old)),
        "handed": (and_(decided, _M.handed_at.is_not(None)), decided),
        "repeat": (and_(old, again), old),
    }
    columns = [_count(part) for pair in sums.values() for part in pair]
    question = (
        select(_A.stage, _A.arm, *columns)
        .join(measured, _M.conversation == _A.conversation)
        .join(conversations, _C.id == _A.conversation)
        .where(_A.candidate == candidate, _A.first)
        .group_by(_A.stage, _A.arm)
    )
    return {(row[0], row[1]): _pairs(tuple(sums), row[2:]) for row in conn.execute(question).all()}


def _count(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _pairs(keys: Sequence[str], values: Sequence[Any]) -> dict[str, t.Seen]:
    return {key: t.Seen(int(values[2 * n]), int(values[2 * n + 1])) for n, key in enumerate(keys)}


def _rated(conn: Connection, candidate: int) -> Counts:
    good = _count(ratings.c.score >= 4)
    question = select(_A.stage, _A.arm, good, func.count()).join(ratings, ratings.c.conversation == _A.conversation)
    question = question.where(_A.candidate == candidate, _A.first, ratings.c.score.is_not(None))
    rows = conn.execute(question.group_by(_A.stage, _A.arm)).all()
    return {(row[0], row[1]): {"content": t.Seen(int(row[2]), int(row[3]))} for row in rows}


def _of_article(conn: Connection, candidate: int, article: int) -> Counts:
    """Once for each conversation that was answered from the article."""
    slug = select(articles.c.slug).where(articles.c.id == article).scalar_subquery()
    score = select(func.max(ratings.c.score)).where(ratings.c.conversation == _A.conversation).scalar_subquery()
    each = (
        select(
            _A.stage, _A.arm, _A.conversation, _count(_U.handed_over).label("taken_over"),
            _count(_U.unhelpful).label("unhelpful"), _count(_U.again).label("back"), func.count().label("times"),
            func.max(score).label("score"),
        )
        .join(uses, _U.conversation == _A.conversation)
        .where(_A.candidate == candidate, _A.first, _U.slug == slug)
        .group_by(_A.stage, _A.arm, _A.conversation)
        .subquery()
    )  # fmt: skip
    of = each.c
    again = (of.back > 0) | (of.times > 1)
    told = (
        _count(of.score >= 4), _count(of.score.is_not(None)), _count(of.taken_over > 0), _count(of.unhelpful > 0),
        _count(again), func.count(),
    )  # fmt: skip
    rows = conn.execute(select(of.stage, of.arm, *told).group_by(of.stage, of.arm)).all()
    return {(row[0], row[1]): _of_answers(*(int(n) for n in row[2:])) for row in rows}


def _of_answers(good: int, rated: int, taken_over: int, unhelpful: int, again: int, n: int) -> dict[str, t.Seen]:
    return {
        "helpful": t.Seen(good, rated), "taken_over": t.Seen(taken_over, n), "unhelpful": t.Seen(unhelpful, n),
        "again": t.Seen(again, n),
    }  # fmt: skip
