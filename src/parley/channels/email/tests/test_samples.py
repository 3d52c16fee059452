"""Every recorded mail is read as its .expected.json says."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from parley.channels.email import channel
from parley.channels.email.tests.facts import facts_of, said

UNCODED_FILES = re.compile(rb"message/rfc822|text/calendar")
SAMPLES = sorted((Path(__file__).parent.parent / "samples").glob("*.eml"))


def test_there_are_samples_of_many_kinds() -> None:
    assert len(SAMPLES) >= 30
    assert all(sample.with_suffix(".expected.json").exists() for sample in SAMPLES)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_is_read_as_expected(sample: Path) -> None:
    assert facts_of(sample.read_bytes()) == json.loads(sample.with_suffix(".expected.json").read_text())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_line_ends_on_the_way_change_nothing(sample: Path) -> None:
    raw = sample.read_bytes()
    bare = raw.replace(b"\r\n", b"\n")
    assert channel.provider_id(raw) == channel.provider_id(bare)
    if not UNCODED_FILES.search(raw):  # such a file is kept byte by byte, line ends too
        assert facts_of(bare) == facts_of(raw)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_what_was_read_can_be_stored_anywhere(sample: Path) -> None:
    """No NUL, no lone surrogate, nothing that JSON or a database would refuse."""
    stored = msgspec.json.encode([msgspec.to_builtins(one) for one in said(sample.read_bytes())])
    assert b"\\u0000" not in stored
