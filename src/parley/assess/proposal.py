"""A setup made of what people write about: teams, skills, tags, macros and article drafts, without anybody's name."""

import re
from collections.abc import Sequence

from parley.ai.themes import Theme
from parley.assess.study import Study
from parley.core.redaction import body
from parley.services.desk_notes import Macro
from parley.services.prepared import Draft, Prepared, Team

MOST_THEMES = 20
LEAST_ANSWERS = 3  # answers in a theme from which a typical one is taken
ROUTINE = 0.5  # share of replayed questions of a theme that fit, from which on it is for the first line
WORDINGS = 8
MOST_COMPARED = 60


def prepared(study: Study) -> Prepared:
    """For `parley import config`. Articles and macros only where enough answers were written to choose one."""
    chosen = study.themes[:MOST_THEMES]
    slugs = [slug(theme.name) for theme in chosen]
    routine = _routine(study)
    first = tuple(s for s, theme in zip(slugs, chosen, strict=True) if routine.get(theme.name, 0.0) >= ROUTINE)
    rest = tuple(s for s in slugs if s not in first)
    macros, articles = [], []
    for theme, tag in zip(chosen, slugs, strict=True):
        answer = typical_answer(study, theme)
        if answer:
            macros.append(Macro(name=theme.name[:80], text=answer))
            wordings = tuple(dict.fromkeys(study.quoted(study.openings[i], 160) for i in theme.places[:WORDINGS]))
            articles.append(Draft(title=theme.name.capitalize()[:200], body=answer, tags=(tag,), wordings=wordings))
    teams = [Team(name="First line", skills=first, about="Themes whose answers mostly repeat earlier ones")]
    teams += (
        [Team(name="Specialists", skills=rest, about="Themes whose answers differ from case to case")] if rest else []
    )
    return Prepared(
        teams=tuple(teams), skills=tuple(slugs), tags=tuple(slugs), macros=tuple(macros), articles=tuple(articles)
    )


def slug(name: str) -> str:
    return re.sub(r"[^\w]+", "-", name.lower()).strip("-")[:40]


def _routine(study: Study) -> dict[str, float]:
    told: dict[str, list[bool]] = {}
    for one in study.tries:
        told.setdefault(study.theme_of.get(one.case, ""), []).append(one.right)
    return {name: sum(right) / len(right) for name, right in told.items()}


def typical_answer(study: Study, theme: Theme) -> str:
    """The first answer nearest to the middle of all first answers of a theme; empty where there are too few."""
    found: Sequence[str] = [
        answers[0].text for i in theme.places if (answers := study.cases[study.sample[i]].answers) and answers[0].text
    ][:MOST_COMPARED]
    if len(found) < LEAST_ANSWERS or study.encoder is None:
        return ""
    rows = study.encoder.vectors([body(one)[:500] for one in found])
    best = found[int((rows @ rows.mean(axis=0)).argmax())]
    return study.redact(best)
