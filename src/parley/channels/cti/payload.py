"""What a telephone system tells: a JSON object, or a form in which `user[]` may stand several times."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a call. caller, called: numbers as the system writes them. users: who of us is called or calls."""

    event: str
    call_id: str
    direction: str
    caller: str
    called: str
    users: tuple[str, ...] = ()
    queue: str = ""
    cause: str = ""
    answered_by: str = ""


def told_of(raw: bytes) -> Told:
    """Raises msgspec's errors or ValueError where it is neither form nor object."""
    is_json = raw.lstrip().startswith(b"{")
    fields = msgspec.json.decode(raw, type=dict[str, Any]) if is_json else _form(raw)
    users = fields.get("user", fields.get("user[]", ()))
    users = users if isinstance(users, list | tuple) else (users,)
    return Told(
        event=_text(fields.get("event")),
        call_id=_text(fields.get("callId", fields.get("call_id")))[:200],
        direction=_text(fields.get("direction")) or "in",
        caller=_text(fields.get("from")),
        called=_text(fields.get("to")),
        users=tuple(name for user in users if (name := _text(user))),
        queue=_text(fields.get("queue")),
        cause=_text(fields.get("cause")),
        answered_by=_text(fields.get("answeringNumber")),
    )


def _form(raw: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(raw.decode("utf-8", "strict"), keep_blank_values=True, strict_parsing=True):
        if name in ("user", "user[]"):
            fields.setdefault("user", []).append(value)
        else:
            fields[name] = value
    return fields


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) else ""
