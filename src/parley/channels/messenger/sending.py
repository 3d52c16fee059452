"""What goes out by Messenger: text in as many messages as it needs, quick replies, files one by one.

developers.facebook.com, Messenger Platform: Send API, quick replies, attachments sent with a message.
"""

import json
from typing import Any

import msgspec

from parley.channels import meta
from parley.channels.calling import call, post_json
from parley.channels.messenger.payload import COMMENT
from parley.channels.uploading import form_of
from parley.core.channel import Attached, Outbound, Receipt
from parley.core.errors import SendFailed

LONGEST = 2000
PASSING = {1, 2, 4, 613, 1200}  # Meta's codes for limits and trouble of its own
CLOSED_WINDOW = 10
SHOWN = ("image", "audio", "video")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    body: dict[str, Any]
    file: Attached | None = None


def requests(message: Outbound, human_agent: bool) -> list[Request]:
    """The messages that an answer makes, in their order. A comment's writer is answered in private, by its name."""
    answered = message.in_reply_to or ""
    comment = answered.removeprefix(COMMENT) if answered.startswith(COMMENT) else ""
    about: dict[str, Any] = {"recipient": {"comment_id": comment} if comment else {"id": message.to.value}}
    tagged = human_agent and not message.automatic
    about |= {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"} if tagged else {"messaging_type": "RESPONSE"}
    empty = not (message.text.strip() or message.choices)
    said = [] if empty and message.files else meta.texts(message, LONGEST, comment)
    if comment and len(said) + len(message.files) > 1:
        raise SendFailed(
            "Meta lets one message answer a comment. Send the file once they have written.", permanent=True
        )
    parts = [Request(body=about | {"message": part}) for part in said]
    return [*parts, *(Request(body=about | {"message": _attachment(file)}, file=file) for file in message.files)]


def _attachment(file: Attached) -> dict[str, Any]:
    kind = file.type.partition("/")[0]
    return {"attachment": {"type": kind if kind in SHOWN else "file", "payload": {}}}


async def hand_over(one: Request, api: str, token: str) -> Receipt:
    url, headers = f"{api}/me/messages", {"authorization": f"Bearer {token}"}
    if one.file is None:
        status, said = await post_json(url, one.body, headers)
    else:
        told = {k: v if isinstance(v, str) else json.dumps(v) for k, v in one.body.items()}
        form, body = form_of(one.file, "filedata", told)
        status, said = await call("POST", url, body, {"content-type": form, **headers})
    if status >= 400:
        raise _refusal(status, said)
    return Receipt(provider_id=said.get("message_id") if isinstance(said, dict) else None)


def _refusal(status: int, said: Any) -> SendFailed:
    if meta.error_of(said)[0] == CLOSED_WINDOW:
        return SendFailed("More time has passed since the customer wrote than Meta allows.", permanent=True)
    return meta.refusal("Messenger", status, said, PASSING)
