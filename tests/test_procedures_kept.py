"""What procedures may do: acts with the customer's own rights alone, pages that switch them, a person's yes."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from harness.desk import StoryDesk
from harness.web import SignedIn, WebDesk, served
from parley.core import events as e
from parley.core.errors import Refused
from parley.services import inbox, orders, people, procedures, proof, requests, setup
from parley.services.procedures import acts


@pytest.fixture
def shop(bot_desk: StoryDesk) -> StoryDesk:
    """Kim's orders and Lee's; the bot may do everything, and Kim has shown who she is."""

    def build(tx: Any) -> None:
        setup.change_brand(tx, bot_desk.brand, "Larkspur", setup.Look(bot_does=tuple(procedures.SHIPPED)))
        elsewhere = setup.add_brand(tx, "Elsewhere")
        rows = (
            ("55501", "kim@example.org", "placed", bot_desk.brand),
            ("55502", "lee@example.org", "placed", bot_desk.brand),
            ("55503", "kim@example.org", "delivered", bot_desk.brand),
            ("55504", "lee@example.org", "delivered", bot_desk.brand),
            ("55505", "kim@example.org", "delivered", elsewhere),
        )
        for number, mail, status, brand in rows:
            items = (orders.Item(name="Lamp", cents=4900), orders.Item(name="Tent", cents=28900))
            order = orders.Order(number=number, brand=brand, mail=mail, status=status, placed_at=tx.at, items=items)
            orders.add(tx, [order])

    bot_desk.change(build)
    bot_desk.desk.setup_changed()
    bot_desk.visitor("kim").says("cancel my order 55501").says("kim@example.org").says(code(bot_desk)).says("no")
    return bot_desk


def code(desk: StoryDesk) -> str:
    codes = [r.event.message for r in desk.events(e.ReplyWritten) if r.event.purpose == "code"]  # type: ignore[union-attr]
    return proof.code_of(desk.desk.config.key, codes[-1])  # type: ignore[arg-type]


KEYS = itertools.count()


def tries(desk: StoryDesk, tool: str, **arguments: Any) -> str:
    """What comes of an act with Kim's rights."""

    def act(tx: Any) -> str:
        state = inbox.state(tx.conn, desk.conversations()[-1].id)
        own = tuple(i.value for i in people.identities_of(tx.conn, state.person) if i.kind == "mail" and i.proof)
        scope = acts.Scope(state=state, own=own, by="bot/helper", inboxes=desk.desk.inboxes(), limits={"alone": 50})
        return acts.run(tx, scope, tool, arguments, f"k{next(KEYS)}")[0]

    return str(desk.change(act))


FOREIGN = {
    "cancel_order": {"number": "55502"},
    "change_address": {"number": "55502", "address": "1 Thief Lane, Cork"},
    "return_item": {"number": "55504", "item": "Lamp"},
    "refund": {"number": "55504", "item": "Lamp", "cents": 4900},
    "invoice": {"number": "55504"},
}


@pytest.mark.parametrize("tool", FOREIGN)
@pytest.mark.parametrize("number", ["of another", "55505", "99999", "' OR 1=1 --"])
def test_an_act_on_anothers_order_is_refused_as_if_there_were_none(shop: StoryDesk, tool: str, number: str) -> None:
    arguments = dict(FOREIGN[tool])
    if number != "of another":
        arguments["number"] = number
    before = shop.rows(orders.orders)
    with pytest.raises(Refused, match="I find no such order"):
        tries(shop, tool, **arguments)
    assert shop.rows(orders.orders) == before
    assert shop.rows(requests.requests) == []


@pytest.mark.parametrize("cents", [4901, 10_000_000, 0, -4900])
def test_no_more_money_goes_than_the_article_cost(shop: StoryDesk, cents: int) -> None:
    with pytest.raises(Refused, match="more than"):
        tries(shop, "refund", number="55503", item="Lamp", cents=cents)


def test_a_large_refund_needs_a_person_and_nothing_is_refunded_twice(shop: StoryDesk) -> None:
    with pytest.raises(Refused, match="A person has to agree"):
        tries(shop, "refund", number="55503", item="Tent", cents=28900)
    assert "EUR 49.00" in tries(shop, "refund", number="55503", item="Lamp", cents=4900)
    with pytest.raises(Refused, match="already"):
        tries(shop, "refund", number="55503", item="Lamp", cents=4900)


def test_there_is_a_most_of_acts_a_day_and_no_act_beside_the_declared(shop: StoryDesk) -> None:
    with pytest.raises(Refused, match="no act called"):
        tries(shop, "send_bulk_mail", to="everybody")
    for _ in range(acts.A_DAY):
        tries(shop, "invoice", number="55503")
    with pytest.raises(Refused, match="Nothing more"):
        tries(shop, "invoice", number="55503")


def test_the_same_yes_acts_once(shop: StoryDesk) -> None:
    def act(tx: Any) -> list[Any]:
        state = inbox.state(tx.conn, shop.conversations()[-1].id)
        scope = acts.Scope(state=state, own=("kim@example.org",), by="bot/helper", inboxes=shop.desk.inboxes())
        return [acts.run(tx, scope, "cancel_order", {"number": "55501"}, "one yes") for _ in range(2)]

    first, again = shop.change(act)
    assert first == again
    assert len(shop.rows(requests.requests)) == 1


def test_what_was_said_in_private_is_not_in_the_events(shop: StoryDesk) -> None:
    kim = shop.visitor("kim").says("change the address of my order 55501").says("7 Secret Lane, 12345 Cork, Ireland")
    steps = [r.event.said for r in shop.events(e.ProcedureWentOn)]  # type: ignore[union-attr]
    assert steps[-1]["address"].startswith("@")
    assert "Secret" not in str(steps)
    kim.says("yes")
    order = shop.record.ask(orders.by_number, "55501")
    assert order is not None
    assert order.address.startswith("7 Secret Lane")
    shop.rebuilds()


def test_an_answer_from_the_articles_on_the_way_leads_back(shop: StoryDesk) -> None:
    from parley.demo import build

    shop.change(lambda tx: build.add_articles(tx, {b.key: shop.brand for b in build.made_up.brands()}))
    kim = (
        shop.visitor("kim").says("I want to return the lamp of my order 55503").says("can I return shoes I wore once?")
    )
    said = shop.words(shop.conversations()[-1].id)
    assert "cannot be returned for a full refund" in said[-2]
    assert said[-1].startswith("Back to what we were at. What would you like for it?")
    kim.says("money back")
    assert "reason" in shop.words(shop.conversations()[-1].id)[-1]


# ── pages ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    with served(tmp_path_factory.mktemp("desk")) as web:
        yield web


@pytest.fixture(scope="module")
def admin(web: WebDesk) -> SignedIn:
    return web.signed_in("ada", "admin")


def test_every_procedure_is_listed_drawn_and_told(admin: SignedIn) -> None:
    page = admin.get("/desk/settings/procedures").text
    for name in procedures.SHIPPED:
        assert f"/desk/settings/procedures/{name}" in page
        drawn = admin.get(f"/desk/settings/procedures/{name}").text
        assert '<svg class="flow" role="img"' in drawn
        assert "Conversations that show it" in drawn


def test_a_brand_switches_and_limits_and_wrong_limits_are_refused(admin: SignedIn) -> None:
    here = "/desk/settings/procedures/refund/brands/1"
    assert admin.post(here, data={"on": "1", "limit.days": "10", "limit.alone": "20"}).status_code == 303
    look = admin.web.story.record.ask(setup.all_brands)[1].look
    assert "refund" in look.bot_does
    assert look.bot_limits == {"refund.days": 10, "refund.alone": 20}
    for wrong in ("", "many", "0", "99999", "-5"):
        assert admin.post(here, data={"on": "1", "limit.days": wrong, "limit.alone": "20"}).status_code == 422
    switch = "/desk/settings/procedures/order_status/brands/1"
    assert admin.post(switch, data={}).status_code == 303
    assert "On for" not in admin.get("/desk/settings/procedures").text.split("order_status")[1].split("</li>")[0]
    assert admin.post(switch, data={"on": "1"}).status_code == 303


def test_its_conversations_are_held_from_the_page_and_a_brands_limits_change_them(admin: SignedIn) -> None:
    held = admin.post("/desk/settings/procedures/password_help/trial")
    assert held.status_code == 200
    assert "All 3 went as written" in held.text
    short = {"on": "1", "limit.days": "10"}
    assert admin.post("/desk/settings/procedures/return_item/brands/1", data=short).status_code == 303
    changed = admin.post("/desk/settings/procedures/return_item/trial", data={"brand": "1"})
    assert "went otherwise" in changed.text
    assert "within 10 days" in changed.text
