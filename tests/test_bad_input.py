"""Bad input and bad luck: each ends in a clear sentence, nothing that was acknowledged is lost, the desk goes on."""

import json
import os
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest

from harness.chat import ChatDesk
from harness.desk import StoryDesk
from harness.ports import free_port
from harness.waiting import eventually
from parley.channels.console import line
from parley.config import load
from parley.core.errors import BadConfig, Busy, NotFound
from parley.log import record as log
from parley.log.engines import open_database
from parley.log.migrations import migrate
from parley.services import inbox, setup

MEGABYTE = 1024 * 1024


# ── what comes in ───────────────────────────────────────────────────────────────────────────


def test_an_unknown_inbox(desk: StoryDesk) -> None:
    with pytest.raises(NotFound, match="There is no inbox 999"):
        desk.desk.intake.take(999, "x", b"Hello")
    desk.visitor("kim").says("Still there?")
    assert desk.words() == ["Still there?"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\xff\xfe nothing that anybody would call a mail",
        b"Subject: nobody sent this\r\n\r\nHello",
        b"From: kim@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 5000,
        b"From: " + b"(" * 5000 + b" kim@example.com\r\n\r\nHello",
    ],
    ids=["bytes", "no sender", "torn multipart", "deep comments"],
)
def test_a_malformed_mail_is_kept_and_the_next_one_is_read(desk: StoryDesk, raw: bytes) -> None:
    desk.desk.intake.take(desk.mail_inbox, "malformed", raw).result(10)
    desk.customer("kim@example.com").mails("Parcel", "Where is it?")
    talks = desk.conversations()
    assert len(talks) == 2
    assert "Where is it?" in [state.preview for state in talks]
    (kept,) = desk.rows(log.metadata.tables["raws"])[:1]
    assert raw in {row[1] for row in desk.rows(log.metadata.tables["raws"])}, kept


def test_files_and_reply_tokens_that_are_not_ours_harm_nothing(desk: StoryDesk) -> None:
    kim = desk.customer("kim@example.com")
    kim.mails("Parcel", "Where is it?", to="help+r1.1.1.aaaaaaaaaaaaaaaaaaaaaaaaaa@larkspur.test")
    kim.mails(
        "Odd", "See file", files=[("..\u200b/.htaccess\x07", "text/plain", b"x"), ("a" * 300, "text/plain", b"y")]
    )
    assert len(desk.conversations()) == 2
    assert all(len(row[3]) <= 255 for row in desk.rows(log.metadata.tables["files"]))


# ── over the wire, on a desk that lives ─────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatDesk]:
    desk = ChatDesk(tmp_path_factory.mktemp("bad"), with_bot=False)
    desk.mail_port = free_port()
    settings = {"listen_port": desk.mail_port, "smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_security": "none"}
    mail = next(i.id for i in desk.desk.inboxes().values() if i.address.startswith("help@"))
    desk.act(lambda tx: setup.change_inbox(tx, mail, settings=settings))
    desk.desk.setup_changed()
    yield desk
    desk.stop()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Sender:
    """A mail client that says exactly what it is told."""

    def __init__(self, port: int) -> None:
        eventually(lambda: listens(port))
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")
        self.hear()
        self.say(b"EHLO sender.test")

    def say(self, what: bytes) -> str:
        self.socket.sendall(what + b"\r\n")
        return self.hear()

    def hear(self) -> str:
        while (answer := self.file.readline())[3:4] == b"-":
            pass
        return answer.decode().strip()

    def envelope(self, options: str = "", to: str = "help@brackenfell.test") -> str:
        sender = self.say(f"MAIL FROM:<kim@example.com>{options}".encode())
        return sender if not sender.startswith("250") else self.say(f"RCPT TO:<{to}>".encode())


def test_a_mail_for_nobody_here_is_refused_at_the_door(living: ChatDesk) -> None:
    sender = Sender(living.mail_port)
    assert sender.envelope(to="nobody@brackenfell.test") == "550 5.1.1 No inbox here has this address"


def test_fifty_megabytes_are_refused_and_the_line_stays_open(living: ChatDesk) -> None:
    sender = Sender(living.mail_port)
    assert sender.envelope(f" SIZE={50 * MEGABYTE}").startswith("552 5.3.4 At most ")
    assert sender.envelope().startswith("250")
    assert sender.say(b"DATA").startswith("354")
    sender.socket.sendall(b"From: kim@example.com\r\nSubject: Film\r\n\r\n")
    for _ in range(50):
        sender.socket.sendall((b"A" * 1022 + b"\r\n") * 1024)
    assert sender.say(b".").startswith("552 5.3.4 At most ")
    assert sender.say(b"NOOP").startswith("250")
    assert _mails(sender, "After the film") == "250 2.0.0 Kept"


def test_a_large_attachment_within_the_limit_is_kept_whole(living: ChatDesk) -> None:
    data = os.urandom(12 * MEGABYTE)
    assert _mails(Sender(living.mail_port), "Twelve megabytes", data) == "250 2.0.0 Kept"
    eventually(lambda: "Twelve megabytes" in subjects(living))
    kept = (living.desk.config.data / "files").glob("??/*")
    assert data in [path.read_bytes() for path in kept if path.stat().st_size == len(data)]


def subjects(living: ChatDesk) -> list[str]:
    page = living.desk.record.ask(inbox.page, "all", inbox.SYSTEM)
    return [state.subject for state in page.rows]


def _mails(sender: Sender, subject: str, file: bytes | None = None) -> str:
    mail = EmailMessage()
    mail["From"], mail["Subject"], mail["Message-ID"] = (
        "kim@example.com",
        subject,
        f"<{subject.replace(' ', '.')}@x.test>",
    )
    mail.set_content("See above")
    if file:
        mail.add_attachment(file, maintype="application", subtype="octet-stream", filename="data.bin")
    assert sender.envelope().startswith("250")
    assert sender.say(b"DATA").startswith("354")
    return sender.say(mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b".")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b'{"hello": 7}', b""], ids=repr)
def test_a_broken_body_is_refused_in_words(living: ChatDesk, body: bytes) -> None:
    request = urllib.request.Request(f"{living.url}/widget/shop/poll", data=body, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code in (400, 422)
    assert "detail" in json.loads(refused.value.read())
    assert urllib.request.urlopen(f"{living.url}/widget.js", timeout=10).status == 200


# ── settings ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("no url at all", "The database URL cannot be read"),
        ("mysql://somebody@example.com/desk", "SQLite and PostgreSQL, not on mysql"),
        ("sqlite:////no/such/folder/parley.db", "The folder /no/such/folder does not exist"),
        ("sqlite://", "The record needs a file"),
    ],
)
def test_a_bad_database_url(url: str, sentence: str) -> None:
    with pytest.raises(BadConfig, match=sentence):
        open_database(url)


def test_a_database_server_that_is_not_there() -> None:
    with pytest.raises(BadConfig, match="The database server cannot be reached"):
        migrate(open_database(f"postgresql://desk@127.0.0.1:{free_port()}/desk"))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "parley.db").write_bytes(b"Dear diary, today I was opened by a program. " * 200)
    with pytest.raises(BadConfig, match="The database file is damaged"):
        migrate(open_database(f"sqlite:///{tmp_path / 'parley.db'}"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("port = 80 80", "parley.toml cannot be read"),
        ('prot = 8080\nport = "x"', "unknown settings: prot"),
        ('port = "eighty"', "must be a whole number"),
        ("\x00\x01", "parley.toml cannot be read"),
    ],
)
def test_damaged_settings(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "parley.toml").write_text(text)
    with pytest.raises(BadConfig, match=sentence):
        load({}, data=tmp_path)


def test_damaged_settings_of_an_inbox(desk: StoryDesk) -> None:
    desk.change(lambda tx: setup.change_inbox(tx, desk.mail_inbox, settings={"smtp_port": "no number"}))
    desk.desk._inboxes = None
    with pytest.raises(BadConfig, match="The settings of inbox “Mail” are wrong"):
        desk.desk.inboxes()


# ── the disk and the database under us ──────────────────────────────────────────────────────


def test_a_locked_database_refuses_and_then_goes_on(tmp_path: Path) -> None:
    story = StoryDesk(tmp_path)
    story.visitor("kim").says("Before")
    with sqlite3.connect(tmp_path / "parley.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = story.desk.intake.take(story.console_inbox, "m2", line(id="m2", who="kim", text="During"))
        assert "locked by another program" in str(waiting.exception(30))
        assert isinstance(waiting.exception(), Busy)
        assert [state.preview for state in story.conversations()] == ["Before"]
        other.execute("ROLLBACK")
    story.visitor("kim").says("During", id="m2")
    assert story.words() == ["Before", "During"]
    story.close()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own with so much room."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk, and not in every container")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_acknowledges_nothing_and_recovers_by_itself(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 12):
        ballast = tmp_path / "disk" / "ballast"
        ballast.write_bytes(b"\0" * 7 * MEGABYTE)
        story = StoryDesk(tmp_path / "disk")
        kept, refused = _fill(story)
        assert kept
        assert refused
        assert all("disk is full" in sentence for sentence in refused.values())
        ballast.unlink()
        for name in refused:
            story.visitor("kim").says(f"Text of {name} " + "x" * 1500, id=name, settle=False)
        story.settle()
        said = [words.split()[2] for words in story.words()]
        assert sorted(said) == sorted({*kept, *refused})
        assert list(sqlite3.connect(tmp_path / "disk" / "parley.db").execute("PRAGMA integrity_check")) == [("ok",)]
        story.close()


def _fill(story: StoryDesk) -> tuple[list[str], dict[str, str]]:
    """Say things until the disk is full and some more: (kept, refused with its sentence)."""
    kept: list[str] = []
    refused: dict[str, str] = {}
    for number in range(4000):
        name = f"m{number}"
        raw = line(id=name, who="kim", text=f"Text of {name} " + "x" * 1500)
        error = story.desk.intake.take(story.console_inbox, name, raw).exception(10)
        if error is None:
            kept.append(name)
        else:
            refused[name] = str(error)
        if len(refused) == 5:
            break
    return kept, refused


def test_files_that_find_no_room_hold_the_mail_back_but_lose_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 40):
        (tmp_path / "disk" / "files").mkdir()
        ballast = tmp_path / "disk" / "ballast"
        story = StoryDesk(tmp_path / "disk")
        data = os.urandom(600_000)
        story.customer("kim@example.com").mails("Small", "Nothing attached")
        room = os.statvfs(tmp_path / "disk")
        ballast.write_bytes(b"\0" * (room.f_bavail * room.f_frsize - 1_150_000))
        with pytest.raises(Busy, match="No space left"):
            story.customer("kim@example.com").mails("Large", "See file", files=[("a.bin", "application/pdf", data)])
        ballast.unlink()
        story.settle()
        assert sorted(state.subject for state in story.conversations()) == ["Large", "Small"]
        story.close()
