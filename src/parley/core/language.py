"""Which language a text is in, as far as its smallest words tell: for asking back in the same one."""

import re
from collections import Counter
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


# ── for sorting what comes in ───────────────────────────────────────────────────────────────

_MORE = {
    "en": "hello hi hey thanks thank please order want need still don't can't i'm it's get got they been would like "
    "help could why how much any about today just but as of",
    "de": "hallo guten tag bestellung danke vielen dank möchte würde hatte wurde sehr auch oder nur schon wird zu zum "
    "zur im am bei nach als immer warum was uns euch mir mich dass wenn liebe grüße",
    "es": "hola buenos días tengo quiero pedido necesito está puedo cuánto ha sido todavía aún hace gracias saludos me "
    "lo al este esta cuenta",
    "fr": "bonjour merci commande j'ai je voudrais mes une c'est suis au aux sur dans vos cette ce été pouvez comment "
    "pourquoi toujours svp reçu n'ai d'un",
    "it": "ciao buongiorno grazie ordine vorrei ancora posso perché è stato ho ricevuto mia nel alla dei degli ma sul",
    "nl": "hallo goedemorgen bedankt bestelling graag wil kunt kan ik u jullie nog al naar bij zijn mij ben geen wordt "
    "waarom",
    "pt": "olá bom dia obrigado encomenda pedido ainda queria gostaria posso você vocês minha não recebi está "
    "foi meu pela",
    "pl": "dzień dobry dziękuję zamówienie chciałbym chciałabym proszę jeszcze moje mogę czy kiedy gdzie nie jest mam",
    "sv": "hej tack beställning jag vill kan ni mitt inte fått vad hur när är ännu",
    "da": "hej tak bestilling jeg vil gerne kan I min ikke fået hvad hvordan hvornår er endnu",
    "tr": "merhaba teşekkürler sipariş siparişim nerede nasıl ve bir bu için değil ne zaman lütfen ben çok hala "
    "henüz var",
    "cs": "dobrý den děkuji objednávka objednávku prosím jsem kde kdy mám není ještě moje se na že byla",
    "ro": "bună ziua mulțumesc comanda mea unde când nu este am și vă rog pentru încă la de pe",
    "fi": "hei kiitos tilaus tilaukseni missä milloin ei ole en voi haluan minun ja että mutta vielä on",
    "no": "hei takk bestilling jeg vil gjerne kan dere min ikke fått hva hvordan når er ennå og",
    "hu": "jó napot köszönöm rendelés rendelésem hol mikor nem van és a az hogy még kérem szeretnék",
}

_SCRIPTS = (
    ("ja", "\u3040-\u30ff"),
    ("ko", "\uac00-\ud7af\u1100-\u11ff"),
    ("zh", "\u4e00-\u9fff"),
    ("el", "\u0370-\u03ff"),
    ("he", "\u0590-\u05ff"),
    ("ar", "\u0600-\u06ff"),
    ("th", "\u0e00-\u0e7f"),
    ("hi", "\u0900-\u097f"),
    ("ru", "\u0400-\u04ff"),
)
_UKRAINIAN = re.compile("[іїєґІЇЄҐ]")

_LETTERS = {
    "de": "ß", "es": "ñ¿¡", "pt": "ãõ", "pl": "łżźśćńęą", "cs": "řůěž", "ro": "țșă", "tr": "ğış", "hu": "őű",
    "fr": "œçêèû", "da": "æø", "no": "æø", "sv": "åä", "fi": "ä",
}  # fmt: skip
"""Letters that no other language told here writes, or few: each word with one counts as half a small word."""


def told(text: str) -> str:
    """The language a message is in, or "" where it does not tell. Also scripts of their own."""
    said = text[:2000]
    letters = sum(c.isalpha() for c in said)
    for name, script in _SCRIPTS:
        count = len(re.findall(f"[{script}]", said))
        if count >= 2 and count > (0.1 if name == "ja" else 0.4) * letters:
            return "uk" if name == "ru" and _UKRAINIAN.search(said) else name
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", said.lower())
    if len(words) < 2:
        return ""
    points = {name: _points(words, small, _LETTERS.get(name, "")) for name, small in _told_by().items()}
    first, second = sorted(points, key=lambda name: -points[name])[:2]
    ahead = points[first] - points[second]
    alone = points[first] >= 1 and points[second] <= 0.3
    return first if alone or (points[first] >= 1.5 and ahead >= min(1.0, 0.2 * points[first])) else ""


def _points(words: list[str], small: dict[str, float], letters: str) -> float:
    return sum(max(small.get(word, 0.0), 0.5 * any(c in letters for c in word)) for word in words)


@cache
def _told_by() -> dict[str, dict[str, float]]:
    """Small words of each language; one that several share says as much less."""
    every = {name: {*_SMALL.get(name, "").split(), *_MORE.get(name, "").split()} for name in _MORE}
    shared = Counter(word for words in every.values() for word in words)
    return {name: {word: 1 / shared[word] ** 0.5 for word in words} for name, words in every.items()}
