"""Who else gets an answer: those who stand on what is answered, and those whom an agent adds, openly or unseen."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.errors import Refused
from parley.core.identity import looks_like_mail, normal
from parley.services import people, setup, threads

MOST = 50  # copies of one answer


def of_all(conn: Connection, conversation: int, history: Sequence[e.Recorded]) -> tuple[str, ...]:
    """The addresses of a reply to all: who wrote last and who got a copy of that, or of our own answer since.

    Only those who take part: whoever writes under a borrowed name must not add a reader by naming them.
    """
    said = answered(history)
    if said is None:
        return ()
    present = _present(conn, conversation)
    return tuple(mail for mail in (*_mail_of(conn, said.identity), *said.cc) if mail in present)


def answered(history: Sequence[e.Recorded]) -> e.ReplyWritten | e.MessageReceived | None:
    """What a reply to all answers: the last that a customer or one of us wrote."""
    held = talk.held(history)
    for recorded in reversed(history):
        said = recorded.event
        if isinstance(said, e.ReplyWritten) and not said.automatic:
            return said
        if isinstance(said, e.MessageReceived) and said.message not in held:
            return said
    return None


def _mail_of(conn: Connection, identity: int) -> tuple[str, ...]:
    known = people.identities_by_id(conn, [identity]).get(identity)
    return (known.value,) if known and known.kind == "mail" else ()


def _present(conn: Connection, conversation: int) -> set[str]:
    """The mail addresses that take part in a conversation, by having written or by having been written to."""
    here = select(threads.participants.c.who).where(threads.participants.c.conversation == conversation)
    names = conn.execute(here).scalars().all()
    wrote = [int(name[2:]) for name in names if name.startswith("i:")]
    known = people.identities_by_id(conn, wrote).values()
    return {name[2:] for name in names if name.startswith("m:")} | {one.value for one in known if one.kind == "mail"}


def checked(
    conn: Connection, to: str, cc: Iterable[str], bcc: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Both in normal form, nobody twice, and neither the one it is for nor an inbox of ours. Raises Refused."""
    taken = {normal("mail", to), *_ours(conn)}
    openly = _addresses(cc, taken)
    unseen = _addresses(bcc, taken)
    if len(openly) + len(unseen) > MOST:
        raise Refused(
            f"These are {len(openly) + len(unseen)} copies; {MOST} can go with one answer. Your text is kept."
        )
    return openly, unseen


def _addresses(written: Iterable[str], taken: set[str]) -> tuple[str, ...]:
    found = []
    for one in written:
        mail = normal("mail", one)
        if not (looks_like_mail(mail) and mail.isascii()):
            raise Refused(f"“{one.strip()[:100]}” is not a mail address. Your text is kept.")
        if mail not in taken:
            taken.add(mail)
            found.append(mail)
    return tuple(found)


def _ours(conn: Connection) -> set[str]:
    return {normal("mail", address) for address in conn.execute(select(setup.inboxes.c.address)).scalars() if address}


def listed(written: str) -> tuple[str, ...]:
    """What stands in a line for addresses, with commas, semicolons or blanks between them; names are left aside."""
    bare = written.replace("<", " ").replace(">", " ").replace(";", ",")
    pieces = [piece for part in bare.split(",") for piece in _one(part.split())]
    return tuple(pieces)


def _one(words: list[str]) -> list[str]:
    """The addresses among some words; the words themselves where there is none, so that it is said."""
    mails = [word for word in words if "@" in word]
    return mails or ([" ".join(words)] if words else [])
