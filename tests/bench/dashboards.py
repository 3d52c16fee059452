"""Pages of figures over a desk with a long history, and the figures made anew from its log."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from parley.app import FIGURES, Desk
from parley.log.readers import rebuild
from parley.log.record import Reader, head

REPORT = "measure=volume&measure=human_median&measure=csat&period=182d&compare=1"
SPLITS = ("day", "week&by=channel", "agent", "topic")


@dataclass
class Rebuilt:
    """per_second: events of the whole log over the seconds, however few of them the reader cares for."""

    reader: str
    events: int
    seconds: float
    per_second: float


def kinds(seed: int = 5) -> dict[str, Callable[[], str]]:
    """What a lead asks for, of any channel and period."""
    chance = random.Random(seed)

    def of(path: str, *periods: int) -> Callable[[], str]:
        def address() -> str:
            period = f"&period={chance.choice(periods)}" if periods else ""
            return f"{path}?channel={chance.choice(('', 'email', 'webchat'))}{period}"

        return address

    return {
        "numbers": of("/desk/numbers", 7, 28, 91),
        "numbers, CSV": of("/desk/numbers.csv", 7, 28, 91),
        "what changed": of("/desk/monday"),
        "forecast and staffing": of("/desk/forecast"),
        "follow-ups": lambda: "/desk/followups",
        "listening": lambda: "/desk/listening",
        "a report": lambda: f"/desk/reports/new?{REPORT}&by={chance.choice(SPLITS)}",
        "journeys": of("/desk/journeys", 7, 28),
        "website": of("/desk/website", 7, 28),
        "wall board": lambda: "/desk/wall",
    }


def rebuilt(desk: Desk) -> list[Rebuilt]:
    """Each reader by itself, and all of them in one pass over the log as the last row."""
    whole = desk.record.ask(head)
    readers = [reader for reader in desk.readers if reader.name in FIGURES]
    return [*(_rebuilt(desk, whole, one.name, one) for one in readers), _rebuilt(desk, whole, "all at once", *readers)]


def _rebuilt(desk: Desk, whole: int, name: str, *readers: Reader) -> Rebuilt:
    began = time.perf_counter()
    events = rebuild(desk.record, *readers)
    seconds = time.perf_counter() - began
    return Rebuilt(name, events, seconds, whole / seconds)
