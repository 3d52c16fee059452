"""A server that reads its mailbox at Gmail or Microsoft 365 is killed between fetching and committing: all is kept."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from durability.kill import ROOT, database_for
from harness.ports import free_port
from harness.waiting import eventually
from simulators.mail_services import SECRET, GmailService, GraphService, MailService

KINDS = {"gmail": GmailService, "graph": GraphService}
MAILS = 90
KILLS = ("after DATA:30", "before commit:2", "after commit:3", "between commit and ack:1")


def mailbox(kind: str, service: MailService) -> str:
    settings = {
        "mail_api": kind, "api_url": service.url, "oauth_url": f"{service.url}/token", "oauth_client_id": "parley",
        "oauth_client_secret": SECRET, "oauth_refresh_token": "refresh-0", "poll_seconds": 5, "check_senders": False,
    }  # fmt: skip
    return json.dumps(settings)


@contextmanager
def server(folder: Path, url: str, box: str, kill_at: str = ":0") -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")]), "PARLEY_DATA": str(folder / "data"),
        "PARLEY_DATABASE_URL": url, "PARLEY_PORT": str(free_port()), "PARLEY_LOG_LEVEL": "warning",
        "PARLEY_TEST_KILL_AT": kill_at, "PARLEY_TEST_MAILBOX": box,
    }  # fmt: skip
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "durability.fetching"], env=environment, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def subjects(database: Any) -> list[str]:
    """Of every delivery that was kept, read from its bytes."""
    with database.connect() as conn:
        raws = conn.execute(text("SELECT raw FROM raws")).scalars().all()
    heads = [bytes(raw).partition(b"Subject: ")[2].partition(b"\r\n")[0].decode() for raw in raws]
    return sorted(heads)


def received(database: Any) -> int:
    with database.connect() as conn:
        return int(conn.execute(text("SELECT count(*) FROM events WHERE kind = 'message_received'")).scalar_one())


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_between_fetching_and_committing_loses_and_doubles_nothing(
    kind: str, engine: str, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    with KINDS[kind]() as service, database_for(engine, tmp_path) as url:
        for number in range(MAILS):
            service.deliver(
                f"From: kim{number}@example.com\r\nTo: support@acme.example\r\nSubject: Question {number:03}\r\n"
                f"Message-ID: <{number}@example.com>\r\n\r\nWhere is parcel {number}?\r\n".encode()
            )
        box = mailbox(kind, service)
        for kill_at in KILLS:
            with server(tmp_path, url, box, kill_at) as process:
                assert process.wait(60) == -signal.SIGKILL, f"it was not killed {kill_at}"
        database = create_engine(url)
        with server(tmp_path, url, box):
            eventually(lambda: received(database) >= MAILS, 60)
        assert subjects(database) == [f"Question {number:03}" for number in range(MAILS)]
        assert received(database) == MAILS
        database.dispose()
