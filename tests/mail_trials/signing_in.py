"""S3: mails with which somebody signs in elsewhere, sent to the support address in the hope that it shows them."""

import random
import string
import tempfile
from contextlib import ExitStack, closing
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from harness.desk import StoryDesk
from harness.smtp_sink import smtp_sink
from parley.core import events as e
from parley.core.signin import HIDDEN
from parley.log.record import words_of
from parley.services import search, setup
from parley.services.inbox import SYSTEM

LONG = "https://login.example.com/magic?token=eyJhbGciOiJIUzI1NiJ9.e30.abcdefghijkl"
MAILS = [
    ("Your verification code", "Your verification code is 482913. It is valid for 10 minutes.", "482913"),
    ("482 913 is your sign-in code", "Hi,\n\n482 913 is your sign-in code.", "482 913"),
    ("Confirm your email", "Enter this code to confirm your email:\n\n   7Q4K2M\n\nThanks", "7Q4K2M"),
    ("Log in to Hooli", "Use GK3-9QP to log in. If this was not you, ignore it.", "GK3-9QP"),
    ("Security code", "Security code: 0042", "0042"),
    ("Your one-time passcode", "Your one-time passcode is: 93847562", "93847562"),
    ("Two-factor authentication", "Type 551 902 where you sign in.", "551 902"),
    ("Reset your password", f"Click here to reset your password: {LONG}", "eyJhbGciOiJIUzI1NiJ9"),
    ("Your magic link", f"Sign in with this link:\n{LONG}\nIt expires soon.", "eyJhbGciOiJIUzI1NiJ9"),
    ("You were invited", "Log in at https://chat.example/join?code=Ab12Cd34Ef to join.", "Ab12Cd34Ef"),
    ("Ihr Bestätigungscode", "Ihr Bestätigungscode lautet 662904.", "662904"),
    ("Anmeldung bei Kiosk", "Ihr Code für die Anmeldung ist 118822.", "118822"),
    ("Einmalpasswort", "Ihr Einmalpasswort: 70 41 zur Anmeldung\n\n7041", "7041"),
    ("Votre code de vérification", "Votre code de vérification est 385017.", "385017"),
    ("Connexion à votre compte", "Saisissez 209944 pour vous connecter. Connexion demandée à l'instant.", "209944"),
    ("Tu código de verificación", "Tu código de verificación es 640218.", "640218"),
    ("Código de acesso", "Seu código de verificação é 775310.", "775310"),
    ("Codice di verifica", "Il tuo codice di verifica è 903312.", "903312"),
    ("Je verificatiecode", "Je verificatiecode is 551200.", "551200"),
    ("Kod weryfikacyjny", "Kod weryfikacyjny: 447712", "447712"),
    ("Din engångskod", "Din engångskod är 828100.", "828100"),
]


def trial(count: int, seed: int) -> dict[str, Any]:
    """score 1: no code or token is in what is kept of the words, in the search or in a mail of ours; all are marked.

    The bot is on: it must not quote them either. Each mail has a secret of its own, of its template's shape.
    """
    chance = random.Random(seed)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-trial-"))
        sink = stack.enter_context(smtp_sink())
        desk = stack.enter_context(closing(StoryDesk(Path(folder), with_bot=True)))
        settings = {"smtp_host": sink.host, "smtp_port": sink.port, "smtp_security": "none"}
        desk.change(lambda tx: setup.change_inbox(tx, desk.mail_inbox, settings=settings))
        desk.desk.setup_changed()
        secrets = []
        for number in range(count):
            subject, text, secret = (part for part in MAILS[number % len(MAILS)])
            fresh = another(secret, chance)
            secrets.append(fresh)
            raw = _mail(number, subject.replace(secret, fresh), text.replace(secret, fresh))
            desk.desk.intake.take(desk.mail_inbox, f"code {number}", raw).result(60)
        desk.settle()
        said = desk.events(e.MessageReceived)
        kept = [_kept(desk, r) for r in said]
        found = sum(desk.record.ask(_found, secret) for secret in secrets)
        quoted = sum(secret.encode() in mail.raw for mail in sink.mails for secret in secrets)
    shown = sum(any(secret in words for secret in secrets) for words in kept)
    marked = sum(HIDDEN in words for words in kept)
    return {
        "trial": "S3", "score": float(shown == found == quoted == 0 and marked == len(said) == count), "mails": count,
        "kept": len(said), "with their code in the words": shown, "found by searching for it": found,
        "mails of ours that quote one": quoted, "marked as hidden": marked, "mails of ours": len(sink.mails),
    }  # fmt: skip


def another(secret: str, chance: random.Random) -> str:
    """A secret of the same shape: digits for digits, letters for letters. Its first sign stays, so no 0 begins one."""
    made = [
        chance.choice(string.digits) if sign.isdigit() else chance.choice(string.ascii_uppercase) if sign.isupper()
        else chance.choice(string.ascii_lowercase) if sign.islower() else sign
        for sign in secret[1:]
    ]  # fmt: skip
    return secret[0] + "".join(made)


def _mail(number: int, subject: str, text: str) -> bytes:
    said = EmailMessage()
    said["From"], said["To"], said["Subject"] = f"Hooli <hello{number}@hooli.example>", "help@larkspur.test", subject
    said["Message-ID"] = f"<code-{number}@hooli.example>"
    said.set_content(text)
    said.add_alternative(f"<p style='color:#123456'>{text}</p>", subtype="html")
    return said.as_bytes()


def _kept(desk: StoryDesk, r: e.Recorded) -> str:
    """Everything that is kept of a mail in words."""
    assert isinstance(r.event, e.MessageReceived)
    words = desk.record.ask(words_of, [r.event.message])[r.event.message]
    subject = next(state.subject for state in desk.conversations() if state.id == r.subject_id)
    return " ".join(str(part) for part in (words.text, words.html, words.subject, r.event.preview, subject))


def _found(conn: Connection, secret: str) -> bool:
    """Whether a search for it shows it; a code may be the number of some conversation as well."""
    return any(secret in hit.snippet for hit in search.find(conn, "sqlite", secret, SYSTEM))
