"""S8: mails that would paint over the desk, ask for passwords or run as files, opened in Chromium inside the desk."""

import base64
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from harness.desk import StoryDesk
from harness.waiting import eventually
from harness.web import WebDesk, serving
from mail_trials.tracking import CHROMIUM, Tracker, tracker
from parley.core import events as e

INK = (254, 1, 252)  # no colour of ours
_INK = f"rgb{INK}"
OVERLAYS = (
    "position:fixed;inset:0;z-index:2147483647",
    "position:fixed;top:-500px;left:-500px;width:9999px;height:9999px",
    "position:absolute;inset:-900px;z-index:99999",
    "position:sticky;top:0;height:9999px;width:9999px",
    "margin:-900px;padding:900px;position:relative;z-index:9",
    "width:9999px;height:9999px;transform:translate(-50%,-50%)",
    "transform:scale(99);width:90px;height:90px",
    "box-shadow:0 0 0 9999px " + _INK,
    "outline:9999px solid " + _INK,
    "border:900px solid " + _INK,
    "filter:drop-shadow(0 -400px 0 " + _INK + ");height:300px",
    "display:block;position:fixed;bottom:0;right:0;height:100vh;width:100vw",
    "float:left;margin-left:-900px;width:9999px",
    "height:100vh;width:100vw;mix-blend-mode:difference;position:fixed;top:0",
    "zoom:99;height:90px;width:90px",
    "columns:1;position:absolute;clip-path:inset(-9999px);inset:-900px",
)
BARE = (
    f'<body style="background:{_INK};position:fixed;inset:-900px">',
    '<body bgcolor="#fe01fc"><table bgcolor="#fe01fc">',
    f"<style>html,body,*{{background:{_INK}!important}}</style><p>x</p>",
    f"<style>:root{{position:fixed;inset:-900px;background:{_INK}}}</style><p>x</p>",
    f'<dialog open style="position:fixed;inset:0;width:100vw;height:100vh;background:{_INK}">x</dialog>',
    f'<div popover style="display:block;position:fixed;inset:0;background:{_INK}">x</div>',
    f'<marquee style="background:{_INK};width:9999px;height:999px">x</marquee>',
    f'<svg style="position:fixed;inset:-90px" width=9999 height=999><rect width=9999 height=9999 fill="{_INK}"/></svg>',
)
FORMS = (
    '<form action="{u}"><input name="p" type="password"><button>Sign in again</button></form>',
    '<form action="{u}" method="post" target="_top"><input type="submit" value="Sign in again"></form>',
    '<form><input name="p"><button formaction="{u}" formtarget="_parent">Sign in again</button></form>',
    '<a target="_top" href="{u}" ping="{u}">Sign in again</a>',
    '<a target="_parent" href="/logout">Sign in again</a>',
    "<button onclick=\"top.location='{u}'\">Sign in again</button>",
    '<meta http-equiv="refresh" content="0;url={u}">Sign in again',
    '<base target="_top"><a href="{u}">Sign in again</a>',
)
FILES = (
    ("run.js", "text/javascript", b"window.ran = 1"),
    ("run.mjs", "application/javascript", b"window.ran = 1"),
    ("page.html", "text/html", b"<script>window.ran = 1</script>"),
    ("page.svg", "image/svg+xml", b"<svg onload='ran=1'/>"),
    ("page.xhtml", "application/xhtml+xml", b"<html xmlns='http://www.w3.org/1999/xhtml'/>"),
    ("run.wasm", "application/wasm", b"\0asm\1\0\0\0"),
    ("look.css", "text/css", b"*{background:red}"),
    ("page.xml", "text/xml", b"<?xml-stylesheet href='x.xsl'?><a/>"),
    ("p.pdf", "application/pdf", b"%PDF-1.4 <script>"),
    ("gif.js", "image/gif", b"GIF89a=1;window.ran=1"),
    ("a\r\nContent-Type: text/html\r\n.txt", "text/plain", b"<script>"),
)
RUNNABLE = ("html", "script", "xml", "svg", "wasm", "css", "pdf")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

_COUNT = """async ([png, ink]) => {
  const bitmap = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  const {data} = pen.getImageData(0, 0, bitmap.width, bitmap.height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4)
    if (ink.every((value, n) => Math.abs(data[i + n] - value) < 6)) found++;
  return found;
}"""


def trial(count: int, _: int = 0) -> dict[str, Any]:
    """count: how many mails that paint. score 1: nothing outside the frame, nothing sent, no file that could run."""
    began = time.monotonic()
    painting = [*(f'<div style="background:{_INK};{how}">x</div>' for how in OVERLAYS), *BARE][:count]
    with tempfile.TemporaryDirectory(prefix="parley-trial-") as folder, tracker() as elsewhere:
        story = StoryDesk(Path(folder))
        asking = [form.format(u=elsewhere.url) for form in FORMS]
        with serving(story) as web, sync_playwright() as play:
            _take(story, [*painting, *asking])
            browser = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
            try:
                outside, inside = _painted(browser, web, len(painting))
                left = _asked(browser, web, range(len(painting) + 1, len(painting) + len(asking) + 1), elsewhere)
                running = _files(browser, web)
            finally:
                browser.close()
    good = outside == 0 and inside > 0 and left == 0 and running == 0
    return {
        "trial": "S8", "score": float(good), "mails that paint": len(painting), "painted outside the frame": outside,
        "painted inside": inside, "forms and links": len(asking), "went elsewhere": left, "files": len(FILES),
        "could run": running, "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def _take(story: StoryDesk, pages: list[str]) -> None:
    """A conversation each, in this order; the last mail brings the files."""
    for n, page in enumerate(pages, 1):
        raw = (
            f"From: kim{n}@example.com\r\nTo: help@larkspur.test\r\nSubject: News {n}\r\nMessage-ID: <p{n}@example.com>"
            f"\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello</p>{page}\r\n"
        ).encode()
        story.desk.intake.take(story.mail_inbox, f"p{n}", raw).result(60)
        eventually(lambda n=n: len(story.events(e.MessageReceived)) == n, 60)  # type: ignore[misc]
    parts = "".join(
        f"--b\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment; filename*=utf-8''{_percent(name)}\r\n\r\n"
        f"{base64.b64encode(data).decode()}\r\n"
        for name, kind, data in FILES
    )
    head = "From: eve@example.com\r\nTo: help@larkspur.test\r\nSubject: Files\r\nMessage-ID: <files@example.com>\r\n"
    mail = f"{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n"
    story.desk.intake.take(story.mail_inbox, "files", mail.encode()).result(60)
    eventually(lambda: len(story.events(e.MessageReceived)) == len(pages) + 1, 60)


def _percent(name: str) -> str:
    return "".join(f"%{byte:02X}" if not chr(byte).isalnum() else chr(byte) for byte in name.encode())


def _page(browser: Browser, web: WebDesk, width: int) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 900})
    secret = web.signed_in("lea").secret
    context.add_cookies([{"name": web.room.door.cookie, "value": secret, "url": web.url}])
    return context.new_page()


def _painted(browser: Browser, web: WebDesk, count: int) -> tuple[int, int]:
    """Mails whose ink is seen outside their frame, and inside."""
    outside, inside = 0, 0
    eye = browser.new_page()
    for width in (1440, 390):
        page = _page(browser, web, width)
        for number in range(1, count + 1):
            frame = _opened(page, web, number)
            hidden = page.screenshot(mask=[frame], mask_color="#000")
            outside += _ink(eye, hidden) > 0
            inside += _ink(eye, page.screenshot()) > 0
        page.context.close()
    return outside, inside


def _opened(page: Page, web: WebDesk, number: int) -> Locator:
    """The mail's own layout, whose frame is in sight and loaded."""
    page.goto(f"{web.url}/desk/conversations/{number}")
    bubble = page.locator(".turn.them .bubble").first
    bubble.wait_for()
    if original := bubble.locator("[data-original]").all():
        original[0].click()
    frame = bubble.locator("iframe.mail")
    frame.scroll_into_view_if_needed(timeout=5000)
    page.frame_locator("iframe.mail").get_by_text("Hello").first.wait_for(timeout=5000)
    return frame


def _ink(eye: Page, png: bytes) -> int:
    return int(eye.evaluate(_COUNT, [base64.b64encode(png).decode(), list(INK)]))


def _asked(browser: Browser, web: WebDesk, numbers: range, elsewhere: Tracker) -> int:
    """What got out by itself or by a press; a link may open a page of its own, and nothing else."""
    page, left = _page(browser, web, 1440), 0
    for number in numbers:
        _opened(page, web, number)
        came, at = len(elsewhere.came), page.url
        frame = page.frame_locator("iframe.mail").first
        for control in frame.locator("button, input[type=submit]").all():
            control.click(force=True, timeout=2000)
        page.wait_for_timeout(100)
        left += len(elsewhere.came) - came
        for link in frame.locator("a").all():
            link.click(force=True, timeout=2000)
        page.wait_for_timeout(100)
        left += page.url != at
    page.context.close()
    return left


def _files(browser: Browser, web: WebDesk) -> int:
    """Files that come as something a browser would run or lay out, or that run when a page of ours names them."""
    client, page, could = web.signed_in("lea").http, _page(browser, web, 1440), 0
    message = web.story.events(e.MessageReceived)[-1].event.message  # type: ignore[union-attr]
    page.goto(f"{web.url}/desk")
    for number in range(len(FILES)):
        address = f"/files/{message}/{number}"
        answer = client.get(address)
        assert answer.status_code == 200, answer.text
        kind, policy = answer.headers["content-type"], answer.headers["content-security-policy"]
        could += any(what in kind for what in RUNNABLE) or "sandbox" not in policy
        could += answer.headers["x-content-type-options"] != "nosniff"
        page.evaluate(
            "async (src) => { const s = Object.assign(document.createElement('script'), {src});"
            " await new Promise((done) => { s.onload = s.onerror = done; document.head.append(s); }); }",
            address,
        )
    could += bool(page.evaluate("'ran' in window"))
    page.context.close()
    return could
