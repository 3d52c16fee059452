"""A mailbox watched over IMAP (RFC 3501, IDLE of RFC 2177): what is new is handed over, then remembered.

An own small client on asyncio: a coroutine per mailbox in place of a thread, which stops at once when
cancelled. It fetches with BODY.PEEK and changes nothing in the mailbox. The place is (UIDVALIDITY, last UID);
it moves only after every mail up to it was stored, so a crash repeats mails and loses none. A new UIDVALIDITY
begins again from the first mail: what was stored before is known by its provider id.
"""

import asyncio
import base64
import logging
import random
import re
import ssl

from parley.channels.email.checker import Checker
from parley.channels.email.fingerprint import provider_id
from parley.channels.email.mime import MAIL_BYTES
from parley.channels.email.settings import EmailSettings, secret
from parley.channels.email.taking import take
from parley.channels.email.tokens import Keep, TokenRefused, account, kept_over_restarts, proof, uses_tokens
from parley.core.channel import Door, Inbox
from parley.core.errors import BadConfig, Busy

log = logging.getLogger("parley.email")

ANSWER_SECONDS = 60.0
IDLE_SECONDS = 9 * 60.0  # servers may hang up after 29 minutes, home routers after 10
BATCH_MAILS = 50
BATCH_BYTES = 16 * 1024 * 1024
CUT_BYTES = 1024 * 1024
LINE_BYTES = 1024 * 1024
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0

_LITERAL = re.compile(rb"\{(\d{1,12})\+?\}\Z")
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_LISTED = re.compile(rb'\* LIST \(([^)]*)\) (?:"(?:\\.|[^"\\])*"|NIL) (.*)\Z', re.I)
_FOREIGN = re.compile(r"&([A-Za-z0-9+,]*)-")
_NUMBER = re.compile(rb"\[(UIDVALIDITY|UIDNEXT) (\d+)\]", re.I)


class ImapError(Exception):
    """The server said NO or BAD, or something we don't understand; the text is for people."""


class LoginRefused(ImapError):
    pass


class TokenTurnedAway(LoginRefused):
    """This token is no good; a fresh one may be."""


Answer = tuple[bytes, list[bytes]]  # one response: its line with literals cut out, and the literals


class Client:
    """As much of an IMAP client as watching a mailbox needs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.count = 0
        self.capabilities: set[bytes] = set()

    async def command(self, words: bytes, seconds: float = ANSWER_SECONDS) -> list[Answer]:
        """Send one command; what came until its OK. Raises ImapError on NO and BAD."""
        tag = self.tag()
        self.writer.write(tag + b" " + words + b"\r\n")
        await self.writer.drain()
        return await self.until(tag, words.split(b" ")[0], seconds)

    def tag(self) -> bytes:
        self.count += 1
        return b"P%d" % self.count

    async def until(self, tag: bytes, verb: bytes, seconds: float = ANSWER_SECONDS) -> list[Answer]:
        answers: list[Answer] = []
        while True:
            async with asyncio.timeout(seconds):
                answer = await self.answer()
            line = answer[0]
            if line.startswith(tag + b" "):
                if line[len(tag) + 1 :][:2].upper() == b"OK":
                    return [*answers, answer]
                said = line[len(tag) + 1 :].decode("utf-8", "replace")[:200]
                raise ImapError(f"The server answered {verb.decode()} with “{said}”")
            if line[:5].upper() == b"* BYE" and verb != b"LOGOUT":
                raise ImapError(f"The server hung up: {line[6:].decode('utf-8', 'replace')[:200]}")
            answers.append(answer)

    async def answer(self) -> Answer:
        """One response. Literals are read by their length, within what a mail may weigh."""
        line, literals = b"", list[bytes]()
        while True:
            piece = await self.reader.readline()
            if not piece.endswith(b"\n"):
                raise ImapError("The server broke off the connection")
            line += piece.rstrip(b"\r\n")
            literal = _LITERAL.search(line)
            if literal is None or len(line) > LINE_BYTES:
                return line, literals
            length = int(literal.group(1))
            if length > MAIL_BYTES + CUT_BYTES:
                raise ImapError(f"The server sent {length} bytes where less was asked for")
            literals.append(await self.reader.readexactly(length))
            line = line[: literal.start()]

    async def learn_capabilities(self) -> None:
        for line, _ in await self.command(b"CAPABILITY"):
            if line.upper().startswith(b"* CAPABILITY"):
                self.capabilities = set(line.upper().split()[2:])

    async def login(self, user: str, password: str) -> None:
        """AUTHENTICATE PLAIN where it is offered (any character is safe in it), else LOGIN."""
        try:
            if b"AUTH=PLAIN" in self.capabilities:
                await self.authenticate_plain(user, password)
            else:
                await self.command(b"LOGIN " + quoted(user) + b" " + quoted(password))
        except ImapError as problem:
            raise LoginRefused(str(problem)) from None
        await self.learn_capabilities()

    async def login_with_token(self, user: str, token: str) -> None:
        """XOAUTH2. A refusal comes as a challenge with reasons; it wants an empty answer before its NO."""
        first = proof(user, token)
        tag = self.tag()
        at_once = b"SASL-IR" in self.capabilities
        self.writer.write(tag + b" AUTHENTICATE XOAUTH2" + (b" " + first if at_once else b"") + b"\r\n")
        sent = at_once
        while True:
            async with asyncio.timeout(ANSWER_SECONDS):
                line, _ = await self.answer()
            if line.startswith(b"+"):
                self.writer.write((b"" if sent else first) + b"\r\n")
                sent = True
            elif line.startswith(tag + b" "):
                if line[len(tag) + 1 :][:2].upper() != b"OK":
                    raise TokenTurnedAway(
                        f"The server answered the token with “{line.decode('utf-8', 'replace')[:200]}”"
                    )
                break
        await self.learn_capabilities()

    async def folders(self) -> list[str]:
        """The names of the folders that can be opened, as people write them."""
        names = []
        for line, literals in await self.command(b'LIST "" "*"'):
            found = _LISTED.match(line)
            if found and b"\\noselect" not in found.group(1).lower():
                names.append(folder_shown(literals[0] if literals else found.group(2)))
        return names

    async def authenticate_plain(self, user: str, password: str) -> None:
        tag = self.tag()
        self.writer.write(tag + b" AUTHENTICATE PLAIN\r\n")
        async with asyncio.timeout(ANSWER_SECONDS):
            line, _ = await self.answer()
        if not line.startswith(b"+"):
            raise ImapError(f"The server answered the login with “{line.decode('utf-8', 'replace')[:200]}”")
        self.writer.write(base64.b64encode(f"\0{user}\0{password}".encode()) + b"\r\n")
        await self.until(tag, b"AUTHENTICATE")

    async def select(self, folder: str) -> tuple[int, int]:
        """Open the folder to read only: (UIDVALIDITY, UIDNEXT or 0)."""
        numbers: dict[bytes, int] = {}
        for line, _ in await self.command(b"EXAMINE " + quoted(folder_name(folder))):
            for name, value in _NUMBER.findall(line):
                numbers[name.upper()] = int(value)
        if b"UIDVALIDITY" not in numbers:
            raise ImapError("The server does not tell UIDVALIDITY, so its mails cannot be told apart")
        return numbers[b"UIDVALIDITY"], numbers.get(b"UIDNEXT", 0)

    async def sizes_after(self, uid: int) -> list[tuple[int, int]]:
        """(UID, bytes) of each mail behind that UID, in order. `n:*` always names the last one: filtered."""
        sizes = []
        for line, _ in await self.command(b"UID FETCH %d:* (UID RFC822.SIZE)" % (uid + 1), 300):
            found, size = _UID.search(line), _SIZE.search(line)
            if found and size and int(found.group(1)) > uid:
                sizes.append((int(found.group(1)), int(size.group(1))))
        return sorted(sizes)

    async def search(self, what: bytes) -> list[int]:
        """The UIDs that match."""
        found: list[int] = []
        for line, _ in await self.command(b"UID SEARCH " + what):
            if line.upper().startswith(b"* SEARCH"):
                found += [int(one) for one in line.split()[2:] if one.isdigit()]
        return sorted(found)

    async def mails(self, uids: list[int]) -> dict[int, bytes]:
        return await self._bodies(uids, b"BODY.PEEK[]")

    async def beginning(self, uid: int) -> bytes | None:
        return (await self._bodies([uid], b"BODY.PEEK[]<0.%d>" % CUT_BYTES)).get(uid)

    async def _bodies(self, uids: list[int], what: bytes) -> dict[int, bytes]:
        asked = b",".join(b"%d" % uid for uid in uids)
        found = {}
        for line, literals in await self.command(b"UID FETCH " + asked + b" (UID " + what + b")", 300):
            uid = _UID.search(line)
            if uid and literals:
                found[int(uid.group(1))] = literals[0]
        return found

    async def idle(self, seconds: float) -> None:
        """Wait until the server has news, or that long."""
        tag = self.tag()
        self.writer.write(tag + b" IDLE\r\n")
        async with asyncio.timeout(ANSWER_SECONDS):
            while not (await self.answer())[0].startswith(b"+"):
                pass
        try:
            async with asyncio.timeout(seconds):
                while not (await self.answer())[0].upper().endswith((b" EXISTS", b" RECENT")):
                    pass
        except TimeoutError:
            pass
        self.writer.write(b"DONE\r\n")
        await self.until(tag, b"IDLE")

    def close(self) -> None:
        self.writer.close()


def quoted(text: str) -> bytes:
    """An IMAP quoted string; line breaks, which would end the command, are taken out."""
    data = text.replace("\r", "").replace("\n", "").replace("\0", "").encode("utf-8")
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def folder_name(folder: str) -> str:
    """A folder's name in IMAP's own UTF-7 (RFC 3501, 5.1.3)."""
    out, foreign = [], ""
    for letter in folder + "\0":
        if " " <= letter <= "~" or letter == "\0":
            if foreign:
                coded = base64.b64encode(foreign.encode("utf-16-be")).decode("ascii").rstrip("=")
                out.append("&" + coded.replace("/", ",") + "-")
                foreign = ""
            out.append("&-" if letter == "&" else letter)
        else:
            foreign += letter
    return "".join(out).removesuffix("\0")


def folder_shown(name: bytes) -> str:
    """The other way round."""
    text = name.strip().strip(b'"').replace(b'\\"', b'"').replace(b"\\\\", b"\\").decode("utf-8", "replace")
    return _FOREIGN.sub(_letters, text)


def _letters(match: re.Match[str]) -> str:
    coded = match.group(1).replace(",", "/")
    try:
        return base64.b64decode(coded + "=" * (-len(coded) % 4)).decode("utf-16-be") if coded else "&"
    except ValueError:
        return match.group(0)


async def log_in(client: Client, settings: EmailSettings, keep: Keep | None = None) -> None:
    """With a token where the settings say so, else with the password. A token that is turned away is replaced once."""
    if not uses_tokens(settings):
        return await client.login(settings.imap_user, secret(settings.imap_password))
    tokens = account(settings)
    token = await tokens.token(keep=keep)
    try:
        await client.login_with_token(settings.imap_user, token)
    except TokenTurnedAway:
        await client.login_with_token(settings.imap_user, await tokens.token(refused=token, keep=keep))


async def connect(settings: EmailSettings, keep: Keep | None = None) -> Client:
    """Greeted, encrypted as the settings say, and logged in."""
    client, context = await greeted(settings)
    try:
        await encrypt(client, settings, context)
        await log_in(client, settings, keep)
    except BaseException:
        client.close()
        raise
    return client


async def greeted(settings: EmailSettings) -> tuple[Client, ssl.SSLContext]:
    """The line to the server, with TLS already where it is asked for from the beginning."""
    context = ssl.create_default_context()
    if settings.ca_file:
        context.load_verify_locations(settings.ca_file)
    direct = context if settings.imap_security == "tls" else None
    async with asyncio.timeout(ANSWER_SECONDS):
        reader, writer = await asyncio.open_connection(
            settings.imap_host, settings.imap_port, ssl=direct, limit=LINE_BYTES
        )
    client = Client(reader, writer)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            greeting, _ = await client.answer()
        if not greeting.upper().startswith(b"* OK"):
            raise ImapError(f"The server greeted with “{greeting.decode('utf-8', 'replace')[:200]}”")
    except BaseException:
        client.close()
        raise
    return client, context


async def encrypt(client: Client, settings: EmailSettings, context: ssl.SSLContext) -> None:
    """STARTTLS where the settings say so. What was said in clear behind it is thrown away with the old reader."""
    if settings.imap_security == "starttls":
        await client.command(b"STARTTLS")
        await client.writer.start_tls(context, server_hostname=settings.imap_host)
    await client.learn_capabilities()


async def watch(inbox: Inbox, door: Door) -> None:
    """Until cancelled: connect, catch up, wait for news; after trouble again, later and later."""
    wait = FIRST_WAIT
    while True:
        watcher = Watcher(inbox, door)
        try:
            await watcher.run()
        except (
            ImapError,
            TokenRefused,
            BadConfig,
            Busy,
            OSError,
            EOFError,
            TimeoutError,
            ValueError,
            ssl.SSLError,
        ) as problem:
            door.say(inbox.id, _sentence(problem, inbox))
        except Exception:
            log.exception("watching the mailbox of inbox %s failed; trying again", inbox.id)
            door.say(inbox.id, "Watching the mailbox failed; trying again. The log says more.")
        # Whoever got on is served: waiting longer each time would leave a large mailbox behind for hours.
        wait = FIRST_WAIT if watcher.got_on else min(wait * 2, LONGEST_WAIT)
        await asyncio.sleep(wait * random.uniform(0.8, 1.2))


def _sentence(problem: BaseException, inbox: Inbox) -> str:
    where = f"{inbox.settings.imap_host}:{inbox.settings.imap_port}"
    if isinstance(problem, LoginRefused):
        return f"{where} refused the login. Check imap_user and imap_password. ({problem})"
    if isinstance(problem, TokenRefused):
        return f"{problem}." if problem.lasting else f"{problem}. Trying again."
    if isinstance(problem, Busy):
        return f"Mail waits in the mailbox: {problem}"
    if isinstance(problem, TimeoutError):
        return f"{where} did not answer in time. Trying again."
    if isinstance(problem, (ImapError, BadConfig)):
        return f"{problem}. Trying again."
    return f"{where} cannot be reached: {problem}. Trying again."


class Watcher:
    """One connection's worth of watching."""

    def __init__(self, inbox: Inbox, door: Door) -> None:
        self.inbox = inbox
        self.settings: EmailSettings = inbox.settings
        self.door = door
        self.key = f"imap/{inbox.id}/{self.settings.imap_user}@{self.settings.imap_host}/{self.settings.imap_folder}"
        self.validity = self.last = 0
        self.caught_up = self.got_on = False
        checks = self.settings.check_senders and not self.settings.authserv_id
        self.checker = Checker(self.settings) if checks else None

    async def run(self) -> None:
        client = await self.connected()
        try:
            await self.find_place(*await client.select(self.settings.imap_folder))
            while True:
                await self.catch_up(client)
                await self.wait_for_news(client)
        finally:
            client.close()
            if self.checker:
                self.checker.close()

    async def connected(self) -> Client:
        """With the newest refresh token, which an earlier run may have been given."""
        if not uses_tokens(self.settings):
            return await connect(self.settings)
        keep = await kept_over_restarts(self.inbox.id, self.settings, self.door.memory)
        return await connect(self.settings, keep)

    async def find_place(self, validity: int, following: int) -> None:
        """Where we were; from the start when the mailbox was numbered anew."""
        known = (await self.door.memory.get(self.key) or b"").split()
        self.validity = validity
        if len(known) == 2 and int(known[0]) == validity:
            self.last = int(known[1])
        elif not known and not self.settings.imap_old_mail and following:
            self.last = following - 1
            await self.remember()
        else:
            self.last = 0

    async def remember(self) -> None:
        await self.door.memory.put(self.key, b"%d %d" % (self.validity, self.last))

    async def catch_up(self, client: Client) -> None:
        for batch in _batches(await client.sizes_after(self.last)):
            mails = [(provider_id(raw), raw) for raw in await self.fetched(client, batch)]
            await take(self.door, self.inbox.id, self.checker, mails)
            self.last = batch[-1][0]
            await self.remember()
            self.got_on = True
        if not self.caught_up:
            self.caught_up = self.got_on = True
            how = "told at once" if b"IDLE" in client.capabilities else f"looking every {self.settings.poll_seconds} s"
            self.door.say(self.inbox.id, f"Connected to {self.settings.imap_host}; new mail: {how}.")

    async def fetched(self, client: Client, batch: list[tuple[int, int]]) -> list[bytes]:
        """The batch's mails. One that is too large is fetched in part and marked, to be seen by a person."""
        whole = [uid for uid, size in batch if size <= MAIL_BYTES]
        raws = list((await client.mails(whole)).values()) if whole else []
        for uid, size in batch:
            if size > MAIL_BYTES:
                mark = b"X-Parley-Cut: %d MB; UID %d in the mailbox holds it whole\r\n" % (size >> 20, uid)
                raws.append(mark + (await client.beginning(uid) or b""))
        return raws

    async def wait_for_news(self, client: Client) -> None:
        if b"IDLE" in client.capabilities:
            await client.idle(min(IDLE_SECONDS, max(60.0, self.settings.poll_seconds * 9.0)))
        else:
            await asyncio.sleep(max(5, self.settings.poll_seconds))
            await client.command(b"NOOP")


def _batches(sizes: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """By number and by weight, so that a batch fits into memory."""
    batches: list[list[tuple[int, int]]] = []
    weight = 0
    for uid, size in sizes:
        if not batches or len(batches[-1]) >= BATCH_MAILS or weight + size > BATCH_BYTES:
            batches.append([])
            weight = 0
        batches[-1].append((uid, size))
        weight += min(size, MAIL_BYTES)
    return batches
