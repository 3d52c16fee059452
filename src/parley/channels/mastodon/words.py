"""A status in words: its HTML becomes text, and nothing of it is kept as HTML."""

import re
from html import unescape

from parley.channels.mastodon.payload import Media, Status

VISIBLE = {
    "public": "Public post",
    "unlisted": "Public post, not listed",
    "private": "For followers only",
    "direct": "Direct message",
}
MEDIA = {"image": "Photo", "video": "Video", "gifv": "Animation", "audio": "Audio"}

# Cut at every tag, in one pass: whatever is not closed stays text, and no text makes this slow.
_TAG = re.compile(r"(<[^<>]*>)")
_NAME = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_ATTRIBUTE = re.compile(r"([a-zA-Z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_SILENT = {"script", "style", "template", "title"}
_BREAKS = {"p": "\n\n", "br": "\n", "blockquote": "\n\n", "pre": "\n\n", "ul": "\n", "ol": "\n", "div": "\n"}


def words(status: Status, account: str) -> str:
    """Who can see it, its warning, its words and what is attached."""
    seen = VISIBLE.get(status.visibility, "")
    head = [f"[{seen}]"] if seen else []
    warning = [f"[Content warning: {status.spoiler_text.strip()}]"] if status.spoiler_text.strip() else []
    text = without_us(plain(status.content), account)
    poll = [f"• {option.title}" for option in status.poll.options] if status.poll else []
    attached = [_attached(one) for one in status.media_attachments]
    return "\n".join([*head, *warning, *([text] if text else []), *poll, *attached])


def plain(html: str) -> str:
    """The text that a reader sees, with links in full. No scripts, no tags, entities as signs."""
    found: list[str] = []
    silent, link = "", ""
    for part in _TAG.split(html):
        named = _NAME.match(part)
        tag = named[2].lower() if named else ""
        closing = bool(named and named[1])
        if silent:
            silent = "" if closing and tag == silent else silent
        elif tag in _SILENT and not closing:
            silent = tag
        elif tag == "a":
            link = "" if closing else _address(part)
            found.append(link)
        elif tag:
            found.append(_break(tag, closing))
        elif not link and not (part.startswith("<") and part.endswith(">")):
            found.append(unescape(part).replace("\u00a0", " "))
    lines = (line.rstrip() for line in "".join(found).strip().split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _address(tag: str) -> str:
    """Where a link leads, in place of its shortened words; empty for a mention or hashtag, whose words say more."""
    told = {name.lower(): double or single for name, double, single in _ATTRIBUTE.findall(tag)}
    href = unescape(told.get("href", ""))
    if {"mention", "hashtag"} & set(told.get("class", "").split()) or not href.startswith(("https://", "http://")):
        return ""
    return href


def _break(tag: str, closing: bool) -> str:
    if tag == "li":
        return "\n" if closing else "• "
    return _BREAKS.get(tag, "") if closing or tag == "br" else ""


def without_us(text: str, account: str) -> str:
    """Without our own name at its beginning, where everybody has to write it."""
    name = account.strip().removeprefix("@").partition("@")[0]
    if not name:
        return text
    return re.sub(rf"^(?:@{re.escape(name)}(?:@[\w.-]+)?(?![\w.@-])\s*)+", "", text, flags=re.I)


def _attached(media: Media) -> str:
    what = MEDIA.get(media.type, "File")
    return f"[{what}: {media.description.strip()}]" if media.description and media.description.strip() else f"[{what}]"
