"""Amazon SNS: who signed a notification, and the yes to a subscription.

The certificate is fetched from the address that the notification names, if that is Amazon's; it is kept in memory.
Anybody can have a topic of their own and Amazon sign for it, so the topic must be ours as well.
Source: Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages".
"""

import base64
import binascii
import re
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

import msgspec

from parley.core.errors import Busy, NotProved
from parley.core.webhook import Call, same

CERTIFICATES = 8
CERTIFICATE_BYTES = 64 * 1024
SECONDS = 10
_AMAZON = re.compile(r"https://sns\.[a-z0-9-]{3,30}\.amazonaws\.com(?:\.cn)?/[^\s@\\]*", re.A)
_SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_ONLY_SUBSCRIPTIONS = ("SubscribeURL", "Token")

_certificates: OrderedDict[str, bytes] = OrderedDict()


class Notification(msgspec.Struct, frozen=True, rename="pascal"):
    type: str
    topic_arn: str
    message: str = ""
    signature: str = ""
    signature_version: str = "1"
    signing_cert: str = msgspec.field(name="SigningCertURL", default="")
    subscribe: str = msgspec.field(name="SubscribeURL", default="")


async def must_be_from_topic(request: Call, topic: str, host: str) -> None:
    """Raises NotProved unless Amazon signed it for this topic; Busy while its certificate cannot be had."""
    said = _decoded(request.body)
    if not same(said.topic_arn, topic) or not _may_call(said.signing_cert, host):
        raise NotProved("This is not of the topic that this inbox expects.")
    certificate = await _certificate(said.signing_cert)
    if not _is_signed(msgspec.json.decode(request.body), said, certificate, request.at):
        raise NotProved("This does not bear the signature of Amazon SNS.")


async def confirmed(body: bytes, host: str) -> bool:
    """Whether it was the question if we want to hear of the topic, which then was answered with yes."""
    said = _decoded(body)
    if said.type != "SubscriptionConfirmation":
        return False
    if not _may_call(said.subscribe, host):
        raise NotProved("The address to confirm the subscription at is not Amazon's.")
    await _get(said.subscribe)
    return True


def _decoded(body: bytes) -> Notification:
    try:
        return msgspec.json.decode(body, type=Notification)
    except (msgspec.MsgspecError, RecursionError):
        raise NotProved("This is no notification of Amazon SNS.") from None


def _may_call(url: str, host: str) -> bool:
    return url.startswith(host.rstrip("/") + "/") if host else bool(_AMAZON.fullmatch(url))


async def _certificate(url: str) -> bytes:
    if url not in _certificates:
        _certificates[url] = await _get(url)
        while len(_certificates) > CERTIFICATES:
            _certificates.popitem(last=False)
    return _certificates[url]


async def _get(url: str) -> bytes:
    import httpx

    try:
        async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client:
            answer = await client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise Busy(f"Amazon SNS could not be asked ({type(problem).__name__}); it will post again.") from None
    if answer.status_code != 200 or len(answer.content) > CERTIFICATE_BYTES:
        raise Busy(f"Amazon SNS answered {answer.status_code} when it was asked; it will post again.")
    return answer.content


def _is_signed(fields: dict[str, Any], said: Notification, certificate: bytes, at: float) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    asks = said.type in ("SubscriptionConfirmation", "UnsubscribeConfirmation")
    names = [one for one in _SIGNED if asks or one not in _ONLY_SUBSCRIPTIONS]
    text = "".join(f"{one}\n{fields[one]}\n" for one in names if fields.get(one) is not None)
    digest = hashes.SHA256() if said.signature_version == "2" else hashes.SHA1()
    try:
        known = x509.load_pem_x509_certificate(certificate)
        key = known.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or known.not_valid_after_utc < datetime.fromtimestamp(at, UTC):
            return False
        key.verify(base64.b64decode(said.signature), text.encode(), padding.PKCS1v15(), digest)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
