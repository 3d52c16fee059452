"""The made-up company as its shop sees it: wares with pictures, customers to be, their orders and letters."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from parley.channels.webchat.signing import SignedUser, sign
from parley.core.errors import NotFound
from parley.demo import company
from parley.demo.build import SHOP_SECRET
from parley.demo.pictures import picture
from parley.web import shop

if TYPE_CHECKING:
    from parley.demo.post import PostOffice

TO_CHOOSE_FROM = 8
SIGNED_FOR = timedelta(hours=12)


class Storefront:
    """`post` brings and takes the customers' mail."""

    def __init__(self, post: "PostOffice") -> None:
        self.post = post

    def brands(self) -> Sequence[shop.Brand]:
        return _brands()

    def wares(self, brand: str) -> Sequence[shop.Ware]:
        return _wares(brand)

    def shoppers(self) -> Sequence[shop.Shopper]:
        return [shop.Shopper(name=c.name, mail=c.mail) for c in company.customers()[:TO_CHOOSE_FROM]]

    def purchases(self, mail: str, brand: str) -> Sequence[shop.Purchase]:
        made = company.orders_of(mail, _hour())
        return [_purchase(order) for order in made if order.brand == brand]

    def signed(self, mail: str) -> str:
        name = next((c.name for c in company.customers() if c.mail == mail), "")
        expires = int((datetime.now(UTC) + SIGNED_FOR).timestamp())
        return sign(SignedUser(id=mail, mail=mail, name=name, exp=expires), SHOP_SECRET)

    def letters(self, mail: str) -> Sequence[shop.Letter]:
        return [
            shop.Letter(number=one.number, at=one.at, sender=one.sender, subject=one.subject, text=one.text)
            for one in self.post.of(mail)
        ]

    async def reply(self, mail: str, letter: int, text: str) -> None:
        found = next((one for one in self.post.of(mail) if one.number == letter), None)
        if found is None:
            raise NotFound("There is no such letter.")
        subject = found.subject if found.subject.lower().startswith("re:") else f"Re: {found.subject}"
        await self.post.send(mail, self._name(mail), found.reply_to, subject, text, found)

    async def write(self, mail: str, brand: str, subject: str, text: str) -> None:
        to = next(b.mail for b in company.brands() if b.key == brand)
        await self.post.send(mail, self._name(mail), to, subject, text)

    def _name(self, mail: str) -> str:
        return next((c.name for c in company.customers() if c.mail == mail), "")


def _hour() -> datetime:
    """Orders are made for a moment; the hour's beginning keeps them the same for a while."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@cache
def _brands() -> tuple[shop.Brand, ...]:
    return tuple(
        shop.Brand(
            key=b.key,
            name=b.name,
            tagline=b.tagline,
            accent=b.accent,
            mark=Markup(f'<svg viewBox="0 0 24 24" width="28" height="28" aria-hidden="true">{b.mark}</svg>'),
            mail=b.mail,
            phone=b.phone,
        )
        for b in company.brands()
    )


@cache
def _wares(brand: str) -> tuple[shop.Ware, ...]:
    return tuple(_ware(product) for product in company.products() if product.brand == brand)


def _ware(product: company.Product) -> shop.Ware:
    return shop.Ware(
        sku=product.sku,
        name=product.name,
        kind=product.kind,
        price=product.price,
        sizes=product.sizes,
        text=product.text,
        picture=Markup(picture(product)),
    )


def _purchase(order: company.Order) -> shop.Purchase:
    drawn = {product.sku: picture(product) for product in company.products()}
    return shop.Purchase(
        number=order.number,
        status=order.status,
        placed_at=order.placed_at,
        expected=order.expected,
        carrier=order.carrier or "",
        tracking=order.tracking or "",
        total=order.total,
        steps=order.steps,
        lines=tuple(
            shop.Bought(
                name=line.name,
                size=line.size,
                quantity=line.quantity,
                price=line.price,
                picture=Markup(drawn[line.sku]),
            )
            for line in order.lines
        ),
    )
