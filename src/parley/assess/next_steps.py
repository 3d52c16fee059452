"""The next ten steps, ordered by how many conversations a month each would make better, with what that assumes."""

from collections.abc import Callable

import msgspec

from parley.assess.figures import FIGURES, Figure
from parley.assess.study import Study

MONTH = 30.44  # days
MOST = 10


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """evidence: the figure whose share it begins from; less: of what that share leaves. part: of these, how many it
    would help; an assumption, told in words."""

    title: str
    how: str
    evidence: str
    assumes: str
    part: float
    less: bool = False


STEPS = (
    Step(title="Let sure questions be answered at once", evidence="trusted", part=0.8,
         how="Take the article drafts in with parley import config, read them over, publish them, and switch "
         "the bot on.",
         assumes="Of the questions above the cut four of five customers take the answer."),
    Step(title="Give agents the earlier answer as a draft", evidence="routine", part=0.5,
         how="Keep the prepared macros; the composer suggests the answer with its source, a person sends it.",
         assumes="Half of the answers that fit are used as they are."),
    Step(title="Answer the first word when nobody is at work", evidence="outside_hours", part=0.5,
         how="Let the bot say what it knows at night and at the weekend, and else say when people answer.",
         assumes="Half of those who write then are helped by an answer at once."),
    Step(title="Set a promise for the first answer", evidence="within_day", less=True, part=0.6,
         how="Set the brand's promise; the inbox then puts first who has waited too long.",
         assumes="Three of five late first answers come in time once the list is ordered by the promise."),
    Step(title="Leave nobody without an answer", evidence="unanswered", part=0.5,
         how="Work from the view Waiting until it is empty; close what needs no answer.",
         assumes="Half of those without an answer needed one."),
    Step(title="Find out why people write again", evidence="no_repeat", less=True, part=0.3,
         how="Read the conversations behind No repeat contact by theme, and mend the answer or its cause.",
         assumes="Three of ten repeat contacts come from a first answer that did not solve it."),
    Step(title="Ask for everything at once", evidence="one_touch", less=True, part=0.3,
         how="Put what the first answer must ask for into the macro, or into a procedure of the bot.",
         assumes="Three of ten further answers only ask for what could have been asked at first."),
    Step(title="Send unhappy customers to experienced people", evidence="unhappy", part=0.5,
         how="The desk tells moods; give such conversations a skill and those who handle them well that skill.",
         assumes="Half of those who sound unhappy are better served so."),
    Step(title="Staff the hours in which the queue is long", evidence="queued", part=0.5,
         how="Plan people with Numbers, Forecast: it foretells each half hour and says how many are needed.",
         assumes="Half of those who came to a long queue would have found a usual one."),
    Step(title="Spread the load", evidence="answerers", part=0.1,
         how="Let routing assign by skill and free capacity.",
         assumes="One in ten answers of the busiest address would come sooner from somebody else."),
    Step(title="Ask how it went", evidence="unrated", part=0.15,
         how="Switch the survey on; a low answer becomes a task with a deadline.",
         assumes="Fifteen of a hundred answer a survey."),
)  # fmt: skip


def queued(study: Study) -> Figure:
    """Those who came when the queue was long."""
    found = FIGURES["backlog"](study)
    n = len(study.cases)
    late = int(found.rows[-1][1].replace(",", "")) if n else 0
    return Figure(
        key="queued", label="Began at a long queue", value=f"{late:,} of {n:,}", n=n, of="conversations",
        number=late / n if n else None, 
        definition="Conversations that began with more others waiting than three of four "
        "conversations found (see backlog).",
    )  # fmt: skip


def unrated(study: Study) -> Figure:
    n = len(study.cases)
    without = sum(case.score is None for case in study.cases)
    return Figure(
        key="unrated", label="Without a rating", value=f"{without:,} of {n:,}", n=n, of="conversations",
        number=without / n if n else None, definition="Conversations for which the source holds no rating.",
    )  # fmt: skip


def next_steps(study: Study) -> Figure:
    """Steps whose figure is known, the most helpful first."""
    monthly = len(study.cases) / study.days * MONTH
    ranked = []
    for step in STEPS:
        found = {**FIGURES, "queued": queued, "unrated": unrated}[step.evidence](study)
        if not found.number:
            continue
        edges = [1 - x if step.less else x for x in (found.number, found.low, found.high) if x is not None]
        effects = [x * step.part * monthly for x in edges]
        ranked.append((effects[0], step, min(effects), max(effects)))
    ranked.sort(key=lambda one: (-one[0], one[1].title))
    rows = tuple(
        (step.title, f"{effect:,.0f}" + (f" ({low:,.0f} to {high:,.0f})" if high > low else ""), step.how, step.assumes,
         step.evidence)
        for effect, step, low, high in ranked[:MOST] if effect > 0
    )  # fmt: skip
    return Figure(
        key="next_steps", label="Next steps", value=str(len(rows)), n=len(study.cases), of="conversations",
        number=len(rows), 
        definition=f"Conversations a month ({monthly:,.0f} at this source's pace) times the share of the "
        "figure named, times the part that is assumed. In brackets the same for the ends of that share's 95 % "
        "interval; the "
        "assumption is not in it. Steps overlap, so their effects do not add up.",
        heads=("step", "conversations a month", "how", "assumption", "figure"), rows=rows,
    )  # fmt: skip


FIGURES_MADE: dict[str, Callable[[Study], Figure]] = {
    "queued": queued,
    "unrated": unrated,
    "next_steps": next_steps,
}
