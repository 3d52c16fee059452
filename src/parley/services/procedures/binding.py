"""A written procedure as steps of `parley.core.procedure`, with a brand's limits and the shop's tables."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from parley.core import expression as x
from parley.core import procedure as p
from parley.core.procedure import Facts
from parley.services import orders
from parley.services.procedures import layout
from parley.services.procedures.common import UNKNOWN, WHOSE, Shop
from parley.services.procedures.written import SHOP_ACTS, Plan, Step


def bind(plan: Plan, shop: Shop, version: int) -> p.Procedure:
    binding = _Binding(plan, shop)
    return p.Procedure(
        name=plan.name, version=version, title=plan.title, wish=plan.wish, asked_by=plan.asked_by,
        begins=tuple(_pattern(phrase) for phrase in plan.begins), limits=plan.limits, skill=plan.skill,
        steps=tuple(step for one in plan.steps for step in binding.steps(one)),
    )  # fmt: skip


def _pattern(phrase: str) -> str:
    """A wording, with * for anything in between, as it is looked for in a message that was folded."""
    from parley.ai.text import fold

    parts = [re.escape(" ".join(fold(part).split())) for part in phrase.split("*")]
    return r"\b" + r"\b.{0,40}?\b".join(part for part in parts if part) + r"\b"


class _Binding:
    def __init__(self, plan: Plan, shop: Shop) -> None:
        self.plan, self.shop = plan, shop

    # what is known ──────────────────────────────────────────────────────────────────────────

    def known(self, f: Facts) -> dict[str, Any]:
        """The facts as expressions see them."""
        now = f.get("now")
        own = f.get("own") or ()
        found = {name: value for name, value in f.items() if name not in ("own", "answers", "opening", "brand")}
        found |= {name: _asked(f.get(name), kind) for name, kind in self.plan.asked.items()}
        found |= {"limit": self.shop.limits, "customer": {"mail": own[0] if own else None}}
        found |= {"today": x.day(now) if isinstance(now, date) else None}
        if isinstance(order := f.get("order"), orders.Order):
            found["order"] = _record(order)
        return found

    def value(self, node: x.Node) -> Callable[[Facts], Any]:
        return lambda f: x.evaluate(node, self.known(f))

    def holds(self, node: x.Node) -> Callable[[Facts], bool]:
        return lambda f: bool(x.evaluate(node, self.known(f)))

    def words(self, sentence: x.Sentence) -> Callable[[Facts], str]:
        return lambda f: x.fill(sentence, self.known(f)).strip()

    def arguments(self, given: Mapping[str, x.Sentence]) -> Callable[[Facts], Mapping[str, Any]]:
        def made(f: Facts) -> dict[str, Any]:
            known = self.known(f)
            return {name: _argument(sentence, known) for name, sentence in given.items()}

        return made

    # steps ──────────────────────────────────────────────────────────────────────────────────

    def steps(self, step: Step) -> tuple[p.Step, ...]:
        of, read = step.of, step.read
        match of:
            case layout.Ask():
                return (self._ask(of, read),)
            case layout.Identify():
                return (p.Prove(of.identify or WHOSE),)
            case layout.Order():
                return self._order(of)
            case layout.Use():
                return (p.Use(of.call_it, of.use, self.arguments(read["given"]), of.missing),)
            case layout.Decide():
                return (p.Look(of.decide, self._table(read["rows"]), ""),)
            case layout.Require():
                return (self._require(of, read),)
            case layout.Confirm():
                return (p.Confirm(self.words(read["confirm"])),)
            case layout.Approve():
                return (p.Approve(of.approve, self.holds(read["only_if"]), self.words(read["tell"])),)
            case layout.Do():
                return (self._do(of, read),)
            case layout.Say():
                about = (lambda f: str(f["order"].number) if f.get("order") else "") if self._knows_order() else None
                return (p.Tell(self.words(read["say"]), about),)
        return (p.Pass("", self.words(read["advice"]), self.words(read["hand_over"])),)

    def _knows_order(self) -> bool:
        return any(isinstance(one.of, layout.Order) for one in self.plan.steps)

    def _ask(self, of: layout.Ask, read: Mapping[str, Any]) -> p.Need:
        kind = self.plan.asked[of.ask]
        offer = self.shop.numbers(*of.orders) if of.orders else None
        if "offer" in read:
            listed = self.value(read["offer"])
            offer = lambda f: [str(one) for one in listed(f) or ()][:12]  # noqa: E731
        when = self.holds(read["only_if"]) if "only_if" in read else None
        choices = tuple(x.written(one) for one in of.choices)
        return p.Need(of.ask, of.question, choices, kind=kind, offer=offer, when=when)

    def _order(self, of: layout.Order) -> tuple[p.Step, ...]:
        """Another's order and none are answered alike, so that nobody learns which numbers exist."""
        missing = of.missing or UNKNOWN
        return (
            p.Look("order", self.shop.order, missing),
            p.Rule(
                "it is their own", lambda f: f["order"].mail in f["own"] and f["order"].brand == f["brand"], missing
            ),
        )

    def _table(self, rows: tuple[tuple[x.Node | None, x.Sentence], ...]) -> Callable[[Facts], str]:
        def decided(f: Facts) -> str:
            known = self.known(f)
            then = next(then for when, then in rows if when is None or x.evaluate(when, known))
            return x.fill(then, known)

        return decided

    def _require(self, of: layout.Require, read: Mapping[str, Any]) -> p.Rule:
        guide = self.words(read["advice"]) if "advice" in read else None
        return p.Rule(
            of.called or of.require, self.holds(read["require"]), of.otherwise, of.person, of.advice,
            self.words(read["otherwise"]), guide,
        )  # fmt: skip

    def _do(self, of: layout.Do, read: Mapping[str, Any]) -> p.Do:
        if of.do in SHOP_ACTS:
            given = self.arguments(read["given"])
            kinds = SHOP_ACTS[of.do]
            return p.Do(of.do, lambda f: _fitting(kinds, given(f)), undo=bool(of.undo))
        back = None
        if isinstance(of.undo, layout.Undo):
            back = p.Back(of.undo.use, self.arguments(read["undo_given"]), self.words(read["undo_tell"]))
        return p.Do(
            of.do, self.arguments(read["given"]), undo=back is not None, done=self.words(read["tell"]), back=back
        )


def _asked(value: Any, kind: str) -> Any:
    """What they said, as a value of the question's kind; None until it is known."""
    if value in (None, ""):
        return None
    try:
        if kind == "date":
            return date.fromisoformat(str(value))
        if kind == "number":
            return float(value) if "." in str(value) else int(value)
    except ValueError:
        return None
    return str(value)


def _record(order: orders.Order) -> dict[str, Any]:
    return {
        "number": order.number, "status": order.status, "mail": order.mail, "placed": order.placed_at,
        "delivered": order.delivered_at, "expected": order.expected, "carrier": order.carrier or None,
        "tracking": order.tracking or None, "address": order.address or None, "total": order.cents / 100,
        "currency": order.currency, "articles": tuple(item.name for item in order.items[:12]),
    }  # fmt: skip


def _argument(sentence: x.Sentence, known: Mapping[str, Any]) -> Any:
    """A lone place hands over its value, anything else a text."""
    if (place := sentence.alone) is None or place.form:
        return x.fill(sentence, known)
    value = x.evaluate(place.node, known)
    if isinstance(value, datetime):
        value = value.date()
    return value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value


def _fitting(kinds: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as the shop's own acts take them. What is not known is nothing, which they refuse."""
    made: dict[str, Any] = {}
    for name, kind in kinds.items():
        value = given.get(name)
        if kind == x.NUMBER:
            made[name] = round(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0
        else:
            made[name] = (
                "" if value is None else msgspec.to_builtins(value) if isinstance(value, str) else x.written(value)
            )
    return made
