"""Who gets the next conversation. Pure choice; services/routing.py supplies the facts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as routing sees them. load: sum of the weights of what they hold; free: since when."""

    id: int
    presence: str
    skills: frozenset[str] = frozenset()
    brands: frozenset[int] = frozenset()
    capacity: float = 1.0
    load: float = 0.0
    last_given: datetime | None = None


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that needs somebody. weight: of its channel. last_agent: who served this person before."""

    conversation: int
    brand: int
    skills: frozenset[str] = frozenset()
    weight: float = 0.34
    last_agent: int | None = None


def choose(work: Work, candidates: Sequence[Candidate]) -> int | None:
    """The agent who should have it, or None when nobody may or can take it now.

    First who may at all (online, serves the brand, has room). All skills wanted beat some, some beat
    none, so that a rare skill never leaves a customer unserved. Among equals: who knows the person,
    then the lowest share of capacity in use, then whoever waited longest for work.
    """
    able = [c for c in candidates if _may(c, work)]
    if not able:
        return None
    return min(able, key=lambda c: _rank(c, work)).id


def _may(c: Candidate, work: Work) -> bool:
    return (
        c.presence == "online"
        and (not c.brands or work.brand in c.brands)
        and c.load + work.weight <= c.capacity + 1e-9
    )


def _rank(c: Candidate, work: Work) -> tuple[int, bool, float, float, int]:
    missing = len(work.skills - c.skills)
    waited = c.last_given.timestamp() if c.last_given else 0.0
    return (missing, c.id != work.last_agent, round(c.load / max(c.capacity, 0.01), 3), waited, c.id)


def share_out(works: Sequence[Work], candidates: Sequence[Candidate], now: datetime) -> Mapping[int, int]:
    """Assign many, in the order given (longest wait first): conversation → agent. Loads grow as it goes."""
    pool = {c.id: c for c in candidates}
    given: dict[int, int] = {}
    for work in works:
        agent = choose(work, list(pool.values()))
        if agent is not None:
            given[work.conversation] = agent
            had = pool[agent]
            pool[agent] = msgspec.structs.replace(had, load=had.load + work.weight, last_given=now)
    return given
