"""The conversations written beside each procedure, held on a real desk: each goes as it is written."""

import pytest

from parley.rehearsal import rehearse
from parley.services import procedures
from parley.services.procedures import talks


@pytest.mark.parametrize("name", procedures.SHIPPED)
def test_its_conversations_go_as_they_are_written(name: str) -> None:
    results = rehearse(name)
    assert len(results) == len(talks.read(procedures.talks_of(name))) >= 2
    told = ["\n".join([one.title, one.problem, *(f"  {who}: {said}" for who, said in one.said)]) for one in results
            if not one.right]  # fmt: skip
    assert told == [], "\n\n".join(told)
