"""The short form of `bin/mail-fuzz`, and proof that its counting would notice what is missing."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from durability import fuzz
from harness.desk import StoryDesk
from parley.log.tables import deliveries, raws


@pytest.fixture
def story(tmp_path: Path) -> Iterator[StoryDesk]:
    made = StoryDesk(tmp_path)
    yield made
    made.close()


def test_damaged_mails_are_filed_or_quarantined_and_kept(story: StoryDesk) -> None:
    told = fuzz.run(400, 7, None, story)
    assert told.score == 1, told
    assert told.filed + told.quarantined == 400


def test_what_is_missing_is_counted(story: StoryDesk) -> None:
    told = fuzz.run(20, 8, None, story)
    with story.record.reading() as conn:
        first, second = [row.id for row in conn.execute(deliveries.select().order_by(deliveries.c.id).limit(2))]
        sent = {row.provider_id: b"other bytes" for row in conn.execute(deliveries.select())}
    fuzz._count(told, story, sent)
    assert told.unkept == 20
    story.record.do(lambda tx: tx.conn.execute(delete(deliveries).where(deliveries.c.id == first)))
    story.record.do(lambda tx: tx.conn.execute(delete(raws).where(raws.c.delivery == first)))
    fuzz._count(told, story, sent)
    assert (told.lost, told.score) == (1, pytest.approx((20 - 1 - 19) / 20))
    assert second != first


def test_damage_repeats_with_its_seed() -> None:
    others = fuzz.corpus(None)
    assert fuzz.damaged(others[0], random.Random(3), others) == fuzz.damaged(others[0], random.Random(3), others)
    assert fuzz.damaged(others[0], random.Random(3), others) != others[0]
