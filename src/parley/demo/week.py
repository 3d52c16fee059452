"""The week behind the demo: conversations of the last seven days, as they stand at `now`, and the weeks before.

The stories are written by hand in `data/week.txt`. Here they get their hour, their customer and
their order. Hours are UTC: the desk works 8–20, Sundays 10–16, customers write in two waves.
"""

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise, product

import msgspec

from parley.demo import company
from parley.demo.company import Brand, Customer, Order
from parley.demo.stories import Cue, Story, stories


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """Something said, `minutes` after the beginning.

    who: customer, bot, `agent:mara`, or `note:mara` for an internal note. `source` of the bot's
    answers: an article's slug or `order/10342`; None when it only hands over.
    """

    minutes: float
    who: str
    text: str
    html: str | None = None
    source: str | None = None


class Handoff(msgspec.Struct, frozen=True, kw_only=True):
    """The bot gave it to people, briefed."""

    minutes: float
    reason: str
    wish: str
    known: tuple[str, ...]
    tried: tuple[str, ...]
    suggestion: str
    skills: tuple[str, ...]


class Scripted(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation. `customer` is a mail address; `order` a number; `assigned` an agent's key.

    `state`: closed; open (we answered last); snoozed; late (waits too long); waiting; new.
    `closed_minutes` and `rated_minutes` count from the beginning, like a turn's.
    """

    key: str
    channel: str
    brand: str
    customer: str
    customer_name: str
    subject: str
    language: str
    started_at: datetime
    turns: tuple[Turn, ...]
    tags: tuple[str, ...]
    state: str
    closed: bool
    closed_minutes: float | None = None
    snoozed_until: datetime | None = None
    rating: int | None = None
    comment: str | None = None
    rated_minutes: float | None = None
    assigned: str | None = None
    order: int | None = None
    handoff: Handoff | None = None


def week_of_conversations(now: datetime, seed: int = 7) -> list[Scripted]:
    """About 180 conversations, oldest first. `now` must be aware; the same arguments give the same week."""
    cast = _Cast(now, seed)
    told = [_told(place, story, cast) for place, story in enumerate(stories())]
    return sorted(told, key=lambda script: script.started_at)


TELLINGS = 2  # of the same stories in a week before, so that it is about as full as the last one


def weeks_before(now: datetime, weeks: int = 3, seed: int = 7) -> list[Scripted]:
    """What came in the weeks before that one, all of it closed: everyday stories, told of other customers.

    Stories that hang on a certain person, order or hour are left out, and so is what an order's number stands in.
    """
    own = {place for place, story in enumerate(stories()) if not {"who", "number", "incident"} & story.marks.keys()}
    found = []
    for week, telling in product(range(1, weeks + 1), range(TELLINGS)):
        cast = _Cast(now - timedelta(days=7 * week), seed + week + 100 * telling)
        told = [(place, _told(place, story, cast)) for place, story in enumerate(stories()) if place in own]
        found += [
            msgspec.structs.replace(script, key=f"before-{week}-{telling}-{place:03d}")
            for place, script in told
            if script.closed and script.order is None
        ]
    return sorted(found, key=lambda script: script.started_at)


class _Cast:
    """Who and what is still free to appear: nobody plays in two stories unless a story says so."""

    def __init__(self, now: datetime, seed: int) -> None:
        self.now = now
        self.rng = random.Random(f"week {seed}")
        self.orders = company.orders(now, seed)
        self.stars = {_by_name(story.marks["who"]).mail for story in stories() if "who" in story.marks}
        self.busy: Counter[str] = Counter()
        self.busy_orders = {int(story.marks["number"]) for story in stories() if "number" in story.marks}


def _told(place: int, story: Story, cast: _Cast) -> Scripted:
    gaps = [_gap(cue, cast.rng) for cue in story.cues]
    start, minutes = _placed(story, gaps, cast)
    customer, order = _players(story, start, cast)
    words = _words(customer, order, story)
    pairs = list(zip(story.cues, minutes, strict=True))
    spoken = [(cue, at) for cue, at in pairs if cue.mark in "CBAN"]
    turns = tuple(_turn(n, cue, at, story, words, spoken) for n, (cue, at) in enumerate(spoken))
    bare = Scripted(
        key=f"week-{place:03d}", channel=story.channel, brand=words["brand"], customer=customer.mail,
        customer_name=customer.name, subject=story.subject.format_map(words), language=story.language,
        started_at=start, turns=turns, tags=story.tags, state=story.state, closed=story.state == "closed",
        assigned=story.marks.get("to") or _last_agent(story), order=order.number if order else None,
        handoff=_handoff(pairs, words),
    )  # fmt: skip
    return _ended(bare, story, cast)


# ── when ────────────────────────────────────────────────────────────────────────────────────

_WAVES = (1, 1, 1, 1, 1, 2, 5, 14, 30, 46, 55, 50, 38, 32, 34, 38, 40, 40, 42, 48, 52, 40, 20, 7)
_WEEKDAYS = (1.25, 1.1, 1.0, 1.0, 0.95, 0.62, 0.45)
_MINUTE = timedelta(minutes=1)

# hours before `now` at which the last word was said: from, to
_LAST_WORD = {
    "closed": (0.6, 168.0),
    "open": (0.5, 30.0),
    "snoozed": (4.0, 60.0),
    "late": (6.0, 28.0),
    "waiting": (0.35, 2.8),
    "new": (0.01, 0.22),
}


def _gap(cue: Cue, rng: random.Random) -> float:
    return cue.gap * rng.lognormvariate(0, 0.35)


def _placed(story: Story, gaps: list[float], cast: _Cast) -> tuple[datetime, list[float]]:
    """Find an hour that suits the story: first at the hours people write, then at any, then counted back."""
    if "incident" in story.marks:
        return _during_incident(story, gaps, cast)
    if story.state not in ("new", "waiting"):
        for draw in (_likely_start, _any_start):
            for _ in range(400):
                start = draw(cast.now, cast.rng)
                minutes = _minutes(story, gaps, start, cast.rng)
                if _suits(story, start, minutes, cast):
                    return start, minutes
    return _counted_back(story, gaps, cast)


def _likely_start(now: datetime, rng: random.Random) -> datetime:
    while True:
        start = _any_start(now, rng)
        if rng.random() < _WAVES[start.hour] / max(_WAVES) * _WEEKDAYS[start.weekday()] / max(_WEEKDAYS):
            return start


def _any_start(now: datetime, rng: random.Random) -> datetime:
    return now - timedelta(days=7 * rng.random())


def _minutes(story: Story, gaps: list[float], start: datetime, rng: random.Random) -> list[float]:
    """When each cue comes. People at the desk answer in desk hours; the rest comes when it comes."""
    moment, found = start, []
    for cue, gap in zip(story.cues, gaps, strict=True):
        moment += gap * _MINUTE
        if cue.mark in "AN" and not desk_is_open(moment):
            moment = _next_opening(moment) + rng.uniform(3, 70) * _MINUTE
        found.append((moment - start) / _MINUTE)
    return found


def desk_is_open(moment: datetime) -> bool:
    """Whether somebody sits at the desk then."""
    opens, shuts = (10, 16) if moment.weekday() == 6 else (8, 20)
    return opens <= moment.hour < shuts


def _next_opening(moment: datetime) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    while not desk_is_open(hour):
        hour += timedelta(hours=1)
    return hour


def _suits(story: Story, start: datetime, minutes: list[float], cast: _Cast) -> bool:
    last = (cast.now - start) / _MINUTE / 60 - max(minutes) / 60
    least, most = _LAST_WORD[story.state]
    chat_waits = story.channel == "webchat" and any(b - a > 90 for a, b in pairwise(minutes))
    return (
        max(least, float(story.marks.get("before", 0))) <= last <= most
        and (cast.now - start) <= timedelta(hours=float(story.marks.get("recent", 168)))
        and not chat_waits
        and _order_was_so(story, start, cast)
    )


def _order_was_so(story: Story, start: datetime, cast: _Cast) -> bool:
    if "number" not in story.marks or "order" not in story.marks:
        return True
    order = next(order for order in cast.orders if order.number == int(story.marks["number"]))
    return _stood(order, start) in story.marks["order"].split("+")


def _counted_back(story: Story, gaps: list[float], cast: _Cast) -> tuple[datetime, list[float]]:
    least, most = _LAST_WORD[story.state]
    least = max(least, float(story.marks.get("before", 0)))
    last = cast.now - timedelta(hours=cast.rng.uniform(least, max(least, min(most, 28.0))))
    minutes = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    return last - minutes[-1] * _MINUTE, minutes


def _during_incident(story: Story, gaps: list[float], cast: _Cast) -> tuple[datetime, list[float]]:
    """Card payments failed two days ago from 10:30 to 13:05; good news came only after that."""
    day = (cast.now - timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    start = day + timedelta(hours=10, minutes=34 + 124 * cast.rng.betavariate(1.3, 2.4))
    mended = (day + timedelta(hours=13, minutes=6 + 22 * cast.rng.random()) - start) / _MINUTE
    minutes: list[float] = []
    for cue, gap in zip(story.cues, gaps, strict=True):
        after = (minutes[-1] if minutes else 0.0) + gap
        minutes.append(max(after, mended) if cue.mark == "A" and cue.gap >= 75 else after)
    return start, minutes


# ── who, and which order ────────────────────────────────────────────────────────────────────


def _players(story: Story, start: datetime, cast: _Cast) -> tuple[Customer, Order | None]:
    if "number" in story.marks:
        known = next(order for order in cast.orders if order.number == int(story.marks["number"]))
        return _by_mail(known.customer), known
    if "who" in story.marks:
        return _by_name(story.marks["who"]), None
    order = _fitting_order(story, start, cast) if "order" in story.marks else None
    customer = _by_mail(order.customer) if order else _free_customer(story, cast)
    cast.busy[customer.mail] += 1
    if order:
        cast.busy_orders.add(order.number)
    return customer, order


def _fitting_order(story: Story, start: datetime, cast: _Cast) -> Order:
    """An order that stood then as the story says, of somebody new if there is one."""
    stage, _, kinds = story.marks["order"].partition(":")
    tests: list[Callable[[Order], bool]] = [
        lambda order: order.placed_at < start and stage in ("any", _stood(order, start)),
        lambda order: order.customer not in cast.stars,
        lambda order: story.language == "en" or _by_mail(order.customer).language == story.language,
        lambda order: not kinds or _line_of(order, kinds) is not None,
        lambda order: order.brand == story.brand,
        lambda order: order.number not in cast.busy_orders,
        lambda order: order.customer not in cast.busy,
        lambda order: story.language != "en" or _by_mail(order.customer).language == "en",
    ]
    for kept in range(len(tests), -1, -1):
        fitting = [order for order in cast.orders if all(test(order) for test in tests[:kept])]
        if fitting:
            return cast.rng.choice(fitting[-60:])
    raise AssertionError("no test is left, so every order fits")


def _stood(order: Order, moment: datetime) -> str:
    """The order's status at an earlier time; empty before it was placed."""
    return next((name for name, at in reversed(order.steps) if at <= moment), "")


def _line_of(order: Order, kinds: str) -> str | None:
    return next((line.name for line in order.lines if _kinds()[line.sku] in kinds.split(",")), None)


@cache
def _kinds() -> dict[str, str]:
    return {product.sku: product.kind for product in company.products()}


def _free_customer(story: Story, cast: _Cast) -> Customer:
    """Somebody who speaks the story's language and has been on stage least often."""
    speak = [one for one in company.customers() if one.language == story.language]
    speak = [one for one in speak if one.mail not in cast.stars]
    least = min(cast.busy[one.mail] for one in speak)
    return cast.rng.choice([one for one in speak if cast.busy[one.mail] == least])


@cache
def _people() -> dict[str, Customer]:
    return {one.mail: one for one in company.customers()}


def _by_mail(mail: str) -> Customer:
    return _people()[mail]


def _by_name(name: str) -> Customer:
    return next(one for one in company.customers() if one.name == name)


def _brand(key: str) -> Brand:
    return next(brand for brand in company.brands() if brand.key == key)


# ── words ───────────────────────────────────────────────────────────────────────────────────


def _words(customer: Customer, order: Order | None, story: Story) -> dict[str, str]:
    """What the open places of the story stand for."""
    known = {"first": customer.first_name, "name": customer.name, "city": customer.city, "brand": story.brand}
    if order is None:
        return known
    kinds = story.marks.get("order", "").partition(":")[2]
    arrives = order.expected or (order.delivered_at.date() if order.delivered_at else None)
    return known | {
        "order": str(order.number),
        "brand": order.brand,
        "item": (kinds and _line_of(order, kinds)) or order.lines[0].name,
        "size": order.lines[0].size,
        "total": f"€{order.total / 100:.2f}",
        "paid_by": order.paid_by,
        "carrier": order.carrier or "the carrier",
        "tracking": order.tracking or "not given yet",
        "expected": _day(arrives, story.language) if arrives else "the day shown in tracking",
    }


def _day(day: date, language: str) -> str:
    if language == "en":
        return f"{day:%A} {day.day} {day:%B}"
    return f"{day.day}.{day.month}." if language == "de" else f"{day.day}/{day.month}"


def _turn(
    place: int, cue: Cue, minutes: float, story: Story, words: dict[str, str], spoken: list[tuple[Cue, float]]
) -> Turn:
    text = cue.text.replace("¶", "\n\n").format_map(words)
    if cue.mark == "C":
        text = _signed(text, words, story) if story.channel == "email" and place == 0 else text
        html = _as_html(text) if "html" in story.marks else None
        return Turn(minutes=minutes, who="customer", text=text, html=html)
    if cue.mark == "B":
        source = f"order/{words.get('order', '')}" if cue.lead == "order" else cue.lead
        return Turn(minutes=minutes, who="bot", text=text, source=None if source == "-" else source)
    if cue.mark == "N":
        return Turn(minutes=minutes, who=f"note:{cue.lead}", text=text)
    first = all(earlier.mark != "A" for earlier, _ in spoken[:place])
    mail = story.channel == "email"
    return Turn(
        minutes=minutes, who=f"agent:{cue.lead}", text=_letter(text, cue, words, story, first) if mail else text
    )


_CLOSINGS = {
    "en": ("Best wishes,\n{name}", "Thanks,\n{first}", "Kind regards\n{name}", "{first}", "{name}, {city}"),
    "de": ("Viele Grüße\n{name}", "Beste Grüße\n{name}", "LG {first}"),
    "es": ("Un saludo,\n{name}", "Gracias,\n{first}"),
    "fr": ("Cordialement,\n{name}", "Bien à vous,\n{first}"),
}
_GREETINGS = {
    "en": ("Hi {first},", "Hello {first},", "Dear {first},"),
    "de": ("Hallo {first},",),
    "es": ("Hola {first}:",),
    "fr": ("Bonjour {first},",),
}


def _chosen(choices: tuple[str, ...], words: dict[str, str]) -> str:
    """Always the same for the same person, so that people have habits."""
    return choices[sum(map(ord, words["name"])) % len(choices)].format_map(words)


def _signed(text: str, words: dict[str, str], story: Story) -> str:
    return f"{text}\n\n{_chosen(_CLOSINGS[story.language], words)}"


def _letter(text: str, cue: Cue, words: dict[str, str], story: Story, first: bool) -> str:
    """An agent's mail. After the comma of a greeting German goes on in lower case, English does not."""
    agent = next(agent for agent in company.agents() if agent.key == cue.lead)
    greeting = f"{_chosen(_GREETINGS[story.language], words)}\n\n" if first else ""
    body = text if greeting and story.language == "de" else text[0].upper() + text[1:]
    return f"{greeting}{body}\n\n{agent.name.split()[0]}\n{_brand(words['brand']).name}"


def _as_html(text: str) -> str:
    paragraphs = text.replace("&", "&amp;").replace("<", "&lt;").split("\n\n")
    return "".join(f"<p>{paragraph.replace(chr(10), '<br>')}</p>" for paragraph in paragraphs)


def _handoff(pairs: list[tuple[Cue, float]], words: dict[str, str]) -> Handoff | None:
    for cue, minutes in pairs:
        if cue.mark == "H":
            parts = [part.strip() for part in cue.text.format_map(words).split("|")]
            reason, wish, known, tried, suggestion, skill = ("" if part == "-" else part for part in parts)
            return Handoff(
                minutes=minutes, reason=reason, wish=wish, known=_several(known), tried=_several(tried),
                suggestion=suggestion, skills=_several(skill),
            )  # fmt: skip
    return None


def _several(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _last_agent(story: Story) -> str | None:
    return next((cue.lead for cue in reversed(story.cues) if cue.mark == "A"), None)


# ── how it ended ────────────────────────────────────────────────────────────────────────────


def _ended(script: Scripted, story: Story, cast: _Cast) -> Scripted:
    if story.state == "snoozed":
        wakes = _next_opening(cast.now + timedelta(days=cast.rng.randint(1, 3)))
        return msgspec.structs.replace(script, snoozed_until=wakes)
    if story.state != "closed":
        return script
    past = (cast.now - script.started_at) / _MINUTE
    closed = min(script.turns[-1].minutes + cast.rng.uniform(1, 20), past)
    return _rated(msgspec.structs.replace(script, closed_minutes=closed), story, past, cast.rng)


def _rated(script: Scripted, story: Story, past: float, rng: random.Random) -> Scripted:
    answer = next((cue for cue in story.cues if cue.mark == "R" and cue.lead != "-"), None)
    rated = (script.closed_minutes or 0) + (rng.uniform(1, 6) if script.channel == "webchat" else rng.uniform(70, 900))
    if answer is None or rated > past or rng.random() > _willing_to_rate(answer):
        return script
    return msgspec.structs.replace(script, rating=int(answer.lead), comment=answer.text or None, rated_minutes=rated)


def _willing_to_rate(answer: Cue) -> float:
    """The content mostly stay silent; who has words or a grudge answers."""
    return 0.85 if answer.text or int(answer.lead) <= 3 else 0.4
