"""The words of posts and messages: links in full, signs for their entities; and what a text weighs (twitter-text 3)."""

import re
import unicodedata
from collections.abc import Sequence
from html import unescape

from parley.channels.weighing import ADDRESS, ADDRESS_WEIGHT
from parley.channels.x.payload import Entities, Media, Variant

MEDIA = {"photo": "Photo", "video": "Video", "animated_gif": "Animation"}

# Code points that count once; all others count twice (twitter-text, configuration 3).
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
_FACE = "[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_MARKED = f"{_FACE}[\ufe0f\U0001f3fb-\U0001f3ff]*"
_EMOJI = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|{_MARKED}(?:\u200d(?:{_MARKED}|[\u2640\u2642]\ufe0f?))*")


def weight(text: str) -> int:
    """What X counts: most letters of the West once, others twice, an address 23, an emoji twice with all its parts."""
    text = unicodedata.normalize("NFC", text)
    text, addresses = ADDRESS.subn("", text)
    text, faces = _EMOJI.subn("", text)
    return addresses * ADDRESS_WEIGHT + faces * 2 + sum(map(_weight_of, text))


def _weight_of(character: str) -> int:
    return 1 if any(low <= ord(character) <= high for low, high in _LIGHT) else 2


def words(text: str, entities: Entities | None, media: Sequence[Media], account: str) -> str:
    """The text without X's own short links and without our name at its beginning, and what is attached."""
    told = entities or Entities()
    attached = {one.url for one in media if one.url}
    for link in told.urls:
        hidden = link.media_key or link.url in attached
        text = text.replace(link.url, "" if hidden else link.expanded_url or link.url) if link.url else text
    for one in (*told.media, *media):
        text = text.replace(one.url, "") if one.url else text
    text = without_us(unescape(text), told, account).strip()
    return "\n".join([*([text] if text else []), *map(_attached, media)])


def without_us(text: str, entities: Entities, account: str) -> str:
    named = [*entities.user_mentions, *entities.mentions]
    ours = {one.screen_name or one.username for one in named if (one.id_str or str(one.id)) == account}
    names = "|".join(re.escape(name) for name in sorted(ours) if name)
    return re.sub(rf"^(?:@(?:{names})\b\s*)+", "", text, flags=re.I) if names and account else text


def address(media: Media) -> str:
    """Where its bytes lie: of a video the best of those that play everywhere."""
    variants = [*media.variants, *(media.video_info.variants if media.video_info else [])]
    playable = [one for one in variants if one.content_type == "video/mp4" and one.url]
    if playable:
        return max(playable, key=_quality).url
    return media.media_url_https or (media.url if "//t.co/" not in media.url else "") or media.preview_image_url


def _quality(one: Variant) -> int:
    return one.bitrate or one.bit_rate


def _attached(media: Media) -> str:
    alt = (media.alt_text or media.ext_alt_text or "").strip()
    what = MEDIA.get(media.type, "Something")
    return f"[{what}: {alt}]" if alt else f"[{what}]"
