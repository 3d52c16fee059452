"""Settings of a web chat inbox."""

import os
import re
from collections.abc import Collection

import msgspec

_COLOUR = re.compile(r"^#[0-9a-fA-F]{6}$")
_KEY = re.compile(r"^[a-z0-9][a-z0-9-]{1,39}$")
_ORIGIN = re.compile(r"^https?://[^/\s*]+$")


class WebchatSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the chat looks and who may show it.

    key: names the inbox in the snippet on the website (`data-inbox`); small letters, digits, hyphens.
    secret: signs the shop's users; `env:NAME` reads it from the environment. Empty: nobody is signed in.
    customers: the customer base that signed ids belong to, so that two shops' "17" stay two people.
    Empty: the key.
    origins: websites that may show the chat, such as `https://shop.example`; the desk's own pages always may.
    title, colour: the brand as visitors see it, colour as #rrggbb.
    greeting, suggestions: what can be done here, and questions to begin with.
    assistant: the bot's name, where the inbox has one.
    privacy_url: shown in the menu.
    calls: visitors may call from the chat, browser to browser, while an agent who takes calls is there.
    ring_seconds: how long a call rings before it counts as missed.
    """

    key: str
    secret: str = ""
    customers: str = ""
    origins: tuple[str, ...] = ()
    title: str = ""
    colour: str = "#1f2937"
    greeting: str = "Ask about an order, a return or a product."
    suggestions: tuple[str, ...] = ()
    assistant: str = "Assistant"
    privacy_url: str = ""
    calls: bool = True
    ring_seconds: int = 40

    @property
    def signing_secret(self) -> str:
        return os.environ.get(self.secret[4:], "") if self.secret.startswith("env:") else self.secret

    @property
    def customer_base(self) -> str:
        return self.customers or self.key


def problems(settings: WebchatSettings) -> list[str]:
    """What is wrong and how to mend it, a sentence each."""
    return [*_naming(settings), *_signing(settings), *_places(settings), *_ringing(settings)]


def _naming(settings: WebchatSettings) -> list[str]:
    found = []
    if not _KEY.match(settings.key):
        found.append(f"The key “{settings.key}” must be 2 to 40 small letters, digits or hyphens.")
    if not _COLOUR.match(settings.colour):
        found.append(f"The colour “{settings.colour}” must be written as #rrggbb, such as #1f2937.")
    return found


def _signing(settings: WebchatSettings) -> list[str]:
    if not settings.secret:
        return []
    if not settings.signing_secret:
        return [f"The environment variable {settings.secret[4:]} is empty: set it to the shop's signing secret."]
    if len(settings.signing_secret) < 32:
        return ["The signing secret is shorter than 32 characters: make one with `openssl rand -hex 32`."]
    return []


def _places(settings: WebchatSettings) -> list[str]:
    return [
        f"“{origin}” is not a website's origin: write it like https://shop.example, without a path or a star."
        for origin in settings.origins
        if not _ORIGIN.match(origin)
    ]


def _ringing(settings: WebchatSettings) -> list[str]:
    if 5 <= settings.ring_seconds <= 300:
        return []
    return [f"A call that rings for {settings.ring_seconds} s serves nobody: choose 5 to 300 seconds."]


def key_from(name: str, taken: Collection[str]) -> str:
    """A key after a brand's name that no other chat has."""
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30].strip("-")
    key = key if _KEY.match(key) else "chat"
    return next(k for k in (key, *(f"{key}-{n}" for n in range(2, 1000))) if k not in taken)
