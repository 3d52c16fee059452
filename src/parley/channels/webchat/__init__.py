"""Web chat: the widget on a company's website.

The web room keeps the line to the browser (see session.py) and hands every turn to intake as
JSON (see raw.py). What the desk writes reaches the browser through the live stream of the log,
so `send` has nothing to carry; the browser says what has reached it and what was seen.
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from parley.core import visits
from parley.core.channel import (
    Address,
    Attached,
    Delivery,
    Door,
    Inbound,
    InboundCall,
    InboundMessage,
    InboundRating,
    InboundVisit,
    Inbox,
    Manifest,
    Outbound,
    Receipt,
)
from parley.core.errors import Unreadable
from parley.core.identity import looks_like_mail

from . import raw
from .protocol import FILE_LIMIT, TEXT_LIMIT
from .reception import Desk, Reception
from .settings import WebchatSettings, key_from, problems
from .signing import vouched

SIGNED = "signed by shop"


class Webchat:
    """The visitor waits at the other end; one open matter per visitor."""

    manifest = Manifest(
        name="webchat",
        label="Web chat",
        glyph="message-circle",
        identity_kind="visitor",
        live=True,
        threads="identity",
        text_limit=TEXT_LIMIT,
        files=True,
        file_limit=FILE_LIMIT,
        calls=True,
        weight=0.34,
        settings=WebchatSettings,
    )

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            taken = raw.decode(delivery.raw)
        except msgspec.MsgspecError as error:
            raise Unreadable(f"This is not a turn of a web chat: {error}") from error
        if isinstance(taken, raw.Said):
            return [_message(taken, delivery, inbox.settings)]
        if isinstance(taken, raw.Called):
            return [_call(taken, delivery, inbox)]
        if isinstance(taken, raw.Visited):
            return [_visit(taken, delivery)]
        return [_rating(taken)]

    async def listen(self, door: Door) -> None:
        """Fed by the web room."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        return Receipt()

    def invitation(self, inbox: Inbox, words: str, code: str, url: str, call: bool = False) -> str | None:
        """The panel as a page of its own. What stands behind # is seen by no server on the way."""
        if call and not inbox.settings.calls:
            return None
        return f"{url}/widget/{inbox.settings.key}/panel#go={code}" + ("&call" if call else "")

    def called(self, news: InboundCall) -> tuple[str, bytes]:
        told = raw.Called(
            visitor=news.sender.value,
            call=news.external_id,
            state=news.state,
            outgoing=news.outgoing,
            by=news.by,
            cause=news.cause,
        )
        return raw.provider_id(told), raw.encode(told)

    def check(self, inbox: Inbox) -> list[str]:
        return problems(inbox.settings)

    def begin(self, brand: str, taken: Collection[str]) -> dict[str, Any]:
        """What a new inbox may begin with. taken: the addresses of other chats."""
        key = key_from(brand, taken)
        return {"address": key, "key": key, "title": brand, "secret": secrets.token_hex(32)}

    def snippet(self, inbox: Inbox, url: str) -> str:
        """What a website's pages need so that the chat shows there. url: where the desk is reached."""
        return f'<script src="{url}/widget.js" data-inbox="{inbox.settings.key}" async></script>'

    def reception(self, desk: Desk, inboxes: Callable[[], Mapping[int, Inbox]], key: bytes) -> Reception:
        """What receives the visitors of every inbox of this channel."""

        def by_key() -> dict[str, Inbox]:
            return {i.settings.key: i for i in inboxes().values() if i.channel == self.manifest.name}

        return Reception(desk, by_key, key)


def _message(said: raw.Said, delivery: Delivery, settings: WebchatSettings) -> InboundMessage:
    user = vouched(said.user, settings.signing_secret, delivery.received_at)
    return InboundMessage(
        sender=_visitor(said.visitor, user.name if user else ""),
        text=said.text,
        external_id=raw.provider_id(said),
        sent_at=delivery.received_at,
        files=tuple(Attached(name=file.name, type=file.type, data=file.data) for file in said.files),
        known_as=_known_as(user.id, user.mail, user.name, settings) if user else (),
        page=said.page or None,
        zone=said.zone,
    )


def _call(told: raw.Called, delivery: Delivery, inbox: Inbox) -> InboundCall:
    if told.state not in ("rang", "answered", "ended"):
        raise Unreadable(f"A call rang, was answered or ended; it cannot be “{told.state}”.")
    user = vouched(told.user, inbox.settings.signing_secret, delivery.received_at)
    return InboundCall(
        sender=_visitor(told.visitor, user.name if user else ""),
        external_id=told.call,
        state=told.state,
        at=delivery.received_at,
        outgoing=told.outgoing,
        line=inbox.name,
        by=told.by,
        cause=told.cause,
        known_as=_known_as(user.id, user.mail, user.name, inbox.settings) if user else (),
    )


def _known_as(id: str, mail: str, name: str, settings: WebchatSettings) -> tuple[Address, ...]:
    user = Address(kind="user", value=f"{settings.customer_base}/{id}", name=name, proved=SIGNED)
    if not looks_like_mail(mail):
        return (user,)
    return user, Address(kind="mail", value=mail, name=name, proved=SIGNED)


def _visit(told: raw.Visited, delivery: Delivery) -> InboundVisit:
    steps = visits.steps(told.steps, delivery.received_at)
    return InboundVisit(sender=_visitor(told.visitor), steps=steps, client=told.client[:42], session=told.session[:20])


def _rating(rated: raw.Rated) -> InboundRating:
    if not 0 <= rated.score <= 10:
        raise Unreadable(f"A rating is a number from 0 to 10, not {rated.score}.")
    return InboundRating(
        sender=_visitor(rated.visitor),
        score=rated.score,
        token=rated.token,
        comment=rated.comment.strip(),
        question=rated.question,
    )


def _visitor(value: str, name: str = "") -> Address:
    # The bearer of the visitor's token is the visitor, there is nothing else to prove.
    return Address(kind="visitor", value=value, name=name, proved="platform")


channel = Webchat()
