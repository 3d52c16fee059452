"""S6 and S8: mails that would call home, opened in Chromium inside the desk, with pictures off."""

import itertools
import socketserver
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.desk import StoryDesk
from harness.waiting import eventually
from harness.web import serving
from parley.core import events as e

CHROMIUM = Path("/usr/bin/chromium")
WAYS = (
    '<img src="{u}">', "<img src='{u}' width=1>", '<img srcset="{u} 2x" src="{u}">', '<img src=" {u}">',
    '<picture><source srcset="{u}"><img src="{u}"></picture>', '<p style="background:url({u})">x</p>',
    '<p style="background-image:image-set(\'{u}\' 1x)">x</p>', '<p style="list-style:url({u}) inside">x</p>',
    '<p style="border-image:u\\72l({u})">x</p>', '<style>@import "{u}"; p{{background:url({u})}}</style><p>x</p>',
    '<style>@font-face{{font-family:f;src:url({u})}} p{{font-family:f}}</style><p style="font-family:f">x</p>',
    '<table background="{u}"><tr><td background="{u}">x</td></tr></table>', '<body background="{u}">x',
    '<svg><image href="{u}"/><use href="{u}#a"/></svg>', '<svg><filter id=a><feImage href="{u}"/></filter></svg>',
    '<svg width=9 height=9><rect filter="url({u}#a)" width=9 height=9 /></svg>',
    '<video poster="{u}" src="{u}"></video>',
    '<audio src="{u}" autoplay></audio>', '<iframe src="{u}"></iframe>', '<object data="{u}"></object>',
    '<embed src="{u}">', '<link rel="stylesheet" href="{u}">', '<link rel="prefetch" href="{u}">',
    '<link rel="dns-prefetch" href="{u}"><link rel="preconnect" href="{u}">',
    '<meta http-equiv="refresh" content="0;url={u}">',
    '<base href="{u}"><img src="a.gif"><a href="b">x</a>', '<input type="image" src="{u}">',
    '<img src="cid:x" lowsrc="{u}">',
    '<img src="cid:{u}">', '<img data-remote-src="{u}" src="{u}">',
)  # fmt: skip
WRAPPED = (
    "{}", "<div>{}</div>", "<table><tr><td>{}</td></tr></table>", "<!--[if mso]>{0}<![endif]-->{0}",
    "<noscript>{0}</noscript>{0}",
    "<blockquote>{}</blockquote>", "<math><mtext>{0}</mtext></math>{0}", "<p title='</p>'>{}", "</title>{}",
    "<template>{0}</template>{0}",
)  # fmt: skip


class Tracker(socketserver.ThreadingTCPServer):
    """Counts whoever comes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Seen)
        self.came: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Seen(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.server.came.append(self.request.recv(200))  # type: ignore[attr-defined]


@contextmanager
def tracker() -> Iterator[Tracker]:
    with Tracker() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def mails(count: int, url: str) -> list[bytes]:
    """Every way in every wrapping, until there are so many."""
    pairs = itertools.islice(itertools.cycle(itertools.product(WRAPPED, WAYS)), count)
    return [
        f"From: kim@example.com\r\nTo: help@larkspur.test\r\nSubject: News {n}\r\nMessage-ID: <t{n}@example.com>\r\n"
        "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Hello</p>".encode()
        + wrapping.format(way.format(u=f"{url}/{n}")).encode()
        for n, (wrapping, way) in enumerate(pairs)
    ]


def opened(count: int, _: int = 0) -> dict[str, Any]:
    """score 1: no request left the desk's own address, by the browser's word and by the tracker's."""
    from playwright.sync_api import sync_playwright

    began, asked = time.monotonic(), list[str]()
    with tempfile.TemporaryDirectory(prefix="parley-trial-") as folder, tracker() as elsewhere:
        story = StoryDesk(Path(folder))
        with serving(story) as web, sync_playwright() as play:
            for n, raw in enumerate(mails(count, elsewhere.url)):
                story.desk.intake.take(story.mail_inbox, f"t{n}", raw).result(60)
            eventually(lambda: len(story.events(e.MessageReceived)) == count, 120)
            numbers = [record.event.message for record in story.events(e.MessageReceived)]  # type: ignore[union-attr]
            flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = play.chromium.launch(executable_path=str(CHROMIUM), args=flags)
            context = browser.new_context()
            secret = web.signed_in("lea").secret
            context.add_cookies([{"name": web.room.door.cookie, "value": secret, "url": web.url}])
            context.on("request", lambda request: asked.append(request.url))
            page = context.new_page()
            shown = 0
            for number in numbers:
                answer = page.goto(f"{web.url}/desk/messages/{number}/html")
                shown += bool(answer and answer.status == 200)
            page.wait_for_timeout(500)
            outside = [url for url in asked if not url.startswith((web.url, "data:"))]
            browser.close()
        came = list(elsewhere.came)
    return {
        "trial": "S6", "score": float(not outside and not came and shown == count), "mails": count, "shown": shown,
        "requests outside": len(outside), "tracker saw": len(came), "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip
