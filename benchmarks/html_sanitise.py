"""Does any of a mail's HTML run or call home, anywhere that the desk shows it: a real desk, a real Chromium.

    python benchmarks/html_sanitise.py DIR [--some N] [--json]

DIR holds `vectors.jsonl` (`id`, `payload`). Each payload is sent to a served desk as one mail that has it as body,
subject, display name, address, file name and Content-ID, and is put into a mail of our own (subject, names, words).
Then an agent looks at: the mail's own frame, the conversation's page, the list, the people, a search for the payload.
Bodies, pages and our own mail are also shown bare: where nothing protects them (no policy, no sandbox, every kind of
event fired at every element). What is safe there needs no second wall. Whole pages with their scripts and their live
line are opened for every 20th vector (--whole N), bare ones for each: a page takes a second, a bare one a tenth.

Counted: scripts run, requests to anywhere but the desk, policy violations (something was injected, and only the policy
stopped it), handlers or forbidden elements and addresses in the tree, bodies that a second sanitising changes.
score = share of vectors with none of it. --some N takes every Nth vector.
"""

import argparse
import base64
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.header import Header
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from _measure import Figures, rows_of, table
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy import select

from harness.desk import StoryDesk
from harness.web import WebDesk, serving
from parley.channels.email import EmailSettings, channel
from parley.channels.email.markup import sanitised
from parley.channels.email.mime import parse
from parley.core.channel import Address, Delivery, InboundMessage, Inbox, Outbound
from parley.log.tables import words

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
OUR_INBOX = Inbox(id=1, brand=1, channel="email", name="x", address="help@larkspur.test", settings=EmailSettings())
FRAMES = 20

# Runs before everything else in each page: whatever a payload calls tells us.
TELL = """
for (const name of ["alert", "confirm", "prompt", "print", "open"])
  window[name] = (...said) => { parleyRan(name + " " + said); };
document.addEventListener("securitypolicyviolation", (e) => parleyRan("policy " + e.violatedDirective));
"""
# The rule of the data's README, asked of the tree that Chromium itself made; and every event at every element.
JUDGE = r"""
(fire) => {
  const bad = new Set(`script iframe object embed applet base meta link form frame frameset style svg math template xml
    portal`.split(/\s+/));
  const addresses = new Set(`href src action formaction background poster xlink:href data cite longdesc dynsrc lowsrc
    manifest`.split(/\s+/));
  const found = [];
  for (const element of document.querySelectorAll("#here *")) {
    if (bad.has(element.localName)) found.push(element.localName);
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || name === "srcdoc") found.push(name);
      const plain = value.replace(/^[\u0000-\u0020]+|[\u0000-\u0020]+$/g, "").replace(/[\t\n\r]/g, "").toLowerCase();
      const picture = element.localName === "img" && name === "src" && /^data:image\/(png|gif|jpeg|webp)/.test(plain);
      const script = /^(javascript|vbscript|livescript|mocha):/.test(plain);
      if (addresses.has(name) && (script ||
          (plain.startsWith("data:") && !picture))) found.push(name + "=" + plain.slice(0, 40));
      if (name === "style" && /expression\(|javascript:|behavior|-moz-binding|@import|url\(/.test(plain))
        found.push("style");
    }
    if (fire) for (const kind of ["click", "mouseover", "mouseenter", "focus", "load", "error", "toggle", "input",
      "keydown", "pointerdown", "animationstart", "transitionend", "copy", "paste", "drag", "wheel", "scroll"])
      if (!(kind === "click" && element.closest("a"))) element.dispatchEvent(new Event(kind, { bubbles: false }));
  }
  return found;
}
"""
HANDLERS = """() => [...document.querySelectorAll("*")].flatMap((e) => [...e.attributes].map((a) => a.name))
  .filter((name) => /^on[a-z]/.test(name) || name === "srcdoc")"""


class Watch:
    """What happened that must not, by sink."""

    def __init__(self) -> None:
        self.seen: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.shown: dict[str, int] = defaultdict(int)
        self.now = ("", "")

    def note(self, what: str) -> None:
        self.seen[self.now[0]].append((self.now[1], what))

    def on(self, sink: str, vector: str, count: int = 1) -> None:
        self.now = (sink, vector)
        self.shown[sink] += count


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--some", type=int, default=1, metavar="N", help="every Nth vector")
    parser.add_argument("--whole", type=int, default=20, metavar="N", help="whole pages for every Nth of them")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    asked = parser.parse_args()
    for needed in (asked.folder, Path(CHROMIUM)):
        if not needed.exists():
            print(json.dumps({"skipped": f"{needed} is not there", "score": None}))
            sys.exit(0)
    figures, shown = measured(asked.folder, asked.some, asked.whole)
    if not asked.json:
        print(shown)
    print(json.dumps(figures, ensure_ascii=False))


def measured(folder: Path, some: int = 1, whole: int = 20) -> tuple[Figures, str]:
    vectors = [(row["id"], row["payload"]) for row in rows_of(folder / "vectors.jsonl")][::some]
    watch = Watch()
    began = time.perf_counter()
    twice = [name for name, payload in vectors if changes(payload)]
    with tempfile.TemporaryDirectory() as place, desk_with(vectors, Path(place)) as web, chromium() as browser:
        look_at_the_desk(web, browser, vectors, watch, whole)
        look_unprotected(web, browser, vectors, watch)
    return figures_of(vectors, watch, twice, time.perf_counter() - began)


def changes(payload: str) -> bool:
    once = sanitised(payload)
    return once is not None and sanitised(once) != once


# ── mails with the payload everywhere ───────────────────────────────────────────────────────


def as_mail(name: str, payload: str, number: int) -> bytes:
    """One mail with the payload in each place that a sender fills in."""
    line = " ".join(payload.split())[:400] or "empty"
    word = Header(line, "utf-8", maxlinelen=900).encode(linesep="\r\n")
    local = "".join(sign for sign in line if sign.isascii() and sign.isprintable() and sign not in '"\\ @<>,;:()')[:40]
    part = base64.encodebytes(payload.encode("utf-8", "replace")).decode()
    return (
        f"Message-ID: <v{number}@vectors.test>\r\n"
        f'From: {word} <"{local}"+{number}@vectors.test>\r\nTo: help@larkspur.test\r\nSubject: {word}\r\n'
        "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=outer\r\n\r\n"
        "--outer\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        f"{part}\r\n--outer\r\nContent-Type: image/png; name*=utf-8''{quote(line)}.png\r\n"
        f"Content-Disposition: attachment; filename*=utf-8''{quote(line)}.png\r\n"
        f"Content-ID: <{line.encode('ascii', 'replace').decode()}>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==\r\n--outer--\r\n"
    ).encode("utf-8", "replace")


@contextmanager
def desk_with(vectors: Sequence[tuple[str, str]], place: Path) -> Iterator[WebDesk]:
    """A served desk that has read a mail of each vector."""
    story = StoryDesk(place)
    for number, (name, payload) in enumerate(vectors):
        story.desk.intake.take(story.mail_inbox, f"v{number}", as_mail(name, payload, number)).result(30)
    story.settle()
    with serving(story) as web:
        yield web


def our_mail(payload: str) -> str:
    """The HTML of a mail of ours that carries the payload wherever a customer's words can get into one."""
    line = " ".join(payload.split())[:300]
    raw = channel.compose(
        Outbound(
            message=1, conversation=1, to=Address(kind="mail", value="kim@example.com", name=line), text=payload,
            subject=line, external_id="<our.1@larkspur.test>", sender_name=line, brand_name=line,
            choices=((line, "https://desk.test/rate/1"),), unsubscribe_url="https://desk.test/bye",
        ),
        OUR_INBOX,
    )  # fmt: skip
    part = next((part for part in parse(raw).walk() if part.type == "text/html"), None)
    return part.content().decode() if part else ""


def body_as_read(payload: str, number: int) -> str:
    delivery = Delivery(
        id=1, inbox=1, provider_id="p", received_at=datetime(2026, 1, 1, tzinfo=UTC), raw=as_mail("", payload, number)
    )
    [one] = channel.read(delivery, OUR_INBOX)
    assert isinstance(one, InboundMessage)
    return one.html or ""


# ── looking ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def watched(context: BrowserContext, watch: Watch, home: str) -> Page:
    """A page that tells of scripts, dialogs and requests. Nothing leaves this machine."""
    context.expose_binding("parleyRan", lambda _, said: watch.note(f"ran: {said}"))
    context.add_init_script(TELL)

    def answer(route: Any) -> None:
        url = route.request.url
        if url.startswith((home, "data:", "about:", "blob:")):
            route.continue_()
        else:
            watch.note(f"asked: {url[:120]}")
            route.abort()

    context.route("**/*", answer)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("dialog", lambda dialog: (watch.note("ran: dialog"), dialog.dismiss()))
    return page


def look_at_the_desk(
    web: WebDesk, browser: Browser, vectors: Sequence[tuple[str, str]], watch: Watch, whole: int
) -> None:
    agent = web.signed_in("vera", "admin")
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": web.room.door.cookie, "value": agent.secret, "url": web.url}])
    page = watched(context, watch, web.url)
    look_at_frames(web, page, watch)
    for state in web.story.conversations()[::whole]:
        seen(page, f"{web.url}/desk/conversations/{state.id}", "conversation page", f"conversation {state.id}", watch)
    follow(web, page, "/desk/inbox/all", "list", watch)
    follow(web, page, "/desk/people", "people", watch)
    for name, payload in vectors[::whole]:
        seen(page, f"{web.url}{search(payload)}", "search", name, watch)
    context.close()


def search(payload: str) -> str:
    return f"/desk/search?q={quote(' '.join(payload.split())[:200])}"


def look_at_frames(web: WebDesk, page: Page, watch: Watch) -> None:
    """Each mail in its own layout, as the desk frames it, many on one page of the desk's own origin."""
    question = select(words.c.message).where(words.c.html.is_not(None)).order_by(words.c.message)
    messages = web.story.record.ask(lambda conn: list(conn.execute(question).scalars()))
    for first in range(0, len(messages), FRAMES):
        page.goto(f"{web.url}/login")
        some = messages[first : first + FRAMES]
        watch.on("body, framed", f"messages {some[0]}–{some[-1]}", len(some))
        page.evaluate(
            """(numbers) => Promise.all(numbers.map((number) => new Promise((done) => {
              const frame = document.createElement("iframe");
              frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
              frame.onload = done; frame.src = `/desk/messages/${number}/html`; document.body.append(frame);
            })))""",
            some,
        )


def follow(web: WebDesk, page: Page, path: str, sink: str, watch: Watch) -> None:
    """A list and the pages after it."""
    left = 40
    while path and left:
        seen(page, f"{web.url}{path}", sink, path, watch)
        more = page.locator("a[href*='after=']").first
        following = more.get_attribute("href") if more.count() else None
        path = "" if not following else following if following.startswith("/") else path.partition("?")[0] + following
        left -= 1


def seen(page: Page, url: str, sink: str, vector: str, watch: Watch) -> None:
    watch.on(sink, vector)
    page.goto(url, wait_until="load")
    for handler in page.evaluate(HANDLERS):
        watch.note(f"in the tree: {handler}")


def look_unprotected(web: WebDesk, browser: Browser, vectors: Sequence[tuple[str, str]], watch: Watch) -> None:
    agent = web.signed_in("vera", "admin")
    with unprotected(browser, watch) as page:
        for number, (name, payload) in enumerate(vectors):
            bare(page, body_as_read(payload, number), "body, bare", name, watch)
            bare(page, our_mail(payload), "our own mail, bare", name, watch)
            page_of_ours(page, agent.get(search(payload)).text, "search, bare", name, watch)
        for state in web.story.conversations():
            html = agent.get(f"/desk/conversations/{state.id}").text
            page_of_ours(page, html, "conversation page, bare", f"conversation {state.id}", watch)


@contextmanager
def unprotected(browser: Browser, watch: Watch) -> Iterator[Page]:
    """A page of a site without any policy, where scripts run and addresses lead somewhere."""
    context = browser.new_context()
    page = watched(context, watch, "http://nowhere.test/")
    context.route("http://nowhere.test/**", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto("http://nowhere.test/page")
    yield page
    context.close()


def bare(page: Page, html: str, sink: str, vector: str, watch: Watch) -> None:
    """Shown where nothing protects: first parsed as a page of its own, so that whatever would run, runs."""
    watch.on(sink, vector)
    inner = html.partition("<body")[2].partition(">")[2].rpartition("</body>")[0] or html
    page.set_content(f"<!doctype html><div id=here>{inner}</div>", wait_until="load")
    for found in page.evaluate(JUDGE, True):
        watch.note(f"in the tree: {found}")


def page_of_ours(page: Page, html: str, sink: str, vector: str, watch: Watch) -> None:
    """A page of the desk without its policy: its own scripts are not there, anybody else's would run."""
    watch.on(sink, vector)
    page.set_content(html, wait_until="load")
    for handler in page.evaluate(HANDLERS):
        watch.note(f"in the tree: {handler}")


# ── the figures ─────────────────────────────────────────────────────────────────────────────


def figures_of(
    vectors: Sequence[tuple[str, str]], watch: Watch, twice: list[str], seconds: float
) -> tuple[Figures, str]:
    notes = [(sink, vector, what) for sink, found in watch.seen.items() for vector, what in found]
    kinds = {"scripts run": "ran: ", "requests outside": "asked: ", "in the tree": "in the tree: "}
    counts = {kind: sum(what.startswith(sign) for _, _, what in notes) for kind, sign in kinds.items()}
    stopped = sum(what.startswith("ran: policy") for _, _, what in notes)
    faulty = {(vector if vector in dict(vectors) else f"{sink} {vector}") for sink, vector, _ in notes} | set(twice)
    figures: Figures = {
        "score": round(1 - len(faulty) / max(len(vectors), 1), 4),
        "vectors": len(vectors),
        **counts,
        "scripts run": counts["scripts run"] - stopped,
        "policy violations": stopped,
        "changed by sanitising twice": len(twice),
        "shown": dict(watch.shown),
        "seconds": round(seconds, 1),
        "faults": [f"{escape(sink)} | {vector} | {what}" for sink, vector, what in notes[:40]] + twice[:40],
    }
    rows = []
    for sink, count in watch.shown.items():
        found = [what for _, what in watch.seen.get(sink, [])]
        rows.append([sink, count, *(sum(what.startswith(sign) for what in found) for sign in kinds.values())])
    rows.append(["sanitised twice", len(vectors), "", "", len(twice)])
    return figures, table(["sink", "shown", *kinds], rows)


if __name__ == "__main__":
    main()
