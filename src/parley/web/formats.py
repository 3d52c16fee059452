"""How values are written for people: times, sizes, initials, faces' colours, heights of mail frames."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from parley.web.words import translate as t

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MEASURES = {"csat": "Satisfied", "nps": "Would recommend", "ces": "Made it easy", "solved": "Solved at first contact"}


def ago(then: datetime, now: datetime | None = None) -> str:
    """Short distance to a moment, past or future: "now", "4 min", "3 h", "Tue", "12 Oct", "12 Oct 2024".

    The desk's script counts on by the same rules (frontend/desk/times.ts).
    """
    now = now or datetime.now(UTC)
    seconds = abs((now - then).total_seconds())
    if seconds < 45:
        return "now"
    if seconds < 3600 - 30:
        return f"{max(1, round(seconds / 60))} min"
    if seconds < 24 * 3600 - 1800:
        return f"{round(seconds / 3600)} h"
    if seconds < 6 * 24 * 3600:
        return DAYS[then.weekday()]
    day = f"{then.day} {MONTHS[then.month - 1]}"
    return day if then.year == now.year else f"{day} {then.year}"


def exact(then: datetime) -> str:
    """The moment in full, in UTC; the reader's own zone is set by script where there is one."""
    return f"{DAYS[then.weekday()]} {then.day} {MONTHS[then.month - 1]} {then.year}, {then:%H:%M} UTC"


def when(then: datetime | None, now: datetime | None = None, *, style: str = "ago") -> Markup:
    """A <time> element: relative text, exact on hover, machine-readable for the script."""
    if then is None:
        return Markup("")
    words = ago(then, now) if style == "ago" else f"{then:%H:%M}"
    moment = then.astimezone(UTC).isoformat(timespec="seconds")
    # Nothing in it comes from outside; `Markup.format` would escape each piece at ten times the price.
    return Markup(f'<time datetime="{moment}" title="{exact(then)}" data-style="{escape(style)}">{words}</time>')


def urgency(due: datetime | None, near: datetime | None = None, now: datetime | None = None) -> str:
    """How it stands with a promise: "" (calm), "soon" (time to hurry, from `near` on) or "late"."""
    if due is None:
        return ""
    now = now or datetime.now(UTC)
    if now > due:
        return "late"
    return "soon" if now >= (near or due - timedelta(minutes=15)) else ""


OWED = {"first": "First answer", "next": "Answer", "resolution": "Solution"}


def due_words(promise: str, due: datetime, now: datetime | None = None) -> str:
    """What is owed until when: "Answer due in 40 min", "Solution due Tue", "First answer 2 h late".

    The desk's script counts on by the same rules (frontend/desk/times.ts).
    """
    now = now or datetime.now(UTC)
    what, distance = t(OWED.get(promise, "Answer")), ago(due, now)
    if distance == "now":
        return t("{what} due now", what=what)
    if not distance.endswith((" min", " h")):
        return t("{what} due since {day}" if now > due else "{what} due {day}", what=what, day=distance)
    return t("{what} {time} late" if now > due else "{what} due in {time}", what=what, time=distance)


def initials(name: str) -> str:
    """Two letters at most: "Mara Lindqvist" → "ML"; an address gives its first letter, a number its last two digits."""
    if re.fullmatch(r"\+?[\d\s()/.-]{5,}", name):
        return re.sub(r"\D", "", name)[-2:]
    words = [word for word in re.split(r"[\s._-]+", name.partition("@")[0]) if word and word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


def hue(name: str) -> int:
    """A colour that stays with a name: one of 12 hues, so that the style sheet can hold a class for each."""
    return hashlib.blake2s(name.casefold().encode(), digest_size=2).digest()[0] % 12 * 30


def percent(share: float | None, digits: int = 0) -> str:
    return "" if share is None else f"{share * 100:.{digits}f} %"


def frame_height(html: str) -> int:
    """Pixels a mail's own layout will probably need, between 120 and 640; the frame scrolls beyond.

    The frame is sandboxed without scripts, so nobody can measure it; text length, blocks and pictures
    are a fair guess.
    """
    text = re.sub(r"<[^>]+>", "", html)
    blocks = len(re.findall(r"<(?:p|div|tr|li|h[1-6]|br)\b", html, re.I))
    pictures = len(re.findall(r"<img\b", html, re.I))
    return max(120, min(640, 96 + len(text) // 80 * 22 + blocks * 18 + pictures * 120))


_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")


def prose(text: str) -> Markup:
    """Plain words as HTML: paragraphs, line breaks, links that open elsewhere and tell nothing of us."""
    paragraphs = re.split(r"\n\s*\n", text.strip("\n"))
    return Markup("").join(Markup("<p>{}</p>").format(_lines(part)) for part in paragraphs if part.strip())


def _lines(text: str) -> Markup:
    return Markup("<br>").join(_linked(line) for line in text.split("\n"))


def _linked(line: str) -> Markup:
    out, place = Markup(""), 0
    for found in _LINK.finditer(line):
        out += escape(line[place : found.start()]) + _anchor(found.group())
        place = found.end()
    return out + escape(line[place:])


def _anchor(url: str) -> Markup:
    shown = url.partition("://")[2]
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>').format(url, shown)
