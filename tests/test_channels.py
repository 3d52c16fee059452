"""What every channel promises, asked of each that is installed, a new one as soon as its folder is there."""

import json
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import parley.channels
from parley.channels import installed
from parley.core.channel import Channel, Delivery, Inbound, Inbox, Manifest
from parley.core.errors import Unreadable
from parley.core.facts import stated

ROOT = Path(__file__).parents[1]
FOLDERS = Path(parley.channels.__file__).parent
CHANNELS = sorted(installed())
EXPECTED = ".expected.json"


def samples_of(name: str) -> list[Path]:
    """The recorded deliveries: everything in `samples/` but the expectations and the inbox they came to."""
    files = sorted((FOLDERS / name / "samples").glob("[!.]*"))
    return [f for f in files if not f.name.endswith(EXPECTED) and f.name != "inbox.json"]


SAMPLES = [pytest.param(name, file, id=f"{name}-{file.stem}") for name in CHANNELS for file in samples_of(name)]


@cache
def inbox_of(name: str) -> Inbox:
    """The inbox that a channel's samples came to: `samples/inbox.json`, or one without settings."""
    file = FOLDERS / name / "samples" / "inbox.json"
    told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    chosen = msgspec.convert(told.get("settings", {}), installed()[name].manifest.settings)
    return Inbox(id=1, brand=1, channel=name, name=name.title(), address=told.get("address", name), settings=chosen)


def read(name: str, raw: bytes) -> list[Inbound]:
    at = datetime(2026, 9, 1, tzinfo=UTC)
    delivery = Delivery(id=1, inbox=1, provider_id="p", received_at=at, raw=raw)
    return installed()[name].read(delivery, inbox_of(name))


@pytest.mark.parametrize("name", CHANNELS)
def test_the_manifest_is_sound(name: str) -> None:
    channel = installed()[name]
    manifest = channel.manifest
    assert isinstance(channel, Channel)
    assert isinstance(manifest, Manifest)
    assert manifest.name == name
    assert (FOLDERS / name).is_dir()
    assert manifest.label
    assert manifest.identity_kind
    assert manifest.threads in ("reference", "identity")
    assert 0 < manifest.weight <= 1
    assert manifest.text_limit is None or manifest.text_limit >= 100
    sprite = (ROOT / "frontend" / "icons.txt").read_text().split()
    assert manifest.glyph in sprite, f"add {manifest.glyph} to frontend/icons.txt and run `npm run icons`"


@pytest.mark.parametrize("name", CHANNELS)
def test_every_setting_is_explained(name: str) -> None:
    kind = installed()[name].manifest.settings
    explained = kind.__doc__ or ""
    assert explained.strip()
    for field in msgspec.structs.fields(kind):
        assert field.name in explained, f"{kind.__name__} does not say what {field.name} is"


@pytest.mark.parametrize("name", CHANNELS)
def test_there_are_samples(name: str) -> None:
    assert samples_of(name), f"record a delivery into {FOLDERS / name / 'samples'}"


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_a_sample_reads_as_expected(name: str, sample: Path) -> None:
    expected = json.loads(sample.with_name(sample.stem + EXPECTED).read_text("utf-8"))
    if expected == "unreadable":
        with pytest.raises(Unreadable):
            read(name, sample.read_bytes())
    else:
        assert stated(read(name, sample.read_bytes())) == expected


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_what_is_cut_short_on_the_way_is_read_or_refused(name: str, sample: Path) -> None:
    raw = sample.read_bytes()
    for length in range(0, len(raw), max(1, len(raw) // 40)):
        read_or_refuse(name, raw[:length])


@pytest.mark.parametrize("name", CHANNELS)
@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@example(raw=b"")
@example(raw=b"null")
@example(raw=b"[" * 50_000)
@example(raw=b"\xff\xfe\x00")
def test_rubbish_is_read_or_refused(name: str, raw: bytes) -> None:
    read_or_refuse(name, raw)


def read_or_refuse(name: str, raw: bytes) -> None:
    """Nothing but `Unreadable` with a sentence may come out of bytes from outside."""
    try:
        found = read(name, raw)
    except Unreadable as error:
        sentence = str(error)
    else:
        sentence = msgspec.json.encode(stated(found)).decode()
    assert sentence


@pytest.mark.parametrize("name", CHANNELS)
def test_its_check_speaks_in_sentences(name: str) -> None:
    for told in installed()[name].check(inbox_of(name)):
        assert told[0].isupper() or not told[0].isalpha()
        assert told.endswith((".", "!", "?"))


@pytest.mark.parametrize("name", CHANNELS)
def test_a_misspelt_setting_is_refused(name: str) -> None:
    """Otherwise it would be ignored, and nobody would know."""
    inbox = inbox_of(name)
    chosen = msgspec.structs.asdict(inbox.settings) | {"no_such_setting": 1}
    with pytest.raises(msgspec.ValidationError, match="no_such_setting"):
        msgspec.convert(chosen, installed()[name].manifest.settings)


def test_a_scaffolded_channel_keeps_these_promises_at_once() -> None:
    """`parley new channel` in a copy of the program; there its own tests and this family's must pass."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("dist", "__pycache__", "tests"))
        (copy / "frontend").mkdir()
        shutil.copy(ROOT / "frontend" / "icons.txt", copy / "frontend")
        (copy / "tests").mkdir()
        shutil.copy(__file__, copy / "tests")
        run(copy, "-m", "parley.cli", "new", "channel", "pigeon_post")
        said = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "src", "tests", "-k", "pigeon")
    assert " passed" in said
    assert "test_rubbish_is_read_or_refused[pigeon_post]" in said


def run(copy: Path, *command: str) -> str:
    """Run Python on the copied program."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(copy / "src"), "PYTEST_ADDOPTS": "-rA"}
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
