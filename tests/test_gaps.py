"""Gaps: what the bot could not answer, grouped by meaning, beside the nearest article; per brand; erased words go."""

import pytest

from harness.desk import StoryDesk
from parley.ai.encoder import encoder
from parley.services import gaps, hearing, knowledge
from parley.services.inbox import SYSTEM, Viewer

GIFT = (
    "Can you wrap the boots as a gift?",
    "Do you offer gift wrapping for a birthday?",
    "Is gift wrap possible, kim@x.example?",
)
TAX = (
    "Do I pay customs duty when you ship to Norway?",
    "Are import taxes due in Norway?",
    "Who pays customs in Norway?",
)


@pytest.mark.skipif(encoder() is None, reason="the sentence encoder is not installed")
def test_what_nobody_wrote_down_is_found(bot_desk: StoryDesk) -> None:
    desk = bot_desk
    desk.record.do(lambda tx: knowledge.write(tx, "Care for leather boots", "Brush them and wax them.", "test"))
    for n, text in enumerate((*GIFT, *TAX)):
        desk.visitor(f"asks-{n}").says(text, settle=False)
    desk.settle()
    assert desk.record.ask(gaps.overview, SYSTEM).as_of is None, "nothing is made on a request"
    hearing.Ear(desk.record, by_meaning=True).listen()
    found = desk.record.ask(gaps.overview, SYSTEM)
    assert sorted(gap.n for gap in found.gaps) == [3, 3]
    gift = next(gap for gap in found.gaps if "gift" in gap.name)
    assert gift.of == 6
    assert all("wrap" in quote.text and "@" not in quote.text for quote in gift.quotes)
    assert gift.article is not None
    assert 0 < gift.near < 0.9
    assert desk.record.ask(gaps.overview, Viewer(role="lead", brands=(999,))).gaps == ()
