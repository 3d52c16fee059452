"""Articles are looked after: read over in time by somebody, compared with one another, judged by what follows."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from harness.desk import StoryDesk
from harness.web import WebDesk
from parley.ai.encoder import encoder
from parley.core import events as e
from parley.core.errors import NotAllowed, NotFound, Refused
from parley.services import article_uses, care, clashes, hearing, knowledge, setup
from parley.services.inbox import SYSTEM, Viewer
from parley.web import article_review

needs_encoder = pytest.mark.skipif(encoder() is None, reason="the sentence encoder is not installed")


def article(desk: StoryDesk, title: str, body: str, **more: object) -> int:
    return int(desk.change(lambda tx: knowledge.write(tx, title, body, "agent/1", **more)))


def cared(desk: StoryDesk, number: int) -> care.Care:
    return desk.record.ask(lambda conn: care.of(conn, [knowledge.by_id(conn, number)])[number])


# ── owner and review ────────────────────────────────────────────────────────────────────────


def test_an_owner_is_told_when_an_article_is_due(web: WebDesk) -> None:
    desk = web.story
    number = article(desk, "Returns", "Within 30 days.", brand=desk.brand)
    ana, ben = web.signed_in("ana"), web.signed_in("ben")
    said = {"owner": str(ana.agent), "days": "90"}
    assert ben.post(f"/desk/knowledge/{number}/care", data=said).status_code == 303
    due = cared(desk, number).due
    assert due is not None
    assert timedelta(days=89) < due - desk.clock.now < timedelta(days=91)

    desk.clock.advance(days=91)
    ana = web.signed_in("ana")
    assert "was due" in ana.get("/desk/knowledge/review").text
    assert ana.post(f"/desk/knowledge/{number}/reviews").status_code == 303
    again = cared(desk, number)
    assert again.reviewed_by == f"agent/{ana.agent}"
    assert again.due is not None
    assert again.due > desk.clock.now + timedelta(days=89)
    assert [type(r.event) for r in desk.events(e.ArticleEntrusted, e.ArticleReviewed)] == [
        e.ArticleEntrusted,
        e.ArticleReviewed,
    ]


def test_every_page_tells_an_owner_what_is_overdue(web: WebDesk) -> None:
    """The rail goes by the machine's own clock, so this was long ago on every machine."""
    desk, long_ago = web.story, datetime(2020, 1, 1, tzinfo=UTC)
    number = article(desk, "Returns", "Within 30 days.", brand=desk.brand, at=long_ago)
    ana, ben = web.signed_in("ana"), web.signed_in("ben")
    fact = e.ArticleEntrusted(owner=ana.agent, days=90)
    desk.change(lambda tx: tx.append(e.article(number), [fact], "agent/1", at=long_ago))
    assert "Knowledge; articles of yours to read over: 1" in ana.get("/desk/people").text
    assert "yours to read over" not in ben.get("/desk/people").text


def test_a_brand_says_how_often_unless_the_article_does(desk: StoryDesk) -> None:
    lead = Viewer(agent=1, role="lead", brands=None)
    ours = article(desk, "Ours", "One.", brand=desk.brand)
    shared, draft = article(desk, "All", "Two."), article(desk, "Draft", "Three.", brand=desk.brand, audience="draft")
    assert cared(desk, ours).due is None, "nothing is due by itself"
    desk.change(lambda tx: care.agree_on_rhythm(tx, desk.brand, 180, lead))
    assert cared(desk, ours).days == 180
    assert cared(desk, shared).due is None
    assert cared(desk, draft).due is None, "a draft is not read by anybody yet"
    desk.change(lambda tx: care.entrust(tx, ours, None, 0, lead))
    assert cared(desk, ours).due is None, "never, said for this article"
    with pytest.raises(Refused):
        desk.change(lambda tx: care.entrust(tx, ours, None, 5000, lead))


def test_only_who_works_for_the_brand_looks_after_it(desk: StoryDesk) -> None:
    other = desk.change(lambda tx: setup.add_brand(tx, "Elsewhere"))
    number = article(desk, "Ours", "One.", brand=desk.brand)
    far, reader = desk.agent("far", brands=(other,)), desk.agent("rea", "read-only")
    lead = desk.agent("lea", "lead", brands=(desk.brand,)).viewer
    for agent in (far.number, reader.number, 999):
        with pytest.raises(Refused):
            desk.change(lambda tx, owner=agent: care.entrust(tx, number, owner, None, lead))
    with pytest.raises(NotFound):
        desk.change(lambda tx: care.review(tx, number, far.viewer))
    with pytest.raises(NotAllowed):
        desk.change(lambda tx: care.agree_on_rhythm(tx, other, 30, lead))
    assert desk.events(e.ArticleEntrusted, e.ArticleReviewed) == []


# ── how articles do ─────────────────────────────────────────────────────────────────────────


def answers(desk: StoryDesk, slug: str, n: int, bad: int) -> None:
    """The bot answers n customers from an article; so many of them have to be taken over."""
    before = {state.id for state in desk.conversations()}
    for number in range(n):
        desk.visitor(f"{slug}-{number}").says("Hello", settle=False)
    desk.settle()
    talks = [state for state in desk.conversations() if state.id not in before]
    assert len(talks) == n
    for place, state in enumerate(talks):
        reply = e.ReplyWritten(
            message=10_000 + state.id, person=state.person, identity=1, inbox=state.inbox, channel=state.channel,
            sources=(e.Source(kind="article", title=slug, ref=slug),), automatic=True,
        )  # fmt: skip
        facts = [reply, e.HandoffAsked(reason="asked for a person")] if place < bad else [reply]
        desk.change(lambda tx, to=state.id, facts=facts: tx.append(e.conversation(to), facts, "bot/helper"))
    desk.settle()


def test_an_article_that_people_are_not_helped_by_stands_out(desk: StoryDesk) -> None:
    article(desk, "Good", "One.", slug="good")
    article(desk, "Bad", "Two.", slug="bad")
    article(desk, "Rare", "Three.", slug="rare")
    answers(desk, "good", 20, 1)
    answers(desk, "bad", 12, 9)
    answers(desk, "rare", 3, 3)
    found = desk.record.ask(article_uses.by_slug, SYSTEM, desk.clock.now)
    assert (found["bad"].n, found["bad"].handed_over, found["bad"].bad) == (12, 9, 9)
    assert found["bad"].worse
    assert not found["good"].worse
    assert not found["rare"].worse, "three answers tell nothing"
    assert found["rare"].against.value is None
    interval = found["bad"].rate.interval
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low < 0.75 < interval.high
    assert desk.record.ask(article_uses.by_slug, Viewer(role="lead", brands=(999,)), desk.clock.now) == {}
    desk.clock.advance(weeks=9)
    assert desk.record.ask(article_uses.by_slug, SYSTEM, desk.clock.now) == {}


def test_a_page_says_plainly_that_it_knows_too_little(web: WebDesk) -> None:
    desk = web.story
    article(desk, "=Forgotten", "One.", brand=desk.brand, at=desk.clock.now - timedelta(weeks=30))
    ana = web.signed_in("ana")
    page = ana.get("/desk/knowledge/review").text
    assert "Too few answers to tell" in page
    assert "No answer from it in 12 weeks" in page
    rows = list(csv.DictReader(io.StringIO(ana.get("/desk/knowledge/review.csv").text)))
    assert [(row["title"], row["unused for 12 weeks"]) for row in rows] == [("'=Forgotten", "yes")]
    assert list(rows[0]) == list(article_review.HEAD)
    with web.with_token("ana") as api:
        (told,) = api.get("/api/v1/knowledge/review").json()["articles"]
        assert told["unused"]
        assert api.put(f"/api/v1/articles/{told['id']}/care", json={"days": 30}).status_code == 204
        assert api.post(f"/api/v1/articles/{told['id']}/reviews").status_code == 204
        assert api.get("/api/v1/knowledge/review").json()["articles"][0]["care"]["days"] == 30


# ── contradictions ──────────────────────────────────────────────────────────────────────────


@needs_encoder
def test_articles_that_contradict_each_other_are_shown(desk: StoryDesk) -> None:
    other = desk.change(lambda tx: setup.add_brand(tx, "Elsewhere"))
    first = article(desk, "Returning shoes", "Unworn shoes can be returned within 30 days.", brand=desk.brand)
    article(desk, "All returns", "Unworn shoes can be returned within 14 days after delivery.")
    article(desk, "Theirs", "Unworn shoes can be returned within 7 days.", brand=other)
    article(desk, "A draft", "Unworn shoes can be returned within 3 days.", brand=desk.brand, audience="draft")
    ear = hearing.Ear(desk.record, by_meaning=True)
    assert ear.compare() is not None
    assert ear.compare() is None, "nothing was written since"
    agent, far = desk.agent("ana", brands=(desk.brand,)).viewer, desk.agent("ben", brands=(other,)).viewer
    (pair,) = desk.record.ask(clashes.overview, agent).pairs
    assert pair.kind == "time"
    assert {pair.first.title, pair.second.title} == {"Returning shoes", "All returns"}
    assert {"30" in one.words for one in (pair.first, pair.second)} == {True, False}
    (theirs,) = desk.record.ask(clashes.overview, far).pairs
    assert {theirs.first.title, theirs.second.title} == {"Theirs", "All returns"}

    with pytest.raises(NotFound):
        desk.change(lambda tx: clashes.hold_to_agree(tx, pair.pair, far))
    desk.change(lambda tx: clashes.hold_to_agree(tx, pair.pair, agent))
    assert desk.record.ask(clashes.overview, agent).pairs == ()
    assert len(desk.record.ask(clashes.overview, far).pairs) == 1
    ear.compare()
    assert desk.record.ask(clashes.overview, agent).pairs == (), "nor is it found again"

    desk.change(
        lambda tx: knowledge.write(
            tx, "Returning shoes", "Unworn shoes can be returned within 60 days.", "agent/1", article=first,
            brand=desk.brand,
        )
    )  # fmt: skip
    assert desk.record.ask(clashes.overview, agent).pairs == (), (
        "an article written anew is not judged by its old words"
    )
    ear.compare()
    assert len(desk.record.ask(clashes.overview, agent).pairs) == 1, "other words are another matter"
