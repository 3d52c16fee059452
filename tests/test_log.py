"""The log's promises: one order for all, nothing seen too early or never, and jobs that don't harm each other."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from durability.server import Answerer
from harness.desk import StoryDesk
from harness.waiting import eventually
from parley.app import Desk
from parley.channels.console import line
from parley.config import Config
from parley.core import conversation as talk
from parley.core import events as e
from parley.core.errors import Conflict
from parley.log import record as log
from parley.log.engines import open_database
from parley.log.migrations import migrate
from parley.log.readers import LAG, Following, News, catch_up, place_of
from parley.log.record import Record, Tx
from parley.services import replies, setup
from parley.services.inbox import states


@pytest.fixture
def url(engine_url: str, tmp_path: Path) -> str:
    return engine_url or f"sqlite:///{tmp_path / 'log.db'}"


@pytest.fixture
def record(url: str) -> Iterator[Record]:
    with opened(url) as record:
        yield record


@contextmanager
def opened(url: str) -> Iterator[Record]:
    database = open_database(url)
    migrate(database)
    record = Record(database)
    try:
        yield record
    finally:
        record.close()


def tagged(tx: Tx, stream: str, *tags: str, expect: int | None = None) -> list[e.Recorded]:
    return tx.append(stream, [e.Tagged(tag=tag) for tag in tags], "test", expect=expect)


def everything(record: Record) -> list[e.Recorded]:
    return record.ask(log.read, 0, 100_000)


# ── order ───────────────────────────────────────────────────────────────────────────────────


def test_writers_share_one_order(record: Record) -> None:
    def write_many(stream: str) -> None:
        for number in range(40):
            record.do(lambda tx, number=number: tagged(tx, stream, f"{number}"))  # type: ignore[misc]

    in_threads([lambda n=n: write_many(f"conversation/{n}") for n in range(4)])
    found = everything(record)
    assert [r.seq for r in found] == list(range(1, 161))
    for n in range(4):
        mine = [r for r in found if r.stream == f"conversation/{n}"]
        assert [r.version for r in mine] == list(range(1, 41))
        assert [r.event.tag for r in mine] == [str(number) for number in range(40)]  # type: ignore[union-attr]


def test_an_actor_who_saw_less_is_told(record: Record) -> None:
    record.do(lambda tx: tagged(tx, "conversation/1", "a", "b"))
    with pytest.raises(Conflict, match="Something new happened"):
        record.do(lambda tx: tagged(tx, "conversation/1", "late", expect=1))
    record.do(lambda tx: tagged(tx, "conversation/1", "c", expect=2))
    assert [r.version for r in everything(record)] == [1, 2, 3]


def test_of_many_who_saw_the_same_version_one_wins(record: Record) -> None:
    with the_writer_held(record):
        tries = [record.write(lambda tx: tagged(tx, "conversation/1", "mine", expect=0)) for _ in range(10)]
    outcomes = [one.exception(10) for one in tries]
    assert sum(error is None for error in outcomes) == 1
    assert sum(isinstance(error, Conflict) for error in outcomes) == 9


def test_no_reader_skips_what_commits_late(url: str) -> None:
    """Two processes write, one of them slowly and holding its transaction open; a third reads along all the time."""
    with opened(url) as slow, opened(url) as quick, opened(url) as onlooker:
        seen: list[int] = []
        done = threading.Event()

        def look() -> None:
            place = 0
            while not (done.is_set() and place == onlooker.ask(log.head)):
                for r in onlooker.ask(log.read, place, 7):
                    seen.append(r.seq)
                    place = r.seq

        def write_slowly() -> None:
            for number in range(8):
                slow.do(lambda tx, number=number: dawdle(tx, f"{number}"))  # type: ignore[misc]

        def write_quickly() -> None:
            for number in range(120):
                quick.do(lambda tx, number=number: tagged(tx, "conversation/2", f"{number}"))  # type: ignore[misc]

        watching = threading.Thread(target=look)
        watching.start()
        in_threads([write_slowly, write_quickly])
        done.set()
        watching.join(30)
        assert seen == [r.seq for r in everything(onlooker)]
        assert len(seen) == 8 * 2 + 120


def dawdle(tx: Tx, tag: str) -> None:
    """Draw a place, write it, and take a while to commit."""
    tagged(tx, "conversation/1", tag)
    tx.flush()
    time.sleep(0.05)
    tagged(tx, "conversation/1", f"{tag} again")


def test_while_one_transaction_is_open_others_wait_and_readers_see_nothing(postgres_url: str) -> None:
    with opened(postgres_url) as first, opened(postgres_url) as second, opened(postgres_url) as onlooker:
        inside, go_on = threading.Event(), threading.Event()

        def hold(tx: Tx) -> None:
            tagged(tx, "conversation/1", "drawn first")
            tx.flush()
            inside.set()
            go_on.wait(20)

        held = first.write(hold)
        assert inside.wait(10)
        waiting = second.write(lambda tx: tagged(tx, "conversation/2", "asked second"))
        time.sleep(0.4)
        assert not waiting.done()
        assert everything(onlooker) == []
        go_on.set()
        held.result(10)
        waiting.result(10)
        assert [r.event.tag for r in everything(onlooker)] == ["drawn first", "asked second"]  # type: ignore[union-attr]


# ── one commit for many ─────────────────────────────────────────────────────────────────────


def test_a_job_that_fails_harms_no_other_in_its_group(record: Record) -> None:
    def fails_after_writing(tx: Tx) -> None:
        tagged(tx, "conversation/2", "never")
        tx.new_ids("message", 5)
        tx.flush()
        raise ValueError("on purpose")

    def breaks_a_constraint(tx: Tx) -> None:
        tagged(tx, "conversation/1", "never")
        tx.conn.execute(log.counters.insert(), [{"name": "twice", "value": 1}] * 2)

    with the_writer_held(record):
        good = [record.write(lambda tx, n=n: tagged(tx, "conversation/1", f"{n}")) for n in range(3)]  # type: ignore[misc]
        bad, broken = record.write(fails_after_writing), record.write(breaks_a_constraint)
        good += [record.write(lambda tx, n=n: tagged(tx, "conversation/1", f"{n}")) for n in range(3, 6)]  # type: ignore[misc]
        number = record.write(lambda tx: tx.new_id("message"))
    assert isinstance(bad.exception(10), ValueError)
    assert isinstance(broken.exception(10), IntegrityError)
    assert [one.result(10)[0].version for one in good] == [1, 2, 3, 4, 5, 6]
    assert number.result(10) == 1
    assert [r.event.tag for r in everything(record)] == list("012345")  # type: ignore[union-attr]


def test_a_result_means_that_others_can_read_it(url: str) -> None:
    with opened(url) as record, opened(url) as onlooker:
        for number in range(20):
            record.write(lambda tx, number=number: tagged(tx, "conversation/1", f"{number}")).result(10)  # type: ignore[misc]
            assert onlooker.ask(log.head) == number + 1


def test_whoever_stops_waiting_stops_nobody_else(record: Record) -> None:
    """A browser that hangs up cancels its wait; the job is done all the same, and so are the next ones."""

    async def hang_up() -> None:
        with the_writer_held(record):
            waiting = asyncio.ensure_future(
                asyncio.wrap_future(record.write(lambda tx: tagged(tx, "conversation/1", "said")))
            )
            await asyncio.sleep(0.05)
            waiting.cancel()

    asyncio.run(hang_up())
    record.write(lambda tx: tx.after_commit(lambda: 1 / 0)).result(10)
    record.write(lambda tx: tagged(tx, "conversation/1", "next")).result(10)
    assert [r.event.tag for r in everything(record)] == ["said", "next"]  # type: ignore[union-attr]


def test_numbers_are_given_once(record: Record) -> None:
    given: list[int] = []
    in_threads([lambda: given.extend(record.do(lambda tx: [*tx.new_ids("message", 3), tx.new_id("message")]))] * 12)
    assert sorted(given) == list(range(1, 49))


class Waker:
    """Follows what happens seldom, and notes it."""

    name, batch, kinds = "waker", 10, (e.Woke,)

    def __init__(self) -> None:
        self.seen: list[int] = []

    def prepare(self, record: Record, batch: list[e.Recorded]) -> None:
        return None

    def act(self, tx: Tx, batch: list[e.Recorded], prepared: None) -> None:
        self.seen += [r.seq for r in batch]


def test_what_is_none_of_its_business_is_not_committed_and_hides_nothing(record: Record) -> None:
    """A follower marks its place for what it follows, and for the rest only once there is much of it."""
    waker = Waker()
    record.do(lambda tx: tagged(tx, "conversation/1", *(f"{n}" for n in range(LAG - 1))))
    catch_up(record, waker)
    assert record.ask(place_of, "waker") == 0
    record.do(lambda tx: tx.append("conversation/1", [e.Woke(reason="reply")], "test"))
    catch_up(record, waker)
    assert (waker.seen, record.ask(place_of, "waker")) == ([LAG], LAG)
    record.do(lambda tx: tagged(tx, "conversation/1", *(f"{n}" for n in range(LAG))))
    catch_up(record, waker)
    assert (waker.seen, record.ask(place_of, "waker")) == ([LAG], 2 * LAG)


# ── several desks on one database ───────────────────────────────────────────────────────────


@pytest.fixture
def two_desks(postgres_url: str, tmp_path: Path) -> Iterator[tuple[Desk, Desk]]:
    desks = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        desks.append(Desk(Config(data=tmp_path / name, database_url=postgres_url, secret="a secret for tests")))
    yield desks[0], desks[1]
    for desk in desks:
        desk.record.close()


def console_of(desk: Desk) -> int:
    def build(tx: Tx) -> int:
        return setup.add_inbox(tx, setup.add_brand(tx, "Larkspur"), "console", "Console", "console")

    number = desk.record.do(build)
    desk.setup_changed()
    return number


def test_two_desks_take_the_same_deliveries_once(two_desks: tuple[Desk, Desk]) -> None:
    inbox = console_of(two_desks[0])
    two_desks[1].setup_changed()
    lines = [line(id=f"{n}", who=f"visitor {n % 9}", text=f"Message {n}") for n in range(120)]

    def take(desk: Desk, seed: int) -> list[bool]:
        shuffled = random.Random(seed).sample(list(enumerate(lines)), len(lines))
        taken = [desk.intake.take(inbox, f"{n}", raw) for n, raw in shuffled]
        return [future.result(20) for future in taken]

    results: list[list[bool]] = []
    in_threads([lambda d=d, s=s: results.append(take(d, s)) for s, d in enumerate([*two_desks, *two_desks])])
    in_threads([lambda d=d: exhaust(d.intake.process) for d in two_desks])
    assert sum(map(sum, results)) == 120
    received = two_desks[0].record.ask(log.read, 0, 10_000, (e.MessageReceived,))
    assert sorted(r.event.external_id for r in received) == sorted(f"<{n}@console>" for n in range(120))  # type: ignore[union-attr]
    assert len({r.stream for r in received}) == 9


def test_two_desks_that_follow_under_one_name_act_once(two_desks: tuple[Desk, Desk]) -> None:
    inbox = console_of(two_desks[0])
    two_desks[1].setup_changed()
    following = [Following(desk.record, [Answerer()]) for desk in two_desks]
    for one in following:
        one.start()
    for n in range(60):
        raw = line(id=f"{n}", who=f"visitor {n % 7}", text=f"Message {n}")
        two_desks[n % 2].intake.take(inbox, f"{n}", raw).result(20)
        if n % 5 == 4:
            in_threads([lambda d=d: exhaust(d.intake.process) for d in two_desks])

    def answered() -> list[str]:
        written = two_desks[0].record.ask(log.read, 0, 10_000, (e.ReplyWritten,))
        said = two_desks[0].record.ask(log.words_of, [r.event.message for r in written])  # type: ignore[union-attr]
        return sorted(words.text for words in said.values())

    eventually(lambda: len(answered()) >= 60)
    for one in following:
        one.stop()
    assert answered() == sorted(f"Answer to <{n}@console>" for n in range(60))


def test_timers_fire_once_for_two_desks(two_desks: tuple[Desk, Desk]) -> None:
    inbox = console_of(two_desks[0])
    two_desks[1].setup_changed()
    for n in range(30):
        two_desks[0].intake.take(inbox, f"{n}", line(id=f"{n}", who=f"visitor {n}", text="Later")).result(20)
    exhaust(two_desks[0].intake.process)

    def snooze(tx: Tx) -> None:
        for state in states(tx.conn, range(1, 31)).values():
            until = tx.at + timedelta(milliseconds=300)
            tx.append(e.conversation(state.id), talk.snooze(state, until, tx.at), "test")

    two_desks[0].record.do(snooze)
    time.sleep(0.4)
    fired: list[int] = []
    in_threads([lambda d=d: fired.append(d.clockwork.fire_due()) for d in [*two_desks, *two_desks]])
    assert sum(fired) == 30
    assert len(two_desks[0].record.ask(log.read, 0, 10_000, (e.Woke,))) == 30


def test_a_desk_hears_of_the_others_news(two_desks: tuple[Desk, Desk]) -> None:
    one, other = two_desks
    news = News(other.record)
    heard = threading.Event()
    other.record.on_news(lambda seq: heard.set())
    news.start()
    try:
        assert heard.wait(10)  # a listener that has just begun says so, in case it missed something
        heard.clear()
        one.record.do(lambda tx: tagged(tx, "conversation/1", "news"))
        assert heard.wait(10)
    finally:
        news.stop()


# ── after a restart, and from the beginning ─────────────────────────────────────────────────


def test_timers_and_followers_go_on_after_a_restart(tmp_path: Path, engine_url: str) -> None:
    story = StoryDesk(tmp_path, engine_url)
    story.visitor("kim").says("Later, please")
    story.agent("ana").snoozes(story.clock.now + timedelta(hours=1))
    again = Desk(story.desk.config, clock=story.clock)
    story.close()
    story.clock.advance(hours=2)
    assert again.clockwork.fire_due() == 1
    assert again.clockwork.fire_due() == 0
    assert len(again.record.ask(log.read, 0, 1000, (e.Woke,))) == 1
    again.record.close()


def test_readers_rebuild_after_a_long_day(desk: StoryDesk) -> None:
    """Many acts at random; the fixture compares every reader's tables with a replay."""
    chance = random.Random(7)
    agents = [desk.agent(name) for name in ("ana", "bo")]
    acts: list[Callable[[Tx, int], Any]] = [
        lambda tx, n: replies.close(tx, n, chance.choice(agents).viewer),
        lambda tx, n: replies.reopen(tx, n, chance.choice(agents).viewer),
        lambda tx, n: replies.tag(tx, n, chance.choice(agents).viewer, chance.choice(("late", "vip", "size"))),
        lambda tx, n: replies.untag(tx, n, chance.choice(agents).viewer, "late"),
        lambda tx, n: replies.assign(tx, n, chance.choice(agents).viewer, chance.choice((None, agents[0].number))),
        lambda tx, n: replies.reply(tx, n, chance.choice(agents).viewer, f"Answer {chance.random()}"),
        lambda tx, n: replies.note(tx, n, chance.choice(agents).viewer, "For @bo"),
    ]
    for number in range(24):
        desk.visitor(f"visitor {number % 8}").says(f"Message {number}", settle=False)
    desk.settle()
    for _ in range(8):
        numbers = [state.id for state in desk.conversations()]
        for _ in range(6):
            act, number = chance.choice(acts), chance.choice(numbers)
            desk.change(lambda tx, act=act, number=number: act(tx, number))
        desk.visitor(f"visitor {chance.randrange(8)}").says("And another thing", settle=False)
        desk.settle()
    desk.later(hours=1)
    happened = {type(r.event) for r in desk.events()}
    assert happened >= {e.Closed, e.Reopened, e.Tagged, e.Untagged, e.Assigned, e.ReplyWritten, e.NoteWritten, e.Sent}


# ── helpers ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def the_writer_held(record: Record) -> Iterator[None]:
    """What is written meanwhile gathers and shares one commit."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        inside.set()
        go_on.wait(20)

    held: Future[None] = record.write(hold)
    assert inside.wait(10)
    try:
        yield
    finally:
        go_on.set()
        held.result(10)


def in_threads(jobs: list[Callable[[], Any]]) -> None:
    """All at once; the first failure is raised here."""
    failures: list[BaseException] = []

    def run(job: Callable[[], Any]) -> None:
        try:
            job()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]


def exhaust(step: Callable[[], int]) -> None:
    while step():
        pass
