"""The demo company's WhatsApp templates, as Meta's list gives them, and one as the customer's phone shows it."""

import re
from typing import Any


def _held(name: str, category: str, status: str, body: str, *more: dict[str, Any]) -> dict[str, Any]:
    parts = [{"type": "BODY", "text": body}, *more]
    return {"name": name, "language": "en", "status": status, "category": category, "components": parts}


TEMPLATES: tuple[dict[str, Any], ...] = (
    _held("order_on_its_way", "UTILITY", "APPROVED", "Hello {{1}}, your order {{2}} is on its way to you."),
    _held("ready_to_collect", "UTILITY", "APPROVED", "Hello {{1}}, your order {{2}} waits for you at {{3}}."),
    _held(
        "back_in_stock", "MARKETING", "APPROVED", "Hello {{1}}, {{2}} is back on our shelves.",
        {"type": "FOOTER", "text": "Write STOP and we send no more of these."},
    ),
    _held("winter_sale", "MARKETING", "PAUSED", "Hello {{1}}, everything for the snow costs a fifth less."),
    _held("review_wanted", "UTILITY", "REJECTED", "Hello {{1}}, leave us five stars?"),
)  # fmt: skip


def filled(sent: dict[str, Any]) -> str:
    """What the customer reads: the template of this name with the values that came along."""
    held = next((one for one in TEMPLATES if one["name"] == sent["name"]), None)
    if held is None:
        return str(sent["name"])
    parts = {one["type"]: one["text"] for one in held["components"]}
    given = [one for part in sent.get("components", []) for one in part.get("parameters", [])]
    values = {str(one.get("parameter_name") or place): one["text"] for place, one in enumerate(given, 1)}
    body = re.sub(r"\{\{(\w+)\}\}", lambda found: values.get(found[1], found[0]), parts["BODY"])
    return "\n\n".join(part for part in (body, parts.get("FOOTER", "")) if part)
