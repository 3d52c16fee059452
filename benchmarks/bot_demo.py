"""How good the bot's ears are on the demo company: finding, abstaining, handing over, understanding orders.

    python benchmarks/bot_demo.py [--json] [--promise 0.9]

The library calibrates itself on its own wordings; the questions it is measured with are never shown to it. A table
goes to the screen (not with --json); the last line is always JSON.

score = F0.5 of answering: precision among the answered (unanswerable ones answered count as wrong) weighs twice
as much as the share of answerable questions answered rightly. Neither answering everything nor staying silent pays:
a bot that is always right but answers a tenth gets 0.36, one that answers everything with half of it wrong 0.5.
The sensitive and the order questions, and the false alarms, were read while patterns were mended (before that: 0.66
of the sensitive ones caught, 0.64 with the right reason, 0.84 of the order intents), so those figures only guard
against going back. A poor first result on the answerable ones (1 % answered) led to scores being scaled by a
question's length; that was chosen on the articles' wordings alone.

A question the bot leaves to a person at once because it is sensitive counts as not answered.
"""

import argparse
import json
import time
from collections.abc import Iterable

import numpy as np

from parley.ai import intents, sensitive
from parley.ai.calibration import Calibration, Promise, calibrate
from parley.ai.retrieval import Article, Hit, Library, answer_from
from parley.demo.knowledge import articles
from parley.demo.questions import questions

INTENT_OF_KIND = {
    "status": "order_status", "cancel": "cancel_order", "return": "return_item", "address": "change_address",
}  # fmt: skip
REASON_OF = {"human": "wants_human", "injury": "safety", "data_breach": "privacy"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    parser.add_argument("--promise", type=float, default=0.9, help="share of answers to be right")
    asked = parser.parse_args()
    seen = measured(asked.promise)
    if not asked.json:
        print("\n".join(f"{name:<58} {value}" for name, value in seen.items()))
    print(json.dumps(seen))


def measured(level: float) -> dict[str, float]:
    started = time.perf_counter()
    library = demo_library()
    built = time.perf_counter()
    calibration = calibrate(library)
    calibrated = time.perf_counter()
    promise = calibration.promise(level)
    library = library.judged_by(calibration.judge)
    return {
        **finding(library),
        **answering(library, calibration, promise, level),
        **handing_over(),
        **orders(),
        **speed(library),
        "build, s": round(built - started, 2),
        "calibrate, s": round(calibrated - built, 2),
    }


def demo_library() -> Library:
    public = (a for a in articles() if a.audience == "public")
    return Library(Article(a.slug, a.title, a.markdown, a.wordings, a.brand) for a in public)


def finding(library: Library) -> dict[str, float]:
    """Articles for answerable questions, any accepted one counting."""
    asked = questions().answerable
    found = [[hit.ref for hit in library.search(q.text, q.brand)] for q in asked]
    return {
        "questions, answerable": len(asked),
        "R@1": share(bool(refs) and refs[0] in q.slugs for refs, q in zip(found, asked, strict=True)),
        "R@3": share(bool(set(refs[:3]) & set(q.slugs)) for refs, q in zip(found, asked, strict=True)),
        "R@5": share(bool(set(refs) & set(q.slugs)) for refs, q in zip(found, asked, strict=True)),
    }


def answering(library: Library, calibration: Calibration, promise: Promise, level: float) -> dict[str, float]:
    asked = questions()
    tried = [(answer(library, q.text, q.brand, promise), q.slugs) for q in asked.answerable]
    bluffed = [answer(library, one, None, promise) is not None for one in asked.unanswerable]
    given = [hit.ref in slugs for hit, slugs in tried if hit is not None]
    right, answered = sum(given), len(given) + sum(bluffed)
    precision, recall = right / max(answered, 1), right / len(tried)
    return {
        "promise": level,
        "threshold": round(promise.threshold, 4) if promise.kept else 0,
        "expected: answered of answerable": round(promise.answered, 4),
        "answered of answerable": round(len(given) / len(tried), 4),
        "precision among answered, answerable only": round(right / max(len(given), 1), 4),
        "precision among answered, with all unanswerable": round(precision, 4),
        "precision among answered, 20 % unanswerable": round(weighed(given, bluffed, len(tried)), 4),
        "unanswerable handed over or offered a choice": round(1 - sum(bluffed) / len(bluffed), 4),
        "answered or rightly offered among three": offered(library, calibration, promise, level),
        "score": round(f_half(precision, recall), 4),
    }


def answer(library: Library, text: str, brand: str | None, promise: Promise) -> Hit | None:
    """What the bot would say by itself: nothing when unsure or when the matter is a person's."""
    hits = library.search(text, brand)
    sure = promise.kept and bool(hits) and hits[0].confidence >= promise.threshold
    return hits[0] if sure and not sensitive.reasons(text) else None


def weighed(given: list[bool], bluffed: list[bool], answerable: int, traffic: float = 0.2) -> float:
    """Precision if the unanswerable ones were `traffic` of all questions, as the calibration assumes."""
    weight = traffic / (1 - traffic) * answerable / len(bluffed)
    return sum(given) / max(len(given) + weight * sum(bluffed), 1e-9)


def offered(library: Library, calibration: Calibration, promise: Promise, level: float) -> float:
    """Share of answerable questions where the right article is the answer or among three offered."""
    choice = calibration.promise_of_choice(level)
    helped = []
    for q in questions().answerable:
        hits = library.search(q.text, q.brand, limit=3)
        sure = answer(library, q.text, q.brand, promise)
        evidence = hits[0].evidence if hits else None
        open_to = choice.kept and evidence and calibration.one_of_three(evidence) >= choice.threshold
        said = [sure] if sure else hits if open_to else []
        helped.append(any(hit.ref in q.slugs for hit in said))
    return share(helped)


def handing_over() -> dict[str, float]:
    """Matters for a person, and false alarms on the ordinary questions of the same set."""
    asked = questions()
    found = [[reason.name for reason in sensitive.reasons(one.text)] for one in asked.sensitive]
    ordinary = [*(q.text for q in asked.answerable), *asked.unanswerable, *(q.text for q in asked.orders)]
    named = (REASON_OF.get(q.reason, q.reason) in names for q, names in zip(asked.sensitive, found, strict=True))
    return {
        "sensitive recall, any reason": share(bool(names) for names in found),
        "sensitive recall, right reason": share(named),
        "sensitive false alarms": share(bool(sensitive.reasons(one)) for one in ordinary),
    }


def orders() -> dict[str, float]:
    asked = questions().orders
    first = [intents.guess(q.text)[0].name for q in asked]
    numbers = [intents.order_numbers(q.text) for q in asked]
    expected = [[str(q.number)] if q.number else [] for q in asked]
    articles_too = [intents.guess(q.text) for q in questions().answerable]
    return {
        "order intent right": share(n == INTENT_OF_KIND[q.kind] for n, q in zip(first, asked, strict=True)),
        "order number right": share(a[:1] == b for a, b in zip(numbers, expected, strict=True)),
        "article questions taken for one's own order": share(
            guesses[0].personal and guesses[0].name in INTENT_OF_KIND.values() for guesses in articles_too
        ),
    }


def speed(library: Library) -> dict[str, float]:
    """Milliseconds for the whole of one message: reasons, intents, search, answer."""
    took = []
    for text in [q.text for q in questions().answerable] * 2:
        begun = time.perf_counter()
        sensitive.reasons(text)
        intents.guess(text)
        for hit in library.search(text)[:1]:
            answer_from(hit, text)
        took.append(1000 * (time.perf_counter() - begun))
    return {"ms per message, p50": round(float(np.median(took)), 2),
            "ms per message, p95": round(float(np.percentile(took, 95)), 2)}  # fmt: skip


def share(truths: Iterable[bool]) -> float:
    return round(float(np.mean([bool(one) for one in truths])), 4)


def f_half(precision: float, recall: float) -> float:
    return 1.25 * precision * recall / max(0.25 * precision + recall, 1e-9)


if __name__ == "__main__":
    main()
