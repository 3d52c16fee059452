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
    "pt": "olá bom dia obrigado encomenda pedido ainda queria gostaria posso você vocês minha não recebi está foi meu "
    "pela",
    "pl": "dzień dobry dziękuję zamówienie chciałbym chciałabym proszę jeszcze moje mogę czy kiedy gdzie nie jest mam",
    "sv": "hej tack beställning jag vill kan ni mitt inte fått vad hur när är ännu",
    "da": "hej tak bestilling jeg vil gerne kan I min ikke fået hvad hvordan hvornår er endnu",
    "tr": "merhaba teşekkürler sipariş siparişim nerede nasıl ve bir bu için değil ne zaman lütfen ben çok hala henüz "
    "var",
    "cs": "dobrý den děkuji objednávka objednávku prosím jsem kde kdy mám není ještě moje se na že byla",
    "ro": "bună ziua mulțumesc comanda mea unde când nu este am și vă rog pentru încă la de pe",
    "fi": "hei kiitos tilaus tilaukseni missä milloin ei ole en voi haluan minun ja että mutta vielä on",
    "no": "hei takk bestilling jeg vil gjerne kan dere min ikke fått hva hvordan når er ennå og",
    "hu": "jó napot köszönöm rendelés rendelésem hol mikor nem van és a az hogy még kérem szeretnék",
}

_SHOP = {
    "en": "to on in at be me so if or an its not new size wrong broken exchange return refund card charged paid parcel "
    "package delivery received arrived account password cancel send sent two days after",
    "de": "bitte rückruf größe falsch kaputt umtausch zurück karte paket lieferung angekommen rechnung konto passwort "
    "stornieren geld erstattung jacke schuhe seit wochen gestern heute morgen geht kein keine brauche kommt an",
    "fr": "merci taille rembourser remboursement carte colis livraison facture compte annuler renvoyer rappeler "
    "échanger cassé cassée jours après reçue payer commandé quel mauvaise toujours depuis hier aujourd'hui retour "
    "en",
    "es": "talla reembolso devolver devolución tarjeta paquete envío factura cuenta cancelar cambiar roto rota días "
    "después pagar llegado llega quiere cobrado comprado desde ayer hoy ninguna nada la el se",
    "it": "taglia rimborso reso carta pacco spedizione fattura conto annullare cambiare rotto rotta giorni dopo pagare "
    "arrivato arriva avete mi due volte addebitato comprato da ieri oggi niente vi non",
    "nl": "maat terugbetaling terug kaart pakket levering factuur rekening annuleren ruilen kapot dagen na betalen "
    "bezorgd aangekomen twee keer gekocht sinds gisteren vandaag mag wel de die",
    "pt": "tamanho reembolso devolver devolução cartão encomenda entrega fatura conta cancelar trocar partido dias "
    "depois pagar chegou fui cobrado duas vezes comprei desde ontem hoje nada têm na no",
    "pl": "rozmiar zwrot pieniędzy karta kartą paczka dostawa faktura faktury konto anulować wymienić zepsuł zepsuta "
    "dni po zapłacić dotarła kupiłem kupiłam od wczoraj dzisiaj dwa razy nie",
    "sv": "storlek återbetalning tillbaka kort kortet paket paketet leverans faktura konto avboka byta trasig dagar "
    "efter betala kommit köpte sedan igår idag två gånger hela tiden nekas",
    "da": "størrelse tilbagebetaling kortet pakke pakken levering faktura konto annullere bytte gået i stykker dage "
    "efter betale kommet købte siden går dag to gange stadig ikke jeres lager mit noget",
    "no": "størrelse refusjon kortet pakke pakken levering faktura konto avbestille bytte ødelagt dager etter betale "
    "kommet kjøpte siden går dag to ganger fortsatt ikke deres lager mitt noe dere",
    "tr": "iade para kart kartımla paket paketim fatura faturam hesap iptal değiştirmek istiyorum bozuldu gün sonra "
    "ödeme gelmedi geldi aldım dün bugün iki kez bana benim oldu",
    "cs": "velikost vrácení peněz karta kartou balík doručení faktura účet zrušit vyměnit rozbil rozbila dny dnů "
    "zaplatit nemohu nemůžu chci přišel přišla koupil koupila od včera dnes dvakrát mi",
    "ro": "mărime mărimea rambursare bani card cardul colet coletul livrare factura cont anulez schimb stricat zile "
    "după plăti pot vreau ajuns cumpărat ieri azi două ori mi-a",
    "fi": "koko koon palautus rahat kortti kortilla paketti pakettini toimitus lasku tili peruuttaa vaihtaa rikki "
    "päivää jälkeen maksaa saapunut ostin eilen tänään kaksi kertaa minulle",
    "hu": "méret visszatérítés pénz kártya kártyával csomag csomagom szállítás számla fiók lemondani cserélni "
    "kicserélni eltört nap után fizetni tudok kaptam vettem tegnap ma kétszer szeretném nekem",
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
    lists = (_SMALL, _MORE, _SHOP)
    every = {name: {word for known in lists for word in known.get(name, "").split()} for name in _MORE}
    shared = Counter(word for words in every.values() for word in words)
    return {name: {word: 1 / shared[word] ** 0.5 for word in words} for name, words in every.items()}
