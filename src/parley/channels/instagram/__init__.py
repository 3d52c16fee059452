"""Instagram: direct messages, story answers and mentions, and comments, by webhook; answers go out by the Graph API.

Works with Instagram's own login (graph.instagram.com) and with a Facebook page (graph.facebook.com): the shape is the
same. Every event of a batch becomes a delivery of its own.
"""

from datetime import timedelta
from typing import Any

import msgspec

from parley.channels import meta
from parley.channels.calling import lacking, one_after_another, post_json, secret
from parley.channels.fetching import get, with_ending
from parley.channels.instagram.facts import COMMENT, facts_of
from parley.channels.instagram.payload import body_of
from parley.core.channel import Attached, Delivery, Door, Inbound, Inbox, Manifest, Outbound, Receipt, Remote
from parley.core.errors import SendFailed, Unreadable
from parley.core.webhook import Call, Handshake, Posted

PASSING = {1, 2, 4, 17, 613, 80002}  # Meta's codes for limits and trouble of its own
LONGEST = 1000
CLOSED_WINDOW, LOGGED_OUT, NO_CONSENT = 10, 190, 230


class InstagramSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an Instagram inbox needs.

    account: the account's number at Meta; what it wrote itself is told by it.
    token: the account's access token; it ends after 60 days unless it is renewed. May be `env:NAME`.
    app_secret: signs what Meta posts; may be `env:NAME`.
    verify_token: the word that Meta repeats when the webhook is set up; may be `env:NAME`.
    human_agent: Meta let this app answer for seven days, where a person does.
    api: address of the Graph API with its version.
    """

    account: str = ""
    token: str = ""
    app_secret: str = ""
    verify_token: str = ""
    human_agent: bool = False
    api: str = "https://graph.instagram.com/v23.0"


class Instagram:
    manifest = Manifest(
        name="instagram",
        label="Instagram",
        glyph="image",
        identity_kind="instagram",
        threads="identity",
        text_limit=LONGEST,
        quick=meta.QUICK,
        window=timedelta(hours=24),
        patience=timedelta(days=7),
        vouches=True,
        rings=True,
        settings=InstagramSettings,
    )

    def window(self, inbox: Inbox) -> timedelta:
        return timedelta(days=7) if inbox.settings.human_agent else timedelta(hours=24)

    def webhook(self, request: Call, inbox: Inbox) -> list[Posted] | Handshake:
        return meta.taken(request, inbox.settings)

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        try:
            return facts_of(body_of(delivery.raw), inbox.settings.account)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unreadable(f"This is not what Instagram posts: {error}.") from error

    async def listen(self, door: Door) -> None:
        """Deliveries come through the web room: /hooks/NUMBER."""

    async def send(self, message: Outbound, inbox: Inbox) -> Receipt:
        if not secret(inbox.settings.token):
            raise SendFailed("This inbox has no access token. Enter the account's.", permanent=True)
        answered = message.in_reply_to or ""
        comment = answered.removeprefix(COMMENT) if answered.startswith(COMMENT) else ""
        said = meta.texts(message, LONGEST, comment)
        return await one_after_another(said, lambda part: _send(message, comment, part, inbox))

    async def fetch(self, remote: Remote, inbox: Inbox) -> Attached:
        """Media lies open at an address that ends after some days; stories after one."""
        data, kind = await get(remote.ref, self.manifest.file_limit, inbox.settings.api)
        return Attached(name=with_ending(remote.name, kind), type=kind, data=data)

    def check(self, inbox: Inbox) -> list[str]:
        needed = {
            "account": "It has no account number, so what you write yourselves cannot be told apart.",
            "token": "It has no access token, so nothing can be sent. Make one in Meta's app dashboard.",
            "app_secret": "It has no app secret, so every webhook is refused. Copy it from Meta's app dashboard.",
            "verify_token": "It has no verify token. Choose a word and enter it at Meta as well.",
        }
        return lacking(inbox.settings, needed)


async def _send(message: Outbound, comment: str, said: dict[str, Any], inbox: Inbox) -> Receipt:
    """A comment's writer is answered in private, by the name of the comment: Meta allows that once, for seven days."""
    ours = inbox.settings
    to = {"comment_id": comment} if comment else {"id": message.to.value}
    body: dict[str, Any] = {"recipient": to, "message": said}
    if ours.human_agent and not message.automatic:
        body |= {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    headers = {"authorization": f"Bearer {secret(ours.token)}"}
    status, told = await post_json(f"{ours.api}/{ours.account or 'me'}/messages", body, headers)
    if status >= 400:
        raise _refusal(status, told)
    return Receipt(provider_id=told.get("message_id") if isinstance(told, dict) else None)


def _refusal(status: int, said: Any) -> SendFailed:
    sentences = {
        CLOSED_WINDOW: "More than 24 hours have passed since the customer wrote.",
        LOGGED_OUT: "Instagram's access token has ended. Make a new one and enter it in the inbox's settings.",
        NO_CONSENT: "The customer has not agreed to messages from this account.",
    }
    code = meta.error_of(said)[0]
    if code in sentences:
        return SendFailed(sentences[code], permanent=True)
    return meta.refusal("Instagram", status, said, PASSING)


channel = Instagram()
