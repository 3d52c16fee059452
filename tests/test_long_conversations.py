"""A conversation of many turns opens at its end; what came earlier is one click away."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.web import WebDesk, served
from parley.log.record import Tx
from parley.services import inbox, replies
from parley.web.present import SHOWN


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebDesk]:
    with served(tmp_path) as desk:
        yield desk


def test_earlier_turns_are_shown_on_demand(web: WebDesk) -> None:
    agent = web.signed_in("ana")
    web.story.visitor("kim").says("The very first words", settle=False)
    while not (states := web.story.conversations()):
        web.story.desk.intake.process()
    who = inbox.Viewer(agent=agent.agent, role="agent", brands=None)

    def write(tx: Tx) -> None:
        for number in range(SHOWN + 20):
            replies.note(tx, states[0].id, who, f"note number {number}")

    web.story.change(write)
    page = agent.get(f"/desk/conversations/{states[0].id}").text
    assert f"note number {SHOWN + 19}" in page
    assert "The very first words</p>" not in page
    cursor = re.search(r'data-earlier="(\d+)"', page)
    assert cursor
    older = agent.get(f"/desk/conversations/{states[0].id}?before={cursor[1]}", headers={"x-fragment": "turns"}).text
    assert "The very first words" in older
    assert "note number 0" in older
    assert "data-earlier" not in older
    plain = agent.get(f"/desk/conversations/{states[0].id}?before={cursor[1]}").text
    assert "note number 0" in plain
