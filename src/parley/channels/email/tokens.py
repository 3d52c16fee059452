"""Access tokens for mail servers that take no passwords: Gmail and Microsoft 365 (XOAUTH2).

A token lives about an hour and is fetched anew a little before it ends (RFC 6749, section 6), or at once when a server
refuses it. Some services hand out another refresh token each time and let the old one die: the newest is passed to
`keep`, so that it survives a restart. Without a refresh token the application asks in its own name (section 4.4).
Sources: Google, "IMAP, POP and SMTP: OAuth 2.0 mechanism"; Microsoft, "Authenticate an IMAP, POP or SMTP connection".
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256

import msgspec

from parley.channels.email.settings import EmailSettings, secret
from parley.core.channel import Memory
from parley.core.errors import BadConfig

EARLY_SECONDS = 300.0  # fetched anew that long before it ends
SECONDS = 20
ACCOUNTS = 500  # kept in memory
USUAL_LIFE = 3600.0

Keep = Callable[[str], Awaitable[None]]


class TokenRefused(Exception):
    """The token server gives none; the text is for people. lasting: only a person can mend it."""

    def __init__(self, reason: str, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The token server's answer (RFC 6749, 5.1)."""

    access_token: str
    expires_in: float = USUAL_LIFE
    refresh_token: str = ""


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    error: str = ""
    error_description: str = ""


class Account:
    """One account's tokens in this process."""

    def __init__(self, settings: EmailSettings) -> None:
        self.settings = settings
        self.refresh = secret(settings.oauth_refresh_token)
        self.access = ""
        self.until = 0.0
        self.busy = asyncio.Lock()

    async def token(self, refused: str = "", keep: Keep | None = None) -> str:
        """A token that is good. refused: one that a server has just turned away. Raises TokenRefused, BadConfig."""
        async with self.busy:
            if not self.access or self.access == refused or time.monotonic() > self.until - EARLY_SECONDS:
                given = await self._ask()
                self.access = given.access_token
                self.until = time.monotonic() + max(EARLY_SECONDS + 60, given.expires_in)
                if given.refresh_token and given.refresh_token != self.refresh:
                    self.refresh = given.refresh_token
                    if keep:
                        await keep(self.refresh)
            return self.access

    async def _ask(self) -> Given:
        import httpx

        try:
            async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client:
                answer = await client.post(self.settings.oauth_url, data=self._form())
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise TokenRefused(f"The token server cannot be reached ({type(problem).__name__})", False) from None
        try:
            if answer.status_code == 200:
                return msgspec.json.decode(answer.content, type=Given)
            said = msgspec.json.decode(answer.content, type=Denied)
        except msgspec.MsgspecError:
            said = Denied()
        words = " ".join(f"{said.error}: {said.error_description}".split())[:300].strip(": ")
        lasting = said.error in ("invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope")
        hint = ". Connect the account again" if said.error == "invalid_grant" else ""
        raise TokenRefused(f"The token server answered {answer.status_code} {words}{hint}".strip(), lasting)

    def _form(self) -> dict[str, str]:
        settings = self.settings
        form = {"client_id": settings.oauth_client_id, "client_secret": secret(settings.oauth_client_secret)}
        if settings.oauth_scope:
            form["scope"] = settings.oauth_scope
        if self.refresh:
            return form | {"grant_type": "refresh_token", "refresh_token": self.refresh}
        return form | {"grant_type": "client_credentials"}


_accounts: dict[tuple[str, ...], Account] = {}


def account(settings: EmailSettings) -> Account:
    """The one of these settings: whoever fetches and whoever sends share a token."""
    loop = str(id(asyncio.get_running_loop()))
    key = (
        loop, settings.oauth_url, settings.oauth_client_id, settings.oauth_client_secret, settings.oauth_scope,
        settings.oauth_refresh_token,
    )  # fmt: skip
    if key not in _accounts:
        while len(_accounts) >= ACCOUNTS:
            del _accounts[next(iter(_accounts))]
        _accounts[key] = Account(settings)
    return _accounts[key]


async def kept_over_restarts(inbox: int, settings: EmailSettings, memory: Memory) -> Keep:
    """Begins with the newest refresh token, which an earlier run may have been given; keeps what comes after it."""
    key = f"oauth/{inbox}/{sha256(settings.oauth_refresh_token.encode()).hexdigest()[:16]}"
    tokens = account(settings)
    newest = await memory.get(key)
    if newest and not tokens.access:
        tokens.refresh = newest.decode()

    async def keep(refresh: str) -> None:
        await memory.put(key, refresh.encode())

    return keep


def uses_tokens(settings: EmailSettings) -> bool:
    """Whether to log in with tokens in place of a password."""
    return bool(settings.oauth_url)


def proof(user: str, token: str) -> bytes:
    """The initial response of SASL XOAUTH2, in base64."""
    if any(mark in user + token for mark in "\x01\r\n\0"):
        raise BadConfig("imap_user holds a character that no login has.")
    return base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode())
