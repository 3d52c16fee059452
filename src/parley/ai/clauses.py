"""The several things that one message asks for: "Where is my order, and can I also change my address?"

A message falls into sentences and lines; a sentence falls where two whole wishes are joined. A part must be able to
stand alone: a question, a request or a statement of what is wrong, of three words or more. What cannot (a greeting,
thanks, "it is for my son") stays with the part before it.
"""

import re

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
    rf"(?:\s*[,;]\s*|\s+)(?:and also|and then|and|also|plus|as well as|but also|but|besides|on top of that|"
    rf"oh and|und|et|y|e)[,:]?\s+(?={_ASK})|\s*;\s*(?={_ASK})|(?<=\w),\s+(?={_ASK})",
    re.I,
)
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
    pieces = [piece for line in _lines(message) for one in text.sentences(line) for piece in _cut(one)]
    parts: list[str] = []
    for piece in pieces:
        if (parts and not _alone(piece)) or (parts and not _alone(parts[-1])):
            parts[-1] = f"{parts[-1]} {piece}"
        else:
            parts.append(piece)
    if len(parts) > MOST:
        parts = [*parts[: MOST - 1], " ".join(parts[MOST - 1 :])]
    return parts or [message]


def _lines(message: str) -> list[str]:
    """Blank lines and bullets part; a mere line break is the mail program's."""
    marked = _BULLET.sub("\n\n", message)
    return [" ".join(block.split()) for block in re.split(r"\n\s*\n", marked) if block.strip()]


def _cut(sentence: str) -> list[str]:
    """A sentence where both halves can stand alone."""
    found, start = [], 0
    for joint in _JOINT.finditer(sentence):
        left, right = sentence[start : joint.start()].strip(), sentence[joint.end() :]
        if len(left.split()) >= SHORTEST and len(right.split()) >= SHORTEST and not _conditional(left):
            found.append(left)
            start = joint.end()
    return [*found, _LEAD.sub("", sentence[start:].strip())]


def _conditional(left: str) -> bool:
    """Whether it only opens a wish: "If it does not fit, can I return it" is one."""
    return bool(_CONDITION.match(left)) and "?" not in left


_CONDITION = re.compile(r"\W*(?:if|when|once|after|before|since|as|because|while|although|unless|wenn|si)\b", re.I)
_SAME = re.compile(r"\b(?:it|them|that|this)\b", re.I)


def _alone(piece: str) -> bool:
    """Whether somebody could answer it by itself."""
    if len(piece.split()) < SHORTEST or _DEPENDS.match(piece):
        return False
    return "?" in piece or bool(_ABLE.match(_LEAD.sub("", piece)) and not _SAME.search(piece))
