"""The several things that one message asks for: "Where is my order, and can I also change my address?"

A message falls into sentences and lines; a sentence falls where two whole wishes are joined. A part must be able to
stand alone: a question, a request or a statement of what is wrong, of three words or more. What cannot (a greeting,
thanks, "it is for my son") stays with the part before it.
"""

import re
from collections.abc import Iterator

from parley.ai import text

MOST = 4
SHORTEST = 3  # words of a part

_ASK = (
    r"(?:(?:also|then|please|secondly|second|second of all|finally|lastly|besides|additionally|furthermore|next|"
    r"if so|if not|separately|one more thing|another thing|while i'?m at it|while you'?re at it|ps|p\.s\.)[,:]? )*"
    r"(?:(?:can|could|would|will|may|might|should|shall|do|does|did|is|are|was|were|has|have|had|am|"
    r"can'?t|couldn'?t|won'?t|don'?t|doesn'?t|didn'?t|isn'?t|aren'?t|haven'?t|hasn'?t) "
    r"(?:i|you|we|it|they|he|she|there|the|my|our|your|this|that|someone|somebody|any)\b"
    r"|(?:how|what|what'?s|when|where|where'?s|which|who|whom|why) (?!ever)"
    r"|(?:i|we)(?:'d|'ll|'m|'ve|'re)? (?:also |still |really |just |then )*(?:need|want|would|wanna|wish|have|had|"
    r"like to|can'?t|cannot|could|haven'?t|did ?n'?t|don'?t|do not|did not|am|was|think|forgot|lost|got|received|"
    r"noticed|see|am trying|'?m trying|trying|require|looking|wonder)\b"
    r"|(?:my|our|the) \w+(?: \w+){0,3} (?:is|are|was|were|has|have|had|does|did|isn'?t|hasn'?t|won'?t|doesn'?t|"
    r"didn'?t|can'?t|keeps?|never|still)\b"
    r"|(?:please|pls|kindly|help|tell|show|send|give|cancel|change|update|check|explain|confirm|let|make|remove|add|"
    r"transfer|refund|return|exchange|activate|block|freeze|close|open|set|book|order|find|get|put|turn|stop|remind|"
    r"translate|play|call|schedule|track|report|reset|increase|replace) (?!and\b|or\b)\w)"
)
_JOINT = re.compile(
    r"(?P<strong>(?:\s*[,;]\s*|\s+)"
    r"(?:and also|but also|oh and|and secondly|also,|plus,|und auch|et aussi|y también)[,:]?\s+)"
    rf"|(?:\s*[,;]\s*|\s+)(?:and then|and|also|plus|as well as|but|besides|on top of that|und|et|y|e)[,:]?\s+(?={_ASK})"
    rf"|\s*;\s*(?={_ASK})|(?<=\w),\s+(?={_ASK})",
    re.I,
)
_ALSO = re.compile(
    r"^\W*(?:and also|also|secondly|second|another thing|one more thing|plus|besides|on another note)\b", re.I
)
_END = re.compile(r"(?<=[.?!])(?<!\b[A-Za-z]\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bno\.)(?<!\bnr\.)\s+", re.I)
_LEAD = re.compile(r"^\W*(?:and|also|plus|und|et)\b[\s,:]*", re.I)
_BULLET = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.)]|[a-d][.)])\s+", re.M)
_DEPENDS = re.compile(
    r"^\W*(?:it|he|she|they|this|that|because|since|so|which|if so|thanks?|thank you|regards|best|cheers)\b", re.I
)
_ABLE = re.compile(rf"^\W*(?:{_ASK})", re.I)
_COURTESY = re.compile(
    r"^\W*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|hallo|bonjour|hola)\b"
    r"[^.!?,\n]{0,40}[,.!\n]\s*",
    re.I,
)


def split(message: str) -> list[str]:
    """The parts of a message that can stand alone, in order, at most MOST; one for a message that asks one thing."""
    message = _COURTESY.sub("", message[: text.LONGEST].strip()) or message.strip()
    parts: list[str] = []
    for strong, piece in _pieces(message):
        if not piece:
            continue
        if parts and not (_stands(piece) if strong else _alone(piece) and _alone(parts[-1])):
            parts[-1] = f"{parts[-1]} {piece}"
        else:
            parts.append(piece)
    if len(parts) > MOST:
        parts = [*parts[: MOST - 1], " ".join(parts[MOST - 1 :])]
    return parts or [message]


def _pieces(message: str) -> Iterator[tuple[bool, str]]:
    """(whether what stands before it says that something new begins, the piece)."""
    for line in _lines(message):
        strong = True
        for sentence in _END.split(line):
            strong = strong or bool(_ALSO.match(sentence))
            start = 0
            for joint in _JOINT.finditer(sentence):
                left, right = sentence[start : joint.start()].strip(), sentence[joint.end() :]
                if len(left.split()) >= SHORTEST and len(right.split()) >= SHORTEST and not _conditional(left):
                    yield strong, _LEAD.sub("", left)
                    start, strong = joint.end(), joint["strong"] is not None
            yield strong, _LEAD.sub("", sentence[start:].strip())
            strong = False


def _lines(message: str) -> list[str]:
    """Blank lines and bullets part; a mere line break is the mail program's."""
    marked = _BULLET.sub("\n\n", message)
    return [" ".join(block.split()) for block in re.split(r"\n\s*\n", marked) if block.strip()]


def _conditional(left: str) -> bool:
    """Whether it only opens a wish: "If it does not fit, can I return it" is one."""
    return bool(_CONDITION.match(left)) and "?" not in left


_CONDITION = re.compile(
    r"\W*(?:if|once|after|before|since|as|because|while|although|unless|wenn|si"
    r"|when (?:i|we|you|it|the|my|he|she|they))\b",
    re.I,
)
_SAME = re.compile(r"\b(?:it|them)\b|\b(?:this|that)\W*$", re.I)


def _stands(piece: str) -> bool:
    """Whether it may be a wish of its own where something said that one begins."""
    return len(piece.split()) >= SHORTEST and not _DEPENDS.match(piece)


def _alone(piece: str) -> bool:
    """Whether somebody could answer it by itself."""
    if len(piece.split()) < SHORTEST or _DEPENDS.match(piece):
        return False
    return "?" in piece or bool(_ABLE.match(_LEAD.sub("", piece)) and not _SAME.search(piece))
