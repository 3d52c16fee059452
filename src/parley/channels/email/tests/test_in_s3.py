"""Mails that Amazon SES put into S3: told of by SNS, fetched with a signature, kept before SNS hears yes."""

from collections.abc import Iterator

import pytest

from harness.waiting import eventually
from harness.web import WebDesk
from parley.channels.email import channel, s3
from parley.channels.email.tests.facts import inbox
from parley.channels.email.tests.test_posted import TOPIC, Amazon, by_amazon, inbox_for, kept, posted, received
from parley.core import events as e
from simulators.s3 import KEY, WORD, S3Service

PATH = "/mails/o3vrnil0e2ic28tr"
LARGE = (
    b"From: Kim <kim@example.com>\r\nTo: support@acme.example\r\nSubject: Pictures\r\n"
    b"Message-ID: <large@example.com>\r\n\r\nWhere is it?\r\n" + b"0123456789abcdef\r\n" * 20_000
)


@pytest.fixture
def store() -> Iterator[S3Service]:
    with Amazon() as amazon:
        certificate = amazon.certificate
    with S3Service(certificate) as running:
        assert isinstance(running, S3Service)
        yield running


def bucket(web: WebDesk, store: S3Service, word: str = WORD) -> int:
    return inbox_for(web, "ses", TOPIC, hook_host=store.url, s3_access_key=KEY, s3_secret_key=word)


def test_a_large_mail_is_fetched_and_one_message_however_often_it_is_told_of(web: WebDesk, store: S3Service) -> None:
    store.objects[PATH] = LARGE
    number = bucket(web, store)
    post = by_amazon(store.url, "posted-ses-in-s3.json")
    assert [posted(web, number, post) for _ in range(2)] == [200, 200]
    eventually(lambda: len(received(web)) == 1)
    assert received(web)[0].external_id == "<large@example.com>"
    assert kept(web, number) == 1
    assert web.story.events(e.Quarantined) == []


def test_while_s3_is_ill_nothing_is_acknowledged_and_the_mail_comes_later(web: WebDesk, store: S3Service) -> None:
    store.objects[PATH] = LARGE
    number = bucket(web, store)
    post = by_amazon(store.url, "posted-ses-in-s3.json")
    assert posted(web, number, by_amazon(store.url)) == 200  # an ordinary one; the certificate is known from now on
    before = kept(web, number)
    store.fail(1)
    assert posted(web, number, post) == 503
    assert kept(web, number) == before
    assert posted(web, number, post) == 200
    eventually(lambda: "<large@example.com>" in [one.external_id for one in received(web)])


@pytest.mark.parametrize("word", ["guessed", WORD], ids=["a wrong secret", "an object that is gone"])
def test_a_mail_that_may_not_be_fetched_is_told_of_in_quarantine(web: WebDesk, store: S3Service, word: str) -> None:
    if word != WORD:
        store.objects[PATH] = LARGE
    number = bucket(web, store, word)
    assert posted(web, number, by_amazon(store.url, "posted-ses-in-s3.json")) == 200
    eventually(lambda: len(web.story.events(e.Quarantined)) == 1)
    assert received(web) == []
    assert kept(web, number) == 1


def test_a_stranger_makes_us_fetch_nothing(web: WebDesk, store: S3Service) -> None:
    number = bucket(web, store)
    assert posted(web, number, by_amazon(store.url, "posted-ses-in-s3.json", TopicArn=TOPIC + "-other")) == 401
    assert [asked.path for asked in store.asked if asked.path != "/cert.pem"] == []


def test_the_signature_is_the_one_of_amazons_own_example() -> None:
    """S3's documentation works out "GET Object" with these values."""
    headers = {
        "host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-content-sha256": s3.EMPTY,
        "x-amz-date": "20130524T000000Z",
    }  # fmt: skip
    said = s3.authorization(
        "https://examplebucket.s3.amazonaws.com/test.txt", headers, "us-east-1", "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )  # fmt: skip
    assert said.endswith("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


@pytest.mark.parametrize("name", ["../admin", "a/b", "UPPER", "x.internal:8080", ""])
def test_only_a_bucket_is_asked(name: str) -> None:
    settings = inbox(hook_from="ses", hook_secret=TOPIC, s3_access_key=KEY, s3_secret_key=WORD).settings
    with pytest.raises(s3.Unreadable):
        s3.address(s3.Action(type="S3", bucket_name=name, object_key="k"), settings)
    told = s3.address(s3.Action(type="S3", bucket_name="mails", object_key="in/a b+c"), settings)
    assert told == ("https://s3.eu-west-1.amazonaws.com/mails/in/a%20b%2Bc", "eu-west-1")
    assert "belong together" in " ".join(channel.check(inbox(hook_from="ses", hook_secret=TOPIC, s3_access_key=KEY)))
