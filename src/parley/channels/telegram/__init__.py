"""Telegram: a bot's updates come in by webhook, answers go out through the Bot API (core.telegram.org/bots/api).

A sender is named by their user number, which is that of their private chat with the bot. What somebody says in a
group where the bot is, and is told of, comes in as theirs and is answered in private: what concerns one customer is
not for the group. What is posted in channels is kept and not read.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from parley.channels.calling import moment, one_after_another, secret
from parley.channels.fetching import ask, get, named
from parley.channels.telegram import sending
from parley.core.channel import (
    Address,
    Attached,
    Delivery,
    Door,
    Inbound,
    InboundEdit,
    InboundMessage,
    InboundReaction,
    Inbox,
    Manifest,
    Outbound,
    Receipt,
    Remote,
)
from parley.core.errors import FetchFailed, NotProved, SendFailed, Unreadable
from parley.core.webhook import Call, Handshake, Posted, same, whole

MEDIA = {
    "photo": "Photo",
    "video": "Video",
    "animation": "Animation",
    "audio": "Audio",
    "voice": "Voice message",
    "video_note": "Video message",
    "document": "Document",
    "sticker": "Sticker",
    "story": "Story",
    "paid_media": "Paid media",
}
FETCHED = ("animation", "photo", "video", "audio", "voice", "video_note", "document", "sticker")


class TelegramSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a Telegram inbox needs.

    token: the bot's token, as BotFather gave it; may be `env:NAME`.
    webhook_secret: what was given to setWebhook as secret_token; may be `env:NAME`.
    api: address of the Bot API server.
    bot: the bot's user name; links to Telegram need it.
    """

    token: str = ""
    webhook_secret: str = ""
    api: str = "https://api.telegram.org"
    bot: str = ""


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    type: str = ""
    first_name: str = ""
    last_name: str = ""
    username: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    latitude: float
    longitude: float


class Venue(msgspec.Struct, frozen=True, kw_only=True):
    title: str = ""
    address: str = ""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    phone_number: str = ""
    first_name: str = ""
    last_name: str = ""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    file_name: str = ""


class Thrown(msgspec.Struct, frozen=True, kw_only=True):
    emoji: str = ""
    value: int = 0


class Option(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    question: str = ""
    options: list[Option] = []


class Checklist(msgspec.Struct, frozen=True, kw_only=True):
    title: str = ""
    tasks: list[Option] = []


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    message_id: int


class User(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    first_name: str = ""
    last_name: str = ""
    username: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """`sender` is whoever speaks in a group; in a private chat the chat is its user."""

    message_id: int
    chat: Chat
    sender: User | None = msgspec.field(name="from", default=None)
    date: int = 0
    edit_date: int | None = None
    text: str = ""
    caption: str = ""
    location: Place | None = None
    venue: Venue | None = None
    contact: Contact | None = None
    document: Named | None = None
    dice: Thrown | None = None
    poll: Poll | None = None
    checklist: Checklist | None = None
    reply_to_message: Answered | None = None


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """A reaction: an emoji, or a picture of the platform's own that has a number instead."""

    type: str = ""
    emoji: str = ""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """The reactions that a user has put on a message from now on."""

    chat: Chat
    message_id: int
    user: User | None = None
    actor_chat: Chat | None = None
    new_reaction: list[Sign] = []


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """A button pressed. `message` is where it stood, and absent for old ones."""

    id: str
    data: str = ""
    message: Message | None = None
    sender: User | None = msgspec.field(name="from", default=None)


class Update(msgspec.Struct, frozen=True, kw_only=True):
    update_id: int
    message: Message | None = None
    edited_message: Message | None = None
    business_message: Message | None = None
    edited_business_message: Message | None = None
    message_reaction: Signed | None = None
    callback_query: Press | None = None


class Telegram:
    manifest = Manifest(
        name="telegram",
        label="Telegram",
        glyph="send",
        identity_kind="telegram",
        buttons=True,
        quick=20,
        files=True,
        threads="identity",
        text_limit=sending.LONGEST,
        file_limit=20 * 1024 * 1024,
        patience=timedelta(hours=24),
        vouches=True,
        rings=True,
        settings=TelegramSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake:
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        if request.method != "POST" or not same(given, secret(inbox.settings.webhook_secret)):
            raise NotProved("This does not bear the secret that was agreed with Telegram.")
        try:
            number = msgspec.json.decode(request.body, type=Update).update_id
        except (msgspec.MsgspecError, RecursionError):
            return [whole(request.body)]
        return [Posted(provider_id=str(number), raw=request.body)]

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            update = msgspec.json.decode(delivery.raw, type=Update)
            kinds = msgspec.json.decode(delivery.raw, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not an update of Telegram: {error}.") from error
        if update.callback_query:
            return _pressed(update.callback_query)
        if update.message_reaction:
            return _signed(update.message_reaction)
        for kind in ("message", "business_message"):
            if message := getattr(update, kind):
                return _said(message, kinds[kind])
        for kind in ("edited_message", "edited_business_message"):
            if message := getattr(update, kind):
                return _edited(message, kinds[kind])
        return []

    def invitation(self, inbox: Inbox, words: str, code: str, url: str, call: bool = False) -> str | None:
        """A deep link: the code comes as the parameter of /start (core.telegram.org/bots/features)."""
        bot = inbox.settings.bot.strip().removeprefix("@")
        return f"https://t.me/{quote(bot, safe='')}?start={code}" if bot else None

    async def listen(self, door: Door) -> None:
        """Deliveries come through the web room: /hooks/NUMBER."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        token = secret(inbox.settings.token)
        if not token:
            raise SendFailed("This inbox has no bot token. Enter the one that BotFather gave.", permanent=True)
        asked = sending.requests(message)
        return await one_after_another(asked, lambda one: sending.hand_over(one, message, inbox.settings.api, token))

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        """getFile tells a path, good for an hour, below which the bytes lie; files up to 20 MB."""
        ours, token = inbox.settings, secret(inbox.settings.token)
        said = await ask(f"{ours.api}/bot{token}/getFile?{urlencode({'file_id': remote.ref})}")
        result = said.get("result")
        path = str(result.get("file_path") or "") if isinstance(result, dict) else ""
        if not path:
            raise FetchFailed("Telegram tells no path for this file.", permanent=True)
        url = f"{ours.api}/file/bot{token}/{quote(path)}"
        data, kind = await get(url, self.manifest.file_limit, ours.api)
        return Attached(name=remote.name, type=remote.type or kind, data=data)

    def check(self, inbox: Inbox) -> list[str]:
        told = []
        if not secret(inbox.settings.token):
            told.append("It has no bot token. Enter the one that BotFather gave.")
        if not secret(inbox.settings.webhook_secret):
            told.append("It has no webhook secret, so every update is refused. Choose one and give it to setWebhook.")
        return told


def _said(message: Message, raw: dict[str, Any]) -> list[Inbound]:
    text, sender = _text(message, raw), _sender(message.sender, message.chat)
    if not text or sender is None:
        return []
    answered = message.reply_to_message
    return [
        InboundMessage(
            sender=sender,
            text=text,
            external_id=_mark(message.chat, message.message_id),
            sent_at=moment(message.date),
            references=(_mark(message.chat, answered.message_id),) if answered else (),
            remote=_media(raw),
        )
    ]


def _media(raw: dict[str, Any]) -> tuple[Remote, ...]:
    """The file of a message by its file_id; of a photo the largest size, which stands last."""
    kind = next((kind for kind in FETCHED if kind in raw), "")
    part = raw.get(kind)
    part = part[-1] if isinstance(part, list) and part else part
    if not isinstance(part, dict) or not part.get("file_id"):
        return ()
    type = str(part.get("mime_type") or ("image/jpeg" if kind == "photo" else ""))
    size = part.get("file_size")
    name = named(MEDIA[kind], type, str(part.get("file_name") or ""))
    return (Remote(name=name, type=type, ref=str(part["file_id"]), size=size if isinstance(size, int) else None),)


def _edited(message: Message, raw: dict[str, Any]) -> list[Inbound]:
    text, sender = _text(message, raw), _sender(message.sender, message.chat)
    if not text or sender is None:
        return []
    when = moment(message.edit_date or message.date)
    return [InboundEdit(sender=sender, external_id=_mark(message.chat, message.message_id), text=text, sent_at=when)]


def _signed(signed: Signed) -> list[Inbound]:
    """All that now stands on the message; a picture of Telegram's own is shown as a star."""
    sender = _sender(signed.user, signed.actor_chat or signed.chat)
    sign = " ".join(one.emoji or "⭐" for one in signed.new_reaction)
    mark = _mark(signed.chat, signed.message_id)
    return [InboundReaction(sender=sender, external_id=mark, sign=sign)] if sender else []


def _mark(chat: Chat, message: int) -> str:
    """A message's name: its number counts within its chat."""
    return f"{chat.id}/{message}"


def _text(message: Message, raw: dict[str, Any]) -> str:
    """The words, or for want of them what was sent. Empty for what is news of the chat itself."""
    if message.text:
        return message.text.removeprefix("/start ")  # what a deep link brought stands behind it
    if message.venue:
        return ", ".join(p for p in (message.venue.title, message.venue.address, _point(message.location)) if p)
    if message.location:
        return f"Location: {_point(message.location)}"
    if message.contact:
        name = f"{message.contact.first_name} {message.contact.last_name}".strip()
        return f"Contact: {name}, {message.contact.phone_number}"
    if message.dice:
        return f"{message.dice.emoji} {message.dice.value}".strip()
    if message.poll:
        return _listed(f"Poll: {message.poll.question}", message.poll.options)
    if message.checklist:
        return _listed(f"Checklist: {message.checklist.title}", message.checklist.tasks)
    what = next((name for kind, name in MEDIA.items() if kind in raw), "")
    named = f"{what}: {message.document.file_name}" if message.document and message.document.file_name else what
    return f"[{named}] {message.caption}".strip() if what else message.caption


def _listed(title: str, items: list[Option]) -> str:
    return "\n".join([title, *(f"• {item.text}" for item in items)])


def _point(place: Place | None) -> str:
    return f"{place.latitude}, {place.longitude}" if place else ""


def _pressed(press: Press) -> list[Inbound]:
    message = press.message
    sender = _sender(press.sender, message.chat if message else None)
    if sender is None or not press.data:
        return []
    references = (_mark(message.chat, message.message_id),) if message else ()
    return [InboundMessage(sender=sender, text=press.data, external_id=f"press/{press.id}", references=references)]


def _sender(user: User | None, chat: Chat | None) -> Address | None:
    """Whoever speaks; where that is not told, the private chat bears its user's number. None for a channel's posts."""
    private = chat if chat and chat.type == "private" else None
    told = [who for who in (private, user) if who]
    names = (f"{who.first_name} {who.last_name}".strip() or who.username for who in told)
    return Address(kind="telegram", value=str(told[0].id), name=next(filter(None, names), "")) if told else None


channel = Telegram()
