"""Messenger: a page's conversations come in by webhook, answers go out through the Graph API.

Every event of a batch becomes a delivery of its own. Others' comments on the page come in as messages and are answered
in private, as Meta permits once for each within seven days. What the page itself wrote, posts, likes and shares are
kept and not read.
"""

from datetime import timedelta

import msgspec

from parley.channels import meta
from parley.channels.calling import lacking, moment, one_after_another, secret
from parley.channels.fetching import get, named, with_ending
from parley.channels.messenger import sending
from parley.channels.messenger.payload import COMMENT, Body, Change, Comment, Event, Message, Payload
from parley.core.channel import (
    Address,
    Attached,
    Delivery,
    Door,
    Inbound,
    InboundEdit,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundWithdrawal,
    Inbox,
    Manifest,
    Outbound,
    Receipt,
    Remote,
)
from parley.core.errors import SendFailed, Unreadable
from parley.core.webhook import Call, Handshake, Posted


class MessengerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a Messenger inbox needs.

    token: the page's access token; may be `env:NAME`.
    app_secret: signs what Meta posts; may be `env:NAME`.
    verify_token: the word that Meta repeats when the webhook is set up; may be `env:NAME`.
    human_agent: Meta let this app answer for seven days, where a person does.
    api: address of the Graph API with its version.
    """

    token: str = ""
    app_secret: str = ""
    verify_token: str = ""
    human_agent: bool = False
    api: str = "https://graph.facebook.com/v23.0"


class Messenger:
    manifest = Manifest(
        name="messenger",
        label="Messenger",
        glyph="message-circle",
        identity_kind="messenger",
        threads="identity",
        text_limit=sending.LONGEST,
        quick=meta.QUICK,
        files=True,
        window=timedelta(hours=24),
        patience=timedelta(days=7),
        vouches=True,
        rings=True,
        settings=MessengerSettings,
    )

    def window(self, inbox: Inbox) -> timedelta:
        return timedelta(days=7) if inbox.settings.human_agent else timedelta(hours=24)

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake:
        return meta.taken(request, inbox.settings)

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            body = msgspec.json.decode(delivery.raw, type=Body)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not what Messenger posts: {error}.") from error
        said = [one for entry in body.entry for event in entry.messaging for one in _said(event)]
        comments = [c for entry in body.entry for change in entry.changes if (c := _comment(change, str(entry.id)))]
        return [*said, *comments]

    async def listen(self, door: Door) -> None:
        """Deliveries come through the web room: /hooks/NUMBER."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        token = secret(inbox.settings.token)
        if not token:
            raise SendFailed("This inbox has no access token. Enter the page's.", permanent=True)
        asked = sending.requests(message, inbox.settings.human_agent)
        return await one_after_another(asked, lambda one: sending.hand_over(one, inbox.settings.api, token))

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        data, kind = await get(remote.ref, self.manifest.file_limit, inbox.settings.api)
        return Attached(name=with_ending(remote.name, kind), type=kind, data=data)

    def check(self, inbox: Inbox) -> list[str]:
        needed = {
            "token": "It has no access token, so nothing can be sent. Enter the page's.",
            "app_secret": "It has no app secret, so every webhook is refused. Copy it from Meta's app dashboard.",
            "verify_token": "It has no verify token. Choose a word and enter it at Meta as well.",
        }
        return lacking(inbox.settings, needed)


def _said(event: Event) -> list[Inbound]:
    sender = str(event.sender.id)
    if event.delivery or event.read:
        return _reached(event, sender)
    if event.reaction and event.reaction.mid and sender:
        sign = "" if event.reaction.action == "unreact" else event.reaction.emoji or event.reaction.reaction
        about = event.reaction.mid
        return [InboundReaction(sender=Address(kind="messenger", value=sender), external_id=about, sign=sign)]
    if event.message and event.message.is_deleted and not event.message.is_echo and sender:
        return [InboundWithdrawal(sender=Address(kind="messenger", value=sender), external_id=event.message.mid)]
    message, press = event.message, event.postback
    text, mid = "", ""
    if message and not (message.is_echo or message.is_deleted):
        text, mid = _text(message), message.mid
    elif press:
        text, mid = press.title or press.payload, press.mid or f"press/{sender}/{event.timestamp}"
    if not (text and sender):
        return []
    answered = message.reply_to.mid if message and message.reply_to else ""
    return [
        InboundMessage(
            sender=Address(kind="messenger", value=sender),
            text=text,
            external_id=mid or None,
            sent_at=moment(event.timestamp),
            references=(answered,) if answered else (),
            remote=_media(message),
        )
    ]


def _media(message: Message | None) -> tuple[Remote, ...]:
    """Pictures, sounds and files lie open at an address that ends after some days; other kinds are links."""
    return tuple(
        Remote(name=named(one.type, ""), ref=one.payload.url)
        for one in (message.attachments if message else None) or ()
        if one.type in ("image", "video", "audio", "file") and isinstance(one.payload, Payload) and one.payload.url
    )


def _reached(event: Event, sender: str) -> list[Inbound]:
    """Messages by their names where they are told, else everything up to the watermark."""
    state = "read" if event.read else "delivered"
    news = event.read or event.delivery
    assert news is not None
    if news.mids:
        return [InboundReceipt(state=state, provider_id=mid) for mid in news.mids]
    until = moment(news.watermark)
    reader = Address(kind="messenger", value=sender)
    return [InboundReceipt(state=state, reader=reader, until=until)] if until and sender else []


def _comment(change: Change, page: str) -> Inbound | None:
    """Somebody else's comment. Meta tells the page of its own ones as well, which are none."""
    if change.field != "feed" or not isinstance(change.value, dict) or change.value.get("item") != "comment":
        return None
    try:
        comment = msgspec.convert(change.value, Comment, strict=False)
    except msgspec.ValidationError as error:
        raise Unreadable(f"This comment is not as Messenger posts them: {error}.") from error
    author = str((comment.author.id if comment.author else "") or comment.sender_id)
    if not author or author == page or not comment.comment_id:
        return None
    name = comment.author.name if comment.author else comment.sender_name
    sender, named = Address(kind="messenger", value=author, name=name), COMMENT + comment.comment_id
    attached = [label for label, there in (("[Photo]", comment.photo), ("[Video]", comment.video)) if there]
    text = "\n".join([*([comment.message] if comment.message else []), *attached])
    if comment.verb == "remove":
        return InboundWithdrawal(sender=sender, external_id=named)
    if comment.verb == "edited" and text:
        return InboundEdit(sender=sender, external_id=named, text=text)
    if comment.verb != "add" or not text:
        return None
    when = moment(comment.created_time)
    above = (COMMENT + comment.parent_id,) if comment.parent_id else ()
    return InboundMessage(sender=sender, text=text, external_id=named, sent_at=when, references=above)


def _text(message: Message) -> str:
    """The words, and under them what was sent along. A message of a kind unknown to Meta's interface says so."""
    lines = [f"[{a.type.title()}] {a.title or ''}".strip() for a in message.attachments or ()]
    return (
        "\n".join([*([message.text] if message.text else []), *lines]) or "[Something that Messenger does not pass on]"
    )


channel = Messenger()
