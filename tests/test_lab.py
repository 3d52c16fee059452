"""The lab: candidates of the bot, replays that touch nothing, roll-outs by a stable draw, and the way back."""

import random
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.desk import StoryDesk
from harness.waiting import eventually
from parley.core import events as e
from parley.core import trial
from parley.core.errors import Busy, Conflict, NotAllowed, NotFound, Refused
from parley.core.trial import Change, Wording
from parley.demo import build
from parley.demo.learned import learned
from parley.log import record as log
from parley.log.tables import metadata
from parley.services import (
    adoption,
    candidates,
    comparison,
    knowledge,
    orders,
    people,
    procedures,
    replays,
    setup,
    understanding,
)
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


SAYINGS = (
    ASKED, "where is my order 10342?", "I want to return something from order 10342", "I want to cancel my order 10355",
    "change the delivery address of 10342", "undo", "yes", "no, the other order", "kim@shop.example", "123456",
    "I need a person", "thanks", "my lawyer will write to you", "do you wrap gifts?",
    "can I have an invoice for 10342?",
    "how much is delivery to Norway?", "I want to complain about the courier", "call me back tomorrow at ten",
)  # fmt: skip
OWN = {
    "candidates", "replays", "replay_lines", "replay_progress", "events", "counters",
}  # fmt: skip


def everything(desk: StoryDesk) -> dict[str, list[Any]]:
    """Every table by its name; the log as events, in order."""
    found: dict[str, list[Any]] = {name: desk.rows(table) for name, table in metadata.tables.items()}
    found["events"] = desk.events()
    return found


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
    now, who, lab = desk.clock.now, lead(desk), desk.desk.lab
    number = lab.begin(candidate, now - timedelta(days=1), now + timedelta(hours=1), everywhere, who)
    lab.wait(600)
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


def test_whatever_is_replayed_nothing_of_the_desk_moves(shop: StoryDesk) -> None:
    """Every table is the same before and after, but those of the lab itself: also where procedures act."""
    chances = random.Random(24)
    lead(shop)
    for n in range(6):
        kim = shop.visitor(f"kim-{n}")
        for text in chances.sample(SAYINGS, 3):
            kim.says(text, settle=False)
            shop.settle()
    ways = (
        Change(promise=0.6, choice=0.5),
        Change(leaves=("order_status", "return_item"), limits={"refund.days": 1}),
    )
    for n, change in enumerate(ways):
        number = made(shop, change, f"Way {n}")
        before = everything(shop)
        done = replayed(shop, number)
        after = everything(shop)
        assert done.result.trouble == ""
        assert done.result.messages == 18
        assert sum(done.result.kinds.values()) == 18
        assert {name for name in before if before[name] != after[name]} <= OWN
        assert [type(r.event) for r in after["events"][len(before["events"]) :]] == [e.ReplayBegun, e.ReplayEnded]


def test_a_procedure_switched_off_is_seen_in_the_replay_and_acts_on_no_order(shop: StoryDesk) -> None:
    shop.visitor("kim").says("I want to cancel my order 10355")
    number = made(shop, Change(leaves=("cancel_order",)))
    orders_before = shop.rows(orders.orders)
    done = replayed(shop, number)
    (line,) = shop.record.ask(replays.shown, done.replay.id, lead(shop), "").rows
    assert (line.old.kind, line.old.source) == ("procedure", "cancel_order")
    assert line.new.kind == "handed"
    assert (line.kind, done.result.turned, done.result.kept) == ("lost", (0, 1), (1, 0))
    assert shop.rows(orders.orders) == orders_before


def test_what_people_answered_then_is_compared_and_erased_words_are_gone(shop: StoryDesk) -> None:
    shop.visitor("kim").says("I want to speak to a person")
    shop.visitor("lou").says(ASKED)
    ana, people_said = shop.agent("ana"), "Shoes that were worn once, on a walk outside, can come back for a voucher."
    talk = next(r.subject_id for r in shop.events(e.ArmGiven, e.BotPondered) if r.event.intent == "article")
    ana.replies(people_said, conversation=talk)
    done = replayed(shop, made(shop, other_wording(shop)))
    (line,) = shop.record.ask(replays.shown, done.replay.id, lead(shop), "words").rows
    assert line.answer == people_said
    assert line.old.alike is not None
    assert done.result.compared == (1, 1)

    def take_back(tx: log.Tx) -> None:
        tx.erase(line.message)
        fact = e.WordsErased(message=line.message, reason="asked for")
        tx.append(e.conversation(line.conversation), [fact], "agent/1")

    shop.change(take_back)
    assert shop.record.ask(replays.shown, done.replay.id, lead(shop), "words").rows == ()


def test_two_people_get_different_bots_and_one_click_brings_the_old_one_back(shop: StoryDesk) -> None:
    number = made(shop, other_wording(shop))
    shop.change(lambda tx: candidates.approve(tx, number, lead_of(shop, tx), 50, 10))
    shop.desk.bot.brain.learn_whole(shop.record, other_wording(shop))
    shop.later(seconds=1)
    answers: dict[str, list[str]] = {}
    for n in range(12):
        shop.visitor(f"kim-{n}").says(ASKED)
    for r in shop.events(e.ArmGiven):
        assert r.event.arm == trial.arm(number, r.event.person, 50, 10)
        answers.setdefault(r.event.arm, []).append(shop.words(r.subject_id)[1])
    assert sum(len(said) for said in answers.values()) == 12
    assert answers["new"]
    assert answers["old"]
    assert all("60 days" in said for said in answers["new"])
    assert not any("60 days" in said for said in answers["old"] + answers.get("holdout", []))
    shop.change(lambda tx: candidates.stop(tx, number, lead_of(shop, tx)))
    newcomers = len(shop.events(e.ArmGiven))
    of_new = next(r for r in shop.events(e.ArmGiven) if r.event.arm == "new")
    speaker = of_new.event.person
    name = next(i.value for i in shop.record.ask(people.identities_of, speaker))
    shop.visitor(name).says(ASKED)
    assert "60 days" not in shop.words(of_new.subject_id)[-1]
    shop.visitor("somebody else").says(ASKED)
    assert len(shop.events(e.ArmGiven)) == newcomers
    one = shop.record.ask(candidates.of_viewer, number, lead(shop))
    assert (one.state, one.share) == ("stopped", 50)


def test_the_trial_shows_each_arm_with_its_cases_and_calls_few_too_few(shop: StoryDesk) -> None:
    number = made(shop, other_wording(shop))
    shop.change(lambda tx: candidates.approve(tx, number, lead_of(shop, tx), 50, 0))
    shop.desk.bot.brain.learn_whole(shop.record, other_wording(shop))
    shop.later(seconds=1)
    for n in range(6):
        shop.visitor(f"kim-{n}").says(ASKED)
    shop.visitor("kim-0").says("I want to speak to a person")
    shop.later(days=8)
    one = shop.record.ask(candidates.of_viewer, number, lead(shop))
    seen = shop.record.ask(comparison.comparison, one, shop.clock.now)
    handed = next(f for f in seen.figures if f.key == "handed")
    taken = next(f for f in seen.of_article if f.key == "taken_over")
    assert handed.new_n + handed.old_n == 6
    assert taken.new_n + taken.old_n == 6
    assert (handed.new.value or 0) * handed.new_n + (handed.old.value or 0) * handed.old_n == pytest.approx(1)
    assert {f.verdict for f in (*seen.figures, *seen.of_article)} == {"few"}
    assert sum(seen.given.values()) == 6


def test_the_winner_is_taken_and_can_be_put_back_unless_somebody_wrote_since(shop: StoryDesk) -> None:
    def change(act: Any) -> None:
        shop.change(lambda tx: act(tx, number, lead_of(shop, tx)))

    def stands() -> Any:
        return shop.record.ask(knowledge.by_slug, SLUG)

    before = stands()
    number = made(shop, msgspec.structs.replace(other_wording(shop), promise=0.8, leaves=("invoice",)))
    change(adoption.adopt)
    brand = shop.record.ask(setup.all_brands)[shop.brand]
    assert stands().body == OTHER
    assert stands().wordings == before.wordings
    assert shop.record.ask(understanding.promises_of) == (0.8, 0.8)
    assert "invoice" not in brand.look.bot_does
    change(adoption.undo)
    assert (stands().title, stands().body) == (before.title, before.body)
    assert shop.record.ask(understanding.promises_of) == (0.9, 0.8)
    assert "invoice" in shop.record.ask(setup.all_brands)[shop.brand].look.bot_does
    change(adoption.adopt)
    shop.change(lambda tx: knowledge.write(tx, "Mine", "Other words.", "agent/1", article=before.id))
    with pytest.raises(Conflict, match="changed since"):
        change(adoption.undo)


def test_a_candidate_is_discarded_taken_up_again_and_belongs_to_leads_of_its_brand(shop: StoryDesk) -> None:
    number = made(shop, Change(promise=0.8))
    shop.change(lambda tx: candidates.discard(tx, number, lead_of(shop, tx)))
    with pytest.raises(Conflict):
        shop.change(lambda tx: candidates.approve(tx, number, lead_of(shop, tx), 10, 10))
    shop.change(lambda tx: candidates.restore(tx, number, lead_of(shop, tx)))
    assert shop.record.ask(candidates.of_viewer, number, lead(shop)).state == "draft"
    ana = shop.agent("ana").viewer
    far = Viewer(agent=1, role="lead", brands=(999,))
    with pytest.raises(NotFound):
        shop.record.ask(candidates.of_viewer, number, far)
    with pytest.raises(NotAllowed):
        shop.change(lambda tx: candidates.make(tx, "Mine", Change(promise=0.8), far))
    with pytest.raises(NotAllowed):
        shop.change(lambda tx: candidates.approve(tx, number, ana, 10, 10))
    with pytest.raises(Refused, match="nothing to compare"):
        shop.change(lambda tx: candidates.approve(tx, number, lead_of(shop, tx), 100, 0))
    shop.change(lambda tx: candidates.approve(tx, number, lead_of(shop, tx), 10, 10))
    second = made(shop, Change(promise=0.7), "Second")
    with pytest.raises(Conflict, match="tried out already"):
        shop.change(lambda tx: candidates.approve(tx, second, lead_of(shop, tx), 10, 10))


def test_a_replay_that_is_stopped_says_by_whom_and_one_that_was_cut_off_says_so(
    shop: StoryDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp = tmp_path / "tmp"
    tmp.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp))
    shop.visitor("kim").says(ASKED)
    number, who, lab, now = made(shop, other_wording(shop)), lead(shop), shop.desk.lab, shop.clock.now
    begun = lab.begin(number, now - timedelta(days=1), now + timedelta(hours=1), True, who)
    with pytest.raises(Busy, match="Another replay"):
        lab.begin(number, now - timedelta(days=1), now + timedelta(hours=1), True, who)
    eventually(lambda: [*tmp.glob("parley-replay-*/parley.db")] != [], seconds=120)
    lab.stop(begun, "Lena")
    lab.wait(30)
    assert [*tmp.glob("parley-replay-*")] == [], "what customers wrote stayed behind"
    assert shop.record.ask(candidates.replay, begun, who).result.trouble == "Stopped by Lena."  # type: ignore[union-attr]
    shop.change(lambda tx: replays._begin(tx, number, now - timedelta(days=1), now, True, who))
    lost = shop.record.ask(candidates.replays_of, number)[0]
    assert shop.record.ask(replays.summary, lost, shop.clock.now).state == "running"
    shop.clock.advance(minutes=5)
    assert shop.record.ask(replays.summary, lost, shop.clock.now).state == "cut off"
    with pytest.raises(Refused, match="31 days"):
        lab.begin(number, now - timedelta(days=40), now, True, who)


def test_nobody_gets_a_candidate_before_its_articles_are_read_and_nobody_waits_for_that(shop: StoryDesk) -> None:
    number, brain = made(shop, other_wording(shop)), shop.desk.bot.brain
    shop.change(lambda tx: candidates.approve(tx, number, lead_of(shop, tx), 100, 5))
    brain._trying.acquire()  # somebody reads already, and is not done
    shop.visitor("kim").says(ASKED)
    assert shop.events(e.ArmGiven) == []
    assert "60 days" not in shop.words()[1]
    brain._trying.release()
    eventually(lambda: brain.ready_for(shop.record, other_wording(shop)), seconds=120)
    shop.visitor("kim").says("and how do I care for leather boots?")
    assert shop.events(e.ArmGiven) == [], "a conversation that had begun is left alone"
    for n in range(4):
        shop.visitor(f"lou-{n}").says(ASKED)
    assert len(shop.events(e.ArmGiven)) == 4
