"""STOP and START: what a customer's lone word on a channel that rings does, and the one message that follows it."""

from parley.core import consent as rules
from parley.core import events as e
from parley.core.channel import InboundMessage
from parley.core.consent import ALL, REPLIES
from parley.core.conversation import State
from parley.log.record import Tx
from parley.services import consent, people, replies, setup

BY = "consent"
REASON = "a wish about messages"  # why a machine does not answer it


def wish(said: InboundMessage) -> bool | None:
    """Whether a message on a channel that rings asks for messages or for no more; None: neither."""
    text = said.text if said.fold is None else said.text[: said.fold]
    return rules.wish(text) if said.wants is None else said.wants


def told(tx: Tx, state: State, who: people.Identity, wants: bool, said: e.MessageReceived) -> None:
    """They wrote STOP or START."""
    consent.change(
        tx, who, ALL, wants, f"person/{who.person}", how="a word", evidence=f"They wrote “{said.preview[:100]}”.",
        said=said.message, conversation=state.id,
    )  # fmt: skip
    _confirm(tx, state, who, wants, said)


def wrote_again(tx: Tx, state: State, who: people.Identity, said: e.MessageReceived) -> None:
    """Whoever ended everything and writes wants an answer; and nothing but answers."""
    consent.change(
        tx, who, REPLIES, True, f"person/{who.person}", how="wrote again", evidence="They wrote to us again.",
        said=said.message, conversation=state.id,
    )  # fmt: skip


def _confirm(tx: Tx, state: State, who: people.Identity, wants: bool, said: e.MessageReceived) -> None:
    """The one message that may follow a STOP, and the one that follows a START."""
    brand = setup.all_brands(tx.conn).get(state.brand)
    name = brand.name if brand else ""
    text = (
        f"You get messages from {name} here again. Write STOP to end them."
        if wants
        else f"You will get no more messages from {name} here. Write START if you want them again."
    )
    replies.automatic_reply(tx, state, text, BY, purpose="consent", to=(said.inbox, who, said.channel))
