"""What is on the demo customers' phone: an app for each platform, with the simulator that stands for the platform.

An app knows how its platform posts what a customer writes and how it proves that, and reads what the desk handed to it.
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from parley.channels.slack.payload import escaped, plain
from parley.demo.simulators import line, mastodon, meta, reviews, slack, telegram, twilio, viber, x
from parley.demo.simulators.server import Asked, Platform, Said
from parley.demo.templates import TEMPLATES, filled

SECRET = "shared"
VERIFY = "only the demo asks for it"


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """A customer as platforms know them. place: among the customers of the demo."""

    place: int
    name: str
    mail: str

    @property
    def number(self) -> str:
        """Numbers that are kept free for stories: Ireland's 020 91X, without the plus."""
        return f"35320913{self.place:04}"

    @property
    def id(self) -> str:
        return str(7_000_000 + self.place)

    @property
    def handle(self) -> str:
        return self.mail.partition("@")[0].replace(".", "_")


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """data: its bytes. type: image/jpeg or the like."""

    data: bytes
    type: str


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook: what is posted to the desk."""

    body: bytes
    headers: dict[str, str]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the platform took from the desk. to: who gets it. about: the post or review that it answers."""

    to: str
    text: str
    name: str
    choices: tuple[tuple[str, str], ...] = ()
    about: str = ""
    picture: Picture | None = None


class App(ABC):
    """One platform, for one brand. ways: how a customer may write there, where there are several.

    posts: it tells the desk at once, else the desk comes and looks. public: everybody reads it. tells: of messages
    delivered and read. bot: a machine may answer there. pictures: they can be sent to the desk. calls: one rings there
    and writes nothing.
    """

    key = label = channel = ""
    ways: ClassVar[Mapping[str, str]] = {}
    posts, public, stars, bot, tells, pictures, calls = True, False, False, True, True, False, False

    service: Platform
    path = ""  # behind the inbox's address
    hook = ""  # the address to which it posts

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Of the desk's inbox, so that it finds the simulator in the platform's place."""

    @classmethod
    def address(cls, who: Who) -> str:
        """Under which the platform knows them."""
        return who.id

    @abstractmethod
    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post | None:
        """What is posted when they write. None: it stands there until the desk looks."""

    def shows(self, who: Who, name: str, text: str, picture: Picture) -> Post:
        """What is posted when they send a picture; asked of those with `pictures` alone."""
        raise NotImplementedError

    @abstractmethod
    def took(self, asked: Asked, said: Said) -> Taken | None:
        """The message in a question that the platform said yes to."""

    def news(self, who: Who, name: str, state: str) -> Post | None:
        """What is posted when a message of the desk's was delivered, or read."""
        return None

    def presses(self, who: Who, name: str, label: str, value: str) -> Post | None:
        """What is posted when a button is pressed; where there are none, the words are sent."""
        return self.says(who, name, label, "", 0)

    def goes_on(self, value: str) -> tuple[tuple[str, str], ...]:
        """What the customer can do next after they wrote (an empty value), or pressed this."""
        return ()


class Meta(App):
    """What WhatsApp, Messenger and Instagram share."""

    def __init__(self) -> None:
        self.service = self.meta = meta.MetaService()

    def settings(self) -> dict[str, Any]:
        return {"token": meta.TOKEN, "app_secret": SECRET, "verify_token": VERIFY, "api": self.service.url}

    def post(self, body: bytes) -> Post:
        return Post(body=body, headers=meta.signed(body, SECRET))

    def took(self, asked: Asked, said: Said) -> Taken | None:
        if asked.method != "POST" or said.status != 200:
            return None
        parts = asked.parts if asked.is_form else {}
        told = json.loads(parts["recipient"].data) if parts else asked.json["recipient"]
        message = {} if parts else asked.json["message"]
        quick = tuple((one["title"], one["payload"]) for one in message.get("quick_replies", ()))
        return Taken(
            to=told.get("id") or str(told.get("comment_id", "")).partition("_")[0],
            text=message.get("text", ""),
            name=json.loads(said.body)["message_id"],
            choices=quick,
            picture=_picture(parts.get("filedata")),
        )

    def shown(self, who: Who, object: str, name: str, text: str, picture: Picture) -> Post:
        """As Messenger and Instagram tell of a picture: by an address that everybody may open."""
        self.meta.open[name] = (picture.data, picture.type)
        event = meta.direct(who.id, name, text) | {"timestamp": int(time.time() * 1000)}
        if not text:
            del event["message"]["text"]
        event["message"]["attachments"] = [{"type": "image", "payload": {"url": f"{self.service.url}/open/{name}"}}]
        return self.post(meta.batch(object, "9", event, time=int(time.time())))


class Whatsapp(Meta):
    key = channel = "whatsapp"
    label, pictures = "WhatsApp", True

    def __init__(self) -> None:
        super().__init__()
        self.meta.templates = list(TEMPLATES)

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "phone_number_id": "700", "number": "+353 20 913 9000", "account": "55"}

    @classmethod
    def address(cls, who: Who) -> str:
        return who.number

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post:
        return self._said(who, meta.cloud_text(who.number, name, text))

    def shows(self, who: Who, name: str, text: str, picture: Picture) -> Post:
        id = f"shown.{name}"
        self.meta.media[id] = (picture.data, picture.type)
        image = {"id": id, "mime_type": picture.type} | ({"caption": text} if text else {})
        return self._said(who, {"from": who.number, "id": name, "type": "image", "image": image})

    def presses(self, who: Who, name: str, label: str, value: str) -> Post:
        reply = {"type": "button_reply", "button_reply": {"id": value, "title": value}}
        return self._said(who, {"from": who.number, "id": name, "type": "interactive", "interactive": reply})

    def _said(self, who: Who, message: dict[str, Any]) -> Post:
        now = {"timestamp": str(int(time.time()))}
        contacts = [{"wa_id": who.number, "profile": {"name": who.name}}]
        return self._post(messages=[message | now], contacts=contacts)

    def news(self, who: Who, name: str, state: str) -> Post:
        told = {"id": name, "status": state, "timestamp": str(int(time.time())), "recipient_id": who.number}
        return self._post(statuses=[told])

    def _post(self, **things: Any) -> Post:
        value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "700"}, **things}
        entry = {"id": "55", "changes": [{"field": "messages", "value": value}]}
        return self.post(json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode())

    def took(self, asked: Asked, said: Said) -> Taken | None:
        if asked.method != "POST" or said.status != 200 or asked.path.endswith("/media"):
            return None
        body, kind = asked.json, asked.json["type"]
        part = body[kind]
        data, shown = self.meta.media.get(str(part.get("id")), (b"", ""))
        return Taken(
            to=body["to"],
            text=_words(kind, part),
            name=json.loads(said.body)["messages"][0]["id"],
            choices=_pressed(part) if kind == "interactive" else (),
            picture=Picture(data=data, type=shown) if kind == "image" else None,
        )


def _words(kind: str, part: dict[str, Any]) -> str:
    """What a person reads of a message of WhatsApp's; of a file without words its name."""
    if kind == "template":
        return filled(part)
    if kind == "interactive":
        return str(part["body"]["text"])
    return str(part.get("body") or part.get("caption") or part.get("filename") or "")


def _pressed(part: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Buttons, or the rows of a list: what stands there, and what is said by pressing it."""
    act = part["action"]
    if part["type"] == "button":
        return tuple((one["reply"]["title"], one["reply"]["title"]) for one in act["buttons"])
    return tuple((row.get("description", row["title"]), row["title"]) for one in act["sections"] for row in one["rows"])


def _picture(part: Any) -> Picture | None:
    """A field of a form that holds one."""
    return Picture(data=part.data, type=part.type) if part and part.type.startswith("image/") else None


class Messenger(Meta):
    key = channel = "messenger"
    label, pictures = "Messenger", True
    ways: ClassVar[Mapping[str, str]] = {"": "Message", "comment": "Comment under a post, for all to see"}

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post:
        if way == "comment":
            value: dict[str, Any] = {
                "item": "comment",
                "verb": "add",
                "comment_id": f"{who.id}_{name}",
                "message": text,
            }
            value |= {"from": {"id": who.id, "name": who.name}, "message": text, "created_time": int(time.time())}
            change = {"field": "feed", "value": value}
            return self.post(meta.batch("page", "9", changes=[change], time=int(time.time())))
        event = meta.direct(who.id, name, text) | {"timestamp": int(time.time() * 1000)}
        return self.post(meta.batch("page", "9", event, time=int(time.time())))

    def shows(self, who: Who, name: str, text: str, picture: Picture) -> Post:
        return self.shown(who, "page", name, text, picture)

    def news(self, who: Who, name: str, state: str) -> Post:
        kind = "read" if state == "read" else "delivery"
        now = int(time.time() * 1000)
        event = {"sender": {"id": who.id}, "recipient": {"id": "9"}, "timestamp": now, kind: {"mids": [name]}}
        return self.post(meta.batch("page", "9", event, time=int(time.time())))


class Instagram(Meta):
    key = channel = "instagram"
    label, pictures = "Instagram", True
    ways: ClassVar[Mapping[str, str]] = {"": "Message", "comment": "Comment under a post, for all to see"}

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "account": "9"}

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post:
        now = int(time.time())
        if way == "comment":
            author = {"id": who.id, "username": who.handle}
            value = {"id": f"{who.id}_{name}", "text": text, "from": author, "media": {"id": "11"}}
            return self.post(meta.batch("instagram", "9", changes=[{"field": "comments", "value": value}], time=now))
        return self.post(
            meta.batch("instagram", "9", meta.direct(who.id, name, text) | {"timestamp": now * 1000}, time=now)
        )

    def shows(self, who: Who, name: str, text: str, picture: Picture) -> Post:
        return self.shown(who, "instagram", name, text, picture)

    def news(self, who: Who, name: str, state: str) -> Post | None:
        """Instagram tells what was read, and nothing before that."""
        if state != "read":
            return None
        now = int(time.time())
        event = {"sender": {"id": who.id}, "recipient": {"id": "9"}, "timestamp": now * 1000, "read": {"mid": name}}
        return self.post(meta.batch("instagram", "9", event, time=now))


class Telegram(App):
    key = channel = "telegram"
    label, tells, pictures = "Telegram", False, True

    def __init__(self) -> None:
        self.service = self.telegram = telegram.TelegramService()
        self.updates = int(time.time())

    def settings(self) -> dict[str, Any]:
        return {"token": telegram.TOKEN, "webhook_secret": SECRET, "api": self.service.url, "bot": "wrenfield_bot"}

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post:
        person = self._person(who)
        said = {"message_id": int(name), "date": int(time.time()), "text": text, "from": person}
        return self._post(message=said | {"chat": person | {"type": "private"}})

    def shows(self, who: Who, name: str, text: str, picture: Picture) -> Post:
        id = f"shown-{name}"
        self.telegram.media[id] = picture.data
        said = {"message_id": int(name), "date": int(time.time()), "from": self._person(who), "caption": text}
        sizes = {"photo": [{"file_id": id, "file_size": len(picture.data)}]}
        return self._post(message=said | sizes | {"chat": self._person(who) | {"type": "private"}})

    def presses(self, who: Who, name: str, label: str, value: str) -> Post:
        stood = {"message_id": int(name.rpartition("/")[2] or 0), "chat": self._person(who) | {"type": "private"}}
        press = {"id": f"{who.id}{self.updates}", "from": self._person(who), "data": value, "message": stood}
        return self._post(callback_query=press)

    def _person(self, who: Who) -> dict[str, Any]:
        first, _, last = who.name.partition(" ")
        return {"id": int(who.id), "first_name": first, "last_name": last, "username": who.handle}

    def _post(self, **thing: Any) -> Post:
        self.updates += 1
        body = json.dumps({"update_id": self.updates, **thing}).encode()
        return Post(body=body, headers={"x-telegram-bot-api-secret-token": SECRET})

    def took(self, asked: Asked, said: Said) -> Taken | None:
        if "/send" not in asked.path or said.status != 200:
            return None
        parts = asked.parts if asked.is_form else {}
        told = {name: part.data.decode() for name, part in parts.items() if not part.name} if parts else asked.json
        markup = told.get("reply_markup", {})
        rows = (json.loads(markup) if isinstance(markup, str) else markup).get("inline_keyboard", [])
        choices = tuple((one["text"], one.get("url") or one["callback_data"]) for row in rows for one in row)
        named = json.loads(said.body)["result"]["message_id"]
        to, file = str(told["chat_id"]), parts.get("document")
        words = told.get("text") or told.get("caption") or (file.name if file else "")
        shown = _picture(parts.get("photo"))
        return Taken(to=to, text=words, name=f"{to}/{named}", choices=choices, picture=shown)


class Sms(App):
    key = channel = "sms"
    label, pictures = "SMS", True

    def __init__(self) -> None:
        self.service = self.twilio = twilio.TwilioService()

    def settings(self) -> dict[str, Any]:
        return {
            "number": twilio.NUMBER, "account": twilio.ACCOUNT, "token": twilio.TOKEN, "api": self.service.url,
            "look_back_minutes": 0, "callback": self.hook,
        }  # fmt: skip

    @classmethod
    def address(cls, who: Who) -> str:
        return f"+{who.number}"

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post:
        form = {"MessageSid": name, "SmsStatus": "received", "From": self.address(who), "To": twilio.NUMBER}
        return self._post(form | {"Body": text, "NumMedia": "0"})

    def shows(self, who: Who, name: str, text: str, picture: Picture) -> Post:
        path = f"/2010-04-01/Accounts/{twilio.ACCOUNT}/Messages/{name}/Media/ME{name}"
        self.twilio.media[path] = (picture.data, picture.type)
        form = {"MessageSid": name, "SmsStatus": "received", "From": self.address(who), "To": twilio.NUMBER}
        medium = {"NumMedia": "1", "MediaUrl0": f"{self.service.url}{path}", "MediaContentType0": picture.type}
        return self._post(form | medium | {"Body": text})

    def news(self, who: Who, name: str, state: str) -> Post | None:
        """A network tells that the phone has it; nobody tells that it was read."""
        if state != "delivered":
            return None
        return self._post({"MessageSid": name, "MessageStatus": state, "To": self.address(who)})

    def _post(self, form: dict[str, str]) -> Post:
        body = urlencode(form).encode()
        return Post(body=body, headers=twilio.signed(self.hook, body))

    def took(self, asked: Asked, said: Said) -> Taken | None:
        if asked.method != "POST" or said.status != 201:
            return None
        return Taken(to=asked.form["To"], text=asked.form["Body"], name=json.loads(said.body)["sid"])


class Line(App):
    key = channel = "line"
    label, tells, pictures = "LINE", False, True

    def __init__(self) -> None:
        self.service = self.line = line.LineService()

    def settings(self) -> dict[str, Any]:
        here = self.service.url
        return {"token": line.TOKEN, "channel_secret": line.SECRET, "api": here, "content_api": here}

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post:
        body = line.batch(line.event(f"U{who.id}", name, text, int(time.time() * 1000)))
        return Post(body=body, headers=line.signed(body))

    def shows(self, who: Who, name: str, text: str, picture: Picture) -> Post:
        """LINE knows no words below a picture: they come behind it."""
        self.line.media[name] = (picture.data, picture.type)
        shown = line.event(f"U{who.id}", name, "", int(time.time() * 1000))
        shown["message"] = {"id": name, "type": "image", "contentProvider": {"type": "line"}}
        words = [line.event(f"U{who.id}", f"{name}w", text, int(time.time() * 1000))] if text else []
        body = line.batch(shown, *words)
        return Post(body=body, headers=line.signed(body))

    @classmethod
    def address(cls, who: Who) -> str:
        return f"U{who.id}"

    def took(self, asked: Asked, said: Said) -> Taken | None:
        if asked.method != "POST" or said.status != 200:
            return None
        name = json.loads(said.body)["sentMessages"][-1]["id"]
        parts = asked.json["messages"]
        acts = [one["action"] for one in parts[-1].get("quickReply", {}).get("items", ())]
        choices = tuple((act["label"], act["text"]) for act in acts)
        return Taken(to=asked.json["to"], text="\n\n".join(p["text"] for p in parts), name=name, choices=choices)

    def presses(self, who: Who, name: str, label: str, value: str) -> Post:
        return self.says(who, name, value, "", 0)


class Viber(App):
    key = channel = "viber"
    label, pictures = "Viber", True

    def __init__(self) -> None:
        self.service = self.viber = viber.ViberService()

    def settings(self) -> dict[str, Any]:
        return {"token": viber.TOKEN, "api": self.service.url}

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post:
        return self._post(viber.message(who.id, who.name, int(name), text, int(time.time() * 1000)))

    def shows(self, who: Who, name: str, text: str, picture: Picture) -> Post:
        self.viber.media[name] = (picture.data, picture.type)
        shown = {"type": "picture", "media": f"{self.service.url}/open/{name}"}
        return self._post(viber.message(who.id, who.name, int(name), text, int(time.time() * 1000), **shown))

    def news(self, who: Who, name: str, state: str) -> Post:
        told = "seen" if state == "read" else state
        return self._post(viber.reached(who.id, int(name), told, int(time.time() * 1000)))

    def _post(self, body: bytes) -> Post:
        return Post(body=body, headers=viber.signed(body))

    def took(self, asked: Asked, said: Said) -> Taken | None:
        told = json.loads(said.body) if asked.method == "POST" else {}
        if told.get("status") != 0:
            return None
        keys = asked.json.get("keyboard", {}).get("Buttons", ())
        choices = tuple((key["Text"], key["ActionBody"]) for key in keys)
        named = str(told["message_token"])
        return Taken(to=asked.json["receiver"], text=asked.json["text"], name=named, choices=choices)


class Slack(App):
    key = channel = "slack"
    label, tells, pictures = "Slack", False, True

    def __init__(self) -> None:
        self.service = self.slack = slack.SlackService()

    def settings(self) -> dict[str, Any]:
        return {"token": slack.TOKEN, "signing_secret": slack.SECRET, "api": self.service.url, "look_back_minutes": 0}

    @classmethod
    def address(cls, who: Who) -> str:
        return f"T1/U{who.id}"

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post:
        return self._post(who, name, text)

    def shows(self, who: Who, name: str, text: str, picture: Picture) -> Post:
        self.slack.media[name] = (picture.data, picture.type)
        url = f"{self.service.url}/files/{name}"
        file = {"name": f"photo.{picture.type.partition('/')[2]}", "mimetype": picture.type, "url_private": url}
        return self._post(who, name, text, subtype="file_share", files=[file | {"size": len(picture.data)}])

    def _post(self, who: Who, name: str, text: str, **more: Any) -> Post:
        ts = f"{int(time.time())}.{int(name) % 1_000_000:06}"
        body = slack.event(f"Ev{name}", f"U{who.id}", ts, escaped(text), f"D{who.id}", **more)
        return Post(body=body, headers=slack.signed(body))

    def took(self, asked: Asked, said: Said) -> Taken | None:
        told = json.loads(said.body) if asked.method == "POST" and said.status == 200 else {}
        if not told.get("ok"):
            return None
        to = f"T1/U{asked.json['channel'].removeprefix('D')}"
        return Taken(to=to, text=plain(asked.json["text"]), name=f"{told['channel']}/{told['ts']}")


class X(App):
    key = channel = "x"
    label, tells = "X", False
    ways: ClassVar[Mapping[str, str]] = {"": "Message", "post": "Post that names the shop, for all to see"}

    def __init__(self) -> None:
        self.service = self.x = x.XService()
        self.authors: dict[str, str] = {}

    def settings(self) -> dict[str, Any]:
        return {**x.KEYS, "account": x.ACCOUNT, "minutes": 0, "api": self.service.url}

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post:
        now = str(int(time.time() * 1000))
        if way == "post":
            self.authors[name] = who.id
            user = {"id_str": who.id, "name": who.name, "screen_name": who.handle}
            created = {"id_str": name, "text": f"@wrenfield {text}", "user": user, "timestamp_ms": now}
            return self._post(tweet_create_events=[created])
        event: dict[str, Any] = x.direct(who.id, name, text) | {"created_timestamp": now}
        users = {who.id: {"id": who.id, "name": who.name, "screen_name": who.handle}}
        return self._post(direct_message_events=[event], users=users)

    def _post(self, **events: Any) -> Post:
        body = json.dumps({"for_user_id": x.ACCOUNT, **events}).encode()
        return Post(body=body, headers=x.signed(body))

    def took(self, asked: Asked, said: Said) -> Taken | None:
        if said.status != 201:
            return None
        told = json.loads(said.body)["data"]
        if asked.path == "/2/tweets":
            above = asked.json["reply"]["in_reply_to_tweet_id"]
            self.authors[told["id"]] = who = self.authors.get(above, "")
            return Taken(to=who, text=asked.json["text"], name=told["id"], about=above)
        return Taken(to=asked.path.split("/")[-2], text=asked.json.get("text", ""), name=told["dm_event_id"])


class Mastodon(App):
    key = channel = "mastodon"
    label = "Mastodon"
    posts, public, bot, tells = False, True, False, False

    def __init__(self) -> None:
        self.service = self.server = mastodon.MastodonService()

    def settings(self) -> dict[str, Any]:
        here = {"server": self.service.url, "account": "@wrenfield@walkers.example"}
        return {**here, "token": mastodon.TOKEN, "seconds": 5}

    @classmethod
    def address(cls, who: Who) -> str:
        return f"{who.handle}@walkers.example"

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> None:
        self.server.mentions(self.address(who), f"<p>{_html(text)}</p>")

    def took(self, asked: Asked, said: Said) -> Taken | None:
        if asked.path != "/api/v1/statuses" or asked.method != "POST" or said.status != 200:
            return None
        status = json.loads(said.body)
        to, _, words = status["content"].removeprefix("@").partition(" ")
        return Taken(to=to, text=words, name=status["id"], about=status.get("in_reply_to_id") or "")


class Review(App):
    key, channel = "review", "reviews"
    label = "Google review"
    posts, public, stars, bot, tells = False, True, True, False, False

    def __init__(self) -> None:
        self.service = self.place = reviews.ReviewService("google")
        self.authors: dict[str, str] = {}

    def settings(self) -> dict[str, Any]:
        here = self.service.url
        return {
            "platform": "google", "place": "accounts/1/locations/2", "minutes": 1, "client_id": "demo",
            "client_secret": "demo", "refresh_token": f"demo {here}", "api": here, "token_url": f"{here}/token",
        }  # fmt: skip

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> None:
        self.authors[name] = who.id
        self.place.writes(name, stars or 3, text, datetime.now(UTC), name=who.name)

    def took(self, asked: Asked, said: Said) -> Taken | None:
        if asked.method != "PUT" or said.status != 200:
            return None
        review = asked.path.split("/")[-2]
        named = sha256(asked.body).hexdigest()[:12]
        return Taken(to=self.authors.get(review, ""), text=asked.json["comment"], name=named, about=review)


class Calls(App):
    """The telephone itself: a telephone system in the shop's cellar tells the desk of each call, as Zammad's interface
    for such systems has it. Nobody speaks; the customer plays both ends."""

    key, channel = "call", "cti"
    label, bot, tells, calls = "Call", False, False, True
    path = "/the-demo-s-own-telephone-system"
    PICKS_UP, HANGS_UP = ("The shop picks up", "answer"), ("Hang up", "hangup")

    def __init__(self) -> None:
        self.service = Platform()
        self.ringing: dict[str, str] = {}  # customer → the call's name

    def settings(self) -> dict[str, Any]:
        return {"path_token": self.path[1:], "country_code": "353"}

    @classmethod
    def address(cls, who: Who) -> str:
        return f"+{who.number}"

    def says(self, who: Who, name: str, text: str, way: str, stars: int) -> Post:
        self.ringing[who.id] = name
        return self._post(who, event="newCall", queue="Shop")

    def presses(self, who: Who, name: str, label: str, value: str) -> Post:
        more = {"user": ["Orla Brennan"]} if value == "answer" else {"cause": "normalClearing"}
        return self._post(who, event=value, **more)

    def goes_on(self, value: str) -> tuple[tuple[str, str], ...]:
        return {"": (self.PICKS_UP, self.HANGS_UP), "answer": (self.HANGS_UP,)}.get(value, ())

    def _post(self, who: Who, **told: Any) -> Post:
        call = {"callId": self.ringing.get(who.id, "none"), "from": who.number, "to": "353209139000", "direction": "in"}
        return Post(body=json.dumps(call | told).encode(), headers={"content-type": "application/json"})

    def took(self, asked: Asked, said: Said) -> Taken | None:
        return None


APPS: tuple[type[App], ...] = (
    Whatsapp, Sms, Calls, Telegram, Messenger, Instagram, X, Mastodon, Review, Line, Viber, Slack,
)  # fmt: skip


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br>")
