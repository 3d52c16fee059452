"""A support mailbox made from a seed, of which is known what is in it: themes, routine, hours, who is who."""

import mailbox
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
DESK = "help@harbour-boots.example"
FIRST = (
    "Wendeline",
    "Torvald",
    "Ottoline",
    "Percival",
    "Ysolde",
    "Leopold",
    "Mirabel",
    "Casimir",
    "Rosamund",
    "Anselm",
)
LAST = ("Quillfeather", "Brambleby", "Oakenshaw", "Thistlewick", "Marrowby", "Fennimore", "Larkspurre", "Grimshawe")

# What is asked in two parts that vary, and the answer that is always given.
ROUTINE = {
    "return": (
        ("I would like to return", "How can I send back", "I want to give back", "Can I still return"),
        ("the boots I bought last week", "my shoes, they do not fit", "a pair of boots that is too small", "the "
        "sandals"),
        "You can send shoes back within 30 days of delivery. Print the return label from your account, put it on the "
        "box and hand it in at any post office. The refund comes within five working days after the box has arrived.",
    ),
    "parcel": (
        ("Where is", "I am still waiting for", "When will I receive", "Can you track"),
        ("my parcel, it has not arrived", "my order, the parcel is late", "the delivery of last Monday", "the parcel"),
        "Parcels take two to four working days. The tracking link is in the mail that we sent with the "
        "shipment; when it "
        "has not moved for three days, answer to this mail and we will ask the carrier and send a new pair.",
    ),
    "invoice": (
        ("I need", "Please send me", "Could I get", "My accountant asks for"),
        ("an invoice for my purchase", "the invoice with the VAT number", "a corrected invoice, company name missing",
         "a copy of the invoice for tax"),
        "Every invoice lies in your account under Purchases as a PDF. To have a company name and a VAT number on it, "
        "enter them under Billing and download it again; the new invoice replaces the old one.",
    ),
}  # fmt: skip
MATTERS = ("the lace hooks", "a wholesale order", "a photo for our magazine", "the colour of the soles", 
           "your old shop in the mill",
           "a scratch behind the heel", "the smell of the wax", "a school visit", "the width of the insole", "a "
           "lost earring in the box")  # fmt: skip
VERBS = (
    "tore",
    "surprised me",
    "looks odd",
    "reminds me of my uncle",
    "needs a second opinion",
    "is worth a talk",
    "went missing",
)
# A thousand sentences, so that two answers of one's own have next to nothing in common.
WHO = ("the workshop", "our tanner", "a colleague", "the museum", "my sister", "the village", "a cobbler", "nobody",
       "the old owner", "the carpenter")  # fmt: skip
DOES = ("remembers", "drives past", "repaired", "painted", "borrowed", "measured", "photographed", "buried", "sold",
        "wants")  # fmt: skip
WHAT = ("that batch of leather", "the mill by the river", "a jar of glue", "warm milk", "your letter", "the last flood",
        "two brass buckles", "an apple crate", "the weather vane", "a ladder")  # fmt: skip


class Mail(NamedTuple):
    """A mail in plain ASCII. Small: a hundred thousand of them are made at once."""

    sender: str
    to: str
    subject: str
    text: str
    at: datetime
    key: str
    answers: str = ""
    machine: bool = False

    def as_bytes(self) -> bytes:
        heads = [
            f"From: {self.sender}", f"To: {self.to}", f"Subject: {self.subject}", f"Date: {format_datetime(self.at)}",
            f"Message-ID: <{self.key}@mails.example>", 'Content-Type: text/plain; charset="utf-8"',
        ]  # fmt: skip
        if self.answers:
            heads += [f"{name}: <{self.answers}@mails.example>" for name in ("In-Reply-To", "References")]
        heads += ["Precedence: bulk"] * self.machine
        return "\n".join([*heads, "", self.text]).encode("ascii")


class Made:
    """routine: numbers of conversations whose answer is the standing one. unanswered: how many got none."""

    def __init__(self) -> None:
        self.conversations = self.routine = self.unanswered = self.machines = self.again = 0
        self.mails: list[Mail] = []


def made(conversations: int, seed: int = 1, routine: float = 0.6, weeks: int = 20) -> Made:
    """Mails in order of time; `routine` is the share of conversations that get a standing answer."""
    chance, found = random.Random(seed), Made()
    for number in range(conversations):
        day = START + timedelta(days=int(weeks * 7 * number / conversations))
        at = day + timedelta(hours=chance.choice((8, 9, 10, 10, 11, 13, 15, 20, 22)), minutes=chance.randrange(60))
        _conversation(found, chance, number, at, routine)
    found.mails.sort(key=lambda mail: mail.at)
    return found


def _conversation(found: Made, chance: random.Random, number: int, at: datetime, routine: float) -> None:
    name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
    who = f"{name} <{name.lower().replace(' ', '.')}{number}@people{number % 50}.example>"
    found.conversations += 1
    if chance.random() < 0.05:
        found.machines += 1
        found.mails.append(_mail("news@letters.example", DESK, "Our offers", "Buy now", at, f"m{number}", machine=True))
    is_routine = chance.random() < routine
    subject, question, answer = _routine(chance) if is_routine else _own(chance)
    text = f"Hello,\n\n{question}? My order is {10_000 + number}.\n\nKind regards\n{name}\n"
    found.mails.append(_mail(who, DESK, subject, text, at, f"q{number}"))
    if chance.random() < 0.08:
        found.unanswered += 1
        return
    found.routine += is_routine
    later = _in_office(at + timedelta(minutes=chance.expovariate(1 / 150)))
    agent = f"{chance.choice(('Bo', 'Cleo'))} at Harbour Boots <{DESK}>"
    text = f"Dear {name},\n\n{answer}\n\nBest regards\nHarbour Boots\n\nOn that day {name} wrote:\n> {question}\n"
    found.mails.append(_mail(agent, who, f"Re: {subject}", text, later, f"a{number}", f"q{number}"))
    if chance.random() < 0.2:
        found.mails.append(
            _mail(who, DESK, f"Re: {subject}", "Thank you!", later + timedelta(hours=1), f"t{number}", f"a{number}")
        )
    if chance.random() < 0.1:
        found.again += 1
        found.mails.append(_mail(who, DESK, f"Once more: {subject}", text, later + timedelta(days=2), f"r{number}"))


def _routine(chance: random.Random) -> tuple[str, str, str]:
    key = chance.choice(list(ROUTINE))
    begins, ends, answer = ROUTINE[key]
    return f"About my {key}", f"{chance.choice(begins)} {chance.choice(ends)}", answer


def _own(chance: random.Random) -> tuple[str, str, str]:
    matter = chance.choice(MATTERS)
    question = f"Something about {matter} {chance.choice(VERBS)} and {chance.choice(MATTERS)} {chance.choice(VERBS)}"
    answer = ", ".join(f"{chance.choice(WHO)} {chance.choice(DOES)} {chance.choice(WHAT)}" for _ in range(4))
    return f"{matter.capitalize()}", question, answer.capitalize() + "."


def _in_office(at: datetime) -> datetime:
    """The same moment, or nine o'clock of the next working day."""
    while at.weekday() > 4 or not 9 <= at.hour < 17:
        at = (at + timedelta(days=at.hour >= 17 or at.weekday() > 4)).replace(hour=9, minute=at.minute)
        if at.weekday() <= 4:
            break
    return at


def _mail(sender: str, to: str, subject: str, text: str, at: datetime, key: str, answers: str = "", *,
          machine: bool = False) -> Mail:  # fmt: skip
    return Mail(sender=sender, to=to, subject=subject, text=text, at=at, key=key, answers=answers, machine=machine)


def as_mbox(found: Made, path: Path) -> Path:
    with path.open("wb") as file:
        for mail in found.mails:
            file.write(b"From somebody Mon Jan  5 00:00:00 2026\n" + mail.as_bytes() + b"\n")
    return path


def as_maildir(found: Made, path: Path) -> Path:
    """Questions in the inbox, answers in the folder Sent, as mail programs keep them."""
    box = mailbox.Maildir(path)
    sent = box.add_folder("Sent")
    for mail in found.mails:
        (sent if DESK in mail.sender else box).add(mail.as_bytes())
    return path
