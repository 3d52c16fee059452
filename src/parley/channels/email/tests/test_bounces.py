"""What became of our mail: told by many mail systems, in fields or in prose; complaints; and people's mails."""

import time

import pytest

from parley.channels.email.causes import CAUSES, HARD, cause_of
from parley.channels.email.tests.facts import message, said
from parley.core.channel import InboundReceipt

COPY = (
    "Return-Path: <support@acme.example>\nReceived: by mx.acme.example\nMessage-ID: <our.9@acme.example>\n"
    "From: support@acme.example\nTo: gone@example.com\nSubject: Re: shoes\n\nYour shoes are on the way.\n"
)
HEAD = "Return-Path: <>\nTo: support@acme.example\nSubject: {subject}\nFrom: {sender}\n{more}\n"


def receipt(raw: str) -> InboundReceipt:
    [one] = said(raw.encode())
    assert isinstance(one, InboundReceipt)
    assert one.external_id == "<our.9@acme.example>"
    return one


def prose(
    text: str, subject: str = "failure notice", sender: str = "MAILER-DAEMON@mx.example.net", more: str = ""
) -> str:
    return HEAD.format(subject=subject, sender=sender, more=more) + text + "\n" + COPY


PROSE = {
    "qmail": prose(
        "Hi. This is the qmail-send program at mx.example.net.\nI wasn't able to deliver your message.\n\n"
        "<gone@example.com>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 unknown user here\n\n"
        "--- Below this line is a copy of the message.\n"
    ),
    "exim": prose(
        "This message was created automatically by mail delivery software.\n\nThe following address(es) failed:\n\n"
        "  gone@example.com\n    SMTP error from remote mail server after RCPT TO:<gone@example.com>:\n"
        "    host mx.example.com [192.0.2.1]: 550 5.1.1 no such user\n\n------ This is a copy of the message. ------\n",
        subject="Mail delivery failed: returning message to sender",
        more="X-Failed-Recipients: gone@example.com\nAuto-Submitted: auto-replied\n",
    ),
    "postfix without fields": prose(
        "This is the Postfix program at host mx.example.net.\n\nI'm sorry to have to inform you that your "
        "message could\n"
        "not be delivered to one or more recipients.\n\n<gone@example.com>: host mx.example.com[192.0.2.1] "
        "said: 550 5.1.1\n"
        "    <gone@example.com>: Recipient address rejected: User unknown (in reply to RCPT TO command)\n",
        subject="Undelivered Mail Returned to Sender",
    ),
    "a gateway in german": prose(
        "Ihre Nachricht konnte nicht zugestellt werden:\n\n<gone@example.com>: 550 5.1.1 Empfänger unbekannt\n\n"
        "--- Original message follows.\n",
        subject="Unzustellbar: Schuhe",
        sender="postmaster@mx.example.net",
    ),
}  # fmt: skip


@pytest.mark.parametrize("raw", PROSE.values(), ids=PROSE.keys())
def test_a_bounce_in_prose_says_whom_and_why(raw: str) -> None:
    news = receipt(raw)
    assert (news.state, news.kind, news.cause) == ("failed", "hard", "userunknown")
    assert (news.recipient, news.code) == ("gone@example.com", "5.1.1")
    assert news.permanent
    assert "gone@example.com" in news.reason


def test_exchange_names_the_recipient_and_gives_no_codes() -> None:
    text = (
        "Your message\n\n  To:      support@acme.example\n  Subject: shoes\n\ndid not reach the following "
        "recipient(s):\n\n"
        "gone@example.com on Mon, 3 Aug 2026 09:58:00 -0000\n    The recipient name is not recognized\n"
    )
    raw = (
        HEAD.format(subject="Undeliverable: shoes", sender="System Administrator <postmaster@x.example>", more="")
        + text
    )
    shown = message(raw.encode())
    assert shown.automatic == "it is a bounce: mail to gone@example.com failed for good, there is no such mailbox"


def test_gmail_names_our_message_as_what_it_answers() -> None:
    raw = (
        HEAD.format(
            subject="Delivery Status Notification (Delay)",
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            more="In-Reply-To: <our.9@acme.example>\nX-Failed-Recipients: gone@example.com\n",
        )
        + "Delivery to gone@example.com has been delayed. We will keep trying for 45 hours.\n\n452 4.2.2 mailbox full\n"
    )
    news = receipt(raw)
    assert (news.state, news.kind, news.recipient, news.code) == ("delayed", "", "gone@example.com", "4.2.2")


def test_a_full_mailbox_is_soft_though_the_server_says_five() -> None:
    news = receipt(PROSE["qmail"].replace("550 5.1.1 unknown user here", "552 5.2.2 over quota"))
    assert (news.kind, news.cause, news.permanent) == ("soft", "mailboxfull", False)


def test_who_took_the_whole_mail_before_refusing_knows_the_address() -> None:
    late = PROSE["postfix without fields"].replace("RCPT TO", "end of DATA").replace("5.1.1", "5.7.1")
    assert (receipt(late).kind, receipt(late).cause) == ("soft", "filtered")


def test_fields_inside_a_broken_report_are_found() -> None:
    raw = prose(
        "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; gone@example.com\nAction: "
        "failed\nStatus: 5.1.2\n"
        "Diagnostic-Code: smtp; 550 5.1.2 no such domain\n\n",
        more="Content-Type: multipart/report; report-type=delivery-status; boundary=nowhere\n",
    )
    assert (receipt(raw).cause, receipt(raw).kind) == ("hostunknown", "hard")


@pytest.mark.parametrize("name", ["<our.9@acme.example>", "<our+2E9@acme.example>"])
def test_a_report_that_brings_nothing_back_is_known_by_the_envelope(name: str) -> None:
    assert receipt(REPORT.format(name=name)).recipient == "gone@example.com"


@pytest.mark.parametrize("name", ["QQ314159", "<a@b>\n <our.9@acme.example>", "+ZZ", ""])
def test_an_envelope_with_another_name_says_nothing_of_our_mail(name: str) -> None:
    assert not [one for one in said(REPORT.format(name=name).encode()) if isinstance(one, InboundReceipt)]


REPORT = HEAD.format(
    subject="Undelivered",
    sender="MAILER-DAEMON@mx.example.net",
    more="Content-Type: multipart/report; report-type=delivery-status; boundary=r\n",
) + (
    "--r\n\nIt did not arrive.\n--r\nContent-Type: message/delivery-status\n\n"
    "Reporting-MTA: dns; mx.example.net\nOriginal-Envelope-Id: {name}\n\n"
    "Final-Recipient: rfc822; gone@example.com\nAction: failed\nStatus: 5.1.1\n\n--r--\n"
)


def test_a_report_wrapped_by_a_gateway_is_opened() -> None:
    inner = (
        "From: MAILER-DAEMON@mx.example.net\nContent-Type: multipart/report; report-type=delivery-status; "
        "boundary=r\n\n"
        "--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; "
        "gone@example.com\n"
        f"Action: failed\nStatus: 5.1.1\n\n--r\nContent-Type: message/rfc822\n\n{COPY}\n--r--\n"
    )
    raw = HEAD.format(
        subject="Returned mail: see attachment", sender="MAILER-DAEMON@gw.example.net",
        more="Content-Type: multipart/mixed; boundary=o\n",
    ) + f"--o\nContent-Type: text/plain\n\nSee.\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n"  # fmt: skip
    assert (receipt(raw).recipient, receipt(raw).code) == ("gone@example.com", "5.1.1")


COMPLAINT = (
    "From: feedback@isp.example\nTo: fbl@acme.example\nSubject: FW: shoes\n"
    "Content-Type: multipart/report; report-type=feedback-report; boundary=f\n\n"
    "--f\nContent-Type: text/plain\n\nThis is an email abuse report.\n"
    "--f\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: Some/1\nVersion: 1\n\n"
    f"--f\nContent-Type: message/rfc822\n\n{COPY}\n--f--\n"
)


def test_a_complaint_is_shown_as_one_and_never_answered() -> None:
    assert message(COMPLAINT.encode()).automatic == "it is a complaint: somebody marked a mail of ours as spam"


@pytest.mark.parametrize(
    "text",
    [
        "My mail to your shop came back: Undelivered Mail Returned to Sender, 550 5.1.1 user unknown. Why?",
        "Delivery has failed: the parcel was returned to sender. The address was unknown to the driver.",
        "<gone@example.com>: is that your address? I could not deliver the box.",
    ],
)
def test_people_who_write_about_bounces_are_people(text: str) -> None:
    raw = f"From: Kim <kim@example.com>\nSubject: Undeliverable: my parcel\n\n{text}\n"
    assert message(raw.encode()).automatic is None


@pytest.mark.parametrize(
    ("words", "status", "cause"),
    [
        ("Requested mail action aborted: exceeded storage allocation quota", "", "mailboxfull"),
        ("message size exceeds fixed limit", "5.3.4", "mesgtoobig"),
        ("does not pass DMARC verification", "5.7.1", "authfailure"),
        ("cannot find your reverse hostname", "", "requireptr"),
        ("blocked using zen.spamhaus.org", "", "blocked"),
        ("Relay access denied", "5.7.1", "norelaying"),
        ("Sender address rejected: Domain not found", "5.1.8", "rejected"),
        ("Host or domain name not found", "5.4.4", "hostunknown"),
        ("This account has been disabled or discontinued", "", "suspend"),
        ("Message refused because of spam content", "", "spamdetected"),
        ("connect to mx.example.com[192.0.2.1]:25: Connection refused", "4.4.1", "networkerror"),
        ("retry time not reached for any host after a long failure period: retry timeout exceeded", "", "expired"),
        ("Domain example.com does not accept mail (nullMX)", "5.1.10", "notaccept"),
        ("", "5.1.1", "userunknown"),
        ("", "", "undefined"),
    ],
)
def test_what_servers_say_has_one_word(words: str, status: str, cause: str) -> None:
    assert cause_of(words, status) == cause
    assert cause in CAUSES


def test_every_cause_is_explained_and_hard_ones_are_about_the_address() -> None:
    assert set(CAUSES) >= HARD
    assert all(CAUSES.values())


@pytest.mark.parametrize("words", ["user " * 4000, "550 5.1." * 3000, "<a@b.example>:\n" * 3000, "mailbox is " * 3000])
def test_a_hostile_report_costs_little(words: str) -> None:
    raw = HEAD.format(subject="failure notice", sender="MAILER-DAEMON@x.example", more="") + words
    began = time.process_time()
    said(raw.encode())
    assert time.process_time() - began < 2


def test_reports_wrapped_in_reports_without_end_are_read() -> None:
    raw = HEAD.format(subject="failure notice", sender="MAILER-DAEMON@x.example", more="")
    for depth in range(800):
        boundary = f"r{depth}"
        raw = (
            "From: MAILER-DAEMON@x.example\nSubject: failure notice\n"
            f"Content-Type: multipart/report; boundary={boundary}\n\n"
            f"--{boundary}\nContent-Type: message/rfc822\n\n{raw}\n--{boundary}--\n"
        )
    began = time.process_time()
    assert message(raw.encode()).automatic is not None
    assert time.process_time() - began < 2
