"""`parley check`: looks at settings, folder, database, files and inboxes, and says how to mend what is wrong."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from parley.config import Config
from parley.core.channel import Inbox
from parley.core.errors import ParleyError

if TYPE_CHECKING:
    from parley.app import Desk

ROOM = 200 * 1024 * 1024


class Finding(msgspec.Struct, frozen=True):
    """state: good, warn or bad. sentence: what is so, and what to do about it."""

    state: str
    sentence: str


def findings(load: Callable[[], Config]) -> Iterator[Finding]:
    """One finding after the other; later ones need what earlier ones found good."""
    try:
        config = load()
    except ParleyError as error:
        yield Finding("bad", str(error))
        return
    yield Finding("good", f"Settings are read; the data directory is {config.data}.")
    yield from _folder(config.data)
    yield from _links(config)
    yield from _sentences(config)
    yield from _desk(config)


def _folder(data: Path) -> Iterator[Finding]:
    try:
        with tempfile.TemporaryFile(dir=data) as probe:
            probe.write(b"x")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        yield Finding("bad", f"The data directory cannot be written ({error.strerror}). Check its owner and the disk.")
        return
    free = shutil.disk_usage(data).free
    if free < ROOM:
        yield Finding("warn", f"Only {free // 2**20} MB are free where the data lies. Parley stops taking mail at 0.")
    else:
        yield Finding("good", f"The data directory can be written; {free // 2**30} GB are free.")


def _links(config: Config) -> Iterator[Finding]:
    local = any(name in config.url for name in ("//127.", "//localhost", "//[::1]"))
    if local:
        yield Finding("warn", f"Links to customers begin with {config.url}. Set PARLEY_PUBLIC_URL to your address.")
    elif not config.secure:
        yield Finding("warn", f"{config.url} is not https. Put a proxy with TLS in front before real use.")
    else:
        yield Finding("good", f"Links to customers begin with {config.url}.")


ALIKE = ("How do I send back shoes that do not fit?", "I want to return boots, they are too small.")
FOREIGN = ("The museum opens at ten on Sundays.", "My grandmother bakes bread with rye flour.")
CROWDED = 0.5  # a cosine; foreign sentences come out below 0.2 with the built-in encoder


def _sentences(config: Config) -> Iterator[Finding]:
    """Whether the chosen encoder gives vectors, and such as tell what is alike from what is not."""
    from parley.ai.encoder import made

    if config.ai == "words":
        yield Finding("good", "The bot goes by words alone, as PARLEY_AI says.")
        return
    wish = config.encoder
    try:
        encoder = made(wish)
        began = time.monotonic()
        rows = encoder.vectors([*ALIKE, *FOREIGN])
        spent = (time.monotonic() - began) / len(rows) * 1000
    except ParleyError as error:
        yield Finding("bad", f"{error} Until then the bot goes by words alone.")
        return
    except Exception as error:
        yield Finding(
            "warn", f"The built-in encoder is not here ({type(error).__name__}): the bot goes by words alone."
        )
        return
    alike, foreign = float(rows[0] @ rows[1]), float((rows[:2] @ rows[2:].T).max())
    told = f"{encoder.width} numbers a sentence, {spent:.0f} ms; alike {alike:.2f}, foreign {foreign:.2f}"
    name = {"builtin": "The built-in encoder", "folder": wish.place, "fastembed": f"fastembed's {wish.model}"}
    what = name.get(wish.kind, f"{wish.model} at {wish.place}")
    if alike <= foreign:
        yield Finding("bad", f"{what} does not tell sentences apart ({told}). Is it a model for sentences?")
    elif foreign > CROWDED:
        hint = (
            "Some models need PARLEY_EMBEDDINGS_PREFIX. Lists of what is alike go by fixed marks and may be too long."
        )
        yield Finding("warn", f"{what} reads sentences, but finds everything alike ({told}). {hint}")
    else:
        yield Finding("good", f"{what} reads sentences: {told}.")


def _desk(config: Config) -> Iterator[Finding]:
    from parley.app import Desk
    from parley.running import OTHER_KEY
    from parley.services import delivery, setup

    try:
        desk = Desk(config)
    except ParleyError as error:
        yield Finding("bad", str(error))
        return
    try:
        yield Finding("good", f"The database ({desk.record.database.label}) is open and up to date.")
        if not desk.record.ask(setup.knows_key, config.key):
            yield Finding("bad", OTHER_KEY)
        if desk.record.ask(setup.is_new):
            yield Finding("warn", "Nobody has set this desk up yet. Run `parley serve` and open the address it prints.")
        failed = len(desk.record.ask(delivery.dead_letters, 1000))
        if failed:
            yield Finding("warn", f"{failed} messages could not be sent. See the view “Failed” in the desk.")
        yield from _inboxes(desk)
    except ParleyError as error:
        yield Finding("bad", str(error))
    finally:
        desk.record.close()


def _inboxes(desk: "Desk") -> Iterator[Finding]:
    for inbox in desk.inboxes().values():
        problems = desk.channels[inbox.channel].check(inbox)
        for problem in problems:
            yield Finding("bad", f"Inbox “{inbox.name}”: {problem}")
        if not problems:
            yield Finding("good", f"Inbox “{inbox.name}” ({inbox.address}) is set up.")
            yield from _connections(desk, inbox)


def _connections(desk: "Desk", inbox: Inbox) -> Iterator[Finding]:
    """Whether the servers that an inbox needs let us in. Sends nothing."""
    attempt = getattr(desk.channels[inbox.channel], "try_connections", None)
    for step, good, sentence in attempt(inbox) if attempt else ():
        yield Finding("good" if good else "bad", f"Inbox “{inbox.name}”: {step} {sentence}")
