"""Telephone systems, by the generic CTI interface as Zammad defines it: newCall, answer, hangup (docs.zammad.org).

Any system that can post a form or JSON tells of its calls: Asterisk, 3CX, FreeSWITCH, Placetel, sipgate. The path's
last part is the proof, as the interface has it, so the address is a secret.
"""

from datetime import timedelta

import msgspec

from parley.channels.calling import secret
from parley.channels.cti.facts import call_of
from parley.channels.cti.payload import told_of
from parley.core.channel import Delivery, Door, Inbound, Inbox, Manifest, Outbound, Receipt
from parley.core.errors import NotProved, SendFailed, Unreadable
from parley.core.webhook import Answered, Call, Handshake, Posted, same, whole

SHORTEST = 16  # characters of a token that is not guessed


class CtiSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Enter the address of this inbox, a slash and the token into the telephone system.

    path_token: the last part of the address, made by chance; may be `env:NAME`.
    country_code: what stands before numbers that begin with a single 0, such as 49.
    blocked: numbers whose calls are turned away as busy.
    """

    path_token: str = ""
    country_code: str = ""
    blocked: list[str] = []


class Cti:
    manifest = Manifest(
        name="cti",
        label="Phone",
        glyph="phone",
        identity_kind="phone",
        sends=False,
        threads="identity",
        patience=timedelta(),
        weight=0.5,
        settings=CtiSettings,
    )

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake | Answered:
        if request.method != "POST" or not same(request.rest, secret(inbox.settings.path_token)):
            raise NotProved("This address does not end with the token of this inbox.")
        try:
            told = told_of(request.body)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return Answered(kept=[whole(request.body)], body=b"{}")
        named = f"{told.call_id}/{told.event}" if told.call_id and told.event else ""
        kept = [Posted(provider_id=named, raw=request.body) if named else whole(request.body)]
        return Answered(kept=kept, body=self._answer(told.event, told.direction, told.caller, inbox))

    def _answer(self, event: str, direction: str, caller: str, inbox: Inbox) -> bytes:
        """What the telephone system is to do: nothing, or turn the call away."""
        if event == "newCall" and direction == "in" and _bare([caller]) & _bare(inbox.settings.blocked):
            return b'{"action":"reject","reason":"busy"}'
        return b"{}"

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            told = told_of(delivery.raw)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise Unreadable(f"This is not as the CTI interface says: {error}.") from error
        if not (told.event and told.call_id):
            raise Unreadable("This does not say which call it speaks of, or what became of it.")
        call = call_of(told, delivery.received_at, inbox.id, inbox.settings)
        return [call] if call else []

    async def listen(self, door: Door) -> None:
        """Deliveries come through the web room: /hooks/NUMBER/TOKEN."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        raise SendFailed("A phone takes no text. Call, or choose another channel.", permanent=True)

    def check(self, inbox: Inbox) -> list[str]:
        token = secret(inbox.settings.path_token)
        if not token:
            return ["It has no token, so every call is refused. Enter one that was made by chance."]
        return [] if len(token) >= SHORTEST else [f"Its token is easy to guess. Take at least {SHORTEST} characters."]


def _bare(numbers: list[str]) -> set[str]:
    return {"".join(sign for sign in number if sign.isdigit()).lstrip("0") for number in numbers}


channel = Cti()
