"""What of a mail is its text, what its HTML, and what its files."""

import re

from parley.channels.email.charsets import decode
from parley.channels.email.enriched import html_of_enriched
from parley.channels.email.flowed import evened, unflowed
from parley.channels.email.markup import rough_text, sanitised, text_from
from parley.channels.email.mime import Part, headers, split, uudecoded
from parley.channels.email.words import parameter, text_of
from parley.core.channel import Attached

HTML_BYTES = 2 * 1024 * 1024
TEXT_BYTES = 2 * 1024 * 1024
_HIDDEN = dict.fromkeys(
    [*range(0x20), 0x7F, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF]
)
_UU = re.compile(r"^begin [0-7]{3,4} ([^\n]{1,200})\n((?:[ -`]{1,62}\n)+?)(?:[ `]?\n)?end[ \t]*$", re.M)
_GUESSED = "application/octet-stream"
_UNSAFE = re.compile(r'[<>:"|?*]')
_ENDINGS = {
    "text/calendar": "ics", "text/html": "html", "text/plain": "txt", "text/csv": "csv", "image/jpeg": "jpg",
    "image/png": "png", "image/gif": "gif", "application/pdf": "pdf", "message/rfc822": "eml",
}  # fmt: skip


class Bodies:
    """Collects while the tree is walked. `shown` is what a reader sees, in order: (text, html) pairs."""

    def __init__(self) -> None:
        self.shown: list[tuple[str | None, str | None]] = []
        self.files: list[Attached] = []
        self.origins: list[Part] = []  # the part each file comes from
        self.text = ""
        self.html: str | None = None


def collected(mail: Part) -> Bodies:
    """The whole: every text a reader would see joined, and all the rest as files."""
    bodies = Bodies()
    _take(mail, bodies)
    _join(bodies)
    return bodies


def _take(part: Part, bodies: Bodies) -> None:
    if part.type == "multipart/alternative" and part.children:
        _take_alternative(part, bodies)
    elif part.type == "multipart/related" and part.children:
        _take_related(part, bodies)
    elif part.children:
        for child in part.children:
            _take(child, bodies)
    elif part.type == "text/html" and not _is_file(part):
        bodies.shown.append((None, html_of(part)))
    elif part.type in ("text/enriched", "text/richtext") and not _is_file(part):
        bodies.shown.append((None, html_of_enriched(plain_of(part))))
    elif part.type.startswith(("text/plain", "multipart/")) and not _is_file(part):
        text, files = without_uuencoded(plain_of(part))
        bodies.shown.append((text, None))
        bodies.files += [Attached(name=safe_name(name), type=_GUESSED, data=data) for name, data in files]
        bodies.origins += [part] * len(files)
    else:
        _keep(part, bodies)


def _keep(part: Part, bodies: Bodies) -> None:
    bodies.files.append(_file(part))
    bodies.origins.append(part)


def _take_alternative(part: Part, bodies: Bodies) -> None:
    """One thing said several ways: keep its text and its HTML as a pair, and files from within either."""
    inner = [Bodies() for _ in part.children]
    for child, its in zip(part.children, inner, strict=True):
        _take(child, its)
    texts = [said for its in inner for said, _ in its.shown if said is not None]
    marked = [its for its in inner if any(html is not None for _, html in its.shown)]
    html = _joined_html(marked[-1].shown) if marked else None
    bodies.shown.append(("\n\n".join(dict.fromkeys(texts)) if texts else None, html))
    for its in inner:
        bodies.files += its.files
        bodies.origins += its.origins


def _take_related(part: Part, bodies: Bodies) -> None:
    """A page and what it is made of: only the page itself is shown, all else are its files."""
    start = part.parameters.get("start", "").strip("<> ")
    root = next((c for c in part.children if start and _cid(c) == start), part.children[0])
    _take(root, bodies)
    for child in part.children:
        if child is root:
            continue
        if child.children or child.type in ("text/html", "text/plain"):
            _take(child, bodies)
        else:
            _keep(child, bodies)


def _join(bodies: Bodies) -> None:
    """Text of each shown piece, made from its HTML where it has none; HTML of all when any has it."""
    texts = []
    pages: list[str] = []
    rich = any(html for _, html in bodies.shown)
    for text, html in bodies.shown:
        clean = sanitised(html) if html else None
        if not (text and text.strip()) and html:
            text = text_from(clean) if clean is not None else rough_text(html)
        if text and text.strip():
            texts.append(text)
        if rich:
            pages.append(clean if clean is not None else _as_html(text or ""))
    bodies.text = evened("\n\n".join(texts))
    bodies.html = "\n".join(page for page in pages if page.strip()) or None


def _joined_html(shown: list[tuple[str | None, str | None]]) -> str:
    return "\n".join(html if html is not None else _as_html(text or "") for text, html in shown)


def _as_html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<div style="white-space:pre-wrap">{escaped}</div>' if escaped.strip() else ""


def without_uuencoded(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Files that old senders write into the text itself, between `begin 644 name` and `end`."""
    if "\nend" not in text or not _UU.search(text):
        return text, []
    files: list[tuple[str, bytes]] = []

    def taken(found: re.Match[str]) -> str:
        data = uudecoded(found[2].encode("latin-1", "replace").splitlines())
        if not data:
            return found[0]
        files.append((found[1].strip(), data))
        return ""

    return _UU.sub(taken, text).rstrip(), files


def plain_of(part: Part) -> str:
    """A text part as text, flowed lines joined."""
    text = evened(decode(part.content()[:TEXT_BYTES], part.parameters.get("charset", "")))
    text = text.replace("\ufffc", "")  # where Apple's clients had a picture
    if part.parameters.get("format", "").lower() == "flowed":
        return unflowed(text, part.parameters.get("delsp", "").lower() == "yes")
    return text


_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{1,40})", re.I)


def html_of(part: Part) -> str:
    """An HTML part as text; where the mail names no charset, the page may."""
    data = part.content()[:HTML_BYTES]
    charset = part.parameters.get("charset", "")
    if not charset:
        named = _META_CHARSET.search(data[:4096])
        charset = named.group(1).decode("ascii") if named else ""
    return decode(data, charset)


def _is_file(part: Part) -> bool:
    disposition, parameters = part.disposition
    if disposition == "attachment":
        return True
    named = any(key.startswith("filename") for key in parameters)
    return named or (part.type != "text/plain" and any(key.startswith("name") for key in part.parameters))


def _cid(part: Part) -> str:
    return text_of(part.first("content-id")).strip("<> ")


def _file(part: Part) -> Attached:
    return Attached(name=file_name(part), type=part.type[:127], data=_file_bytes(part), cid=_cid(part)[:500] or None)


def _file_bytes(part: Part) -> bytes:
    return part.content()


def file_name(part: Part) -> str:
    """A name that is safe to show and to save under: no path, nothing invisible, never empty."""
    name = parameter(part.disposition[1], "filename") or parameter(part.parameters, "name")
    if not name and part.type == "message/rfc822":
        name = text_of(headers(split(part.content())[0]).get("subject", [b""])[0])
        name = f"{name[:100]}.eml" if name else ""
    name = safe_name(name)
    return name or f"attachment.{_ENDINGS.get(part.type, 'bin')}"


def safe_name(name: str) -> str:
    """Hidden characters go first, then the checks: a check before that can be fooled."""
    name = name.translate(_HIDDEN).replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = _UNSAFE.sub("_", name).strip(" .")
    if len(name) <= 150:
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem[:140]}.{ending}" if dot and len(ending) <= 9 else name[:150]
