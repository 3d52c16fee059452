"""Arranges the turns of a conversation for reading: gap lines, runs of one author, folded facts."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

import msgspec

from parley.web.formats import DAYS, MONTHS
from parley.web.views import Fact, Gap, Message, Turn
from parley.web.words import translate as t

RUN = timedelta(minutes=5)
FOLD_FROM = 3


class Above(msgspec.Struct):
    """What stands above the next turn: the last turn's day, the last message, and whether it is adjacent."""

    day: str = ""
    message: Message | None = None
    adjacent: bool = False


def arrange(turns: Iterable[Turn], labels: dict[str, str], zone: tzinfo, now: datetime) -> list[Turn]:
    """Turns with lines between them where the day or the channel changes, and runs of one author marked.

    labels: channel name → what people call it. For a live page, arrange the last shown turns together
    with the new ones and send only the tail: a line's id is the same each time it is made.
    """
    above, out = Above(), []
    for turn in turns:
        lines = lines_above(turn, above, labels, zone, now)
        if isinstance(turn, Message) and not lines and goes_on(above, turn):
            turn = msgspec.structs.replace(turn, continued=True)
        out += [*lines, turn]
        above = below(turn, above, zone)
    return out


def lines_above(turn: Turn, above: Above, labels: dict[str, str], zone: tzinfo, now: datetime) -> list[Turn]:
    lines: list[Turn] = []
    if turn.at and f"{turn.at.astimezone(zone):%Y-%m-%d}" != above.day:
        day = turn.at.astimezone(zone)
        lines.append(Gap(id=f"day-{day:%Y-%m-%d}", text=day_name(day, now.astimezone(zone))))
    if isinstance(turn, Message) and above.message and above.message.channel != turn.channel:
        label = labels.get(turn.channel, turn.channel)
        lines.append(Gap(id=f"via-{turn.id}", glyph=turn.glyph, text=t("went on by {channel}", channel=label)))
    return lines


def goes_on(above: Above, turn: Message) -> bool:
    """Whether the same author speaks on within minutes, so that the name need not stand again."""
    last = above.message
    return bool(
        last
        and above.adjacent
        and (last.side, last.author.name) == (turn.side, turn.author.name)
        and turn.at - last.at < RUN
        and not turn.subject
    )


def below(turn: Turn, above: Above, zone: tzinfo) -> Above:
    """What the turn after this one has above it."""
    is_message = isinstance(turn, Message)
    return Above(
        day=f"{turn.at.astimezone(zone):%Y-%m-%d}" if turn.at else above.day,
        message=turn if isinstance(turn, Message) else above.message,
        adjacent=is_message,
    )


def day_name(day: datetime, now: datetime) -> str:
    """A day as people say it: "Today", "Yesterday", "Tuesday 3 Nov", "3 Nov 2024"."""
    distance = (now.date() - day.date()).days
    if distance in (0, 1):
        return t("Yesterday") if distance else t("Today")
    name = f"{day.day} {MONTHS[day.month - 1]}"
    return f"{DAYS[day.weekday()]} {name}" if day.year == now.year else f"{name} {day.year}"


def folded(turns: Sequence[Turn]) -> list[Turn | list[Fact]]:
    """Turns with runs of three and more facts gathered, so that a template can fold them into one line."""
    out: list[Turn | list[Fact]] = []
    run: list[Fact] = []
    for turn in (*turns, None):
        if isinstance(turn, Fact):
            run.append(turn)
            continue
        out += [run] if len(run) >= FOLD_FROM else run
        run = []
        if turn is not None:
            out.append(turn)
    return out
