"""What X tells, as facts. A post is named post/AUTHOR/ID, a direct message dm/ID, whichever way it came."""

from collections.abc import Sequence
from datetime import UTC, datetime

from parley.channels.calling import moment
from parley.channels.x.payload import Body, Deletion, Direct, Entities, Event, Liked, Media, Mention, Person, Post, Seen
from parley.channels.x.words import MEDIA, address, words
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

KIND = "x"
POST, DIRECT = "post", "dm"
IN_PUBLIC = "[Public post]"  # stands above the words, so that nobody answers a post as if it were a message


def facts_of(body: Body, account: str) -> list[Inbound]:
    """Nothing for what we wrote ourselves, and nothing of another account that uses the same application."""
    us = account or str(body.for_user_id)
    if body.for_user_id and str(body.for_user_id) != us:
        return []
    told = [
        *(_posted(post, us) for post in body.tweet_create_events),
        *(_deleted(one, us) for one in body.tweet_delete_events),
        *(_direct(one, body, us) for one in body.direct_message_events),
        *(_seen(one, us) for one in body.direct_message_mark_read_events),
        *(_liked(one, us) for one in body.favorite_events),
        _mentioned(body.mention, body, us) if body.mention else None,
        _asked_direct(body.dm, body, us) if body.dm else None,
    ]
    return [one for one in told if one is not None]


def post_name(author: str, id: str) -> str:
    return f"{POST}/{author}/{id}"


def direct_name(id: str) -> str:
    return f"{DIRECT}/{id}"


def _posted(post: Post, us: str) -> Inbound | None:
    who = post.user.number
    if not (post.id_str and who) or who == us or post.retweeted_status is not None:
        return None
    long = post.extended_tweet
    entities = (long.entities if long else None) or post.entities
    attached = (long.extended_entities if long else None) or post.extended_entities or entities or Entities()
    text = (long.full_text if long else "") or post.full_text or post.text
    above, its_author = post.in_reply_to_status_id_str, post.in_reply_to_user_id_str
    return InboundMessage(
        sender=_person(who, post.user),
        text=_in_public(words(text, entities, attached.media, us)),
        external_id=post_name(who, post.id_str),
        sent_at=moment(post.timestamp_ms) or _time(post.created_at),
        references=(post_name(its_author, above),) if above and its_author else (),
        remote=_remote(attached.media),
    )


def _mentioned(post: Mention, body: Body, us: str) -> Inbound | None:
    """An edited post has an id for each of its versions; the first one names it."""
    who, referred = str(post.author_id), {one.type: str(one.id) for one in post.referenced_tweets}
    if not who or who == us or "retweeted" in referred:
        return None
    note = post.note_tweet
    text, entities = (note.text, note.entities or post.entities) if note and note.text else (post.text, post.entities)
    sender, said = _person(who, _known(body, who)), _in_public(words(text, entities, body.media, us))
    versions, when = post.edit_history_tweet_ids, _time(post.created_at)
    if len(versions) > 1:
        return InboundEdit(sender=sender, external_id=post_name(who, versions[0]), text=said, sent_at=when)
    above, its_author = referred.get("replied_to"), str(post.in_reply_to_user_id)
    return InboundMessage(
        sender=sender,
        text=said,
        external_id=post_name(who, str(post.id)),
        sent_at=when,
        references=(post_name(its_author, above),) if above and its_author else (),
        remote=_remote(body.media),
    )


def _direct(event: Direct, body: Body, us: str) -> Inbound | None:
    created, id = event.message_create, str(event.id)
    who = str(created.sender_id) if created else ""
    if created is None or not (id and who) or who == us:
        return None
    data = created.message_data
    media = [data.attachment.media] if data.attachment and data.attachment.media else []
    sender = _person(who, body.users.get(who) or Person())
    return _message(sender, id, words(data.text, data.entities, media, us), moment(event.created_timestamp), media)


def _asked_direct(event: Event, body: Body, us: str) -> Inbound | None:
    who = str(event.sender_id)
    if event.event_type not in ("", "MessageCreate") or not who or who == us:
        return None
    text = words(event.text, event.entities, body.media, us)
    return _message(_person(who, _known(body, who)), str(event.id), text, _time(event.created_at), body.media)


def _message(sender: Address, id: str, text: str, when: datetime | None, media: Sequence[Media]) -> InboundMessage:
    text = text or "[Something that X does not pass on]"
    return InboundMessage(sender=sender, text=text, external_id=direct_name(id), sent_at=when, remote=_remote(media))


def _deleted(deletion: Deletion, us: str) -> Inbound | None:
    who, id = str(deletion.status.user_id), str(deletion.status.id)
    if not (who and id) or who == us:
        return None
    return InboundWithdrawal(sender=_person(who, Person()), external_id=post_name(who, id))


def _seen(seen: Seen, us: str) -> Inbound | None:
    who, until = str(seen.sender_id), moment(seen.created_timestamp)
    if not who or who == us or until is None:
        return None
    return InboundReceipt(state="read", reader=_person(who, Person()), until=until)


def _liked(liked: Liked, us: str) -> Inbound | None:
    who, post = liked.user.number, liked.favorited_status
    if post is None or not (who and post.id_str) or who == us or post.user.number != us:
        return None
    return InboundReaction(sender=_person(who, liked.user), external_id=post_name(us, post.id_str), sign="♥")


def _in_public(text: str) -> str:
    return f"{IN_PUBLIC}\n{text}" if text else IN_PUBLIC


def _known(body: Body, who: str) -> Person:
    return next((one for one in body.people if one.number == who), Person())


def _person(who: str, told: Person) -> Address:
    handle = told.screen_name or told.username
    return Address(kind=KIND, value=who, name=told.name or (f"@{handle}" if handle else ""))


def _remote(media: Sequence[Media]) -> tuple[Remote, ...]:
    places = ((MEDIA.get(one.type, "File").lower(), address(one)) for one in media)
    return tuple(Remote(name=name, ref=place) for name, place in places if place)


def _time(told: str) -> datetime | None:
    """RFC 3339, or the way of API 1.1: Wed Aug 27 13:08:45 +0000 2008."""
    for read in (datetime.fromisoformat, lambda text: datetime.strptime(text, "%a %b %d %H:%M:%S %z %Y")):
        try:
            when = read(told)
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
        except (OverflowError, ValueError):
            continue
    return None
