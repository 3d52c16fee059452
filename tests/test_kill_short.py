"""The short form of `bin/kill-test`: a few kills, and proof that the counting itself would notice damage."""

import hashlib
import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from durability.kill import Outcome, Plan, as_json, campaign, database_for, told
from durability.ledger import Entry, Ledger, digest_of
from durability.verdict import judge
from harness.desk import StoryDesk

KILLS = 6
DAMAGE = {
    "lost": "DELETE FROM events WHERE kind = 'message_received' AND seq = (SELECT max(seq) FROM events)",
    "duplicated": "INSERT INTO events SELECT seq + 100, stream, version + 100, at, by, kind, data FROM events"
    " WHERE kind = 'message_received' LIMIT 1",
    "torn": "UPDATE words SET text = substr(text, 1, 20)",
    "torn, in its raw bytes": "UPDATE raws SET raw = CAST(replace(CAST(raw AS TEXT), 'Subject', 'SUbject') AS BLOB)",
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("kill")
    (folder / "data").mkdir()
    plan = Plan(kills=KILLS, chat_senders=12, chat_pause=1.0, longest_life=1.5, deepest=12, seed=3, quiet=True)
    with database_for("sqlite", folder) as url:
        return campaign(plan, folder, url)


def test_nothing_acknowledged_is_lost_doubled_or_torn(outcome: Outcome) -> None:
    assert outcome.kills.total() >= KILLS
    assert outcome.acked_mail > 10
    assert outcome.acked_chat > 10
    assert outcome.verdict.sound, told(outcome)


def test_the_outcome_is_told_to_programs_too(outcome: Outcome) -> None:
    facts = json.loads(as_json(outcome))
    assert facts["score"] == outcome.verdict.score
    assert facts["lost"] == facts["duplicated"] == facts["torn"] == 0


def test_answers_that_went_out_twice_share_their_name(outcome: Outcome) -> None:
    assert outcome.verdict.foreign_copies == 0
    assert outcome.verdict.most_copies <= 1 + outcome.kills.total()


@pytest.fixture
def kept(tmp_path: Path) -> tuple[str, Path, Ledger]:
    """Three acknowledged mails in a desk at rest: (database URL, data folder, ledger)."""
    (tmp_path / "data").mkdir()
    ledger, story = Ledger(tmp_path / "ledger.jsonl"), StoryDesk(tmp_path / "data")
    for number in range(3):
        name, words = f"<{number}@customer.test>", f"Where is parcel number {number}? It is late again."
        raw = f"\r\nFrom: kim@customer.test\r\nSubject: Parcel\r\nMessage-ID: {name}\r\n\r\n{words}\r\n"[2:].encode()
        digest = hashlib.sha256(raw.removesuffix(b"\r\n")).hexdigest()
        entry = ledger.sending(Entry(name=name, kind="mail", text=digest_of(words), raw=digest))
        if story.desk.intake.take(story.mail_inbox, name, b"Return-Path: <>\r\n" + raw).result(10):
            ledger.acknowledged(entry)
    story.settle().close()
    return f"sqlite:///{tmp_path / 'data' / 'parley.db'}", tmp_path / "data", ledger


def test_the_verdict_on_an_undamaged_desk(kept: tuple[str, Path, Ledger]) -> None:
    verdict = judge(*kept, sent=[])
    assert (verdict.acked, verdict.lost, verdict.duplicated, verdict.torn, verdict.integrity) == (3, 0, 0, 0, "ok")
    assert verdict.score == 1.0


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_verdict_notices_damage(kept: tuple[str, Path, Ledger], damage: str) -> None:
    engine = create_engine(kept[0])
    with engine.begin() as conn:
        for statement in DAMAGE[damage].split("; "):
            conn.execute(text(statement))
    engine.dispose()
    verdict = judge(*kept, sent=[])
    found = getattr(verdict, damage.partition(",")[0])
    assert found not in (0, "ok")
    assert not verdict.sound
