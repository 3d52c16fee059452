"""A whole desk behind a real web server: threads, delivery, live streams, on a free port of 127.0.0.1."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from harness.desk import StoryDesk
from harness.ports import free_port
from parley.app import room_of
from parley.services import access
from parley.web.server import make_app
from parley.web.state import Room

PASSWORD = "correct horse battery"


class WebDesk:
    """A served `StoryDesk`. `url` is where it listens; `room` is what its pages work with.

    Everything runs as it does for real, so stories told here must not `settle`: pass `settle=False`,
    or use the pages.
    """

    def __init__(self, story: StoryDesk, room: Room, url: str) -> None:
        self.story, self.room, self.url = story, room, url

    def browser(self, **more: Any) -> httpx.Client:
        """Somebody who is not signed in; redirects are shown, not followed."""
        return httpx.Client(base_url=self.url, timeout=60, **more)

    def signed_in(self, name: str, role: str = "agent", **more: Any) -> "SignedIn":
        """An agent of the story with a session of their own."""
        agent = self.story.agent(name, role, **more)
        secret = self.story.record.do(lambda tx: access.begin_session(tx, agent.number))
        return SignedIn(self, agent.number, secret)

    def with_token(self, name: str, role: str = "agent", **more: Any) -> httpx.Client:
        """An API client that acts as an agent of the story."""
        agent = self.story.agent(name, role, **more)
        token = self.story.record.do(lambda tx: access.issue_token(tx, agent.number, "test"))
        return self.browser(headers={"authorization": f"Bearer {token}"})


class SignedIn:
    """A browser with a session. `post` and its like bring the session's csrf along."""

    def __init__(self, web: WebDesk, agent: int, secret: str) -> None:
        self.web, self.agent, self.secret = web, agent, secret
        self.http = web.browser(cookies={web.room.door.cookie: secret})
        session = web.story.record.ask(access.session_of, secret, web.story.clock())
        assert session is not None
        self.csrf = session.csrf

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(path, **more)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"x-csrf-token": self.csrf, "accept": "application/json", **more.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("POST", path, **more)


@contextmanager
def served(folder: Path, **more: Any) -> Iterator[WebDesk]:
    """Serve a desk while the block runs. `more` goes to `StoryDesk`."""
    story = StoryDesk(folder, **more)
    with serving(story) as web:
        yield web


@contextmanager
def serving(story: StoryDesk, demo: bool = False) -> Iterator[WebDesk]:
    """Serve this desk while the block runs; stops and closes it afterwards."""
    port = free_port()
    room = room_of(story.desk, demo=demo)
    room.url = f"http://127.0.0.1:{port}"
    config = uvicorn.Config(
        make_app(room), host="127.0.0.1", port=port, log_level="error", access_log=False,
        proxy_headers=False, timeout_graceful_shutdown=1, loop="asyncio", server_header=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(_serve(story, server)), name="web", daemon=True)
    story.desk.start()
    thread.start()
    try:
        _wait_until_it_listens(port, thread)
        yield WebDesk(story, room, room.url)
    finally:
        server.should_exit = True
        thread.join(20)
        story.desk.stop()


async def _serve(story: StoryDesk, server: uvicorn.Server) -> None:
    await story.desk.run()
    try:
        await server.serve()
    finally:
        await story.desk.halt()


def _wait_until_it_listens(port: int, thread: threading.Thread) -> None:
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if not thread.is_alive():
            break
        threading.Event().wait(0.025)
    raise RuntimeError("The web server did not begin to listen.")


def csrf_of(html: str) -> str:
    """The csrf value of a page's form or meta element."""
    found = re.search(r'name="csrf" (?:value|content)="([^"]+)"', html)
    assert found, "the page has no csrf value"
    return found.group(1)
