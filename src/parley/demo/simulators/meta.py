"""Meta's Graph API and webhooks, for WhatsApp, Messenger and Instagram: signed batches, messages taken, media by id.

Media has two steps: its id gives an address that ends after five minutes, and the address gives bytes to whoever has
the token (developers.facebook.com, Cloud API, media).
"""

import hashlib
import hmac
import json
import time
from typing import Any

from parley.demo.simulators.server import Asked, Platform, Said, as_json

TOKEN = "t"
REFUSED = {
    132001: "Template name does not exist in the translation",
    132015: "Template is Paused",
    132016: "Template is Disabled",
}


class MetaService(Platform):
    """media: bytes and type by id. open: of what lies at an address for everybody. life: seconds for which an address
    of media is good. templates: as its list gives them; where there are some, others are refused, and so are those
    that are not approved (any more).
    """

    def __init__(self) -> None:
        super().__init__()
        self.media: dict[str, tuple[bytes, str]] = {}
        self.life = 300.0
        self.open: dict[str, tuple[bytes, str]] = {}
        self.templates: list[dict[str, Any]] = []
        self.elsewhere = ""  # where addresses of media lead instead, for a platform gone bad
        self._addresses: dict[str, tuple[str, float]] = {}

    @property
    def sent(self) -> list[Asked]:
        """Messages; files are given before."""
        return [asked for asked in self.asked if asked.method == "POST" and not asked.path.endswith("/media")]

    def refuse(self, code: int, times: int = 1) -> None:
        error = {"error": {"code": code, "message": "(from Meta)"}}
        self.scripted.extend([as_json(error, 400)] * times)

    def answer(self, asked: Asked) -> Said:
        if asked.path.startswith("/open/"):
            data, kind = self.open.get(asked.path.rpartition("/")[2], (b"", ""))
            return Said(200, data, {"content-type": kind}) if data else Said(404)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return as_json({"error": {"code": 190, "message": "Invalid OAuth access token"}}, 401)
        if asked.path.endswith("/message_templates"):
            return self._list(int(asked.query.get("after", 0)), asked.path)
        if asked.method == "POST":
            if asked.path.endswith("/media"):
                return self._keep(asked)
            if self.templates and not asked.is_form and (refused := self._refused(asked.json)):
                return as_json({"error": refused}, 400)
            named = f"out.{len(self.sent)}"
            return as_json({"messages": [{"id": named}], "message_id": named})
        last = asked.path.rpartition("/")[2]
        if asked.path.startswith("/bytes/"):
            return self._bytes(last)
        if last not in self.media:
            return as_json({"error": {"code": 100, "message": "No such object"}}, 404)
        data, kind = self.media[last]
        return as_json({"url": self._address(last), "mime_type": kind, "file_size": len(data), "id": last})

    def _keep(self, asked: Asked) -> Said:
        """A file that is to be sent: known by an id from now on."""
        file, id = asked.parts["file"], f"media.{len(self.asked)}"
        self.media[id] = (file.data, file.type)
        return as_json({"id": id})

    def _list(self, begin: int, path: str) -> Said:
        """Two on a page, as `paging.next` leads on."""
        more = {"next": f"{self.url}{path}?after={begin + 2}"} if begin + 2 < len(self.templates) else {}
        return as_json({"data": self.templates[begin : begin + 2], "paging": more})

    def _refused(self, body: Any) -> dict[str, Any]:
        """Why a template is not sent (developers.facebook.com, Cloud API, error codes); empty where it is."""
        if body.get("type") != "template":
            return {}
        name, language = body["template"]["name"], body["template"]["language"]["code"]
        held = [one for one in self.templates if (one.get("name"), one.get("language")) == (name, language)]
        status = held[0]["status"] if held else ""
        if status == "APPROVED":
            return {}
        code = {"PAUSED": 132015, "DISABLED": 132016}.get(status, 132001)
        return {"code": code, "message": f"(#{code}) {REFUSED[code]}"}

    def _address(self, id: str) -> str:
        if self.elsewhere:
            return self.elsewhere
        name = f"{id}-{len(self._addresses)}"
        self._addresses[name] = (id, time.monotonic() + self.life)
        return f"{self.url}/bytes/{name}"

    def _bytes(self, name: str) -> Said:
        id, until = self._addresses.get(name, ("", 0.0))
        if time.monotonic() >= until or id not in self.media:
            return Said(404)
        data, kind = self.media[id]
        return Said(200, data, {"content-type": kind})


def signed(body: bytes, secret: str = "shared") -> dict[str, str]:
    return {"x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def batch(object: str, account: str, *messaging: dict[str, Any], changes: Any = (), time: int = 1767225600) -> bytes:
    """One POST for a page or an account; every event in an entry of its own, as Meta may do it."""
    entries: list[dict[str, Any]] = [{"id": account, "time": time, "messaging": [event]} for event in messaging]
    entries += [{"id": account, "time": time, "changes": [change]} for change in changes]
    return json.dumps({"object": object, "entry": entries}).encode()


def direct(sender: str, mid: str, text: str) -> dict[str, Any]:
    """A direct message, as Messenger and Instagram tell it."""
    said = {"mid": mid, "text": text}
    return {"sender": {"id": sender}, "recipient": {"id": "9"}, "timestamp": 1767225600000, "message": said}


def cloud(*messages: dict[str, Any]) -> bytes:
    """WhatsApp's way: messages of one number in one entry."""
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "700"}, "messages": list(messages)}
    entry = {"id": "5", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def cloud_text(sender: str, id: str, text: str) -> dict[str, Any]:
    return {"from": sender, "id": id, "timestamp": "1767225600", "type": "text", "text": {"body": text}}
