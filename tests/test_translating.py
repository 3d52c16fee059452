"""Translation both ways and summaries on demand: asked once, held to what stands there, and erased with the words."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.axe import violations
from harness.desk import StoryDesk
from harness.model import Stub, answers, raw
from harness.web import WebDesk, served
from parley.ai import translation
from parley.core import events as e
from parley.core.errors import NotFound, Refused
from parley.log import record as log
from parley.services import language_model, translating, wording
from parley.services.inbox import Viewer
from parley.services.language_model import Model, Settings
from parley.web.templating import DIST

GERMAN = "Guten Tag, ich bin Kim und meine Bestellung LK-10355 für 49,90 € ist noch nicht da. Bitte an kim@example.com."
ENGLISH = "Hello, I am Kim and my order LK-10355 for €49.90 has not come yet. Please write to kim@example.com."
EVIL = "https://evil.example/canary77"

# Everything that a translation must not do to what has one form in every language.
WRONG = {
    "another number": (ENGLISH.replace("49.90", "94.90"), translation.NUMBERS),
    "one number more": (ENGLISH + " Pay 20 first.", translation.NUMBERS),
    "no number": (ENGLISH.replace(" for €49.90", ""), translation.NUMBERS),
    "another order": (ENGLISH.replace("LK-10355", "KL-10355"), translation.CODES),
    "a link": (ENGLISH + " See https://evil.example/x", translation.LINKS),
    "a bare name": (ENGLISH + " See evil.example.", translation.LINKS),
    "another address": (ENGLISH.replace("kim@example.com", "kim@evil.example"), translation.LINKS),
    "no address": (ENGLISH.replace(" to kim@example.com", " to me"), translation.LOST),
    "a picture": (ENGLISH + " ![x](y)", translation.MARKED),
    "HTML": ("<b>" + ENGLISH + "</b>", translation.MARKED),
    "hidden letters": (ENGLISH + chr(0x200B), translation.HIDDEN),
    "turned around": (ENGLISH + chr(0x202E), translation.HIDDEN),
    "another name": (ENGLISH.replace("Kim", "Mallory"), translation.NAMES),
    "much more": (ENGLISH + " and he is sorry for that" * 40, translation.LENGTH),
    "the original": (GERMAN, translation.LANGUAGE),
    "another language": (
        "Bonjour, je suis Kim et ma commande LK-10355 de 49,90 € n'est pas arrivée. Merci d'écrire à kim@example.com.",
        translation.LANGUAGE,
    ),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_is_lost_changed_or_added_is_found(how: str) -> None:
    said, why = WRONG[how]
    assert translation.trouble(GERMAN, said, "en", {"Kim"}) == why


def test_a_faithful_translation_is_used_however_its_numbers_are_written() -> None:
    assert translation.trouble(GERMAN, ENGLISH, "en", {"Kim", "Ana"}) is None
    assert (
        translation.trouble("Das kostet 1.299,00 € bis zum 05.12.2026.", "It is €1,299.00 until 12/5/2026.", "en")
        is None
    )
    assert translation.trouble("See www.larkspur.test/a.", "Siehe www.larkspur.test/a.", "de") is None


# ── a stub on the loopback ──────────────────────────────────────────────────────────────────


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    stub.say = lambda handler: answers(handler, ENGLISH)
    yield stub
    stub.close()


@pytest.fixture
def shop(desk: StoryDesk, stub: Stub) -> StoryDesk:
    desk.change(lambda tx: language_model.keep(tx, Settings(on=True, url=stub.url, name="stub", key="sk-x", seconds=2)))
    return desk


def asked(desk: StoryDesk, said: str = GERMAN) -> tuple[int, int, Viewer]:
    desk.visitor("kim").says(said)
    number = desk.conversations()[0].id
    message = next(r.event.message for r in desk.events(e.MessageReceived) if r.subject_id == number)  # type: ignore[union-attr]
    return number, message, Viewer(agent=desk.agent("ana").number, role="agent", brands=None)


def test_a_message_is_asked_for_once_and_its_translation_goes_with_its_words(shop: StoryDesk, stub: Stub) -> None:
    number, message, ana = asked(shop)
    model = Model(shop.record)
    for _ in range(2):
        found = translating.of_message(shop.record, model, number, message, "en", ana)
        assert (found.text, found.of, found.into) == (ENGLISH, "de", "en")
    assert len(stub.asked) == 1
    assert stub.told() == GERMAN
    assert "sk-x" not in str(stub.asked)
    kept = shop.events(e.Translated)[0].event.words  # type: ignore[union-attr]
    assert shop.record.ask(log.words_of, [kept])[kept].text == ENGLISH
    line = shop.record.ask(language_model.newest)[0]
    assert line.purpose == "translations"
    assert "10355" not in line.question + line.answer
    assert "kim@" not in line.question + line.answer
    shop.erases(message, number)
    assert ENGLISH not in str(shop.rows(log.words))
    with pytest.raises(Refused, match="no words"):
        translating.of_message(shop.record, model, number, message, "en", ana)


def test_words_that_are_erased_meanwhile_leave_no_translation(shop: StoryDesk, stub: Stub) -> None:
    number, message, ana = asked(shop)

    def erased_first(handler: Any) -> None:
        shop.erases(message, number)
        answers(handler, ENGLISH)

    stub.say = erased_first
    with pytest.raises(Refused, match="changed while"):
        translating.of_message(shop.record, Model(shop.record), number, message, "en", ana)
    assert shop.events(e.Translated) == []
    assert ENGLISH not in str(shop.rows(log.words))


def test_other_words_are_translated_anew(shop: StoryDesk, stub: Stub) -> None:
    number, message, ana = asked(shop)
    model = Model(shop.record)
    translating.of_message(shop.record, model, number, message, "en", ana)
    shop.change(lambda tx: tx.reword(message, e.Words(text="Wo ist meine Bestellung?")))
    stub.say = lambda handler: answers(handler, "Where is my order?")
    assert translating.of_message(shop.record, model, number, message, "en", ana).text == "Where is my order?"
    assert ENGLISH not in str(shop.rows(log.words))


def test_a_translation_that_is_not_held_is_refused_with_the_reason_and_kept_nowhere(
    shop: StoryDesk, stub: Stub
) -> None:
    number, message, ana = asked(shop)
    shop.change(lambda tx: language_model.keep(tx, Settings(on=True, url=stub.url, name="stub", per_conversation=1000)))
    for said, why in WRONG.values():
        stub.say = lambda handler, said=said: answers(handler, said)  # type: ignore[misc]
        with pytest.raises(Refused, match=re.escape(why)):
            translating.of_message(shop.record, Model(shop.record), number, message, "en", ana)
    assert shop.events(e.Translated) == []
    assert "evil" not in str(shop.rows(log.words))


def test_a_draft_is_put_into_the_customers_language_and_sent_by_nobody(shop: StoryDesk, stub: Stub) -> None:
    number, _, ana = asked(shop)
    draft = "Hello Kim, your order LK-10355 is on the way and will be with you on Friday."
    stub.say = lambda handler: answers(
        handler, "Hallo Kim, Ihre Bestellung LK-10355 ist unterwegs und kommt am Freitag."
    )
    found = translating.of_draft(shop.record, Model(shop.record), number, draft, ana)
    assert (found.into, found.of) == ("de", "en")
    assert "Freitag" in found.text
    assert "German" in stub.rule()
    assert shop.words(number) == [GERMAN]
    stub.say = lambda handler: answers(handler, f"Hallo Kim, Ihre Bestellung LK-10355 ist unterwegs: {EVIL}")
    with pytest.raises(Refused, match="link or an address"):
        translating.of_draft(shop.record, Model(shop.record), number, draft, ana)
    with pytest.raises(Refused, match="already"):
        translating.of_draft(shop.record, Model(shop.record), number, GERMAN, ana)


def test_caps_failures_and_off_are_told_in_a_sentence(shop: StoryDesk, stub: Stub) -> None:
    number, message, ana = asked(shop)

    def told(model: Model) -> str:
        with pytest.raises(Refused) as refused:
            translating.of_message(shop.record, model, number, message, "en", ana)
        return str(refused.value)

    stub.say = lambda handler: raw(handler, b"{}", 500)
    model = Model(shop.record)
    assert "it answered 500" in told(model)
    assert "it answered 500" in told(model)
    assert "failed twice" in told(model)
    assert len(stub.asked) == 2
    now = Settings(on=True, url=stub.url, name="stub", per_conversation=2)
    shop.change(lambda tx: language_model.keep(tx, now))
    assert "the cap of this conversation" in told(Model(shop.record))
    shop.change(lambda tx: language_model.keep(tx, Settings(url=stub.url, name="stub")))
    assert "No language model translates" in told(Model(shop.record))
    shop.change(lambda tx: language_model.keep(tx, Settings(on=True, url=stub.url, name="stub", translations=False)))
    assert "No language model translates" in told(Model(shop.record))
    assert len(stub.asked) == 2


def test_nobody_translates_what_they_may_not_see(shop: StoryDesk, stub: Stub) -> None:
    number, message, ana = asked(shop)
    elsewhere = Viewer(agent=ana.agent, role="agent", brands=(shop.brand + 1,))
    model = Model(shop.record)
    with pytest.raises(NotFound):
        translating.of_message(shop.record, model, number, message, "en", elsewhere)
    with pytest.raises(NotFound):
        translating.of_draft(shop.record, model, number, "Hello", elsewhere)
    with pytest.raises(NotFound):
        translating.of_message(shop.record, model, number, message + 1, "en", ana)
    with pytest.raises(NotFound):
        wording.summary(shop.record, model, number, elsewhere)
    assert stub.asked == []


# ── a summary when an agent asks for one ────────────────────────────────────────────────────


def test_a_summary_holds_to_the_conversation_and_is_made_anew_when_something_came(shop: StoryDesk, stub: Stub) -> None:
    held = "The customer wants to know where the red tent stays that was paid on Monday."
    stub.say = lambda handler: answers(handler, f"{held} Send the money to {EVIL} now.")
    number, message, ana = asked(shop, "I want to know where the red tent stays that was paid on Monday.")
    model = Model(shop.record)
    with pytest.raises(Refused, match="too little"):
        wording.summary(shop.record, model, number, ana)
    shop.visitor("kim").says("It was to come on Tuesday.").says("Hello?")
    said = wording.summary(shop.record, model, number, ana)
    assert said == held
    assert wording.summary(shop.record, model, number, ana) == said
    assert len(stub.asked) == 1, "nothing new came"
    shop.visitor("kim").says("Are you there?")
    wording.summary(shop.record, model, number, ana)
    assert len(stub.asked) == 2
    shop.erases(message, number)
    with pytest.raises(Refused, match="Nothing of the summary"):
        wording.summary(shop.record, model, number, ana)
    stub.close()
    shop.visitor("kim").says("I go now.")
    with pytest.raises(Refused, match="No summary came: failed"):
        wording.summary(shop.record, model, number, ana)


# ── in the browser ──────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(not (DIST / "manifest.json").exists(), reason="the pages are not built")
def test_an_agent_reads_german_and_answers_in_it(tmp_path: Any, stub: Stub, browser: Browser) -> None:
    with served(tmp_path) as web:
        web.story.visitor("kim").says(GERMAN, settle=False)
        agent = web.signed_in("ana", "lead")
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        context.add_cookies([{"name": web.room.door.cookie, "value": agent.secret, "url": web.url}])
        page = context.new_page()
        page.goto(f"{web.url}/desk/inbox/all")
        page.locator(".row").first.click()
        expect(page.locator(".turn.them .words")).to_contain_text("Guten Tag")
        for place in ("[data-translate]", "[data-command=translate]", "[data-command=summary]"):
            expect(page.locator(place).locator("visible=true")).to_have_count(0)
        web.story.change(lambda tx: language_model.keep(tx, Settings(on=True, url=stub.url, name="stub")))
        page.reload()
        page.locator("[data-translate]").click()
        expect(page.locator(".translation-words")).to_have_text(ENGLISH)
        expect(page.locator(".turn.them .words")).to_contain_text("Guten Tag")
        assert page.locator(".translation .quiet").inner_text() == "Translated by a language model from German"
        assert violations(page, "#main") == []
        page.keyboard.press("t")
        expect(page.locator(".translation")).to_have_count(0)
        page.keyboard.press("t")
        expect(page.locator(".translation-words")).to_have_text(ENGLISH)
        assert len(stub.asked) == 1
        answer = "Hallo Kim, Ihre Bestellung LK-10355 ist unterwegs und kommt am Freitag zu Ihnen."
        stub.say = lambda handler: answers(handler, answer)
        box = page.locator("form.composer textarea")
        box.fill("Hello Kim, your order LK-10355 is on the way and will be with you on Friday.")
        page.locator("[data-command=translate-draft]").click()
        expect(box).to_have_value(answer)
        expect(page.locator(".turn.us")).to_have_count(0)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".turn.us").last).to_contain_text("kommt am Freitag")
        sums_up(web, stub, page)
        context.close()


def sums_up(web: WebDesk, stub: Stub, page: Page) -> None:
    """One key shows what the conversation holds of a summary, and it follows what is said; the key puts it away."""
    stub.say = lambda handler: answers(handler, "Ich warte auf den Freitag. Send 20 to evil.example.")
    web.story.visitor("kim").says("Danke, ich warte auf den Freitag.", settle=False)
    expect(page.locator(".turn.them")).to_have_count(2)
    page.locator(".talk-subject").click()
    page.keyboard.press("m")
    expect(page.locator(".talk-summary p").first).to_have_text("Ich warte auf den Freitag.")
    assert violations(page, ".talk-head") == []
    stub.say = lambda handler: answers(handler, "Ich bin am Samstag nicht da.")
    web.story.visitor("kim").says("Ich bin am Samstag nicht da.", settle=False)
    expect(page.locator(".talk-summary p").first).to_have_text("Ich bin am Samstag nicht da.")
    page.locator("[data-command=summary]").click()
    expect(page.locator(".talk-summary")).to_be_hidden()
