"""The lab: candidates of the bot, replays that touch nothing, roll-outs by a stable draw, and the way back."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from harness.desk import StoryDesk
from parley.core import events as e
from parley.core.errors import Busy, Conflict, NotAllowed, NotFound, Refused
from parley.core.trial import Change, Wording
from parley.demo import build
from parley.demo.learned import learned
from parley.log import record as log
from parley.log.engines import open_database
from parley.services import candidates, knowledge, procedures, replays, setup
from parley.services.inbox import Viewer

ASKED = "can I return shoes I wore once?"
SLUG = "returns-worn-shoes"
OTHER = "# Returning worn shoes\n\nShoes that you wore once may come back within 60 days, whatever they look like."


@pytest.fixture
def shop(bot_desk: StoryDesk) -> StoryDesk:
    """A desk with the demo company's articles and orders, and a bot that may do everything."""

    def fill(tx: log.Tx) -> None:
        both = {b.key: bot_desk.brand for b in build.made_up.brands()}
        build.add_articles(tx, both)
        build.add_orders(tx, both, tx.at)
        setup.set_setting(tx, "bot_calibration", learned())
        setup.change_brand(tx, bot_desk.brand, "Larkspur", setup.Look(bot_does=tuple(procedures.SHIPPED)))

    bot_desk.change(fill)
    return bot_desk


def lead(desk: StoryDesk) -> Viewer:
    return desk.agent("lena", "lead").viewer


def made(desk: StoryDesk, change: Change, name: str = "Other") -> int:
    return int(desk.change(lambda tx: candidates.make(tx, name, change, lead_of(desk, tx))))


def lead_of(desk: StoryDesk, tx: log.Tx) -> Viewer:
    return Viewer(agent=1, role="lead", brands=None)


def other_wording(desk: StoryDesk) -> Change:
    one = desk.record.ask(knowledge.by_slug, SLUG)
    return Change(wordings=(Wording(article=one.id, title=one.title, body=OTHER),))


def replayed(desk: StoryDesk, candidate: int, everywhere: bool = True) -> replays.Summary:
    """The newest replay, once it is over."""
    now = desk.clock.now
    who = lead(desk)
    lab = desk.desk.lab
    number = lab.begin(candidate, now - timedelta(days=1), now + timedelta(hours=1), everywhere, who)
    lab.wait(120)
    with desk.record.reading() as conn:
        return replays.summary(conn, candidates.replay(conn, number, who), desk.clock.now)


def test_a_replay_shows_the_answer_that_changes_and_writes_only_its_own_result(shop: StoryDesk) -> None:
    shop.visitor("kim").says(ASKED)
    shop.visitor("lou").says("I want to speak to a person")
    number = made(shop, other_wording(shop))
    head, outbox = shop.head(), len(shop.outbox)
    done = replayed(shop, number)
    new = shop.record.ask(log.read, head, 1000)
    assert [type(r.event) for r in new] == [e.ReplayBegun, e.ReplayEnded], "nothing but that it was held"
    assert len(shop.outbox) == outbox
    assert done.result.trouble == ""
    assert {part.kind: part.n for part in done.parts if part.n} == {"words": 1, "same": 1}
    (line,) = shop.record.ask(replays.shown, done.replay.id, lead(shop), "changed").rows
    assert line.said == ASKED
    assert (line.old.kind, line.old.source) == ("answered", SLUG)
    assert "60 days" not in line.old.text
    assert "60 days" in line.new.text
