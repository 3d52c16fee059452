"""Checks senders where mail is received: a few threads and a time limit."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from parley.channels.email.mime import parse
from parley.channels.email.settings import EmailSettings
from parley.channels.email.verdict import Checks, Envelope
from parley.channels.email.words import mailboxes
from parley.core.errors import Unreadable
from parley.core.identity import normal

log = logging.getLogger("parley.email")

SECONDS = 6.0  # for one mail's look-ups, all together
THREADS = 8


class Checker:
    """For one listener or mailbox. A mail that cannot be checked is received all the same, unproved."""

    def __init__(self, settings: EmailSettings) -> None:
        from parley.channels.email.names import server

        self.servers = tuple(server(one) for one in settings.dns_servers)
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="parley-senders")

    async def line(self, raw: bytes, envelope: Envelope) -> bytes:
        """What goes in front of the mail: its results, or nothing where nothing can be found out."""
        if not _worth_checking(raw, envelope):
            return b""
        try:
            async with asyncio.timeout(SECONDS + 2):
                checks = await asyncio.get_running_loop().run_in_executor(self.pool, self.look, raw, envelope)
        except TimeoutError:
            checks = Checks(dkim="temperror", dmarc="temperror")
        except Exception:
            log.exception("a sender could not be checked; it counts as unproved")
            checks = Checks(dmarc="temperror")
        return checks.line()

    def look(self, raw: bytes, envelope: Envelope) -> Checks:
        from parley.channels.email.authenticity import checked
        from parley.channels.email.names import Names

        return checked(raw, _authors(raw), envelope, Names(SECONDS, self.servers))

    def close(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)


def _worth_checking(raw: bytes, envelope: Envelope) -> bool:
    """Whether anything could be found out: a peer out there, or a signature."""
    head = raw[: 64 * 1024].lower()
    return bool(envelope.peer) or head.startswith(b"dkim-signature:") or b"\ndkim-signature:" in head


def _authors(raw: bytes) -> list[str]:
    """The domains of every address in From."""
    end = raw.find(b"\r\n\r\n")
    try:
        mail = parse(raw[: end + 2] if end >= 0 else raw[: 256 * 1024])
    except Unreadable:
        return []
    found = [one.address for value in mail.all("from") for one in mailboxes(value)]
    return [normal("mail", address).rpartition("@")[2] for address in found]
