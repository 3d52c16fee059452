"""Answers on their way to each platform (R24): throttled, failing, refused halfway, too long, with files and choices.

Every app of the demo's phone that is posted to by its platform, with the simulator that stands for it.
"""

import time
from collections.abc import Iterator

import pytest

from harness.talk import Talk
from harness.web import WebDesk
from parley.channels import choosing
from parley.channels.weighing import utf16
from parley.core import events as e
from parley.core.channel import Attached
from parley.core.offering import offered
from parley.demo.apps import APPS, Whatsapp
from parley.demo.simulators.server import Asked, Said

POSTED = [app for app in APPS if app.posts and not app.calls]


@pytest.fixture(params=POSTED, ids=lambda app: app.key)
def talk(web: WebDesk, request: pytest.FixtureRequest) -> Iterator[Talk]:
    made = Talk(web, request.param)
    yield made
    made.app.service.close()


def test_throttled_answers_keep_their_order_and_are_tried_once_a_step(talk: Talk) -> None:
    talk.app.service.throttle(2, 60)
    asked = len(talk.app.service.asked)
    for n in range(3):
        talk.ana.replies(f"Answer {n}", settle=False)
    for step in (1, 2):
        talk.facts(e.SendDelayed, step)
        time.sleep(0.3)
        assert len(talk.app.service.asked) - asked == step, "it was tried before the time that the platform named"
        talk.later(70)
    talk.facts(e.Sent, 3)
    assert [one.text for one in talk.taken] == ["Answer 0", "Answer 1", "Answer 2"]


def test_a_platform_that_is_ill_is_not_stormed(talk: Talk) -> None:
    """5xx without a word of when: the pauses of our own table, one try each."""
    talk.app.service.fail(3)
    asked = len(talk.app.service.asked)
    talk.ana.replies("Are you there?", settle=False)
    for step, pause in enumerate((40, 70, 130), 1):
        talk.facts(e.SendDelayed, step)
        time.sleep(0.2)
        assert len(talk.app.service.asked) - asked == step
        talk.later(pause)
    talk.facts(e.Sent, 1)
    assert [one.text for one in talk.taken] == ["Are you there?"]


def test_a_long_answer_arrives_whole_in_messages_that_the_platform_takes(talk: Talk) -> None:
    limit = 10_000 if talk.app.key == "x" else talk.channel.manifest.text_limit  # of X's messages; posts are shorter
    assert limit is not None
    chapters = [f"Chapter {n} 🥾. " + "It goes on and on. " * 40 for n in range(max(3, limit // 300))]
    talk.ana.replies("\n\n".join(chapters), settle=False)
    talk.facts(e.Sent, 1)
    assert len(talk.taken) > 1 or talk.app.key == "line"
    pushed = [
        m["text"] for asked in talk.app.service.asked if asked.path.endswith("/push") for m in asked.json["messages"]
    ]
    parts = pushed or [one.text for one in talk.taken]
    assert all(utf16(part) <= limit for part in parts)
    said = " ".join(" ".join(parts).split())
    assert said == " ".join("\n\n".join(chapters).split())


def test_a_refusal_after_a_part_was_taken_says_so_and_says_nothing_twice(talk: Talk) -> None:
    limit = talk.channel.manifest.text_limit or 0
    if talk.app.key in ("line", "x"):
        pytest.skip("several parts are one request there")
    first = len(talk.app.service.asked)
    answer = talk.app.service.answer

    def fails_later(asked: Asked) -> Said:
        return answer(asked) if len(talk.app.service.asked) <= first + 1 else Said(503)

    talk.app.service.answer = fails_later  # type: ignore[method-assign]
    talk.ana.replies("A word. " * (limit // 6), settle=False)
    talk.facts(e.SendFailed, 1)
    (failed,) = talk.door.events(e.SendFailed)
    assert failed.reason.startswith("1 of ")
    assert not failed.can_retry
    assert len(talk.taken) == 1


# ── choices ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("Which one?\n1. Red\n2. Blue", ("Red", "Blue")),
        ("1. Red\n2. Blue\n", ("Red", "Blue")),
        ("Open the lid:\n1. Lift it\n2. Turn it\n\nThen wait.", ()),
        ("We have 1. Red and 2. Blue", ()),
        ("Which one?\n2. Red\n3. Blue", ()),
        ("Which one?\n1. Red", ()),
        ("Which?\n" + "\n".join(f"{n}. No {n}" for n in range(1, 12)), tuple(f"No {n}" for n in range(1, 12))),
    ],
)
def test_only_a_list_at_the_end_is_to_choose_from(text: str, choices: tuple[str, ...]) -> None:
    before, found = offered(text)
    assert found == choices
    assert before == (text if not choices else text.split("1. ")[0].strip())


def test_words_that_are_too_long_for_a_button_are_numbers_on_it() -> None:
    short, long = (("Red", "Red"), ("Blue", "Blue")), (("Red", "Red"), ("A very long one", "A very long one"))
    assert choosing.fitting(short, 5) == ["Red", "Blue"]
    assert choosing.fitting(long, 5) == ["1", "2"]
    assert not choosing.are_words((("Rate", "https://a.example/"),), 3)
    assert not choosing.are_words(short, 1)


def test_a_file_that_a_channel_carries_is_sent_before_or_with_the_words(web: WebDesk) -> None:
    """The provider's name of a message is the last part's, so that its states are those of the whole."""
    talk = Talk(web, Whatsapp)
    try:
        kept = web.story.desk.store.keep(
            [
                Attached(name="guide.pdf", type="application/pdf", data=b"%PDF"),
                Attached(name="a.png", type="image/png", data=b"x"),
            ]
        )
        talk.ana.replies("Here is the guide.", files=kept, settle=False)
        talk.facts(e.Sent, 1)
        assert [asked.path.rpartition("/")[2] for asked in talk.app.service.asked if asked.method == "POST"] == [
            "media", "media", "messages", "messages", "messages",
        ]  # fmt: skip
        assert [asked.json["type"] for asked in talk.app.service.asked[-3:]] == ["text", "document", "image"]
        assert talk.app.service.asked[-2].json["document"]["filename"] == "guide.pdf"
        assert talk.door.events(e.Sent)[0].provider_id == talk.taken[-1].name
    finally:
        talk.app.service.close()
