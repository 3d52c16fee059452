"""The wall board: what it says of a small desk, and how it follows what happens."""

from datetime import timedelta

from harness.desk import StoryDesk
from parley.services import wall
from parley.services.inbox import SYSTEM, Viewer


def test_the_board_tells_who_waits_and_what_is_late(desk: StoryDesk) -> None:
    desk.visitor("kim").says("Hello?")
    began = desk.clock.now
    desk.later(minutes=30)
    desk.visitor("lee").says("Anybody?")
    desk.agent("ana").is_now("online")
    desk.agent("bo").is_now("away")
    desk.agent("cy", brands=(999,)).is_now("online")
    board = desk.record.ask(wall.board, SYSTEM, desk.clock.now)
    assert (board.waiting, board.late, board.soon, board.today, board.away) == (2, 0, 0, 2, 1)
    assert board.oldest is not None
    assert abs(board.oldest - began) < timedelta(seconds=1)
    later = desk.record.ask(wall.board, SYSTEM, began + timedelta(minutes=235))
    assert (later.late, later.soon) == (0, 1)
    last = desk.record.ask(wall.board, SYSTEM, began + timedelta(minutes=250))
    assert (last.late, last.soon) == (1, 1)
    assert last.online == ("Ana", "Cy")
    mine = desk.record.ask(wall.board, Viewer(role="agent", brands=(desk.brand,)), desk.clock.now)
    assert mine.online == ("Ana",)
    other = desk.record.ask(wall.board, Viewer(role="agent", brands=(999,)), desk.clock.now)
    assert (other.waiting, other.oldest, other.today, other.online) == (0, None, 0, ("Ana", "Cy"))


def test_a_week_of_history_foresees_the_day(desk: StoryDesk) -> None:
    assert desk.record.ask(wall.foresee, SYSTEM, desk.clock.now) is None
    for day in range(9):
        for n in range(3):
            desk.visitor(f"k{day}-{n}").says("Hello?", settle=False)
        desk.later(days=1)
    noon = desk.clock.now.replace(hour=12)
    found = desk.record.ask(wall.foresee, SYSTEM, noon)
    assert found is not None
    assert 1 < found.day < 6
    assert 0 < found.until_now <= found.day
    assert found.low <= found.day <= found.high
