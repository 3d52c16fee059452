"""The proofs that mail services give with what they post, and the name by which a mail is known when it comes again."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging

from parley.channels.email.checker import Checker
from parley.channels.email.fingerprint import provider_id
from parley.channels.email.posted import as_mail, form_of, wrapped
from parley.channels.email.s3 import filled
from parley.channels.email.settings import EmailSettings, secret
from parley.channels.email.sns import confirmed, must_be_from_topic
from parley.channels.email.verdict import Envelope
from parley.core.channel import Inbox
from parley.core.errors import BadConfig, NotProved, Unreadable
from parley.core.webhook import Call, Handshake, Posted, same, whole

log = logging.getLogger("parley.email")

SIGNED_SECONDS = 12 * 3600.0  # Mailgun tries for eight hours
EC_KEY = "MFkw"  # how the base64 of a public key on P-256 begins


async def taken(request: Call, inbox: Inbox) -> list[Posted] | Handshake:
    """What is to be kept of a post. Raises NotProved first of all; what is proved is kept, readable or not.

    SendGrid drops a mail for ever at any 4xx, the others after some hours: only a missing proof may be answered so.
    """
    settings: EmailSettings = inbox.settings
    await _prove(request, settings)
    if settings.hook_from == "ses" and await confirmed(request.body, settings.hook_host):
        return Handshake(body=b"")
    body = await _whole_of(request, settings) if settings.hook_from == "ses" else request.body
    kept = wrapped(settings.hook_from, request.headers.get("content-type", ""), body)
    mail = await asyncio.to_thread(_mail, kept)
    if mail is None:
        return [whole(kept)]
    return [Posted(provider_id=provider_id(mail), raw=await _checked(kept, mail, settings))]


async def _whole_of(request: Call, settings: EmailSettings) -> bytes:
    """With the mail from S3 in it. One that cannot be had is told of, so that a person sees it in quarantine."""
    try:
        return await filled(request.body, settings, request.at)
    except Unreadable as problem:
        log.warning("a mail stays in S3: %s", problem)
        return request.body


async def _prove(request: Call, settings: EmailSettings) -> None:
    try:
        word = secret(settings.hook_secret)
    except BadConfig as problem:
        raise NotProved(str(problem)) from None
    if request.method != "POST" or not settings.hook_from or not word:
        raise NotProved("No mail service is expected here. Set hook_from and hook_secret.")
    if settings.hook_from == "mailgun":
        await asyncio.to_thread(_mailgun, request, word)
    elif settings.hook_from == "ses":
        await must_be_from_topic(request, word, settings.hook_host)
    elif settings.hook_from == "sendgrid" and word.startswith(EC_KEY):
        await asyncio.to_thread(_sendgrid, request, word)
    else:
        _password(request, word)


def _mailgun(request: Call, key: str) -> None:
    """HMAC-SHA256 over time and token. The body is under no signature, so that a recorded pair must soon be void."""
    try:
        form = form_of(request.headers.get("content-type", "").encode("latin-1", "replace"), request.body)
    except (Unreadable, ValueError):
        raise NotProved("This is no form as Mailgun posts it.") from None
    time, token, given = (form[one].data[:200] if one in form else b"" for one in ("timestamp", "token", "signature"))
    digest = hmac.new(key.encode(), time + token, hashlib.sha256).hexdigest()
    if not same(given.decode("latin-1"), digest):
        raise NotProved("This does not bear Mailgun's signature for this inbox.")
    if not time.isdigit() or abs(request.at - int(time)) > SIGNED_SECONDS:
        raise NotProved("This was signed by Mailgun more than twelve hours ago.")


def _sendgrid(request: Call, key: str) -> None:
    """ECDSA on P-256 over time and body."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    given = request.headers.get("x-twilio-email-event-webhook-signature", "")
    time = request.headers.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        public = load_der_public_key(base64.b64decode(key, validate=True))
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise ValueError(key)
        public.verify(base64.b64decode(given), time.encode() + request.body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, binascii.Error):
        raise NotProved("This does not bear SendGrid's signature for this inbox.") from None


def _password(request: Call, word: str) -> None:
    """`user:password` in the address that was given to the service (RFC 7617)."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    expected = base64.b64encode(word.encode()).decode()
    if not same(given.strip() if kind.lower() == "basic" else "", expected):
        raise NotProved("This does not bear the user and password that the mail service was given.")


def _mail(kept: bytes) -> bytes | None:
    try:
        return as_mail(kept)
    except Exception:  # whatever is in it, what is proved is kept
        return None


async def _checked(kept: bytes, mail: bytes, settings: EmailSettings) -> bytes:
    """With our own results in front, where the mail came whole and a signature may be in it."""
    if mail.startswith(b"X-Parley-Checked") or not settings.check_senders or settings.authserv_id:
        return kept
    checker = Checker(settings)
    try:
        return await checker.line(mail, Envelope()) + kept
    finally:
        checker.close()
