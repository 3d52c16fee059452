"""Reviews: what people write in public on Google, Google Play, the App Store and Trustpilot, looked up now and then.

An answer is public as well, one to a review; another one takes its place. A review is one matter; other words and
stars of it stand in the place of the former ones.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Literal

import msgspec

from parley.channels.calling import secret
from parley.channels.reviews import appstore, google, play, trustpilot
from parley.channels.reviews.polling import look
from parley.channels.reviews.review import Platform, facts_of
from parley.channels.watching import watch
from parley.core.channel import Delivery, Door, Inbound, Inbox, Manifest, Outbound, Receipt
from parley.core.errors import SendFailed, Unreadable

PLATFORMS: Mapping[str, Platform] = {
    "google": google.platform,
    "play": play.platform,
    "appstore": appstore.platform,
    "trustpilot": trustpilot.platform,
}


class ReviewSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where reviews are looked up and answered.

    platform: whose reviews they are.
    place: Google's location as accounts/1/locations/2, the app's package name at Play, its number at the App Store, or
    the number of Trustpilot's business unit.
    minutes: how often it is looked for new ones.
    first_days: how far back the first look goes.

    For Google, Play and Trustpilot: client_id.
    client_id: name of the OAuth client; Trustpilot calls it the API key.
    client_secret: its secret; may be `env:NAME`.
    refresh_token: what the owner's consent gave at Google; may be `env:NAME`.

    For the App Store: key_id.
    key_id: name of the API key.
    issuer: the issuer's number above the list of keys.
    secret_key: the private key, with its BEGIN line; may be `env:NAME`.

    For tests: api, token_url.
    api: address of the platform's interface; empty for its own.
    token_url: where tokens are given out; empty for the platform's own.
    """

    platform: Literal["google", "play", "appstore", "trustpilot"] = "google"
    place: str = ""
    minutes: int = 15
    first_days: int = 30
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    key_id: str = ""
    issuer: str = ""
    secret_key: str = ""
    api: str = ""
    token_url: str = ""


class Reviews:
    manifest = Manifest(
        name="reviews",
        label="Reviews",
        glyph="star",
        identity_kind="reviewer",
        threads="identity",
        text_limit=max(platform.limit for platform in PLATFORMS.values()),
        splits=False,
        settings=ReviewSettings,
    )

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            return facts_of(delivery.raw, PLATFORMS)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is no review as its platform gives them: {error}.") from error

    async def listen(self, door: Door) -> None:
        """Look for new reviews until cancelled. A platform in trouble does not stop the others."""
        async with asyncio.TaskGroup() as tasks:
            for inbox in door.inboxes:
                if not self.check(inbox):
                    platform, every = PLATFORMS[inbox.settings.platform], inbox.settings.minutes * 60.0
                    tasks.create_task(watch(inbox, door, partial(look, inbox, door, platform), "reviews", every))

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        if told := self.check(inbox):
            raise SendFailed(told[0], permanent=True)
        platform, limit = PLATFORMS[inbox.settings.platform], self.limit(inbox)
        if len(message.text) > limit:
            said = f"An answer may have {limit} characters there; this one has {len(message.text)}."
            raise SendFailed(said, permanent=True)
        review = _review_of(message)
        if not review:
            raise SendFailed("There is no review to answer in this conversation.", permanent=True)
        await platform.answer(review, message.text, inbox.settings)
        return Receipt(provider_id=message.external_id, delivered=True)

    def limit(self, inbox: Inbox) -> int:
        return PLATFORMS[inbox.settings.platform].limit

    def check(self, inbox: Inbox) -> list[str]:
        ours = inbox.settings
        told = [] if ours.place else ["It does not say whose reviews they are. Enter the place."]
        needed = PLATFORMS[ours.platform].needs
        missing = [name.replace("_", " ") for name in needed if not secret(getattr(ours, name))]
        if missing:
            told.append(f"It lacks what this platform asks for: {', '.join(missing)}.")
        return [*told, *(["It must wait at least one minute between two looks."] if ours.minutes < 1 else [])]


def _review_of(message: Outbound) -> str:
    """The platform's name of the review that is answered: what the answer speaks of, else the conversation's first."""
    named = message.in_reply_to or next(iter(message.references), "")
    return named.partition("/")[2]


channel = Reviews()
