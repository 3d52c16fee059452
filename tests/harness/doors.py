"""One inbox of a served desk as its platform sees it: somewhere to post to, and answers that come back."""

from typing import Any

from harness.waiting import eventually
from harness.web import WebDesk
from parley.core import events as e
from parley.core.channel import Channel
from parley.services import setup


class Door:
    """An inbox of this channel with these settings. path: what stands behind its address."""

    def __init__(
        self, web: WebDesk, channel: Channel, settings: dict[str, Any], address: str = "door", path: str = ""
    ) -> None:
        name = channel.manifest.name
        self.web, self.story, self.path = web, web.story, path
        self.number: int = self.story.change(lambda tx: setup.add_inbox(tx, 1, name, name.title(), address, settings))
        web.room.setup_changed()

    @property
    def now(self) -> float:
        """The desk's time, in seconds since 1970."""
        return self.story.clock().timestamp()

    @property
    def url(self) -> str:
        return f"{self.web.url}/hooks/{self.number}{self.path}"

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        with self.web.browser() as http:
            return http.post(self.url, content=body, headers=headers).status_code

    def received(self, wanted: int = 0) -> list[e.MessageReceived]:
        """What came in; waits until it is at least so many."""
        eventually(lambda: len(self.events(e.MessageReceived)) >= wanted)
        return self.events(e.MessageReceived)

    def events(self, kind: type[Any]) -> list[Any]:
        return [r.event for r in self.story.events(kind)]

    def answers(self, text: str, becomes: type[Any] = e.Sent) -> Any:
        """An agent answers the newest conversation; the last fact of this kind, when there is one more."""
        before = len(self.events(becomes))
        self.story.agent("ana").replies(text, settle=False)
        eventually(lambda: len(self.events(becomes)) > before)
        return self.events(becomes)[-1]
