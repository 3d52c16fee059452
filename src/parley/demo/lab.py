"""What the demo's leads are trying out: a bolder bot, put to the last days, and another wording of an article.

The replay is a real one. It begins a while after the start, in a process of its own, so that nobody waits for it.
"""

import asyncio
import logging
from datetime import timedelta

from parley.app import Desk
from parley.core.errors import ParleyError
from parley.core.trial import Change, Wording
from parley.demo.articles import lead_of
from parley.log.record import Tx
from parley.services import candidates, knowledge
from parley.services.inbox import Viewer

logger = logging.getLogger("parley.demo")

PAUSE = 20.0  # seconds after the start
DAYS = 4
SLUG = "returns-worn-shoes"
OPENING = "Tried on indoors: yes, for all your money. Worn outside once: it depends on what you would like for them."


async def try_out(desk: Desk, pause: float = PAUSE) -> None:
    """Once, on a desk where nothing was tried yet."""
    await asyncio.sleep(pause)
    try:
        await asyncio.to_thread(_begin, desk)
    except ParleyError as error:
        logger.warning("Nothing is tried out in the lab: %s", error)


def _begin(desk: Desk) -> None:
    who = desk.record.ask(lead_of)
    if desk.record.ask(candidates.every, who):
        return
    bolder = desk.record.do(lambda tx: _write(tx, who))
    now = desk.record.clock()
    desk.lab.begin(bolder, now - timedelta(days=DAYS), now, True, who)


def _write(tx: Tx, who: Viewer) -> int:
    article = knowledge.by_slug(tx.conn, SLUG)
    other = Wording(article=article.id, title=article.title, body=f"{OPENING}\n\n{article.body}")
    candidates.make(tx, "Worn shoes: the answer first", Change(wordings=(other,)), who)
    return candidates.make(tx, "A bolder bot: 80 % right instead of 90 %", Change(promise=0.8, choice=0.7), who)
