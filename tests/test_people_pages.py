"""People in the desk: two records of one human are made one by a button, and apart again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.web import served
from parley.core.channel import Address
from parley.services import people
from parley.web.formats import initials

MET = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Mara Lindqvist", "ML"),
        ("kim@customer.test", "K"),
        ("+353 20 913 0001", "01"),
        ("353209130001", "01"),
        ("", ""),
    ],
)
def test_everybody_has_something_on_their_mark(name: str, shown: str) -> None:
    assert initials(name) == shown


def test_who_never_came_to_the_website_is_no_visitor() -> None:
    def known(kind: str) -> people.Identity:
        return people.Identity(id=1, person=7, kind=kind, value="x", proof=None, evidence="", since=MET)

    nameless = people.Person(id=7, name="", met_at=MET)
    assert people.display_name(nameless, [known("visitor")]) == "Visitor 7"
    assert people.display_name(nameless, [known("slack")]) == "Customer 7"
    assert people.display_name(nameless, [known("slack"), known("visitor")]) == "Visitor 7"


def test_a_merge_by_hand_can_be_undone_and_old_links_lead_on(tmp_path: Path) -> None:
    with served(tmp_path) as web:
        ada = web.signed_in("ada", "lead")
        two = [Address(kind="mail", value=f"kim@{place}.example", name="Kim Lee") for place in ("home", "work")]
        keep, double = (who.person for who in web.story.record.do(lambda tx: people.meet(tx, two, "test")).values())
        page = ada.get(f"/desk/people/{keep}").text
        assert "Perhaps the same person" in page
        assert ada.post(f"/desk/people/{keep}/merges", data={"absorbed": str(double)}).status_code in (302, 303)
        moved = ada.get(f"/desk/people/{double}")
        assert (moved.status_code, moved.headers["location"]) == (303, f"/desk/people/{keep}")
        page = ada.get(f"/desk/people/{keep}").text
        assert "Perhaps the same person" not in page
        assert f"/merges/{double}/undoing" in page
        ada.post(f"/desk/people/{keep}/merges/{double}/undoing")
        assert ada.get(f"/desk/people/{double}").status_code == 200
