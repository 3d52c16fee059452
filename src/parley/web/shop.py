"""The demo's shop: two small shops with the chat in the corner, a customer to be, and that customer's mailbox.

Served by `parley demo` alone. What is sold and who buys comes from a `Storefront` in the app's state.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Protocol

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from markupsafe import Markup

from parley.core.errors import NotFound
from parley.web.security import PUBLIC, SPEAKING
from parley.web.state import Room

COOKIE = "parley_demo_customer"
NOBODY = "nobody"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what the shop's pages show. Prices are in cents of a euro."""


class Brand(View, frozen=True, kw_only=True):
    """mark: SVG. accent: colour of the chat's button."""

    key: str
    name: str
    tagline: str
    accent: str
    mark: Markup
    mail: str
    phone: str


class Ware(View, frozen=True, kw_only=True):
    """Something for sale; `picture` is an SVG, `kind` groups the shelf."""

    sku: str
    name: str
    kind: str
    price: int
    sizes: tuple[str, ...]
    text: str
    picture: Markup


class Shopper(View, frozen=True, kw_only=True):
    name: str
    mail: str


class Bought(View, frozen=True, kw_only=True):
    """A line of an order."""

    name: str
    size: str
    quantity: int
    price: int
    picture: Markup


class Purchase(View, frozen=True, kw_only=True):
    """An order of the shopper. steps: what has happened so far, oldest first."""

    number: int
    status: str
    placed_at: datetime
    expected: date | None
    carrier: str
    tracking: str
    total: int
    lines: tuple[Bought, ...]
    steps: tuple[tuple[str, datetime], ...]


class Letter(View, frozen=True, kw_only=True):
    """A mail that the shopper received."""

    number: int
    at: datetime
    sender: str
    subject: str
    text: str


class Storefront(Protocol):
    """The made-up company, as its shop sees it."""

    def brands(self) -> Sequence[Brand]: ...

    def wares(self, brand: str) -> Sequence[Ware]: ...

    def shoppers(self) -> Sequence[Shopper]:
        """Some customers to choose from; the first is who one is at the beginning."""
        ...

    def purchases(self, mail: str, brand: str) -> Sequence[Purchase]: ...

    def signed(self, mail: str) -> str:
        """The token by which the chat knows the customer."""
        ...

    def letters(self, mail: str) -> Sequence[Letter]:
        """Newest first."""
        ...

    async def reply(self, mail: str, letter: int, text: str) -> None: ...

    async def write(self, mail: str, brand: str, subject: str, text: str) -> None: ...


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is about: the brand it names and the customer the cookie names."""

    shop: Storefront
    brand: Brand
    shopper: Shopper | None


def asked(request: Request[Any, Any, Any], brand: str) -> Asked:
    shop: Storefront = request.app.state.shop
    chosen = next((b for b in shop.brands() if b.key == brand), None)
    if chosen is None:
        raise NotFound("There is no such shop.")
    known = shop.shoppers()
    mail = request.cookies.get(COOKIE, known[0].mail)
    return Asked(shop=shop, brand=chosen, shopper=next((s for s in known if s.mail == mail), None))


def page(room: Room, about: Asked, template: str, here: str, **more: Any) -> Response[str]:
    """A page with what all of them show."""
    mail = about.shopper.mail if about.shopper else ""
    html = room.page(
        template,
        here=here,
        brand=about.brand,
        others=[b for b in about.shop.brands() if b.key != about.brand.key],
        shopper=about.shopper,
        shoppers=about.shop.shoppers(),
        help=help_pages(room, about.brand),
        token=about.shop.signed(mail) if mail else "",
        letters=about.shop.letters(mail) if mail else (),
        price=price,
        **more,
    )
    return Response(html, media_type=MediaType.HTML, headers={"permissions-policy": SPEAKING})


def help_pages(room: Room, brand: Brand) -> str:
    """The help centre of the brand whose chat stands in this shop's corner."""
    number = next((box.brand for box in room.inboxes().values() if box.address == brand.key), None)
    return f"/help/of/{number}" if number else "/help"


def price(cents: int) -> str:
    """`18900` → `€189`, `490` → `€4.90`."""
    euros, rest = divmod(cents, 100)
    return f"€{euros:,}.{rest:02d}" if rest else f"€{euros:,}"


# ── pages ───────────────────────────────────────────────────────────────────────────────────


@get("/shop", opt=PUBLIC, sync_to_thread=False, include_in_schema=False)
def front(request: Request[Any, Any, Any]) -> Response[bytes]:
    shop: Storefront = request.app.state.shop
    return on_to(f"/shop/{shop.brands()[0].key}")


@get("/shop/{brand:str}", opt=PUBLIC, sync_to_thread=False, include_in_schema=False)
def shelf(
    request: Request[Any, Any, Any], room: Room, brand: FromPath[str], kind: FromQuery[str] = ""
) -> Response[str]:
    about = asked(request, brand)
    wares = about.shop.wares(brand)
    kinds = list(dict.fromkeys(ware.kind for ware in wares))
    shown = [ware for ware in wares if not kind or ware.kind == kind]
    return page(room, about, "shop/shelf.html", "shop", wares=shown, kinds=kinds, kind=kind)


@get("/shop/{brand:str}/products/{sku:str}", opt=PUBLIC, sync_to_thread=False, include_in_schema=False)
def product(request: Request[Any, Any, Any], room: Room, brand: FromPath[str], sku: FromPath[str]) -> Response[str]:
    about = asked(request, brand)
    wares = about.shop.wares(brand)
    ware = next((one for one in wares if one.sku == sku), None)
    if ware is None:
        raise NotFound("This is not on our shelves any more.")
    alike = [one for one in wares if one.kind == ware.kind and one.sku != sku] or [w for w in wares if w.sku != sku]
    return page(room, about, "shop/product.html", "shop", ware=ware, alike=alike[:4])


@get("/shop/{brand:str}/orders", opt=PUBLIC, sync_to_thread=False, include_in_schema=False)
def orders(request: Request[Any, Any, Any], room: Room, brand: FromPath[str]) -> Response[str]:
    about = asked(request, brand)
    mine = about.shop.purchases(about.shopper.mail, brand) if about.shopper else ()
    return page(room, about, "shop/orders.html", "orders", purchases=mine)


@get("/shop/{brand:str}/mailbox", opt=PUBLIC, sync_to_thread=False, include_in_schema=False)
def mailbox(
    request: Request[Any, Any, Any], room: Room, brand: FromPath[str], letter: FromQuery[int] = 0
) -> Response[str]:
    """What the customer's own mail program would show, so that the demo needs none."""
    about = asked(request, brand)
    mine = about.shop.letters(about.shopper.mail) if about.shopper else ()
    chosen = next((one for one in mine if one.number == letter), mine[0] if mine else None)
    return page(room, about, "shop/mailbox.html", "mailbox", letter=chosen)


# ── acts ────────────────────────────────────────────────────────────────────────────────────


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    mail: str = ""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    subject: str = ""


Form = Body(media_type=RequestEncodingType.URL_ENCODED)
OPEN = {**PUBLIC, "exclude_from_csrf": True}  # nothing here belongs to anybody


@post("/shop/{brand:str}/session", opt=OPEN, status_code=303, sync_to_thread=False, include_in_schema=False)
def sign_in(request: Request[Any, Any, Any], brand: FromPath[str], data: Annotated[SignIn, Form]) -> Response[bytes]:
    """Be another customer, or nobody."""
    about = asked(request, brand)
    known = [one.mail for one in about.shop.shoppers()]
    answer = on_to(f"/shop/{about.brand.key}")
    answer.set_cookie(COOKIE, data.mail if data.mail in known else NOBODY, path="/shop", samesite="lax")
    return answer


@post("/shop/{brand:str}/letters/{number:int}/replies", opt=OPEN, status_code=303, include_in_schema=False)
async def reply(
    request: Request[Any, Any, Any], brand: FromPath[str], number: FromPath[int], data: Annotated[Mail, Form]
) -> Response[bytes]:
    """Answer a mail, over real SMTP."""
    about = asked(request, brand)
    if about.shopper and data.text.strip():
        await about.shop.reply(about.shopper.mail, number, data.text.strip())
    return on_to(f"/shop/{about.brand.key}/mailbox?letter={number}&sent=1")


@post("/shop/{brand:str}/letters", opt=OPEN, status_code=303, include_in_schema=False)
async def write(request: Request[Any, Any, Any], brand: FromPath[str], data: Annotated[Mail, Form]) -> Response[bytes]:
    """Write a new mail to the shop, over real SMTP."""
    about = asked(request, brand)
    if about.shopper and data.text.strip():
        subject = " ".join(data.subject.split())[:200] or "A question"
        await about.shop.write(about.shopper.mail, about.brand.key, subject, data.text.strip())
    return on_to(f"/shop/{about.brand.key}/mailbox?sent=1")


def on_to(address: str) -> Response[bytes]:
    return Response(b"", status_code=303, headers={"location": address}, media_type=MediaType.TEXT)


def routes() -> list[ControllerRouterHandler]:
    """Needs `shop`, a Storefront, in the app's state."""
    return [front, shelf, product, orders, mailbox, sign_in, reply, write]
