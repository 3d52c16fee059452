"""English contractions and what they stand for. Where that depends on more than the next word, nothing is put there."""

import re
from collections.abc import Iterator

# A genitive is none: 's counts behind these words alone.
_PRONOUNS = "it|that|there|here|what|where|who|how|when|he|she|everything|something|nothing"
_FOUND = re.compile(
    r"(?<![\w'’])(?:"
    r"(?P<not>(?:ca|wo|sha|do|does|did|is|are|was|were|have|has|had|could|would|should|might|must|need)n['’]t)"
    r"|(?P<verb>(?:I|you|we|they|he|she|it|that|there|who|what|this)['’](?:ll|ve|re|m))"
    rf"|(?P<is>(?:{_PRONOUNS})['’]s)"
    r"|(?P<us>let['’]s)"
    r"|(?P<had>(?:I|you|we|they|he|she|it)['’]d)"
    r"|(?P<slang>gonna|wanna|gotta|y['’]all|ain['’]t|gimme|lemme)"
    r")(?![\w'’])",
    re.IGNORECASE,
)
_NOT = {"ca": "cannot", "wo": "will not", "sha": "shall not"}
_VERB = {"ll": "will", "ve": "have", "re": "are", "m": "am"}
# Behind 's these show that it is "has": participles that "is" takes as well are not among them.
_HAS = re.compile(r"\s+(?:just\s+|already\s+|not\s+|never\s+|always\s+)?(?:been|had|got|become|come|taken)(?!\w)", re.I)
_DONE = re.compile(
    r"\s+(?:just\s+|already\s+|not\s+|finally\s+)?(?:\w+(?:ed|en|ught|own|orn|rawn)|done|gone|made|sold|told|found|left|lost"
    r"|kept|sent|paid|put|set|sold|held|built|said)(?!\w)",
    re.I,
)


def contracted(text: str) -> Iterator[tuple[int, int, str | None]]:
    """From, to, and the words in full; None where those cannot be known."""
    for found in _FOUND.finditer(text):
        full = _full(found, text)
        if full and found[0][0].isupper():
            full = full[0].upper() + full[1:]
        yield found.start(), found.end(), full


def _full(found: re.Match[str], text: str) -> str | None:
    words = found[0].replace("’", "'")
    if found["not"]:
        stem = words[:-3]
        # "Don't you want" would become "Do not you want".
        begins = not re.search(r"\w[\s,]*$", text[: found.start()])
        asks = begins and re.match(r"\s+(?:I|you|we|they|he|she|it|this|that|there)(?!\w)", text[found.end() :], re.I)
        return None if asks else _NOT.get(stem.lower(), f"{stem} not")
    if found["verb"]:
        head, _, tail = words.partition("'")
        return f"{head} {_VERB[tail.lower()]}"
    if found["us"]:
        return "let us"
    if found["is"]:
        head, rest = words[:-2], text[found.end() :]
        if _HAS.match(rest):
            return f"{head} has"
        return None if _DONE.match(rest) else f"{head} is"
    return None
