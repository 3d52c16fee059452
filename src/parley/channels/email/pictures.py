"""Pictures inside our own words: where the text says `[name]` of an attached picture, its HTML shows the picture."""

from collections.abc import Sequence
from hashlib import sha256
from html import escape

import msgspec

from parley.core.channel import Attached

SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")  # what every reader of mail can show


def placed(text: str, html: str, files: Sequence[Attached]) -> tuple[str, tuple[Attached, ...]]:
    """The HTML of a text with its pictures in their places, and the files, of which those got a content id.

    The text itself keeps the words, which is what a reader without HTML sees above the attached picture.
    """
    found = []
    for number, file in enumerate(files):
        mark = escape(f"[{file.name}]")
        if file.cid or file.type.lower() not in SHOWN or f"[{file.name}]" not in text or mark not in html:
            found.append(file)
            continue
        cid = f"{sha256(f'{number}/{file.name}'.encode()).hexdigest()[:16]}@parley"
        picture = f'<img src="cid:{cid}" alt="{escape(file.name)}" style="max-width:100%;height:auto">'
        html = html.replace(mark, picture, 1)
        found.append(msgspec.structs.replace(file, cid=cid))
    return html, tuple(found)
