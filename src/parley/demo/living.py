"""Customers who write now and then while the demo runs. Pure: the caller brings the dice and the clock."""

from datetime import datetime
from functools import cache
from random import Random

import msgspec

from parley.demo import company
from parley.demo.company import Customer, Order, data_text


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer says next, `seconds` after an answer by `after`: bot, agent or any.

    Follow-ups come in their order, each once; one whose answer never comes stays unsaid.
    """

    after: str
    seconds: float
    text: str


class Stimulus(msgspec.Struct, frozen=True, kw_only=True):
    """A customer begins to write. `customer` is a mail address; `typing_seconds` how long the text takes.

    `gives_mail`: on chat, whether they leave their address (else the visitor stays unknown).
    """

    channel: str
    brand: str
    customer: str
    customer_name: str
    language: str
    subject: str
    text: str
    typing_seconds: float
    gives_mail: bool
    follow_ups: tuple[FollowUp, ...]
    order: int | None = None


def next_customer(rng: Random, now: datetime, seed: int = 7) -> Stimulus:
    """Somebody with something on their mind. `seed` names the company whose orders they speak of."""
    moment = rng.choice(_moments())
    customer, order = _who(moment, rng, now, seed)
    words = _words(customer, order)
    text = rng.choice(moment.texts).format_map(words)
    return Stimulus(
        channel=moment.channel,
        brand=moment.brand or (order.brand if order else rng.choice(company.brands()).key),
        customer=customer.mail,
        customer_name=customer.name,
        language=moment.language,
        subject=rng.choice(moment.subjects or ("",)).format_map(words),
        text=text,
        typing_seconds=round(2 + len(text) * rng.uniform(0.04, 0.09), 1),
        gives_mail=moment.channel == "email" or rng.random() < 0.7,
        follow_ups=tuple(_follow_up(part, words, rng) for part in moment.then if rng.random() < 0.8),
        order=order.number if order and "{order}" in "".join((*moment.texts, *moment.subjects)) else None,
    )


def seconds_until_next(rng: Random, now: datetime, mean: float = 90.0) -> float:
    """A memoryless pause of `mean` seconds by day, three times as long at night (22–7 UTC), at least 5."""
    slow = 3.0 if now.hour >= 22 or now.hour < 7 else 1.0
    return max(5.0, rng.expovariate(1 / (mean * slow)))


class _Then(msgspec.Struct, forbid_unknown_fields=True):
    after: str
    texts: tuple[str, ...]


class _Moment(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    channel: str
    texts: tuple[str, ...]
    then: tuple[_Then, ...]
    brand: str | None = None
    language: str = "en"
    subjects: tuple[str, ...] = ()
    needs: str | None = None


class _Moments(msgspec.Struct):
    moments: tuple[_Moment, ...]


@cache
def _moments() -> tuple[_Moment, ...]:
    return msgspec.toml.decode(data_text("living.toml"), type=_Moments).moments


def _who(moment: _Moment, rng: Random, now: datetime, seed: int) -> tuple[Customer, Order | None]:
    speak = {one.mail: one for one in company.customers() if one.language == moment.language}
    if moment.needs is None:
        customer = rng.choice(list(speak.values()))
        return customer, next(iter(company.orders_of(customer.mail, now, seed)), None)
    orders = [order for order in company.orders(now, seed) if order.customer in speak]
    fitting = [order for order in orders if order.status == moment.needs] or orders
    order = rng.choice(fitting[-40:])
    return speak[order.customer], order


def _words(customer: Customer, order: Order | None) -> dict[str, str]:
    return {
        "first": customer.first_name,
        "name": customer.name,
        "city": customer.city,
        "order": str(order.number) if order else "",
        "item": order.lines[0].name if order else "Corrie Mid hiking boot",
    }


def _follow_up(part: _Then, words: dict[str, str], rng: Random) -> FollowUp:
    wait = rng.uniform(6, 25) if part.after == "bot" else rng.uniform(15, 70)
    return FollowUp(after=part.after, seconds=round(wait, 1), text=rng.choice(part.texts).format_map(words))
