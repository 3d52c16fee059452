"""A customer who writes in an app of the demo's phone to a served desk, by the simulator of that platform."""

import time
from typing import Any

import httpx

from harness.doors import Door
from harness.waiting import eventually
from harness.web import WebDesk
from parley.channels import installed
from parley.demo.apps import App, Taken
from parley.demo.phone import who
from parley.demo.simulators import slack
from parley.demo.simulators.server import Asked, Said
from parley.services import setup

KIM = who("kim.lee@example.com")


class Talk:
    """Kim has written once in an app; `taken` is what its platform took from the desk since, in order."""

    def __init__(self, web: WebDesk, kind: type[App]) -> None:
        self.web, self.app = web, kind()
        self.taken: list[Taken] = []
        self.app.service.heard = self._heard
        self.channel = installed()[kind.channel]
        self.door = Door(web, self.channel, {})
        self.app.hook = self.door.url
        chosen = self.app.settings() | ({"account": ""} if kind.key == "whatsapp" else {})  # no templates to look for
        web.story.change(lambda tx: setup.change_inbox(tx, self.door.number, settings=chosen))
        web.room.setup_changed()
        self.writes("Hello?")
        self.ana = web.story.agent("ana")

    def _heard(self, asked: Asked, said: Said) -> None:
        if asked.method == "POST" and (taken := self.app.took(asked, said)):
            self.taken.append(taken)

    def writes(self, text: str) -> None:
        before = len(self.door.received())
        post = self.app.says(KIM, str(int(time.time() * 1000)), text, "", 0)
        assert post is not None
        # the desk's clock is a story's; what a platform signs with its own time is signed again with that one
        headers = self._of_the_story(post.body, post.headers)
        assert httpx.post(self.app.hook, content=post.body, headers=headers).status_code == 200
        self.door.received(before + 1)

    def _of_the_story(self, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        return slack.signed(body, self.door.now) if self.app.key == "slack" else headers

    def later(self, seconds: float) -> None:
        self.web.story.clock.advance(seconds=seconds)
        self.web.story.record.do(lambda tx: None)

    def facts(self, kind: type[Any], count: int) -> None:
        eventually(lambda: len(self.door.events(kind)) == count)
