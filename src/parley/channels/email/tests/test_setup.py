"""Setting up a mail account: its servers found from the address, its domain looked at, a mail sent to oneself."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from harness.dns_server import SILENT, NameServer, Records, name_server
from harness.dovecot import dovecot, needs_dovecot
from harness.smtp_sink import smtp_sink
from parley.channels.email import channel
from parley.channels.email.discovery import detect, fetched, from_xml
from parley.channels.email.names import Names, server
from parley.channels.email.tests.facts import inbox
from parley.core.errors import Refused

XML = b"""<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="acme.example">
<incomingServer type="pop3"><hostname>pop.acme.example</hostname><port>995</port><socketType>SSL</socketType>
</incomingServer>
<incomingServer type="imap"><hostname>plain.acme.example</hostname><port>143</port><socketType>plain</socketType>
</incomingServer>
<incomingServer type="imap"><hostname>in.acme.example</hostname><port>993</port><socketType>SSL</socketType>
<username>%EMAILLOCALPART%</username></incomingServer>
<outgoingServer type="smtp"><hostname>out.acme.example</hostname><port>587</port><socketType>STARTTLS</socketType>
<username>%EMAILADDRESS%</username></outgoingServer></emailProvider></clientConfig>"""
ADDRESS = "help@acme.example"


@pytest.fixture
def dns() -> Iterator[NameServer]:
    with name_server({"acme.example": {}}) as running:
        yield running


def found(dns: NameServer, address: str = ADDRESS, xml: bytes = b"") -> tuple[dict[str, Any], str]:
    return detect(address, (dns.address,), lambda url, names: xml)


def test_srv_records_come_first_and_the_best_of_them_counts(dns: NameServer) -> None:
    dns.say("_imaps._tcp.acme.example", "SRV", "20 1 993 far.acme.example.", "10 1 993 low.acme.example.",
            "10 9 1993 near.acme.example.")  # fmt: skip
    dns.say("_submissions._tcp.acme.example", "SRV", "0 0 0 .")
    dns.say("_submission._tcp.acme.example", "SRV", "0 1 587 out.acme.example.")
    settings, told = found(dns, xml=XML)
    assert settings == {
        "imap_host": "near.acme.example", "imap_port": 1993, "imap_security": "tls", "imap_user": ADDRESS,
        "smtp_host": "out.acme.example", "smtp_port": 587, "smtp_security": "starttls", "smtp_user": ADDRESS,
    }  # fmt: skip
    assert "SRV" in told


def test_then_the_autoconfig_file_with_its_encrypted_servers(dns: NameServer) -> None:
    dns.say("acme.example", "MX", "10 mx.acme.example.")
    settings, told = found(dns, xml=XML)
    assert (settings["imap_host"], settings["imap_security"], settings["imap_user"]) == (
        "in.acme.example",
        "tls",
        "help",
    )
    assert (settings["smtp_host"], settings["smtp_port"], settings["smtp_user"]) == ("out.acme.example", 587, ADDRESS)
    assert "autoconfig" in told


@pytest.mark.parametrize(
    ("exchange", "imap", "smtp"),
    [
        ("aspmx.l.google.com.", "imap.gmail.com", ("smtp.gmail.com", 465, "tls")),
        ("acme-example.mail.protection.outlook.com.", "outlook.office365.com", ("smtp.office365.com", 587, "starttls")),
        ("in1-smtp.messagingengine.com.", "imap.fastmail.com", ("smtp.fastmail.com", 465, "tls")),
    ],
)
def test_then_who_takes_its_mail(dns: NameServer, exchange: str, imap: str, smtp: tuple[str, int, str]) -> None:
    dns.say("acme.example", "MX", f"1 {exchange}", "90 backup.example.")
    settings, _ = found(dns)
    assert settings["imap_host"] == imap
    assert (settings["smtp_host"], settings["smtp_port"], settings["smtp_security"]) == smtp


def test_and_last_names_that_are_there(dns: NameServer) -> None:
    dns.say("mail.acme.example", "A", "192.0.2.7")
    assert found(dns)[0]["imap_host"] == "mail.acme.example"
    dns.say("imap.acme.example", "A", "192.0.2.8")
    dns.say("smtp.acme.example", "A", "192.0.2.9")
    settings, _ = found(dns)
    assert (settings["imap_host"], settings["smtp_host"]) == ("imap.acme.example", "smtp.acme.example")


def test_nothing_found_is_said(dns: NameServer) -> None:
    with pytest.raises(Refused, match="does not tell its mail servers"):
        found(dns)
    with pytest.raises(Refused, match="is not a mail address"):
        found(dns, "help")
    dns.say("_imaps._tcp.acme.example", "SRV", SILENT)
    with pytest.raises(Refused, match="by hand"):
        found(dns)


@pytest.mark.parametrize(
    "data",
    [b"", b"<", b"\xff\xfe", b"<clientConfig/>", XML + b" " * 200_000, XML.replace(b"993", b"99999"),
     XML.replace(b"in.acme.example", b"in.acme.example\r\nX"), b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ids=range(8),
)  # fmt: skip
def test_a_bad_autoconfig_file_harms_nothing(data: bytes) -> None:
    settings = from_xml(data, ADDRESS)
    assert settings.get("imap_host", "plain.acme.example") == "plain.acme.example"


def test_autoconfig_is_asked_of_the_open_internet_only(dns: NameServer) -> None:
    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254"):
        dns.say("acme.example", "A", address)
        assert fetched("https://acme.example/.well-known/x", Names(2, [server(dns.address)])) == b""


# ── the sending domain ──────────────────────────────────────────────────────────────────────


def domain(dns: NameServer, host: str = "smtp.gmail.com") -> dict[str, tuple[bool, str]]:
    box = inbox(ADDRESS, smtp_host=host, dns_servers=(dns.address,))
    return {step: (good, sentence) for step, good, sentence in channel.check_domain(box)}


def test_a_domain_that_has_all_is_told_so(dns: NameServer) -> None:
    dns.say("acme.example", "TXT", "v=spf1 mx include:_spf.google.com ~all", "another text")
    dns.say("google._domainkey.acme.example", "TXT", "v=DKIM1; k=rsa; p=" + "A" * 300)
    dns.say("_dmarc.acme.example", "TXT", "v=DMARC1; p=reject")
    assert [good for good, _ in domain(dns).values()] == [True, True, True]


def test_a_domain_that_has_nothing_is_shown_the_lines(dns: NameServer) -> None:
    said = domain(dns)
    assert said["SPF:"][1].endswith('Add: acme.example. TXT "v=spf1 include:_spf.google.com ~all"')
    assert 'google._domainkey.acme.example. TXT "v=DKIM1; k=rsa; p=KEY"' in said["DKIM:"][1]
    assert '_dmarc.acme.example. TXT "v=DMARC1; p=none; rua=mailto:postmaster@acme.example"' in said["DMARC:"][1]
    assert not any(good for good, _ in said.values())


def test_a_record_that_lacks_us_is_completed_and_never_doubled(dns: NameServer) -> None:
    dns.say("acme.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    assert 'TXT "v=spf1 ip4:192.0.2.1 include:_spf.google.com -all"' in domain(dns)["SPF:"][1]
    dns.say("acme.example", "TXT", "v=spf1 -all", "v=spf1 mx -all")
    assert domain(dns)["SPF:"] == (False, "acme.example has 2 SPF records, and so none that counts. Leave one of them.")


def test_a_server_of_ones_own_may_be_named_by_its_address(dns: NameServer) -> None:
    dns.say("post.acme.example", "A", "192.0.2.25")
    dns.say("acme.example", "TXT", "v=spf1 ip4:192.0.2.0/24 -all")
    assert domain(dns, "post.acme.example")["SPF:"][0]
    dns.say("acme.example", "TXT", "v=spf1 ip4:198.51.100.0/24 -all")
    assert "a:post.acme.example -all" in domain(dns, "post.acme.example")["SPF:"][1]
    assert domain(dns, "198.51.100.7")["SPF:"][0]
    assert "ip4:192.0.2.9 -all" in domain(dns, "192.0.2.9")["SPF:"][1]


def test_the_policy_of_the_organisation_above_counts_and_watching_is_said(dns: NameServer) -> None:
    dns.say("_dmarc.acme.example", "TXT", "v=DMARC1; p=none")
    box = inbox("help@eu.acme.example", smtp_host="smtp.gmail.com", dns_servers=(dns.address,))
    good, sentence = {step: said for step, *said in channel.check_domain(box)}["DMARC:"]
    assert good
    assert "acme.example has the policy none" in str(sentence)
    assert "only watches" in str(sentence)


def test_a_silent_name_server_is_said(dns: NameServer) -> None:
    dns.records = {"acme.example": {"TXT": [SILENT]}}
    good, sentence = domain(dns)["SPF:"]
    assert not good
    assert "did not answer about acme.example" in sentence


# ── to oneself ──────────────────────────────────────────────────────────────────────────────


@needs_dovecot
def test_a_mail_to_oneself_comes_back() -> None:
    records: Records = {}
    with dovecot({ADDRESS: "word"}) as mailbox, smtp_sink() as sink, name_server(records):
        box = inbox(
            ADDRESS, imap_host="127.0.0.1", imap_port=mailbox.imap_port, imap_security="none", imap_user=ADDRESS,
            imap_password="word", smtp_host="127.0.0.1", smtp_port=sink.port, smtp_security="none",
        )  # fmt: skip

        def carry() -> None:
            [mail] = sink.wait_for(1)
            mailbox.deliver(ADDRESS, b"DKIM-Signature: v=1\r\n" + mail.raw)

        carrier = threading.Thread(target=carry)
        carrier.start()
        [(step, good, sentence)] = channel.send_to_oneself(box)
        carrier.join()
        assert (step, good) == ("Send to oneself:", True)
        assert "signed with DKIM" in sentence
        assert sink.mails[0].recipients == [ADDRESS]
        sink.answer(".", "554 5.7.1 Not from here")
        [(_, good, sentence)] = channel.send_to_oneself(box)
        assert not good
        assert "5.7.1 Not from here" in sentence
