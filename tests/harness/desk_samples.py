# ruff: noqa: E501
"""Invented customers and conversations that show the desk's pages in every state."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from markupsafe import Markup

from parley.services.origins import Excerpt, Shown
from parley.web import consents
from parley.web import views as v
from parley.web.formats import frame_height, hue, initials

numbers = itertools.count(5000)
NOW = datetime.now(UTC)


def agent(id: int, name: str, presence: str = "online") -> v.Face:
    return v.Face(id=id, name=name, initials=initials(name), hue=hue(name), presence=presence)


ME = agent(1, "Ines Halloran")
AGENTS = (ME, agent(2, "Tomas Brandt"), agent(3, "Yuki Arendt", "away"), agent(4, "Sefa Okonjo", "offline"))
BOT = v.Face(name="Pip", bot=True)
MAIL, CHAT = ("Mail", "mail"), ("Chat", "message-circle")
VIEWS = (
    v.ListView(key="waiting", token="waiting", label="Waiting", glyph="inbox", empty="Everybody has an answer"),
    v.ListView(key="mine", token="agent-1", label="Mine", glyph="user", empty="Nothing is yours right now"),
    v.ListView(key="unassigned", token="unassigned", label="Unassigned", glyph="circle-dashed"),
    v.ListView(key="mentions", token="mention-1", label="Mentions", glyph="at-sign", empty="Nobody mentioned you"),
    v.ListView(key="snoozed", token="snoozed", label="Snoozed", glyph="alarm-clock", empty="Nothing is asleep"),
    v.ListView(key="bot", token="bot", label="With the bot", glyph="sparkles"),
    v.ListView(key="failed", token="failed", label="Not delivered", glyph="circle-alert"),
    v.ListView(key="closed", token="closed", label="Closed", glyph="circle-check"),
    v.ListView(key="all", token="all", label="All", glyph="message-circle"),
)
CHOICES = v.Choices(
    me=1,
    agents=tuple(
        v.AgentChoice(id=a.id or 0, name=a.name, initials=a.initials, hue=a.hue, presence=a.presence, open=n)
        for a, n in zip(AGENTS, (4, 2, 6, 0), strict=True)
    ),
    tags=("refund", "delivery", "damaged", "sizing", "wholesale", "vip", "bug", "praise"),
    macros=(
        v.Macro(name="Return label", text="Hi {first_name},\n\nhere is your return label. Print it, put it on the parcel and drop it at any post office. The refund leaves us within two days of its arrival.\n\nBest,\n{agent}"),
        v.Macro(name="Ask for order number", text="Hi {first_name},\n\ncould you tell me your order number? It starts with 10 and stands in the confirmation mail."),
        v.Macro(name="Size guide", text="Our jackets run true to size. If you are between two sizes, take the larger one."),
        v.Macro(name="Thanks, closing", text="Glad that worked, {first_name}. I am closing this; just write back if anything else comes up."),
    ),
)  # fmt: skip
BRANDS = (
    v.BrandLine(id=1, name="Fjord", hue=210, domain="fjord.example", inboxes=3),
    v.BrandLine(id=2, name="Pine", hue=120, domain="pine.example", inboxes=2),
)
MAIL_HTML = """<!doctype html><meta charset=utf-8><style>body{font:15px/22px system-ui,sans-serif;margin:16px;color:#222}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:6px 8px;text-align:left}h2{color:#1b5e4a}</style>
<h2>Wholesale order, spring</h2><p>Dear team,</p><p>please find our list for spring below. Could you confirm prices and the delivery week?</p>
<table><tr><th>Article<th>Size<th>Pieces<tr><td>Rain jacket Skarv<td>S–XL<td>48<tr><td>Wool socks, three pairs<td>36–45<td>120<tr><td>Backpack Ridge 28 l<td>–<td>30</table>
<p>Kind regards<br>Purchasing, Nordlys Outdoor</p>"""


FOUND = v.Found(
    chips=(
        v.FoundChip(
            what="priority", label="High", value="high", glyph="flag", tone="warn",
            why=(
                v.Why(label="Asks again, or was not answered", words="third time i write", decided=True),
                v.Why(label="Sounds unhappy"),
            ),
            choices=tuple(v.Choice(value=key, label=label, chosen=key == "high") for key, label in (("urgent", "Urgent"), ("high", "High"), ("normal", "Normal"), ("low", "Low"))),
        ),
        v.FoundChip(what="language", label="Deutsch", value="de", glyph="languages", choices=tuple(v.Choice(value=code, label=name, chosen=code == "de") for code, name in (("de", "Deutsch"), ("en", "English"), ("es", "Español"), ("fr", "Français"), ("it", "Italiano"))), fixed=True, was="Nederlands"),
        v.FoundChip(what="product", label="Rain jacket Skarv", value="Rain jacket Skarv", glyph="package", why=(v.Why(label="Product", words="skarv"),)),
    ),
    related=(
        v.Related(id=1, text="Where is my rain jacket?", why="They asked nearly the same before", mergeable=True, judges=True),
        v.Related(id=2, text="Tomas: order 10023", why="Somebody else named the same: the same order", judges=True),
    ),
    incident=(1, "Paying does not work"),
    may_act=True,
)  # fmt: skip


@dataclass
class Talk:
    """A conversation of the prototype."""

    id: int
    person: str
    subject: str
    how: tuple[str, str]
    brand: str = "Fjord"
    turns: list[Any] = field(default_factory=list)
    status: str = "open"
    assignee: v.Face | None = None
    tags: list[str] = field(default_factory=list)
    snoozed_until: datetime | None = None
    company: str = ""
    proved: bool = True
    promise: timedelta = timedelta(hours=2)
    mentioned: bool = False

    @property
    def channel(self) -> str:
        return self.how[0]

    @property
    def glyph(self) -> str:
        return self.how[1]

    @property
    def person_id(self) -> int:
        return 100 + self.id

    def messages(self) -> list[v.Message]:
        return [turn for turn in self.turns if isinstance(turn, v.Message)]

    def shown_status(self) -> str:
        if self.snoozed_until and self.status == "open":
            return "snoozed"
        return "waiting" if self.status == "open" and self.waiting_since() else self.status

    def waiting_since(self) -> datetime | None:
        since = None
        for turn in reversed(self.messages()):
            if turn.side == "us":
                break
            if turn.side == "them":
                since = turn.at
        return since if self.status == "open" and not self.snoozed_until else None

    def due(self) -> datetime | None:
        since = self.waiting_since()
        return since + self.promise if since else None

    def tokens(self) -> tuple[str, ...]:
        out = ["all", self.shown_status()]
        if self.assignee:
            out.append(f"agent-{self.assignee.id}" if self.status == "open" and not self.snoozed_until else "owned")
        elif self.status == "open":
            out.append("unassigned")
        if any(turn.state == "failed" for turn in self.messages()):
            out.append("failed")
        if self.mentioned:
            out.append("mention-1")
        return tuple(out)

    def row(self, seq: int) -> v.ListRow:
        last = self.messages()[-1]
        waiting = self.waiting_since()
        by = "" if last.side == "them" else "You" if last.author == ME else last.author.name.split()[0]
        return v.ListRow(
            id=self.id, person=self.person, hue=hue(self.person), initials=initials(self.person),
            subject=self.subject, preview=" ".join(last.text.split())[:140], words_by=by, brand=self.brand,
            brand_hue=210 if self.brand == "Fjord" else 120, channel=self.channel, glyph=self.glyph,
            status=self.shown_status(), last_at=last.at, waiting_since=waiting, due=self.due(),
            snoozed_until=self.snoozed_until, tags=tuple(self.tags), assignee=self.assignee,
            failed="failed" in self.tokens(), tokens=self.tokens(), order=-int(last.at.timestamp() * 1e6),
            waits=int(waiting.timestamp() * 1e6) if waiting else 0, seq=seq,
        )  # fmt: skip

    def facts(self) -> v.Facts:
        return v.Facts(
            status=self.shown_status(), subject=self.subject, assignee=self.assignee, tags=tuple(self.tags),
            snoozed_until=self.snoozed_until, waiting_since=self.waiting_since(), due=self.due(),
        )  # fmt: skip

    def say(self, who: v.Face, text: str, client: str = "") -> v.Message:
        turn = v.Message(
            id=next(numbers), side="us", author=who, at=datetime.now(UTC), channel=self.channel, glyph=self.glyph,
            text=text, state="queued", client_id=client,
        )  # fmt: skip
        self.turns.append(turn)
        return turn

    def hear(self, text: str) -> v.Message:
        turn = them(self.person, text, 0, self.how)
        turn = msgspec.structs.replace(turn, at=datetime.now(UTC))
        self.turns.append(turn)
        return turn

    def by_client(self, client: str) -> v.Message | None:
        return next((turn for turn in self.messages() if client and turn.client_id == client), None)

    def renew(self, turn: v.Message) -> v.Message:
        self.turns = [turn if other.id == turn.id else other for other in self.turns]
        return turn

    def mail(self) -> str:
        return f"{self.person.split()[0].lower()}@{(self.company or 'example').split()[0].lower()}.example"

    def channels(self) -> tuple[v.ChannelChoice, ...]:
        chat = self.channel == "Chat"
        return (
            v.ChannelChoice(identity=1, inbox=1, label="Mail", glyph="mail", address=self.mail(), chosen=not chat),
            v.ChannelChoice(
                identity=2, inbox=2, label="Chat", glyph="message-circle", address="website visitor", open=chat,
                chosen=chat, reason="" if chat else "Left the page 3 h ago; chat reaches nobody now",
            ),
        )  # fmt: skip

    def pane(self) -> v.PersonPane:
        lines = [
            v.IdentityLine(id=1, kind="mail", glyph="mail", value=self.mail(), proof="code" if self.proved else "")
        ]
        if self.channel == "Chat":
            lines.append(v.IdentityLine(id=2, kind="visitor", glyph="globe", value=f"Visitor {4711 + self.id}"))
        return v.PersonPane(
            id=self.person_id, name=self.person, initials=initials(self.person), hue=hue(self.person),
            company=self.company, since=NOW - timedelta(days=70 + self.id * 31), time_zone="Europe/Oslo", zone_from="noted by hand",
            language="English", identities=tuple(lines), orders=ORDERS[: self.id % 3 + 1],
            earlier=(
                v.EarlierLine(id=self.id, subject=self.subject, status=self.status, glyph=self.glyph, channel=self.channel, at=self.messages()[-1].at, current=True),
                v.EarlierLine(id=7, subject="Which wool is it?", status="closed", glyph="message-circle", channel="Chat", at=NOW - timedelta(days=34), score=5),
                v.EarlierLine(id=9, subject="Invoice for order 10088", status="closed", glyph="mail", channel="Mail", at=NOW - timedelta(days=140)),
            ),
            ratings=(5, 4, 5)[: self.id % 4], facts=(("Lifetime", "€ 1,284 in 9 orders"),),
            page="fjord.example/jackets/skarv" if self.channel == "Chat" else "",
        )  # fmt: skip


ORDERS = (
    v.OrderLine(number="10342", state="on its way", tone="good", total="€ 189.00", at=NOW - timedelta(days=4), items=("Rain jacket Skarv, M",)),
    v.OrderLine(number="10288", state="returned", tone="warn", total="€ 64.50", at=NOW - timedelta(days=21), items=("Wool socks, 3 pairs", "Beanie Lo")),
    v.OrderLine(number="10107", state="delivered", tone="quiet", total="€ 240.00", at=NOW - timedelta(days=96), items=("Backpack Ridge 28 l",)),
)  # fmt: skip


def them(name: str, text: str, minutes: float, how: tuple[str, str] = CHAT, **more: Any) -> v.Message:
    face = v.Face(name=name, initials=initials(name), hue=hue(name))
    return v.Message(
        id=next(numbers),
        side="them",
        author=face,
        at=ago(minutes),
        channel=how[0],
        glyph=how[1],
        text=text,
        **more,
    )


def us(who: v.Face, text: str, minutes: float, how: tuple[str, str] = CHAT, **more: Any) -> v.Message:
    side = "bot" if who.bot else "us"
    more.setdefault("state", "read")
    return v.Message(
        id=next(numbers),
        side=side,
        author=who,
        at=ago(minutes),
        channel=how[0],
        glyph=how[1],
        text=text,
        **more,
    )


def fact(glyph: str, text: str, minutes: float) -> v.Fact:
    return v.Fact(id=next(numbers), glyph=glyph, text=text, at=ago(minutes))


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


RETURNS = v.SourceChip(
    kind="article", title="Returns policy", href="/desk/knowledge/1", confidence=0.86,
    passage="Shoes may be returned within 30 days if they were worn indoors only. Worn outdoors, we can offer an exchange for half the price.",
)  # fmt: skip
ORDER = v.SourceChip(
    kind="order",
    title="Order 10342",
    passage="Shipped on Tuesday with Posten, expected on Friday.",
    confidence=0.97,
)


def talks() -> list[Talk]:
    return [*_told(), *_many(36)]


def _told() -> list[Talk]:
    mara = Talk(1, "Mara Lindqvist", "Rain jacket, wrong size", CHAT, tags=["sizing"])
    mara.turns = [
        them("Mara Lindqvist", "Hi! I ordered the Skarv jacket in M but it is too tight over a sweater. Can I swap it for an L?", 58),
        us(BOT, "Yes: an exchange is free within 30 days. Your order 10342 was delivered on Tuesday, so you have until 18 December. Shall I start the exchange for size L?", 57.8, sources=(RETURNS, ORDER), confidence=0.86),
        them("Mara Lindqvist", "Yes please. But I'm leaving for a hike on Saturday, will it be here by then?", 55),
        us(BOT, "I am not sure enough about the delivery day to promise it. I am passing you on to a colleague, who sees all of this.", 54.8, confidence=0.41),
        v.Handover(id=next(numbers), at=ago(54.6), reason="delivery promise outside of what it may say", wish="Exchange jacket Skarv M → L, to arrive before Saturday", known=("Order 10342, delivered on Tuesday, paid by card", "Size L is in stock in Oslo (14 pieces)"), tried=("Free exchange offered and accepted", "Express delivery: no rule found for exchanges"), suggestion="Offer express for the exchange (€ 9, or free as goodwill: third order this year)"),
        fact("user-plus", "Routing gave it to Ines Halloran: speaks English, had the last conversation", 54.5),
        them("Mara Lindqvist", "Thanks. I'd really need it by Friday evening.", 12),
        them("Mara Lindqvist", "Here is how it fits right now", 11.5, files=(v.FileLink(name="jacket-front.jpg", href="#", size=1_840_000, picture=True, thumb="/static/mark.svg"),)),
    ]  # fmt: skip
    mara.assignee = ME
    mara.promise = timedelta(minutes=64)

    jon = Talk(
        2,
        "Jonas Aldberg",
        "Parcel says delivered, but it isn't here",
        MAIL,
        tags=["delivery", "vip", "refund"],
        company="Aldberg Studio",
    )
    jon.turns = [
        them("Jonas Aldberg", "Hello,\n\nthe tracking page of order 10288 says it was delivered yesterday at 14:10, but nothing is here. I asked my neighbours on both sides and looked behind the shed.\n\nThe driver's note only says \"left at safe place\". I have not agreed to a safe place. Could you find out where it is, or send it again?\n\nBest regards\nJonas", 190, MAIL, folded="On 3 Nov, Fjord wrote:\n> Your order 10288 has been shipped.\n> Track it at https://track.example/10288", subject="Parcel says delivered, but it isn't here", files=(v.FileLink(name="tracking.pdf", href="#", size=84_000),)),
        v.Note(id=next(numbers), author=AGENTS[1], at=ago(150), text="Called the carrier: the driver put it at number 14 instead of 41. They fetch it today before 18:00 and bring it over. Reference KX-2207."),
        fact("tag", "Tomas tagged it delivery", 149),
        fact("tag", "Tomas tagged it vip", 149),
        fact("user-plus", "Tomas assigned it to you", 148),
        us(ME, "Hello Jonas,\n\nthank you for looking so thoroughly. The driver left it at number 14. The carrier fetches it today before 18:00 and brings it to you.\n\nI will look again this evening.", 140, MAIL, state="delivered"),
        them("Jonas Aldberg", "Great, thank you! I'm home until seven. If it does not come, please just refund it: https://fjord.example/orders/10288", 100, MAIL, folded="On 12 Nov, Ines Halloran wrote:\n> the driver left it at number 14."),
    ]  # fmt: skip
    jon.assignee = ME

    nord = Talk(
        3,
        "Elin Sagstad",
        "Wholesale order, spring",
        MAIL,
        brand="Pine",
        tags=["wholesale"],
        company="Nordlys Outdoor",
    )
    nord.turns = [
        them("Elin Sagstad", "Wholesale order, spring. Dear team, please find our list for spring below.", 320, MAIL, framed=True, frame="/desk/messages/3/html", frame_height=frame_height(MAIL_HTML), remote_images=True, subject="Wholesale order, spring", cc=("accounting@nordlys.example",)),
    ]  # fmt: skip
    nord.promise = timedelta(hours=8)

    fail = Talk(4, "Piet Verhoeven", "Candle arrived broken", MAIL, brand="Pine", tags=["damaged"])
    fail.turns = [
        them("Piet Verhoeven", "The large beeswax candle came in three pieces. Pictures attached. Replacement or money, both are fine.", 1500, MAIL),
        us(AGENTS[1], "Hi Piet, a new one leaves today, nothing to send back. Sorry for the mess.", 1400, MAIL, state="failed", reason="The mailbox is full (552 5.2.2).", can_retry=True),
    ]  # fmt: skip
    fail.assignee = AGENTS[1]

    rate = Talk(5, "Amal Haddad", "Do the boots come in 36?", CHAT, status="closed")
    rate.turns = [
        them("Amal Haddad", "Do the Tind boots come in 36?", 2900),
        us(BOT, "They start at 36 and run to 47. Size 36 is in stock in black and moss.", 2899.9, sources=(v.SourceChip(kind="article", title="Boot sizes", confidence=0.93),), confidence=0.93),
        them("Amal Haddad", "perfect, thanks", 2895),
        fact("circle-check", "The bot closed it: the customer said it was solved", 2894),
        v.Rating(id=next(numbers), at=ago(2890), stars=5, comment="Faster than I could type", channel="Chat"),
    ]  # fmt: skip

    rtl = Talk(6, "ليلى منصور", "متى يصل الطلب؟", MAIL, tags=["delivery"])
    rtl.turns = [
        them(
            "ليلى منصور",
            "مرحبا، طلبت حقيبة ظهر قبل أسبوع ولم تصل بعد. هل يمكنكم إخباري متى تصل؟",
            36,
            MAIL,
            unverified=True,
        )
    ]

    long = Talk(
        7,
        "Bartholomew Featherstonehaugh-Cholmondeley",
        "A question about the question that I asked before about the answer concerning the care of waxed jackets in very humid climates",
        MAIL,
    )
    long.turns = [
        them(
            long.person,
            "Dear all, " + "I am writing about the waxed jacket, which I keep in a rather humid hallway. " * 14,
            25,
            MAIL,
        )
    ]

    sleep = Talk(
        8,
        "Greta Osei",
        "Restock of the Ridge backpack",
        MAIL,
        brand="Pine",
        assignee=ME,
        snoozed_until=NOW + timedelta(days=2),
    )
    sleep.turns = [
        them("Greta Osei", "Will Ridge 28 come back in blue?", 2000, MAIL),
        us(ME, "On Tuesday, I will write to you.", 1900, MAIL),
    ]

    bad = Talk(9, "unknown sender", "A delivery that could not be read", MAIL, status="open", proved=False)
    bad.turns = [
        v.Quarantine(id=next(numbers), at=ago(70), reason="The mail has no end of its second part and names no character set. The 48 kB that came are kept.", raw="#"),
        them("unknown sender", "(unreadable)", 70, MAIL),
    ]  # fmt: skip
    return [mara, jon, nord, fail, rate, rtl, long, sleep, bad]


FIRST = (
    "Nils",
    "Aisha",
    "Carmen",
    "Dario",
    "Freya",
    "Goran",
    "Hanna",
    "Ivo",
    "Juno",
    "Kalle",
    "Lotte",
    "Milan",
)
LAST = (
    "Berg",
    "Costa",
    "Duval",
    "Eriksen",
    "Fontaine",
    "Grau",
    "Holm",
    "Ishii",
    "Jansen",
    "Kovac",
    "Lund",
    "Moreau",
)
ASKED = (
    ("Where is my order?", "Hi, I ordered last Monday and the status still says packed. Can you check?"),
    ("Change of address", "I moved last week, can the parcel go to the new flat instead?"),
    ("Socks shrunk after first wash", "I washed them at 40 as the label says and now they fit my daughter."),
    ("Gift card not accepted", "The code from my card is refused at checkout, it says it was used."),
    ("Invoice for my employer", "Could I get an invoice with the company address on it?"),
    ("", "hey is somebody there? i cant log in since this morning"),
    ("Tent pole broke", "Second night out and the pole snapped at the joint. Is there a spare part?"),
    ("Thank you", "Just wanted to say the repair was perfect. Thank you all."),
)


def _many(count: int) -> list[Talk]:
    return [_ordinary(number) for number in range(count)]


def _ordinary(number: int) -> Talk:
    name = f"{FIRST[number % 12]} {LAST[(number * 5 + number // 12) % 12]}"
    subject, words = ASKED[number % 8]
    how = CHAT if not subject or number % 3 == 0 else MAIL
    talk = Talk(20 + number, name, subject, how, brand=("Fjord", "Pine")[number % 2])
    age = 20 + number * 37
    talk.turns = [them(name, words, age, how)]
    if number % 4 == 3:
        talk.turns.append(us(AGENTS[number % 3], "Let me look into that, one moment.", age - 10, how))
        talk.turns.append(them(name, "Thank you, I will wait.", age - 15, how))
    talk.assignee = (None, AGENTS[1], AGENTS[2], ME)[number % 4]
    if number % 5 == 4:
        talk.status = "closed"
    elif number % 7 == 6:
        talk.status = "bot"
    talk.promise = timedelta(hours=1 + number % 9 * 3)
    return talk


# ── the other pages ──


def people(all_talks: list[Talk]) -> tuple[v.PersonRow, ...]:
    return tuple(
        v.PersonRow(id=t.person_id, name=t.person, initials=initials(t.person), hue=hue(t.person), addresses=(t.mail(),), company=t.company, conversations=t.id % 5 + 1, open=int(t.status == "open"), last_at=t.messages()[-1].at)
        for t in all_talks[:24]
    )  # fmt: skip


CONSENT = consents.Known(
    zone="Europe/Oslo",
    lines=(
        consents.Line(address="+442079460000", told="wants no surveys", given=False, at=ago(4000), evidence="They used the link in a message."),
        consents.Line(address="kim@example.com", told="wants offers", given=True, at=ago(9000), evidence="Said so on the phone.", conversation=1),
    ),
    addresses=((1, "kim@example.com"), (2, "+442079460000")),
    purposes=(("surveys", "surveys"), ("all", "everything")),
)  # fmt: skip


def person_page(talk: Talk, turns: tuple[v.Turn, ...]) -> v.PersonPage:
    return v.PersonPage(
        pane=talk.pane(), turns=turns,
        merges=(v.MergeLine(id=1, name="Visitor 4712", at=ago(3000), reason="same address proved by code"),),
        alike=(v.SamePerson(
            row=v.PersonRow(id=300, name=talk.person.split()[0], initials=talk.person[0], hue=30, addresses=("home@example.net",), conversations=1),
            reasons=("The same phone number, +442079460000", "The same name"), percent=97,
        ),),
    )  # fmt: skip


def search(query: str, all_talks: list[Talk], seq: int) -> v.SearchPage:
    if not query:
        return v.SearchPage(query="")
    found = [t for t in all_talks if query.lower() in f"{t.subject} {t.person} {t.messages()[-1].text}".lower()]
    hits = tuple(
        v.Hit(row=t.row(seq), passage=Markup("{}").format(t.messages()[-1].text[:160]).replace(query, Markup("<mark>{}</mark>").format(query)))
        for t in found[:20]
    )  # fmt: skip
    persons = people([t for t in found if query.lower() in t.person.lower()][:3])
    return v.SearchPage(
        query=query,
        hits=hits,
        people=persons,
        articles=tuple(a for a in ARTICLES if query.lower() in a.title.lower()),
    )


def _article(id: int, title: str, section: str, summary: str, used: int, **more: Any) -> v.ArticleRow:
    slug = title.lower().replace(" ", "-").replace("?", "")
    return v.ArticleRow(
        id=id,
        title=title,
        slug=slug,
        section=section,
        summary=summary,
        brand="Fjord",
        used=used,
        changed_at=ago(id * 4000),
        helpful=96 - id * 3,
        **more,
    )


ARTICLES = (
    _article(
        1,
        "Returns policy",
        "Returns and exchanges",
        "Thirty days, free label, what may be worn and what may not.",
        214,
    ),
    _article(
        2,
        "How to exchange a size",
        "Returns and exchanges",
        "Keep the old one until the new one has come.",
        122,
    ),
    _article(3, "Delivery times and costs", "Delivery", "Two to four days in Europe; free above € 80.", 187),
    _article(4, "Change a delivery address", "Delivery", "Possible until the parcel has left our house.", 64),
    _article(
        5,
        "Caring for waxed jackets",
        "Products and care",
        "Cold water, a soft brush, and wax once a year.",
        18,
    ),
    _article(6, "Boot sizes", "Products and care", "From 36 to 47, with a chart to print.", 41),
    _article(7, "Goodwill rules", "For the team", "What agents may give away without asking.", 9, internal=True),
    _article(8, "Paying by invoice", "Payment", "For companies in the EU.", 0, published=False),
)


def article(id: int) -> v.ArticlePage:
    row = next((a for a in ARTICLES if a.id == id), ARTICLES[0])
    body = Markup(
        "<p>You may send back anything within <strong>30 days</strong> of its arrival. The label is free.</p>"
        "<h2>What may be worn</h2><p>Try clothes on as you would in a shop. Shoes may be worn indoors.</p>"
        "<ul><li>With the original tags</li><li>Without scents and stains</li></ul>"
        "<h2>When the money comes</h2><p>We send it within two days of the parcel’s arrival, to the way you paid.</p>"
    )  # fmt: skip
    source = "You may send back anything within **30 days** of its arrival. The label is free.\n\n## What may be worn\n\nTry clothes on as you would in a shop. Shoes may be worn indoors.\n"
    return v.ArticlePage(row=row, html=body, source=source, author="Tomas Brandt")


CARE = v.ArticleCare(
    owner="Tomas Brandt", days=90, due=ago(3 * 1440), overdue=True, reviewed_at=ago(93 * 1440), reviewer="Yuki Arendt",
    may_act=True, owners=(("", "Nobody", False), ("1", "Ines Halloran", False), ("2", "Tomas Brandt", True)),
)  # fmt: skip
ORIGINS = Shown(
    asked=(Excerpt(conversation=1, text="Can I send them back if I wore them indoors only?"),),
    answered=(Excerpt(conversation=2, text="Shoes may be worn indoors. The label is free."),),
    conversations=2,
)
PUBLIC = v.PublicShell(brand="Fjord", hue=210, contact="/help/contact", site="https://fjord.example")


def help_home(query: str) -> v.HelpHome:
    public = tuple(a for a in ARTICLES if a.published and not a.internal)
    names = dict.fromkeys(a.section for a in public)
    sections = tuple(
        v.HelpSection(title=name, articles=tuple(a for a in public if a.section == name)) for name in names
    )
    hits = tuple(a for a in public if query.lower() in f"{a.title} {a.summary}".lower()) if query else ()
    return v.HelpHome(sections=sections, useful=public[:4], query=query, hits=hits)
