"""A matter of one customer as a mailbox or another system's export shows it: who wrote when, and what follows from it.

Times are seconds since 1970. Nothing here knows where a case came from.
"""

from collections.abc import Iterator, Sequence

import msgspec

DAY = 86_400.0
SILENT = 7 * DAY  # after so long without a word from the customer an answer counts as the last that was needed
FAREWELL = 12  # words; a customer's last message as short as this and without a question only says thanks


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One message. who: an address or name of its writer. machine: no person wrote it."""

    at: float
    ours: bool
    who: str
    text: str = ""
    machine: bool = False


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Turns in order of time, the first one a customer's. closed: when it was, where the source says so.

    states: the source tells whether cases are closed; then one without `closed` is open. score: a rating, 1 to 5.
    """

    number: int
    person: str
    channel: str
    subject: str
    turns: tuple[Turn, ...]
    closed: float | None = None
    states: bool = False
    tags: tuple[str, ...] = ()
    score: int | None = None

    @property
    def began(self) -> float:
        return self.turns[0].at

    @property
    def answers(self) -> list[Turn]:
        """What our people wrote."""
        return [turn for turn in self.turns if turn.ours and not turn.machine]


class Clock(msgspec.Struct, frozen=True):
    """Seconds, and whether they have ended; one that has not is known to last at least so long."""

    seconds: float
    ended: bool


def first_answer(case: Case, now: float) -> Clock:
    """From the customer's first message to the first answer by a person of ours."""
    answers = case.answers
    if answers:
        return Clock(max(0.0, answers[0].at - case.began), True)
    if case.closed is not None:
        return Clock(max(0.0, case.closed - case.began), False)
    return Clock(max(0.0, now - case.began), False)


def resolution(case: Case, now: float) -> Clock:
    """To the close where the source tells of it, else to our last answer, once the customer was silent for a week."""
    if case.states:
        end = case.closed if case.closed is not None else now
        return Clock(max(0.0, end - case.began), case.closed is not None)
    open_words = [turn for turn in case.turns if not turn.machine and not (not turn.ours and is_farewell(case, turn))]
    last = open_words[-1] if open_words else case.turns[0]
    if last.ours and now - last.at >= SILENT:
        return Clock(max(0.0, last.at - case.began), True)
    return Clock(max(0.0, now - case.began), False)


def is_farewell(case: Case, turn: Turn) -> bool:
    """A customer's last, short message after an answer, without a question mark."""
    after_answer = any(one.ours for one in case.turns if one.at <= turn.at)
    return turn is case.turns[-1] and after_answer and "?" not in turn.text and len(turn.text.split()) <= FAREWELL


def waits(case: Case) -> Iterator[tuple[float, float, bool]]:
    """Each time the customer waited and was answered: from, to, and whether it was for the first answer."""
    since: float | None = None
    answered = False
    for turn in case.turns:
        if turn.machine:
            continue
        if not turn.ours:
            since = turn.at if since is None else since
        elif since is not None:
            yield since, turn.at, not answered
            since, answered = None, True


def gaps(cases: Sequence[Case], days: float, now: float) -> dict[int, bool | None]:
    """Whether the same person began another case within so many days; None for those too young to know,
    and for those whose person is not known (empty)."""
    began: dict[str, list[float]] = {}
    for case in cases:
        began.setdefault(case.person, []).append(case.began)
    for moments in began.values():
        moments.sort()
    found: dict[int, bool | None] = {}
    for case in cases:
        if not case.person:
            found[case.number] = None
            continue
        again = any(0 < at - case.began <= days * DAY for at in began[case.person])
        found[case.number] = again if now - case.began >= days * DAY else None
    return found
