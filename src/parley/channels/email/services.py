"""Which mail service an inbox is connected to through its HTTP interface."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parley.channels.email.gmail import Gmail
from parley.channels.email.graph import Graph
from parley.channels.email.polling import Mailbox
from parley.channels.email.rest import NAMES, Service
from parley.channels.email.settings import EmailSettings
from parley.channels.email.tokens import Keep

HOMES = {"gmail": "https://gmail.googleapis.com", "graph": "https://graph.microsoft.com"}


def home(settings: EmailSettings) -> str:
    """The address that is asked."""
    return settings.api_url or HOMES[settings.mail_api]


@asynccontextmanager
async def mailbox(settings: EmailSettings, keep: Keep | None = None) -> AsyncIterator[Mailbox]:
    """The inbox's mailbox, until the block ends."""
    async with Service(NAMES[settings.mail_api], home(settings), settings, keep) as service:
        yield Gmail(service, settings) if settings.mail_api == "gmail" else Graph(service, settings)
