"""Are the new words of a reply told from quote and signature, in many languages and clients, beside two libraries.

    python benchmarks/email_reply.py DIR [--json]

DIR holds `cases.jsonl`: `id`, `source`, `kind` (plain or html), `text`, `expect`. score = share of the cases that say
something about the visible reply (`equals`, `contains`, `excludes`) in which all of it holds. Compared with white space
collapsed. F1 is over words, where `equals` names them. The language is the one in a case's id, otherwise English.

Ours is what the desk shows and the bot reads: `arranged(text)`, cut at the fold. HTML becomes text by our own means
for all three. The sources disagree about short signatures and about forwarded mails (which we show whole), so the
share of each source is told as well. Beside ours: mail-parser-reply and email-reply-parser, where installed.
"""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _measure import Figures, rows_of, run, share, squeezed, table

from parley.channels.email.flowed import evened
from parley.channels.email.folding import arranged
from parley.channels.email.markup import sanitised, text_from

LANGUAGES = {
    "da": "danish", "de": "german", "es": "spanish", "fi": "finnish", "fr": "french", "it": "italian", "ja": "ja",
    "ko": "korean", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ru": "russian",
    "sv": "swedish", "zh": "chinese", "he": "hebrew", "el": "greek", "uk": "ukrainian", "tr": "turkish",
    "cs": "czech", "hu": "hungarian", "ro": "romanian", "vi": "vietnamese", "ar": "arabic",
}  # fmt: skip
Parser = Callable[[str], str]


def ours(text: str) -> str:
    text, end = arranged(text)
    return text if end is None else text[:end]


def parsers() -> dict[str, Parser]:
    found: dict[str, Parser] = {"ours": ours}
    try:
        from mailparser_reply import EmailReplyParser as Alfons

        all_of_them = ["en", "de", "cs", "da", "es", "fr", "it", "ja", "ko", "nl", "pl", "sv", "zh"]
        found["mail-parser-reply"] = lambda text: Alfons(languages=all_of_them).read(text).latest_reply or ""
    except ImportError:
        print("mail-parser-reply is not installed: left out (pip install mail-parser-reply)")
    try:
        from email_reply_parser import EmailReplyParser as Zapier

        found["email-reply-parser"] = lambda text: str(Zapier.parse_reply(text))
    except ImportError:
        print("email-reply-parser is not installed: left out (pip install email-reply-parser)")
    return found


def language(case: str) -> str:
    """From the case's id: a name ("danish_2") or a code between separators ("pl_1_1")."""
    pieces = re.split(r"[-_]", case.lower())
    for code, name in LANGUAGES.items():
        if name in pieces or (code in pieces and code not in ("no", "he", "it")):
            return code
    return "en"


def text_of(case: dict[str, Any]) -> str:
    return evened(text_from(sanitised(case["text"]) or "") if case["kind"] == "html" else case["text"])


def holds(visible: str, expect: dict[str, Any]) -> bool | None:
    """Whether all that is said about the visible reply is so; None where nothing is said."""
    if not {"equals", "contains", "excludes"} & set(expect):
        return None
    even = (lambda text: "".join(text.split())) if "whitespace removed" in expect.get("compare", "") else squeezed
    seen = even(visible)
    same = "equals" not in expect or seen == even(expect["equals"])
    return (
        same
        and all(even(one) in seen for one in _list(expect.get("contains")))
        and not any(even(one) in seen for one in _list(expect.get("excludes")))
    )


def _list(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def f1(visible: str, wanted: str) -> float:
    """Of words, each as often as it stands there."""
    seen, right = Counter(visible.split()), Counter(wanted.split())
    if not seen and not right:
        return 1.0
    both = sum((seen & right).values())
    return 2 * both / max(sum(seen.values()) + sum(right.values()), 1)


def signed(text: str, visible: str, expect: dict[str, Any]) -> bool | None:
    """Whether the signature is among what was folded away; None where no signature is named."""
    wanted = [*_list(expect.get("signature_contains")), *_list(expect.get("signature_equals"))]
    wanted = [squeezed(one.replace("#sig#", "")) for one in wanted if one]
    if not wanted:
        return None
    return all(one in squeezed(text) and one not in squeezed(visible) for one in wanted)


def measured(folder: Path) -> tuple[Figures, str]:
    cases = rows_of(folder / "cases.jsonl")
    rows: list[list[Any]] = []
    all_of: dict[str, Figures] = {}
    for name, parser in parsers().items():
        all_of[name] = _one(cases, parser)
    for group in ("exact", "F1", "by source"):
        keys = sorted({key for figures in all_of.values() for key in figures[group]})
        rows += [
            [
                f"{group} {key}",
                all_of["ours"]["cases"].get(key, ""),
                *(figures[group].get(key) for figures in all_of.values()),
            ]
            for key in keys
        ]
    for what in ("signature folded away", "raised", "ms a mail"):
        rows.append([what, "", *(figures[what] for figures in all_of.values())])
    mine = all_of["ours"]
    others = {name: figures["exact"]["all"] for name, figures in all_of.items() if name != "ours"}
    said: Figures = {
        "score": mine["exact"]["all"],
        "points ahead of the best other": round(100 * (mine["exact"]["all"] - max(others.values())), 1)
        if others
        else None,
        **mine,
        "others": {name: figures for name, figures in all_of.items() if name != "ours"},
    }
    return said, table(["what", "cases", *all_of], rows)


def _one(cases: list[dict[str, Any]], parser: Parser) -> Figures:
    right: dict[str, list[bool]] = defaultdict(list)
    words: dict[str, list[float]] = defaultdict(list)
    sources: dict[str, list[bool]] = defaultdict(list)
    signatures: list[bool] = []
    wrong: list[str] = []
    raised, spent = 0, 0.0
    for case in cases:
        text, expect = text_of(case), case["expect"]
        began = time.process_time()
        try:
            visible = parser(text)
        except Exception:  # what is being counted
            visible, raised = "", raised + 1
        spent += time.process_time() - began
        verdict = holds(visible, expect)
        if verdict is not None:
            for group in ("all", language(case["id"])):
                right[group].append(verdict)
            sources[case["source"]].append(verdict)
            wrong += [] if verdict else [case["id"]]
        if "equals" in expect:
            for group in ("all", language(case["id"])):
                words[group].append(f1(visible, expect["equals"]))
        found = signed(text, visible, expect)
        signatures += [] if found is None else [found]
    return {
        "exact": {group: share(seen) for group, seen in right.items()},
        "cases": {group: len(seen) for group, seen in {**right, **sources}.items()},
        "F1": {group: round(sum(seen) / len(seen), 4) for group, seen in words.items()},
        "by source": {source: share(seen) for source, seen in sources.items()},
        "signature folded away": share(signatures) if signatures else None,
        "raised": raised,
        "ms a mail": round(1000 * spent / max(len(cases), 1), 3),
        "wrong": wrong,
    }


if __name__ == "__main__":
    run(__doc__ or "", measured)
