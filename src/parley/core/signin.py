"""Codes and links with which somebody signs in somewhere, hidden where they come as messages.

Whoever gets another service to write to a support address may have that service believe that the address is theirs;
what it mails is not for everybody who reads there (the "ticket trick", intigriti 2017).
"""

import re

import msgspec

HIDDEN = "••••••"
LOOKED_AT = 4_000  # characters; such mails are short
# Looked for as they stand, which is quicker than a pattern: every mail is asked.
_SPEAKS_OF_IT = (
    "verif", "one-time", "one time", "passcode", "pass code", "security code", "sign in", "sign-in", "signing in",
    "log in", "log-in", "login", "logging in", "magic link", "2fa", "otp", "confirm your e", "confirm e", "two-factor",
    "two factor", "reset your password", "password reset", "access code", "authentication code", "bestätigungscode",
    "sicherheitscode", "einmalcode", "einmalpasswort", "einmalkennwort", "anmeld", "zugangscode", "passwort zurück",
    "code de vérification", "code de sécurité", "connexion", "réinitialis", "código de ", "sesión", "restablec",
    "redefini", "codice di ", "accedi", "accesso", "inlogcode", "inloggen", "kod weryfikacyjny", "engångskod",
)  # fmt: skip
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


class Secrets(msgspec.Struct, frozen=True):
    """What was found: codes and links, in the order of the text."""

    codes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.codes or self.links)


NONE = Secrets()


def secrets_in(subject: str, text: str) -> Secrets:
    """Codes and links of a message that speaks of signing in. Numbers of any other message are no secrets."""
    whole = f"{subject}\n{text[:LOOKED_AT]}"
    low = whole.lower()
    if not any(words in low for words in _SPEAKS_OF_IT):
        return NONE
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
