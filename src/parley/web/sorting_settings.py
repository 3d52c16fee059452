"""Settings → Triage: which signal leads to which priority, tag and skill; tried on what came before it is kept."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.types import ControllerRouterHandler
from sqlalchemy import Connection

from parley.core import stats
from parley.core import triage as rules
from parley.core.errors import Refused
from parley.services import findings, inbox, setup, sorting
from parley.web import present
from parley.web.desk import Answer, html, seen_other
from parley.web.formats import percent
from parley.web.forms import read_form
from parley.web.security import LEAD, Caller
from parley.web.sorted_by import PRIORITIES
from parley.web.state import Room
from parley.web.words import translate as t

Asked = Request[Any, Any, Any]
HERE = "/desk/settings/triage"
WEEKS = timedelta(days=28)
SHOWN = 20


class DifferLine(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that would be sorted otherwise, and how, in words."""

    conversation: int
    title: str
    changes: tuple[str, ...]


class TriagePage(msgspec.Struct, frozen=True, kw_only=True):
    """policy: as it is shown, perhaps not kept yet (`unsaved`). differs: what it would change."""

    policy: rules.Policy
    signals: tuple[tuple[str, str], ...]
    skills: tuple[str, ...]
    products: str
    unsaved: bool = False
    trouble: str = ""
    tried: str = ""
    hits: str = ""
    differs: tuple[DifferLine, ...] = ()
    judged: str = ""
    may_change: bool = False
    priorities: tuple[tuple[str, str], ...] = tuple(PRIORITIES.items())


@get(HERE, include_in_schema=False)
async def page(room: Room, caller: Caller) -> Answer:
    return html(await asyncio.to_thread(room.record.ask, _html, room, caller, None, False))


def _html(
    conn: Connection, room: Room, caller: Caller, shown: rules.Policy | None, tries: bool, trouble: str = ""
) -> str:
    policy = shown or findings.policy(conn)
    trial = sorting.tried(conn, caller.viewer, policy) if tries else None
    made = TriagePage(
        policy=policy,
        signals=tuple((key, t(label)) for key, label in rules.SIGNALS.items()),
        skills=tuple(sorted({skill for agent in setup.all_agents(conn).values() for skill in agent.skills})),
        products="\n".join(", ".join((name, *others)) for name, others in policy.products.items()),
        unsaved=shown is not None,
        trouble=trouble,
        tried=_tried(trial) if trial else "",
        hits=_hits(trial) if trial else "",
        differs=_differs(conn, trial.differs) if trial else (),
        judged=_judged(findings.judged(conn, room.record.clock() - WEEKS)),
        may_change=caller.agent.role in ("admin", "lead"),
    )
    shell = present.shell(conn, caller.agent, caller.csrf, "settings")
    return room.page("desk/triage.html", shell=shell, page=made, settings_tab="triage")


def _tried(trial: sorting.Trial) -> str:
    if not trial.n:
        return t("Nothing has been sorted yet, so nothing can be tried.")
    if not trial.differs:
        return t("None of the last {n} conversations would be sorted otherwise.", n=trial.n)
    return t("{k} of the last {n} conversations would be sorted otherwise.", k=len(trial.differs), n=trial.n)


def _hits(trial: sorting.Trial) -> str:
    """Against what agents said."""
    if not trial.judged:
        return ""
    return t(
        "Of {n} whose priority an agent corrected, these rules hit {then}; the present ones {now}.",
        n=trial.judged, then=trial.hit_then, now=trial.hit_now,
    )  # fmt: skip


def _differs(conn: Connection, found: Sequence[sorting.Differs]) -> tuple[DifferLine, ...]:
    states = inbox.states(conn, [one.conversation for one in found[:SHOWN]])
    return tuple(
        DifferLine(
            conversation=one.conversation, title=states[one.conversation].subject or states[one.conversation].preview,
            changes=_changes(one),
        )
        for one in found[:SHOWN]
        if one.conversation in states
    )  # fmt: skip


def _changes(one: sorting.Differs) -> tuple[str, ...]:
    said = []
    (was, now), (why_was, why_now) = one.priority, one.because
    if was != now:
        reason = why_now or why_was
        label = rules.SIGNALS.get(reason.partition(":")[0], t("no rule"))
        said.append(f"{t(PRIORITIES[was])} → {t(PRIORITIES[now])} ({t(label)})")
    for name, (before, after) in ((t("Tag"), one.tags), (t("Skill"), one.skills)):
        said += [f"{name} + {new}" for new in after if new not in before]
        said += [f"{name} − {gone}" for gone in before if gone not in after]
    return tuple(said)


def _judged(seen: findings.Judged) -> str:
    if not seen.n:
        return ""
    wrong = seen.corrected.get("priority", 0)
    between = stats.wilson(min(wrong, seen.n), seen.n)
    return t(
        "In the last four weeks {n} conversations were sorted; agents corrected the priority of {k} ({share}, {low} to"
        " {high}), the language of {languages}.",
        n=seen.n, k=wrong, share=percent(wrong / seen.n, 1), low=percent(between.low or 0, 1),
        high=percent(between.high or 0, 1), languages=seen.corrected.get("language", 0),
    )  # fmt: skip


class Sent(msgspec.Struct):
    """The rules as the form holds them, field by field in order; `do` says which button was pressed."""

    do: str = "save"
    on: list[str] = []
    signal: list[str] = []
    value: list[str] = []
    priority: list[str] = []
    tag: list[str] = []
    skill: list[str] = []
    spam_from: float = 65
    value_from: float = 500
    products: str = ""


@post(HERE, status_code=200, opt=LEAD, include_in_schema=False)
async def decide(request: Asked, room: Room, caller: Caller) -> Answer:
    """Keep the rules, try them, or change the form itself (add, remove, move)."""
    form = await read_form(request, Sent)
    policy = _policy(form)
    what, _, place = form.do.partition("-")
    if what == "save":
        await room.do(findings.set_policy, policy)
        return seen_other(HERE)
    trouble = ""
    if what == "try":
        try:
            rules.check(policy)
        except Refused as error:
            what, trouble = "", str(error)
    elif what == "usual":
        policy = msgspec.structs.replace(policy, rules=rules.DEFAULT_RULES)
    else:
        moved = _moved(policy.rules, what, int(place) if place.isdigit() else -1)
        policy = msgspec.structs.replace(policy, rules=moved)
    return html(await asyncio.to_thread(room.record.ask, _html, room, caller, policy, what == "try", trouble))


def _policy(form: Sent) -> rules.Policy:
    columns = (form.signal, form.value, form.priority, form.tag, form.skill)
    if len({len(column) for column in columns}) != 1:
        raise Refused("The rules came incomplete. Load the page again.")
    made = tuple(
        rules.Rule(
            signal=signal, value=value.strip()[:120], priority=priority, tag=" ".join(tag.lower().split()),
            skill=skill.strip(), on=str(place) in form.on,
        )
        for place, (signal, value, priority, tag, skill) in enumerate(zip(*columns, strict=True))
    )  # fmt: skip
    return rules.Policy(
        rules=made, spam_from=form.spam_from / 100, value_from=round(form.value_from * 100),
        products=_products(form.products),
    )  # fmt: skip


def _products(typed: str) -> dict[str, tuple[str, ...]]:
    """A line each: the name, then other names after commas."""
    found = {}
    for line in typed.splitlines():
        name, *others = (" ".join(part.split())[:120] for part in line.split(","))
        if name:
            found[name] = tuple(one for one in others if one)
    return found


def _moved(found: tuple[rules.Rule, ...], what: str, place: int) -> tuple[rules.Rule, ...]:
    line = list(found)
    if what == "add":
        line.insert(0, rules.Rule(signal="deadline", priority=rules.HIGH))
    elif what == "remove" and 0 <= place < len(line):
        del line[place]
    elif what == "up" and 0 < place < len(line):
        line[place - 1], line[place] = line[place], line[place - 1]
    elif what == "down" and 0 <= place < len(line) - 1:
        line[place + 1], line[place] = line[place], line[place + 1]
    return tuple(line)


def routes() -> list[ControllerRouterHandler]:
    return [page, decide]
