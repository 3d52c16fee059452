"""How a brand speaks: formal or not, with or without emoji, exclamation marks, long sentences, greeting, sign-off,
contractions. Looks at what we wrote; what is quoted, and addresses, are left alone.

A rule flags only what it is sure of: a false alarm teaches people to look away. What each does not see is said in
docs/assistance.md.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import msgspec

from parley.core.address import FORMAL, INFORMAL, LANGUAGES, slips_of_address
from parley.core.contractions import contracted

FREE, WARN, REFUSE = "", "warn", "refuse"
RULES = ("address", "emoji", "exclamation", "sentence", "greeting", "sign_off", "contractions")
PER_ANSWER = ("greeting", "sign_off")  # asked of a whole answer, not of its words


class Tone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """rules: what happens where one is broken, `warn` or `refuse`; a rule that is not named is not looked at.

    address: formal or informal, by language. exclamations: how many an answer may have. words: how many a sentence may
    have.
    """

    rules: dict[str, str] = {}
    address: dict[str, str] = {}
    exclamations: int = 0
    words: int = 30

    def looks_at(self, rule: str) -> bool:
        return self.rules.get(rule, FREE) in (WARN, REFUSE)

    @property
    def silent(self) -> bool:
        return not any(map(self.looks_at, RULES))


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rule is broken: from `start` to `end`. mend: what is put there, where that is safe; None where it is not.

    more: what the sentence about it needs beside the words: the form wanted, a count.
    """

    rule: str
    start: int
    end: int
    words: str = ""
    mend: str | None = None
    more: str = ""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What is known around a text. first: it begins our part of the talk. letter: nothing of ours stands under it yet.

    name: whom it greets. closing: the brand's own words at an end. machine: nobody signs it.
    """

    language: str = "en"
    first: bool = False
    letter: bool = False
    name: str = ""
    closing: str = ""
    machine: bool = False


def slips(text: str, tone: Tone, about: About) -> list[Slip]:
    """Every broken rule, in the order of the text."""
    if tone.silent or not text.strip():
        return []
    plain = _without_others(text)
    found = [slip for rule in RULES if tone.looks_at(rule) for slip in _LOOKS[rule](plain, tone, about)]
    return sorted(found, key=lambda slip: (slip.start, slip.end))


def mended(text: str, found: Sequence[Slip]) -> str:
    """The text with everything mended that can be."""
    for slip in sorted(found, key=lambda one: (one.start, one.end), reverse=True):
        if slip.mend is not None:
            text = text[: slip.start] + slip.mend + text[slip.end :]
    return text


def refused(found: Sequence[Slip], tone: Tone) -> list[Slip]:
    """Those for which an answer does not go."""
    return [slip for slip in found if tone.rules.get(slip.rule) == REFUSE]


def told(slip: Slip) -> str:
    """A sentence for whoever wrote it."""
    sentence, values = wording(slip)
    return sentence.format(**values)


def wording(slip: Slip) -> tuple[str, dict[str, str]]:
    """The sentence with its places, and what stands in them."""
    key = "exclamation_some" if slip.rule == "exclamation" and slip.more != "0" else slip.rule
    return SENTENCES[key if key != "address" else slip.more], {"words": slip.words, "more": slip.more}


SENTENCES = {
    FORMAL: "“{words}” is too familiar: we address people formally.",
    INFORMAL: "“{words}” is too formal: we address people informally.",
    "emoji": "We write without emoji: “{words}”.",
    "exclamation": "We write without exclamation marks.",
    "exclamation_some": "We write no more than {more} exclamation marks.",
    "sentence": "This sentence has {more} words: “{words} …”.",
    "greeting": "The answer has no greeting.",
    "sign_off": "The answer has no sign-off.",
    "contractions": "We write words out: “{words}”.",
}

# ── what is not ours to judge ───────────────────────────────────────────────────────────────

# Addresses, quoted words, lines that quote, code: blanked, so that every place in the text stays where it was.
_APART = re.compile(
    r"https?://\S+|\S+@\S+\.\w+|`[^`\n]*`|^>.*$|“[^”\n]{0,400}”|„[^“”\n]{0,400}[“”]|«[^»\n]{0,400}»|»[^«\n]{0,400}«"
    r"|(?<!\w)\"[^\"\n]{0,400}\"(?!\w)|(?<!\w)‘[^’\n]{0,200}’(?!\w)",
    re.MULTILINE,
)


def _without_others(text: str) -> str:
    return _APART.sub(lambda found: "\x00" * len(found[0]), text)


# ── the rules ───────────────────────────────────────────────────────────────────────────────


def _address(text: str, tone: Tone, about: About) -> Iterator[Slip]:
    wanted = tone.address.get(about.language, "")
    if wanted in (FORMAL, INFORMAL) and about.language in LANGUAGES:
        for start, end in slips_of_address(text, about.language, wanted):
            yield Slip(rule="address", start=start, end=end, words=text[start:end], more=wanted)


# Pictures, not letters, digits, arrows or signs of trade; with what joins them and their colours.
_PICTURE = (
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2600-\u2604\u2614\u2615\u2618"
    "\u263a\u2639\u2648-\u2653\u267f\u2693\u26a1\u26bd\u26be\u26c4\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26f7-\u26fa\u26fd"
    "\u2705\u270a-\u270d\u2728\u274c\u274e\u2753-\u2755\u2763\u2764\u2795-\u2797\u2b50\u2b55]"
)
_EMOJI = re.compile(
    rf"[ \t]?{_PICTURE}(?:\ufe0f|\u200d{_PICTURE}|{_PICTURE}|[\U0001f3fb-\U0001f3ff])*\ufe0f?"
    r"|(?:(?<=\s)|^)[:;][-o^']?[)(DP/](?=$|[\s.,!?])|(?<=\s)<3(?=$|[\s.,!?])",
    re.MULTILINE,
)


def _emoji(text: str, tone: Tone, about: About) -> Iterator[Slip]:
    """Also those of letters, `:-)`. Taken away with the space before them."""
    for found in _EMOJI.finditer(text):
        start = found.start()
        before = text[start - 1 : start] if not found[0][0].isspace() else ""
        start -= before in (" ", "\t") and start > 0
        yield Slip(rule="emoji", start=start, end=found.end(), words=found[0].strip(), mend="")


_SIGNS = re.compile(r"[!¡?]+")


def _exclamation(text: str, tone: Tone, about: About) -> Iterator[Slip]:
    """Past what the brand allows. A greeting's own becomes a comma; behind a question only the mark goes."""
    count = 0
    for found in _SIGNS.finditer(text):
        if "!" not in found[0] and "¡" not in found[0]:
            continue
        if text[found.end() : found.end() + 1] == "=" or _is_a_name(text, found.start(), found.end()):
            continue  # `!=`; a name such as Yahoo! is somebody's own
        if found[0] == "¡":
            if tone.exclamations == 0:
                yield Slip(rule="exclamation", start=found.start(), end=found.end(), words="¡", mend="", more="0")
            continue
        count += 1
        if count <= tone.exclamations and found[0].count("!") == 1:
            continue
        allowed = count <= tone.exclamations
        mend = "!" if allowed else "?" if "?" in found[0] else _instead(text, found.start(), found.end(), about)
        yield Slip(
            rule="exclamation", start=found.start(), end=found.end(), words=found[0], mend=mend,
            more=str(tone.exclamations),
        )  # fmt: skip


def _is_a_name(text: str, start: int, end: int) -> bool:
    """An exclamation mark inside a sentence, behind a name: the next word goes on in small letters."""
    word = re.search(r"[\w-]+$", text[:start])
    return bool(word and word[0][0].isupper() and re.match(r" [a-zà-ÿ]", text[end : end + 2]) and start > len(word[0]))


def _instead(text: str, start: int, end: int, about: About) -> str:
    line = text[text.rfind("\n", 0, start) + 1 : start]
    greets = not text[: start - len(line)].strip() and _greets(line, about.language)
    return "," if greets and (end == len(text) or text[end : end + 1] == "\n") else "."


_ENDS = re.compile(r"[.!?…;]+[)\"”»]*(?=\s|$)|\n+")
_WORD = re.compile(r"\w+(?:[’'.,-]\w+)*")


def _sentence(text: str, tone: Tone, about: About) -> Iterator[Slip]:
    """Sentences also end with a line and at a semicolon; what has more words than that is long by any count."""
    start = 0
    for end in (*(found.end() for found in _ENDS.finditer(text)), len(text)):
        words = _WORD.findall(text[start:end].replace("\x00", " "))
        if len(words) > tone.words:
            begin = start + len(text[start:end]) - len(text[start:end].lstrip())
            opening = " ".join(words[:4])
            yield Slip(rule="sentence", start=begin, end=end, words=opening, more=str(len(words)))
        start = end


_GREETINGS = {
    "en": "hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|welcome",
    "de": "hallo|hi|hey|guten (?:tag|morgen|abend)|liebe[rs]?(?= (?-i:[A-ZÄÖÜ]))"
    "|sehr geehrte[rs]?|moin|servus|gr(?:ü|ue)(?:ß|ss)|grüezi",
    "fr": "bonjour|bonsoir|ch(?:er|ère)s?|salut|madame|monsieur|coucou|bienvenue",
    "es": "hola|buen(?:os|as)? (?:d[ií]as?|tardes|noches)|buenas(?=\\s*[,!.:]|$)"
    "|estimad[oa]s?|apreciad[oa]|querid[oa]|bienvenid[oa]",
    "it": "buongiorno|buonasera|buon (?:giorno|pomeriggio)|salve|ciao|gentil[ei]|car[oaie]|egregi[oa]|benvenut[oa]",
    "nl": "hallo|hoi|hi|hey|beste|geachte|lieve|goede(?:n|morgen|middag|avond)\\w*|goeie\\w*|dag|welkom",
    "pt": "olá|ola|oi|bom dia|boa (?:tarde|noite)|car[oa]s?|prezad[oa]s?|estimad[oa]s?|querid[oa]|bem-vind[oa]",
    "pl": "dzień dobry|dobry wieczór|cześć|hej|witam\\w*|witaj|szanown[yaie]\\w*|drog[iae]",
    "sv": "hej|hejsan|hallå|god (?:morgon|dag|kväll|middag)|bästa|kära|tjena|välkommen",
    "da": "hej|hejsa|goddag|godmorgen|godaften|god (?:dag|morgen|aften)|kære|hallo|velkommen",
}  # fmt: skip
_HELLO = {
    "en": "Hello", "de": "Guten Tag", "fr": "Bonjour", "es": "Hola", "it": "Buongiorno", "nl": "Hallo", "pt": "Olá",
    "pl": "Dzień dobry", "sv": "Hej", "da": "Hej",
}  # fmt: skip


def _greeting(text: str, tone: Tone, about: About) -> Iterator[Slip]:
    """Asked of the first answer alone. A short first line that ends in a comma greets as well: “Kim,”."""
    if not about.first or about.machine:
        return
    first = text.strip().partition("\n")[0]
    if _greets(first, about.language) or re.fullmatch(r"\w+(?: \w+){0,3}[,!]", first.strip()):
        return
    hello = _HELLO.get(about.language, _HELLO["en"])
    name = f" {about.name}" if about.name else ""
    yield Slip(rule="greeting", start=0, end=0, mend=f"{hello}{name},\n\n")


def _greets(line: str, language: str) -> bool:
    """In the language of the talk, or in English's small words, which many borrow."""
    return any(_greeting_of(one).match(line.strip().lstrip("¡")) for one in dict.fromkeys((language, "en")))


@cache
def _greeting_of(language: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{_GREETINGS.get(language, _GREETINGS['en'])})(?![\w-])", re.IGNORECASE)


_CLOSINGS = {
    "en": "regards|best|best wishes|wishes|sincerely|yours|cheers|thanks|thank you|take care|all the best|see you"
    "|warmly|have a \\w+ (?:day|evening|weekend|week|time)|love",
    "de": "gr(?:ü|ue)(?:ß|ss)en?|gruss|gruß|gr(?:ü|ue)(?:ß|ss)e|ihre?|eure?r?|alles gute|bis bald|bis dann|danke"
    "|schönen (?:tag|abend|feierabend|urlaub|sonntag|samstag)|schönes wochenende|schöne (?:woche|zeit|feiertage)"
    "|tschüss|servus|lg|vg|mfg|hochachtungsvoll",
    "fr": "cordialement|salutations|à bientôt|merci|bien à vous|bien à toi|bonne (?:journée|soirée|continuation)"
    "|amicalement|sincèrement|respectueusement|bon week-end|belle journée",
    "es": "saludos?|atentamente|un abrazo|gracias|cordialmente|hasta (?:pronto|luego)|que (?:tenga|tengas)|buen día",
    "it": "saluti|saluto|cordialmente|distinti|grazie|a presto|buona (?:giornata|serata)|buon lavoro|un abbraccio",
    "nl": "groet|groeten|groetjes|hoogachtend|bedankt|dank|tot (?:ziens|gauw|snel)|fijne \\w+|mvg",
    "pt": "cumprimentos|atenciosamente|abraços?|obrigad[oa]|até (?:breve|logo)|cordialmente|saudações|bom dia",
    "pl": "pozdrawiam\\w*|pozdrowieni\\w+|z poważaniem|dziękuj\\w+|miłego \\w+|do (?:zobaczenia|usłyszenia)|serdecznie",
    "sv": "hälsningar|hälsning|vänligen|mvh|tack|ha (?:en|det)|kram|vi hörs",
    "da": "hilsen|hilsner|mvh|tak|ha(?:v)? (?:en|det)|kærlig|vi ses|de bedste",
}  # fmt: skip


_GOODBYE = {
    "en": ("Best wishes", "Kind regards"), "de": ("Viele Grüße", "Mit freundlichen Grüßen"),
    "fr": ("Bien à toi", "Cordialement"), "es": ("Un saludo", "Atentamente"), "it": ("A presto", "Cordiali saluti"),
    "nl": ("Groeten", "Met vriendelijke groet"), "pt": ("Um abraço", "Atenciosamente"),
    "pl": ("Pozdrawiam", "Z poważaniem"), "sv": ("Hälsningar", "Vänliga hälsningar"),
    "da": ("Hilsen", "Venlig hilsen"),
}  # fmt: skip


def goodbye(language: str, formal: bool, name: str) -> str:
    """Words for the end of a letter, with the writer's name under them."""
    return f"{_GOODBYE.get(language, _GOODBYE['en'])[formal]}\n{name}".strip()


def _sign_off(text: str, tone: Tone, about: About) -> Iterator[Slip]:
    """Asked of letters under which the desk puts none. Looked for in the last three lines, of which the last may be a
    name."""
    if not about.letter or about.machine:
        return
    last = " \n ".join([line for line in text.splitlines() if line.strip()][-3:])
    if any(_closing_of(one).search(last) for one in dict.fromkeys((about.language, "en"))):
        return
    end = len(text.rstrip())
    mend = f"\n\n{about.closing}" if about.closing else None
    yield Slip(rule="sign_off", start=end, end=len(text), mend=mend)


@cache
def _closing_of(language: str) -> re.Pattern[str]:
    words = _CLOSINGS.get(language, _CLOSINGS["en"])
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def _contractions(text: str, tone: Tone, about: About) -> Iterator[Slip]:
    """English alone has them as a matter of tone."""
    if about.language == "en":
        for start, end, mend in contracted(text):
            yield Slip(rule="contractions", start=start, end=end, words=text[start:end], mend=mend)


_LOOKS: Mapping[str, Callable[[str, Tone, About], Iterator[Slip]]] = {
    "address": _address,
    "emoji": _emoji,
    "exclamation": _exclamation,
    "sentence": _sentence,
    "greeting": _greeting,
    "sign_off": _sign_off,
    "contractions": _contractions,
}
