"""A calendar part (RFC 5545) in a few lines of text: what, when, where, from whom; the file stays a file."""

import re
from datetime import datetime

_FOLDED = re.compile(r"\r?\n[ \t]")
_LINE = re.compile(r"^([A-Z-]+)((?:;[^:\r\n\"]*(?:\"[^\"\r\n]*\"[^:\r\n\"]*)*)?):(.*)$", re.M)
_ZONE = re.compile(r"TZID=\"?([^;:\"]+)")
_NAME = re.compile(r"CN=(?:\"([^\"]*)\"|([^;:]*))")
_KINDS = {
    "REQUEST": "Invitation",
    "CANCEL": "Cancelled",
    "REPLY": "Answer to an invitation",
    "COUNTER": "Another time asked for",
}
_ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "perhaps"}


def in_words(text: str) -> str:
    """Empty when there is no event in it that could be told."""
    text = _FOLDED.sub("", text[:100_000])
    method = re.search(r"^METHOD:([A-Z]+)", text, re.M)
    event = re.search(r"^BEGIN:VEVENT\s*$(.*?)^END:VEVENT", text, re.M | re.S)
    if event is None:
        return ""
    found: dict[str, tuple[str, str]] = {}
    for name, settings, value in _LINE.findall(event.group(1)):
        found.setdefault(name, (settings, _plain(value)))
    title = found.get("SUMMARY", ("", ""))[1]
    when = _when(*found.get("DTSTART", ("", ""))), _when(*found.get("DTEND", ("", "")))
    lines = [
        f"{_KINDS.get(method.group(1) if method else '', 'Appointment')}: {title}".rstrip(": "),
        f"When: {when[0]}" + (f" – {when[1]}" if when[1] else "") if when[0] else "",
        f"Where: {found['LOCATION'][1]}" if found.get("LOCATION", ("", ""))[1] else "",
        f"From: {_person(*found['ORGANIZER'])}" if "ORGANIZER" in found else "",
        _answer(found) if method and method.group(1) == "REPLY" else "",
    ]
    return "\n".join(line for line in lines if line)[:2000]


def _plain(value: str) -> str:
    value = value.strip().replace("\\n", " ").replace("\\N", " ")
    return " ".join(re.sub(r"\\([,;\\])", r"\1", value).split())[:500]


def _when(settings: str, value: str) -> str:
    """`20260803T095800Z` as a reader writes it; the zone as the sender named it."""
    zone = _ZONE.search(settings)
    for form, shown in (("%Y%m%dT%H%M%S", "%Y-%m-%d %H:%M"), ("%Y%m%d", "%Y-%m-%d")):
        try:
            moment = datetime.strptime(value.rstrip("Z"), form).strftime(shown)
        except ValueError:
            continue
        return f"{moment} UTC" if value.endswith("Z") else f"{moment} ({zone.group(1)})" if zone else moment
    return ""


def _person(settings: str, value: str) -> str:
    name = _NAME.search(settings)
    address = re.sub(r"^mailto:", "", value, flags=re.I)
    called = (name.group(1) or name.group(2) or "").strip() if name else ""
    return f"{called} <{address}>" if called and called != address else address


def _answer(found: dict[str, tuple[str, str]]) -> str:
    settings, value = found.get("ATTENDEE", ("", ""))
    said = re.search(r"PARTSTAT=([A-Z-]+)", settings)
    return f"{_person(settings, value)}: {_ANSWERS.get(said.group(1), said.group(1).lower())}" if said else ""
