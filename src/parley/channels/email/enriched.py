"""text/enriched (RFC 1896) and its ancestor text/richtext (RFC 1341) as HTML; the result is made harmless later."""

import re
from html import escape

_COMMAND = re.compile(r"<(/?)([A-Za-z0-9-]{1,60})>|(<<)|(\n{2,})|(\n)|([^<\n]+|<)")
_TAGS = {
    "bold": "b", "italic": "i", "underline": "u", "fixed": "tt", "smaller": "small", "bigger": "big",
    "center": "center", "excerpt": "blockquote", "paragraph": "p", "flushleft": "div", "flushright": "div",
    "indent": "div",
}  # fmt: skip
_BREAKS = {"nl": "<br>", "np": "<hr>", "lt": "&lt;"}


def html_of_enriched(text: str) -> str:
    """One line break is a space, two or more are one fewer; `<param>` holds settings, not words."""
    out: list[str] = []
    settings = 0
    for closing, command, bracket, breaks, blank, words in _COMMAND.findall(text):
        name = command.lower()
        if name == "param":
            settings = max(0, settings + (-1 if closing else 1))
        elif settings:
            continue
        elif name in _TAGS:
            out.append(f"<{closing}{_TAGS[name]}>")
        elif name:
            out.append(_BREAKS.get(name, "") if not closing else "")
        elif breaks:
            out.append("<br>" * (len(breaks) - 1))
        else:
            out.append("&lt;" if bracket else " " if blank else escape(words))
    return "".join(out)
