"""Builds the demo company into an empty desk: brands, inboxes, agents, articles, orders, a week of history."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from parley.core.identity import normal
from parley.demo import company as made_up
from parley.demo import knowledge as written
from parley.demo import warehouse
from parley.log.record import Tx
from parley.services import findings, knowledge, orders, procedures, setup

SHOP_SECRET = "only the demo shop signs with this"


def add_brands(tx: Tx, site: str = "") -> dict[str, int]:
    """The two brands, by key."""
    return {
        b.key: setup.add_brand(
            tx,
            b.name,
            setup.Look(
                colour=b.accent, mark=b.mark, sign_off=b.sign_off, site=f"{site}/shop/{b.key}" if site else "",
                bot_does=(*procedures.SHIPPED, warehouse.NAME),
            ),
        )
        for b in made_up.brands()
    }  # fmt: skip


def add_inboxes(tx: Tx, brands: Mapping[str, int], mail: Mapping[str, Any], origin: str) -> dict[str, int]:
    """A chat and a mail inbox per brand. mail: settings of the mail inboxes (where to listen, where to send)."""
    numbers: dict[str, int] = {}
    for b in made_up.brands():
        chat = {
            "key": b.key,
            "secret": SHOP_SECRET,
            "customers": "wrenfield",
            "origins": [origin],
            "title": b.name,
            "colour": b.accent,
            "greeting": b.greeting,
            "assistant": b.bot_name,
            "suggestions": SUGGESTIONS[b.key],
        }
        numbers[f"chat/{b.key}"] = setup.add_inbox(tx, brands[b.key], "webchat", f"{b.name} chat", b.key, chat, True)
        name = f"{b.name} mail"
        numbers[f"mail/{b.key}"] = setup.add_inbox(tx, brands[b.key], "email", name, b.mail, dict(mail), True)
    return numbers


SUGGESTIONS: dict[str, list[str]] = {
    made_up.brands()[0].key: ["Where is my order 10342?", "Can I return shoes I wore once?", "I want a person"],
    made_up.brands()[1].key: ["When does my furniture arrive?", "Is this plate dishwasher safe?", "I want a person"],
}


def add_agents(tx: Tx) -> dict[str, int]:
    """Whoever tries the demo is the admin, so it is there that calls ring."""
    found = {
        a.key: setup.add_agent(tx, a.name, a.mail, a.role, skills=a.skills, capacity=a.capacity)
        for a in made_up.agents()
    }
    for a in made_up.agents():
        setup.change_agent(tx, found[a.key], takes_calls=a.role == "admin")
    return found


def add_articles(tx: Tx, brands: Mapping[str, int], by: str = "agent/1") -> int:
    for a in written.articles():
        knowledge.write(
            tx,
            a.title,
            a.markdown,
            by,
            slug=a.slug,
            brand=brands[a.brand] if a.brand else None,
            audience=a.audience,
            tags=a.tags,
            wordings=a.wordings,
            at=tx.at - timedelta(days=a.updated_days_ago),
        )
    return len(written.articles())


def add_products(tx: Tx) -> None:
    """What the company sells, so that triage knows it by name, and by the two words that customers say."""
    named = (product.name.partition(",")[0] for product in made_up.products())
    shorter = {name: " ".join(name.split()[:2]) for name in named}
    products = {name: (short,) if short != name else () for name, short in shorter.items()}
    findings.set_policy(tx, msgspec.structs.replace(findings.policy(tx.conn), products=products))


def add_orders(tx: Tx, brands: Mapping[str, int], now: datetime) -> int:
    made = made_up.orders(now)
    orders.add(tx, [_order(o, brands[o.brand]) for o in made])
    return len(made)


def _order(o: made_up.Order, brand: int) -> orders.Order:
    day = o.expected
    expected = datetime(day.year, day.month, day.day, 12, tzinfo=o.placed_at.tzinfo) if day else None
    return orders.Order(
        number=str(o.number),
        brand=brand,
        mail=normal("mail", o.customer),
        status=o.status,
        placed_at=o.placed_at,
        items=tuple(
            orders.Item(name=line.name, quantity=line.quantity, cents=line.price, variant=line.size) for line in o.lines
        ),
        carrier=o.carrier or "",
        tracking=o.tracking or "",
        expected=expected,
        delivered_at=o.delivered_at,
        address=o.address,
    )


def inbox_kinds(channel: str) -> str:
    """How this package calls the inbox of a scripted channel: chat or mail."""
    return {"webchat": "chat", "email": "mail"}[channel]
