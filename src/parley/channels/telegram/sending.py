"""What goes out by Telegram: text in as many messages as it needs, the last with its buttons, pictures and files."""

import json
from typing import Any

import msgspec

from parley.channels.calling import call, post_json
from parley.channels.uploading import form_of
from parley.channels.weighing import apart, utf16
from parley.core.channel import Attached, Outbound, Receipt
from parley.core.errors import SendFailed

LONGEST, CAPTION = 4096, 1024
DATA = 64  # bytes of what a button says
PHOTOS, LARGEST_PHOTO = ("image/jpeg", "image/png", "image/webp"), 10 * 1024 * 1024


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """method: of the Bot API. fields: beside the chat. file: goes along under the name of what it is."""

    method: str
    fields: dict[str, Any]
    field: str = ""
    file: Attached | None = None


def requests(message: Outbound) -> list[Request]:
    """The messages that an answer makes, in their order; short words stand below a single file."""
    words = message.text.strip()
    pressed = _keyboard(message.choices)
    if len(message.files) == 1 and utf16(words) <= CAPTION:
        return [_with_file(message.files[0], ({"caption": words} if words else {}) | pressed)]
    parts = apart(words or " ", LONGEST, utf16) if words or pressed or not message.files else []
    said = [Request(method="sendMessage", fields={"text": part or " "}) for part in parts]
    if said and pressed:
        said[-1] = msgspec.structs.replace(said[-1], fields=said[-1].fields | pressed)
    return [*said, *(_with_file(file, {}) for file in message.files)]


def _with_file(file: Attached, fields: dict[str, Any]) -> Request:
    is_photo = file.type in PHOTOS and len(file.data) <= LARGEST_PHOTO
    method, field = ("sendPhoto", "photo") if is_photo else ("sendDocument", "document")
    return Request(method=method, fields=fields, field=field, file=file)


def _keyboard(choices: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    buttons = [[_button(number, *choice)] for number, choice in enumerate(choices, 1)]
    return {"reply_markup": {"inline_keyboard": buttons}} if buttons else {}


def _button(number: int, label: str, value: str) -> dict[str, str]:
    """A link where the value is one; else a button that says its value, or its number where that is too long."""
    if value.startswith(("https://", "http://")):
        return {"text": label, "url": value}
    return {"text": label, "callback_data": value if len(value.encode()) <= DATA else str(number)}


async def hand_over(one: Request, message: Outbound, api: str, token: str) -> Receipt:
    chat, url = message.to.value, f"{api}/bot{token}/{one.method}"
    if one.file is None:
        status, said = await post_json(url, {"chat_id": chat, **one.fields})
    else:
        told = {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in one.fields.items()}
        form, body = form_of(one.file, one.field, {"chat_id": chat, **told})
        status, said = await call("POST", url, body, {"content-type": form})
    if status >= 400 or not isinstance(said, dict):
        reason = said.get("description", "") if isinstance(said, dict) else ""
        raise SendFailed(f"Telegram refused the message ({status}). {reason}".strip(), permanent=True)
    result = said.get("result")
    number = result.get("message_id") if isinstance(result, dict) else None
    return Receipt(provider_id=f"{chat}/{number}" if number else None)
