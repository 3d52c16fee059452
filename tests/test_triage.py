"""Topics: learnt from tags, told as far as the promise goes, judged by what agents do, taken back when worse."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from harness.desk import StoryDesk
from harness.web import served
from parley.core import events as e
from parley.core.errors import Refused
from parley.services import topics, triage

SAID = {
    "delivery": "where is my parcel {n} it has not arrived the courier said tomorrow",
    "refund": "i want my money back for the {n} please refund the payment to my card",
    "repair": "the zip of my tent {n} is broken can you mend it under warranty",
}
COUNT = 14


def tagged(desk: StoryDesk, tag: str, text: str, name: str) -> None:
    """A conversation whose tag an agent chose."""
    desk.visitor(name).says(text, settle=False)
    desk.desk.intake.process()
    desk.agent("ana").tags(tag, settle=False)


@pytest.fixture
def taught(desk: StoryDesk) -> StoryDesk:
    for n in range(COUNT):
        for tag, text in SAID.items():
            tagged(desk, tag, text.format(n=n), f"{tag}{n}")
    return desk.settle()


def newest(desk: StoryDesk) -> tuple[str, ...]:
    return desk.conversations()[0].tags


def now(desk: StoryDesk) -> triage.State:
    return desk.record.ask(triage.state)


def test_too_little_is_said_so_and_learns_nothing(desk: StoryDesk) -> None:
    tagged(desk, "refund", "money back", "kim")
    desk.settle()
    with pytest.raises(Refused, match="too little to learn from"):
        desk.desk.topics.learn()
    assert now(desk).current is None


def test_a_new_conversation_gets_a_suggestion_and_only_where_it_is_let_a_tag(taught: StoryDesk) -> None:
    model, better = taught.desk.topics.learn()
    assert better
    assert dict(model.names) == dict.fromkeys(SAID, COUNT)
    assert model.right > 0.9
    taught.visitor("kim").says(SAID["refund"].format(n=99))
    (guess,) = taught.events(e.TopicGuessed)
    assert isinstance(guess.event, e.TopicGuessed)
    assert (guess.event.topic, guess.event.told) == ("refund", False)
    assert newest(taught) == ()
    assert taught.record.ask(topics.suggested, taught.conversations()[0].id) is not None
    let(taught)
    taught.visitor("lee").says(SAID["delivery"].format(n=99))
    assert newest(taught) == ("delivery",)


def let(desk: StoryDesk, promise: float = 0.5) -> None:
    desk.change(lambda tx: triage.decide(tx, True, promise))


def test_a_told_topic_asks_for_the_skill_of_its_name(taught: StoryDesk) -> None:
    taught.agent("ben", skills=("refund",))
    taught.desk.topics.learn()
    let(taught)
    taught.visitor("kim").says(SAID["refund"].format(n=99))
    assert taught.conversations()[0].skills == ("refund",)


def test_what_agents_do_judges_the_guesses(taught: StoryDesk) -> None:
    taught.desk.topics.learn()
    taught.visitor("kim").says(SAID["refund"].format(n=99))
    taught.agent("ana").tags("refund")
    let(taught)
    for name in ("lee", "noa"):
        taught.visitor(name).says(SAID["delivery"].format(n=99))
        if name == "lee":
            taught.agent("ana").untags("delivery")
        taught.agent("ana").closes()
    seen = taught.record.ask(topics.score, taught.clock.now - timedelta(days=1))
    assert seen == topics.Score(told=2, right=1, wrong=1, offered=1, taken=1)
    known = {one.tag for one in taught.record.ask(topics.examples, now(taught).current.learnt_to)}  # type: ignore[union-attr]
    assert known == {"refund", "delivery"}, "what was left on at the close teaches, what was taken off does not"


def test_a_promise_that_cannot_be_kept_tells_nothing(taught: StoryDesk) -> None:
    taught.desk.topics.learn()
    state = now(taught)
    assert state.current is not None
    doubtful = msgspec.structs.replace(state.current, curve=((1.0, 0.6, -9.0), (0.5, 0.7, 0.0)))
    taught.change(lambda tx: triage.keep(tx, msgspec.structs.replace(state, current=doubtful, tell=True)))
    taught.visitor("kim").says(SAID["refund"].format(n=99))
    assert newest(taught) == ()
    assert triage.reached(doubtful, 0.95) is None
    with pytest.raises(Refused):
        taught.change(lambda tx: triage.decide(tx, True, 1.0))


def test_a_new_model_takes_over_only_when_it_is_better_and_the_old_one_can_come_back(taught: StoryDesk) -> None:
    first, _ = taught.desk.topics.learn()
    for n in range(COUNT):  # words say one thing and tags another: nothing good can be learnt from these
        tags = list(SAID)
        for place, text in enumerate(SAID.values()):
            tagged(taught, tags[(place + n) % 3], text.format(n=n), f"again{place}-{n}")
    taught.settle()
    second, better = taught.desk.topics.learn()
    assert second.tried == COUNT * 3
    assert better == (second.right >= (second.rival or 0))
    assert (now(taught).current == second) == better
    if better:
        taught.change(triage.go_back)
    assert now(taught).current == first
    assert taught.desk.topics.classifier(first) is not None


def test_a_lost_model_tells_nothing_and_breaks_nothing(taught: StoryDesk) -> None:
    model, _ = taught.desk.topics.learn()
    (taught.desk.topics.folder / f"{model.number}.npz").unlink()
    taught.visitor("kim").says(SAID["refund"].format(n=99))
    assert taught.events(e.TopicGuessed) == []


def test_the_page_shows_the_curve_and_keeps_what_was_decided(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        story = web.story
        lead = web.signed_in("lea", role="lead")
        assert "Nothing learnt yet" in lead.get("/desk/settings/topics").text
        story.agent("ana")
        for n in range(COUNT):
            for tag, text in SAID.items():
                story.visitor(f"{tag}{n}").says(text.format(n=n), settle=False)
        from harness.waiting import eventually

        eventually(lambda: len(story.conversations()) == COUNT * 3)
        for state in story.conversations():
            words = story.words(state.id)[0]
            tag = next(tag for tag, text in SAID.items() if words.startswith(text[:12]))
            story.agent("ana").tags(tag, conversation=state.id, settle=False)
        eventually(lambda: len(story.record.ask(topics.examples)) == COUNT * 3)
        lead.post("/desk/settings/topics/learning")
        eventually(lambda: story.record.ask(triage.state).current is not None, 60)
        page = lead.get("/desk/settings/topics").text
        assert "Automation against risk" in page
        assert "3 topics" in page
        assert lead.post("/desk/settings/topics", data={"tell": "1", "promise": "0.9"}).status_code == 303
        assert story.record.ask(triage.state).tell
        assert lead.post("/desk/settings/topics", data={"promise": "7"}).status_code == 422
