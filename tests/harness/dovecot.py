"""A private Dovecot: a real IMAP server on a free loopback port, with its own users and mail folders.

    with dovecot(users={"ana@acme.example": "secret"}) as server:
        server.deliver("ana@acme.example", raw)
        … connect to server.host, server.imap_port …

Works for root and for anyone else; nothing of a system-wide Dovecot is read or written.
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from harness.ports import free_port
from parley.channels.email.imap import folder_name

PROGRAM = next((path for path in (shutil.which("dovecot"), "/usr/sbin/dovecot") if path and Path(path).exists()), "")
needs_dovecot = pytest.mark.skipif(not PROGRAM, reason="Dovecot is not installed (Debian: dovecot-imapd)")

_SETTINGS = """
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/dovecot.log
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {user}
mail_gid = {group}
mail_location = maildir:{base}/mail/%u
mail_fsync = never
maildir_stat_dirs = no
default_vsz_limit = 512M
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {base}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={base}/home/%u
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  chroot =
}}
"""

_TOKENS = """
introspection_mode = get
introspection_url = {url}
username_attribute = email
force_introspection = yes
"""
_TOKEN_LOGIN = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {base}/oauth2.conf
}}
"""


class Dovecot:
    """A running server. Mail is delivered by writing into the Maildir, as an MTA's local agent would."""

    host = "127.0.0.1"

    def __init__(self, base: Path, users: Mapping[str, str], token_url: str = "") -> None:
        self.base = base
        self.token_url = token_url
        self.users = dict(users)
        self.imap_port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.delivered = 0

    def start(self) -> None:
        # Without root it can only be itself; root lends it an unprivileged account for its helpers.
        account = pwd.getpwuid(os.geteuid()) if os.geteuid() else _helper_account()
        group = grp.getgrgid(account.pw_gid).gr_name
        for name in ("run", "state", "mail", "home"):
            (self.base / name).mkdir(exist_ok=True)
        self.write_users()
        settings = _SETTINGS.format(base=self.base, user=account.pw_name, group=group, port=self.imap_port)
        if self.token_url:
            (self.base / "oauth2.conf").write_text(_TOKENS.format(url=self.token_url))
            settings = settings.replace("auth_mechanisms = plain login", "auth_mechanisms = xoauth2")
            settings += _TOKEN_LOGIN.format(base=self.base)
        (self.base / "dovecot.conf").write_text(settings)
        if not os.geteuid():
            _give(self.base, account)
        self.run()

    def run(self) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "-F", "-c", str(self.base / "dovecot.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wait_for_port(self.imap_port, self.process, self.base / "dovecot.log")

    def write_users(self) -> None:
        lines = [f"{user}:{{PLAIN}}{password}" for user, password in self.users.items()]
        (self.base / "users").write_text("\n".join(lines) + "\n")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.run()

    def deliver(self, user: str, raw: bytes) -> None:
        """A new mail in the user's INBOX."""
        inbox = self.base / "mail" / user
        for name in ("tmp", "new", "cur"):
            (inbox / name).mkdir(parents=True, exist_ok=True)
        self.delivered += 1
        name = f"{time.time_ns() // 1000}.M{self.delivered:06d}.harness"
        (inbox / "tmp" / name).write_bytes(raw.replace(b"\r\n", b"\n"))
        if not os.geteuid():
            account = _helper_account()
            for path in (inbox, *(inbox / one for one in ("tmp", "new", "cur")), inbox / "tmp" / name):
                os.chown(path, account.pw_uid, account.pw_gid)
        (inbox / "tmp" / name).rename(inbox / "new" / name)

    def make_folder(self, user: str, name: str) -> None:
        """A folder beside INBOX, made by a client of the standard library."""
        import imaplib

        with imaplib.IMAP4(self.host, self.imap_port) as client:
            client.authenticate("PLAIN", lambda _: f"\0{user}\0{self.users[user]}".encode())
            answer, said = client.create('"' + folder_name(name).replace('"', '\\"') + '"')
            assert answer == "OK", said

    def number_anew(self, user: str) -> None:
        """Forget the UIDs: the folder gets a new UIDVALIDITY, as after a restored backup. Restarts."""
        self.stop()
        for file in (self.base / "mail" / user).glob("dovecot*"):
            file.unlink()
        time.sleep(1.1)  # Dovecot takes the second of its creation as UIDVALIDITY
        self.run()

    def log(self) -> str:
        path = self.base / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def dovecot(users: Mapping[str, str], token_url: str = "") -> Iterator[Dovecot]:
    """Started, and stopped afterwards. Skips the test, visibly, where Dovecot is missing.

    token_url: log in with tokens alone (XOAUTH2); whose one is, is asked there, the token at the end of the address.
    """
    if not PROGRAM:
        pytest.skip("Dovecot is not installed (Debian: dovecot-imapd)")
    with tempfile.TemporaryDirectory(prefix="parley-dovecot-") as base:
        Path(base).chmod(0o755)
        server = Dovecot(Path(base), users, token_url)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _helper_account() -> pwd.struct_passwd:
    for name in ("dovenull", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("Dovecot as root needs an unprivileged account (dovenull or nobody)")


def _give(path: Path, account: pwd.struct_passwd) -> None:
    os.chown(path, account.pw_uid, account.pw_gid)
    for root, folders, files in os.walk(path):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):  # a lock of the server's own, gone by now
                os.chown(os.path.join(root, name), account.pw_uid, account.pw_gid)


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
            return
        except OSError:
            time.sleep(0.05)
    said = log.read_text(errors="replace") if log.exists() else "(no log)"
    raise RuntimeError(f"Dovecot did not start: {said[-2000:]}")
