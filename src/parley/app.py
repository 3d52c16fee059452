"""Puts the rooms together: one `Desk` holds the record, its readers, the doors and the workers.

Only this file and cli.py know every room.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from parley.ai import chosen
from parley.channels import installed
from parley.config import Config
from parley.core.channel import Channel, Door, Inbox
from parley.core.errors import Busy
from parley.log.engines import open_database
from parley.log.migrations import migrate
from parley.log.readers import Follower, Following, News, rebuild
from parley.log.record import Reader, Record, utc_now
from parley.services import (
    absence,
    answers,
    article_uses,
    assist,
    candidates,
    care,
    consent,
    delivery,
    desk_notes,
    duplicates,
    fetching,
    findings,
    followups,
    hearing,
    inbox,
    incidents,
    journeys,
    languages,
    listening,
    measuring,
    origins,
    people,
    promises,
    remarks,
    replays,
    replies,
    report_mail,
    routing,
    sameness,
    saved_reports,
    search,
    sendings,
    setup,
    sorting,
    surveys,
    templates,
    threads,
    timers,
    tool_calls,
    tool_requests,
    topics,
    transcripts,
    triage,
    zones,
)
from parley.services.bot import BotFollower, close_idle
from parley.services.files import FileReader, Store
from parley.services.gathered import nudge
from parley.services.intake import Intake
from parley.services.language_model import Model
from parley.services.numbers import NumbersReader
from parley.services.outgoing import Dispatch
from parley.services.voice import Exchange
from parley.services.wording import Summaries
from parley.services.work import WorkReader

if TYPE_CHECKING:
    from parley.web.state import Room

logger = logging.getLogger("parley")
FIGURES = ("numbers", "work", "answers", "topics", "journeys", "promises")  # readers behind the numbers


class Desk:
    """A whole desk without its web pages. `open_desk` makes one; `start` sets it going.

    clock and probe are for tests: a clock that can be moved, a hook at named points of the writing path.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], datetime] = utc_now,
        probe: Callable[[str], None] = lambda point: None,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        self.config = config
        self.channels = dict(channels if channels is not None else installed())
        chosen.choose(config.encoder)
        database = open_database(config.database)
        migrate(database)
        self.record = Record(database, in_step_readers(), clock, probe)
        self.record.do(promises.adopt)
        self.store = Store(config.data / "files")
        self._inboxes: dict[int, Inbox] | None = None
        self._setup, self._changes = 0, 0
        self._remembering = threading.Lock()
        self.intake = Intake(self.record, self.store, self.channels, self.inboxes, config.key)
        self.dispatch = Dispatch(self.store, config.key, config.url, self.channels, clock)
        self.worker = delivery.DeliveryWorker(self.record, self.channels, self.inboxes, self.dispatch.prepare)
        self.mailer = report_mail.Mailer(self.record, self.channels, self.inboxes, self._write_report)
        self.fetcher = fetching.FetchWorker(self.record, self.channels, self.inboxes, self.store)
        self.caller = tool_calls.CallWorker(self.record, tool_requests.call)
        self.clockwork = timers.Clockwork(
            self.record,
            {
                "wake": timers.wake, "survey": surveys.fire, "idle": close_idle, "reply": sendings.fire,
                "nudge": lambda tx, row: nudge(tx, row, self.channels),
            },
            also=promises.tell_due,
        )  # fmt: skip
        self.bot = BotFollower(
            self.channels, config.key, by_meaning=config.ai == "meaning", vectors=config.data / "vectors.npz"
        )
        self.model = Model(self.record)
        self.bot.model = self.model
        self.topics = triage.Topics(self.record, config.data / "topics", by_meaning=config.ai == "meaning")
        self.trainer = triage.Trainer(self.topics)
        self.followers: list[Follower] = [
            sorting.SortingFollower(config.ai == "meaning"),
            incidents.IncidentFollower(),
            triage.TriageFollower(self.topics),
            self.bot,
            routing.RoutingFollower(self.channels, lambda conn: bool(setup.setting(conn, "routing", True))),
            surveys.SurveyFollower(surveys.delay),
            followups.LowAnswers(),
            Summaries(self.model),
            remarks.RemarkFollower(config.ai == "meaning"),
            measuring.MeasuringFollower(),
            transcripts.TranscriptFollower(
                self.store, transcripts.engine(config.speech_url, config.speech_model, config.speech_key)
            ),
        ]
        self.readers: list[Reader] = [*self.record.in_step, *behind_readers()]
        self.lab = replays.Lab(
            self.record, "parley.replay", by_meaning=config.ai == "meaning", vectors=config.data / "vectors.npz",
            encoder=config.encoder_settings,
        )  # fmt: skip
        self.health = listening.Health()
        self.ear = hearing.Ear(self.record, config.ai == "meaning", self.intake.crowded)
        self.teller = measuring.Teller(self.record, self.channels)
        self._following = Following(
            self.record, [*behind_readers_of(self.readers), *self.followers], self.intake.crowded
        )
        self._news = News(self.record, self.look_at_setup)
        self._tasks: list[asyncio.Task[Any]] = []
        self._listeners: dict[str, asyncio.Task[Any]] = {}
        self.templates = templates.Keeper(self.record, self.channels, self.inboxes, self.health.say)

    # setup that changes rarely ──────────────────────────────────────────────────────────────

    def inboxes(self, needed: Iterable[int] = ()) -> Mapping[int, Inbox]:
        """The inboxes by id; read again after `setup_changed`, or when a needed one may be another process's news."""
        known = self._inboxes
        if known is None or (not self.record.database.alone and any(n not in known for n in needed)):
            change = self._changes
            version, known = self.record.ask(self._read_setup)
            with self._remembering:
                if change == self._changes:  # else this was read before the newest change, and must not outlive it
                    self._setup, self._inboxes = version, known
        return known

    def _write_report(self, conn: Connection, *wish: Any) -> report_mail.Letter:
        """Pages and mails say the same, so the web room writes both."""
        from parley.web.report_letters import letter

        return letter(conn, self.channels, self.inboxes(), self.config.url, *wish)

    def _read_setup(self, conn: Connection) -> tuple[int, dict[int, Inbox]]:
        return setup.version(conn), setup.all_inboxes(conn, self.channels)

    def look_at_setup(self) -> None:
        """Another process may have changed brands or inboxes."""
        if self._inboxes is not None and self.record.ask(setup.version) != self._setup:
            self.setup_changed()

    def setup_changed(self) -> None:
        """Brands, inboxes or their settings were changed: forget what was remembered, listen anew."""
        with self._remembering:
            self._changes += 1
            self._inboxes = None
        for task in self._listeners.values():
            task.get_loop().call_soon_threadsafe(task.cancel)
        self.templates.changed()

    # going ──────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start the threads: intake, readers, followers, timers."""
        if self.record.database.alone:
            self._forget_leases()
        self.intake.start()
        self._following.start()
        self.clockwork.start()
        if self.record.database.alone:
            self.trainer.start()
        self.ear.start()
        self.teller.start()
        self.follow_others()

    def _forget_leases(self) -> None:
        """Leases of a process that is gone end by themselves, too; no reason not to start on a full disk."""
        try:
            self.record.do(delivery.forget_leases)
        except Busy as error:
            logger.warning("Starting, but: %s", error)

    def follow_others(self) -> None:
        """Hear of what other processes do; all that a process which serves pages only needs."""
        self._news.start()

    async def run(self) -> None:
        """Start what lives on the event loop: delivery and the channels' listeners."""
        self._tasks = [asyncio.create_task(self.worker.run(), name="delivery")]
        self._tasks += [asyncio.create_task(self.fetcher.run(), name="fetching")]
        self._tasks += [asyncio.create_task(self.mailer.run(), name="reports")]
        self._tasks += [asyncio.create_task(self.templates.run(), name="templates")]
        self._tasks += [asyncio.create_task(self.caller.run(), name="tools")]
        self._tasks += [asyncio.create_task(absence.keep_watch(self.record), name="absence")]
        self._tasks += [asyncio.create_task(self._keep_listening(name), name=name) for name in self.channels]

    async def _keep_listening(self, name: str) -> None:
        """A channel listens until it is cancelled; when it falls over or the setup changes, it begins again."""
        pause = 1.0
        while True:
            mine = [i for i in (await asyncio.to_thread(self.inboxes)).values() if i.channel == name]
            door = Door(
                inboxes=mine,
                take=self.intake.take_async,
                memory=listening.Notebook(self.record, name),
                say=self.health.say,
                environment=os.environ,
            )
            task = asyncio.create_task(_listen(self.channels[name], door))
            self._listeners[name] = task
            try:
                await task
            except asyncio.CancelledError:
                if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                    task.cancel()
                    raise
                pause = 1.0
            except Exception as error:
                logger.exception("Channel %s stopped listening", name)
                for one in mine:
                    self.health.say(one.id, f"Stopped: {error}. Trying again in {pause:.0f} s.")
                await asyncio.sleep(pause)
                pause = min(pause * 2, 60)

    async def halt(self) -> None:
        """Stop what lives on the event loop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def stop(self) -> None:
        """Stop the threads and close the record; what was queued is written first."""
        self.lab.stop()
        self.intake.stop()
        self._following.stop()
        self.clockwork.stop()
        self.trainer.stop()
        self.ear.stop()
        self.teller.stop()
        self._news.stop()
        self.record.close()

    def rebuild(self, name: str, progress: Any = None) -> int:
        """Make a reader's tables anew from the log, or in one pass those of `figures`, of all that may be `behind`, or
        `all`."""
        named = {reader.name: [reader] for reader in self.readers}
        figures = [reader for reader in self.readers if reader.name in FIGURES]
        groups = {"figures": figures, "behind": behind_readers_of(self.readers), "all": self.readers}
        wanted = named.get(name) or groups.get(name)
        if wanted is None:
            raise LookupError(f"There is no reader called “{name}”. Readers: {', '.join([*named, *groups])}.")
        return rebuild(self.record, *wanted, progress=progress)


async def _listen(channel: Channel, door: Door) -> None:
    """Until cancelled, also where a channel has nothing to listen to: its settings may change."""
    await channel.listen(door)
    await asyncio.Event().wait()


def room_of(desk: Desk, *, demo: bool = False) -> "Room":
    """What the pages need of a desk. It opens and closes with the server that `web.server.make_app` makes."""
    from parley.rehearsal import rehearse
    from parley.web.hub import Hub
    from parley.web.security import Doorkeeper
    from parley.web.state import Room
    from parley.web.switchboard import Switchboard
    from parley.web.visitors import VisitorDesk

    record, config = desk.record, desk.config
    hub = Hub(record)
    exchange = Exchange(desk.channels, desk.inboxes, desk.intake.take_within)
    visitors = VisitorDesk(
        record,
        desk.intake,
        desk.store,
        desk.inboxes,
        {name: channel.manifest.identity_kind for name, channel in desk.channels.items()},
        config.key,
        hosted=[name for name, channel in desk.channels.items() if hasattr(channel, "reception")],
        on_typing=hub.customer_types,
        exchange=exchange,
        ice=config.ice,
        channels=desk.channels,
        url=config.url,
    )
    hub.on_writing = lambda number, name, on: _in_a_thread(visitors.agent_typing, number, name, on)
    receivers = [channel for channel in desk.channels.values() if hasattr(channel, "reception")]
    return Room(
        record=record,
        store=desk.store,
        channels=desk.channels,
        inboxes=desk.inboxes,
        setup_changed=desk.setup_changed,
        intake=desk.intake,
        health=desk.health,
        bot=desk.bot,
        trainer=desk.trainer,
        rehearse=rehearse,
        lab=desk.lab,
        key=config.key,
        url=config.url,
        secure=config.secure,
        trusted_proxies=config.trusted_proxies,
        demo=demo,
        hub=hub,
        door=Doorkeeper(record, secure=config.secure, proxies=config.trusted_proxies),
        visitors=visitors,
        switchboard=Switchboard(record, exchange, visitors, hub, config.ice),
        reception=receivers[0].reception(visitors, desk.inboxes, config.key) if receivers else None,
    )


def _in_a_thread(act: Callable[..., object], *args: object) -> None:
    asyncio.get_running_loop().run_in_executor(None, act, *args)


def in_step_readers() -> list[Reader]:
    """Readers that are never behind, in the order in which they see each event."""
    return [
        people.PeopleReader(),
        inbox.InboxReader(),
        threads.ThreadReader(),
        replies.ClientIdReader(),
        desk_notes.MentionReader(),
        FileReader(),
        fetching.FetchReader(),
        delivery.OutboxReader(),
        timers.TimerReader(),
        promises.PromiseReader(),
        surveys.SurveyReader(),
        routing.RoutingReader(),
        followups.TaskReader(),
        consent.ConsentReader(),
        zones.ZoneReader(),
        sameness.ApartReader(),
        origins.OriginReader(),
        care.CareReader(),
        tool_calls.CallReader(),
        candidates.CandidateReader(),
        replays.ErasedReader(),
        findings.FindingsReader(),
        duplicates.DuplicateReader(),
        incidents.IncidentReader(),
        saved_reports.SavedReportReader(),
    ]


def behind_readers() -> list[Reader]:
    """Readers that may be a moment behind."""
    return [
        search.SearchReader(),
        NumbersReader(),
        WorkReader(),
        answers.AnswerReader(),
        topics.TopicReader(),
        assist.DraftReader(),
        journeys.JourneyReader(),
        article_uses.UseReader(),
        remarks.RemarkReader(),
        languages.LanguageReader(),
    ]


def behind_readers_of(readers: Sequence[Reader]) -> list[Reader]:
    return [reader for reader in readers if not reader.in_step]
