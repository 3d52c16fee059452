"""A brand's line under messages: where it is wanted, in the customer's language, of people and of the bot, once."""

import re
from collections.abc import Iterator

import msgspec
import pytest

from harness.talk import Talk
from harness.web import WebDesk
from parley.core import events as e
from parley.core.errors import Refused
from parley.demo.apps import Telegram, Whatsapp
from parley.services import inbox, replies, setup, sign_offs

LINE = "{name} of Larkspur"


@pytest.fixture
def talk(web: WebDesk) -> Iterator[Talk]:
    made = Talk(web, Whatsapp)
    wants(made, "whatsapp")
    yield made
    made.app.service.close()


def wants(talk: Talk, *channels: str) -> None:
    look = setup.Look(short=LINE, signs=channels, letters={"de": setup.Letter(short="{name} von Larkspur")})
    talk.web.story.change(lambda tx: setup.change_brand(tx, 1, "Larkspur", look))


def says(talk: Talk, text: str) -> str:
    """What arrives when Ana answers."""
    count = len(talk.door.events(e.Sent))
    talk.ana.replies(text, settle=False)
    talk.facts(e.Sent, count + 1)
    return talk.taken[-1].text


def test_the_line_stands_under_a_persons_answer_once(talk: Talk) -> None:
    assert says(talk, "It is on its way.") == "It is on its way.\n\nAna of Larkspur"
    assert says(talk, "Tomorrow.\nana of larkspur") == "Tomorrow.\nana of larkspur"


def test_the_bot_signs_as_the_brand_and_what_can_be_chosen_stays_at_the_end(talk: Talk) -> None:
    number = talk.web.story.conversation.id
    for text in ("We open at nine.", "Is it one of these?\n1. Red\n2. Blue"):
        talk.web.story.change(
            lambda tx, text=text: replies.automatic_reply(tx, inbox.state(tx.conn, number), text, "bot")
        )
    talk.facts(e.Sent, 2)
    assert [one.text for one in talk.taken] == ["We open at nine.\n\nLarkspur of Larkspur", "Is it one of these?"]
    assert [label for label, _ in talk.taken[-1].choices] == ["Red", "Blue"]


def test_it_is_in_the_customers_language(talk: Talk) -> None:
    talk.writes("Guten Tag, wo bleibt denn meine Bestellung? Ich warte schon seit einer Woche darauf.")
    assert says(talk, "Sie ist heute losgegangen.") == "Sie ist heute losgegangen.\n\nAna von Larkspur"


def test_no_line_where_none_is_wanted(web: WebDesk) -> None:
    talk = Talk(web, Telegram)
    wants(talk, "whatsapp")
    try:
        assert says(talk, "It is on its way.") == "It is on its way."
    finally:
        talk.app.service.close()


def test_it_counts_where_a_text_goes_in_one_piece(web: WebDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk(web, Whatsapp)
    wants(talk, "whatsapp")
    one_piece = msgspec.structs.replace(talk.channel.manifest, splits=False, text_limit=40)
    monkeypatch.setattr(talk.channel, "manifest", one_piece)
    channels = web.story.desk.channels
    try:
        with pytest.raises(Refused, match="has 43 characters"):
            talk.ana.replies("a" * 26, channels=channels, settle=False)
        talk.ana.replies("a" * 23, channels=channels, settle=False)
    finally:
        talk.app.service.close()


def test_no_line_under_letters_chats_and_what_is_read_out(web: WebDesk) -> None:
    able = {name for name, c in web.story.desk.channels.items() if sign_offs.may_stand(c.manifest)}
    assert {"whatsapp", "reviews", "mastodon", "sms"} <= able
    assert not able & {"email", "webchat", "phone_line", "cti"}


def test_the_form_keeps_line_and_channels(web: WebDesk) -> None:
    ana = web.signed_in("ada", role="admin")
    page = ana.get("/desk/settings/brands").text
    assert 'name="short"' in page
    form = {"name": "Larkspur", "short": LINE, "signs": ["whatsapp", "reviews"], "language": "de", "short_in": "Gruß"}
    assert ana.post("/desk/settings/brands/1", data=form).status_code in (200, 303)
    look = web.story.record.ask(setup.all_brands)[1].look
    assert (look.short, look.signs) == (LINE, ("reviews", "whatsapp"))
    assert look.letter("de").short == "Gruß"
    page = ana.get("/desk/settings/brands").text
    assert re.search(r'name="signs" value="reviews" checked', page)
