"""WhatsApp's templates, as the account holds them: which of them can be sent, why others cannot, and how one is sent.

Left out are those that Meta does not tell a known state of, that carry a code, a picture or a file, or that want values
in their header or buttons.
"""

import re
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from parley.channels.calling import call, secret
from parley.core.channel import Template
from parley.core.errors import SendFailed
from parley.core.events import Filled

PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
PAGES = 50
COSTS = {"MARKETING": "Meta charges each one", "UTILITY": "Meta charges each one outside the 24 hours"}


# Status of a template that does not go, for people (developers.facebook.com, message templates, template status).
STOPPED = {
    "PENDING": "Meta has not approved it yet.",
    "IN_APPEAL": "Meta refused it; the appeal is still open.",
    "REJECTED": "Meta refused it. Change its words in WhatsApp Manager, or write another one.",
    "PAUSED": "Meta paused it because customers did not like it. It comes back by itself.",
    "FLAGGED": "",  # goes, and is watched
    "DISABLED": "Meta took it away because customers did not like it. Write another one.",
    "LIMIT_EXCEEDED": "The account has too many templates, so that this one does not go.",
}


# Error codes of a template that was not taken.
REFUSED = {
    132000: "The template has other places than it had. Look at the choices again in a while.",
    132001: "Meta does not know the template in this language, or has not approved it.",
    132005: "With these values the template is longer than Meta allows. Use shorter ones.",
    132007: "Meta refused the template because it breaks its rules.",
    132012: "One of the values has another form than the template wants.",
    132015: "Meta paused the template because customers did not like it. Choose another one, or wait.",
    132016: "Meta took the template away because customers did not like it. Choose another one.",
}


class Button(msgspec.Struct):
    text: str = ""
    url: str = ""


class Component(msgspec.Struct):
    type: str
    format: str = "TEXT"
    text: str = ""
    buttons: list[Button] = []


class Held(msgspec.Struct):
    """A template as the Graph API tells it."""

    name: str
    language: str
    status: str = ""
    category: str = ""
    components: list[Component] = []


class Page(msgspec.Struct):
    data: list[Any] = []
    paging: dict[str, Any] = {}


async def fetched(ours: Any) -> list[Template]:
    """Page by page, as `paging.next` leads on. A page elsewhere than at the interface is not asked for."""
    url = f"{ours.api}/{quote(ours.account, safe='')}/message_templates?{urlencode({'limit': 100})}"
    headers = {"authorization": f"Bearer {secret(ours.token)}"}
    found: list[Template] = []
    for _ in range(PAGES):
        status, said = await call("GET", url, None, headers)
        if status >= 400:
            said = f"Meta gives no templates ({status}). Look at the account's id and the token."
            raise SendFailed(said, permanent=True)
        try:
            page = msgspec.convert(said, Page)
        except msgspec.ValidationError as error:
            raise SendFailed("Meta's list of templates is not as it should be.", permanent=True) from error
        found += [template for one in page.data if (template := _template(one))]
        url = str(page.paging.get("next") or "")
        if not url.startswith(f"{ours.api}/"):
            break
    return found


def _template(told: Any) -> Template | None:
    try:
        held = msgspec.convert(told, Held)
    except msgspec.ValidationError:
        return None
    parts = {one.type: one for one in held.components}
    body, header, footer = parts.get("BODY"), parts.get("HEADER"), parts.get("FOOTER")
    buttons = parts["BUTTONS"].buttons if "BUTTONS" in parts else []
    simple = header is None or (header.format == "TEXT" and not PLACE.search(header.text))
    if held.status not in ("APPROVED", *STOPPED) or held.category == "AUTHENTICATION" or body is None or not simple:
        return None
    if any(PLACE.search(button.url) for button in buttons):
        return None
    text = PLACE.sub(lambda found: f"{{{{{found[1]}}}}}", body.text)
    choices = "\n".join(f"[{button.text}]" for button in buttons if button.text)
    whole = [header.text if header else "", text, footer.text if footer else "", choices]
    return Template(
        name=held.name,
        language=held.language,
        text="\n\n".join(part for part in whole if part),
        places=tuple(dict.fromkeys(PLACE.findall(body.text))),
        offers=held.category == "MARKETING",
        costs=COSTS.get(held.category, ""),
        stopped=STOPPED.get(held.status, ""),
    )


def outgoing(to: str, template: Filled) -> dict[str, Any]:
    """A value has no line breaks, tabs or rows of spaces, which Meta refuses (error 132018)."""
    values = []
    for place, value in zip(template.places, template.values, strict=True):
        named = {} if place.isdigit() else {"parameter_name": place}
        values.append({"type": "text", **named, "text": " ".join(value.split())})
    components = [{"type": "body", "parameters": values}] if values else []
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": {"name": template.name, "language": {"code": template.language}, "components": components},
    }
