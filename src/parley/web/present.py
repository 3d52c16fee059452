"""Turns what services answer into what pages show. Asks only; one look-up per kind of thing, never per row."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from parley.core import conversation as talk
from parley.core import events as e
from parley.core import touchpoints
from parley.core.channel import Channel, Inbox
from parley.core.conversation import State
from parley.core.tone import Tone
from parley.core.triage import PRIORITIES, USUAL
from parley.core.visits import PAGE
from parley.log import record as log
from parley.log.tables import to_micros
from parley.services import (
    care,
    consent,
    copies,
    desk_notes,
    inbox,
    journeys,
    language_model,
    orders,
    passages,
    people,
    promises,
    replies,
    setup,
    surveys,
    templates,
    topics,
    visits,
    voice,
)
from parley.services.inbox import Viewer
from parley.services.promised import Due, dues
from parley.web import clock, formats, sorted_by, views
from parley.web.stream import arrange
from parley.web.telling import SHOWN_EVENTS, Teller
from parley.web.words import translate as t

SHOWN = 300
LATEST = 30
PAGES_SHOWN = 5
RANKS = 2 * 10**15  # microseconds: beyond every moment until 2033, and four times it is a number that scripts can hold
BEFORE_WRITING = timedelta(microseconds=touchpoints.BEFORE)

VIEWS = (
    ("waiting", "Waiting", "inbox", "Everybody has an answer"),
    ("pressing", "Most pressing", "triangle-alert", "Nothing waits"),
    ("due", "Due soon", "clock", "Nothing is owed to anybody"),
    ("mine", "Mine", "user", "Nothing is yours right now"),
    ("unassigned", "Unassigned", "circle-dashed", "Everything has somebody"),
    ("mentions", "Mentions", "at-sign", "Nobody mentioned you"),
    ("snoozed", "Snoozed", "alarm-clock", "Nothing is asleep"),
    ("bot", "With the bot", "sparkles", "The bot has nothing to do"),
    ("failed", "Not delivered", "circle-alert", "Everything arrived"),
    ("closed", "Closed", "circle-check", ""),
    ("all", "All", "message-circle", ""),
)


class Lens:
    """What every row and turn needs to be shown: names, brands, channels, the time. Read once per answer.

    kept: rows that were made for earlier answers.
    """

    def __init__(
        self, conn: Connection, channels: Mapping[str, Channel], now: datetime, kept: "KeptRows | None" = None
    ) -> None:
        self.conn, self.channels, self.now = conn, channels, now
        self.brands = setup.all_brands(conn)
        self.agents = setup.all_agents(conn)
        self.made: Made = kept.made_with(self.brands, self.agents) if kept else {}
        self.labels = {name: channel.manifest.label for name, channel in channels.items()}
        self._people: dict[int, people.Person] = {}
        self._addresses: dict[int, list[people.Identity]] = {}

    def person(self, number: int) -> people.Person:
        if number not in self._people:
            self._people[number] = people.person(self.conn, number)
        return self._people[number]

    def addresses(self, person: int) -> list[people.Identity]:
        if person not in self._addresses:
            self._addresses[person] = people.identities_of(self.conn, person)
        return self._addresses[person]

    def segments(self, channel: str, text: str) -> int:
        """How many messages a network makes of a text, where the channel counts them."""
        count = self.channels[channel].manifest.segments if channel in self.channels else None
        return count(text) if count else 0

    def glyph(self, channel: str) -> str:
        return self.channels[channel].manifest.glyph if channel in self.channels else "message-circle"

    def face(self, agent: int | None) -> views.Face | None:
        known = self.agents.get(agent or 0)
        return agent_face(known) if known else None

    def tone(self, brand: int) -> Tone:
        """How a brand wants to sound."""
        known = self.brands.get(brand)
        return known.look.tone if known else Tone()

    def due(self, number: int) -> Due | None:
        """What is due next in a conversation."""
        return dues(self.conn, [number]).get(number)


# conversation → what of, and the row
Made = dict[int, tuple[tuple[State, str, tuple[int, ...], Due | None], views.ListRow]]


class KeptRows:
    """Rows of lists as they were made last, until what they are made of is another. At most `MOST`, then all anew."""

    MOST = 5000

    def __init__(self) -> None:
        self._made_with: tuple[Any, Any] = ({}, {})
        self._rows: Made = {}

    def made_with(self, brands: Mapping[int, setup.Brand], agents: Mapping[int, setup.Agent]) -> Made:
        """Those that name the same brands and agents; none when one of them has changed."""
        if (brands, agents) != self._made_with or len(self._rows) >= self.MOST:
            self._made_with, self._rows = (brands, agents), {}
        return self._rows


def agent_face(agent: setup.Agent) -> views.Face:
    return views.Face(
        id=agent.id,
        name=agent.name,
        initials=formats.initials(agent.name),
        hue=formats.hue(agent.name),
        presence=agent.presence,
    )


# ── the shell and the list ──────────────────────────────────────────────────────────────────


def shell(
    conn: Connection, agent: setup.Agent, csrf: str, section: str, *, lens: Lens | None = None, whole: bool = True
) -> views.Shell:
    """What surrounds a page. whole: with counts; a piece of a page that is open already needs none."""
    who = Viewer(agent=agent.id, role=agent.role, brands=agent.brands or None)
    counts = tokens_counted(inbox.counts(conn, who), agent.id) if whole else {}
    brands = lens.brands if lens else setup.all_brands(conn)
    names = [b.name for b in brands.values() if not agent.brands or b.id in agent.brands]
    return views.Shell(
        me=agent_face(agent),
        role=agent.role,
        csrf=csrf,
        seq=log.head(conn) if whole else 0,
        section=section,
        company=names[0] if len(names) == 1 else "Parley",
        views=tuple(list_view(key, agent.id, counts) for key, *_ in VIEWS),
        keys=agent.single_keys,
        theme=agent.theme,
        calls=agent.takes_calls,
        reviews=care.due_for(conn, agent.id, datetime.now(UTC)) if whole else 0,
    )


def token_of(key: str, agent: int) -> str:
    """What rows carry that belong into a view; views of one's own name the agent."""
    return {"mine": f"agent-{agent}", "mentions": f"mention-{agent}"}.get(key, key)


def list_view(key: str, agent: int, counts: Mapping[str, int]) -> views.ListView:
    _, label, glyph, empty = next((v for v in VIEWS if v[0] == key), (key, sorted_by.view_label(key), "tag", ""))
    token = token_of(key, agent)
    shown = counts.get(token) if key not in ("closed", "all", "due", "pressing") else None
    return views.ListView(
        key=key, token=token, label=t(label), glyph=glyph, count=shown, empty=t(empty) if empty else ""
    )


def tokens_counted(counts: Mapping[str, int], agent: int | None) -> dict[str, int]:
    """Counts by view token; what has no count is left out."""
    found = {key: n for key, n in counts.items() if key not in ("mine", "mentions", "closed", "open")}
    if agent is not None:
        found[f"agent-{agent}"] = counts.get("mine", 0)
        found[f"mention-{agent}"] = counts.get("mentions", 0)
    return found


def rows(lens: Lens, states: Sequence[State]) -> tuple[views.ListRow, ...]:
    called = people.names_of(lens.conn, [s.person for s in states])
    numbers = [s.id for s in states]
    mentioned, owed = desk_notes.mentioned_in(lens.conn, numbers), dues(lens.conn, numbers)
    nobody = people.display_name(None)
    return tuple(
        _kept(lens, s, called.get(s.person, nobody), tuple(mentioned.get(s.id, ())), owed.get(s.id)) for s in states
    )


def _kept(lens: Lens, state: State, name: str, mentioned: tuple[int, ...], due: Due | None) -> views.ListRow:
    """A row as it was made for an earlier answer, if that was of the same."""
    known = lens.made.get(state.id)
    if known is None or known[0] != (state, name, mentioned, due):
        known = lens.made[state.id] = ((state, name, mentioned, due), row(lens, state, name, mentioned, due))
    return known[1]


def row(lens: Lens, state: State, name: str, mentioned: Iterable[int] = (), due: Due | None = None) -> views.ListRow:
    brand = lens.brands.get(state.brand)
    brand_name = brand.name.split()[0] if brand and len(lens.brands) > 1 else ""
    writer = {"customer": "", "bot": t("Bot"), "system": t("Desk")}.get(state.last_by)
    assignee = lens.face(state.assignee)
    if writer is None:
        writer = assignee.name.split()[0] if assignee else t("We")
    return views.ListRow(
        id=state.id,
        person=name,
        hue=formats.hue(name),
        initials=formats.initials(name),
        subject=state.subject,
        preview=state.preview or (t("A message was taken back") if state.messages else ""),
        words_by=writer,
        brand=brand_name,
        brand_hue=formats.hue(brand_name),
        channel=lens.labels.get(state.channel, state.channel),
        glyph=lens.glyph(state.channel),
        status=shown_status(state),
        last_at=state.last_at,
        waiting_since=state.waiting_since if state.status == talk.OPEN else None,
        due=due.due if due else None,
        near=due.near if due else None,
        promise=due.kind if due else "",
        snoozed_until=state.snoozed_until,
        tags=state.tags,
        assignee=assignee,
        failed=state.failed > 0,
        tokens=(*tokens(state, mentioned), *(("due",) if due else ())),
        order=-to_micros(state.last_at),
        waits=to_micros(state.waiting_since) if state.waiting_since else 0,
        dues=to_micros(due.due) if due else 0,
        priority=PRIORITIES[state.priority] if state.priority < USUAL else "",
        ranks=state.priority * RANKS + (to_micros(state.waiting_since) if state.waiting_since else 0),
        seq=state.seq,
    )


def shown_status(state: State) -> str:
    return "waiting" if state.status == talk.OPEN and state.waiting_since else state.status


def tokens(state: State, mentioned: Iterable[int] = ()) -> tuple[str, ...]:
    """The views a row belongs to, in the words of `token_of`."""
    found = ["all", *(v.replace("agent/", "agent-") for v in talk.views(state))]
    if state.failed:
        found.append("failed")
    if state.status == talk.OPEN and state.waiting_since:
        found.append("pressing")
    if state.status != talk.CLOSED:
        found.append(f"priority:{PRIORITIES[state.priority]}")
        found += [f"language:{state.language}"] if state.language else []
        found += [f"mention-{agent}" for agent in mentioned]
    return tuple(found)


def facts(lens: Lens, state: State) -> views.Facts:
    due = lens.due(state.id)
    return views.Facts(
        status=shown_status(state),
        subject=state.subject,
        assignee=lens.face(state.assignee),
        tags=state.tags,
        snoozed_until=state.snoozed_until,
        waiting_since=state.waiting_since if state.status == talk.OPEN else None,
        due=due.due if due else None,
        near=due.near if due else None,
        promise=due.kind if due else "",
    )


# ── the conversation ────────────────────────────────────────────────────────────────────────


def conversation(
    lens: Lens,
    state: State,
    agent: setup.Agent,
    inboxes: Mapping[int, Inbox],
    lines: replies.Lines,
    before: int | None = None,
) -> views.ConversationPage:
    """Everything about one conversation. lines: who is in a live chat right now.

    before: show what came before this version instead of the newest, for who reads without scripts.
    """
    conn = lens.conn
    who = Viewer(agent=agent.id, role=agent.role, brands=agent.brands or None)
    told = inbox.history(conn, state.id, newest=SHOWN, before=before)
    history = [r for r in told if type(r.event) in SHOWN_EVENTS]
    teller = Teller(lens, state, history, inboxes)
    turns = arrange(teller.turns(history), lens.labels, UTC, lens.now)
    brand = lens.brands.get(state.brand)
    reply, note = desk_notes.draft(conn, agent.id, state.id)
    due = lens.due(state.id)
    model = language_model.settings(conn) if who.may_act else language_model.Settings()
    return views.ConversationPage(
        id=state.id,
        seq=log.head(conn),
        subject=state.subject,
        status=shown_status(state),
        brand=brand.name if brand else "",
        channel=lens.labels.get(state.channel, state.channel),
        glyph=lens.glyph(state.channel),
        turns=tuple(turns),
        composer=composer(lens, state, inboxes, lines, reply, note, may_write=who.may_act, history=told),
        person=person_pane(lens, state.person, who, state.id),
        assignee=lens.face(state.assignee),
        tags=state.tags,
        suggested=_suggested(conn, state),
        waiting_since=state.waiting_since if state.status == talk.OPEN else None,
        due=due.due if due else None,
        near=due.near if due else None,
        promise=due.kind if due else "",
        policy=promises.policy_name(conn, due.policy) if due else "",
        snoozed_until=state.snoozed_until,
        earlier=earlier_than(told),
        row=row(lens, state, teller.name, desk_notes.mentioned_in(conn, [state.id]).get(state.id, ()), due),
        callable=who.may_act and _callable(lens, state, inboxes),
        translates=model.on and model.translations,
        sums_up=model.on and model.summaries,
        found=sorted_by.found(conn, state, who),
    )


def _callable(lens: Lens, state: State, inboxes: Mapping[int, Inbox]) -> bool:
    kinds = {address.kind for address in lens.addresses(state.person)}
    here = [box for box in inboxes.values() if box.brand == state.brand and voice.offered(box, lens.channels)]
    return any(lens.channels[box.channel].manifest.identity_kind in kinds for box in here)


def _suggested(conn: Connection, state: State) -> tuple[str, str]:
    """A tag that fits and is not there yet, with how likely it does."""
    found = topics.suggested(conn, state.id)
    return (found[0], formats.percent(found[1])) if found and found[0] not in state.tags else ("", "")


def earlier_than(told: Sequence[e.Recorded]) -> str | None:
    """The cursor of what came before these events; None when they begin at the beginning."""
    return str(told[0].version) if told and told[0].version > 1 else None


def earlier_turns(
    lens: Lens, state: State, inboxes: Mapping[int, Inbox], before: int
) -> tuple[list[views.Turn], str | None]:
    """Turns from before a version of the conversation, and the cursor of those before them."""
    told = inbox.history(lens.conn, state.id, newest=SHOWN, before=before)
    history = [r for r in told if type(r.event) in SHOWN_EVENTS]
    turns = Teller(lens, state, history, inboxes).turns(history)
    return arrange(turns, lens.labels, UTC, lens.now), earlier_than(told)


def composer(
    lens: Lens,
    state: State,
    inboxes: Mapping[int, Inbox],
    lines: replies.Lines,
    reply: str,
    note: str,
    *,
    may_write: bool,
    history: Sequence[e.Recorded] | None = None,
) -> views.Composer:
    known = lens.addresses(state.person)
    boxes = list(inboxes.values())
    ways = replies.ways(lens.conn, state, boxes, lens.channels, lines, known=known, history=history, now=lens.now)
    last = replies.last_received(lens.conn, state, history)
    usual = replies.usual_way(ways, last)
    shut = [way for way in ways if last and way.inbox.id == last.inbox]
    closed_last = shut[0] if shut and not any(way.open for way in ways) else None  # says why nothing can be sent
    wishes = _wishes(lens.conn, [way.identity.id for way in ways if way.identity])
    everybody = _everybody(lens, state, last, history)
    choices = tuple(
        views.ChannelChoice(
            identity=way.identity.id if way.identity else 0,
            inbox=way.inbox.id,
            label=lens.labels.get(way.inbox.channel, way.inbox.channel),
            glyph=lens.glyph(way.inbox.channel),
            address=way.identity.value if way.identity and way.identity.kind == "mail" else way.inbox.name,
            open=way.open,
            reason=t(way.why_not) if way.why_not else _away(way, lens.now),
            note=", ".join(_noted(lens, way, wishes)),
            chosen=way is (usual or closed_last),
            copies=lens.channels[way.inbox.channel].manifest.copies,
            cc=tuple(mail for mail in everybody if way.identity and mail != way.identity.value),
            html=lens.channels[way.inbox.channel].manifest.html,
        )
        for way in sorted(ways, key=lambda way: not way.open)
    )
    nobody = state.quarantined and last is None
    closed = t("Nobody can be answered here: the message could not be read.") if nobody else ""
    offers = _onward(lens, last.inbox if last else state.inbox, state, boxes) if may_write and last else ()
    return views.Composer(
        onward=offers,
        channels=choices,
        templates=_templates(lens, ways) if may_write else (),
        draft=reply,
        draft_note=note,
        sounds=not lens.tone(state.brand).silent,
        may_write=may_write,
        closed=closed,
    )


def _everybody(
    lens: Lens, state: State, last: e.MessageReceived | None, history: Sequence[e.Recorded] | None
) -> tuple[str, ...]:
    """Whom a reply to all reaches, where the last word came by a channel that carries copies."""
    if last is None or not lens.channels[last.channel].manifest.copies:
        return ()
    told = inbox.history(lens.conn, state.id, newest=60) if history is None else history
    said, own = copies.answered(told), {address.id: address for address in lens.addresses(state.person)}
    if said is not None and not said.cc and said.identity in own:  # nobody else is on it, as on most
        return (own[said.identity].value,) if own[said.identity].kind == "mail" else ()
    openly, _ = copies.checked(lens.conn, "", copies.of_all(lens.conn, state.id, told)[: copies.MOST], ())
    return openly


def _onward(lens: Lens, here: int, state: State, boxes: Sequence[Inbox]) -> tuple[views.Onward, ...]:
    """Channels to which a link can be sent, and calls."""
    found = []
    for call in (False, True):
        ways = passages.onward(here, state.brand, boxes, lens.channels, "", "", "", call=call)
        found += [views.Onward(inbox=way.inbox, label=way.label, glyph=way.glyph, call=call) for way in ways]
    return tuple(found)


def _templates(lens: Lens, ways: Sequence[replies.Way]) -> tuple[views.TemplateChoice, ...]:
    """What may still be sent where too much time has passed for anything else."""
    return tuple(
        views.TemplateChoice(
            identity=way.identity.id,
            inbox=way.inbox.id,
            key=one.key,
            name=one.name.replace("_", " "),
            language=one.language,
            text=one.text,
            places=one.places,
            channel=lens.labels.get(way.inbox.channel, way.inbox.channel),
            note=", ".join(t(part) for part in (one.costs, FOR_OFFERS if one.offers else "") if part),
            stopped=t(one.stopped),
        )
        for way in ways
        if way.over and way.identity
        for one in sorted(templates.of_inbox(lens.conn, way.inbox.id), key=lambda one: bool(one.stopped))
    )


def _wishes(conn: Connection, identities: Sequence[int]) -> dict[int, list[str]]:
    """What the holders of addresses said that they want or do not want, in words."""
    found: dict[int, list[str]] = {}
    for one in consent.of(conn, identities):
        words = WANTED if one.given else UNWANTED
        if one.purpose in words:
            found.setdefault(one.identity, []).append(t(words[one.purpose]))
    return found


def _noted(lens: Lens, way: replies.Way, wishes: Mapping[int, Sequence[str]]) -> list[str]:
    """When they last wrote there, how sure it is that it is them, what they want there, what it costs."""
    told = [_used(way, lens.now), *(wishes.get(way.identity.id, ()) if way.identity else ())]
    costs = lens.channels[way.inbox.channel].manifest.costs
    return [part for part in (*told, t(costs) if costs and way.open else "") if part]


def _used(way: replies.Way, now: datetime) -> str:
    """When they last wrote there, and how sure it is that it is them."""
    told = [t("wrote {time}", time=_past(way.heard_at, now))] if way.heard_at else []
    if way.open and way.identity and way.identity.proof:
        told.append(t("proved: {how}", how=t(way.identity.proof)))
    return ", ".join(told)


def _away(way: replies.Way, now: datetime) -> str:
    """What happens to an answer on a live channel that they have left."""
    if not way.away:
        return ""
    if way.left_at:
        return t("They left the chat {time}; they will see it when they come back.", time=_past(way.left_at, now))
    if way.seen_at:
        return t("They were last here {time}; they will see it when they come back.", time=_past(way.seen_at, now))
    return t("They are not here; they will see it when they come back.")


def _past(then: datetime, now: datetime) -> str:
    distance = formats.ago(then, now)
    if distance == "now":
        return t("just now")
    if distance.endswith((" min", " h")):
        return t("{distance} ago", distance=distance)
    return t("on {day}", day=distance)


# ── the person ──────────────────────────────────────────────────────────────────────────────

FOR_OFFERS = "only to those who want offers"
WANTED = {"offers": "wants offers"}
UNWANTED = {"replies": "wants no messages", "surveys": "no surveys", "notices": "no notices", "offers": "no offers"}
GLYPHS = {"mail": "mail", "phone": "phone", "visitor": "globe", "user": "user"}
TONES = {"delivered": "good", "in transit": "good", "cancelled": "warn", "returned": "warn"}


def person_pane(lens: Lens, number: int, who: Viewer, current: int | None = None) -> views.PersonPane:
    conn = lens.conn
    one = lens.person(number)
    known = lens.addresses(number)
    name = people.display_name(one, known)
    talks = inbox.of_person(conn, number, who, 30)
    scores = surveys.scores_of(conn, [s.id for s in talks])
    mails = [i.value for i in known if i.kind == "mail"]
    bought = orders.of_mails(conn, mails, 8)
    here = next((s.brand for s in talks if s.id == current), talks[0].brand if talks else 0)
    local = clock.of(conn, known, here, lens.now)
    return views.PersonPane(
        time_zone=local.zone,
        zone_from=local.source,
        quiet_until=local.quiet_until,
        id=number,
        name=name,
        initials=formats.initials(name),
        hue=formats.hue(name),
        since=one.met_at,
        identities=_identities(known),
        orders=tuple(_order(o) for o in bought),
        earlier=tuple(_earlier(lens, s, s.id == current, scores.get(s.id)) for s in talks),
        ratings=tuple(score for s in talks if (score := scores.get(s.id)))[:8],
        facts=_worth(bought),
        pages=_pages(
            journeys.seen_by(conn, who, [i.id for i in known if i.kind == "visitor"], [s.id for s in talks]),
            next((s.opened_at for s in talks if s.id == current), None),
        ),
    )


def _pages(seen: Sequence[visits.Visited], opened: datetime | None) -> tuple[views.PageLine, ...]:
    """What they looked at on the website, the newest first; beside a conversation those around its beginning."""
    if opened is not None:
        seen = [one for one in seen if one.at > opened - BEFORE_WRITING] or seen
    return tuple(
        views.PageLine(
            text=one.page if one.name == PAGE else f"{one.name.replace('_', ' ')} · {one.page}",
            at=one.at,
            before=_before(one.at, opened),
        )
        for one in seen[:PAGES_SHOWN]
    )


def _before(at: datetime, opened: datetime | None) -> str:
    if opened is None or not timedelta() <= opened - at <= BEFORE_WRITING:
        return ""
    minutes = round((opened - at).total_seconds() / 60)
    return t("{n} min before writing", n=minutes) if minutes else t("just before writing")


def _identities(known: Sequence[people.Identity]) -> tuple[views.IdentityLine, ...]:
    """Addresses people can read; the many browsers of one visitor are one line."""
    browsers = [i for i in known if i.kind == "visitor"]
    readable = [i for i in known if i.kind not in ("visitor", "nobody")]
    return tuple(_identity(i, len(browsers)) for i in (*readable, *browsers[-1:]))


def _identity(i: people.Identity, browsers: int) -> views.IdentityLine:
    value = i.value
    if i.kind == "visitor":
        value = t("Website visitor") if browsers == 1 else t("Website visitor, {n} browsers", n=browsers)
    elif i.kind == "user":
        value = t("Customer {id}", id=i.value.rpartition("/")[2])
    return views.IdentityLine(
        id=i.id, kind=i.kind, glyph=GLYPHS.get(i.kind, "at-sign"), value=value, proof=i.proof or ""
    )


def _order(o: orders.Order) -> views.OrderLine:
    items = tuple(f"{i.quantity} × {i.name}" if i.quantity > 1 else i.name for i in o.items)
    total = f"{o.currency} {o.cents / 100:,.2f}" if o.cents else ""
    tone = TONES.get(o.status, "quiet")
    return views.OrderLine(number=o.number, state=t(o.status), tone=tone, total=total, at=o.placed_at, items=items)


def _worth(bought: Sequence[orders.Order]) -> tuple[tuple[str, str], ...]:
    counted = [o for o in bought if o.status not in ("cancelled", "returned")]
    if not counted:
        return ()
    sum_ = sum(o.cents for o in counted) / 100
    words = t("{sum} in one order") if len(counted) == 1 else t("{sum} in {n} orders")
    return ((t("Bought"), words.format(sum=f"{counted[0].currency} {sum_:,.2f}", n=len(counted))),)


def _earlier(lens: Lens, state: State, current: bool, score: int | None) -> views.EarlierLine:
    return views.EarlierLine(
        id=state.id,
        subject=state.subject or state.preview,
        status=shown_status(state),
        glyph=lens.glyph(state.channel),
        channel=lens.labels.get(state.channel, state.channel),
        at=state.last_at,
        current=current,
        score=score,
    )


def person_page(lens: Lens, number: int, who: Viewer, inboxes: Mapping[int, Inbox]) -> views.PersonPage:
    """The person with everything they and we said, on all channels, as one timeline."""
    turns: list[views.Turn] = []
    for state in inbox.of_person(lens.conn, number, who, 20):
        history = [r for r in inbox.history(lens.conn, state.id, newest=120) if type(r.event) in SHOWN_EVENTS]
        teller = Teller(lens, state, history, inboxes)  # which also has to know what became of each message later
        turns += teller.turns([r for r in history if isinstance(r.event, ON_TIMELINE)])
    turns.sort(key=lambda turn: turn.at or lens.now)
    merges = tuple(
        views.MergeLine(id=m.absorbed, name=m.name, at=m.at, reason=m.reason)
        for m in people.merges_of(lens.conn, number)
    )
    shown = arrange(turns[-SHOWN:], lens.labels, UTC, lens.now)
    return views.PersonPage(pane=person_pane(lens, number, who), turns=tuple(shown), merges=merges)


ON_TIMELINE = (e.MessageReceived, e.ReplyWritten, e.NoteWritten, e.HandoffAsked, e.SurveyAnswered, e.Closed)
