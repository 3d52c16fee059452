"""`parley new channel NAME`: a folder that already works, to be changed piece by piece."""

import keyword
import re
from pathlib import Path

from parley.core.errors import BadConfig

CODE = '''"""The {name} channel."""

import msgspec

from parley.core.channel import Address, Delivery, Door, Inbound, InboundMessage, Inbox, Manifest, Outbound, Receipt
from parley.core.errors import SendFailed, Unreadable


class {title}Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an inbox of this channel needs. url: where messages are posted to."""

    url: str = ""


class Incoming(msgspec.Struct, frozen=True):
    """One delivery as the platform sends it."""

    id: str
    sender: str
    text: str
    name: str = ""


class {title}:
    manifest = Manifest(
        name="{name}",
        label="{title}",
        glyph="message-circle",
        identity_kind="{name}",
        threads="identity",
        text_limit=4000,
        settings={title}Settings,
    )

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            said = msgspec.json.decode(delivery.raw, type=Incoming)
        except msgspec.MsgspecError as error:
            raise Unreadable(f"This is not a {name} message: {{error}}.") from error
        sender = Address(kind="{name}", value=said.sender, name=said.name)
        return [InboundMessage(sender=sender, text=said.text, external_id=said.id)]

    async def listen(self, door: Door) -> None:
        """Deliveries come through the web room: POST /api/v1/inboxes/NUMBER/deliveries."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        if not inbox.settings.url:
            raise SendFailed("This inbox does not say where to send. Set its url.", permanent=True)
        import httpx

        async with httpx.AsyncClient(timeout=20) as client:
            try:
                answer = await client.post(
                    inbox.settings.url, json={{"id": message.external_id, "to": message.to.value, "text": message.text}}
                )
            except httpx.HTTPError as error:
                raise SendFailed(f"The platform cannot be reached ({{type(error).__name__}}).") from error
        if answer.status_code >= 400:
            raise SendFailed(f"The platform answered {{answer.status_code}}.", permanent=answer.status_code < 500)
        return Receipt(provider_id=message.external_id)

    def check(self, inbox: Inbox) -> list[str]:
        return [] if inbox.settings.url else ["It does not say where to send. Set its url."]


channel = {title}()
'''

SAMPLE = '{"id": "m-1", "sender": "kim", "name": "Kim", "text": "Hello"}\n'
EXPECTED = '[{"sender": "kim", "name": "Kim", "new": "Hello", "external_id": "m-1"}]\n'

TEST = '''"""The {name} channel reads what its platform sends; tests/test_channels.py reads the samples as well."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from parley.channels.{name} import channel
from parley.core.channel import Delivery, InboundMessage, Inbox
from parley.core.errors import Unreadable

INBOX = Inbox(id=1, brand=1, channel="{name}", name="{title}", address="{name}", settings=channel.manifest.settings())


def delivery(raw: bytes) -> Delivery:
    return Delivery(id=1, inbox=1, provider_id="x", received_at=datetime.now(UTC), raw=raw)


def test_a_message_is_read() -> None:
    raw = (Path(__file__).parent.parent / "samples" / "hello.json").read_bytes()
    (message,) = channel.read(delivery(raw), INBOX)
    assert isinstance(message, InboundMessage)
    assert (message.sender.value, message.text) == ("kim", "Hello")


def test_rubbish_is_refused_with_a_sentence() -> None:
    with pytest.raises(Unreadable, match="not a {name} message"):
        channel.read(delivery(b"rubbish"), INBOX)
'''


def lay_out_channel(name: str, into: Path | None = None) -> Path:
    """Write the folder. Raises BadConfig for a name that is no module name or is taken."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,30}", name) or keyword.iskeyword(name):
        raise BadConfig(
            "A channel's name has 2 to 31 small letters, digits and _, begins with a letter, is no word of Python's."
        )
    folder = (into or Path(__file__).parent / "channels") / name
    if folder.exists():
        raise BadConfig(f"{folder} exists already. Choose another name.")
    title = "".join(part.title() for part in name.split("_"))
    for sub in ("samples", "tests"):
        (folder / sub).mkdir(parents=True)
    (folder / "__init__.py").write_text(CODE.format(name=name, title=title), "utf-8")
    (folder / "samples" / "hello.json").write_text(SAMPLE, "utf-8")
    (folder / "samples" / "hello.expected.json").write_text(EXPECTED, "utf-8")
    (folder / "tests" / f"test_{name}.py").write_text(TEST.format(name=name, title=title), "utf-8")
    return folder
