"""What a contact costs: what an hour of work, a bot's answer and a message are said to cost, times what was logged."""

import math
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, func, select

from parley.core.errors import Refused
from parley.core.handling import CALLS
from parley.log.record import Tx
from parley.services import setup
from parley.services.prepared import teams
from parley.services.work import work

if TYPE_CHECKING:
    from parley.ai.columns import Real, Talks

KEY = "costs"
MOST = 100_000.0


class Costs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """hour: of anybody's work; team_hours: where a team's differs, by its name. answer: of one by the bot. messages: of
    one that goes out, by channel. Nothing is known until `hour` is."""

    currency: str = ""
    hour: float | None = None
    team_hours: dict[str, float] = {}
    answer: float = 0.0
    messages: dict[str, float] = {}


def costs(conn: Connection) -> Costs:
    return msgspec.convert(setup.setting(conn, KEY, {}), Costs)


def keep(tx: Tx, new: Costs) -> None:
    given = [new.hour or 0.0, new.answer, *new.team_hours.values(), *new.messages.values()]
    if not all(math.isfinite(one) and 0 <= one <= MOST for one in given):
        raise Refused(f"A cost is a number from 0 to {MOST:,.0f}. Nothing was changed.")
    setup.set_setting(tx, KEY, msgspec.to_builtins(new))


def of_agents(conn: Connection, known: Costs) -> dict[int, float]:
    """What an hour of each agent costs: of the first priced team that shares a skill with them, else of anybody."""
    priced = [team for team in teams(conn) if team.name in known.team_hours]
    found = {CALLS: known.hour or 0.0}
    for number, agent in setup.all_agents(conn).items():
        mine = next((team for team in priced if set(team.skills) & set(agent.skills)), None)
        found[number] = known.team_hours[mine.name] if mine else known.hour or 0.0
    return found


def of_talks(conn: Connection, known: Costs, talks: "Talks", channels: dict[str, int]) -> "Real":
    """What each conversation cost."""
    from parley.ai.columns import columns, ends, priced, summed

    messages = {channels[name]: cost for name, cost in known.messages.items() if name in channels}
    answers, people = talks["bot_replies"], talks["human_replies"]
    cost: Real = answers * known.answer + priced(talks["channel"], messages) * (answers * 1 + people)
    first, last = ends([talks.numbers])
    told = select(func.aggregate_strings(work.c.told, " "))
    told = told.where(work.c.conversation >= first, work.c.conversation <= last)
    number, agent, seconds = columns(conn.execute(told).scalar(), 3)
    hours: Any = seconds / 3600 * priced(agent, of_agents(conn, known), known.hour or 0.0)
    cost += summed(talks.numbers, number, hours)
    return cost
