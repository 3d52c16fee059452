"""Which language a text is in, as far as its smallest words tell: for asking back in the same one."""

import re
from functools import cache

_SMALL = {
    "en": "the and is are was you your my it this that have has not with for i we can do does did where when what "
    "would could been there will from how",
    "de": "der die das und ist sind war ich sie mein meine nicht mit für ein eine wir habe hat bitte wo wann wie auf "
    "von den dem noch kann es aber leider ihr ihre",
    "es": "el la los las y es son fue yo mi mis no con para un una que por favor dónde cuándo qué cómo del se muy "
    "pero mi su gracias está",
    "fr": "le la les et est sont je vous mon ma pas avec pour un une nous que qui merci où quand comment du des ce "
    "ne mais votre bonjour",
    "it": "il lo la gli le e è sono ho mio mia miei non con per un una che dove quando come del della si ma grazie "
    "vostro questo buongiorno anche",
    "nl": "de het een en is zijn was ik mijn niet met voor wij heb heeft waar wanneer hoe op van kan maar helaas dat "
    "dit u uw nog graag",
    "pt": "o a os as e é são foi eu meu minha não com para um uma que onde quando como do da se mas obrigado obrigada "
    "seu sua está por favor",
    "pl": "i w na nie jest są był mój moja moje z dla że gdzie kiedy jak do się ale dziękuję proszę czy to mam od już",
    "sv": "och är var jag min mitt inte med för en ett vi har hade när hur på av det att men tack kan den som mig",
    "da": "og er var jeg min mit ikke med for en et vi har havde når hvor hvordan på af det at men tak kan den som mig",
}

LANGUAGES = {
    "en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "it": "Italiano", "nl": "Nederlands",
    "pt": "Português", "pl": "Polski", "sv": "Svenska", "da": "Dansk",
}  # fmt: skip


def language_of(text: str, default: str = "en") -> str:
    """The language with clearly the most small words: two more than any other, or, of at least two, one more than those
    that have no word beside its own ("por favor" is Portuguese as well, "una factura, por favor" is not). Else the
    default."""
    said = re.findall(r"[^\W\d_]+", text.lower()[:2000])
    found = {name: [word for word in said if word in words] for name, words in _words().items()}
    best = max(found, key=lambda name: len(found[name]))
    mine = found.pop(best)

    def beaten(theirs: list[str]) -> bool:
        ahead = len(mine) - len(theirs)
        return ahead >= 2 or (ahead == 1 and len(mine) >= 2 and set(theirs) <= set(mine))

    return best if all(map(beaten, found.values())) else default


@cache
def _words() -> dict[str, frozenset[str]]:
    return {name: frozenset(words.split()) for name, words in _SMALL.items()}
