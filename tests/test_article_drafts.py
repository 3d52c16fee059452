"""Drafts of articles from what agents answered: general sentences only, nobody's name, published by a person."""

from pathlib import Path

import pytest

from harness.desk import StoryDesk
from harness.web import serving
from parley.ai.encoder import encoder
from parley.core import events as e
from parley.services import drafting, gaps, hearing, knowledge, origins
from parley.services.inbox import SYSTEM, Viewer

needs_encoder = pytest.mark.skipif(encoder() is None, reason="the sentence encoder is not installed")

TALKS = (
    (
        "Can you wrap the boots as a gift? My name is Kim Miller.",
        "Hi Kim,\n\nThanks for asking! Gift wrapping costs 4 euros per item. You can choose it in the basket before you"
        " pay. I have added it to your order 10342.\n\nBest regards,\nAna",
    ),
    (
        "Do you offer gift wrapping for a birthday?",
        "Hello,\n\nWe wrap every item as a gift for 4 euros. A handwritten card comes with it for free. Let me know if"
        " you need anything else.\n\nKind regards\nAna",
    ),
    (
        "Is gift wrapping possible? Mail me at kim@x.example",
        "Dear Ms Lopez, yes: gift wrapping is 4 euros an item. Choose gift wrapping in the basket before paying. Very"
        " large boxes cannot be wrapped.",
    ),
)
TAX = ("Do I pay customs duty in Norway?", "Are import taxes due in Norway?", "Who pays customs in Norway?")


def with_gaps(desk: StoryDesk) -> gaps.Gap:
    """Customers ask, the bot does not know, Ana answers those who ask for gift wrapping."""
    ana = desk.agent("ana", "lead")
    for n, (question, answer) in enumerate(TALKS):
        desk.visitor(f"asks-{n}").says(question)
        ana.replies(answer, conversation=desk.conversations()[0].id)
    for n, question in enumerate(TAX):
        desk.visitor(f"pays-{n}").says(question)
    hearing.Ear(desk.record, by_meaning=True).listen()
    found = desk.record.ask(gaps.overview, SYSTEM)
    return next(gap for gap in found.gaps if "gift" in gap.name)


@needs_encoder
def test_a_gap_becomes_an_article(tmp_path: Path, engine_url: str) -> None:
    desk = StoryDesk(tmp_path, engine_url, with_bot=True)
    gap = with_gaps(desk)
    with serving(desk) as web:
        lead = web.signed_in("ana")
        answer = lead.post("/desk/knowledge/drafts", data={"question": gap.question})
        assert answer.status_code == 303, answer.text
        page = lead.get(answer.headers["location"])
        assert "Where it comes from" in page.text
        again = lead.post("/desk/knowledge/drafts", data={"question": gap.question})
        assert again.headers["location"] == answer.headers["location"], "asked twice, drafted once"
        assert "Draft an article" in lead.get("/desk/knowledge/gaps").text, "the other gap has none yet"
        (drafted,) = desk.events(e.ArticleDrafted)
        article = desk.record.ask(knowledge.by_id, drafted.subject_id)
        assert article.audience == "draft"
        assert article.brand == desk.brand
        assert "gift wrap" in article.title.lower()
        assert "4 euros" in article.body
        assert "basket" in article.body
        for private in ("Kim", "Ana", "Lopez", "10342", "I have added", "Let me know", "Thanks", "regards", "@"):
            assert private not in article.body + article.title + " ".join(article.wordings)
        shown = desk.record.ask(origins.of_article, article.id, SYSTEM)
        assert shown.conversations == 3
        assert desk.record.ask(origins.of_article, article.id, Viewer(role="lead", brands=(999,))).conversations == 0


@needs_encoder
def test_a_gap_leaves_the_list_once_its_article_is_published(bot_desk: StoryDesk) -> None:
    desk = bot_desk
    gap = with_gaps(desk)
    found = desk.record.ask(drafting.material, gap.question, SYSTEM)
    draft = drafting.compose(found)
    article = desk.change(lambda tx: drafting.keep(tx, draft, SYSTEM))
    (with_draft,) = [one for one in desk.record.ask(gaps.overview, SYSTEM).gaps if one.draft]
    assert with_draft.draft
    assert with_draft.draft.article == article
    assert desk.desk.bot.brain.understand(desk.record, "Can you gift wrap it?", None).hits == (), "a draft is no answer"

    desk.change(
        lambda tx: knowledge.write(
            tx, draft.title, draft.body, "agent/1", brand=draft.brand, wordings=draft.wordings, article=article
        )
    )
    left = desk.record.ask(gaps.overview, SYSTEM).gaps
    assert [one.of for one in left] == [3]
    assert "gift" not in left[0].name

    for n in range(3):
        desk.visitor(f"new-{n}").says(TAX[n] + " Really?")
    still = desk.record.ask(gaps.unanswered, desk.clock.now)[desk.brand]
    assert len(still) == 6, "who asks anew is heard"
    assert not any("wrap" in words for _, _, words in still)


@needs_encoder
def test_no_draft_where_nobody_answered(tmp_path: Path, engine_url: str) -> None:
    desk = StoryDesk(tmp_path, engine_url, with_bot=True)
    with_gaps(desk)
    taxes = next(gap for gap in desk.record.ask(gaps.overview, SYSTEM).gaps if "gift" not in gap.name)
    with serving(desk) as web:
        answer = web.signed_in("ana").post("/desk/knowledge/drafts", data={"question": taxes.question})
        assert answer.status_code == 422
        assert "Write it by hand" in answer.text
        assert desk.events(e.ArticleDrafted) == []
