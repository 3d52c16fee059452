"""Who really sent a mail: checked against a name server on loopback, with mails signed on the spot."""

import asyncio
import smtplib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.dns_server import SILENT, NameServer, name_server
from harness.signing import key, sealed, signed
from parley.channels.email import channel
from parley.channels.email.authenticity import checked
from parley.channels.email.names import Names
from parley.channels.email.tests.facts import inbox, message
from parley.channels.email.tests.test_receiving import Desk, story
from parley.channels.email.verdict import Checks, Envelope, foreign, ours, results
from parley.core.channel import Address

RAW = (
    b"From: Kim <kim@acme.example>\r\nTo: support@acme.example\r\nSubject: Hello\r\n"
    b"Date: Mon, 02 Mar 2026 09:00:00 +0000\r\nMessage-ID: <1@acme.example>\r\n\r\nWhere is it?\r\n"
)
HERE, ELSEWHERE = "192.0.2.10", "198.51.100.66"
AS_STRICT = {"peer": ELSEWHERE, "sender": "x@strict.example"}
AS_EVIL = {"peer": HERE, "sender": "x@evil.example"}


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    records = {
        "acme.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"], "MX": ["10 mx.acme.example."]},
        "_dmarc.acme.example": {"TXT": ["v=DMARC1; p=reject"]},
        "s1._domainkey.acme.example": {"TXT": [key(1)[1]]},
        "s1._domainkey.mail.acme.example": {"TXT": [key(1)[1]]},
        "strict.example": {"TXT": ["v=spf1 -all"]},
        "_dmarc.strict.example": {"TXT": ["v=DMARC1; p=quarantine; adkim=s; aspf=s"]},
        "s1._domainkey.strict.example": {"TXT": [key(1)[1]]},
        "s1._domainkey.sub.strict.example": {"TXT": [key(1)[1]]},
        "evil.example": {"TXT": ["v=spf1 +all"]},
        "s1._domainkey.evil.example": {"TXT": [key(2)[1]]},
        "watching.example": {"TXT": ["v=spf1 -all"]},
        "_dmarc.watching.example": {"TXT": ["v=DMARC1; p=none"]},
        "plain.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
        "s1._domainkey.plain.example": {"TXT": [key(1)[1]]},
        "loop.example": {"TXT": ["v=spf1 include:loop.example -all"]},
        "silent.example": {"TXT": [SILENT]},
        "_dmarc.silent.example": {"TXT": [SILENT]},
        "_dmarc.suffix.example": {"TXT": ["v=DMARC1; p=reject; psd=y"]},
        "s1._domainkey.other.suffix.example": {"TXT": [key(2)[1]]},
        "huge._domainkey.evil.example": {"TXT": ["v=DKIM1; p=" + "A" * 4000]},
        "s1._domainkey.forwarder.example": {"TXT": [key(2)[1]]},
    }
    with name_server(records) as server:
        yield server


def looked(dns: NameServer, raw: bytes, author: str = "acme.example", **envelope: str) -> Checks:
    host, _, port = dns.address.partition(":")
    return checked(raw, [author], Envelope(**envelope), Names(5, [(host, int(port))]))


def judged(checks: Checks, raw: bytes, **settings: Any) -> Address:
    return message(checks.line() + raw, inbox(**settings)).sender


def test_a_signed_mail_from_its_own_server_is_proved(dns: NameServer) -> None:
    raw = signed(RAW, "acme.example")
    found = looked(dns, raw, peer=HERE, helo="mx.acme.example", sender="kim@acme.example")
    assert (found.spf, found.dkim, found.dmarc, found.policy) == ("pass", "pass", "pass", "reject")
    sender = judged(found, raw)
    assert sender.proved == "dmarc"
    assert sender.doubt is None
    assert sender.checks == "SPF pass (acme.example) · DKIM pass (acme.example) · DMARC pass"


@pytest.mark.parametrize(
    ("raw", "author", "envelope", "dmarc"),
    [
        (RAW, "acme.example", {"peer": HERE, "sender": "kim@acme.example"}, "pass"),
        (RAW, "acme.example", {"peer": ELSEWHERE, "sender": "kim@acme.example"}, "fail"),
        (RAW, "acme.example", {"peer": ELSEWHERE, "sender": "x@evil.example"}, "fail"),
        (signed(RAW, "acme.example"), "acme.example", {"peer": ELSEWHERE, "sender": "list@evil.example"}, "pass"),
        (signed(RAW, "mail.acme.example"), "acme.example", {}, "pass"),
        (signed(RAW, "evil.example", seed=2), "acme.example", AS_EVIL, "fail"),
        (signed(RAW, "acme.example", seed=2), "acme.example", {"peer": ELSEWHERE, "sender": "x@evil.example"}, "fail"),
        (signed(RAW, "sub.strict.example"), "strict.example", AS_STRICT, "fail"),
        (signed(RAW, "strict.example"), "strict.example", AS_STRICT, "pass"),
        (signed(RAW, "other.suffix.example", seed=2), "mine.suffix.example", AS_EVIL, "fail"),
        (RAW, "nobody.example", {"peer": HERE, "sender": "x@nobody.example"}, "none"),
        (RAW, "acme.example", {"peer": HERE, "helo": "acme.example"}, "pass"),
    ],
)  # fmt: skip
def test_alignment(dns: NameServer, raw: bytes, author: str, envelope: dict[str, str], dmarc: str) -> None:
    assert looked(dns, raw, author, **envelope).dmarc == dmarc


def test_a_changed_mail_is_not_the_signed_one(dns: NameServer) -> None:
    raw = signed(RAW, "acme.example").replace(b"Where is it?", b"Send it to me.")
    found = looked(dns, raw, peer=ELSEWHERE, sender="kim@acme.example")
    assert (found.dkim, found.dmarc) == ("fail", "fail")
    assert "did not send this mail" in str(judged(found, raw).doubt)


def test_a_signature_over_a_part_of_the_body_proves_nothing(dns: NameServer) -> None:
    raw = signed(RAW, "acme.example", length=True) + b"And this was added.\r\n"
    assert b"l=" in raw.partition(b"From:")[0]
    assert looked(dns, raw).dkim == "policy"


def test_two_senders_are_none(dns: NameServer) -> None:
    host, _, port = dns.address.partition(":")
    found = checked(RAW, ["acme.example", "evil.example"], Envelope(peer=HERE), Names(5, [(host, int(port))]))
    assert found.dmarc == "permerror"
    two = RAW.replace(b"From: Kim <kim@acme.example>", b"From: Kim <kim@acme.example>, x@evil.example")
    assert message(two).sender.doubt
    assert message(b"From: x@evil.example\r\n" + RAW).sender.doubt


def test_without_the_peer_a_missing_signature_says_nothing(dns: NameServer) -> None:
    found = looked(dns, RAW)
    assert found.dmarc == ""
    assert judged(found, RAW).doubt is None


def test_a_domain_that_only_watches_raises_no_doubt_and_no_trust(dns: NameServer) -> None:
    found = looked(dns, RAW, "watching.example", peer=ELSEWHERE, sender="x@watching.example")
    assert (found.dmarc, found.policy) == ("fail", "none")
    sender = judged(found, RAW.replace(b"kim@acme", b"kim@watching"))
    assert sender.proved is None
    assert sender.doubt is None


def test_without_a_policy_spf_and_the_domains_own_signature_still_speak(dns: NameServer) -> None:
    raw = RAW.replace(b"kim@acme.example>\r\nTo", b"kim@plain.example>\r\nTo")
    good = signed(raw, "plain.example")
    assert judged(looked(dns, good, "plain.example"), good).proved == "dkim"
    spoofed = looked(dns, raw, "plain.example", peer=ELSEWHERE, sender="kim@plain.example")
    assert spoofed.spf == "fail"
    assert judged(spoofed, raw).doubt


def test_a_forwarder_that_is_trusted_vouches_for_what_it_saw(dns: NameServer) -> None:
    raw = b"Authentication-Results: mx.forwarder.example; dmarc=pass header.from=acme.example\r\n" + RAW
    passed_on = sealed(raw, "forwarder.example", "mx.forwarder.example", seed=2)
    found = looked(dns, passed_on, peer=ELSEWHERE, sender="fw@forwarder.example")
    assert (found.arc, found.arc_sealer, found.dmarc) == ("pass", "forwarder.example", "fail")
    assert judged(found, passed_on, arc_sealers=("forwarder.example",)).proved == "arc"
    stranger = judged(found, passed_on)
    assert stranger.proved is None
    assert stranger.doubt
    broken = passed_on.replace(b"Where is it?", b"Where was it?")
    assert looked(dns, broken, peer=ELSEWHERE, sender="fw@forwarder.example").arc == "fail"


def test_a_silent_name_server_costs_seconds_and_no_trust(dns: NameServer) -> None:
    began = time.monotonic()
    found = looked(dns, RAW, "silent.example", peer=HERE, sender="x@silent.example")
    assert time.monotonic() - began < 60
    assert found.dmarc == "temperror"
    assert "could not be checked" in str(judged(found, RAW.replace(b"kim@acme", b"kim@silent")).doubt)


def test_records_that_would_burn_time_are_left_out(dns: NameServer) -> None:
    assert looked(dns, signed(RAW, "evil.example", selector="huge", seed=2)).dkim == "fail"
    assert looked(dns, RAW, "loop.example", peer=HERE, sender="x@loop.example").spf == "permerror"
    blanks = signed(RAW, "acme.example") + b" " * 2_000_000
    used = time.process_time()
    assert looked(dns, blanks).dkim == "policy"
    assert time.process_time() - used < 30


@settings(max_examples=40, deadline=None)
@given(head=st.binary(max_size=300), spf=st.text(max_size=80), cut=st.integers(0, 900))
def test_whatever_comes_is_an_answer(dns: NameServer, head: bytes, spf: str, cut: int) -> None:
    dns.say("x.example", "TXT", "v=spf1 " + spf.encode("ascii", "replace").decode().replace("\x00", ""))
    raw = signed(RAW, "acme.example")
    for mail in (head + raw, raw[:cut] + head + raw[cut:], b"DKIM-Signature: " + head, b"ARC-Seal: i=1; " + head):
        found = looked(dns, mail, "x.example", peer=HERE, sender="a@x.example")
        assert found.dmarc != "pass"
        assert ours(found.line()) is not None


def test_only_our_own_first_line_is_believed() -> None:
    line = Checks(dmarc="pass", policy="reject").line()
    assert message(line + RAW).sender.proved == "dmarc"
    assert message(b"Received: from x\r\n" + line + RAW).sender.proved is None
    assert message(foreign(line + RAW)).sender.proved is None
    assert message(foreign(b" " + line + RAW)).sender.proved is None
    assert channel.provider_id(line + RAW) == channel.provider_id(RAW)


@pytest.mark.parametrize(
    "said",
    [
        'spf=fail smtp.mailfrom="a;dmarc=pass"@evil.example; dmarc=fail (p=reject)',
        "spf=fail (mail from (x; dmarc=pass) is not allowed) smtp.mailfrom=evil.example; dmarc=fail (p=REJECT)",
        "spf=fail smtp.mailfrom=x.dmarc=pass.example; dmarc=fail policy.dmarc=reject",
    ],
)
def test_a_senders_words_inside_a_result_are_no_result(said: str) -> None:
    found = results(said)
    assert (found.spf, found.dmarc, found.policy) == ("fail", "fail", "reject")


def test_over_smtp_with_the_client_named_by_the_server_in_front(dns: NameServer) -> None:
    async def steps(desk: Desk, port: int) -> None:
        def send(raw: bytes, address: str) -> None:
            with smtplib.SMTP("127.0.0.1", port) as client:
                client.ehlo()
                assert client.has_extn("xforward")
                assert client.docmd("XFORWARD", f"NAME=mx ADDR={address} HELO=mx.acme.example")[0] == 250
                client.sendmail("kim@acme.example", ["support@acme.example"], raw)

        await asyncio.to_thread(send, signed(RAW, "acme.example"), HERE)
        await asyncio.to_thread(send, RAW.replace(b"Hello", b"Again"), ELSEWHERE)

    desk = story(steps, dns_servers=(dns.address,))
    good, bad = (message(raw).sender for _, _, raw in desk.kept)
    assert good.proved == "dmarc"
    assert good.doubt is None
    assert bad.proved is None
    assert "acme.example says" in str(bad.doubt)


def test_a_peer_out_there_may_not_name_another(dns: NameServer) -> None:
    async def steps(desk: Desk, port: int) -> None:
        def send() -> None:
            with smtplib.SMTP("127.0.0.1", port) as client:
                client.ehlo()
                assert not client.has_extn("xforward")
                assert client.docmd("XFORWARD", f"ADDR={HERE}")[0] == 550
                client.sendmail("kim@acme.example", ["support@acme.example"], RAW)

        await asyncio.to_thread(send)

    desk = story(steps, dns_servers=(dns.address,), relays=("203.0.113.0/24",))
    assert message(desk.kept[0][2]).sender.doubt
