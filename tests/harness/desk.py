"""A real desk in a temporary folder, told stories to: `desk.visitor("kim").says("Hello")`.

Nothing runs by itself: `settle` lets intake, readers, followers, timers and delivery work until all
is quiet, so stories are exact and quick. The clock stands still until a story moves it.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select, text

from harness.blanks import lay_sqlite
from parley.app import Desk
from parley.channels.console import Console, line
from parley.channels.webchat import raw as webchat
from parley.config import Config
from parley.core import events as e
from parley.core.channel import Inbox, Outbound
from parley.core.conversation import State
from parley.core.visits import Told
from parley.log import record as log
from parley.log.readers import catch_up, rebuild
from parley.services import access, inbox, people, replies, setup
from parley.services.inbox import Viewer

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class StoryDesk:
    """A desk with one brand, a console inbox, a chat inbox and a mail inbox; none of them with a bot."""

    def __init__(self, folder: Path, url: str = "", with_bot: bool = False) -> None:
        self.clock = Clock()
        self.console = Console()
        config = Config(
            data=folder, database_url=url, secret="a secret for tests", public_url="http://desk.test", ai="words"
        )
        from parley.channels import installed

        channels = dict(installed()) | {"console": self.console}
        if not url:
            lay_sqlite(folder)
        self.desk = Desk(config, clock=self.clock, channels=channels)
        self.record = self.desk.record
        self.numbers = itertools.count(1)
        self.agents: dict[str, int] = {}
        self._looked: dict[str, int] = {}  # how much log there was when a follower last found nothing left to do
        self._build(with_bot)

    def _build(self, with_bot: bool) -> None:
        def build(tx: log.Tx) -> None:
            self.brand = setup.add_brand(tx, "Larkspur")
            add = setup.add_inbox
            self.console_inbox = add(tx, self.brand, "console", "Console", "console", with_bot=with_bot)
            self.chat_inbox = add(
                tx, self.brand, "webchat", "Chat", "shop", {"key": "shop", "secret": "shop secret"}, with_bot
            )
            self.mail_inbox = add(
                tx, self.brand, "email", "Mail", "help@larkspur.test",
                {"smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_security": "none"}, with_bot,
            )  # fmt: skip

        self.record.do(build)
        self.desk.setup_changed()

    # people of the story ────────────────────────────────────────────────────────────────────

    def visitor(self, name: str, inbox: int | None = None) -> "Visitor":
        return Visitor(self, name, inbox or self.console_inbox)

    def chatter(self, name: str) -> "Chatter":
        return Chatter(self, name)

    def customer(self, mail: str, name: str = "") -> "MailCustomer":
        return MailCustomer(self, mail, name)

    def agent(self, name: str, role: str = "agent", **more: Any) -> "AgentOfStory":
        if name not in self.agents:
            mail = f"{name}@larkspur.test"
            self.agents[name] = self.record.do(lambda tx: setup.add_agent(tx, name.title(), mail, role, **more))
        return AgentOfStory(self, self.agents[name])

    # time ───────────────────────────────────────────────────────────────────────────────────

    def settle(self) -> "StoryDesk":
        """Let everything work until nothing is left to do."""
        for _ in range(50):
            before = self.head()
            while self.desk.intake.process():
                pass
            now = self.head()
            for who in [*self.desk.followers, *[r for r in self.desk.readers if not r.in_step]]:
                if now != self._looked.get(who.name):
                    catch_up(self.record, who)
                    self._looked[who.name] = now
                    now = self.head()
            self.desk.clockwork.fire_due()
            asyncio.run(self._deliver())
            if self.head() == before:
                return self
        raise AssertionError("The desk does not come to rest.")

    async def _deliver(self) -> None:
        while await self.desk.worker.round() + await self.desk.fetcher.round() + await self.desk.caller.round():
            pass

    def later(self, **by: float) -> "StoryDesk":
        self.clock.advance(**by)
        return self.settle()

    # looking ────────────────────────────────────────────────────────────────────────────────

    def head(self) -> int:
        return self.record.ask(log.head)

    def events(self, *kinds: type[e.Event]) -> list[e.Recorded]:
        return self.record.ask(log.read, 0, 100_000, kinds)

    def conversations(self) -> list[State]:
        return list(self.record.ask(inbox.page, "all", inbox.SYSTEM, limit=1000).rows)

    @property
    def conversation(self) -> State:
        """The only conversation of the story."""
        (one,) = self.conversations()
        return one

    def view(self, name: str, who: Viewer = inbox.SYSTEM) -> list[State]:
        return list(self.record.ask(inbox.page, name, who).rows)

    def words(self, number: int | None = None) -> list[str]:
        """Everything said in a conversation, in order."""
        number = number or self.conversation.id
        history = self.record.ask(inbox.history, number)
        said = [r.event.message for r in history if isinstance(r.event, e.MessageReceived | e.ReplyWritten)]
        words = self.record.ask(log.words_of, said)
        return [words[m].text for m in said]

    @property
    def outbox(self) -> list[Outbound]:
        """What the console channel has sent."""
        return list(self.console.sent)

    def people(self) -> list[Any]:
        with self.record.reading() as conn:
            return list(conn.execute(select(people.people).where(people.people.c.merged_into.is_(None))))

    def rows(self, table: Table) -> list[tuple[Any, ...]]:
        with self.record.reading() as conn:
            return sorted((tuple(row) for row in conn.execute(select(table))), key=repr)

    def rebuilds(self) -> None:
        """Every reader's tables come out of a replay as living left them."""
        for reader in self.desk.readers:
            if not reader.in_step:
                catch_up(self.record, reader)
            lived = {table.name: self.rows(table) for table in reader.tables}
            rebuild(self.record, reader)
            again = {table.name: self.rows(table) for table in reader.tables}
            assert again == lived, f"{reader.name} rebuilds to something else"

    def change(self, job: Callable[[log.Tx], Any]) -> Any:
        return self.record.do(job)

    def erases(self, message: int, conversation: int) -> None:
        """A message's words are erased, and that is said."""
        gone = e.WordsErased(message=message, reason="asked for")
        self.change(lambda tx: (tx.erase(message), tx.append(e.conversation(conversation), [gone], "agent/1")))

    def inbox(self, number: int) -> Inbox:
        return self.desk.inboxes()[number]

    def close(self) -> None:
        self.desk.record.close()


class Visitor:
    """Somebody at the console."""

    def __init__(self, story: StoryDesk, name: str, inbox: int) -> None:
        self.story, self.name, self.inbox = story, name, inbox

    def says(self, text: str, *, id: str | None = None, settle: bool = True, **more: str) -> "Visitor":
        id = id or f"{self.name}-{next(self.story.numbers)}"
        raw = line(id=id, who=self.name, text=text, **more)
        self.story.desk.intake.take(self.inbox, id, raw).result(10)
        if settle:
            self.story.settle()
        return self

    def reports(self, state: str, message: Outbound) -> "Visitor":
        raw = line(id=f"r{next(self.story.numbers)}", receipt=state, answers=message.external_id)
        self.story.desk.intake.take(self.inbox, raw.decode(), raw).result(10)
        self.story.settle()
        return self

    def sends_rubbish(self, raw: bytes = b"\x00 not json") -> "Visitor":
        self.story.desk.intake.take(self.inbox, f"rubbish-{next(self.story.numbers)}", raw).result(10)
        self.story.settle()
        return self

    def blocks_us(self) -> "Visitor":
        self.story.console.fail("The visitor blocked this desk.", permanent=True)
        return self


class Chatter:
    """Somebody in the chat widget, without a browser."""

    def __init__(self, story: StoryDesk, name: str) -> None:
        self.story, self.token = story, f"visitor-{name}-0123456789abcdef"

    def says(self, text: str, *, client_id: str | None = None, user: str | None = None) -> "Chatter":
        said = webchat.Said(
            visitor=self.token, client_id=client_id or f"c{next(self.story.numbers)}", text=text, user=user
        )
        raw = webchat.encode(said)
        self.story.desk.intake.take(self.story.chat_inbox, webchat.provider_id(said), raw).result(10)
        self.story.settle()
        return self

    def looks_at(
        self,
        *pages: str,
        ago: float = 0,
        client_id: str | None = None,
        name: str = "page",
        client: str = "",
        session: str = "",
    ) -> "Chatter":
        """Their browser tells which pages they saw, `ago` seconds before."""
        told = tuple(Told(name=name, page=page, ago=ago) for page in pages)
        visited = webchat.Visited(
            visitor=self.token,
            client_id=client_id or f"v{next(self.story.numbers)}",
            steps=told,
            client=client,
            session=session,
        )
        raw = webchat.encode(visited)
        self.story.desk.intake.take(self.story.chat_inbox, webchat.provider_id(visited), raw).result(10)
        self.story.settle()
        return self


class MailCustomer:
    """Somebody who writes mail; delivered as bytes, as a mail server would."""

    def __init__(self, story: StoryDesk, mail: str, name: str) -> None:
        self.story, self.mail, self.name = story, mail, name

    def mails(
        self,
        subject: str,
        body: str,
        *,
        answers: str | None = None,
        to: str = "help@larkspur.test",
        message_id: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
        files: Sequence[tuple[str, str, bytes]] = (),
    ) -> "MailCustomer":
        mail = EmailMessage()
        mail["From"] = f"{self.name} <{self.mail}>" if self.name else self.mail
        mail["To"], mail["Subject"] = to, subject
        mail["Message-ID"] = message_id or f"<m{next(self.story.numbers)}@customer.test>"
        mail["Date"] = self.story.clock.now
        if answers:
            mail["In-Reply-To"] = mail["References"] = answers
        for name, value in headers:
            mail[name] = value
        mail.set_content(body)
        for name, kind, data in files:
            maintype, _, subtype = kind.partition("/")
            mail.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)
        raw = mail.as_bytes()
        self.story.desk.intake.take(self.story.mail_inbox, f"mail-{next(self.story.numbers)}", raw).result(10)
        self.story.settle()
        return self


class AgentOfStory:
    """An agent at the desk."""

    def __init__(self, story: StoryDesk, number: int) -> None:
        self.story, self.number = story, number

    @property
    def viewer(self) -> Viewer:
        return access.viewer_of(self.story.record.ask(setup.agent, self.number))

    def _do(self, act: Callable[..., Any], *args: Any, settle: bool = True, **more: Any) -> Any:
        who = self.viewer
        conversation = more.pop("conversation", None) or self.story.conversations()[0].id
        result = self.story.record.do(lambda tx: act(tx, conversation, who, *args, **more))
        if settle:
            self.story.settle()
        return result

    def replies(self, text: str, **more: Any) -> int:
        return int(self._do(replies.reply, text, **more))

    def notes(self, text: str, **more: Any) -> int:
        return int(self._do(replies.note, text, **more))

    def closes(self, **more: Any) -> State:
        return self._do(replies.close, **more)

    def reopens(self, **more: Any) -> State:
        return self._do(replies.reopen, **more)

    def snoozes(self, until: datetime, **more: Any) -> State:
        return self._do(replies.snooze, until, **more)

    def assigns(self, agent: "AgentOfStory | None", **more: Any) -> State:
        return self._do(replies.assign, agent.number if agent else None, **more)

    def tags(self, tag: str, **more: Any) -> State:
        return self._do(replies.tag, tag, **more)

    def untags(self, tag: str, **more: Any) -> State:
        return self._do(replies.untag, tag, **more)

    def is_now(self, presence: str) -> "AgentOfStory":
        from parley.services import routing

        self.story.record.do(lambda tx: routing.set_presence(tx, self.number, presence))
        self.story.settle()
        return self

    def sees(self, view: str = "open") -> list[State]:
        return self.story.view(view, self.viewer)


def empty_postgres(url: str) -> None:
    """Drop everything in a PostgreSQL database that tests may use."""
    from parley.log.engines import open_database

    database = open_database(url)
    with database.writer.begin() as conn:
        conn.execute(text("DROP SCHEMA public CASCADE"))
        conn.execute(text("CREATE SCHEMA public"))
    database.close()
