"""What goes out by WhatsApp: text in as many messages as it needs, choices as buttons or a list, files as media.

Limits from developers.facebook.com, Cloud API: messages and media reference.
"""

from collections.abc import Callable, Sequence
from typing import Any

from parley.channels.calling import call, listed, pieces, post_json, secret
from parley.channels.choosing import are_words, cut, fitting
from parley.channels.uploading import form_of
from parley.channels.whatsapp import templates
from parley.core.channel import Attached, Outbound, Receipt
from parley.core.errors import SendFailed

LONGEST, CAPTION = 4096, 1024
BUTTONS, BUTTON_LABEL, BUTTON_TEXT = 3, 20, 1024
ROWS, ROW_TITLE, ROW_MORE = 10, 24, 72
MB = 1024 * 1024
# What is shown as such, and how large it may be; everything else is a document.
SHOWN = {
    "image": (("image/jpeg", "image/png"), 5 * MB),
    "video": (("video/mp4", "video/3gpp"), 16 * MB),
    "audio": (("audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg"), 16 * MB),
}

Body = dict[str, Any]
Refusal = Callable[[int, Any], SendFailed]


async def bodies(message: Outbound, ours: Any, refusal: Refusal) -> list[Body]:
    """The messages that an answer makes, in their order. Its files are with Meta before the first of them is sent."""
    to = message.to.value
    if message.template is not None:
        return [templates.outgoing(to, message.template)]
    media = [(file, await _uploaded(file, ours, refusal)) for file in message.files]
    if len(media) == 1 and not message.choices and _takes_a_caption(media[0][0], message.text):
        return [_to(to, *_medium(*media[0], message.text))]
    said = _spoken(message) if message.text.strip() or message.choices else []
    return [_to(to, kind, part) for kind, part in [*said, *(_medium(*one) for one in media)]]


async def hand_over(body: Body, ours: Any, refusal: Refusal) -> Receipt:
    status, said = await post_json(f"{ours.api}/{ours.phone_number_id}/messages", body, _login(ours))
    if status >= 400:
        raise refusal(status, said)
    sent = said.get("messages") if isinstance(said, dict) else None
    first = sent[0] if isinstance(sent, list) and sent and isinstance(sent[0], dict) else {}
    return Receipt(provider_id=first.get("id"))


def _to(to: str, kind: str, part: Body) -> Body:
    return {"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, "type": kind, kind: part}


# ── words and choices ───────────────────────────────────────────────────────────────────────


def _spoken(message: Outbound) -> list[tuple[str, Body]]:
    if not are_words(message.choices, ROWS):
        return [("text", {"body": part}) for part in pieces(message.text + listed(message.choices), LONGEST)]
    *before, last = pieces(message.text, LONGEST) or [""]
    asked = _buttons(last, message.choices) or _rows(last, message.choices)
    return [*(("text", {"body": part}) for part in before), ("interactive", asked)]


def _buttons(text: str, choices: Sequence[tuple[str, str]]) -> Body | None:
    """Up to three, where their words fit; else None."""
    labels = [label for label, _ in choices]
    if len(labels) > BUTTONS or len(text) > BUTTON_TEXT or any(len(label) > BUTTON_LABEL for label in labels):
        return None
    buttons = [{"type": "reply", "reply": {"id": str(n), "title": label}} for n, label in enumerate(labels, 1)]
    return {"type": "button", "body": {"text": text or "?"}, "action": {"buttons": buttons}}


def _rows(text: str, choices: Sequence[tuple[str, str]]) -> Body:
    """A list that opens. Words that are too long for a row stand below its number."""
    rows: list[Body] = []
    for n, title in enumerate(fitting(choices, ROW_TITLE), 1):
        label = choices[n - 1][0]
        rows.append({"id": str(n), "title": title} | ({"description": cut(label, ROW_MORE)} if title != label else {}))
    action = {"button": f"1–{len(rows)}", "sections": [{"rows": rows}]}
    return {"type": "list", "body": {"text": text or "?"}, "action": action}


# ── files ───────────────────────────────────────────────────────────────────────────────────


def _kind(file: Attached) -> str:
    shown = (kind for kind, (types, most) in SHOWN.items() if file.type in types and len(file.data) <= most)
    return next(shown, "document")


def _takes_a_caption(file: Attached, text: str) -> bool:
    return _kind(file) != "audio" and len(text) <= CAPTION


def _medium(file: Attached, id: str, caption: str = "") -> tuple[str, Body]:
    kind = _kind(file)
    named = {"filename": file.name} if kind == "document" else {}
    return kind, {"id": id, **named, **({"caption": caption} if caption.strip() else {})}


async def _uploaded(file: Attached, ours: Any, refusal: Refusal) -> str:
    """Meta's name for a file, good for thirty days."""
    form, body = form_of(file, "file", {"messaging_product": "whatsapp", "type": file.type})
    url = f"{ours.api}/{ours.phone_number_id}/media"
    status, said = await call("POST", url, body, {"content-type": form, **_login(ours)})
    if status >= 400:
        raise refusal(status, said)
    id = str(said.get("id") or "") if isinstance(said, dict) else ""
    if not id:
        raise SendFailed("Meta did not say what it calls the file.")
    return id


def _login(ours: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {secret(ours.token)}"}
