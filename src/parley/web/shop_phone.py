"""The phone of the demo's customers, in the shop's frame: choose an app, write, and see what the desk answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler

from parley.core.channel import Attached
from parley.core.errors import NotFound
from parley.web.forms import read_files, read_form
from parley.web.security import PUBLIC
from parley.web.shop import OPEN, Form, View, asked, on_to, page
from parley.web.state import Room


class App(View, frozen=True, kw_only=True):
    """ways: how one may write there, where there are several. unread: messages that were not looked at yet.

    calls: one rings there and writes nothing.
    """

    key: str
    label: str
    ways: Mapping[str, str]
    public: bool
    stars: bool
    unread: int
    pictures: bool
    calls: bool


class Bubble(View, frozen=True, kw_only=True):
    """mine: the customer wrote it. state: sent, waits, taken, failed; of the shop's: delivered, read."""

    number: int
    mine: bool
    text: str
    at: datetime
    state: str
    way: str
    stars: int
    choices: Sequence[tuple[str, str]]
    picture: bool


class Line(View, frozen=True, kw_only=True):
    """What was said in an app. changed: counts every change. number: the customer's own there."""

    bubbles: Sequence[Bubble]
    changed: int
    number: str


class Handset(Protocol):
    """The phone, whoever has it in their hand."""

    def on_it(self, brand: str, mail: str) -> Sequence[App]: ...

    def said(self, app: str, brand: str, mail: str) -> Line: ...

    async def writes(
        self, key: str, brand: str, mail: str, text: str, way: str = "", stars: int = 0, file: Attached | None = None
    ) -> None: ...

    def picture(self, key: str, brand: str, mail: str, number: int) -> tuple[bytes, str] | None: ...

    async def presses(self, key: str, brand: str, mail: str, number: int, label: str) -> None: ...

    async def looks(self, key: str, brand: str, mail: str) -> None: ...


class Words(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    way: str = ""
    stars: int = 0


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    label: str = ""


@get("/shop/{brand:str}/phone", opt=PUBLIC, include_in_schema=False)
async def home(request: Request[Any, Any, Any], room: Room, brand: FromPath[str]) -> Response[str]:
    about = asked(request, brand)
    phone: Handset = request.app.state.phone
    apps = phone.on_it(brand, about.shopper.mail) if about.shopper else ()
    return page(room, about, "shop/phone.html", "phone", apps=apps, app=None, line=None)


@get("/shop/{brand:str}/phone/{key:str}", opt=PUBLIC, include_in_schema=False)
async def opened(
    request: Request[Any, Any, Any], room: Room, brand: FromPath[str], key: FromPath[str]
) -> Response[str]:
    """An app with what was said in it. Whoever looks has read it."""
    about = asked(request, brand)
    if about.shopper is None:
        return page(room, about, "shop/phone.html", "phone", apps=(), app=None, line=None)
    phone: Handset = request.app.state.phone
    await phone.looks(key, brand, about.shopper.mail)
    apps = phone.on_it(brand, about.shopper.mail)
    app = next((one for one in apps if one.key == key), None)
    if app is None:
        raise NotFound("There is no such app on this phone.")
    line = phone.said(key, brand, about.shopper.mail)
    return page(room, about, "shop/phone.html", "phone", apps=apps, app=app, line=line)


@get("/shop/{brand:str}/phone/{key:str}/line", opt=PUBLIC, include_in_schema=False)
async def looked(
    request: Request[Any, Any, Any],
    room: Room,
    brand: FromPath[str],
    key: FromPath[str],
    since: FromQuery[int] = -1,
) -> Response[str]:
    """What was said, where it is more than what is on the screen; 204 where it is not."""
    about = asked(request, brand)
    phone: Handset = request.app.state.phone
    if about.shopper is None:
        return Response("", status_code=204, media_type=MediaType.HTML)
    await phone.looks(key, brand, about.shopper.mail)
    line = phone.said(key, brand, about.shopper.mail)
    if line.changed == since:
        return Response("", status_code=204, media_type=MediaType.HTML)
    app = next(one for one in phone.on_it(brand, about.shopper.mail) if one.key == key)
    html = room.page("shop/_line.html", brand=about.brand, app=app, line=line)
    return Response(html, media_type=MediaType.HTML)


@get("/shop/{brand:str}/phone/{key:str}/pictures/{number:int}", opt=PUBLIC, include_in_schema=False)
async def picture(
    request: Request[Any, Any, Any], brand: FromPath[str], key: FromPath[str], number: FromPath[int]
) -> Response[bytes]:
    """A picture that was sent in an app, either way."""
    about = asked(request, brand)
    phone: Handset = request.app.state.phone
    found = phone.picture(key, brand, about.shopper.mail, number) if about.shopper else None
    if found is None:
        raise NotFound("There is no such picture on this phone.")
    headers = {"cache-control": "private, max-age=3600", "x-content-type-options": "nosniff"}
    return Response(found[0], media_type=found[1], headers=headers)


@post("/shop/{brand:str}/phone/{key:str}/messages", opt=OPEN, status_code=303, include_in_schema=False)
async def write(request: Request[Any, Any, Any], brand: FromPath[str], key: FromPath[str]) -> Response[bytes]:
    """Write to the shop, or show it a picture: by the platform's simulator and its signed webhook."""
    about = asked(request, brand)
    data = await read_form(request, Words)
    text, files = data.text.strip(), await read_files(request, "picture")
    if about.shopper and (text or files):
        phone: Handset = request.app.state.phone
        stars = min(max(data.stars, 0), 5)
        await phone.writes(key, brand, about.shopper.mail, text, data.way, stars, files[0] if files else None)
    return on_to(f"/shop/{about.brand.key}/phone/{key}")


@post(
    "/shop/{brand:str}/phone/{key:str}/messages/{number:int}/choice",
    opt=OPEN, status_code=303, include_in_schema=False,
)  # fmt: skip
async def press(
    request: Request[Any, Any, Any],
    brand: FromPath[str],
    key: FromPath[str],
    number: FromPath[int],
    data: Annotated[Pressed, Form],
) -> Response[bytes]:
    """Press a button that the shop sent."""
    about = asked(request, brand)
    if about.shopper:
        phone: Handset = request.app.state.phone
        await phone.presses(key, brand, about.shopper.mail, number, data.label)
    return on_to(f"/shop/{about.brand.key}/phone/{key}")


def routes() -> list[ControllerRouterHandler]:
    """Needs `phone`, a Handset, in the app's state."""
    return [home, opened, looked, picture, write, press]
