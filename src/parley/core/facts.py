"""What a delivery was read as, in plain values: how a channel's samples state what is expected.

Only what is there is named, so that an expectation says what matters and no more. The words are
cut at the fold: `new` is what was written now, `old` what was quoted below it.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from parley.core.channel import (
    Address,
    Attached,
    Inbound,
    InboundCall,
    InboundEdit,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundVisit,
    InboundWithdrawal,
    Remote,
)


def stated(inbound: Sequence[Inbound]) -> list[dict[str, Any]]:
    """Everything that was read, one after the other."""
    return [_stated(one) for one in inbound]


def _stated(one: Inbound) -> dict[str, Any]:
    if isinstance(one, InboundMessage):
        return _message(one)
    if isinstance(one, InboundReceipt):
        return _present(
            receipt=one.state,
            external_id=one.external_id,
            provider_id=one.provider_id,
            reason=one.reason,
            permanent=one.permanent or None,
            kind=one.kind,
            code=one.code,
            cause=one.cause,
            recipient=one.recipient,
            reader=one.reader.value if one.reader else None,
            until=one.until.isoformat() if one.until else None,
        )
    if isinstance(one, InboundCall):
        return _present(
            call=one.external_id,
            state=one.state,
            sender=one.sender.value,
            name=one.sender.name,
            at=one.at.isoformat(),
            outgoing=one.outgoing or None,
            line=one.line,
            queue=one.queue,
            by=one.by,
            cause=one.cause,
            machine=one.machine or None,
            known_as=[_address(address) for address in one.known_as],
            remote=_remote(one.remote),
        )
    if isinstance(one, InboundVisit):
        steps = [[step.name, step.page, step.at.isoformat()] for step in one.steps]
        return _present(visit=steps, sender=one.sender.value)
    if isinstance(one, InboundEdit):
        return _present(edit=one.external_id, sender=one.sender.value, new=one.text)
    if isinstance(one, InboundWithdrawal):
        return _present(withdrawal=one.external_id, sender=one.sender.value)
    if isinstance(one, InboundReaction):
        return {"reaction": one.sign, "to": one.external_id, "sender": one.sender.value}
    return _present(rating=one.score, sender=one.sender.value, token=one.token, comment=one.comment)


def _message(one: InboundMessage) -> dict[str, Any]:
    return _present(
        sender=one.sender.value,
        name=one.sender.name,
        subject=one.subject,
        new=one.text if one.fold is None else one.text[: one.fold],
        old=None if one.fold is None else one.text[one.fold :].strip("\n"),
        html=one.html,
        external_id=one.external_id,
        sent_at=one.sent_at.isoformat() if one.sent_at else None,
        references=list(one.references),
        reply_tokens=list(one.reply_tokens),
        recipients=list(one.recipients),
        cc=list(one.cc),
        automatic=one.automatic,
        known_as=[_address(address) for address in one.known_as],
        page=one.page,
        files=[_file(file) for file in one.files],
        remote=_remote(one.remote),
    )


def _remote(files: Sequence[Remote]) -> list[dict[str, Any]]:
    return [_present(name=file.name, type=file.type, ref=file.ref, size=file.size) for file in files]


def _address(address: Address) -> dict[str, Any]:
    return _present(kind=address.kind, value=address.value, name=address.name, proved=address.proved)


def _file(file: Attached) -> dict[str, Any]:
    digest = sha256(file.data).hexdigest()[:16]
    return _present(name=file.name, type=file.type, size=len(file.data), cid=file.cid, sha256=digest)


def _present(**facts: Any) -> dict[str, Any]:
    return {name: fact for name, fact in facts.items() if fact not in (None, "", [])}
