"""Codes and links with which somebody signs in somewhere, hidden where they come as messages.

Whoever gets another service to write to a support address may have that service believe that the address is theirs;
what it mails is not for everybody who reads there (the "ticket trick", intigriti 2017).
"""

import re

import msgspec

HIDDEN = "••••••"
LOOKED_AT = 20_000  # characters; such mails are short
_SUBJECT = (
    r"verif\w+|one[- ]time|pass ?code|security code|sign(?:ing)?[- ]?in|log(?:ging)?[- ]?in|magic link|2fa|otp|"
    r"confirm(?: your)? e-?mail|reset your password|password reset|two[- ]factor|access code|authentication code|"
    r"bestätigungscode|sicherheitscode|einmal(?:code|passwort|kennwort)|anmelde\w+|anmeldung|zugangscode|"
    r"passwort zurück\w*|code de (?:vérification|sécurité|connexion)|connexion|réinitialis\w+|"
    r"código de (?:verificación|seguridad|acceso|verificação|segurança)|inici\w+ sesión|restablec\w+|redefini\w+|"
    r"codice di (?:verifica|accesso|sicurezza)|accedi|accesso|verificatiecode|inlogcode|inloggen|kod weryfikacyjny|"
    r"engångskod"
)
_SPEAKS_OF_IT = re.compile(rf"\b(?:{_SUBJECT})\b", re.I)
_NAME = r"\w*(?:code|pin|otp|password|kennwort|passwort|código|codice|kod|token)\w*"
_IS = r"(?:\bis\b|\bist\b|\best\b|\bes\b|\bé\b|\bè\b|\bär\b|\blautet\b|[:=])"
# Upper case letters or digits, of which one is a digit; or two groups of digits.
_CODE = r"(?P<code>\d{2,4}[- ]\d{2,4}|[A-Z0-9]{2,5}-[A-Z0-9]{2,5}|(?=[A-Z]*\d)[A-Z0-9]{4,10})(?![\w-])"
_TOLD = (
    re.compile(rf"(?i:\b{_NAME}\b[^\n.:]{{0,40}}?{_IS})\s*{_CODE}"),
    re.compile(rf"(?<![\w-]){_CODE}(?i:\s+(?:is|ist|est|es|é|è|är|to|jest)\b[^\n]{{0,60}}\b{_NAME})"),
    re.compile(rf"^[ \t>*]*{_CODE}[ \t*]*$", re.M),
    re.compile(
        rf"(?i:\b(?:enter|use|type|eingeben|utilisez|saisissez|usa|utiliza|introduce|inserisci)\b[^\n]{{0,40}}?\s){_CODE}"
    ),
)
_LINK = re.compile(r"https?://[^\s<>\"')\]]+", re.I)
_TOKEN = re.compile(r"[?&=/#][\w.~%-]{20,}|[?&](?:token|code|key|otp|t|k)=[\w.~%-]{6,}", re.I)
# What one of the words above holds: quicker to look for, and most mails have none.
_STEMS = (
    "code", "pass", "kod", "codi", "código", "otp", "2fa", "sign", "log", "anmeld", "connex", "acce", "magic", "veri",
    "confirm",
)  # fmt: skip


class Secrets(msgspec.Struct, frozen=True):
    """What was found: codes and links, in the order of the text."""

    codes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.codes or self.links)


def secrets_in(subject: str, text: str) -> Secrets:
    """Codes and links of a message that speaks of signing in. Numbers of any other message are no secrets."""
    whole = f"{subject}\n{text[:LOOKED_AT]}"
    low = whole.lower()
    if not any(stem in low for stem in _STEMS) or not _SPEAKS_OF_IT.search(whole):
        return Secrets()
    found = sorted((m for form in _TOLD for m in form.finditer(whole)), key=lambda m: m.start("code"))
    codes = dict.fromkeys(m["code"] for m in found if any(letter.isdigit() for letter in m["code"]))
    links = dict.fromkeys(m[0].rstrip(".,;") for m in _LINK.finditer(whole) if _TOKEN.search(m[0]))
    return Secrets(tuple(codes), tuple(links))


def hidden(text: str, secrets: Secrets) -> str:
    """The text without them; a link keeps its host."""
    for link in sorted(secrets.links, key=len, reverse=True):
        for written in (link, link.replace("&", "&amp;")):
            text = text.replace(written, f"{'/'.join(link.split('/')[:3])}/{HIDDEN}")
    for code in secrets.codes:
        text = re.sub(rf"(?<!\w){re.escape(code)}(?!\w)", HIDDEN, text)
    return text
