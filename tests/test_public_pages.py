"""Pages for customers: help centre and rating. And what came with mails: files, layouts, pictures."""

import http.server
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import select

from harness.desk import StoryDesk
from harness.waiting import eventually
from harness.web import WebDesk, serving
from parley.core import events as e
from parley.core.errors import NotFound
from parley.services import files, inbox, knowledge, outgoing, setup, surveys
from parley.services.outward import is_public
from parley.web import help as help_pages
from parley.web.outside import fetch_picture, may_be_asked

CHROMIUM = Path("/usr/bin/chromium")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDesk]:
    story = StoryDesk(tmp_path_factory.mktemp("public"))
    story.change(lambda tx: setup.add_brand(tx, "Elsewhere"))
    story.visitor("kim").says("Thanks")
    story.agent("ana").closes()
    with serving(story) as web:
        yield web


# ── help ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def articles(web: WebDesk) -> None:
    def write(tx: Any) -> None:
        body = "Send it back within *30 days*.\n\n| Country | Days |\n|---|---|\n| Malta | 9 |"
        knowledge.write(tx, "Returns", body, "agent/1", tags=["returns"], wordings=["How do I send it back?"])
        knowledge.write(tx, "Delivery times", "Four days.", "agent/1", brand=1, tags=["delivery"])
        knowledge.write(tx, "Only elsewhere", "Four weeks.", "agent/1", brand=2)
        knowledge.write(tx, "Fraud signals", "Look for three cards.", "agent/1", audience="internal")
        evil = "<script>alert(1)</script> [x](javascript:alert(1)) ![y](http://a.test/y.png) <b onclick=x>b</b>"
        knowledge.write(tx, "Evil", evil, "agent/1", brand=1)

    web.story.change(write)


def test_a_brands_public_articles_and_no_others(web: WebDesk, articles: None) -> None:
    with web.browser() as http:
        page = http.get("/help").text
        assert "Returns" in page
        assert "Delivery times" in page
        assert "Only elsewhere" not in page
        assert "Fraud signals" not in page
        there = http.get("/help/of/2").text
        assert "Only elsewhere" in there
        assert "Delivery times" not in there
        assert http.get("/help/fraud-signals").status_code == 404
        assert http.get("/help/of/2/delivery-times").status_code == 404
        assert http.get("/help/of/99").status_code == 404


def test_an_article_is_readable_and_harmless(web: WebDesk, articles: None) -> None:
    with web.browser() as http:
        page = http.get("/help/returns").text
        assert "<em>30 days</em>" in page
        assert "<td>Malta</td>" in page
        evil = http.get("/help/evil").text
    body = evil.partition('<div class="prose"')[2].partition("</article>")[0]
    for harm in ("<script", 'href="javascript', "<img", "<b"):
        assert harm not in body, body


def test_searching_finds_by_title_wording_and_text(web: WebDesk, articles: None) -> None:
    with web.browser() as http:
        for words in ("returns", "send back", "malta"):
            hits = http.get("/help", params={"q": words}).text.partition("is-hits")[2].partition("</ul>")[0]
            assert "Returns" in hits, words
        assert "We have no page on that" in http.get("/help", params={"q": "zebra"}).text


def test_the_title_is_not_said_twice() -> None:
    assert help_pages.as_html("# Returns\n\nText", "Returns") == "<p>Text</p>\n"


# ── ratings ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def survey(web: WebDesk) -> int:
    def plan(tx: Any) -> int:
        number = tx.conn.execute(select(inbox.conversations.c.id).limit(1)).scalar()
        return surveys.plan(tx, inbox.state(tx.conn, number), tx.at)

    return int(web.story.change(plan))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium at /usr/bin/chromium")
    with sync_playwright() as play:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        found = play.chromium.launch(executable_path=str(CHROMIUM), args=options)
        yield found
        found.close()


def scores(web: WebDesk, survey: int) -> list[int]:
    return [r.event.score for r in web.story.events(e.SurveyAnswered) if r.event.survey == survey]


def test_looking_at_a_rating_link_rates_nothing(web: WebDesk, survey: int) -> None:
    """Mail scanners open every link; only a person sends the form."""
    with web.browser() as http:
        page = http.get(f"/rate/{outgoing.rating_token(web.room.key, survey)}?score=2")
    assert 'value="2" required checked' in page.text
    assert scores(web, survey) == []


def test_a_rating_counts_and_the_last_one_wins(web: WebDesk, survey: int) -> None:
    path = f"/rate/{outgoing.rating_token(web.room.key, survey)}"
    with web.browser() as http:
        assert "Thank you" in http.post(path, data={"score": "2"}).text
        assert "Thank you" in http.post(path, data={"score": "5", "comment": "After all."}).text
    assert scores(web, survey) == [2, 5]
    with web.story.record.reading() as conn:
        assert conn.execute(select(surveys.surveys.c.score).where(surveys.surveys.c.id == survey)).scalar() == 5


def test_one_click_in_a_mail_is_a_rating_and_a_scanner_is_not(web: WebDesk, survey: int, chromium: Browser) -> None:
    """A scanner that runs scripts waits there and nothing counts; a person's pointer does, and may change its mind."""
    page = chromium.new_page()
    try:
        page.goto(f"{web.url}/rate/{outgoing.rating_token(web.room.key, survey)}?score=4")
        page.evaluate("document.dispatchEvent(new PointerEvent('pointermove', {bubbles: true}))")
        page.wait_for_timeout(700)
        assert scores(web, survey) == []
        page.mouse.move(40, 40)
        page.get_by_text("Your rating has arrived").wait_for()
        assert scores(web, survey) == [4]
        page.locator("input[name=score][value='2']").check(force=True)
        eventually(lambda: scores(web, survey) == [4, 2])
        page.locator("textarea[name=comment]").fill("It came broken.")
        page.get_by_role("button", name="Send").click()
        page.get_by_role("heading", name="Thank you").wait_for()
    finally:
        page.close()
    assert scores(web, survey) == [4, 2, 2]


def test_a_rating_needs_a_score_and_a_link_of_ours(web: WebDesk, survey: int) -> None:
    token = outgoing.rating_token(web.room.key, survey)
    with web.browser() as http:
        assert http.post(f"/rate/{token}", data={}).status_code == 422
        assert http.post(f"/rate/{token}", data={"score": "9"}).status_code == 422
        cut = token[:-1] + ("y" if token[-1] == "x" else "x")
        assert http.post(f"/rate/{cut}", data={"score": "5"}).status_code == 404
    assert scores(web, survey) == []


# ── what came with a mail ───────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def mail(web: WebDesk) -> int:
    """The number of a mail with a layout, a picture inside, one elsewhere, a script and two files."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Lee <lee@example.com>", "help@larkspur.test", "Broken"
    mail["Message-ID"], mail["Date"] = "<layout@example.com>", "Mon, 02 Mar 2026 09:00:00 +0000"
    mail.set_content("See the picture.")
    mail.add_alternative(
        '<p style="color:#ff0000">See <script>alert(1)</script><img src="cid:inner" alt="in">'
        '<img src="https://pictures.test/a.png?x=1&y=2" alt="out" onerror="alert(2)"></p>',
        subtype="html",
    )
    mail.get_payload()[1].add_related(PNG, "image", "png", cid="<inner>", filename="in.png")
    mail.add_attachment(PNG, maintype="image", subtype="png", filename="größe.png")
    mail.add_attachment(b"<svg onload='alert(1)'/>", maintype="image", subtype="svg+xml", filename="x.svg")
    web.room.intake.take(web.story.mail_inbox, "layout", mail.as_bytes()).result(10)
    for _ in range(400):
        with web.story.record.reading() as conn:
            if found := conn.execute(select(files.files.c.message).where(files.files.c.name == "x.svg")).scalar():
                return int(found)
        threading.Event().wait(0.025)
    raise AssertionError("the mail was not read")


def names_of(web: WebDesk, mail: int) -> dict[str, int]:
    with web.story.record.reading() as conn:
        rows = conn.execute(select(files.files).where(files.files.c.message == mail))
        return {row.name: row.number for row in rows}


def test_a_picture_is_shown_and_everything_else_is_a_download(web: WebDesk, mail: int) -> None:
    ana, numbers = web.signed_in("ana"), names_of(web, mail)
    picture = ana.get(f"/files/{mail}/{numbers['größe.png']}")
    assert picture.headers["content-disposition"] == "inline; filename*=UTF-8''gr%C3%B6%C3%9Fe.png"
    assert picture.headers["content-type"] == "image/png"
    assert picture.content == PNG
    drawing = ana.get(f"/files/{mail}/{numbers['x.svg']}")
    assert drawing.headers["content-disposition"].startswith("attachment")
    assert drawing.headers["content-type"] == "application/octet-stream"


def test_a_mails_layout_runs_nothing_and_calls_nobody(web: WebDesk, mail: int) -> None:
    answer = web.signed_in("ana").get(f"/desk/messages/{mail}/html")
    assert "<script" not in answer.text
    assert "onerror" not in answer.text
    assert 'src="data:image/png;base64,' in answer.text
    assert ' src="http' not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "frame-ancestors 'self'" in policy
    assert "script-src" not in policy


def test_pictures_from_elsewhere_come_through_the_desk_when_asked_for(web: WebDesk, mail: int) -> None:
    html = web.signed_in("ana").get(f"/desk/messages/{mail}/html?images=true").text
    address = html.partition('src="' + web.url + "/pictures/")[2].partition('"')[0].replace("&amp;", "&")
    assert parse_qs(urlsplit(address).query)["url"] == ["https://pictures.test/a.png?x=1&y=2"]
    assert ' src="https://pictures.test' not in html
    with web.browser() as http:
        forged = address.replace("pictures.test", "127.0.0.1")
        assert http.get(f"/pictures/{forged}").status_code == 404


# ── the way out ─────────────────────────────────────────────────────────────────────────────


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A small web server: a picture, a page, a redirect, something large."""

    def do_GET(self) -> None:
        bodies = {"/a.png": PNG, "/page": b"<html>", "/large.png": PNG + b"x" * 6_000_000}
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "/a.png")
            self.end_headers()
            return
        self.send_response(200 if self.path in bodies else 404)
        self.send_header("content-type", "image/png")
        self.end_headers()
        self.wfile.write(bodies.get(self.path, b""))

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_picture_is_fetched_also_behind_a_redirect(elsewhere: str) -> None:
    for path in ("/a.png", "/moved"):
        assert fetch_picture(elsewhere + path, lambda address, port: True) == (PNG, "image/png")


@pytest.mark.parametrize("path", ["/page", "/large.png", "/missing"])
def test_what_is_no_picture_is_not_passed_on(path: str, elsewhere: str) -> None:
    with pytest.raises(NotFound):
        fetch_picture(elsewhere + path, lambda address, port: True)


def test_our_own_network_is_not_asked(elsewhere: str) -> None:
    for url in (f"{elsewhere}/a.png", elsewhere.replace("127.0.0.1", "localhost") + "/a.png", "file:///etc/passwd"):
        with pytest.raises(NotFound):
            fetch_picture(url)


def test_a_redirect_does_not_lead_inside(elsewhere: str) -> None:
    """The first address is allowed, the second is not."""
    asked: list[int] = []

    def only_once(address: object, port: int) -> bool:
        asked.append(port)
        return len(asked) == 1

    with pytest.raises(NotFound):
        fetch_picture(f"{elsewhere}/moved", only_once)
    assert len(asked) == 2


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::"],
)  # fmt: skip
def test_inner_addresses_are_known(address: str) -> None:
    assert not is_public(ip_address(address))


def test_outer_addresses_and_web_ports_only() -> None:
    assert may_be_asked(ip_address("93.184.215.14"), 443)
    assert may_be_asked(ip_address("2606:2800:21f:cb07:6820:80da:af6b:8b2c"), 80)
    assert not may_be_asked(ip_address("93.184.215.14"), 25)
