"""Gmail and Microsoft 365 as their own interfaces show them: a mailbox with a memory of what changed in it.

Both give tokens at /token that end when `sign_out` is called, forget places when `forget` is called, repeat what a page
held on the next one while `doubled`, and write a Message-ID of their own on what is sent, as the real ones may.
"""

import base64
import itertools
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any, ClassVar
from urllib.parse import unquote

from parley.demo.simulators.server import Asked, Platform, Said, as_json

USER = "support@acme.example"
SECRET = "app word"


@dataclass
class Mail:
    id: str
    raw: bytes
    at: datetime
    labels: set[str] = field(default_factory=set)

    @property
    def subject(self) -> str:
        return str(message_from_bytes(self.raw, policy=policy.default)["Subject"])


@dataclass
class Change:
    """A mail that came into a label or folder."""

    number: int
    mail: Mail
    label: str
    moved: bool = False


class MailService(Platform):
    """What both have in common."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = itertools.count(101)
        self.mails: dict[str, Mail] = {}
        self.changes: list[Change] = []
        self.remembered_from = 0
        self.sent: list[bytes] = []
        self.good: set[str] = set()
        self.refresh = "refresh-0"
        self.grants: list[str] = []
        self.troubles: deque[Said] = deque()  # of the mailbox; tokens are given all the same
        self.page_size = 100
        self.doubled = False
        self.broken: set[str] = set()  # mails that it cannot give
        self.now = datetime.now(UTC)

    def deliver(self, raw: bytes, label: str = "inbox") -> Mail:
        """A mail comes in; each a second after the one before it."""
        self.now += timedelta(seconds=1)
        number = next(self.numbers)
        mail = Mail(f"mail{number}=", raw, self.now, {label})
        self.mails[mail.id] = mail
        self.changes.append(Change(number, mail, label))
        return mail

    def move(self, mail: Mail, label: str) -> None:
        mail.labels = {label}
        self.changes.append(Change(next(self.numbers), mail, label, moved=True))

    def destroy(self, mail: Mail) -> None:
        del self.mails[mail.id]

    def forget(self) -> None:
        """Places from before now are void."""
        self.remembered_from = next(self.numbers)

    def throttle(self, times: int, seconds: float) -> None:
        self.troubles.extend([Said(429, headers={"retry-after": str(seconds)})] * times)

    def fail(self, times: int, status: int = 503) -> None:
        self.troubles.extend([Said(status)] * times)

    def sign_out(self) -> None:
        self.good.clear()

    def asked_for(self, part: str) -> list[Asked]:
        return [asked for asked in self.asked if part in asked.path]

    @property
    def newest(self) -> int:
        return max([self.remembered_from, 100, *(change.number for change in self.changes)])

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/token":
            return self._token(asked.form)
        with self._lock:
            trouble = self.troubles.popleft() if self.troubles else None
        if trouble:
            return trouble
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.good:
            return self.refuse(401, "authError", "Invalid credentials")
        return self.answer_user(asked)

    def answer_user(self, asked: Asked) -> Said:
        raise NotImplementedError

    def refuse(self, status: int, word: str, message: str = "") -> Said:
        return as_json({"error": {"code": word, "message": message}}, status)

    def _token(self, form: dict[str, str]) -> Said:
        if form.get("client_secret") != SECRET:
            return as_json({"error": "invalid_client"}, 401)
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return as_json({"error": "invalid_grant", "error_description": "Token has been revoked."}, 400)
        self.grants.append(form["grant_type"])
        token = f"token-{len(self.grants)}"
        self.good = {token}
        return as_json({"access_token": token, "expires_in": 3600})

    def take_out(self, raw: bytes) -> Mail:
        """Sent: it lies with the sent mails, under a Message-ID of the service's own."""
        name = f"Message-ID: <service-{next(self.numbers)}@mail.service>".encode()
        raw = re.sub(rb"(?im)^message-id:[^\n]*(?:\n[ \t][^\n]*)*?(?=\r?\n)", name, raw, count=1)
        self.sent.append(raw)
        mail = self.deliver(raw, "sent")
        if f"<{USER}>" in str(message_from_bytes(raw)["To"]) or message_from_bytes(raw)["To"] == USER:
            self.deliver(raw)
        return mail

    def page(self, rows: list[Any], first: int) -> tuple[list[Any], int]:
        """Rows of the page that begins there, and where the next begins, 0 for none."""
        last = first + self.page_size
        begin = max(0, first - self.page_size) if self.doubled else first
        return rows[begin:last], last if last < len(rows) else 0


class GmailService(MailService):
    """Gmail API v1. Labels are INBOX, SENT and one named Orders with the id Label_7."""

    LABELS: ClassVar = {"INBOX": "INBOX", "SENT": "SENT", "Label_7": "Orders"}

    def deliver(self, raw: bytes, label: str = "INBOX") -> Mail:
        return super().deliver(raw, {"inbox": "INBOX", "sent": "SENT"}.get(label, label))

    def refuse(self, status: int, word: str, message: str = "") -> Said:
        errors = [{"reason": word, "domain": "global", "message": message}]
        return as_json({"error": {"code": status, "message": message, "errors": errors}}, status)

    def too_often(self, times: int) -> None:
        self.troubles.extend([self.refuse(403, "userRateLimitExceeded", "User-rate limit exceeded")] * times)

    def answer_user(self, asked: Asked) -> Said:
        if asked.path.startswith("/upload/gmail/v1/users/me/messages/send") and asked.method == "POST":
            return self._send(asked)
        path = unquote(asked.path.removeprefix("/gmail/v1/users/me/"))
        if path == "profile":
            return as_json({"emailAddress": USER, "historyId": str(self.newest)})
        if path == "labels":
            return as_json({"labels": [{"id": id, "name": name} for id, name in self.LABELS.items()]})
        if path.startswith("labels/"):
            return self._label(path.partition("/")[2])
        if path == "history":
            return self._history(asked.query)
        if path == "messages":
            return self._list(asked.query)
        return self._message(path.partition("/")[2], asked.query)

    def _label(self, id: str) -> Said:
        count = sum(id in mail.labels for mail in self.mails.values())
        return as_json({"id": id, "name": self.LABELS[id], "messagesTotal": count})

    def _history(self, query: dict[str, str]) -> Said:
        start = int(query["startHistoryId"])
        if start < self.remembered_from:
            return self.refuse(404, "notFound", "Requested entity was not found.")
        rows = [c for c in self.changes if c.number > start and c.label == query["labelId"]]
        some, following = self.page(rows, int(query.get("pageToken", "0")))
        said: dict[str, Any] = {"historyId": str(self.newest)}
        if some:
            said["history"] = [self._record(change) for change in some]
        return as_json(said | ({"nextPageToken": str(following)} if following else {}))

    def _record(self, change: Change) -> dict[str, Any]:
        message = {"id": change.mail.id, "threadId": change.mail.id, "labelIds": sorted(change.mail.labels)}
        if change.moved:
            return {"id": str(change.number), "labelsAdded": [{"message": message, "labelIds": [change.label]}]}
        return {"id": str(change.number), "messagesAdded": [{"message": message}]}

    def _list(self, query: dict[str, str]) -> Said:
        rows = [mail for mail in self.mails.values() if query["labelIds"] in mail.labels]
        search = query.get("q", "")
        if search.startswith("after:"):
            rows = [mail for mail in rows if mail.at.timestamp() >= int(search[6:])]
        elif search.startswith("subject:"):
            rows = [mail for mail in rows if mail.subject == search[8:].strip('"')]
        rows.sort(key=lambda mail: mail.at, reverse=True)
        some, following = self.page(rows, int(query.get("pageToken", "0")))
        said = {"messages": [{"id": mail.id, "threadId": mail.id} for mail in some]} if some else {}
        return as_json(said | ({"nextPageToken": str(following)} if following else {}))

    def _message(self, id: str, query: dict[str, str]) -> Said:
        mail = self.mails.get(id)
        if id in self.broken:
            return self.refuse(500, "backendError", "Internal error")
        if mail is None:
            return self.refuse(404, "notFound", "Requested entity was not found.")
        said: dict[str, Any] = {"id": id, "labelIds": sorted(mail.labels), "sizeEstimate": len(mail.raw)}
        if query["format"] == "raw":
            return as_json(said | {"raw": base64.urlsafe_b64encode(mail.raw).decode().rstrip("=")})
        head = message_from_bytes(mail.raw).items()
        return as_json(said | {"payload": {"headers": [{"name": name, "value": value} for name, value in head]}})

    def _send(self, asked: Asked) -> Said:
        if asked.headers["content-type"] != "message/rfc822" or asked.query["uploadType"] != "media":
            return self.refuse(400, "badRequest", "Unsupported upload")
        if b"refused@" in asked.body:
            return self.refuse(400, "invalidArgument", "Invalid To header")
        mail = self.take_out(asked.body)
        return as_json({"id": mail.id, "threadId": mail.id, "labelIds": ["SENT"]})


class GraphService(MailService):
    """Microsoft Graph v1.0, for /me and /users/shared@acme.example. Folders are inbox, sent and one named Orders.

    MIME is written anew each time: its boundaries never repeat, which is why its bytes name nothing.
    """

    FOLDERS: ClassVar = {"inbox": "Inbox", "sent": "Sent Items", "folder-7": "Orders"}
    largest = 4 * 1024 * 1024

    def __init__(self) -> None:
        super().__init__()
        self.may_write = True
        self.drafts: dict[str, tuple[bytes, list[tuple[str, str, bytes, str]]]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.sent_files: list[list[tuple[str, str, bytes, str]]] = []

    def answer_user(self, asked: Asked) -> Said:
        found = re.fullmatch(r"/v1\.0/(me|users/shared@acme\.example)/(.*)", unquote(asked.path))
        if not found:
            return self.refuse(404, "ErrorInvalidUser", "The requested user is invalid.")
        path = found[2]
        if path == "sendMail" and asked.method == "POST":
            return self._send(asked)
        if asked.method in ("POST", "DELETE") and path.startswith("messages"):
            return self._draft(asked, path.split("/")[1:])
        if 'IdType="ImmutableId"' not in asked.headers.get("prefer", ""):
            return self.refuse(400, "ErrorInvalidIdMalformed", "Only immutable ids are known here.")
        if path == "mailFolders":
            return as_json({"value": [{"id": id, "displayName": name} for id, name in self.FOLDERS.items()]})
        if value := re.fullmatch(r"messages/(.+)/\$value", path):
            return self._mime(value[1])
        parts = path.split("/")
        if parts[0] != "mailFolders" or parts[1] not in self.FOLDERS:
            return self.refuse(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        if path.endswith("/messages/delta"):
            return self._delta(asked, parts[1])
        if path.endswith("/messages"):
            return self._search(asked.query["$filter"], parts[1])
        count = sum(parts[1] in mail.labels for mail in self.mails.values())
        return as_json({"id": parts[1], "displayName": self.FOLDERS[parts[1]], "totalItemCount": count})

    def _mime(self, id: str) -> Said:
        mail = self.mails.get(id)
        if id in self.broken:
            return self.refuse(500, "backendError", "Internal error")
        if mail is None:
            return self.refuse(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        mark = f"X-MS-Exchange-Asked: {len(self.asked)}\r\nX-Written: {len(self.asked)}\r\n".encode()
        return Said(200, mark + mail.raw, {"content-type": "text/plain"})

    def _delta(self, asked: Asked, folder: str) -> Said:
        """A token holds: after which change, up to which, since when, and where the page begins."""
        token = asked.query.get("$skiptoken") or asked.query.get("$deltatoken") or ""
        if token:
            after, until, since, first = (int(part) for part in token.split("."))
        else:
            after, until, first = 0, self.newest, 0
            wanted = re.fullmatch(r"receivedDateTime ge (\S+)", asked.query.get("$filter", ""))
            since = int(datetime.fromisoformat(wanted[1]).timestamp()) if wanted else 0
        if "$deltatoken" in asked.query:
            until = self.newest
        if "$deltatoken" in asked.query and after < self.remembered_from:
            return self.refuse(410, "syncStateNotFound", "The sync state generation is not found.")
        rows = [
            c.mail for c in self.changes
            if after < c.number <= until and c.label == folder and c.mail.at.timestamp() >= since
        ]  # fmt: skip
        some, following = self.page(rows[::-1], first)  # newest first, as nothing promises the order
        where = f"{self.url}{asked.path}"
        link = f"$skiptoken={after}.{until}.{since}.{following}" if following else f"$deltatoken={until}.{until}.0.0"
        return as_json({"value": [self._row(mail, folder) for mail in some],
                        "@odata.nextLink" if following else "@odata.deltaLink": f"{where}?{link}"})  # fmt: skip

    def _row(self, mail: Mail, folder: str) -> dict[str, Any]:
        if mail.id not in self.mails or folder not in mail.labels:
            return {"id": mail.id, "@removed": {"reason": "deleted"}}
        return {"id": mail.id, "receivedDateTime": mail.at.strftime("%Y-%m-%dT%H:%M:%SZ"), "isDraft": False}

    def _search(self, wanted: str, folder: str) -> Said:
        subject = re.fullmatch(r"subject eq '([^']*)'", wanted)
        found = [m for m in self.mails.values() if folder in m.labels and subject and m.subject == subject[1]]
        return as_json({"value": [{"id": mail.id} for mail in found]})

    def answer(self, asked: Asked) -> Said:
        """Pieces of files come to an address that is a secret itself; a token would be one too many there."""
        if asked.method != "PUT":
            return super().answer(asked)
        session = self.sessions.get(asked.path.removeprefix("/upload/"))
        if session is None or "authorization" in asked.headers:
            return self.refuse(403, "forbidden")
        first, last, size = (int(n) for n in re.findall(r"\d+", asked.headers["content-range"]))
        data: bytearray = session["data"]
        if first != len(data) or last - first + 1 != len(asked.body) or size != session["item"]["size"]:
            return self.refuse(416, "InvalidRange", "The uploaded fragment does not follow.")
        if len(asked.body) > self.largest:
            return self.refuse(413, "RequestEntityTooLarge", "The request is too large.")
        data += asked.body
        if len(data) < size:
            return as_json({"nextExpectedRanges": [f"{len(data)}-"]})
        item = session["item"]
        session["draft"].append((item["name"], item["contentType"], bytes(data), item.get("contentId", "")))
        return Said(201)

    def _draft(self, asked: Asked, path: list[str]) -> Said:
        """A mail that is being written: made of MIME, given files, sent or thrown away."""
        if not self.may_write:
            return self.refuse(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        if len(asked.body) > self.largest:
            return self.refuse(413, "RequestEntityTooLarge", "The request is too large.")
        if not path:
            id = f"draft{next(self.numbers)}="
            self.drafts[id] = (base64.b64decode(asked.body, validate=True), [])
            return as_json({"id": id, "isDraft": True}, 201)
        raw, files = self.drafts[path[0]]
        if asked.method == "DELETE":
            del self.drafts[path[0]]
            return Said(204)
        if path[1:] == ["send"]:
            del self.drafts[path[0]]
            self.sent_files.append(files)
            self.take_out(raw)
            return Said(202)
        if path[-1] == "createUploadSession":
            id = f"session{next(self.numbers)}"
            self.sessions[id] = {"draft": files, "item": asked.json["AttachmentItem"], "data": bytearray()}
            return as_json({"uploadUrl": f"{self.url}/upload/{id}"}, 201)
        given = asked.json
        if "bad" in given["name"]:
            return self.refuse(400, "ErrorInvalidAttachment", "The attachment is not valid.")
        data = base64.b64decode(given["contentBytes"], validate=True)
        files.append((given["name"], given["contentType"], data, given.get("contentId", "")))
        return as_json({"id": "file"}, 201)

    def _send(self, asked: Asked) -> Said:
        if len(asked.body) > self.largest:
            return self.refuse(413, "RequestEntityTooLarge", "The request is too large.")
        if asked.headers["content-type"] != "text/plain":
            return self.refuse(400, "BadRequest", "Not MIME")
        raw = base64.b64decode(asked.body, validate=True)
        if b"refused@" in raw:
            return self.refuse(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
        self.take_out(raw)
        return Said(202)
