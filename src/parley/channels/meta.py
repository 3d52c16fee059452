"""What Meta's platforms share: how a webhook is set up and signed, and how a refused message is told."""

from collections.abc import Set
from typing import Any

from parley.core.errors import NotProved, SendFailed
from parley.core.webhook import Call, Handshake, same, signed_sha256


def handshake(request: Call, expected: str) -> Handshake:
    """The answer to the GET with which Meta tries a new webhook. Raises NotProved for another verify token."""
    if request.query.get("hub.mode") != "subscribe" or not same(request.query.get("hub.verify_token", ""), expected):
        raise NotProved("This does not bear the verify token that was agreed with Meta.")
    return Handshake(body=request.query.get("hub.challenge", "").encode())


def must_be_signed(request: Call, app_secret: str) -> None:
    """Raises NotProved unless the body bears Meta's signature with this app secret."""
    if not signed_sha256(request.headers.get("x-hub-signature-256", ""), app_secret, request.body, "sha256="):
        raise NotProved("This does not bear Meta's signature.")


def refusal(who: str, status: int, said: Any, passing: Set[int]) -> SendFailed:
    """Meta's error in its own words. passing: codes after which another try helps."""
    code, reason = error_of(said)
    return SendFailed(f"{who} refused the message ({code or status}). {reason}".strip(), permanent=code not in passing)


def error_of(said: Any) -> tuple[Any, str]:
    """(code, message) of an answer's error; None and "" where it has none."""
    error = said.get("error") if isinstance(said, dict) else None
    error = error if isinstance(error, dict) else {}
    return error.get("code"), str(error.get("message", ""))
