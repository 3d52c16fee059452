"""Instagram's events in words."""

from parley.channels.calling import moment
from parley.channels.instagram.payload import (
    Attachment,
    Body,
    Comment,
    Entry,
    Event,
    Message,
    comment_of,
    event_of,
)
from parley.core.channel import (
    Address,
    Inbound,
    InboundEdit,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundWithdrawal,
    Remote,
)

COMMENT = "comment/"
MEDIA = {
    "image": "Photo", "video": "Video", "audio": "Audio", "file": "File", "share": "Shared post", "ig_reel": "Reel",
    "ig_post": "Shared post", "reel": "Reel", "like_heart": "Heart", "story_mention": "Mentioned you in a story",
    "media_share": "Shared post",
}  # fmt: skip


FETCHED = {"image": "photo", "video": "video", "audio": "audio", "file": "file", "story_mention": "story"}


def facts_of(body: Body, account: str) -> list[Inbound]:
    found: list[Inbound] = []
    for entry in body.entry:
        events = [*entry.messaging, *(event for change in entry.changes if (event := event_of(change)))]
        found += [one for event in events for one in _said(event)]
        ours = {account, str(entry.id)}
        comments = (comment for change in entry.changes if (comment := comment_of(change)))
        found += [said for comment in comments if (said := _commented(comment, entry, ours))]
    return found


def _said(event: Event) -> list[Inbound]:
    sender = _person(event)
    if sender is None:
        return []
    if event.read and event.read.mid:
        return [InboundReceipt(state="read", provider_id=event.read.mid)]
    if event.reaction and event.reaction.mid:
        sign = "" if event.reaction.action == "unreact" else event.reaction.emoji or event.reaction.reaction
        return [InboundReaction(sender=sender, external_id=event.reaction.mid, sign=sign)]
    if event.message_edit and event.message_edit.mid and event.message_edit.text:
        return [InboundEdit(sender=sender, external_id=event.message_edit.mid, text=event.message_edit.text)]
    if event.message:
        return _message(event.message, event, sender)
    if event.postback and (text := event.postback.title or event.postback.payload):
        mid = event.postback.mid or f"press/{sender.value}/{event.timestamp}"
        return [InboundMessage(sender=sender, text=text, external_id=mid, sent_at=moment(event.timestamp))]
    return []


def _message(message: Message, event: Event, sender: Address) -> list[Inbound]:
    if message.is_echo:
        return []
    if message.is_deleted:
        return [InboundWithdrawal(sender=sender, external_id=message.mid)] if message.mid else []
    answered = message.reply_to
    about = [f"[About your story: {answered.story.url}]"] if answered and answered.story else []
    lines = [*about, *([message.text] if message.text else []), *map(_attached, message.attachments or ())]
    return [
        InboundMessage(
            sender=sender,
            text="\n".join(lines) or "[Something that Instagram does not pass on]",
            external_id=message.mid or None,
            sent_at=moment(event.timestamp),
            references=(answered.mid,) if answered and answered.mid else (),
            remote=tuple(
                Remote(name=FETCHED[one.type], ref=one.told.url)
                for one in message.attachments or ()
                if one.type in FETCHED and one.told.url
            ),
        )
    ]


def _attached(attachment: Attachment) -> str:
    what = MEDIA.get(attachment.type, attachment.type.replace("_", " ").capitalize() or "Something")
    title = attachment.told.title
    return f"[{what}] {title or ''}".strip()


def _person(event: Event) -> Address | None:
    who = str(event.sender.id)
    return Address(kind="instagram", value=who, name=event.sender.username) if who else None


def _commented(comment: Comment, entry: Entry, ours: set[str]) -> InboundMessage | None:
    """Somebody else's comment; the account is told of its own as well, which are none."""
    author, named = comment.author, str(comment.id or comment.comment_id)
    who = str(author.id) if author else ""
    if author is None or not who or who in ours or not (named and comment.text):
        return None
    above = comment.parent_id or (comment.media.id if comment.media else "")
    return InboundMessage(
        sender=Address(kind="instagram", value=who, name=author.username),
        text=comment.text,
        external_id=COMMENT + named,
        sent_at=moment(entry.time),
        references=(f"{COMMENT}{above}",) if comment.parent_id else (),
    )
