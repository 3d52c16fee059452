"""Asking a mail service's HTTP interface with tokens: patient where waiting helps, plain where only a person can.

Sources: Google, "Resolve errors" of the Gmail API; Microsoft, "Graph throttling guidance"; RFC 9110, Retry-After.
"""

import asyncio
import itertools
import random
from collections.abc import Mapping
from typing import Any, Self, TypeVar

import msgspec

from parley.channels.calling import seconds_to_wait
from parley.channels.email.encryption import trusted
from parley.channels.email.settings import EmailSettings
from parley.channels.email.tokens import Keep, account

T = TypeVar("T")
SECONDS = 60.0
TRIES = 5
FIRST_WAIT, PATIENCE = 0.5, 60.0  # seconds; whoever asks for more is left alone for so long by the watcher
JSON_BYTES = 8 * 1024 * 1024
NAMES = {"gmail": "Gmail", "graph": "Microsoft 365"}
LARGEST = {"gmail": 35 * 1024 * 1024, "graph": 35 * 1024 * 1024}  # of a mail with its files
AT_ONCE = {"gmail": 35 * 1024 * 1024, "graph": 3 * 1024 * 1024 - 64 * 1024}  # in one request; Graph: 4 MB in base64
TOO_OFTEN = ("rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED")  # Gmail says them with 403


class ServiceError(Exception):
    """The service did not do what it was asked; the text is for people.

    status: of HTTP, 0 where nobody answered. code: the service's own word for it. passing: trying again may help.
    retry_after: seconds that it asked us to wait.
    """

    def __init__(
        self, reason: str, status: int = 0, code: str = "", passing: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.status, self.code, self.passing, self.retry_after = status, code, passing, retry_after


class TooLarge(ServiceError):
    """The answer is longer than we take. beginning: what was read of it."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__("The service sent more than was asked for")
        self.beginning = beginning


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    reason: str = ""


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What both services say of an error. code: Microsoft's is a word, Google's repeats the status."""

    code: str | int = ""
    message: str = ""
    errors: tuple[Reason, ...] = ()

    @property
    def word(self) -> str:
        return self.errors[0].reason if self.errors else str(self.code)


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    error: Trouble


class Service:
    """One mail service at one address. Used as `async with`; the connections are kept open until its end."""

    def __init__(self, name: str, base: str, settings: EmailSettings, keep: Keep | None = None) -> None:
        self.name, self.base, self.settings, self.keep = name, base.rstrip("/"), settings, keep
        self.http: Any = None

    async def __aenter__(self) -> Self:
        import httpx

        context = await asyncio.to_thread(trusted, self.settings.ca_file)
        self.http = httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, verify=context)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = JSON_BYTES,
        tries: int = TRIES,
    ) -> bytes:
        """The answer's bytes, at most `limit`. path: below the service, or a whole address that it gave us.

        Raises ServiceError, TooLarge, TokenRefused, BadConfig.
        """
        what = {"method": method, "url": self._address(path), "params": params, "content": content, "headers": headers}
        for attempt in itertools.count(1):
            try:
                return await self._with_token(what, limit)
            except ServiceError as problem:
                pause = problem.retry_after if problem.retry_after is not None else FIRST_WAIT * 2 ** (attempt - 1)
                if not problem.passing or attempt >= tries or pause > PATIENCE:
                    raise
            await asyncio.sleep(pause * random.uniform(1, 1.2))
        raise AssertionError

    async def put_piece(self, url: str, piece: bytes, start: int, size: int) -> None:
        """Bytes of a file to an address that the service gave for it: it needs no token, and must not get one.

        Raises ServiceError.
        """
        import httpx

        if not url.startswith(("https://", f"{self.base}/")):
            raise ServiceError(f"{self.name} named an address for a file that is not encrypted")
        headers = {"content-range": f"bytes {start}-{start + len(piece) - 1}/{size}"}
        try:
            answer = await self.http.put(url, content=piece, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise ServiceError(f"{self.name} cannot be reached ({type(problem).__name__})", passing=True) from None
        if answer.status_code not in (200, 201, 202):
            raise self._refusal(answer.status_code, answer.content[:JSON_BYTES], answer.headers)

    def read(self, answer: bytes, type: type[T]) -> T:
        """The answer as this type. Raises ServiceError."""
        try:
            return msgspec.json.decode(answer, type=type)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            raise ServiceError(f"{self.name} answered something that we do not understand ({problem})") from None

    def _address(self, path: str) -> str:
        """A link that leads to another host would carry the token there."""
        if path.startswith("/"):
            return self.base + path
        if not path.startswith(self.base + "/"):
            raise ServiceError(f"{self.name} named an address that is not its own")
        return path

    async def _with_token(self, what: Mapping[str, Any], limit: int) -> bytes:
        """A token that is turned away is replaced once."""
        tokens = account(self.settings)
        token = await tokens.token(keep=self.keep)
        try:
            return await self._once(what, token, limit)
        except ServiceError as problem:
            if problem.status != 401:
                raise
        return await self._once(what, await tokens.token(refused=token, keep=self.keep), limit)

    async def _once(self, what: Mapping[str, Any], token: str, limit: int) -> bytes:
        import httpx

        headers = {"authorization": f"Bearer {token}", **(what["headers"] or {})}
        # An address that the service gave has its own query, which empty params would cut off.
        wanted = {name: value for name, value in what.items() if value is not None}
        try:
            async with self.http.stream(**wanted | {"headers": headers}) as answer:
                data = bytearray()
                async for piece in answer.aiter_bytes():
                    data += piece
                    if len(data) > limit:
                        raise TooLarge(bytes(data))
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise ServiceError(f"{self.name} cannot be reached ({type(problem).__name__})", passing=True) from None
        if answer.status_code in (200, 201, 202, 204):
            return bytes(data)
        raise self._refusal(answer.status_code, bytes(data), answer.headers)

    def _refusal(self, status: int, data: bytes, headers: Mapping[str, str]) -> ServiceError:
        try:
            said = msgspec.json.decode(data, type=Answered).error
        except (msgspec.MsgspecError, RecursionError):
            said = Trouble()
        words = " ".join(f"{said.word} {said.message}".split())[:300].rstrip(".")
        passing = status in (408, 429) or status >= 500 or (status == 403 and said.word in TOO_OFTEN)
        pause = seconds_to_wait(headers, None) if passing else None
        return ServiceError(f"{self.name} answered {status} {words}".strip(), status, said.word, passing, pause)
