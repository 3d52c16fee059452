"""Is every recorded webhook read into the facts that its platform's documentation says it holds?

    python benchmarks/webhooks.py DIR [--json]

DIR holds `index.jsonl` (`file`, `channel`, `kind`) and the payloads; a file may hold several named ones. What is
expected is taken from the payload by the paths of the platforms' documentation, apart from our readers. A payload is
right when nothing is raised and exactly the expected facts come out: kind (message, edit, deletion, reaction,
receipt), sender and words. What is no fact must give none, and what is no JSON must be refused. Payloads of a
channel that is not installed are wrong.

score = share of payloads right.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from _measure import Figures, rows_of, run, table

from parley.channels import installed
from parley.core.channel import (
    Delivery,
    Inbound,
    InboundEdit,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundWithdrawal,
    Inbox,
)
from parley.core.errors import Unreadable

Fact = tuple[str, str, str]  # kind, sender ("": not told), words that must appear
FOLDERS = {"email-inbound": "email"}  # where a channel's payloads are of several services, none of its own
REFUSED: list[Fact] = [("refused", "", "")]

CONTENT = {
    "text", "photo", "video", "animation", "audio", "voice", "video_note", "document", "sticker", "location", "venue",
    "contact", "caption", "dice", "poll", "story", "checklist",
}  # fmt: skip
SPOKEN = {"text", "image", "video", "audio", "document", "sticker", "location", "contacts", "button", "order"}


def measured(folder: Path) -> tuple[Figures, str]:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    raised = 0
    wrong: list[str] = []
    for row in rows_of(folder / "index.jsonl"):
        name = str(row.get("channel", ""))
        for label, raw in payloads(folder / str(row["file"])):
            found = facts(name, raw)
            total[name] += 1
            raised += found is None
            if found is not None and agree(found, expected(name, raw)):
                right[name] += 1
            else:
                wrong.append(f"{row['file']}{label}")
    rows = [(name, right[name], total[name], right[name] / total[name]) for name in sorted(total)]
    score = sum(right.values()) / max(1, sum(total.values()))
    shown = table(("channel", "right", "of", "share"), rows) + "\n\nwrong: " + ", ".join(wrong)
    channels = {name: share for name, _, _, share in rows}
    return {"score": score, "payloads": sum(total.values()), "raised": raised, "channels": channels}, shown


def payloads(file: Path) -> Iterator[tuple[str, bytes]]:
    """The payloads of a file: one, or several under names that are no fields of a payload."""
    raw = file.read_bytes()
    try:
        whole = json.loads(raw)
    except ValueError:
        whole = None
    named = isinstance(whole, dict) and whole and all(isinstance(v, dict) and "entry" in v for v in whole.values())
    if not named:
        yield "", raw
        return
    for name, payload in whole.items():
        yield f"#{name}", json.dumps(payload).encode()


def facts(name: str, raw: bytes) -> list[Fact] | None:
    """What our reader makes of it. None: it raised, or there is no such channel."""
    channel = installed().get(FOLDERS.get(name, name))
    if channel is None:
        return None
    inbox = Inbox(
        id=1, brand=1, channel=channel.manifest.name, name=name, address=name, settings=channel.manifest.settings()
    )
    delivery = Delivery(id=1, inbox=1, provider_id="p", received_at=datetime(2026, 9, 1, tzinfo=UTC), raw=raw)
    try:
        return [_fact(one) for one in channel.read(delivery, inbox)]
    except Unreadable:
        return REFUSED
    except Exception:
        return None


def _fact(one: Inbound) -> Fact:
    if isinstance(one, InboundMessage):
        return "message", one.sender.value, one.text
    if isinstance(one, InboundReceipt):
        return "receipt", "", one.state
    if isinstance(one, InboundEdit):
        return "edit", one.sender.value, one.text
    if isinstance(one, InboundWithdrawal):
        return "deletion", one.sender.value, ""
    if isinstance(one, InboundReaction):
        return "reaction", one.sender.value, one.sign
    return "rating", one.sender.value, ""


def agree(found: list[Fact], wanted: list[Fact]) -> bool:
    return len(found) == len(wanted) and all(
        f[0] == w[0] and (not w[1] or f[1] == w[1]) and w[2] in f[2] for f, w in zip(found, wanted, strict=True)
    )


# ── what the documentation says ─────────────────────────────────────────────────────────────


def expected(name: str, raw: bytes) -> list[Fact]:
    try:
        payload = json.loads(raw)
    except ValueError:
        return REFUSED
    oracle = ORACLES.get(name)
    return list(oracle(payload)) if oracle and isinstance(payload, dict) else []


def cloud_messages(payload: dict[str, Any]) -> Iterator[Fact]:
    """WhatsApp Business Platform, webhooks reference: messages and statuses."""
    for value in (c.get("value") or {} for e in payload.get("entry", []) for c in e.get("changes", [])):
        for message in value.get("messages", []):
            yield from _cloud_message(message)
        for status in value.get("statuses", []):
            state = {"delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}
            if status.get("status") in state:
                yield "receipt", "", state[status["status"]]


def _cloud_message(message: dict[str, Any]) -> Iterator[Fact]:
    kind, sender = message.get("type"), str(message.get("from", ""))
    sender = sender if sender.isdigit() else ""
    if kind == "edit":
        inside = message["edit"].get("message", {})
        yield "edit", sender, _said(inside, inside.get("type"))
    elif kind in ("revoke", "reaction"):
        yield {"revoke": "deletion", "reaction": "reaction"}[kind], sender, ""
    elif kind in SPOKEN:
        yield "message", sender, _said(message, kind)
    elif kind == "interactive":
        inside = message.get("interactive") or {}
        reply = inside.get("button_reply") or inside.get("list_reply") or inside.get("nfm_reply")
        if reply:
            yield "message", sender, reply.get("title") or reply.get("body") or ""


def _said(message: dict[str, Any], kind: Any) -> str:
    part = message.get(kind)
    if not isinstance(part, dict):
        return ""
    return str(part.get("body") or part.get("caption") or part.get("name") or part.get("text") or "")


def bot_updates(update: dict[str, Any]) -> Iterator[Fact]:
    """Telegram Bot API: Update. A private chat bears its user's number; elsewhere `from` says who spoke."""
    for kind, fact in (
        ("message", "message"),
        ("business_message", "message"),
        ("edited_message", "edit"),
        ("edited_business_message", "edit"),
    ):
        if (message := update.get(kind)) and CONTENT & set(message):
            sender = str((message.get("from") or message["chat"])["id"])
            yield fact, sender, message.get("text") or message.get("caption") or ""
    if reaction := update.get("message_reaction"):
        yield "reaction", str((reaction.get("user") or reaction["chat"])["id"]), ""
    if press := update.get("callback_query"):
        yield "message", str(press["from"]["id"]), press.get("data", "")


def page_events(payload: dict[str, Any]) -> Iterator[Fact]:
    """Messenger Platform and Page webhooks: messaging events, and comments of others in the feed."""
    for entry in payload.get("entry", []):
        for event in entry.get("messaging", []):
            yield from _page_event(event, str((event.get("sender") or {}).get("id", "")))
        for change in entry.get("changes", []):
            value = change.get("value")
            if isinstance(value, dict) and value.get("item") == "comment" and change.get("field") == "feed":
                fact = {"add": "message", "edited": "edit", "remove": "deletion"}.get(str(value.get("verb")))
                sender = str((value.get("from") or {}).get("id") or value.get("sender_id") or "")
                if fact and sender != str(entry.get("id")):
                    yield fact, sender, value.get("message") or ""


def _page_event(event: dict[str, Any], sender: str) -> Iterator[Fact]:
    message = event.get("message")
    if isinstance(message, dict) and not message.get("is_echo"):
        yield ("deletion" if message.get("is_deleted") else "message"), sender, message.get("text") or ""
    elif isinstance(event.get("postback"), dict):
        yield "message", sender, event["postback"].get("title") or event["postback"].get("payload") or ""
    elif "reaction" in event:
        yield "reaction", sender, ""
    for state in ("delivery", "read"):
        if state in event:
            yield "receipt", "", {"delivery": "delivered", "read": "read"}[state]


def line_events(payload: dict[str, Any]) -> Iterator[Fact]:
    """LINE Messaging API: webhook event objects."""
    for event in payload.get("events", []):
        sender = str((event.get("source") or {}).get("userId", ""))
        if event.get("type") == "message":
            yield "message", sender, (event.get("message") or {}).get("text") or ""
        elif event.get("type") == "messageEdited":
            yield "edit", sender, (event.get("message") or {}).get("text") or ""
        elif event.get("type") == "postback":
            yield "message", sender, ""
        elif event.get("type") == "unsend":
            yield "deletion", sender, ""


def posted_mails(payload: dict[str, Any]) -> Iterator[Fact]:
    """Mail services' JSON: Postmark, inbound webhook; Amazon SES by SNS, notification contents for receiving."""
    if "FromFull" in payload:
        yield "message", str(payload["FromFull"]["Email"]).lower(), str(payload.get("TextBody") or "").strip()
    elif "Message" in payload:
        news = json.loads(payload["Message"])
        if news.get("notificationType") == "Received" and news.get("content"):
            yield "message", news["mail"]["source"].lower(), ""


ORACLES: dict[str, Callable[[dict[str, Any]], Iterator[Fact]]] = {
    "whatsapp": cloud_messages,
    "telegram": bot_updates,
    "messenger": page_events,
    "line": line_events,
    "email-inbound": posted_mails,
}

if __name__ == "__main__":
    run(__doc__, measured)
