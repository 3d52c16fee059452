"""What triage found, as the desk shows it: chips with reasons, related conversations, filters of the list."""

from collections.abc import Sequence

from sqlalchemy import Connection

from parley.core import events as e
from parley.core import triage as rules
from parley.core.conversation import State
from parley.core.language import LANGUAGES
from parley.services import duplicates, findings, inbox, incidents
from parley.services.inbox import Viewer
from parley.web import views
from parley.web.formats import percent
from parley.web.words import translate as t

PRIORITIES = {"urgent": "Urgent", "high": "High", "normal": "Normal", "low": "Low"}
TONES = {"urgent": "bad", "high": "warn"}
TOLD_BY = (e.Triaged, e.TriageCorrected, e.DuplicateSuspected, e.DuplicateJudged)
SPAM_SHOWN = 0.5
MANY = 4  # reasons that are shown


def language(code: str) -> str:
    """A language's name, as whoever speaks it calls it where that is known."""
    return LANGUAGES.get(code) or rules.ENGLISH_NAMES.get(code, code).title()


def view_label(key: str) -> str:
    """What the list is called that shows a priority, a language or a tag."""
    kind, _, value = key.partition(":")
    if kind == "priority":
        return PRIORITIES.get(value, value)
    return language(value) if kind == "language" else value or key


def filters(conn: Connection, view: str) -> tuple[tuple[views.Filter, ...], tuple[views.Filter, ...]]:
    """(by priority, by language)."""
    priorities = tuple(
        views.Filter(key=f"priority:{key}", label=t(label), here=view == f"priority:{key}")
        for key, label in PRIORITIES.items()
    )
    languages = tuple(
        views.Filter(key=f"language:{code}", label=language(code), here=view == f"language:{code}")
        for code in inbox.languages(conn)
    )
    return priorities, languages


def running(conn: Connection, who: Viewer) -> tuple[views.IncidentLine, ...]:
    return tuple(
        views.IncidentLine(id=one.id, name=one.name, people=one.people, since=one.since)
        for one in incidents.open_ones(conn, who)
    )


def found(conn: Connection, state: State, who: Viewer) -> views.Found:
    one = findings.finding(conn, state.id)
    return views.Found(
        chips=_chips(conn, one) if one else (),
        related=tuple(_related(dup) for dup in duplicates.of(conn, state, who)),
        incident=incidents.of_conversation(conn, state.id),
        may_act=who.may_act,
    )


def _chips(conn: Connection, one: findings.Finding) -> tuple[views.FoundChip, ...]:
    reasons = findings.reasons(conn, one)
    found = [_priority(one, reasons)]
    if code := one.value_of("language"):
        found.append(_chip(one, "language", language(code), "languages", _words_of(reasons, "language")))
    if product := one.value_of("product"):
        found.append(_chip(one, "product", product, "package", _words_of(reasons, "product")))
    if one.spam >= SPAM_SHOWN or "spam" in one.fixed:
        spam = one.value_of("spam") == "yes"
        label = t("Spam, {share} likely", share=percent(one.spam)) if spam else t("No spam")
        found.append(_chip(one, "spam", label, "ban", _words_of(reasons, "spam")))
    return tuple(found)


def _priority(one: findings.Finding, reasons: Sequence[findings.Reason]) -> views.FoundChip:
    value = one.value_of("priority")
    chip = _chip(one, "priority", t(PRIORITIES[value]), "signal", _words_of(reasons))
    return views.FoundChip(
        what="priority", label=chip.label, value=value, glyph=chip.glyph, tone=TONES.get(value, ""), why=chip.why,
        choices=tuple(
            views.Choice(value=key, label=t(label), chosen=key == value) for key, label in PRIORITIES.items()
        ),
        fixed=chip.fixed, was=t(PRIORITIES[one.priority]),
    )  # fmt: skip


def _chip(one: findings.Finding, what: str, label: str, glyph: str, why: tuple[views.Why, ...]) -> views.FoundChip:
    value, was = one.value_of(what), one.found_of(what)
    choices: tuple[views.Choice, ...] = ()
    if what == "spam":
        choices = tuple(
            views.Choice(value=key, label=t(said), chosen=key == value)
            for key, said in (("yes", "Spam"), ("no", "No spam"))
        )
    if what == "language":
        codes = sorted(rules.ENGLISH_NAMES, key=language)
        choices = tuple(views.Choice(value=code, label=language(code), chosen=code == value) for code in codes)
    shown = language(was) if what == "language" and was else was
    return views.FoundChip(
        what=what, label=label, value=value, glyph=glyph, why=why, choices=choices, fixed=what in one.fixed, was=shown
    )


def _words_of(reasons: Sequence[findings.Reason], signal: str = "") -> tuple[views.Why, ...]:
    """Of the priority: all that was noticed, what decided it first. Of others: their own sign."""
    if signal:
        mine = [one for one in reasons if one.signal == signal]
    else:
        others = (one for one in reasons if one.signal not in ("language", "product"))
        mine = sorted(others, key=lambda one: not one.decided)
    return tuple(
        views.Why(label=t(one.label), words=_shown(one), more=_more(one), decided=one.decided) for one in mine[:MANY]
    )


def _shown(one: findings.Reason) -> str:
    return one.shown_by if one.signal not in ("incident", "promise_near", "promise_broken", "alike", "value") else ""


def _more(one: findings.Reason) -> str:
    match one.signal:
        case "incident":
            return one.shown_by
        case "alike":
            return t("set to {value}", value=t(PRIORITIES.get(one.value, one.value)))
        case "value":
            return t("{sum} in a year", sum=f"{int(one.value) / 100:,.0f}")
        case "outage":
            return t(incidents.name_of(one.value))
        case "promise_near" | "promise_broken":
            return t(PROMISES.get(one.shown_by, ""))
        case _:
            return ""


PROMISES = {"first": "the first answer", "next": "an answer", "resolution": "the solution"}
WHYS = {
    "same_person": "They asked nearly the same before",
    "same_mark": "Somebody else named the same",
    "same_words": "Somebody else wrote the same words",
    "by_hand": "Linked by an agent",
}
MARKS = {"order": "the same order", "mail": "the same address", "phone": "the same telephone number"}


def _related(one: duplicates.Suspicion) -> views.Related:
    why = t(WHYS.get(one.why, one.why))
    if mark := t(MARKS.get(one.mark, "")):
        said = "Somebody else named {mark}" if one.why == "same_mark" else "They named {mark} before"
        why = t(said, mark=mark)
    if one.verdict == "merged":
        why = t("Goes on there") if one.into else t("Was merged into this one")
    elif one.verdict == "linked":
        why = t("Linked")
    title = one.subject or t("A conversation")
    return views.Related(
        id=one.other, text=title if one.same_person else f"{one.person}: {title}", why=why, verdict=one.verdict,
        mergeable=one.same_person, judges=one.into,
    )  # fmt: skip
