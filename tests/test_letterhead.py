"""What stands around an answer by mail: sign-off, signature, small print and logo; nobody signs twice."""

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from harness.desk import StoryDesk
from harness.web import served
from parley.channels.email.composing import compose
from parley.log.record import Tx
from parley.services import setup
from parley.services.delivery import outbox

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000 1f15c4890000000d49444154789c636060606000000005000157"
    "a5f6450000000049454e44ae426082".replace(" ", "")
)


@pytest.fixture
def lettered(desk: StoryDesk) -> StoryDesk:
    """A brand with everything, and a customer who asked by mail."""
    look = setup.Look(
        colour="#2f6f4f",
        sign_off="Warm regards,",
        footer="Larkspur Ltd, 1 Quay, <b>Bergen</b>",
        site="https://larkspur.test",
        logo=f"{desk.desk.store.put(PIXEL)}:image/png",
    )
    desk.change(lambda tx: setup.change_brand(tx, desk.brand, "Larkspur", look))
    desk.customer("kim@customer.test", "Kim").mails("Tent", "Is it waterproof?")
    return desk


def mailed(desk: StoryDesk) -> EmailMessage:
    """The newest answer as the mail that goes out."""
    with desk.record.reading() as conn:
        row = conn.execute(select(outbox).order_by(outbox.c.message.desc()).limit(1)).one()
        message = desk.desk.dispatch.prepare(conn, row)
    raw = compose(message, desk.inbox(desk.mail_inbox))
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_an_answer_ends_with_the_brands_words_the_writers_name_and_small_print(lettered: StoryDesk) -> None:
    lettered.agent("ana").replies("It is.")
    mail = mailed(lettered)
    assert body(mail, "plain") == "It is.\n\nWarm regards,\nAna\n\n-- \nLarkspur Ltd, 1 Quay, <b>Bergen</b>\n"
    html = body(mail, "html")
    assert "Warm regards,<br>\nAna" in html
    assert "&lt;b&gt;Bergen" in html, "small print is text, whatever is in it"
    assert 'src="cid:logo@parley"' in html
    pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert [(part["Content-ID"], part.get_content()) for part in pictures] == [("<logo@parley>", PIXEL)]


def test_an_own_signature_stands_in_place_of_the_name(lettered: StoryDesk) -> None:
    ana = lettered.agent("ana")
    lettered.change(lambda tx: setup.sign_as(tx, ana.number, "Ana Berg\r\nTents and boots"))
    ana.replies("It is.")
    assert "Warm regards,\nAna Berg\nTents and boots\n" in body(mailed(lettered), "plain")


def test_who_signed_by_hand_is_not_signed_again(lettered: StoryDesk) -> None:
    lettered.agent("ana").replies("It is.\n\nWarm regards\nAna")
    text = body(mailed(lettered), "plain")
    assert text.count("Ana") == 1
    assert text.lower().count("warm regards") == 1


def test_a_brand_without_a_letterhead_adds_nothing(desk: StoryDesk) -> None:
    desk.customer("kim@customer.test", "Kim").mails("Tent", "Is it waterproof?")
    desk.agent("ana").replies("It is.")
    assert body(mailed(desk), "plain") == "It is.\n"


def test_a_lost_logo_stops_no_mail(lettered: StoryDesk) -> None:
    look = setup.Look(footer="Larkspur", logo="0" * 64 + ":image/png")
    lettered.change(lambda tx: setup.change_brand(tx, lettered.brand, "Larkspur", look))
    lettered.agent("ana").replies("It is.")
    assert "cid:" not in body(mailed(lettered), "html")


def test_pages_keep_signature_small_print_and_logo(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        http = web.signed_in("ada", role="admin")
        http.post("/desk/settings/you", data={"theme": "auto", "signature": "Ana Berg\nTents"})
        assert "Ana Berg\nTents" in http.get("/desk/settings/you").text
        brand = f"/desk/settings/brands/{web.story.brand}"
        form = {"name": "Larkspur", "footer": "Larkspur Ltd"}
        http.post(brand, data=form, files={"logo": ("logo.png", PIXEL, "image/png")})
        look = web.story.record.ask(setup.all_brands)[web.story.brand].look
        assert look.footer == "Larkspur Ltd"
        assert look.logo.endswith(":image/png")
        wrong = http.post(brand, data=form, files={"logo": ("logo.svg", b"<svg onload=x>", "image/png")})
        assert wrong.status_code == 422
        assert "PNG, JPEG or GIF" in wrong.text
        letters = {
            "language": ["de", "xx", ""],
            "sign_off_in": ["Herzlich\r\nLarkspur", "x", "y"],
            "footer_in": ["", "", ""],
        }
        page = http.post(brand, data=form | letters, follow_redirects=True).text
        assert "Herzlich\nLarkspur" in page
        letters_kept = web.story.record.ask(setup.all_brands)[web.story.brand].look.letters
        assert letters_kept == {"de": setup.Letter(sign_off="Herzlich\nLarkspur")}
        http.post(brand, data=form | {"no_logo": "1"})
        assert web.story.record.ask(setup.all_brands)[web.story.brand].look.logo == ""


def test_a_customer_reads_the_end_of_a_mail_in_their_own_language(lettered: StoryDesk) -> None:
    def with_german(tx: Tx) -> None:
        look = setup.all_brands(tx.conn)[lettered.brand].look
        letters = {"de": setup.Letter(sign_off="Herzliche Grüße"), "fr": setup.Letter(footer="Larkspur, Bergen")}
        setup.change_brand(tx, lettered.brand, "Larkspur", msgspec.structs.replace(look, letters=letters))

    lettered.change(with_german)
    lettered.agent("ana").replies("It is.")
    assert "Warm regards,\nAna" in body(mailed(lettered), "plain")
    lettered.customer("uwe@customer.test").mails("Zelt", "Ist das Zelt dicht und wie ist es mit dem Boden?")
    lettered.agent("ana").replies("Ja.")
    plain = body(mailed(lettered), "plain")
    assert "Herzliche Grüße\nAna" in plain
    assert "Larkspur Ltd, 1 Quay" in plain, "what German has no words for stays as it is"
    lettered.customer("zoe@customer.test").mails(
        "Tente", "Est-ce que la tente est étanche et pour combien de personnes ?"
    )
    lettered.agent("ana").replies("Oui.")
    plain = body(mailed(lettered), "plain")
    assert "Warm regards,\nAna\n\n-- \nLarkspur, Bergen\n" in plain
