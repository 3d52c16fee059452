"""The translation layer: English sentences are the keys, a catalogue may hold them in another language.

Templates say `t("Send")`, scripts say `t("Send")` (frontend/shared/words.ts). Values are filled in
with braces: `t("{n} open", n=3)`.
"""

from collections.abc import Mapping

Catalogue = Mapping[str, str]
ENGLISH: Catalogue = {}


def translate(text: str, catalogue: Catalogue = ENGLISH, **values: object) -> str:
    """The sentence in the catalogue's language, English where it is missing."""
    found = catalogue.get(text, text)
    return found.format(**values) if values else found
