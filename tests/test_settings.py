"""Settings pages: a form for every channel, made from its settings struct; saved, tested, refused in sentences."""

import html
import re
from collections.abc import Iterator

import pytest

from harness.dns_server import Records, name_server
from harness.smtp_sink import Sink, smtp_sink
from harness.web import SignedIn, WebDesk, served
from parley.channels import installed
from parley.services import setup
from parley.web import channel_form


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    with served(tmp_path_factory.mktemp("desk")) as web:
        yield web


@pytest.fixture(scope="module")
def admin(web: WebDesk) -> SignedIn:
    return web.signed_in("ada", "admin")


@pytest.fixture
def post() -> Iterator[Sink]:
    with smtp_sink() as sink:
        yield sink


def sentences(page: str) -> list[str]:
    """What is said above the form, good or bad."""
    found = re.findall(r'<(p|li) class="(?:problem|health)[^>]*>(.*?)</\1>', page, re.DOTALL)
    return [html.unescape(" ".join(re.sub(r"<[^>]+>", " ", one).split())) for _, one in found]


def mail_form(**more: str) -> dict[str, str]:
    form = {"name": "Support", "brand": "1", "address": "support@larkspur.test", "s.imap_port": "993"}
    return form | {"s.imap_security": "tls", "s.smtp_security": "none", "s.smtp_port": "25"} | more


@pytest.mark.parametrize("name", sorted(installed()))
def test_every_setting_of_every_channel_is_explained(name: str) -> None:
    door = installed()[name]
    fields = [field for group in channel_form.groups(door, None, {}, {}) for field in group.fields]
    assert fields or not door.manifest.offered
    doc = door.manifest.settings.__doc__ or ""
    assert [field.name for field in fields if not re.search(rf"\b{field.name}\b", doc)] == []


def test_settings_stand_in_groups_and_choices_can_be_chosen() -> None:
    groups = channel_form.groups(installed()["email"], None, {}, {})
    assert [group.heading.partition(",")[0].partition(":")[0] for group in groups] == [
        "Coming in", "Or through the mail service's own interface",
        "Or by being handed mail from a mail server of yours", "Or by being posted mail by a mail service", "Going out",
        "Or log in with tokens in place of passwords",
    ]  # fmt: skip
    assert [group.folded for group in groups] == [False, True, True, True, False, True]
    typed = {"s.mail_api": "graph", "s.poll_seconds": "60"}
    assert not channel_form.groups(installed()["email"], None, typed, {})[1].folded, "what is used is in sight"
    fields = {field.name: field for group in groups for field in group.fields}
    assert (fields["imap_security"].kind, fields["imap_security"].options) == ("choice", ("tls", "starttls", "none"))
    assert fields["imap_host"].label == "IMAP host"
    assert fields["aliases"].hint == "Further addresses whose mail belongs to this inbox."


def test_only_channels_for_real_use_are_offered(admin: SignedIn) -> None:
    page = admin.get("/desk/settings/inboxes").text
    assert "/desk/settings/inboxes/new/email" in page
    assert "/desk/settings/inboxes/new/console" not in page


def test_a_new_chat_begins_with_a_key_and_a_secret_and_shows_its_snippet(web: WebDesk, admin: SignedIn) -> None:
    page = admin.get("/desk/settings/inboxes/new/webchat").text
    values = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page))
    assert values["s.key"] == values["address"] == "larkspur"
    assert len(values["s.secret"]) == 64
    form = {k: v for k, v in values.items() if k.startswith("s.")} | {"address": "larkspur", "name": "Site"}
    saved = admin.post("/desk/settings/inboxes/new/webchat", data=form | {"brand": "1"})
    assert saved.status_code == 303
    shown = admin.get(saved.headers["location"]).text
    assert f'<script src="{web.room.url}/widget.js" data-inbox="larkspur" async></script>' in html.unescape(shown)
    again = admin.get("/desk/settings/inboxes/new/webchat").text
    assert 'value="larkspur-2"' in again


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(admin: SignedIn) -> None:
    form = mail_form(**{"s.imap_port": "many", "s.imap_host": "imap.larkspur.test", "with_bot": "yes"})
    refused = admin.post("/desk/settings/inboxes/new/email", data=form)
    assert refused.status_code == 422
    assert sentences(refused.text) == ["IMAP port: “many” is not a whole number."]
    assert 'value="imap.larkspur.test"' in refused.text
    assert 'name="with_bot" value="yes" checked' in refused.text
    assert 'name="s.imap_old_mail" value="yes" checked' not in refused.text


def test_save_and_test_tells_each_step(admin: SignedIn, post: Sink) -> None:
    records: Records = {"larkspur.test": {"TXT": ["v=spf1 ip4:127.0.0.1 -all"]}, "_dmarc.larkspur.test": {}}
    with name_server(records) as dns:
        form = mail_form(**{"s.smtp_host": "127.0.0.1", "s.smtp_port": f"{post.port}", "then": "test"})
        form |= {"s.imap_host": "127.0.0.1", "s.imap_port": "1", "s.imap_user": "u", "s.imap_password": "p"}
        form |= {"s.dns_servers": dns.address}
        said = sentences(admin.post("/desk/settings/inboxes/new/email", data=form).text)
    assert said[:6] == [
        "Fetching, look up: 127.0.0.1 is 127.0.0.1.",
        "Fetching, connect: 127.0.0.1:1 cannot be reached: Connection refused. Check host, port and security.",
        "Sending, look up: 127.0.0.1 is 127.0.0.1.",
        f"Sending, connect: 127.0.0.1:{post.port} answers.",
        "Sending, encrypt: The line to 127.0.0.1 is not encrypted, as the settings say.",
        "Sending, ready: 127.0.0.1 takes mail from us.",
    ]
    assert [one.partition(":")[0] for one in said[6:]] == ["SPF", "DKIM", "DMARC"]
    wanted = '_dmarc.larkspur.test. TXT "v=DMARC1; p=none; rua=mailto:postmaster@larkspur.test"'
    assert said[8].endswith(f"Add: {wanted}")


def test_the_servers_of_an_address_are_found_and_nothing_is_saved(admin: SignedIn) -> None:
    records: Records = {
        "_imaps._tcp.acme.test": {"SRV": ["10 1 993 mail.acme.test."]},
        "_submissions._tcp.acme.test": {"SRV": ["0 1 465 mail.acme.test."]},
    }
    before = len(admin.web.room.inboxes())
    with name_server(records) as dns:
        form = mail_form(address="hello@acme.test", **{"s.dns_servers": dns.address, "then": "detect"})
        page = admin.post("/desk/settings/inboxes/new/email", data=form | {"name": ""})
        nowhere = admin.post("/desk/settings/inboxes/new/email", data=form | {"address": "hello@nowhere.test"})
    assert page.status_code == 200
    assert "found in its DNS (SRV records)" in sentences(page.text)[0]
    for name, value in (("imap_host", "mail.acme.test"), ("smtp_port", "465"), ("imap_user", "hello@acme.test")):
        assert f'name="s.{name}" value="{value}"' in page.text
    assert nowhere.status_code == 422
    assert sentences(nowhere.text)[0].startswith("nowhere.test does not tell its mail servers.")
    assert len(admin.web.room.inboxes()) == before


def test_an_inbox_that_got_nothing_for_a_day_says_since_when(web: WebDesk, admin: SignedIn) -> None:
    number = web.story.console_inbox
    web.room.intake.take(number, "one", b'{"from": "kim", "text": "Hello"}').result(30)
    assert "Last received" in admin.get("/desk/settings/inboxes").text
    web.story.clock.advance(hours=25)
    assert "Nothing received since" in admin.get("/desk/settings/inboxes").text


def test_a_brand_keeps_what_its_form_shows(admin: SignedIn) -> None:
    """A sign-off of two lines stays two lines, and what the bot may do, which stands elsewhere, is left alone."""

    def look() -> setup.Look:
        return admin.web.story.record.ask(setup.all_brands)[1].look

    form = {"name": "Larkspur", "colour": "#123456", "sign_off": "Kind regards,\r\nLarkspur"}
    assert admin.post("/desk/settings/brands/1", data=form).status_code == 303
    assert look().sign_off == "Kind regards,\nLarkspur"
    admin.post("/desk/settings/brands/1", data=form | {"terms": "cheap → good value\r\nguarantee"})
    assert [(one.avoid, one.say) for one in look().terms] == [("cheap", "good value"), ("guarantee", "")]
    page = admin.get("/desk/settings/brands").text
    assert ">Kind regards,\nLarkspur</textarea>" in page
    assert ">cheap -&gt; good value\nguarantee</textarea>" in page
    switch = "/desk/settings/procedures/cancel_order/brands/1"
    assert admin.post(switch, data={"on": "1"}).status_code == 303
    assert admin.post("/desk/settings/brands/1", data=form).status_code == 303
    assert look().bot_does == ("cancel_order",)
    assert admin.post(switch, data={}).status_code == 303
    assert look().bot_does == ()


def test_an_address_that_gives_tokens_is_no_secret() -> None:
    kinds = {
        (name, field.name): field.kind
        for name, channel in installed().items()
        for group in channel_form.groups(channel, None, {}, {})
        for field in group.fields
    }
    assert kinds["reviews", "token_url"] == "text"
    assert {kinds["reviews", "client_secret"], kinds["whatsapp", "token"]} == {"secret"}
