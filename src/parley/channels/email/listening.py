"""Everything that waits for mail: a watcher for each mailbox, a receiver for each port."""

import asyncio
from collections import defaultdict

from parley.channels.email import imap, polling
from parley.channels.email.receiver import Route, routes_of, serve
from parley.channels.email.settings import EmailSettings
from parley.core.channel import Door, Inbox


async def listen(door: Door) -> None:
    """Until cancelled. One mailbox or port in trouble does not stop the others."""
    async with asyncio.TaskGroup() as tasks:
        for inbox in door.inboxes:
            if isinstance(inbox.settings, EmailSettings) and inbox.settings.mail_api:
                tasks.create_task(polling.watch(inbox, door))
            elif isinstance(inbox.settings, EmailSettings) and inbox.settings.imap_host:
                tasks.create_task(imap.watch(inbox, door))
        for (host, port), inboxes in _by_port(door).items():
            tasks.create_task(serve(host, port, routes_of(inboxes), door))


def _by_port(door: Door) -> dict[tuple[str, int], list[Inbox]]:
    ports: dict[tuple[str, int], list[Inbox]] = defaultdict(list)
    for inbox in door.inboxes:
        if isinstance(inbox.settings, EmailSettings) and inbox.settings.listen_port:
            ports[inbox.settings.listen_host, inbox.settings.listen_port].append(inbox)
    return ports


__all__ = ["Route", "listen"]
