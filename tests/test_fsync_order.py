"""The short form of `bin/fsync-check`: synced before acknowledged, seen from the system calls."""

import re
from pathlib import Path

import pytest

from durability.fsync import calls_of, can_trace, order_of, watched


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not can_trace():
        pytest.skip("needs strace and the right to trace")
    folder = tmp_path_factory.mktemp("fsync")
    watched(folder, mails=40, large=1)
    return folder / "trace"


def test_every_acknowledged_mail_was_synced_before(trace: Path) -> None:
    order = order_of(calls_of(trace))
    assert order.acked == 41
    assert order.large == 1
    assert order.bad == []


def test_a_server_that_syncs_too_late_would_be_seen(trace: Path, tmp_path: Path) -> None:
    """The same trace without its syncs, as `synchronous=NORMAL` would give."""
    careless = tmp_path / "trace"
    careless.write_text(re.sub(r"^.*\bf(?:data)?sync\b.*\n", "", trace.read_text(errors="replace"), flags=re.M))
    order = order_of(calls_of(careless))
    assert order.acked == 41
    assert order.proved == 0
