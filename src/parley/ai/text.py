"""Text as the models see it: folded, split, stemmed, spelled, hashed, cut into passages.

English first. Other languages pass through harmlessly: their words are only folded, never cut to nothing,
and character n-grams work for every script.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, zip_longest
from zlib import crc32

from parley.ai import lexicon

LONGEST = 4_000
"""Characters of a message that are read; a pasted log file must not cost a second."""

PASSAGE_WORDS = 120

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_LETTERS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "ʼ": "'", "ß": "ss", "æ": "ae", "œ": "oe"})

_LEXICON = lexicon.read("words")
STOP_WORDS = frozenset(" ".join(_LEXICON["stop"]["words"]).split())
_IRREGULAR = dict(pair.split(":") for line in _LEXICON["irregular"]["words"] for pair in line.split())

_PHRASES = (
    (
        re.compile(
            r"\b(send|sent|sending|give|giving|bring|bringing|ship|shipping|take|taking|hand)"
            r"((?: \w+){0,3}?) back\b"
        ),
        r"return\2",
    ),
    (re.compile(r"\bmoney back\b"), "refund"),
    (re.compile(r"\b(log|logs|logged|logging|sign|signed|signing) ?(in|on|into)\b"), "login"),
    (re.compile(r"\b(sign|signed|signing) ?up\b"), "register"),
    (re.compile(r"\be ?mails?\b"), "mail"),
)


def fold(text: str) -> str:
    """Lower case without accents, in one apostrophe, at most LONGEST characters."""
    text = unicodedata.normalize("NFKD", text[:LONGEST].lower().translate(_APOSTROPHES))
    return "".join(c for c in text if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """The words of a text, folded. Scripts written without spaces give one word per pair of characters."""
    return [word for found in _WORD.findall(fold(text)) for word in _units(found)]


def _units(word: str) -> Iterator[str]:
    if not _CJK.search(word):
        yield word.removesuffix("'s").replace("'", "")
    elif len(word) == 1:
        yield word
    else:
        yield from (word[i : i + 2] for i in range(len(word) - 1))


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A word without its English endings; cancelled, cancelling and cancellation meet in `cancel`."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    word = _IRREGULAR.get(word, word)
    word = _singular(word)
    for ending in ("ation", "ment", "ing", "ed", "ly"):
        if word.endswith(ending) and _has_vowel(word[: -len(ending)]):
            word = word[: -len(ending)]
            break
    return _trimmed(word)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _has_vowel(rest: str) -> bool:
    return len(rest) >= 3 and any(c in "aeiouy" for c in rest)


def _trimmed(word: str) -> str:
    """Silent e, final y and doubled consonants go, so that the forms of one word end alike."""
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 5 and word.endswith("y"):
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiou":
        word = word[:-1]
    return word


_CONCEPT = {stem(word): stem(same.split()[0]) for same in _LEXICON["same"]["words"] for word in same.split()}


def terms(text: str) -> list[str]:
    """What a text is about: stems without stop words, one name for the desk's everyday synonyms.

    A text of nothing but stop words keeps them all, so that "how to" is still something.
    """
    return terms_of(words(with_phrases(fold(text))))


def terms_of(found: Sequence[str]) -> list[str]:
    telling = [word for word in found if word not in STOP_WORDS] or list(found)
    stems = (stem(word) for word in telling)
    return [_CONCEPT.get(one, one) for one in stems]


def with_phrases(folded: str) -> str:
    """ "Send it back" is a return and "money back" a refund, whatever stands between."""
    for pattern, instead in _PHRASES:
        folded = pattern.sub(instead, folded)
    return folded


# -- hashed n-grams ------------------------------------------------------------------------------------------


def hashed(feature: str) -> int:
    """A number for a feature that is the same in every process (Python's own hash is salted)."""
    return crc32(feature.encode("utf-8", "surrogatepass"))


def word_grams(stems: Sequence[str]) -> list[int]:
    """Single stems and neighbouring pairs."""
    pairs = (f"{a} {b}" for a, b in pairwise(stems))
    return [hashed("w" + one) for one in stems] + [hashed("p" + pair) for pair in pairs]


def char_grams(found: Iterable[str], sizes: Sequence[int] = (3, 4)) -> list[int]:
    """Pieces of each word with its edges marked; a slip of the finger spoils only a few of them."""
    grams: list[int] = []
    for word in found:
        marked = f"<{word[:24]}>"
        for size in sizes:
            grams.extend(hashed("c" + marked[i : i + size]) for i in range(len(marked) - size + 1))
    return grams


# -- spelling ------------------------------------------------------------------------------------------------


class Speller:
    """Mends words one slip away from a word it knows: a letter missing, doubled, wrong, or two swapped.

    Holds every known word under each form with one letter removed, so a look-up costs a few dictionary hits.
    The first letter must be right: people rarely miss that one, and unrelated words often differ there.
    """

    def __init__(self, known: Iterable[str], shortest: int = 5) -> None:
        self._known = frozenset(known)
        self._stems = frozenset(stem(word) for word in self._known)
        self._shortest = shortest
        self._near: dict[str, list[str]] = {}
        for word in sorted(self._known):
            if len(word) >= shortest and word.isalpha():
                for form in _shortened(word):
                    self._near.setdefault(form, []).append(word)

    def mend(self, word: str) -> str:
        """The word itself, or the one known word it was probably meant to be."""
        if word in self._known or word in STOP_WORDS or stem(word) in self._stems or not word.isalpha():
            return word
        if len(word) + 1 < self._shortest or len(word) > 24:
            return word
        forms = {word, *_shortened(word)}
        candidates = {known for form in forms for known in self._near.get(form, ())}
        near = sorted(known for known in candidates if known[0] == word[0] and one_slip(word, known))
        return near[0] if near else word

    def mend_all(self, folded: str) -> str:
        """A folded text with every word mended, all else as it stands."""
        return _LETTERS.sub(lambda found: self.mend(found[0]), folded)


def _shortened(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def one_slip(a: str, b: str) -> bool:
    """Whether one letter added, dropped, replaced, or two neighbours swapped turn a into b."""
    if abs(len(a) - len(b)) > 1 or a == b:
        return a == b
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    if len(a) != len(b):
        return rest_a[1:] == rest_b if len(a) > len(b) else rest_a == rest_b[1:]
    return rest_a[1:] == rest_b[1:] or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])


# -- sentences and passages ----------------------------------------------------------------------------------

_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|approx|nr|vs|mr|mrs|ms|dr|st|incl|max|min|z\.b|ca|bzw)|\b[A-Za-z])\.$", re.I
)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(\[]?[^\W_])|(?<=[。！？])")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_ITEM = re.compile(r"^\s*(?:([-*+•])|(\d{1,3})[.)])\s+(.*)$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_BREAK = re.compile(r"^\s{0,3}(?:-\s*){3,}$|^\s{0,3}(?:\*\s*){3,}$|^\s{0,3}(?:_\s*){3,}$")
_TABLE_RULE = re.compile(r"^[\s|:-]*-[\s|:-]*$")


@dataclass(frozen=True)
class Passage:
    """A piece of an article: the heading it stands under and its text, plain, lists one item a line."""

    heading: str
    text: str


def sentences(text: str) -> list[str]:
    """Whole sentences of one paragraph; common abbreviations don't end one."""
    found: list[str] = []
    for piece in _SENTENCE_END.split(text.strip()):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] = f"{found[-1]} {piece}"
        elif piece.strip():
            found.append(piece.strip())
    return found


def passages(markdown: str, size: int = PASSAGE_WORDS) -> list[Passage]:
    """An article cut into passages of about `size` words, at blocks, never across a heading.

    A block longer than that is cut between sentences; a list stays with the line that introduces it.
    """
    cut: list[Passage] = []
    heading, held = "", list[str]()
    for level, block in _blocks(markdown):
        if level:
            _close(cut, heading, held)
            heading = block
            continue
        for piece in _pieces(block, size):
            introduced = bool(held) and held[-1].endswith(":")
            if held and not introduced and _count(held) + len(piece.split()) > size * 1.25:
                _close(cut, heading, held)
            held.append(piece)
    _close(cut, heading, held)
    return cut


def _close(cut: list[Passage], heading: str, held: list[str]) -> None:
    if held:
        cut.append(Passage(heading, "\n\n".join(held)))
        held.clear()


def _count(held: Sequence[str]) -> int:
    return sum(len(piece.split()) for piece in held)


def _pieces(block: str, size: int) -> list[str]:
    if len(block.split()) <= size * 1.25:
        return [block]
    joint, parts = ("\n", block.split("\n")) if "\n" in block else (" ", sentences(block))
    pieces, held = list[str](), list[str]()
    for part in parts:
        if held and _count(held) + len(part.split()) > size:
            pieces.append(joint.join(held))
            held = []
        held.append(part)
    return [*pieces, joint.join(held)] if held else pieces


def _blocks(markdown: str) -> Iterator[tuple[int, str]]:
    """(heading level or 0, plain text) for each heading, paragraph, list, table and code block, in order."""
    yield from ((level, block) for level, block in _raw_blocks(markdown) if block)


def _raw_blocks(markdown: str) -> Iterator[tuple[int, str]]:
    held: list[str] = []
    fenced = False
    for line in markdown.replace("\r\n", "\n").split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        if _BREAK.match(line) and not fenced:
            line = ""
        heading = None if fenced else _HEADING.match(line)
        if (heading or not line.strip()) and not fenced:
            if held:
                yield 0, _flowed(held)
                held = []
            if heading and heading[2]:
                yield len(heading[1]), inline(heading[2])
        elif line.strip():
            held.append(line)
    if held:
        yield 0, _flowed(held)


def _flowed(lines: Sequence[str]) -> str:
    """Lines of one block as people read them: paragraphs joined, list items and table rows one a line."""
    if all(line.lstrip().startswith("|") for line in lines):
        return "\n".join(_rows(lines))
    out: list[str] = []
    for line in lines:
        item = _ITEM.match(line)
        if item:
            out.append(f"{'•' if item[1] else item[2] + '.'} {inline(item[3])}")
        else:
            _append_flowing(out, inline(line.lstrip("> ")))
    return "\n".join(out)


def _rows(lines: Sequence[str]) -> Iterator[str]:
    """A table without its lines: each row says what its columns are called."""
    cells = [[inline(one) for one in line.strip().strip("|").split("|")] for line in lines if not _is_rule(line)]
    cells = [row for row in cells if any(row)]
    head, *rows = cells or [[]]
    for first, *rest in rows or cells:
        named = (f"{name} {cell}".strip() for name, cell in zip_longest(head[1:], rest, fillvalue="") if cell)
        yield f"• {first}: " + ", ".join(named if rows else rest)


def _is_rule(line: str) -> bool:
    return bool(_TABLE_RULE.match(line))


def _append_flowing(out: list[str], line: str) -> None:
    """A line that begins no item goes on with the paragraph or the item before it."""
    if out:
        out[-1] = f"{out[-1]} {line}"
    else:
        out.append(line)


def inline(markdown: str) -> str:
    """One line of Markdown without its marks; a link keeps its address when that leads outside."""
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    text = re.sub(r"\[([^\]]+)\]\((https?://[^)\s]+)[^)]*\)", r"\1 (\2)", text)
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<(https?://[^>]+|[^>@\s]+@[^>\s]+)>", r"\1", text)
    text = re.sub(r"<br\s*/?>", " ", text)
    text = re.sub(r"(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"(?<![\w*])[*_](?=\S)([^*_]+?)(?<=\S)[*_](?![\w*])", r"\1", text)
    text = re.sub(r"`([^`]+)`", r"\1", text)
    return re.sub(r"\s+", " ", re.sub(r"\\([\\`*_{}\[\]()#+\-.!|])", r"\1", text)).strip()


def plain(markdown: str) -> str:
    """A whole article as plain text, without its headings."""
    return "\n\n".join(block for level, block in _blocks(markdown) if not level)
