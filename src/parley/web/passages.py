"""Asking a customer to go on in another channel: a link that shows there that it is them."""

import msgspec
from litestar import Request, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from parley.core.errors import Refused
from parley.log.record import Tx
from parley.services import passages, replies
from parley.web.forms import read_form
from parley.web.security import ACT, Caller
from parley.web.state import Room
from parley.web.words import translate as t


class Wanted(msgspec.Struct):
    """inbox: where to go on. call: "1" to speak there."""

    inbox: int = 0
    call: str = ""


class Link(msgspec.Struct):
    """text: a sentence with the link, for the answer that is being written."""

    url: str
    text: str


@post("/desk/conversations/{number:int}/passes", status_code=200, opt=ACT, include_in_schema=False)
async def make_link(request: Request, room: Room, caller: Caller, number: FromPath[int]) -> Link:  # type: ignore[type-arg]
    """Good for one use and half an hour."""
    form = await read_form(request, Wanted)
    boxes, call = room.inboxes(), form.call == "1"

    def act(tx: Tx) -> passages.Onward:
        state = replies.act_on(tx, number, caller.viewer)
        code = passages.issue(tx, state, passages.holder_in(tx.conn, state), caller.viewer.by)
        ways = passages.onward(0, state.brand, boxes.values(), room.channels, room.url, code, passages.WORDS, call=call)
        found = next((way for way in ways if way.inbox == form.inbox), None)
        if found is None:
            raise Refused("There is no link to that channel. See what its inbox still needs in the settings.")
        return found

    way = await room.do(act)
    sentence = "You can speak with us here: {url}" if call else "You can go on by {channel} here: {url}"
    text = t(sentence, channel=way.label, url=way.url)
    return Link(url=way.url, text=f"{text} ({t('good for half an hour, once')})")


def routes() -> list[ControllerRouterHandler]:
    return [make_link]
