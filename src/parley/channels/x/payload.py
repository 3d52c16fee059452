"""The shapes in which X tells: by webhook (Account Activity, the fields of API 1.1), and when it is asked (API 2).

What was asked for is kept in a wrapping of our own, one thing in each: `mention` or `dm` with the people and media that
belong to it. Fields that are not named here are passed over.
"""

import msgspec

Id = str | int


class Loose(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are not named here are passed over."""


class Person(Loose, frozen=True):
    """id_str stands in posts of API 1.1, id elsewhere."""

    id: Id = ""
    id_str: str = ""
    name: str = ""
    screen_name: str = ""
    username: str = ""

    @property
    def number(self) -> str:
        return self.id_str or str(self.id)


class Link(Loose, frozen=True):
    """media_key: the link stands for something attached."""

    url: str = ""
    expanded_url: str | None = None
    media_key: str = ""


class Named(Loose, frozen=True):
    """Somebody named in a text."""

    id: Id = ""
    id_str: str = ""
    screen_name: str = ""
    username: str = ""


class Variant(Loose, frozen=True):
    url: str = ""
    content_type: str = ""
    bitrate: int = 0
    bit_rate: int = 0


class Video(Loose, frozen=True):
    variants: list[Variant] = []


class Media(Loose, frozen=True):
    media_key: str = ""
    type: str = ""
    url: str = ""
    media_url_https: str = ""
    preview_image_url: str = ""
    alt_text: str | None = None
    ext_alt_text: str | None = None
    variants: list[Variant] = []
    video_info: Video | None = None


class Entities(Loose, frozen=True):
    urls: list[Link] = []
    media: list[Media] = []
    user_mentions: list[Named] = []
    mentions: list[Named] = []


class Extended(Loose, frozen=True):
    full_text: str = ""
    entities: Entities | None = None
    extended_entities: Entities | None = None


class Anything(Loose, frozen=True):
    """Something whose being there is all that matters."""


class Post(Loose, frozen=True):
    """A post by webhook. A long one has its words in `extended_tweet`."""

    id_str: str = ""
    text: str = ""
    full_text: str = ""
    created_at: str = ""
    timestamp_ms: Id = 0
    user: Person = Person()
    in_reply_to_status_id_str: str | None = None
    in_reply_to_user_id_str: str | None = None
    entities: Entities | None = None
    extended_entities: Entities | None = None
    extended_tweet: Extended | None = None
    retweeted_status: Anything | None = None


class Target(Loose, frozen=True):
    recipient_id: Id = ""


class Attachment(Loose, frozen=True):
    type: str = ""
    media: Media | None = None


class MessageData(Loose, frozen=True):
    text: str = ""
    entities: Entities | None = None
    attachment: Attachment | None = None


class Created(Loose, frozen=True):
    sender_id: Id = ""
    target: Target = Target()
    message_data: MessageData = MessageData()


class Direct(Loose, frozen=True):
    """A direct message by webhook."""

    type: str = ""
    id: Id = ""
    created_timestamp: Id = 0
    message_create: Created | None = None


class Deleted(Loose, frozen=True):
    id: Id = ""
    user_id: Id = ""


class Deletion(Loose, frozen=True):
    status: Deleted = Deleted()


class Liked(Loose, frozen=True):
    user: Person = Person()
    favorited_status: Post | None = None


class Seen(Loose, frozen=True):
    created_timestamp: Id = 0
    sender_id: Id = ""


class Referred(Loose, frozen=True):
    type: str = ""
    id: Id = ""


class Attachments(Loose, frozen=True):
    media_keys: list[str] = []


class Note(Loose, frozen=True):
    text: str = ""
    entities: Entities | None = None


class Mention(Loose, frozen=True):
    """A post that was asked for. A long one has its words in `note_tweet`; an edited one has several ids."""

    id: Id
    text: str = ""
    author_id: Id = ""
    created_at: str = ""
    in_reply_to_user_id: Id = ""
    referenced_tweets: list[Referred] = []
    edit_history_tweet_ids: list[str] = []
    entities: Entities | None = None
    note_tweet: Note | None = None


class Event(Loose, frozen=True):
    """A direct message that was asked for."""

    id: Id
    event_type: str = ""
    text: str = ""
    sender_id: Id = ""
    created_at: str = ""
    entities: Entities | None = None


class Body(Loose, frozen=True):
    """One thing that X told, or that was asked for."""

    for_user_id: Id = ""
    users: dict[str, Person] = {}
    tweet_create_events: list[Post] = []
    tweet_delete_events: list[Deletion] = []
    direct_message_events: list[Direct] = []
    direct_message_mark_read_events: list[Seen] = []
    favorite_events: list[Liked] = []
    mention: Mention | None = None
    dm: Event | None = None
    people: list[Person] = []
    media: list[Media] = []
