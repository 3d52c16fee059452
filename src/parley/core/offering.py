"""Things to choose from at the end of what a machine says: a numbered list in text, buttons where there are some."""

import re

_LIST = re.compile(r"(?:^|\n)1\. [^\n]+(?:\n\d\d?\. [^\n]+)+\s*\Z")
_OPTION = re.compile(r"^(\d\d?)\. (.+)$", re.MULTILINE)


def offered(text: str) -> tuple[str, tuple[str, ...]]:
    """(the text before the list, what can be chosen). None to choose where no list that counts from 1 ends the text."""
    found = _LIST.search(text)
    options = _OPTION.findall(found[0]) if found else []
    if found is None or [int(number) for number, _ in options] != list(range(1, len(options) + 1)):
        return text, ()
    return text[: found.start()].strip(), tuple(title.strip() for _, title in options)
