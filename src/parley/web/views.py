"""What the pages show: one struct per thing on the screen, filled by handlers, read by templates.

Times are aware UTC datetimes; formats make them relative, with the exact moment on hover. `hue`
(0-359) colours a face made of initials, see `formats.hue`. A `glyph` is an icon name of the sprite.
Nothing here decides what may be seen: handlers hand over only what the reader may see.
"""

from datetime import datetime

import msgspec

from parley.core.ice import IceServer


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all view models."""


class Face(View, frozen=True, kw_only=True):
    """A human or the bot, small enough to stand beside a message."""

    name: str
    initials: str = ""
    hue: int = 0
    id: int | None = None
    presence: str = ""
    bot: bool = False


class ListView(View, frozen=True, kw_only=True):
    """A slice of the inbox (Waiting, Mine …).

    key: its place in the URL. token: what a row carries in `ListRow.tokens` when it belongs here,
    equal for all readers ("waiting") or naming the reader ("agent-12"), so that one rendered row
    serves every live page.
    """

    key: str
    token: str
    label: str
    glyph: str
    count: int | None = None
    empty: str = ""


class Shell(View, frozen=True, kw_only=True):
    """What surrounds every page of the desk.

    seq: the log's place when the page was made; the live stream goes on from there.
    section: which entry of the rail is current (inbox, people, knowledge, numbers, settings).
    keys: single-key shortcuts are on. theme: auto, light or dark. calls: calls ring here.
    sections: entries of the rail this reader may open. reviews: articles of theirs that are to be read over by now.
    """

    me: Face
    role: str
    csrf: str
    seq: int
    section: str
    company: str
    views: tuple[ListView, ...] = ()
    sections: tuple[str, ...] = ("inbox", "people", "knowledge", "numbers", "settings")
    keys: bool = True
    theme: str = "auto"
    calls: bool = False
    live: bool = True
    notice: str = ""
    reviews: int = 0


class ListRow(View, frozen=True, kw_only=True):
    """A conversation in the list.

    order: rows stand in ascending order of it (minus the time of the last word, in microseconds);
    in the view of those who wait, in ascending order of `waits` (since when). words_by: "" for the customer, else
    whose words the preview shows ("You", "Bot", "Ana"). due: when the promise that ends first breaks, near: when it is
    time to hurry, promise: what it is (first, next, resolution); `dues` orders the view of what is due. priority:
    urgent or high, else empty; `ranks` orders the view of what is most pressing.
    """

    id: int
    person: str
    hue: int
    initials: str
    subject: str
    preview: str
    words_by: str = ""
    brand: str = ""
    brand_hue: int = 0
    channel: str
    glyph: str
    status: str
    last_at: datetime
    waiting_since: datetime | None = None
    due: datetime | None = None
    near: datetime | None = None
    promise: str = ""
    snoozed_until: datetime | None = None
    tags: tuple[str, ...] = ()
    assignee: Face | None = None
    failed: bool = False
    tokens: tuple[str, ...] = ()
    order: int = 0
    waits: int = 0
    dues: int = 0
    priority: str = ""
    ranks: int = 0
    seq: int = 0


class Filter(View, frozen=True, kw_only=True):
    """A way to narrow the list down."""

    key: str
    label: str
    here: bool = False


class IncidentLine(View, frozen=True, kw_only=True):
    """An incident that runs, in one line."""

    id: int
    name: str
    people: int
    since: datetime


class ListPage(View, frozen=True, kw_only=True):
    """One page of rows; `after` is the cursor of the next page, None at the end. doorless: there is no inbox yet."""

    view: ListView
    rows: tuple[ListRow, ...]
    after: str | None = None
    doorless: bool = False
    priorities: tuple[Filter, ...] = ()
    languages: tuple[Filter, ...] = ()
    incidents: tuple[IncidentLine, ...] = ()


# ── the conversation ────────────────────────────────────────────────────────────────────────


class FileLink(View, frozen=True, kw_only=True):
    """A file to open; `picture` ones show a thumbnail, `sound` can be played. `size` in bytes."""

    name: str
    href: str
    size: int
    picture: bool = False
    sound: bool = False
    thumb: str = ""


class Transcript(View, frozen=True, kw_only=True):
    """What was said in a recording, and who wrote it down or why nobody did."""

    text: str
    told: str


class SourceChip(View, frozen=True, kw_only=True):
    """Where the bot's answer came from; `confidence` is 0..1."""

    kind: str
    title: str
    href: str = ""
    passage: str = ""
    confidence: float | None = None


class Message(View, frozen=True, kw_only=True):
    """Words that were exchanged.

    side: them (the customer), us (agent), bot, system (survey, code, notice).
    text: the new part; folded: quote and signature after it. frame: URL of the mail's own layout, shown
    instead of the text when `framed`; `frame_height` in pixels, estimated by `formats.frame_height`.
    remote_images: the mail has pictures that would be fetched from elsewhere; not loaded until asked.
    former: the wordings before the one that stands, oldest first. withdrawn: the customer took it back.
    signs: what was put on it, as (sign, by whom). secret: where a code that was hidden in it is shown.
    awaited: a sentence for each file that is not here yet, or will not come. transcripts: of a call's recordings.
    state: queued, sent, delivered, read, delayed, failed, planned, cancelled; empty for what came in. held: it can
    still be taken back. reason: why it failed or waits; can_retry: a replay may help; next_try: when it is tried again
    by itself, or goes at all. parts: how many messages the network makes of it, where it charges for each.
    """

    id: int
    side: str
    author: Face
    at: datetime
    channel: str
    glyph: str
    text: str = ""
    folded: str = ""
    frame: str = ""
    framed: bool = False
    frame_height: int = 200
    remote_images: bool = False
    subject: str = ""
    to: str = ""
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    files: tuple[FileLink, ...] = ()
    awaited: tuple[str, ...] = ()
    transcripts: tuple[Transcript, ...] = ()
    sources: tuple[SourceChip, ...] = ()
    confidence: float | None = None
    state: str = ""
    reason: str = ""
    can_retry: bool = False
    next_try: datetime | None = None
    parts: int = 0
    client_id: str = ""
    secret: str = ""
    unverified: bool = False
    rejected: bool = False
    proved: bool = False
    doubt: str = ""
    checks: str = ""
    erased: bool = False
    withdrawn: bool = False
    held: bool = False
    conversation: int = 0
    former: tuple[str, ...] = ()
    signs: tuple[tuple[str, str], ...] = ()
    continued: bool = False
    kind: str = "message"


class Note(View, frozen=True, kw_only=True):
    """An internal note."""

    id: int
    author: Face
    at: datetime
    text: str
    files: tuple[FileLink, ...] = ()
    awaited: tuple[str, ...] = ()
    transcripts: tuple[Transcript, ...] = ()
    client_id: str = ""
    kind: str = "note"


class Fact(View, frozen=True, kw_only=True):
    """Something the desk did, as one quiet line: "Ana took it", "tagged refund"."""

    id: int
    glyph: str
    text: str
    at: datetime
    kind: str = "fact"


class Gap(View, frozen=True, kw_only=True):
    """The talk went on elsewhere ("went on by e-mail") or on another day."""

    text: str
    glyph: str = ""
    at: datetime | None = None
    id: str = ""
    kind: str = "gap"


class Handover(View, frozen=True, kw_only=True):
    """The bot's briefing for the human who takes over. agrees: the conversation in which their yes is waited for."""

    id: int
    at: datetime
    reason: str
    wish: str = ""
    known: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    suggestion: str = ""
    agrees: int = 0
    kind: str = "handover"


class Rating(View, frozen=True, kw_only=True):
    """The customer's answer to a survey. stars: 1 to 5, for the scale that has them; told: any other scale, in words;
    neither where the answer is words alone, which stand in `comment`."""

    id: int
    at: datetime
    stars: int = 0
    told: str = ""
    comment: str = ""
    channel: str = ""
    kind: str = "rating"


class Quarantine(View, frozen=True, kw_only=True):
    """A delivery that could not be read; `raw` is the URL of its bytes."""

    id: int
    at: datetime
    reason: str
    raw: str = ""
    kind: str = "quarantine"


Turn = Message | Note | Fact | Gap | Handover | Rating | Quarantine


class ChannelChoice(View, frozen=True, kw_only=True):
    """A way to reach the person: their address on one of our inboxes. Closed ones say why.

    note: when they last wrote there, how it is known that it is them, what they want there, and what it costs.
    copies: others can get a copy; cc: who gets one when all are answered. html: pictures can stand inside the words.
    """

    identity: int
    inbox: int
    label: str
    glyph: str
    address: str
    open: bool = True
    reason: str = ""
    note: str = ""
    chosen: bool = False
    copies: bool = False
    cc: tuple[str, ...] = ()
    html: bool = False


class TemplateChoice(View, frozen=True, kw_only=True):
    """A template that may be sent to an address at an inbox, with its places to be filled; stopped: or why not."""

    identity: int
    inbox: int
    key: str
    name: str
    language: str
    text: str
    places: tuple[str, ...] = ()
    channel: str = ""
    note: str = ""
    stopped: str = ""


class Onward(View, frozen=True, kw_only=True):
    """A channel on which the customer can be asked to go on; `call`: to speak there."""

    inbox: int
    label: str
    glyph: str
    call: bool = False


class Composer(View, frozen=True, kw_only=True):
    """Where the answer is written. `closed`: why nobody can be answered at all, else empty. sounds: the brand has rules
    for how an answer sounds."""

    channels: tuple[ChannelChoice, ...]
    templates: tuple[TemplateChoice, ...] = ()
    onward: tuple[Onward, ...] = ()
    draft: str = ""
    draft_note: str = ""
    signature: str = ""
    suggestion: str = ""
    suggestion_source: str = ""
    sounds: bool = False
    may_write: bool = True
    closed: str = ""


class Viewer(View, frozen=True, kw_only=True):
    """Another agent on this conversation; `doing` is viewing, writing or noting."""

    face: Face
    doing: str = "viewing"


class Choice(View, frozen=True, kw_only=True):
    value: str
    label: str
    chosen: bool = False


class Why(View, frozen=True, kw_only=True):
    """One thing that was noticed. words: the customer's own. decided: the priority follows from it."""

    label: str
    words: str = ""
    more: str = ""
    decided: bool = False


class FoundChip(View, frozen=True, kw_only=True):
    """Something triage found, to be corrected. choices: what it may be instead; none: it is typed. fixed: an agent set
    it, in place of `was`."""

    what: str
    label: str
    value: str
    glyph: str
    tone: str = ""
    why: tuple[Why, ...] = ()
    choices: tuple[Choice, ...] = ()
    fixed: bool = False
    was: str = ""


class Related(View, frozen=True, kw_only=True):
    """A conversation that may be about the same. verdict: merged, linked or empty."""

    id: int
    text: str
    why: str
    verdict: str = ""
    mergeable: bool = False
    judges: bool = False


class Found(View, frozen=True, kw_only=True):
    """What triage found of a conversation."""

    chips: tuple[FoundChip, ...] = ()
    related: tuple[Related, ...] = ()
    incident: tuple[int, str] | None = None
    may_act: bool = False


class ConversationPage(View, frozen=True, kw_only=True):
    """One conversation with everything beside it.

    seq: the log's place it shows; earlier: cursor for turns before the first shown, None when complete.
    suggested: a tag that fits, and how likely it does, in words. callable: they have a chat in which one can speak.
    """

    id: int
    seq: int
    subject: str
    status: str
    brand: str
    channel: str
    glyph: str
    turns: tuple[Turn, ...]
    composer: Composer
    person: "PersonPane"
    assignee: Face | None = None
    tags: tuple[str, ...] = ()
    suggested: tuple[str, str] = ("", "")
    waiting_since: datetime | None = None
    due: datetime | None = None
    near: datetime | None = None
    promise: str = ""
    policy: str = ""
    snoozed_until: datetime | None = None
    viewers: tuple[Viewer, ...] = ()
    earlier: str | None = None
    row: ListRow | None = None
    callable: bool = False
    found: Found = Found()


# ── the person ──────────────────────────────────────────────────────────────────────────────


class IdentityLine(View, frozen=True, kw_only=True):
    """An address of the person. proof: "code", "link", "signed by shop" …; empty when only claimed."""

    id: int
    kind: str
    glyph: str
    value: str
    proof: str = ""


class OrderLine(View, frozen=True, kw_only=True):
    """An order in the company's own system; tone: good, warn, bad or quiet."""

    number: str
    state: str
    tone: str = "quiet"
    total: str = ""
    at: datetime | None = None
    items: tuple[str, ...] = ()
    href: str = ""


class EarlierLine(View, frozen=True, kw_only=True):
    """Another conversation of the same person."""

    id: int
    subject: str
    status: str
    glyph: str
    channel: str
    at: datetime
    current: bool = False
    score: int | None = None


class PageLine(View, frozen=True, kw_only=True):
    """What a visitor did on the website. before: how long before they wrote, in words; empty for what came later."""

    text: str
    at: datetime
    before: str = ""


class PersonPane(View, frozen=True, kw_only=True):
    """The human behind the conversation. facts: further (label, value) pairs. zone_from: what told their time zone.
    quiet_until: when quiet hours end for them, by their clock; empty while there are none.
    """

    id: int
    name: str
    initials: str
    hue: int
    company: str = ""
    since: datetime | None = None
    time_zone: str = ""
    zone_from: str = ""
    quiet_until: str = ""
    language: str = ""
    identities: tuple[IdentityLine, ...] = ()
    orders: tuple[OrderLine, ...] = ()
    earlier: tuple[EarlierLine, ...] = ()
    ratings: tuple[int, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    page: str = ""
    pages: tuple[PageLine, ...] = ()


class PersonPage(View, frozen=True, kw_only=True):
    """The person's own page: the pane, and all turns on all channels as one timeline."""

    pane: PersonPane
    turns: tuple[Turn, ...]
    merges: tuple["MergeLine", ...] = ()
    alike: tuple["SamePerson", ...] = ()


class MergeLine(View, frozen=True, kw_only=True):
    """An earlier merge that can be undone."""

    id: int
    name: str
    at: datetime
    reason: str = ""


class PersonRow(View, frozen=True, kw_only=True):
    """A person in a list."""

    id: int
    name: str
    initials: str
    hue: int
    addresses: tuple[str, ...] = ()
    company: str = ""
    conversations: int = 0
    open: int = 0
    last_at: datetime | None = None


class SamePerson(View, frozen=True, kw_only=True):
    """Somebody who may be the same human, with what speaks for it."""

    row: PersonRow
    reasons: tuple[str, ...]
    percent: int


# ── live ────────────────────────────────────────────────────────────────────────────────────


class Facts(View, frozen=True, kw_only=True):
    """The few facts of a conversation that controls show."""

    status: str
    subject: str
    assignee: Face | None = None
    tags: tuple[str, ...] = ()
    snoozed_until: datetime | None = None
    waiting_since: datetime | None = None
    due: datetime | None = None
    near: datetime | None = None
    promise: str = ""


class Change(View, frozen=True, kw_only=True, omit_defaults=True):
    """What a live page applies, and what every act answers to a script.

    found: what triage found of it changed; a page that shows it asks for it.
    row: the list row's HTML, None when unchanged. turns: HTML of the new and changed turns.
    counts: view token → how many, only those that changed.
    """

    seq: int
    kind: str
    conversation: int
    row: str | None = None
    turns: str = ""
    facts: Facts | None = None
    found: bool = False
    counts: dict[str, int] = {}


class PresenceChange(View, frozen=True, kw_only=True):
    """Who is on a conversation right now; `customer_typing` where the channel can tell."""

    conversation: int
    viewers: tuple[Viewer, ...] = ()
    customer_typing: bool = False
    kind: str = "presence"


class CallChange(View, frozen=True, kw_only=True):
    """How a call stands that the desk takes. agent: who is on it. who: the customer, once they are known.
    phone: they are on the telephone, and the sound never comes here.

    ice: for the agent who is on it, the servers that help the browsers find each other.
    """

    call: str
    state: str
    outgoing: bool
    began: datetime
    agent: int | None = None
    conversation: int | None = None
    who: str = ""
    answered: datetime | None = None
    cause: str = ""
    declined: tuple[int, ...] = ()
    ice: tuple[IceServer, ...] = ()
    phone: bool = False
    kind: str = "call"


class AgentChoice(View, frozen=True, kw_only=True):
    """An agent who can be given work."""

    id: int
    name: str
    initials: str
    hue: int
    presence: str
    open: int = 0
    skills: tuple[str, ...] = ()


class Macro(View, frozen=True, kw_only=True):
    """A prepared answer, found by its name."""

    name: str
    text: str


class Choices(View, frozen=True, kw_only=True):
    """What menus offer: fetched once by the desk as JSON from /desk/choices."""

    me: int
    agents: tuple[AgentChoice, ...]
    tags: tuple[str, ...]
    macros: tuple[Macro, ...]


# ── search, knowledge, settings ─────────────────────────────────────────────────────────────


class Hit(View, frozen=True, kw_only=True):
    """A found conversation; `passage` is escaped HTML with <mark> around the words."""

    row: ListRow
    passage: str


class SearchPage(View, frozen=True, kw_only=True):
    query: str
    hits: tuple[Hit, ...] = ()
    people: tuple[PersonRow, ...] = ()
    articles: tuple["ArticleRow", ...] = ()
    after: str | None = None


class ArticleRow(View, frozen=True, kw_only=True):
    """An article of the knowledge base. used: how often the bot leaned on it in the last 30 days."""

    id: int
    title: str
    slug: str
    summary: str = ""
    section: str = ""
    brand: str = ""
    published: bool = True
    internal: bool = False
    changed_at: datetime | None = None
    used: int = 0
    helpful: int | None = None


class ArticlePage(View, frozen=True, kw_only=True):
    """An article with its body as safe HTML and as the text it is edited in."""

    row: ArticleRow
    html: str
    source: str = ""
    author: str = ""
    tags: str = ""
    wordings: str = ""


class ArticleCare(View, frozen=True, kw_only=True):
    """Who looks after an article. owners: (value, name, chosen) of those who may; empty for who may not say.

    days: between two reviews as said for this article alone; None: as its brand.
    """

    owner: str = ""
    days: int | None = None
    due: datetime | None = None
    overdue: bool = False
    reviewed_at: datetime | None = None
    reviewer: str = ""
    may_act: bool = False
    owners: tuple[tuple[str, str, bool], ...] = ()


class Figure(View, frozen=True, kw_only=True):
    """A number with what it means. interval and note are formatted; tone as in `OrderLine`."""

    label: str
    value: str
    interval: str = ""
    n: int | None = None
    change: str = ""
    tone: str = "quiet"
    note: str = ""
    href: str = ""
    definition: str = ""


class Chart(View, frozen=True, kw_only=True):
    """A drawing made on the server. svg is safe markup; table holds the same numbers as rows of cells."""

    title: str
    svg: str
    lead: str = ""
    head: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    wide: bool = False
    note: str = ""


class NumbersPage(View, frozen=True, kw_only=True):
    """The numbers page. periods: (key, label, current). calendar: which hours and zone the figures use.

    kept: the part of an address that keeps what is picked when the period changes. every: all figures,
    for the table at the end. methods: (kind of figure, how sure it is). csv: the same figures as a table.
    drafts: what became of drafted answers, by source.
    """

    period: str
    periods: tuple[tuple[str, str, bool], ...]
    figures: tuple[Figure, ...]
    charts: tuple[Chart, ...]
    calendar: str
    as_of: datetime | None = None
    empty: str = ""
    kept: str = ""
    picks: tuple["Pick", ...] = ()
    every: tuple[Figure, ...] = ()
    methods: tuple[tuple[str, str], ...] = ()
    csv: str = ""
    drafts: tuple["DraftLine", ...] = ()


class DraftLine(View, frozen=True, kw_only=True):
    """How drafts from one source fared. used: accepted or edited, with its interval."""

    source: str
    n: int
    accepted: int
    edited: int
    rejected: int
    used: str
    interval: str


class Field(View, frozen=True, kw_only=True):
    """A number that may be tried out; unit stands behind it."""

    name: str
    label: str
    value: str
    least: str
    most: str
    step: str = "1"
    unit: str = ""
    hint: str = ""


class ForecastPage(View, frozen=True, kw_only=True):
    """Forecast and staffing. trials: (method, its error, chosen). slots: the half hours of the chosen day as cells.

    days: (key, label, current) of the days whose half hours can be shown; kept: the rest of the address.
    """

    figures: tuple[Figure, ...]
    charts: tuple[Chart, ...]
    fields: tuple[Field, ...]
    picks: tuple["Pick", ...] = ()
    trials: tuple[tuple[str, str, bool], ...] = ()
    method: str = ""
    head: tuple[str, ...] = ()
    slots: tuple[tuple[str, ...], ...] = ()
    days: tuple[tuple[str, str, bool], ...] = ()
    kept: str = ""
    csv: str = ""
    calendar: str = ""
    empty: str = ""


class Pick(View, frozen=True, kw_only=True):
    """A choice that narrows the figures; options are (value, label)."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str = ""


class CaseLine(View, frozen=True, kw_only=True):
    """A conversation behind a figure; value is formatted."""

    href: str
    subject: str
    person: str
    channel: str
    at: datetime
    value: str = ""


class CasesPage(View, frozen=True, kw_only=True):
    """What a figure is made of. cut: there are more than are shown."""

    title: str
    meaning: str
    back: str
    lines: tuple[CaseLine, ...]
    cut: bool = False


class InboxLine(View, frozen=True, kw_only=True):
    """An inbox in the settings. health: good, warn, bad or quiet. silent: nothing came for a day.

    passed: how many deliveries held no news for the desk; they are kept.
    """

    id: int
    name: str
    brand: str
    channel: str
    glyph: str
    address: str
    health: str = "quiet"
    said: str = ""
    said_at: datetime | None = None
    received_at: datetime | None = None
    passed: int = 0
    silent: bool = False
    with_bot: bool = False
    problems: tuple[str, ...] = ()


class ToneChoices(View, frozen=True, kw_only=True):
    """rules: key, label, what it says, what happens now. address: a language's code, its two forms, which is chosen."""

    rules: tuple[tuple[str, str, str, str], ...] = ()
    address: tuple[tuple[str, str, str], ...] = ()
    exclamations: int = 0
    words: int = 30


class BrandLine(View, frozen=True, kw_only=True):
    """letters: a language's code, sign-off, small print and line under messages; the last one has no language yet.
    signs: channels, by name and label, and whether that line stands there.
    """

    id: int
    name: str
    hue: int
    domain: str = ""
    inboxes: int = 0
    colour: str = ""
    sign_off: str = ""
    footer: str = ""
    letters: tuple[tuple[str, str, str, str], ...] = ()
    short: str = ""
    signs: tuple[tuple[str, str, bool], ...] = ()
    terms: str = ""
    tone: ToneChoices = ToneChoices()
    has_logo: bool = False


class AgentLine(View, frozen=True, kw_only=True):
    id: int
    face: Face
    mail: str
    role: str
    skills: tuple[str, ...] = ()
    open: int = 0
    capacity: float = 3.0
    last_at: datetime | None = None
    active: bool = True


class TokenLine(View, frozen=True, kw_only=True):
    id: int
    name: str
    scope: str
    made_at: datetime
    used_at: datetime | None = None
    by: str = ""


class TeamLine(View, frozen=True, kw_only=True):
    """A team on the settings page: what it is for and what its people can do."""

    name: str
    skills: tuple[str, ...] = ()
    about: str = ""


class SettingsPage(View, frozen=True, kw_only=True):
    """One page of settings. tab: inboxes, brands, agents, tokens or you. fresh: a new token, shown once."""

    tab: str
    inboxes: tuple[InboxLine, ...] = ()
    brands: tuple[BrandLine, ...] = ()
    agents: tuple[AgentLine, ...] = ()
    teams: tuple[TeamLine, ...] = ()
    tokens: tuple[TokenLine, ...] = ()
    fresh: str = ""
    signature: str = ""
    may_change: bool = True
    signs: tuple[tuple[str, str, bool], ...] = ()
    tone: ToneChoices = ToneChoices()


# ── public pages ────────────────────────────────────────────────────────────────────────────


class PublicShell(View, frozen=True, kw_only=True):
    """What surrounds a page of a brand's help centre. hue colours the head of the page.

    site: the brand's own website, where its chat is; contact: how to write to it.
    """

    brand: str
    hue: int = 262
    home: str = "/help"
    contact: str = ""
    language: str = "en"
    site: str = ""


class HelpSection(View, frozen=True, kw_only=True):
    title: str
    articles: tuple[ArticleRow, ...]


class HelpHome(View, frozen=True, kw_only=True):
    sections: tuple[HelpSection, ...]
    useful: tuple[ArticleRow, ...] = ()
    query: str = ""
    hits: tuple[ArticleRow, ...] = ()


class RatingPage(View, frozen=True, kw_only=True):
    """The customer's page of a question: `chosen` is None before a score was given; `closed`: why it can't be given.

    question: its words; steps: (score, label) of its scale, none where words are the answer. asked: its key.
    """

    subject: str
    action: str
    question: str
    steps: tuple[tuple[int, str], ...] = ()
    asked: str = ""
    chosen: int | None = None
    thanked: bool = False
    closed: str = ""


class Trouble(View, frozen=True, kw_only=True):
    """An error page: what happened, what was kept, what to do."""

    code: int
    title: str
    text: str
    href: str = ""
    link: str = ""
