"""Whose words are whose: messages, proofs, merges and their undoing in any order, against a book kept beside the desk.

The book knows of each message who may ever read it: whoever held the address when it was written, whoever an agent or a
proof made one with them, whoever got the address back. A message that stands with anybody else has moved without proof.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.desk import StoryDesk, empty_postgres
from parley.core import events as e
from parley.core.channel import Address
from parley.core.errors import Refused
from parley.services import inbox, people, sameness, search, setup
from parley.services.inbox import Viewer

ACTS = ("message",) * 10 + ("proof", "wrong code", "signed", "claim", "merge", "merge", *("undo",) * 5, "apart")


@dataclass
class Told:
    """moved: messages that stand with somebody who may not read them. leaked: those that such a one was shown.

    foreign: conversations that an agent of another brand was shown. kept: undone merges after which somebody's own
    matter was not theirs again, though nobody else had spoken in it.
    """

    operations: int = 0
    messages: int = 0
    people: int = 0
    moved: int = 0
    leaked: int = 0
    foreign: int = 0
    kept: int = 0
    looked: int = 0
    seconds: float = 0.0
    acts: Counter[str] = field(default_factory=Counter)

    @property
    def score(self) -> float:
        return 1.0 if not (self.moved or self.leaked or self.foreign or self.kept) else 0.0


class Trial:
    """names: senders at the consoles of two brands. book: by message, who may read it."""

    def __init__(self, desk: StoryDesk, seed: int, senders: int) -> None:
        self.desk, self.chance, self.told = desk, random.Random(seed), Told()
        brand = desk.change(lambda tx: setup.add_brand(tx, "Other"))
        self.other = desk.change(lambda tx: setup.add_inbox(tx, brand, "console", "Other", "other"))
        desk.desk.setup_changed()
        self.brands = (desk.brand, brand)
        self.names = [f"sender{n}" for n in range(senders)]
        self.holder: dict[int, int] = {}  # identity → person, as the book has it
        self.merged: list[tuple[int, int, frozenset[int]]] = []  # keep, absorbed, identities; those that stand
        self.book: dict[int, set[int]] = {}
        self.writer: dict[int, int] = {}
        self.place: dict[int, int] = {}
        self._owner: dict[int, int] = {}
        self._seq = 0

    def run(self, operations: int) -> Told:
        began = time.monotonic()
        for _ in range(operations):
            act = self.chance.choice(ACTS)
            self.told.acts[act] += 1
            if act != "message":
                self._owner = self._owners()
            getattr(self, f"_{act.replace(' ', '_')}")()
            self._follow()
            if act != "message" or self.chance.random() < 0.02:
                self._look()
        self.told.operations, self.told.messages = operations, len(self.book)
        self.told.people = len(set(self.holder.values()))
        self.told.seconds = round(time.monotonic() - began, 1)
        return self.told

    # acts ───────────────────────────────────────────────────────────────────────────────────

    def _message(self) -> None:
        name, at = self.chance.choice(self.names), self.chance.choice((self.desk.console_inbox, self.other))
        words = self.chance.choice(("Hello", "I am sender1", "sender2@example.com is mine", f"word{len(self.book)}"))
        self.desk.visitor(name, at).says(words, settle=False)
        while self.desk.desk.intake.process():
            pass

    def _proof(self) -> None:
        self._code(right=True)

    def _wrong_code(self) -> None:
        self._code(right=False)

    def _code(self, right: bool) -> None:
        """Somebody claims an address and types the code that went there, or another one."""
        who = self._somebody()
        if who is None:
            return
        mail = Address(kind="mail", value=f"mail{self.chance.randrange(len(self.names))}@example.com")

        def act(tx: Any) -> tuple[people.Identity, people.Identity | None]:
            claimed = people.claimed(tx, mail, "bot")
            people.expect_code(tx, who, claimed, "123456", "bot")
            return claimed, people.try_code(tx, who, "123456" if right else "654321", "bot")

        claimed, proved = self.desk.change(act)
        self.holder.setdefault(claimed.id, claimed.person)
        assert (proved is not None) == right
        if right:
            self._joins(self.holder[claimed.id], who)

    def _signed(self) -> None:
        """The shop signs that whoever holds one address holds another."""
        number = self._address()
        if number is None:
            return
        user = Address(kind="user", value=f"user{self.chance.randrange(len(self.names))}", proved="signed by shop")
        one = self.desk.record.ask(people.identity_by_id, number)
        joined = self.desk.change(lambda tx: people.also_known_as(tx, one, user, "intake"))
        if joined.id in self.holder:
            self._joins(self.holder[joined.id], self.holder[number])
        else:
            self.holder[joined.id] = self.holder[number]

    def _claim(self) -> None:
        """The same without proof joins nobody."""
        number = self._address()
        if number is None:
            return
        one = self.desk.record.ask(people.identity_by_id, number)
        user = Address(kind="user", value=f"user{self.chance.randrange(len(self.names))}")
        try:
            self.desk.change(lambda tx: people.also_known_as(tx, one, user, "intake"))
        except Refused:
            return
        raise AssertionError("an address joined without proof")

    def _merge(self) -> None:
        keep, absorb = self._somebody(), self._somebody()
        if keep is None or absorb is None or keep == absorb:
            return
        self.desk.change(lambda tx: people.merge(tx, keep, absorb, "by hand", "agent/1"))
        self._joins(keep, absorb)

    def _undo(self) -> None:
        if not self.merged:
            return
        gone = {absorbed for _, absorbed, _ in self.merged}
        outer = [one for one in self.merged if one[0] not in gone]
        keep, absorbed, _ = self.chance.choice(outer if self.chance.random() < 0.8 else self.merged)
        inner = keep in gone
        try:
            self.desk.change(lambda tx: people.unmerge(tx, keep, absorbed, "agent/1"))
        except Refused:
            assert inner, "an undoing was refused"
            return
        assert not inner, "what was merged since was taken apart"
        self._parts(keep, absorbed)

    def _apart(self) -> None:
        one, other = self._somebody(), self._somebody()
        if one is not None and other is not None and one != other:
            self.desk.change(lambda tx: sameness.hold_apart(tx, one, other, "agent/1"))

    # the book ───────────────────────────────────────────────────────────────────────────────

    def _follow(self) -> None:
        """What was written since, under the name of whoever held the address."""
        for r in self.desk.record.ask(lambda conn: _since(conn, self._seq)):
            self._seq = r.seq
            if isinstance(r.event, e.IdentityClaimed):
                self.holder.setdefault(r.event.identity, r.event.person)
            elif isinstance(r.event, e.MessageReceived):
                self.book[r.event.message] = {self.holder[r.event.identity]}
                self.writer[r.event.message] = r.event.identity
                self.place[r.event.message] = r.subject_id

    def _joins(self, keep: int, absorb: int) -> None:
        if keep == absorb:
            return
        moving = frozenset(i for i, who in self.holder.items() if who == absorb)
        self.merged.append((keep, absorb, moving))
        for message, number in self.place.items():
            if self._owner.get(number) == absorb:
                self.book[message].add(keep)
        self.holder |= dict.fromkeys(moving, keep)

    def _parts(self, keep: int, absorbed: int) -> None:
        (one,) = (m for m in self.merged if m[:2] == (keep, absorbed))
        self.merged.remove(one)
        back = {i for i in one[2] if self.holder[i] == keep}
        self.holder |= dict.fromkeys(back, absorbed)
        for message, writer in self.writer.items():
            if writer in back:
                self.book[message].add(absorbed)
        owner = self._owners()
        alone: dict[int, set[int]] = {}
        for message, number in self.place.items():
            alone.setdefault(number, set()).add(self.writer[message])
        self.told.kept += sum(
            owner[number] == keep for number, writers in alone.items() if writers <= back and number in owner
        )

    # looking ────────────────────────────────────────────────────────────────────────────────

    def _owners(self) -> dict[int, int]:
        rows = self.desk.rows(inbox.conversations)
        id, person = (list(inbox.conversations.c.keys()).index(name) for name in ("id", "person"))
        return {row[id]: row[person] for row in rows}

    def _look(self) -> None:
        self._owner = self._owners()
        self.told.looked += 1
        self.told.moved += sum(self._owner[self.place[m]] not in readers for m, readers in self.book.items())
        for person in self._sample(set(self._owner.values()) | set(self.holder.values()), 2):
            self._look_as(person)
        for brand in self.brands:
            agent = Viewer(agent=7, role="agent", brands=(brand,))
            seen = self.desk.record.ask(inbox.page, "all", agent, limit=1000).rows
            self.told.foreign += sum(state.brand != brand for state in seen)

    def _look_as(self, person: int) -> None:
        """Everything that this customer is shown, by the list and by the search."""
        me = Viewer(person=person)
        shown = {state.id for state in self.desk.record.ask(inbox.page, "all", me, limit=1000).rows}
        word = f"word{self.chance.randrange(len(self.book) + 1)}"
        shown |= {hit.state.id for hit in self.desk.record.ask(search.find, self.desk.record.database.name, word, me)}
        self.told.leaked += sum(number in shown and person not in self.book[m] for m, number in self.place.items())

    # chance ─────────────────────────────────────────────────────────────────────────────────

    def _sample(self, found: Iterable[int], count: int) -> list[int]:
        every = sorted(found)
        return self.chance.sample(every, min(count, len(every)))

    def _somebody(self) -> int | None:
        return next(iter(self._sample(set(self.holder.values()), 1)), None)

    def _address(self) -> int | None:
        return next(iter(self._sample(self.holder, 1)), None)


def _since(conn: Any, seq: int) -> list[e.Recorded]:
    from parley.log import record as log

    return list(log.read(conn, seq, 1000, (e.IdentityClaimed, e.MessageReceived)))


def main() -> None:
    asked = argparse.ArgumentParser(prog="bin/identity-trial", description=__doc__)
    asked.add_argument("--operations", type=int, default=10_000)
    asked.add_argument("--senders", type=int, default=60)
    asked.add_argument("--seed", type=int, default=20261127)
    asked.add_argument("--postgres", default="", metavar="URL", help="a database that may be emptied; else SQLite")
    asked.add_argument("--json", action="store_true")
    chosen = asked.parse_args()
    if chosen.postgres:
        empty_postgres(chosen.postgres)
    with tempfile.TemporaryDirectory() as folder:
        desk = StoryDesk(Path(folder), chosen.postgres)
        try:
            told = Trial(desk, chosen.seed, chosen.senders).run(chosen.operations)
        finally:
            desk.close()
    figures = asdict(told) | {"score": told.score, "seed": chosen.seed, "acts": dict(told.acts)}
    print(json.dumps(figures) if chosen.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))
    sys.exit(0 if told.score == 1 else 1)


if __name__ == "__main__":
    main()
