"""The database stands still while platforms post: nothing may be acknowledged meanwhile, nothing lost after."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from sqlalchemy import text

from harness.doors import Door
from harness.web import WebDesk
from parley.channels import installed
from parley.log.engines import open_database
from simulators.families import FAMILIES, Family, Saying

EVENTS = 6


@dataclass
class Thawed:
    """early: answers of 2xx while nothing could be written. refused: those that failed again after. missing: lost."""

    family: str
    seconds: float
    early: int = 0
    refused: int = 0
    missing: int = 0
    doubled: int = 0

    @property
    def well(self) -> bool:
        return not (self.early or self.refused or self.missing or self.doubled)


@contextmanager
def frozen(web: WebDesk) -> Iterator[None]:
    """Nobody can write to the database while the block runs."""
    config = web.story.desk.config
    database = open_database(config.database)
    try:
        with database.writer.connect() as conn:
            conn.execute(text("SELECT 1"))  # SQLite: whoever begins to write is the only one
            if not database.alone:
                conn.execute(text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"))
            yield
            conn.rollback()
    finally:
        database.close()


def freeze(web: WebDesk, families: list[Family], seconds: float) -> list[Thawed]:
    """Post to all of them, from the beginning to the end of the time that the database stands still; then once more."""
    doors = {one.title: Door(web, installed()[one.channel], one.settings, one.title, one.path) for one in families}
    chance = random.Random(1)
    bodies = [(f, f.body([Saying(n, n)], chance), n * seconds / EVENTS) for f in families for n in range(EVENTS)]
    answers: list[tuple[float, str, int]] = []

    def post(family: Family, body: bytes, after: float = 0.0) -> int:
        time.sleep(after)
        door = doors[family.title]
        try:
            with httpx.Client(timeout=seconds + 60) as http:
                status = http.post(door.url, content=body, headers=family.headers(body, door.url, door.now)).status_code
        except httpx.HTTPError:
            status = 0
        answers.append((time.monotonic(), family.title, status))
        return status

    with frozen(web):
        senders = [threading.Thread(target=post, args=one) for one in bodies]
        for sender in senders:
            sender.start()
        time.sleep(seconds)
        thawed = time.monotonic()
    for sender in senders:
        sender.join()
    early = [title for at, title, status in answers if at < thawed and 200 <= status < 300]
    refused = [family.title for family, body, _ in bodies if post(family, body) != 200]
    return [_told(doors[f.title], f, seconds, early, refused) for f in families]


def _told(door: Door, family: Family, seconds: float, early: list[str], refused: list[str]) -> Thawed:
    wanted = {family.name(Saying(n, n), door.number) for n in range(EVENTS)}
    until = time.monotonic() + 60
    names: list[str | None] = []
    while time.monotonic() < until and not wanted <= set(names):
        names = [m.external_id for m in door.received() if m.external_id in wanted]
        time.sleep(0.05)
    return Thawed(
        family=family.title,
        seconds=seconds,
        early=early.count(family.title),
        refused=refused.count(family.title),
        missing=len(wanted - set(names)),
        doubled=len(names) - len(set(names)),
    )


def every(web: WebDesk, seconds: float) -> list[Thawed]:
    return freeze(web, [family for family, _ in FAMILIES], seconds)
