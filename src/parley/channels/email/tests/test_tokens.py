"""Logging in with tokens: a token server on loopback, Dovecot and a mail server that take nothing else."""

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import pytest

from harness.dovecot import Dovecot, dovecot, needs_dovecot
from harness.smtp_sink import smtp_sink
from parley.channels.email import channel
from parley.channels.email.tests.facts import inbox
from parley.channels.email.tests.test_fetching import mail, subjects, watching
from parley.channels.email.tests.test_receiving import Desk, until
from parley.channels.email.tests.test_sending import failure, reply
from parley.channels.email.tokens import proof
from parley.core.errors import BadConfig

USER = "support@acme.example"


class TokenServer(http.server.ThreadingHTTPServer):
    """Gives token-1, token-2 … and knows which are good. `rotates`: each answer brings another refresh token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.forms: list[dict[str, str]] = []
        self.good: dict[str, str] = {}
        self.refresh = "refresh-0"
        self.rotates = False
        self.life = 3600
        self.down = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.forms.append(form)
        if self.down:
            return 503, {}
        if form.get("client_secret") != "app word":
            return 401, {"error": "invalid_client"}
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        token = f"token-{len(self.forms)}"
        self.good = {token: USER}
        given: dict[str, Any] = {"access_token": token, "expires_in": self.life, "token_type": "Bearer"}
        if self.rotates:
            self.refresh = given["refresh_token"] = f"refresh-{len(self.forms)}"
        return 200, given


class _Answer(http.server.BaseHTTPRequestHandler):
    server: TokenServer

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
        self.reply(*self.server.answer(form))

    def do_GET(self) -> None:
        """Dovecot asks whose token it is: the token follows the address."""
        user = self.server.good.get(self.path.rpartition("/")[2].partition("&")[0])
        self.reply(200 if user else 401, {"email": user} if user else {})

    def reply(self, status: int, said: dict[str, Any]) -> None:
        data = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def token_server() -> Iterator[TokenServer]:
    with TokenServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with token_server() as server:
        yield server


@pytest.fixture
def server(tokens: TokenServer) -> Iterator[Dovecot]:
    with dovecot({}, token_url=f"{tokens.url}/") as running:
        yield running


def with_tokens(tokens: TokenServer, **settings: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "oauth_url": f"{tokens.url}/token", "oauth_client_id": "parley", "oauth_client_secret": "app word",
        "oauth_refresh_token": "refresh-0", "oauth_scope": "mail",
    }  # fmt: skip
    return usual | settings


def mailbox(server: Dovecot, tokens: TokenServer, **settings: Any) -> Any:
    return inbox(
        imap_host="127.0.0.1", imap_port=server.imap_port, imap_security="none", imap_user=USER,
        **with_tokens(tokens, **settings),
    )  # fmt: skip


@needs_dovecot
def test_mail_is_fetched_with_a_token_and_a_fresh_one_when_it_is_turned_away(
    server: Dovecot, tokens: TokenServer
) -> None:
    desk = Desk()
    server.deliver(USER, mail(1))

    async def run() -> None:
        box = mailbox(server, tokens)
        async with watching(desk, box):
            await until(lambda: len(desk.kept) == 1)
        tokens.good = {}  # as when the account's owner signed out everywhere
        server.deliver(USER, mail(2))
        async with watching(desk, box):
            await until(lambda: len(desk.kept) == 2)

    asyncio.run(run())
    assert subjects(desk) == ["Question 1", "Question 2"]
    assert [form["grant_type"] for form in tokens.forms] == ["refresh_token", "refresh_token"]
    assert tokens.forms[0] | {"refresh_token": "", "client_secret": ""} == {
        "grant_type": "refresh_token", "client_id": "parley", "scope": "mail", "refresh_token": "", "client_secret": "",
    }  # fmt: skip


@needs_dovecot
def test_a_refresh_token_that_changes_is_remembered_over_a_restart(server: Dovecot, tokens: TokenServer) -> None:
    desk = Desk()
    tokens.rotates = True
    for number in (1, 2, 3):
        server.deliver(USER, mail(number))

        async def run(wanted: int = number) -> None:  # a loop of its own each time: nothing stays in memory
            async with watching(desk, mailbox(server, tokens)):
                await until(lambda: len(desk.kept) == wanted)

        asyncio.run(run())
    assert [form["refresh_token"] for form in tokens.forms] == ["refresh-0", "refresh-1", "refresh-2"]
    assert b"refresh-3" in desk.notes.values()


@needs_dovecot
def test_what_the_token_server_says_is_said_to_the_operator(server: Dovecot, tokens: TokenServer) -> None:
    desk = Desk()

    async def run(box: Any, words: str) -> None:
        async with watching(desk, box):
            await until(lambda: any(words in sentence for _, sentence in desk.said))

    asyncio.run(run(mailbox(server, tokens, oauth_refresh_token="old"), "invalid_grant: Token has been expired"))
    assert "Connect the account again" in desk.said[-1][1]
    asyncio.run(run(mailbox(server, tokens, oauth_client_secret="guess"), "invalid_client"))
    tokens.down = True
    asyncio.run(run(mailbox(server, tokens), "503"))
    assert all("old" not in said and "guess" not in said for _, said in desk.said)
    steps = channel.try_connections(mailbox(server, tokens))
    assert steps[-1][:2] == ("Fetching, log in:", False)


@needs_dovecot
def test_an_application_may_log_in_by_itself(server: Dovecot, tokens: TokenServer) -> None:
    steps = channel.try_connections(mailbox(server, tokens, oauth_refresh_token=""))
    assert [good for _, good, _ in steps] == [True] * 5
    assert tokens.forms[0]["grant_type"] == "client_credentials"


def test_mail_is_sent_with_a_token(tokens: TokenServer) -> None:
    with smtp_sink(tokens=lambda token: tokens.good.get(token)) as sink:
        box = inbox(
            smtp_host="127.0.0.1", smtp_port=sink.port, smtp_security="none", smtp_user=USER, **with_tokens(tokens)
        )

        async def twice() -> None:
            await channel.send(reply(), box)
            tokens.good.clear()
            await channel.send(reply(), box)

        asyncio.run(twice())
        assert len(sink.mails) == 2
        assert len(tokens.forms) == 2  # one at first, one in place of the one that was turned away
        tokens.down = True
        failed = failure(reply(), box)
        assert not failed.permanent
        assert "503" in str(failed)


def test_a_token_that_ends_soon_is_fetched_anew_before_it_does(tokens: TokenServer) -> None:
    from parley.channels.email import tokens as module

    async def run() -> list[str]:
        account = module.Account(inbox(**with_tokens(tokens)).settings)
        first = [await account.token(), await account.token()]
        account.until -= 3600 - module.EARLY_SECONDS + 1
        return [*first, *await asyncio.gather(*(account.token() for _ in range(20)))]

    said = asyncio.run(run())
    assert said == ["token-1"] * 2 + ["token-2"] * 20


def test_a_login_cannot_carry_more_than_a_login() -> None:
    with pytest.raises(BadConfig):
        proof("kim\x01auth=Bearer other", "token")
