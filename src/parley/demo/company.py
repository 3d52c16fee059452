"""Who the demo company is: brands, products, customers, orders and agents.

Money is in cents of a euro. Times are UTC. `orders(now, seed)` is the only part that depends on
the day; everything else is read from `data/`.
"""

import math
import random
import re
import unicodedata
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from importlib import resources

import msgspec

KIM = "kim.lee@example.com"
KIMS_ORDER = 10342

STATUSES = ("placed", "packed", "in transit", "delivered", "returned", "cancelled")


class Brand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One face of the group. `mark`: the inside of a 24 × 24 SVG. `tint`: a pale ground for the accent."""

    key: str
    name: str
    tagline: str
    domain: str
    mail: str
    phone: str
    accent: str
    accent_oklch: str
    accent_dark: str
    accent_dark_oklch: str
    tint: str
    greeting: str
    bot_name: str
    sign_off: str
    mark: str


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """Something for sale. `kind` chooses the drawing, see pictures.py."""

    sku: str
    name: str
    brand: str
    kind: str
    price: int
    sizes: tuple[str, ...]
    colour: str
    text: str


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer, named by `mail`. `since_days`: how long ago the account was opened."""

    name: str
    mail: str
    city: str
    country: str
    language: str
    since_days: int

    @property
    def first_name(self) -> str:
        """What a friendly answer begins with."""
        return self.name.split()[0]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order; `price` is for one piece."""

    sku: str
    name: str
    size: str
    quantity: int
    price: int


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order and where it is now. `expected` is the carrier's day of delivery, while under way.

    `customer` is a mail address, `customer_name` the name on the parcel. `steps` are the changes of
    status so far, oldest first. `paid_by`: card, PayPal, invoice, gift card.
    """

    number: int
    customer: str
    customer_name: str
    brand: str
    lines: tuple[Line, ...]
    status: str
    placed_at: datetime
    steps: tuple[tuple[str, datetime], ...]
    carrier: str | None
    tracking: str | None
    tracking_url: str | None
    expected: date | None
    delivered_at: datetime | None
    shipping: int
    total: int
    paid_by: str
    address: str


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody at the desk. role: admin, lead, agent, read-only. presence: online, away, offline.

    `capacity` 1.0 is one person fully occupied, the unit of a channel's weight.
    """

    key: str
    name: str
    mail: str
    role: str
    title: str
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: float
    presence: str


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the group on one day."""

    name: str
    brands: tuple[Brand, ...]
    products: tuple[Product, ...]
    customers: tuple[Customer, ...]
    orders: tuple[Order, ...]
    agents: tuple[Agent, ...]


def company(now: datetime, seed: int = 7) -> Company:
    """The whole group as it stands at `now`."""
    return Company(
        name="Wrenfield Goods",
        brands=brands(),
        products=products(),
        customers=customers(),
        orders=orders(now, seed),
        agents=agents(),
    )


def data_text(name: str) -> str:
    """A file of this package's `data/`, as text."""
    return resources.files("parley.demo").joinpath("data", name).read_text(encoding="utf-8")


# ── what never changes ──────────────────────────────────────────────────────────────────────

_RUNS = {
    "shoe": tuple(str(n) for n in range(36, 48)),
    "child": tuple(str(n) for n in range(26, 36)),
    "clothes": ("XS", "S", "M", "L", "XL", "XXL"),
    "socks": ("36–39", "40–43", "44–47"),
    "length": ("regular", "long"),
    "back": ("S/M", "M/L"),
    "bed": ("single", "double", "king"),
    "basket": ("small", "medium", "large"),
    "one": ("one size",),
}


class _Brands(msgspec.Struct):
    brands: tuple[Brand, ...]


class _Wares(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    sku: str
    name: str
    brand: str
    kind: str
    price: int
    sizes: str
    colour: str
    text: str


class _Products(msgspec.Struct):
    products: tuple[_Wares, ...]


class _Agents(msgspec.Struct):
    agents: tuple[Agent, ...]


@cache
def brands() -> tuple[Brand, ...]:
    """Both brands, the larger first."""
    return msgspec.toml.decode(data_text("brands.toml"), type=_Brands).brands


@cache
def products() -> tuple[Product, ...]:
    """The catalogue of both brands."""
    wares = msgspec.toml.decode(data_text("products.toml"), type=_Products).products
    return tuple(
        msgspec.convert({**msgspec.structs.asdict(ware), "sizes": _RUNS[ware.sizes]}, Product) for ware in wares
    )


@cache
def agents() -> tuple[Agent, ...]:
    """The people at the desk."""
    return msgspec.toml.decode(data_text("agents.toml"), type=_Agents).agents


@cache
def customers() -> tuple[Customer, ...]:
    """Everybody who has an account. The first is Kim Lee, of order 10342."""
    lines = [line for line in data_text("customers.txt").splitlines() if line and not line.startswith("#")]
    return tuple(_customer(place, line) for place, line in enumerate(lines))


def _customer(place: int, line: str) -> Customer:
    name, city, country, language = (part.strip() for part in line.split("|"))
    domain = ("example.com", "example.org", "example.net")[place % 3]
    since = 40 + (place * 137) % 1900
    return Customer(
        name=name,
        mail=f"{_plain(name)}@{domain}",
        city=city,
        country=country,
        language=language,
        since_days=since,
    )


_LETTERS = str.maketrans({"ö": "oe", "ä": "ae", "ü": "ue", "ø": "o", "æ": "ae", "ł": "l", "ß": "ss"})


def _plain(name: str) -> str:
    """`Jörg Pahlke` → `joerg.pahlke`, as people do when they choose an address."""
    bare = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]+", ".", bare).strip(".")


# ── orders ──────────────────────────────────────────────────────────────────────────────────

_FIRST, _LAST = 10041, 10378
_DAYS_OF_ORDERS = 190.0


class _Fate(msgspec.Struct, frozen=True):
    """How an order went: its steps as days after it was placed."""

    status: str
    steps: tuple[tuple[str, float], ...]


@lru_cache(maxsize=4)
def orders(now: datetime, seed: int = 7) -> tuple[Order, ...]:
    """About 340 orders of the last half year as they stand at `now`, oldest first."""
    rng = random.Random(f"orders {seed}")
    return tuple(_order(number, now, rng) for number in range(_FIRST, _LAST + 1))


def order_numbered(number: int, now: datetime, seed: int = 7) -> Order | None:
    """The order with this number, if there is one."""
    inside = _FIRST <= number <= _LAST
    return orders(now, seed)[number - _FIRST] if inside else None


def orders_of(mail: str, now: datetime, seed: int = 7) -> list[Order]:
    """A customer's orders, newest first."""
    return [order for order in reversed(orders(now, seed)) if order.customer == mail]


def _order(number: int, now: datetime, rng: random.Random) -> Order:
    age = _age_in_days(number) + rng.uniform(-0.05, 0.05)
    known = _KNOWN.get(number)
    customer = known.who if known else rng.choice(customers())
    lines = _lines(known.wants, rng) if known else _random_lines(rng)
    fate = _fate(age, _days_on_the_road(customer, rng), known.status if known else None, rng)
    return _written(number, customer, lines, fate, now - timedelta(days=age), rng)


def _age_in_days(number: int) -> float:
    """Busier lately than half a year ago: order 10342 is four days old, the last one an hour."""
    back = (_LAST - number) / (_LAST - _FIRST)
    return 0.1 + 22.0 * back + (_DAYS_OF_ORDERS - 22.0) * math.pow(back, 2.6)


def _days_on_the_road(customer: Customer, rng: random.Random) -> float:
    base = 2.4 if customer.country == "IE" else 4.2 if customer.country not in ("GB", "CH", "NO") else 5.4
    return base + rng.uniform(-0.6, 1.1)


def _fate(age: float, road: float, wanted: str | None, rng: random.Random) -> _Fate:
    packed, left = 0.35 + rng.random() * 0.3, 0.75 + rng.random() * 0.4
    arrived = left + road
    reached = [("placed", 0.0), ("packed", packed), ("in transit", left), ("delivered", arrived)]
    steps = [step for step in reached if step[1] <= age]
    if wanted:
        steps = reached[: 1 + [name for name, _ in reached].index(wanted)]
    end = steps[-1][0]
    luck = rng.random()
    if wanted is None and end == "delivered" and luck < 0.13 and age - arrived > 6:
        steps.append(("returned", arrived + rng.uniform(4, min(29.0, age - arrived))))
    elif wanted is None and end in ("placed", "packed", "delivered") and luck > 0.955:
        steps = [("placed", 0.0), ("cancelled", min(age, 0.08 + rng.random() * 0.1))]
    return _Fate(steps[-1][0], tuple(steps))


def _written(
    number: int,
    customer: Customer,
    lines: tuple[Line, ...],
    fate: _Fate,
    placed: datetime,
    rng: random.Random,
) -> Order:
    steps = tuple((name, placed + timedelta(days=after)) for name, after in fate.steps)
    when = dict(steps)
    shipped = "in transit" in when
    brand = next(product.brand for product in products() if product.sku == lines[0].sku)
    goods = sum(line.price * line.quantity for line in lines)
    heavy = any(_by_sku(line.sku).kind in _FREIGHT for line in lines)
    carrier = _carrier(heavy, rng)
    code = _tracking(number, carrier)
    shipping = _shipping(customer.country, goods, heavy)
    return Order(
        number=number, customer=customer.mail, customer_name=customer.name, brand=brand, lines=lines,
        status=fate.status, placed_at=placed, steps=steps,
        carrier=carrier if shipped else None,
        tracking=code if shipped else None,
        tracking_url=f"https://track.{_host(carrier)}.example/{code}" if shipped else None,
        expected=_expected(fate.status, when, customer),
        delivered_at=when.get("delivered"),
        shipping=shipping, total=goods + shipping,
        paid_by=rng.choices(("card", "PayPal", "invoice", "gift card"), (62, 22, 12, 4))[0],
        address=_street(number, customer),
    )  # fmt: skip


_FREIGHT = frozenset({"table", "chair", "shelf"})
_STREETS = (
    "Mill Lane",
    "Harbour View",
    "Chapel Row",
    "Station Road",
    "Orchard Close",
    "Quay Street",
    "Linden Way",
)


def _by_sku(sku: str) -> Product:
    return next(product for product in products() if product.sku == sku)


def _carrier(heavy: bool, rng: random.Random) -> str:
    return "Heron Freight" if heavy else rng.choices(("Kestrel Post", "Parcelwing"), (4, 1))[0]


def _host(carrier: str) -> str:
    return carrier.lower().replace(" ", "")


def _tracking(number: int, carrier: str) -> str:
    """Looks like a carrier's code and is the same every time: `KP410342867IE`."""
    initials = "".join(word[0] for word in carrier.split()) if " " in carrier else carrier[:2].upper()
    return f"{initials}4{number}{(number * 7919) % 1000:03d}IE"


def _shipping(country: str, goods: int, heavy: bool) -> int:
    """What the delivery article promises: free from €60 in Ireland, from €120 in the EU."""
    if heavy:
        return 3900
    price, free_from = {"IE": (490, 6000), "GB": (990, 0), "CH": (1490, 0), "NO": (1490, 0)}.get(country, (790, 12000))
    return 0 if free_from and goods >= free_from else price


def _expected(status: str, when: dict[str, datetime], customer: Customer) -> date | None:
    if status != "in transit":
        return None
    days = {"IE": 4, "GB": 7, "CH": 8, "NO": 8}.get(customer.country, 6)
    return (when["in transit"] + timedelta(days=days)).date()


def _street(number: int, customer: Customer) -> str:
    return f"{number % 89 + 1} {_STREETS[number % len(_STREETS)]}, {customer.city}, {customer.country}"


def _random_lines(rng: random.Random) -> tuple[Line, ...]:
    brand = rng.choices(("brackenfell", "juniper"), (68, 32))[0]
    shelf = [product for product in products() if product.brand == brand]
    chosen = rng.sample(shelf, rng.choices((1, 2, 3), (48, 36, 16))[0])
    return tuple(_line(product, rng.choice(_usual(product)), rng) for product in chosen)


def _usual(product: Product) -> tuple[str, ...]:
    """The middle of a run of sizes sells best."""
    run = product.sizes
    return run[1:-1] if len(run) > 3 else run


def _line(product: Product, size: str, rng: random.Random) -> Line:
    several = product.price < 4000 and rng.random() < 0.3
    return Line(
        sku=product.sku,
        name=product.name,
        size=size,
        quantity=rng.randint(2, 4) if several else 1,
        price=product.price,
    )


class _Known(msgspec.Struct, frozen=True):
    """An order that stories and tests rely on: whose it is, what is in it, how far it got."""

    who: Customer
    wants: tuple[tuple[str, str], ...]
    status: str


def _lines(wants: tuple[tuple[str, str], ...], rng: random.Random) -> tuple[Line, ...]:
    return tuple(msgspec.structs.replace(_line(_by_sku(sku), size, rng), quantity=1) for sku, size in wants)


def _somebody(name: str) -> Customer:
    return next(customer for customer in customers() if customer.name == name)


_KNOWN = {
    KIMS_ORDER: _Known(_somebody("Kim Lee"), (("BF-101", "39"), ("BF-208", "36–39")), "in transit"),
    10291: _Known(_somebody("Kim Lee"), (("JJ-104", "one size"),), "delivered"),
    10187: _Known(_somebody("Kim Lee"), (("BF-201", "M"), ("BF-209", "one size")), "delivered"),
    10376: _Known(_somebody("Hannah Whitlock"), (("BF-301", "one size"),), "placed"),
    10346: _Known(_somebody("Jana Vogelsang"), (("BF-103", "41"),), "in transit"),
    10355: _Known(_somebody("Nuria Pascual"), (("BF-402", "S/M"),), "in transit"),
    10358: _Known(_somebody("Théo Garnier"), (("BF-206", "L"), ("BF-504", "one size")), "in transit"),
    10318: _Known(_somebody("Conor Delaney"), (("JJ-110", "one size"), ("JJ-109", "one size")), "delivered"),
}
