"""The `parley` command as a newcomer types it: real processes, real folders."""

import mailbox
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from email.message import EmailMessage
from pathlib import Path

import pytest

from harness.ports import free_port
from parley.app import Desk
from parley.config import load
from parley.log.record import Tx
from parley.services import setup

MAIL = {"smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_security": "none"}


class Said:
    """What a command said and how it ended."""

    def __init__(self, done: "subprocess.CompletedProcess[str]") -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.all = re.sub(r"\s+", " ", self.out + self.err)
        assert "Traceback" not in self.all, self.all


class Shell:
    """A terminal in a folder of its own, with nothing of Parley in its environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "desk"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PARLEY_")}
        self.environment = kept | {
            "PYTHONPATH": str(Path(__file__).parents[1] / "src"),
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }

    def command(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "parley.cli", *map(str, words)]

    def parley(self, *words: str | Path, **settings: str) -> Said:
        return Said(
            subprocess.run(
                self.command(*words), cwd=self.folder, env=self.environment | settings,
                capture_output=True, text=True, timeout=120, check=False,
            )
        )  # fmt: skip

    def desk(self, data: Path | None = None) -> Desk:
        return Desk(load({}, data=data or self.data))

    def set_up(self, *mails: str) -> None:
        """A brand with mail inboxes and one agent."""
        desk = self.desk()

        def build(tx: Tx) -> None:
            brand = setup.add_brand(tx, "Larkspur")
            for mail in mails:
                setup.add_inbox(tx, brand, "email", mail, mail, MAIL, with_bot=False)
            setup.add_agent(tx, "Ana", "ana@larkspur.test", "admin")

        desk.record.do(build)
        desk.record.close()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def old_mail(tmp_path: Path) -> Path:
    """An mbox with two conversations: one of two mails, one of one."""
    path = tmp_path / "old.mbox"
    box = mailbox.mbox(path)
    mails = [
        ("<1@kim.test>", "Kim <kim@example.com>", "Wet boots", None),
        ("<2@kim.test>", "Kim <kim@example.com>", "Re: Wet boots", "<1@kim.test>"),
        ("<3@lee.test>", "Lee <lee@example.com>", "An invoice, please", None),
    ]
    for number, (name, sender, subject, answers) in enumerate(mails, 1):
        mail = EmailMessage()
        mail["Message-ID"], mail["From"], mail["To"], mail["Subject"] = name, sender, "help@larkspur.test", subject
        mail["Date"] = f"Mon, {number:02} Mar 2021 09:00:00 +0000"
        if answers:
            mail["In-Reply-To"] = answers
        mail.set_content(f"This is mail number {number}.")
        box.add(mail)
    box.close()
    return path


def counted(desk: Desk) -> tuple[int, int]:
    """How many conversations there are, and how many of them closed."""
    from parley.services import inbox

    rows = desk.record.ask(inbox.page, "all", inbox.SYSTEM, limit=1000).rows
    return len(rows), sum(row.status == "closed" for row in rows)


# ── finding one's way ───────────────────────────────────────────────────────────────────────


def test_help_names_every_command(shell: Shell) -> None:
    said = shell.parley("--help")
    assert said.code == 0
    for command in ("serve", "work", "demo", "check", "login", "import", "rebuild", "backup", "restore", "new"):
        assert command in said.out


def test_help_loads_nothing_heavy(shell: Shell) -> None:
    """`--help` is quick because nobody imports the web, the database or numpy for it."""
    code = (
        "import sys, parley.cli; print([m for m in ('litestar', 'sqlalchemy', 'numpy', 'uvicorn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=shell.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_version_is_told(shell: Shell) -> None:
    assert re.fullmatch(r"parley \d+\.\d+\.\d+\S*\n", shell.parley("--version").out)


def test_a_command_that_does_not_exist(shell: Shell) -> None:
    said = shell.parley("frobnicate")
    assert said.code == 2
    assert "frobnicate" in said.err


# ── check ───────────────────────────────────────────────────────────────────────────────────


def test_check_of_an_empty_desk_says_how_to_begin(shell: Shell) -> None:
    said = shell.parley("check", "--data", shell.data)
    assert said.code == 0
    assert "Nobody has set this desk up yet" in said.all
    assert "parley serve" in said.all


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"PARLEY_PORT": "eighty"}, "PARLEY_PORT must be a whole number, not “eighty”."),
        ({"PARLEY_PORT": "80800"}, "ports go from 1 to 65535"),
        ({"PARLEY_LOG_LEVEL": "loud"}, "Choose one of debug, info, warning, error."),
        ({"PARLEY_PUBLIC_URL": "desk.larkspur.test"}, "Write it whole, such as https://desk.example.com."),
        ({"PARLEY_DATABASE_URL": "mysql://x/y"}, "Parley runs on SQLite and PostgreSQL, not on mysql"),
        ({"PARLEY_DATABASE_URL": "not a url"}, "The database URL cannot be read"),
        ({"PARLEY_DATABASE_URL": "sqlite:////nowhere/at/all/parley.db"}, "does not exist"),
        ({"PARLEY_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "cannot be"),
        ({"PARLEY_SECRET_FILE": "/nowhere/secret"}, "PARLEY_SECRET_FILE names a file that cannot be read"),
    ],
)
def test_check_says_what_is_wrong_and_how_to_mend_it(shell: Shell, settings: dict[str, str], sentence: str) -> None:
    said = shell.parley("check", "--data", shell.data, **settings)
    assert said.code == 1
    assert sentence in said.all


def test_a_misspelt_line_in_the_file_is_named(shell: Shell) -> None:
    shell.data.mkdir()
    (shell.data / "parley.toml").write_text("prot = 8080\n")
    said = shell.parley("check", "--data", shell.data)
    assert said.code == 1
    assert "unknown settings: prot" in said.all


def test_a_folder_that_cannot_be_made_is_told(shell: Shell) -> None:
    (shell.folder / "file").write_text("")
    said = shell.parley("check", "--data", shell.folder / "file" / "desk")
    assert said.code == 1
    assert "PARLEY_DATA" in said.all


def test_check_asks_every_inbox(shell: Shell) -> None:
    shell.set_up("help@larkspur.test")
    desk = shell.desk()
    desk.record.do(lambda tx: setup.add_inbox(tx, 1, "email", "Sales", "sales@larkspur.test", {}, with_bot=False))
    desk.record.close()
    said = shell.parley("check", "--data", shell.data)
    assert said.code == 1
    assert "Inbox “Sales”" in said.all


def test_check_tries_the_mail_servers(shell: Shell) -> None:
    shell.set_up("help@larkspur.test")
    settings = {"imap_host": "127.0.0.1", "imap_port": 1, "imap_user": "u", "imap_password": "p"}
    settings |= {"smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_security": "none"}
    desk = shell.desk()
    desk.record.do(lambda tx: setup.add_inbox(tx, 1, "email", "Sales", "sales@larkspur.test", settings))
    desk.record.close()
    said = shell.parley("check", "--data", shell.data)
    assert said.code == 1
    assert "Inbox “Sales”: Fetching, connect: 127.0.0.1:1 cannot be reached: Connection refused." in said.all


def test_a_database_that_does_not_exist_is_named(shell: Shell, postgres_server: str) -> None:
    url = f"{postgres_server.rpartition('/')[0]}/no_such_desk"
    said = shell.parley("check", "--data", shell.data, PARLEY_DATABASE_URL=url)
    assert said.code == 1
    assert 'database "no_such_desk" does not exist' in said.all
    assert "Check PARLEY_DATABASE_URL." in said.all


def test_a_damaged_database_is_told(shell: Shell) -> None:
    shell.data.mkdir()
    (shell.data / "parley.db").write_bytes(b"this is no database" * 400)
    said = shell.parley("check", "--data", shell.data)
    assert said.code == 1
    assert "damaged" in said.all


# ── import ──────────────────────────────────────────────────────────────────────────────────


def test_a_mailbox_comes_in_once(shell: Shell, old_mail: Path) -> None:
    shell.set_up("help@larkspur.test")
    first = shell.parley("import", "mbox", old_mail, "--data", shell.data)
    assert first.code == 0
    assert "3 mails read, 3 new" in first.all
    again = shell.parley("import", "mbox", old_mail, "--data", shell.data)
    assert "3 mails read, 0 new, 3 known already" in again.all
    desk = shell.desk()
    assert counted(desk) == (2, 2)
    desk.record.close()


def test_a_maildir_holds_the_same_mails(shell: Shell, old_mail: Path) -> None:
    shell.set_up("help@larkspur.test")
    shell.parley("import", "mbox", old_mail, "--data", shell.data)
    folder = mailbox.Maildir(shell.folder / "maildir")
    for mail in mailbox.mbox(old_mail):
        folder.add(mail)
    said = shell.parley("import", "maildir", shell.folder / "maildir", "--data", shell.data)
    assert "3 mails read, 0 new" in said.all


def test_import_asks_which_inbox(shell: Shell, old_mail: Path) -> None:
    shell.set_up("help@larkspur.test", "sales@larkspur.test")
    said = shell.parley("import", "mbox", old_mail, "--data", shell.data)
    assert said.code == 1
    assert "help@larkspur.test, sales@larkspur.test" in said.all
    assert shell.parley("import", "mbox", old_mail, "--inbox", "Sales@larkspur.test", "--data", shell.data).code == 0


@pytest.mark.parametrize(("form", "path"), [("mbox", "nothing"), ("pst", "old.mbox"), ("maildir", "old.mbox")])
def test_what_is_no_mailbox_is_refused(shell: Shell, old_mail: Path, form: str, path: str) -> None:
    shell.set_up("help@larkspur.test")
    said = shell.parley("import", form, path, "--data", shell.data)
    assert said.code == 1
    assert path in said.err


# ── looking after it ────────────────────────────────────────────────────────────────────────


def test_backup_and_restore_bring_everything_back(shell: Shell, old_mail: Path) -> None:
    shell.set_up("help@larkspur.test")
    shell.parley("import", "mbox", old_mail, "--data", shell.data)
    saved = shell.folder / "saved.tar.gz"
    assert shell.parley("backup", saved, "--data", shell.data).code == 0
    elsewhere = shell.folder / "elsewhere"
    restored = shell.parley("restore", saved, "--data", elsewhere)
    assert restored.code == 0, restored.all
    desk = shell.desk(elsewhere)
    assert counted(desk) == (2, 2)
    desk.record.close()
    assert (elsewhere / "secret.key").read_text() == (shell.data / "secret.key").read_text()
    assert shell.parley("login", "ana@larkspur.test", "--data", elsewhere).code == 0
    refused = shell.parley("restore", saved, "--data", elsewhere)
    assert refused.code == 1
    assert "There is a desk here already" in refused.err


def test_restore_of_something_else_is_refused(shell: Shell) -> None:
    (shell.folder / "holiday.tar.gz").write_bytes(b"not a tar file at all")
    for path, sentence in (("nothing.tar.gz", "There is no file"), ("holiday.tar.gz", "not a backup")):
        said = shell.parley("restore", path, "--data", shell.data)
        assert said.code == 1
        assert sentence in said.err


def test_rebuild_of_all_and_of_nobody(shell: Shell, old_mail: Path) -> None:
    shell.set_up("help@larkspur.test")
    shell.parley("import", "mbox", old_mail, "--data", shell.data)
    said = shell.parley("rebuild", "all", "--data", shell.data)
    assert said.code == 0
    assert "all: made anew from" in said.all
    unknown = shell.parley("rebuild", "nobody", "--data", shell.data)
    assert unknown.code == 1
    assert "no reader called “nobody”" in unknown.err
    assert "search" in unknown.err


def test_a_login_link_is_made_for_agents_only(shell: Shell) -> None:
    shell.set_up()
    said = shell.parley("login", "Ana@larkspur.test", "--data", shell.data)
    assert re.fullmatch(r"http://127\.0\.0\.1:8080/login/\S{30,}\n", said.out), said.all
    refused = shell.parley("login", "nobody@larkspur.test", "--data", shell.data)
    assert refused.code == 1
    assert "no agent with the address nobody@larkspur.test" in refused.err


def test_a_channel_with_a_bad_or_taken_name_is_refused(shell: Shell) -> None:
    into = shell.folder / "channels"
    assert shell.parley("new", "channel", "pigeon", "--into", into).code == 0
    assert (into / "pigeon" / "samples" / "hello.expected.json").exists()
    for name, sentence in (("pigeon", "exists already"), ("Big-Bird", "small letters"), ("class", "small letters")):
        said = shell.parley("new", "channel", name, "--into", into)
        assert said.code == 1
        assert sentence in said.err


# ── running ─────────────────────────────────────────────────────────────────────────────────


def test_serve_says_where_it_is_and_stops_when_told(shell: Shell) -> None:
    port = free_port()
    command = shell.command("serve", "--data", shell.data, "--port", str(port))
    with subprocess.Popen(
        command, env=shell.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout is not None
            assert f"http://127.0.0.1:{port}/setup" in running.stdout.readline()
            assert "<form" in fetched(f"http://127.0.0.1:{port}/setup")
            shell.set_up()
            assert shell.parley("login", "ana@larkspur.test", "--data", shell.data).out.startswith(
                f"http://127.0.0.1:{port}/login/"
            )
        finally:
            running.send_signal(signal.SIGTERM)
        assert running.wait(20) in (0, -signal.SIGTERM)


def test_a_secret_that_is_not_the_desks_is_told(shell: Shell) -> None:
    shell.set_up("help@larkspur.test")
    desk = shell.desk()
    assert desk.record.do(lambda tx: setup.note_start(tx, "", desk.config.key))
    desk.record.close()
    said = shell.parley("check", "--data", shell.data, PARLEY_SECRET="another")
    assert said.code == 1
    assert "signed with another secret" in said.all
    assert "signed with another secret" not in shell.parley("check", "--data", shell.data).all


def fetched(url: str) -> str:
    until = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as page:
                return str(page.read().decode())
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def test_a_taken_port_is_told(shell: Shell) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = shell.parley("serve", "--data", shell.data, "--port", str(other.getsockname()[1]))
    assert said.code == 1
    assert "Choose another with --port" in said.err


def test_a_worker_without_postgresql_is_refused(shell: Shell) -> None:
    said = shell.parley("work", "--data", shell.data)
    assert said.code == 1
    assert "Workers need PostgreSQL" in said.err
