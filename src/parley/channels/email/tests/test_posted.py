"""Mail services post to a real desk: proved first, kept before the answer, one mail however often it comes."""

import base64
import dataclasses
import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from sqlalchemy import func, select

from harness.waiting import eventually
from harness.web import WebDesk, served
from parley.channels.email import channel
from parley.channels.email.posted import as_mail, wrapped
from parley.channels.email.tests.facts import message
from parley.channels.email.verdict import foreign
from parley.core import events as e
from parley.core.errors import Busy
from parley.log.tables import deliveries
from parley.services import setup

SAMPLES = Path(__file__).parents[1] / "samples"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
KEY = ec.generate_private_key(ec.SECP256R1())
AMAZON = rsa.generate_private_key(65537, 2048)
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()


@pytest.fixture
def web(tmp_path: Path, engine_url: str) -> Iterator[WebDesk]:
    with served(tmp_path, url=engine_url) as web:
        yield web


@dataclasses.dataclass(frozen=True)
class Post:
    body: bytes
    headers: dict[str, str]


def sample(name: str) -> tuple[str, bytes]:
    """(content type, body) of a recorded post."""
    head, _, body = (SAMPLES / name).read_bytes().partition(b"\r\n\r\n")
    return head.partition(b"Content-Type: ")[2].decode(), body


def by_mailgun(web: WebDesk, name: str = "posted-mailgun.hook", key: str = "shared") -> Post:
    kind, body = sample(name)
    at = str(int(web.story.clock().timestamp()))
    proof = hmac.new(key.encode(), f"{at}aa".encode(), hashlib.sha256).hexdigest()
    if kind.startswith("multipart"):
        body = body.replace(b"1772532000", at.encode()).replace(b"\r\nbb\r\n", f"\r\n{proof}\r\n".encode())
    else:
        body = body.replace(b"1772532000", at.encode()).replace(b"signature=bb", f"signature={proof}".encode())
    return Post(body, {"content-type": kind})


def by_sendgrid(web: WebDesk, name: str = "posted-sendgrid.hook", signed: bytes | None = None) -> Post:
    kind, body = sample(name)
    proof = KEY.sign(b"1772532000" + (body if signed is None else signed), ec.ECDSA(hashes.SHA256()))
    header = "x-twilio-email-event-webhook-"
    return Post(
        body,
        {
            "content-type": kind,
            header + "timestamp": "1772532000",
            header + "signature": base64.b64encode(proof).decode(),
        },
    )


def by_postmark(web: WebDesk, name: str = "posted-postmark.json", word: str = "desk:word") -> Post:
    body = (SAMPLES / name).read_bytes()
    proof = base64.b64encode(word.encode()).decode()
    return Post(body, {"content-type": "application/json", "authorization": f"Basic {proof}"})


def by_amazon(host: str, name: str = "posted-ses.json", **changes: str) -> Post:
    said = json.loads((SAMPLES / name).read_bytes()) | {"SigningCertURL": f"{host}/cert.pem"} | changes
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{one}\n{said[one]}\n" for one in names if one in said)
    digest = hashes.SHA256() if said["SignatureVersion"] == "2" else hashes.SHA1()
    said["Signature"] = base64.b64encode(AMAZON.sign(text.encode(), padding.PKCS1v15(), digest)).decode()
    return Post(json.dumps(said).encode(), {"content-type": "text/plain; charset=UTF-8"})


class Amazon(http.server.ThreadingHTTPServer):
    """Gives its certificate and remembers who subscribed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[str] = []
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns")])
        now = datetime(2026, 1, 1, tzinfo=UTC)
        builder = x509.CertificateBuilder(name, name, AMAZON.public_key(), 1, now, now + timedelta(days=900))
        self.certificate = builder.sign(AMAZON, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Amazon

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.certificate if self.path == "/cert.pem" else b"<Yes/>")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def amazon() -> Iterator[Amazon]:
    with Amazon() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def inbox_for(web: WebDesk, service: str, secret: str, **more: str) -> int:
    chosen = {"hook_from": service, "hook_secret": secret, "check_senders": False, **more}
    number: int = web.story.change(lambda tx: setup.add_inbox(tx, 1, "email", "Posted", "support@acme.example", chosen))
    web.room.setup_changed()
    return number


def posted(web: WebDesk, number: int, post: Post) -> int:
    with web.browser() as http:
        return http.post(f"/hooks/{number}", content=post.body, headers=post.headers).status_code


def kept(web: WebDesk, inbox: int) -> int:
    return int(web.story.record.ask(lambda c: c.scalar(select(func.count()).where(deliveries.c.inbox == inbox))))


def received(web: WebDesk) -> list[e.MessageReceived]:
    return [r.event for r in web.story.events(e.MessageReceived)]  # type: ignore[misc]


SERVICES: dict[str, tuple[str, Callable[[WebDesk], Post], list[Callable[[WebDesk], Post]], str]] = {
    "mailgun": (
        "shared",
        by_mailgun,
        [
            lambda web: by_mailgun(web, key="guessed"),
            lambda web: by_mailgun(web, key=""),
            lambda web: Post(sample("posted-mailgun.hook")[1], {"content-type": sample("posted-mailgun.hook")[0]}),
            lambda web: Post(b"timestamp=1", {"content-type": "application/x-www-form-urlencoded"}),
        ],
        "<map-1@example.com>",
    ),
    "sendgrid": (
        PUBLIC,
        by_sendgrid,
        [
            lambda web: by_sendgrid(web, signed=b"another body"),
            lambda web: Post(by_sendgrid(web).body, {}),
            lambda web: by_postmark(web, word=PUBLIC),
        ],
        "<inv-1@example.com>",
    ),
    "postmark": (
        "desk:word",
        by_postmark,
        [
            lambda web: by_postmark(web, word="desk:guess"),
            lambda web: by_postmark(web, word=":"),
            lambda web: Post(by_postmark(web).body, {"authorization": "Bearer desk:word"}),
            lambda web: Post(by_postmark(web).body, {}),
        ],
        "<lid-1@example.com>",
    ),
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_post_is_proved_then_kept_and_one_mail_however_often_it_comes(web: WebDesk, service: str) -> None:
    secret, right, wrong, name = SERVICES[service]
    number = inbox_for(web, service, secret)
    assert [posted(web, number, post(web)) for post in wrong] == [401] * len(wrong)
    assert kept(web, number) == 0
    assert [posted(web, number, right(web)) for _ in range(3)] == [200, 200, 200]
    eventually(lambda: len(received(web)) == 1)
    assert received(web)[0].external_id == name
    assert kept(web, number) == 1


def test_amazon_is_known_by_its_certificate_and_by_our_topic(web: WebDesk) -> None:
    with amazon() as stand_in:
        number = inbox_for(web, "ses", TOPIC, hook_host=stand_in.url)
        tampered = json.loads(by_amazon(stand_in.url).body)
        tampered["Message"] += " "
        wrong = [
            Post(json.dumps(tampered).encode(), {}),
            by_amazon(stand_in.url, TopicArn=TOPIC + "-of-somebody-else"),
            by_amazon(stand_in.url, SigningCertURL="http://attacker.example/cert.pem"),
            by_amazon("https://sns.eu-west-1.amazonaws.com.attacker.example"),
            Post(b"{}", {}),
            Post(b"[" * 5000, {}),
        ]
        assert [posted(web, number, post) for post in wrong] == [401] * len(wrong)
        assert kept(web, number) == 0
        for version in ("1", "2", "1"):
            assert posted(web, number, by_amazon(stand_in.url, SignatureVersion=version)) == 200
        eventually(lambda: len(received(web)) == 1)
        assert stand_in.asked == ["/cert.pem"]  # once, then remembered


def test_a_subscription_is_confirmed_where_amazon_is_and_nowhere_else(web: WebDesk) -> None:
    with amazon() as stand_in:
        number = inbox_for(web, "ses", TOPIC, hook_host=stand_in.url)
        asks = {"Type": "SubscriptionConfirmation", "Token": "t0"}
        elsewhere = by_amazon(stand_in.url, **asks, SubscribeURL="http://127.0.0.1:1/admin")
        assert posted(web, number, elsewhere) == 401
        there = by_amazon(stand_in.url, **asks, SubscribeURL=f"{stand_in.url}/?Action=ConfirmSubscription")
        assert posted(web, number, there) == 200
        assert [path for path in stand_in.asked if path.startswith("/?")] == ["/?Action=ConfirmSubscription"]
        assert kept(web, number) == 0


def test_what_is_proved_and_makes_no_sense_is_kept_and_answered_yes(web: WebDesk) -> None:
    """SendGrid drops a mail for ever at any 4xx: only a missing proof is worth one."""
    number = inbox_for(web, "sendgrid", "desk:word")
    proof = by_postmark(web).headers["authorization"]
    broken = [b"", b"no form", b"\xff" * 1000, b"--x\r\n\r\n", sample("posted-sendgrid.hook")[1][:700]]
    for body in broken:
        post = Post(body, {"content-type": "multipart/form-data; boundary=xYzZY", "authorization": proof})
        assert posted(web, number, post) == 200
    assert kept(web, number) == len(broken)
    assert posted(web, number, by_sendgrid(web)) == 401  # the password is missing, whatever was signed


def test_a_post_of_thirty_megabytes_is_taken(web: WebDesk) -> None:
    """As much as SendGrid sends; 413 would lose the mail."""
    number = inbox_for(web, "postmark", "desk:word")
    said = json.loads((SAMPLES / "posted-postmark.json").read_bytes())
    said["Attachments"][0]["Content"] = base64.b64encode(bytes(22 * 1024 * 1024)).decode()
    post = Post(json.dumps(said).encode() + b" " * (3 << 20), by_postmark(web).headers)
    assert len(post.body) > 32 * 1024 * 1024
    assert posted(web, number, post) == 200
    eventually(lambda: len(received(web)) == 1)


def test_what_cannot_be_stored_now_is_asked_for_again(web: WebDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = inbox_for(web, "postmark", "desk:word")

    async def full(*_: Any) -> bool:
        raise Busy("The disk is full.")

    with monkeypatch.context() as trouble:
        trouble.setattr(web.room.intake, "take_async", full)
        assert posted(web, number, by_postmark(web)) == 503
    assert posted(web, number, by_postmark(web)) == 200
    eventually(lambda: len(received(web)) == 1)


def test_mailguns_proof_is_void_after_twelve_hours(web: WebDesk) -> None:
    number = inbox_for(web, "mailgun", "shared")
    old = by_mailgun(web)
    web.story.clock.advance(hours=13)
    assert posted(web, number, old) == 401
    assert posted(web, number, by_mailgun(web)) == 200


def test_the_same_mail_whole_from_any_service_and_by_smtp_has_one_name() -> None:
    whole = [(SAMPLES / f"posted-{name}-whole.hook").read_bytes() for name in ("mailgun", "sendgrid", "postmark")]
    mails = [as_mail(raw) for raw in (*whole, (SAMPLES / "posted-ses.json").read_bytes())]
    assert len({channel.provider_id(mail) for mail in mails if mail}) == 1


def test_what_the_service_proved_of_the_sender_counts() -> None:
    read = message((SAMPLES / "posted-ses.json").read_bytes())
    assert read.sender.proved == "dmarc"
    assert message((SAMPLES / "posted-sendgrid.hook").read_bytes()).sender.proved == "dkim"
    other = (SAMPLES / "posted-sendgrid.hook").read_bytes().replace(b"@example.com : pass", b"@other.example : pass")
    assert message(other).sender.proved is None


@pytest.mark.parametrize("before", [b"", b"\r\n", b" \n"])
def test_a_stranger_cannot_pass_a_mail_off_as_posted(before: bytes) -> None:
    """By IMAP and SMTP a post's first lines are ordinary headers, and what stands below them is only a mail."""
    forged = before + wrapped("ses", "application/json", (SAMPLES / "posted-ses.json").read_bytes())
    assert as_mail(foreign(forged)) == foreign(forged)
    checked = b"X-Parley-Checked: spf=pass; dmarc=pass\r\n"
    assert as_mail(checked + foreign(forged)) == checked + foreign(forged)
    bare = before + (SAMPLES / "posted-ses.json").read_bytes()
    assert as_mail(foreign(bare)) == foreign(bare)
