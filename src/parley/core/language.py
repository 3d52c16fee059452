"""Which language a text is in, as far as its smallest words tell: for asking back in the same one."""

import re
from collections import Counter
from functools import cache, lru_cache

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
    """Of the languages that letters and surveys are written in, the one that a text is in; else the default."""
    found = told(text)
    return found if found in LANGUAGES else default


# ── for sorting what comes in ───────────────────────────────────────────────────────────────

_MORE = {
    "en": "hello hi hey thanks thank please order want need still don't can't i'm it's get got they been would "
    "like help could why how much any about today just but as of",
    "de": "hallo guten tag bestellung danke vielen dank möchte würde hatte wurde sehr auch oder nur schon wird "
    "zu zum zur im am bei nach als immer warum was uns euch mir mich dass wenn liebe grüße",
    "es": "hola buenos días tengo quiero pedido necesito está puedo cuánto ha sido todavía aún hace gracias "
    "saludos me lo al este esta cuenta",
    "fr": "bonjour merci commande j'ai je voudrais mes une c'est suis au aux sur dans vos cette ce été pouvez "
    "comment pourquoi toujours svp reçu n'ai d'un",
    "it": "ciao buongiorno grazie ordine vorrei ancora posso perché è stato ho ricevuto mia nel alla dei degli ma sul",
    "nl": "hallo goedemorgen bedankt bestelling graag wil kunt kan ik u jullie nog al naar bij zijn mij ben "
    "geen wordt waarom",
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

_SHOP = {
    "en": "to on in at be me so if or an its not new size wrong broken exchange return refund card charged paid "
    "parcel package delivery received arrived account password cancel send sent two days after",
    "de": "bitte rückruf größe falsch kaputt umtausch zurück karte paket lieferung angekommen rechnung konto "
    "passwort stornieren geld erstattung jacke schuhe seit wochen gestern heute morgen geht kein keine "
    "brauche kommt an",
    "fr": "merci taille rembourser remboursement carte colis livraison facture compte annuler renvoyer rappeler "
    "échanger cassé cassée jours après reçue payer commandé quel mauvaise toujours depuis hier "
    "aujourd'hui retour en",
    "es": "talla reembolso devolver devolución tarjeta paquete envío factura cuenta cancelar cambiar roto rota "
    "días después pagar llegado llega quiere cobrado comprado desde ayer hoy ninguna nada la el se",
    "it": "taglia rimborso reso carta pacco spedizione fattura conto annullare cambiare rotto rotta giorni dopo "
    "pagare arrivato arriva avete mi due volte addebitato comprato da ieri oggi niente vi non",
    "nl": "maat terugbetaling terug kaart pakket levering factuur rekening annuleren ruilen kapot dagen na "
    "betalen bezorgd aangekomen twee keer gekocht sinds gisteren vandaag mag wel de die",
    "pt": "tamanho reembolso devolver devolução cartão encomenda entrega fatura conta cancelar trocar partido "
    "dias depois pagar chegou fui cobrado duas vezes comprei desde ontem hoje nada têm na no",
    "pl": "rozmiar zwrot pieniędzy karta kartą paczka dostawa faktura faktury konto anulować wymienić zepsuł "
    "zepsuta dni po zapłacić dotarła kupiłem kupiłam od wczoraj dzisiaj dwa razy nie",
    "sv": "storlek återbetalning tillbaka kort kortet paket paketet leverans faktura konto avboka byta trasig "
    "dagar efter betala kommit köpte sedan igår idag två gånger hela tiden nekas",
    "da": "størrelse tilbagebetaling kortet pakke pakken levering faktura konto annullere bytte gået i stykker "
    "dage efter betale kommet købte siden går dag to gange stadig ikke jeres lager mit noget",
    "no": "størrelse refusjon kortet pakke pakken levering faktura konto avbestille bytte ødelagt dager etter "
    "betale kommet kjøpte siden går dag to ganger fortsatt ikke deres lager mitt noe dere",
    "tr": "iade para kart kartımla paket paketim fatura faturam hesap iptal değiştirmek istiyorum bozuldu gün "
    "sonra ödeme gelmedi geldi aldım dün bugün iki kez bana benim oldu",
    "cs": "velikost vrácení peněz karta kartou balík doručení faktura účet zrušit vyměnit rozbil rozbila dny "
    "dnů zaplatit nemohu nemůžu chci přišel přišla koupil koupila od včera dnes dvakrát mi",
    "ro": "mărime mărimea rambursare bani card cardul colet coletul livrare factura cont anulez schimb stricat "
    "zile după plăti pot vreau ajuns cumpărat ieri azi două ori mi-a",
    "fi": "koko koon palautus rahat kortti kortilla paketti pakettini toimitus lasku tili peruuttaa vaihtaa "
    "rikki päivää jälkeen maksaa saapunut ostin eilen tänään kaksi kertaa minulle",
    "hu": "méret visszatérítés pénz kártya kártyával csomag csomagom szállítás számla fiók lemondani cserélni "
    "kicserélni eltört nap után fizetni tudok kaptam vettem tegnap ma kétszer szeretném nekem",
}

_COMMON = {
    "en": "about all also am any anybody anything are because been before being between big both but came come "
    "could did do does each else even every few first give go going gone good had has he her here him his "
    "i'd i'll i've into keep know last let like long look made make many may might more most much must "
    "nobody nothing now off only open other our out over own said same see she should since some someone "
    "still such take tell than that's their them then there these they thing think those through too try "
    "under until up us use very want wasn't we we're well went were what which while who whole why won't "
    "work yes yet you're",
    "de": "aber alle allem alles als also am anderen auch auf aus beim bin bis bisher bleibt da dafür dann darf "
    "das dass davon dazu dem denn des dies diese diesem diesen dieser doch dort durch einem einen einer "
    "eines einige endlich er erst es etwas euch euer für ganz gar gegen gibt gut habe haben hat hatte "
    "hätte hier hinter ihm ihn ihnen ihr ihre ihren in ins ja jede jemand jetzt kam kann keine keinen "
    "komme kommen konnte können lange liegt mache macht man mehr mein meinem meinen meiner muss müssen "
    "neu nichts niemand nun nur ob oder ohne sein seine seit selbst sich sie sind so soll sollte über um "
    "und unser vom vor während warum was weil weiter welche wer werden wieder will wird wo wurde zu zum "
    "zwei",
    "es": "a al algo alguien ante antes aquí así aunque cada casi como cual cuando de del desde donde dos e él "
    "ella ellos en entre era esa ese eso esta están este esto estoy fue ha hace hacer han hasta hay he la "
    "las le les lo más me mientras misma mucho muy nadie ni nos nosotros nuestra otra otro para pero poco "
    "porque puede qué quien sea según ser si sido sin sobre solo son su sus también tan te tengo tiene "
    "todo tu un unos usted va ver vez ya",
    "fr": "ai alors après as au aucun aussi autre avais avait avant avez avoir avons beaucoup bien car cela ces "
    "cet chez comme d'une dans de depuis deux dois donc elle elles en encore es est-ce et être eu faire "
    "fait faut fois il ils j'aimerais jamais je l'ai la là le les leur lui m'a mais me même mes moi n'a "
    "n'est ne ni nos notre on ont ou par parce pas pendant personne peu peut plus pourquoi puis qu'est-ce "
    "quand que quelle quelqu'un qui rien s'il sa sans se ses si soit son sont sous tous tout très trop un "
    "va vers veuillez vos vraiment y",
    "it": "a abbiamo al alcuni alla allora altra anche aveva bene c'è che chi ci come con così cosa da dal "
    "dalla davvero dei del della delle deve di dopo dov'è due e ed era essere fa fare fatto fino fra già "
    "gli ha hanno hai il in io l'ho la le lei lo loro ma mai mi mie mio molto nel nella nessuno niente "
    "noi non nostra o ogni oppure per perché però più poi prima può qualcosa quale quando quanto quello "
    "questa questo qui sarà se sei sempre senza si sia solo sono sta stata su sua sul tra tre tutto un "
    "una uno va vi vuole",
    "nl": "aan al alle alleen als ander andere been ben bij daar dan dat deze die dit doen doet door dus een er "
    "gaan gaat geen goed haar had heb hebben heel heeft hem hen het hier hij hoe hun iemand iets ik in is "
    "ja je kan kom komt krijgen kunnen maar maken me meer men met mij moet na naar neemt niemand niet "
    "niets nog nu of om omdat ons onze ook op over toch toen tot u uit van veel voor waar wanneer want "
    "waren was wat we weer wel welke werd wie wil worden wordt zal ze zelf zich zij zijn zo zonder zou",
    "pt": "à ao aos aqui até cada com como da das de dela dele depois desde dia do dos e ela ele eles em entre "
    "era essa esse esta estava este estou eu existe faz foi fui gostaria há isso isto já lá lhe lhes mais "
    "mas me mesmo meus minhas muito na nas nem ninguém no nos nós nossa nunca o os ou outra para pela "
    "pelo pode por porque quais quando quanto quem se sem sempre ser seu sim só sou sua também te tem "
    "tenho ter teu tinha tudo um uma vai vez você",
    "pl": "a aby albo ani bardzo bez bo być był była było były by chcę co czego dla dlaczego dlatego do dwa go "
    "gdy i ich im ja jako je jego jej jestem jeśli jeszcze już kto która które który lub ma mają mi mnie "
    "moich moim może można mu my na nad nam nas nie niego nich nikt nim niż no o od on ona one oraz po "
    "pod przed przez przy są sobie swoje ta tak także tam te tego tej ten też to tu tylko tym u w was "
    "więc wszystko z za ze że żeby",
    "sv": "alla allt att av blev bli blir de dem den denna deras dess det detta dig din du där efter ej eller "
    "en er ett från för får fick gör går ha hade han hans har henne hon hur här i icke ingen inget inom "
    "inte ja jag kan kom kunde man med mellan men mera mig min mitt mot mycket ni någon något nu när och "
    "om oss på sedan sig sin själv ska skulle som så till under upp ut utan vad var vara varför vi vid "
    "vilken än är åt över",
    "da": "af alle alt at bare blev blive bliver da de dem den denne der deres det dette dig din dog du efter "
    "eller en end er et for fra få får gik gør går ham han hans har havde hende her hun hvad hvem hver "
    "hvilken hvis hvor hvorfor i ikke ind ingen intet jeg jer jo kan kom kunne man mange med meget men "
    "mig min mit mod ned noget nogen nu når og også om op os over på selv sig sin skal skulle som så til "
    "ud under var ved vi vil ville være",
    "no": "alle at av bare ble bli blir da de deg dem den denne der deres det dette din du eller en enn er et "
    "etter fikk for fordi fra få får gjorde gjør ha hadde han hans har her hun hva hvem hver hvilken hvis "
    "hvor hvorfor i ikke ingen inn jeg kan kom kunne man mange med meg meget mellom men min mitt mot mye "
    "ned noe noen nå når og også om opp oss over på seg selv si siden sin skal skulle som så til under ut "
    "uten var ved vi vil ville være vært",
    "tr": "ama ancak artık aynı bana bazı ben beni bir biri biz bize bu buna bunu burada çok çünkü da daha de "
    "değil diye dolayı en etmek gibi göre hangi hem hep her hiç hiçbir için ile ise ister istiyorum işte "
    "kadar ki kim kimse mı mi mu mü nasıl ne neden nerede o olan olarak oldu olduğu olmak on ona onlar "
    "onu önce sana sen siz sizin son sonra şey şimdi şu tüm üzere var ve veya ya yani yapmak yok zaman",
    "cs": "a aby ale ani asi až bez bude budete byl byla bylo být co což do ho i já jak jako je jeho jej její "
    "jen jenom ještě ji jsem jsme jsou jste k kam kde kdo když která které který ku ma mají máte mě mi "
    "mnou moc může my na nad nám nás ne nebo není než nic nikdo o od on ona oni po pod podle pokud potom "
    "pro proč proto před při s se si své ta tak také tam te tedy ten to tohle toho tomu tu ty u už v vám "
    "vás ve více však za ze že",
    "ro": "a acest această acesta aici al ale am ar are aș așa au avea ca care ce cel cine când cât către cu "
    "cum da dacă dar de deci din după ea ei el ele era este eu face fără fi fost i iar îmi în între își "
    "la le lor lui mai mă mea mele mult ne nici nimeni nimic noi nostru nu o ori pe pentru poate prea "
    "prin sa sau să se și sunt tot un una unde unei vă vor vreau",
    "fi": "ei eivät en enää entä et että hän he hyvin ihan ilman itse ja jo joka jos joten juuri kaikki kanssa "
    "kauan kerran koska koskaan kuin kuinka kukaan kun kuten luo me mikä miksi missä mitä miten muita "
    "mukaan mutta myös nämä ne niin nyt oli olin olisi olen olemme olla olleet on onko ole ovat saa saada "
    "se sen siellä siis siitä sitten tai tämä tässä te teidän tuo vai vain vaikka vastaa voi voisiko "
    "voitte",
    "hu": "a abban ahol aki akkor alatt által amely ami amíg amikor át az azért azt azok be bár benne csak de e "
    "egy egyik el ellen előtt én erre és ez ezek ezt fel ha hanem hogy hogyan hol így igen ilyen is itt "
    "ki kell kellene képest kérem lehet lesz maga már meg még mely mert mi mikor mint minden miért most "
    "nagyon ne nekem nem néha nincs nélkül ő össze rá sem semmi senki sok számomra szerint tehát több túl "
    "utolsó után vagy vagyok van vannak vele vissza volna volt",
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
_LETTERED = {c: [name for name, letters in _LETTERS.items() if c in letters] for c in "".join(_LETTERS.values())}


TWINS = {"da", "no"}


def told(text: str) -> str:
    """The language a message is in, or "" where it does not tell. Also scripts of their own."""
    return _told(text[:2000])


@lru_cache(500)  # several ask about the same message one after another
def _told(said: str) -> str:
    if found := _by_script(said):
        return found
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", said.lower())
    if len(words) < 2:
        return ""
    points = _points(words)
    first, second, third = sorted(points, key=lambda name: -points[name])[:3]
    if {first, second} == TWINS:  # a short text may be either; somebody who reads one reads the other
        second = third
    ahead = points[first] - points[second]
    alone = points[first] >= 1 and points[second] <= 0.3
    return first if alone or (points[first] >= 1.5 and ahead >= min(1.0, 0.2 * points[first])) else ""


def _by_script(said: str) -> str:
    if said.isascii():
        return ""
    letters = sum(c.isalpha() for c in said)
    for name, script in _SCRIPTS:
        count = len(re.findall(f"[{script}]", said))
        if count >= 2 and count > (0.1 if name == "ja" else 0.4) * letters:
            return "uk" if name == "ru" and _UKRAINIAN.search(said) else name
    return ""


def _points(words: list[str]) -> dict[str, float]:
    """How much speaks for each language: a small word by how few share it, one with a telling letter a half."""
    points, small = dict.fromkeys(_MORE, 0.0), _small()
    for word, times in Counter(words).items():
        weighs = small.get(word, _NOTHING)
        if not word.isascii():
            lettered = dict.fromkeys((name for c in set(word) for name in _LETTERED.get(c, ())), 0.5)
            weighs = {name: max(weighs.get(name, 0.0), lettered.get(name, 0.0)) for name in weighs.keys() | lettered}
        for name, weight in weighs.items():
            points[name] += times * weight
    return points


_NOTHING: dict[str, float] = {}


@cache
def _small() -> dict[str, dict[str, float]]:
    """Word → the languages in which it is a small one; one that several share says as much less."""
    lists, found = (_SMALL, _MORE, _SHOP, _COMMON), dict[str, set[str]]()
    for name in _MORE:
        for word in {word for known in lists for word in known.get(name, "").split()}:
            found.setdefault(word, set()).add(name)
    return {word: dict.fromkeys(names, 1 / len(names) ** 0.5) for word, names in found.items()}
