"""The desk was away: what each platform may have given up by then is said beside its inbox, and nothing else is."""

from datetime import timedelta

import pytest

from harness.desk import StoryDesk
from harness.web import WebDesk
from parley.core.webhook import Webhook
from parley.log.record import Tx
from parley.services import absence, setup


def away(desk: StoryDesk, **length: float) -> None:
    """A sign of life, a pause, a sign of life."""
    desk.change(absence.mark)
    desk.clock.advance(**length)
    desk.change(absence.mark)


def part_lost(desk: StoryDesk, channel: str) -> timedelta | None:
    manifest = desk.desk.channels[channel].manifest
    found = desk.record.ask(absence.lately_lost, manifest, desk.clock())
    return whole_minutes(found[1]) if found else None


def whole_minutes(span: timedelta) -> timedelta:
    """A story's clock goes on by a moment with every act."""
    return timedelta(minutes=round(span.total_seconds() / 60))


def test_what_a_platform_outlasts_is_not_lost(desk: StoryDesk) -> None:
    away(desk, hours=26)
    assert part_lost(desk, "telegram") == timedelta(hours=2)
    assert part_lost(desk, "whatsapp") is None, "it tries for seven days"
    assert part_lost(desk, "line") == timedelta(hours=26)
    assert part_lost(desk, "sms") is None, "it is looked up"
    assert part_lost(desk, "mastodon") is None, "nothing is posted"
    desk.clock.advance(days=8)
    assert part_lost(desk, "line") is None, "told for a week"


def test_a_restart_is_no_absence(desk: StoryDesk) -> None:
    away(desk, minutes=3)
    assert desk.record.ask(absence.absences) == []


def test_absences_are_kept_for_a_month(desk: StoryDesk) -> None:
    away(desk, hours=1)
    desk.clock.advance(days=31)
    away(desk, hours=2)
    lengths = [whole_minutes(one.length) for one in desk.record.ask(absence.absences)]
    assert lengths[-1] == timedelta(hours=2)
    assert timedelta(hours=1) not in lengths


def test_every_platform_that_posts_says_how_long_it_tries_or_is_looked_up(desk: StoryDesk) -> None:
    """Those without `patience`: mail comes by other ways, your own system keeps what was not taken, the rest is looked
    up."""
    silent = {n for n, c in desk.desk.channels.items() if isinstance(c, Webhook) and c.manifest.patience is None}
    assert silent == {"email", "generic", "slack", "sms", "x"}


@pytest.mark.parametrize(("hours", "said"), [(26, "first 2 h may be lost"), (20, "")])
def test_the_inbox_says_it(web: WebDesk, hours: int, said: str) -> None:
    def adds(tx: Tx) -> int:
        settings = {"token": "t", "webhook_secret": "word"}
        return setup.add_inbox(tx, 1, "telegram", "Telegram", "bot", settings)

    web.story.change(adds)
    web.room.setup_changed()
    away(web.story, hours=hours)
    page = web.signed_in("ada", role="admin").get("/desk/settings/inboxes").text
    assert ("The desk was away for" in page) is bool(said)
    assert said in page
