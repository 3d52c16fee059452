"""Plain text as mail carries it: line ends, and RFC 3676 flowed lines joined again."""

import re

_QUOTES = re.compile(r">*")


def evened(text: str) -> str:
    """One kind of line end, no trailing blank space around the whole."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip("\n").rstrip()


def unflowed(text: str, delete_space: bool = False) -> str:
    """Paragraphs on one line each (RFC 3676, section 4): a line that ends in a space goes on in the next."""
    out: list[str] = []
    open_quotes: int | None = None
    for line in text.split("\n"):
        quotes = _QUOTES.match(line).end()  # type: ignore[union-attr]  # an empty match is a match
        words = line[quotes:].removeprefix(" ")
        soft = words.endswith(" ") and words != "-- "
        if open_quotes == quotes and words != "-- ":
            out[-1] += words
        else:
            out.append((">" * quotes + " " if quotes else "") + words)
        if soft and delete_space:
            out[-1] = out[-1][:-1]
        open_quotes = quotes if soft else None
    return "\n".join(out)
