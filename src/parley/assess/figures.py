"""Every figure of the report, by name: the report and `parley assess --figure NAME` call the very same function."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import median

import msgspec

from parley.assess.replay import LEAST, TRUST, Try, cut
from parley.assess.study import REPEAT_DAYS, Study
from parley.core.cases import Clock, waits
from parley.core.stats import Estimate, Interval, count_change, share, spread

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WAITS = 7 * 86_400.0  # seconds after which nobody counts any more on an answer
FEW = 5  # cases of a group below which no time is told of it


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as it is shown and printed. number, low, high: for those who reckon on with it."""

    key: str
    label: str
    value: str
    n: int
    of: str
    definition: str
    interval: str = ""
    number: float | None = None
    low: float | None = None
    high: float | None = None
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


FIGURES: dict[str, Callable[[Study], Figure]] = {}


def _figure(make: Callable[[Study], Figure]) -> Callable[[Study], Figure]:
    FIGURES[make.__name__] = make
    return make


# ── how values are written ──────────────────────────────────────────────────────────────────


def duration(seconds: float | None) -> str:
    """Seconds as a person would say them."""
    if seconds is None:
        return "unknown"
    for size, unit, upto in ((1, "s", 90), (60, "min", 90 * 60), (3600, "h", 48 * 3600)):
        if seconds < upto:
            return (
                f"{seconds / size:.0f} {unit}" if seconds / size >= 10 or size == 1 else f"{seconds / size:.1f} {unit}"
            )
    return f"{seconds / 86_400:.1f} days"


def percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value * 100:.0f} %" if 0.1 <= value <= 0.995 else f"{value * 100:.1f} %"


def between(interval: Interval, written: Callable[[float | None], str]) -> str:
    if interval.low is None and interval.high is None:
        return ""
    low, high = (written(edge) if edge is not None else "open" for edge in (interval.low, interval.high))
    return f"95 % interval {low} to {high}"


def _share(key: str, label: str, hits: int, n: int, of: str, definition: str, **more: object) -> Figure:
    found = share(hits, n)
    return Figure(
        key=key, label=label, value=percent(found.value) if n else "not known", n=n, of=of, definition=definition,
        interval=between(found.interval, percent), number=found.value, low=found.interval.low, high=found.interval.high,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _time(key: str, label: str, found: Estimate, clocks: Sequence[Clock], definition: str) -> Figure:
    running = sum(not clock.ended for clock in clocks)
    value = duration(found.value) if found.value is not None else "not reached" if clocks else "not known"
    return Figure(
        key=key, label=label, value=value, n=len(clocks), of=f"conversations, {running:,} of them still running",
        definition=definition + " Those still running count as lasting at least until the last message of the source "
        "(Kaplan and Meier 1958); interval after Brookmeyer and Crowley (1982).",
        interval=between(found.interval, duration), number=found.value, low=found.interval.low,
        high=found.interval.high,
    )  # fmt: skip


def _split(clocks: Iterable[Clock]) -> tuple[list[float], list[float]]:
    ended: list[float] = []
    running: list[float] = []
    for clock in clocks:
        (ended if clock.ended else running).append(clock.seconds)
    return ended, running


# ── volume ──────────────────────────────────────────────────────────────────────────────────


@_figure
def volume(study: Study) -> Figure:
    skipped = study.gathered.skipped
    return Figure(
        key="volume", label="Conversations", value=f"{len(study.cases):,}", n=study.gathered.messages,
        of="messages read", number=len(study.cases),
        definition="Conversations that a customer began. Messages belong together by what they answer, else by subject "
        "and customer within thirty days. A count of all there are, without interval.",
        heads=("left out", "messages"), rows=tuple((reason, f"{n:,}") for reason, n in sorted(skipped.items())),
    )  # fmt: skip


@_figure
def per_week(study: Study) -> Figure:
    full = [n for _, n in study.weeks[1:-1]] or [n for _, n in study.weeks]
    middle = median(full) if full else 0
    return Figure(
        key="per_week", label="Conversations a week", value=f"{middle:,.0f}", n=len(full), of="full weeks",
        number=middle, definition="Median over full weeks, Monday to Sunday, in the report's time zone; the first and "
        "the last week, which the source may cut, are left out.",
        heads=("week of", "conversations"), rows=tuple((f"{day:%Y-%m-%d}", f"{n:,}") for day, n in study.weeks),
    )  # fmt: skip


@_figure
def trend(study: Study) -> Figure:
    full = [n for _, n in study.weeks[1:-1]]
    half = len(full) // 2
    found = count_change(full[len(full) - half :], full[:half]) if half >= 2 else None
    value = f"{(found.value - 1) * 100:+.0f} %" if found and found.value else "too short to tell"
    chance = ", a change that may be chance" if found and found.value and not found.clear else ""
    return Figure(
        key="trend", label="Trend", value=value, n=half * 2, of=f"full weeks{chance}",
        number=found.value if found else None,
        interval=between(found.interval, lambda x: f"{((x or 0) - 1) * 100:+.0f} %") if found else "",
        definition="Conversations of the later half of all full weeks over those of the earlier half. The interval is "
        "widened by how much weeks scatter beyond chance.",
    )  # fmt: skip


@_figure
def busiest_hour(study: Study) -> Figure:
    n, day, hour = max((n, day, hour) for day, row in enumerate(study.hours) for hour, n in enumerate(row))
    total = sum(map(sum, study.hours))
    return Figure(
        key="busiest_hour", label="Busiest hour of the week", value=f"{DAYS[day]} {hour}:00" if total else "not known",
        n=total, of="conversations", number=n, definition="The hour of the week in which most conversations began, in "
        f"the report's time zone; {n:,} did in this one. The table counts every hour.",
        heads=("", *(str(hour) for hour in range(24))),
        rows=tuple((DAYS[d], *(str(x) for x in row)) for d, row in enumerate(study.hours)),
    )  # fmt: skip


@_figure
def outside_hours(study: Study) -> Figure:
    moments = [study.local(case.began) for case in study.cases]
    out = sum(not study.staffed[at.weekday()][at.hour] for at in moments)
    rows = tuple((DAYS[day], _spans(row)) for day, row in enumerate(study.staffed))
    return _share(
        "outside_hours", "Written while nobody answers", out, len(moments) if any(map(any, study.staffed)) else 0,
        "conversations",
        "Conversations that began in an hour of the week in which this desk hardly answers: fewer answers than a fifth "
        "of a busy hour's. The hours are told from the answers themselves and stand in the table. Wilson interval.",
        heads=("day", "hours with answers"), rows=rows,
    )  # fmt: skip


def _spans(row: Sequence[bool]) -> str:
    spans: list[list[int]] = []
    for hour, on in enumerate(row):
        if on and spans and spans[-1][1] == hour:
            spans[-1][1] = hour + 1
        elif on:
            spans.append([hour, hour + 1])
    return ", ".join(f"{a}:00–{b}:00" for a, b in spans) or "none"


@_figure
def channels(study: Study) -> Figure:
    places = Counter(case.channel for case in study.cases)
    times = defaultdict(list)
    for case, clock in zip(study.cases, study.firsts, strict=True):
        times[case.channel].append(clock)
    rows = tuple(
        (name, f"{n:,}", percent(n / len(study.cases)), _median(times[name])) for name, n in places.most_common(12)
    )
    return Figure(
        key="channels", label="Channels and addresses", value=str(len(places)), n=len(study.cases), number=len(places),
        of="conversations", definition="The channel, or the address of the desk, to which a conversation's first "
        "message went; the twelve busiest.", heads=("channel", "conversations", "share", "median first answer"),
        rows=rows,
    )  # fmt: skip


def _median(clocks: Sequence[Clock]) -> str:
    if len(clocks) < FEW:
        return f"n = {len(clocks)}, too few"
    found = spread(*_split(clocks)).median.value
    return duration(found) if found is not None else "not reached"


# ── times ───────────────────────────────────────────────────────────────────────────────────

_FIRST = "From the customer's first message to the first answer by a person; automatic answers do not count."
_SOLVED = (
    "To the close where the source tells of it; else to our last answer after which the customer was silent for seven "
    "days, a short message of thanks apart."
)


@_figure
def first_answer_median(study: Study) -> Figure:
    found = spread(*_split(study.firsts)).median
    return _time("first_answer_median", "First answer", found, study.firsts, _FIRST + " Half got it within this time.")


@_figure
def first_answer_p90(study: Study) -> Figure:
    found = spread(*_split(study.firsts)).p90
    meaning = _FIRST + " Nine of ten got it within this time."
    return _time("first_answer_p90", "First answer, slowest tenth", found, study.firsts, meaning)


@_figure
def resolution_median(study: Study) -> Figure:
    found = spread(*_split(study.resolutions)).median
    return _time("resolution_median", "Solved", found, study.resolutions, _SOLVED + " Half were solved by then.")


@_figure
def resolution_p90(study: Study) -> Figure:
    found = spread(*_split(study.resolutions)).p90
    meaning = _SOLVED + " Nine of ten were solved by then."
    return _time("resolution_p90", "Solved, slowest tenth", found, study.resolutions, meaning)


@_figure
def within_day(study: Study) -> Figure:
    known = [clock for clock in study.firsts if clock.ended or clock.seconds >= 86_400]
    return _share(
        "within_day", "Answered within a day", sum(c.ended and c.seconds <= 86_400 for c in known), len(known),
        "conversations that have an answer or are a day old", _FIRST + " Within 24 hours by the clock. Wilson "
        "interval.",
    )  # fmt: skip


@_figure
def unanswered(study: Study) -> Figure:
    old = [(case, clock) for case, clock in zip(study.cases, study.firsts, strict=True)
           if study.now - case.began >= 7 * 86_400]  # fmt: skip
    return _share(
        "unanswered", "Never answered by a person", sum(not clock.ended for _, clock in old), len(old),
        "conversations at least seven days old", "Conversations without any answer by a person, whatever the reason: "
        "some need none, some were answered elsewhere. Wilson interval.",
    )  # fmt: skip


@_figure
def waiting(study: Study) -> Figure:
    """Where the hours that customers wait lie."""
    first = later = closed = 0.0
    n = 0
    for case in study.cases:
        for begin, end, is_first in waits(case):
            n += 1
            out = _unstaffed(study, begin, end)
            closed += out
            first, later = first + (end - begin - out) * is_first, later + (end - begin - out) * (not is_first)
    total = first + later + closed
    parts = (("nobody at work", closed), ("for a first answer, in hours with answers", first),
             ("for a further answer, in hours with answers", later))  # fmt: skip
    return Figure(
        key="waiting", label="Waiting while nobody is at work", value=percent(closed / total) if total else "not known",
        n=n, of="waits that ended with an answer", number=closed / total if total else None,
        definition="All the time that customers waited for answers, split by whether it passed in hours of the week in "
        "which this desk answers (see outside_hours), and whether it was for the first answer. It is a split of "
        "all the "
        "waiting there was, without interval.",
        heads=("part of the waiting", "hours", "share"),
        rows=tuple((name, f"{s / 3600:,.0f}", percent(s / total)) for name, s in parts) if total else (),
    )  # fmt: skip


def _unstaffed(study: Study, begin: float, end: float) -> float:
    """Seconds between two moments that lie in hours without answers; long spans by whole weeks."""
    week = 7 * 86_400.0
    weeks, rest = divmod(end - begin, week)
    off = sum(not on for row in study.staffed for on in row) * 3600.0 * weeks
    at, last = end - rest, end
    moment = study.local(at)
    place = moment.weekday() * 24 + moment.hour
    step = 3600.0 - moment.minute * 60 - moment.second
    while at < last:
        part = min(step, last - at)
        off += 0.0 if study.staffed[place // 24 % 7][place % 24] else part
        at, place, step = at + part, place + 1, 3600.0
    return off


@_figure
def backlog(study: Study) -> Figure:
    """Whether a long queue makes waits longer."""
    ends = [(case.began, 1) for case in study.cases]
    ends += [
        (case.began + min(clock.seconds, WAITS), -1) for case, clock in zip(study.cases, study.firsts, strict=True)
    ]
    open_now, at_start = 0, dict[float, int]()
    for at, step in sorted(ends, key=lambda one: (one[0], one[1])):
        if step > 0:
            at_start.setdefault(at, open_now)
        open_now += step
    lengths = [at_start[case.began] for case in study.cases]
    edges = sorted(lengths)
    low, high = (edges[len(edges) // 4], edges[len(edges) * 3 // 4]) if edges else (0, 0)
    groups: dict[str, list[Clock]] = {f"up to {low} waiting": [], f"more than {high} waiting": []}
    for length, clock in zip(lengths, study.firsts, strict=True):
        if length <= low or length > high:
            groups[f"up to {low} waiting" if length <= low else f"more than {high} waiting"].append(clock)
    return Figure(
        key="backlog", label="Waiting ahead, median", value=f"{edges[len(edges) // 2]:,}" if edges else "not known",
        n=len(edges), of="conversations", number=edges[len(edges) // 2] if edges else None,
        definition="How many other conversations waited for a first answer when one began (one without an answer is "
        "taken to wait for a week), and the median first answer "
        "with few and with many ahead.", heads=("when one began", "conversations", "median first answer"),
        rows=tuple((name, f"{len(own):,}", _median(own)) for name, own in groups.items()),
    )  # fmt: skip


# ── once or again ───────────────────────────────────────────────────────────────────────────


@_figure
def no_repeat(study: Study) -> Figure:
    known = [again for again in study.again.values() if again is not None]
    return _share(
        "no_repeat", "No repeat contact", len(known) - sum(known), len(known), "conversations at least seven days old",
        f"Conversations after which the same person began no other within {REPEAT_DAYS:.0f} days, on any "
        f"matter. Younger "
        "ones are left out, whatever became of them. Wilson interval.",
    )  # fmt: skip


@_figure
def one_touch(study: Study) -> Figure:
    done = [case for case, clock in zip(study.cases, study.resolutions, strict=True) if clock.ended and case.answers]
    rows = Counter(min(len(case.answers), 6) for case in done)
    return _share(
        "one_touch", "Solved with one answer", sum(len(case.answers) == 1 for case in done), len(done),
        "conversations that are solved", _SOLVED + " Of these, those with a single answer. Wilson interval.",
        heads=("answers", "conversations"),
        rows=tuple((f"{k} and more" if k == 6 else str(k), f"{n:,}") for k, n in sorted(rows.items())),
    )  # fmt: skip


@_figure
def answers_each(study: Study) -> Figure:
    counts = [len(case.answers) for case in study.cases]
    mean = sum(counts) / len(counts) if counts else 0.0
    return Figure(
        key="answers_each", label="Answers a conversation", value=f"{mean:.2f}", n=len(counts), of="conversations",
        number=mean, definition="Mean number of answers by people in a conversation, unanswered ones included.",
    )  # fmt: skip


@_figure
def answerers(study: Study) -> Figure:
    """How the work lies on people; nobody is named."""
    counts = Counter(turn.who for case in study.cases for turn in case.answers)
    total = counts.total()
    top = counts.most_common(1)[0][1] if counts else 0
    return _share(
        "answerers", "Answered from the busiest address", top, total, "answers by people",
        "Answers that came from the one address, or person, that answered most. A shared address stands for all "
        "who use "
        "it, so this says little where people write from one. Wilson interval.",
        heads=("address", "answers", "share"),
        rows=tuple((f"No. {i}", f"{n:,}", percent(n / total)) for i, (_, n) in enumerate(counts.most_common(8), 1)),
    )  # fmt: skip


# ── what people write about ─────────────────────────────────────────────────────────────────


@_figure
def themes(study: Study) -> Figure:
    known, right = _routine_by_theme(study)
    rows = []
    for theme in study.themes:
        places = [study.sample[i] for i in theme.places]
        found = share(len(places), len(study.sample))
        again = [study.again[study.cases[i].number] for i in places]
        told = [one for one in again if one is not None]
        rows.append(
            (theme.name, study.quoted(theme.quotes[0], 90), f"{len(places):,}",
             f"{percent(found.value)} ({percent(found.interval.low)} to {percent(found.interval.high)})",
             _median([study.firsts[i] for i in places]),
             percent(sum(told) / len(told)) if len(told) >= FEW else "too few",
             f"{right[theme.name]} of {known[theme.name]}" if known[theme.name] else "none tried")
        )  # fmt: skip
    return Figure(
        key="themes", label="Themes", value=str(len(study.themes)), n=len(study.sample), number=len(study.themes),
        of="openings read", definition="First messages grouped by like meaning and named in their own words; "
        "where there "
        "are more than 2,000 a random sample is read. Shares are of those read, with Wilson intervals. Written again: "
        f"the same person within {REPEAT_DAYS:.0f} days. Old answer fits: see routine.",
        rows=tuple(rows),
        heads=("theme", "for example", "n", "share", "median first answer", "written again", "old answer fits"),
    )  # fmt: skip


def _routine_by_theme(study: Study) -> tuple[Counter[str], Counter[str]]:
    known, right = Counter[str](), Counter[str]()
    for one in study.tries:
        name = study.theme_of.get(one.case, "")
        known[name] += 1
        right[name] += one.right
    return known, right


@_figure
def unhappy(study: Study) -> Figure:
    return _share(
        "unhappy", "Sound unhappy", study.moods.count("negative"), len(study.moods), "openings read",
        "First messages whose mood is told as unhappy by the same reader that the desk uses. It errs; see "
        "benchmarks/sentiment.py for how often. Wilson interval.",
    )  # fmt: skip


@_figure
def routine(study: Study) -> Figure:
    tries = study.tries
    enough = len(tries) >= LEAST
    return _share(
        "routine", "Answerable from earlier answers", sum(t.right for t in tries) if enough else 0,
        len(tries) if enough else 0, "later questions tried",
        "Held-out replay in order of time: for each of the last 40 % of questions (at most 400, drawn at random) the "
        "earlier question most like it is found and the answer it got is taken. It counts when it says what the agent "
        "really wrote: cosine of the sentence vectors at least 0.75 and F1 of the telling words at least 0.45, "
        "greeting "
        "and sign-off apart. Wilson interval. See by_chance for what a random earlier answer gets.",
        heads=("question", "earlier answer taken", "what was written", "fits"), rows=_examples(study, tries),
    )  # fmt: skip


def _examples(study: Study, tries: Sequence[Try]) -> tuple[tuple[str, ...], ...]:
    ranked = sorted(tries, key=lambda one: -one.alike)
    chosen = [one for one in ranked if one.right][:3] + [one for one in ranked if not one.right][:2]
    return tuple(
        (study.quoted(t.question, 160), study.quoted(t.taken, 160), study.quoted(t.written, 160),
         "yes" if t.right else "no")
        for t in chosen
    )  # fmt: skip


@_figure
def by_chance(study: Study) -> Figure:
    tries = study.tries if len(study.tries) >= LEAST else []
    return _share(
        "by_chance", "The same by chance", sum(t.by_chance for t in tries), len(tries), "later questions tried",
        "The same replay with a random earlier answer instead: what boilerplate and few themes alone give. The routine "
        "share is worth what it lies above this. Wilson interval.",
    )  # fmt: skip


@_figure
def trusted(study: Study) -> Figure:
    tries = study.tries if len(study.tries) >= 2 * LEAST else []
    half = len(tries) // 2
    edge, later = cut(tries[:half]), tries[half:]
    sure = [t for t in later if edge is not None and t.alike >= edge]
    right = share(sum(t.right for t in sure), len(sure))
    told = (
        f"Of these {percent(right.value)} fit ({between(right.interval, percent)})."
        if sure
        else "None was sure enough."
    )
    return _share(
        "trusted", "Sure enough to answer at once", len(sure), len(later), "later questions tried",
        f"A cut on likeness is set on the first half of the replay so that {percent(TRUST)} fit above it; this "
        f"is the share "
        f"of the second half that passes it. {told} Wilson interval.",
    )  # fmt: skip
