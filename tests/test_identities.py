"""Nobody reads another's words, whatever is proved, merged and taken apart. The short form of `bin/identity-trial`."""

import pytest

from durability.identities import Trial
from harness.desk import StoryDesk
from parley.core.errors import Refused
from parley.services import people


def test_no_message_moves_without_proof(desk: StoryDesk) -> None:
    told = Trial(desk, seed=11, senders=12).run(120)
    assert (told.moved, told.leaked, told.foreign, told.kept) == (0, 0, 0, 0)
    assert min(told.acts[act] for act in ("message", "proof", "merge", "undo", "signed")) > 0


def two(desk: StoryDesk) -> tuple[int, int]:
    desk.visitor("kim").says("Hi")
    desk.visitor("lee").says("Ho")
    kim, lee = sorted(row.person for row in desk.conversations())
    desk.change(lambda tx: people.merge(tx, kim, lee, "by hand", "agent/1"))
    return kim, lee


def test_what_the_other_said_since_a_merge_is_not_given_away(desk: StoryDesk) -> None:
    kim, lee = two(desk)
    desk.visitor("lee").says("Mine alone, before")
    desk.visitor("kim").says("Mine alone, since")
    (mixed,) = [r.subject_id for r in desk.events() if "since" in getattr(r.event, "preview", "")]
    desk.change(lambda tx: people.unmerge(tx, kim, lee, "agent/1"))
    owners = {row.id: row.person for row in desk.conversations()}
    assert owners[mixed] == kim


def test_what_they_alone_opened_since_goes_with_them(desk: StoryDesk) -> None:
    kim, lee = two(desk)
    for state in desk.conversations():
        desk.change(lambda tx, number=state.id: _closed(tx, number))
    desk.later(days=2)
    desk.visitor("lee").says("Something new")
    newest = desk.conversations()[0]
    assert newest.person == kim
    desk.change(lambda tx: people.unmerge(tx, kim, lee, "agent/1"))
    assert {row.id: row.person for row in desk.conversations()}[newest.id] == lee


def test_an_inner_merge_is_undone_after_the_outer_one(desk: StoryDesk) -> None:
    kim, lee = two(desk)
    desk.visitor("ann").says("Hey")
    ann = desk.conversations()[0].person
    desk.change(lambda tx: people.merge(tx, ann, kim, "by hand", "agent/1"))
    with pytest.raises(Refused, match="Undo that first"):
        desk.change(lambda tx: people.unmerge(tx, kim, lee, "agent/1"))
    desk.change(lambda tx: people.unmerge(tx, ann, kim, "agent/1"))
    desk.change(lambda tx: people.unmerge(tx, kim, lee, "agent/1"))
    assert len({row.person for row in desk.conversations()}) == 3


def _closed(tx: object, number: int) -> None:
    from parley.services import replies
    from parley.services.inbox import Viewer

    replies.close(tx, number, Viewer(agent=1, role="agent", brands=None))  # type: ignore[arg-type]
