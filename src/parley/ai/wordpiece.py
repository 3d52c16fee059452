"""WordPiece: text into the numbers of BERT's vocabulary, as the encoder's weights were trained with it.

Greedy, longest piece first, after folding case and accents (Devlin et al. 2019; Wu et al. 2016). In plain Python:
a library for it brings sixteen packages, and a message takes a few microseconds.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

PAD, UNKNOWN, START, END = 0, 100, 101, 102
LONGEST_WORD = 100
"""Characters of a word; what is longer is unknown as a whole."""


class WordPiece:
    """`vocabulary`: one piece a line, in the order of their numbers."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}
        self._of_word = lru_cache(maxsize=50_000)(self._pieces)

    def numbers(self, text: str, most: int) -> list[int]:
        """The text's numbers between start and end marks, cut to `most`."""
        found: list[int] = [START]
        for word in _words(text[: most * 24]):
            found += self._of_word(word)
            if len(found) >= most:
                break
        return [*found[: most - 1], END]

    def _pieces(self, word: str) -> Sequence[int]:
        if len(word) > LONGEST_WORD:
            return (UNKNOWN,)
        found: list[int] = []
        start = 0
        while start < len(word):
            number, start = self._longest(word, start)
            if number is None:
                return (UNKNOWN,)
            found.append(number)
        return tuple(found)

    def _longest(self, word: str, start: int) -> tuple[int | None, int]:
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            number = self._numbers.get(mark + word[start:end])
            if number is not None:
                return number, end
        return None, start


def _words(text: str) -> Iterator[str]:
    """Words in lower case without accents; every sign of punctuation and every ideograph stands alone."""
    spaced = "".join(_spaced(c) for c in text)
    for word in spaced.split():
        bare = unicodedata.normalize("NFD", word.lower())
        yield from _split("".join(c for c in bare if unicodedata.category(c) != "Mn"))


def _spaced(c: str) -> str:
    if c.isascii() and c.isprintable():
        return c
    if c in "\t\n\r" or unicodedata.category(c) == "Zs":
        return " "
    if c in "\0\ufffd" or unicodedata.category(c) in ("Cc", "Cf"):
        return ""
    return f" {c} " if _is_ideograph(ord(c)) else c


def _split(word: str) -> Iterator[str]:
    if word.isalnum():
        yield word
        return
    start = 0
    for place, c in enumerate(word):
        if _is_sign(c):
            if start < place:
                yield word[start:place]
            yield c
            start = place + 1
    if start < len(word):
        yield word[start:]


def _is_sign(c: str) -> bool:
    if c.isascii():
        return not c.isalnum()
    return unicodedata.category(c).startswith("P")


def _is_ideograph(number: int) -> bool:
    return (
        0x4E00 <= number <= 0x9FFF
        or 0x3400 <= number <= 0x4DBF
        or 0x20000 <= number <= 0x2CEAF
        or 0xF900 <= number <= 0xFAFF
        or 0x2F800 <= number <= 0x2FA1F
    )
