"""`parley assess`: a source into cases, cases into a report and a setup beside it, or into one figure."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from parley.ai.encoder import encoder
from parley.assess.exports import ENDINGS, read_export
from parley.assess.figures import Figure
from parley.assess.gathering import Gathered, gather
from parley.assess.letters import Letter, Progress, letters
from parley.assess.page import report
from parley.assess.proposal import prepared
from parley.assess.sides import ours
from parley.assess.study import Study
from parley.core.errors import ParleyError


def study_of(paths: Sequence[Path], houses: Sequence[str], zone: str, told: Progress) -> Study:
    """Everything at these paths. houses: domains and addresses of the desk; empty: told from the mails."""
    return study_from(_gathered(paths, tuple(one.lower().lstrip("@") for one in houses), told), zone, told)


def study_from(gathered: Gathered, zone: str, told: Progress) -> Study:
    """Raises ParleyError where there is nothing to study, or no such time zone."""
    if not gathered.cases:
        why = "; ".join(f"{n:,} {reason}" for reason, n in gathered.skipped.items()) or "it is empty"
        hint = f" Taken as the desk: {', '.join(gathered.ours)}. Say it with --ours DOMAIN." if gathered.ours else ""
        raise ParleyError(f"There is no conversation in {gathered.source} that a customer began ({why}).{hint}")
    try:
        return Study(gathered, zone, encoder(), told)
    except (KeyError, ValueError) as error:
        raise ParleyError(f"There is no time zone “{zone}”. Say one like Europe/Berlin.") from error


def _gathered(paths: Sequence[Path], houses: tuple[str, ...], told: Progress) -> Gathered:
    exports = [path for path in paths if path.suffix.lower() in ENDINGS and path.is_file()]
    if exports and len(paths) > 1:
        raise ParleyError("One export at a time: its numbers of tickets and people are its own.")
    if exports:
        return read_export(exports[0], told)
    found: list[Letter | None] = [letter for path in paths for letter in letters(path, told)]
    told("Putting mails together", 0, None)
    return gather(found, houses or ours([one for one in found if one]), ", ".join(path.name for path in paths))


def write(study: Study, said: Sequence[str], target: Path) -> Path:
    """The report at `target`, the setup beside it. Returns where the setup is."""
    beside = target.with_suffix(".config.json")
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(prepared(study)), indent=2))
    target.write_text(report(study, said, beside.name), "utf-8")
    return beside


def printed(one: Figure) -> str:
    """A figure in the words of the report."""
    lines = [f"{one.label}: {one.value}", f"n = {one.n:,} {one.of}"]
    lines += [one.interval] if one.interval else []
    lines += ["", one.definition]
    if one.rows:
        lines += ["", " | ".join(one.heads), *(" | ".join(row) for row in one.rows)]
    return "\n".join(lines)
