"""Twilio's messages: takes ours, lists what came in, gives media to whoever has the account's login."""

import base64
from urllib.parse import urlencode

from parley.channels.twilio import joined, signature
from parley.demo.simulators.server import Asked, Platform, Said, as_json

ACCOUNT, TOKEN, NUMBER = "AC700", "auth token of the test", "+447946000700"
STOPPED = "+447946000999"  # asked for no more messages


class TwilioService(Platform):
    """media: bytes and type by the path under which they are fetched. came_in: what its list tells."""

    def __init__(self) -> None:
        super().__init__()
        self.media: dict[str, tuple[bytes, str]] = {}
        self.came_in: list[dict[str, str]] = []

    @property
    def sent(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == "POST"]

    def answer(self, asked: Asked) -> Said:
        login = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {login}":
            return as_json({"code": 20003, "message": "Authenticate"}, 401)
        if asked.path in self.media:
            data, kind = self.media[asked.path]
            return Said(200, data, {"content-type": kind})
        if asked.method == "GET":
            return self._list(int(asked.query.get("Page", 0)), asked.path)
        if asked.form["To"] == STOPPED:
            return as_json({"code": 21610, "message": "Attempt to send to unsubscribed recipient"}, 400)
        return as_json({"sid": f"SM9{len(self.sent):03}", "status": "queued"}, 201)

    def _list(self, page: int, path: str) -> Said:
        """Two on a page, as `next_page_uri` leads on."""
        rows = self.came_in[page * 2 : page * 2 + 2]
        more = len(self.came_in) > page * 2 + 2
        return as_json({"messages": rows, "next_page_uri": f"{path}?Page={page + 1}" if more else None})

    def receives(self, text: str, sender: str, sid: str) -> bytes:
        """Somebody writes: the form that is posted, and a row of the list."""
        row = {"sid": sid, "from": sender, "to": NUMBER, "body": text, "direction": "inbound", "num_media": "0"}
        self.came_in.append(row | {"date_sent": "Mon, 02 Mar 2026 09:00:00 +0000"})
        form = {"MessageSid": sid, "SmsStatus": "received", "From": sender, "To": NUMBER, "Body": text, "NumMedia": "0"}
        return urlencode(form).encode()


def signed(url: str, form: bytes, token: str = TOKEN) -> dict[str, str]:
    """The headers under which Twilio posts a form."""
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": signature(token, url + joined(form)),
    }
