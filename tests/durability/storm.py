"""A storm of webhooks: every event one to five times, shuffled, in batches, by sixteen senders at once.

Every event must become one message, and every customer have one open conversation in an inbox, whatever came first. A
post that is not acknowledged is sent again, as a platform would.
"""

import argparse
import json
import queue
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import func, select

from harness.desk import empty_postgres
from harness.web import WebDesk, served
from parley.log.tables import deliveries
from parley.services import setup
from parley.services.inbox import conversations
from parley.services.threads import externals
from simulators.families import FAMILIES, Family, Saying

WORKERS = 16
ALBUM = 10  # things that one customer sends in one breath


@dataclass
class Told:
    """lost: acknowledged and no message. duplicated: messages above one. extra: conversations above one a customer."""

    events: int = 0
    posted: int = 0
    posts: int = 0
    seconds: float = 0.0
    filed_after: float = 0.0
    messages: int = 0
    lost: int = 0
    duplicated: int = 0
    foreign: int = 0
    customers: int = 0
    extra: int = 0
    quarantined: int = 0
    answers: Counter[int] = field(default_factory=Counter)

    @property
    def score(self) -> float:
        wrong = self.lost + self.duplicated + self.foreign + self.extra + self.quarantined
        return max(0.0, 1 - wrong / max(self.events, 1))


@dataclass(frozen=True)
class Post:
    inbox: int
    family: Family
    said: Sequence[Saying]


def sayings(count: int, chance: random.Random) -> list[Saying]:
    """So many events of a fifth as many customers; now and then a burst of one of them."""
    people, found = max(1, count // 5), list[Saying]()
    while len(found) < count:
        who = chance.randrange(people)
        burst = ALBUM if chance.random() < 0.05 else 1
        found += [Saying(len(found) + n, who) for n in range(min(burst, count - len(found)))]
    return found


def posts(said: Sequence[Saying], family: Family, inbox: int, chance: random.Random) -> Iterator[Post]:
    """Each one to five times, out of order, in batches of one up to what the family takes."""
    copies = [one for one in said for _ in range(chance.randint(1, 5))]
    chance.shuffle(copies)
    while copies:
        size = min(family.most, chance.choice((1, 2, 10, 100, 1000)))
        yield Post(inbox, family, copies[:size])
        del copies[:size]


class Storm:
    def __init__(self, web: WebDesk, seed: int) -> None:
        self.web, self.chance, self.told = web, random.Random(seed), Told()
        self.expected: dict[int, dict[str, Saying]] = {}
        self._lock = threading.Lock()

    def blow(self, count: int, workers: int = WORKERS) -> Told:
        waiting = self._prepared(count)
        began = time.monotonic()
        threads = [threading.Thread(target=self._send, args=(waiting, n)) for n in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.told.seconds = round(time.monotonic() - began, 1)
        self._wait_until_filed()
        self.told.filed_after = round(time.monotonic() - began, 1)
        self._count()
        return self.told

    def _prepared(self, count: int) -> "queue.SimpleQueue[Post]":
        found: list[Post] = []
        for family, share in FAMILIES:
            number = self._inbox(family)
            said = sayings(max(ALBUM, int(count * share)), self.chance)
            self.expected[number] = {family.name(one, number): one for one in said}
            self.told.events += len(said)
            found += posts(said, family, number, self.chance)
        self.chance.shuffle(found)
        self.told.posted = sum(len(post.said) for post in found)
        waiting: queue.SimpleQueue[Post] = queue.SimpleQueue()
        for post in found:
            waiting.put(post)
        return waiting

    def _inbox(self, family: Family) -> int:
        name, title, chosen = family.channel, family.title, family.settings
        number: int = self.web.story.change(lambda tx: setup.add_inbox(tx, 1, name, title, f"storm {title}", chosen))
        self.web.room.setup_changed()
        return number

    def _send(self, waiting: "queue.SimpleQueue[Post]", number: int) -> None:
        chance = random.Random(number)
        with httpx.Client(timeout=120) as http:
            while True:
                try:
                    post = waiting.get_nowait()
                except queue.Empty:
                    return
                self._until_acknowledged(http, post, chance)

    def _until_acknowledged(self, http: httpx.Client, post: Post, chance: random.Random) -> None:
        url, body = f"{self.web.url}/hooks/{post.inbox}{post.family.path}", post.family.body(post.said, chance)
        for _ in range(100):
            headers = post.family.headers(body, url, self.web.story.clock().timestamp())
            status = http.post(url, content=body, headers=headers).status_code
            with self._lock:
                self.told.answers[status] += 1
                self.told.posts += 1
            if status == 200:
                return
            time.sleep(0.2)
        raise RuntimeError(f"{post.family.title} was refused a hundred times")

    def _wait_until_filed(self, patience: float = 1200) -> None:
        until = time.monotonic() + patience
        while time.monotonic() < until:
            with self.web.story.record.reading() as conn:
                unread = conn.scalar(select(func.count()).select_from(deliveries).where(deliveries.c.state == "new"))
            if not unread:
                return
            time.sleep(0.2)
        raise RuntimeError(f"{unread} deliveries are still unread")

    def _count(self) -> None:
        with self.web.story.record.reading() as conn:
            rows = conn.execute(select(externals.c.external_id, func.count()).group_by(externals.c.external_id)).all()
            box, who = conversations.c.inbox, conversations.c.person
            matters = conn.execute(select(box, who, func.count()).group_by(box, who)).all()
            bad = deliveries.c.state == "quarantined"
            self.told.quarantined = conn.scalar(select(func.count()).select_from(deliveries).where(bad)) or 0
        found = {name: count for name, count in rows}
        wanted = {name for names in self.expected.values() for name in names}
        self.told.messages = sum(found.values())
        self.told.lost = len(wanted - set(found))
        self.told.foreign = len(set(found) - wanted)
        self.told.duplicated = sum(count - 1 for name, count in found.items())
        customers = {(n, one.who) for n, names in self.expected.items() for one in names.values()}
        self.told.customers = len(customers)
        ours = [count for number, _, count in matters if number in self.expected]
        self.told.extra = sum(ours) - len(customers)


def main() -> None:
    asked = argparse.ArgumentParser(prog="bin/webhook-storm", description=__doc__)
    asked.add_argument("--events", type=int, default=50_000)
    asked.add_argument("--workers", type=int, default=WORKERS)
    asked.add_argument("--seed", type=int, default=20261127)
    asked.add_argument("--postgres", default="", metavar="URL", help="a database that may be emptied; else SQLite")
    asked.add_argument(
        "--freeze", type=float, default=0.0, metavar="SECONDS", help="instead: nothing is written for so long"
    )
    asked.add_argument("--json", action="store_true")
    chosen = asked.parse_args()
    if chosen.postgres:
        empty_postgres(chosen.postgres)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), url=chosen.postgres) as web:
        if chosen.freeze:
            return _freeze(web, chosen.freeze)
        told = Storm(web, chosen.seed).blow(chosen.events, chosen.workers)
    figures = asdict(told) | {"score": told.score, "seed": chosen.seed, "answers": dict(told.answers)}
    if chosen.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    sys.exit(0 if told.score == 1 else 1)


def _freeze(web: WebDesk, seconds: float) -> None:
    from durability import freeze

    told = freeze.every(web, seconds)
    well = sum(one.well for one in told) / len(told)
    print(json.dumps({"families": [asdict(one) for one in told], "score": well}))
    sys.exit(0 if well == 1 else 1)


if __name__ == "__main__":
    main()
