"""A mail's HTML: made harmless, and turned into text."""

import re
from html import unescape

import nh3

NODES = 50_000
DEPTH = 256
COPIED = 20_000_000_000
INLINE_IMAGE = 64 * 1024

_TAGS = {
    "a", "abbr", "address", "b", "big", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup",
    "dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font", "h1", "h2", "h3", "h4",
    "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "section", "small",
    "span", "strike", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr",
    "tt", "u", "ul", "var", "wbr",
}  # fmt: skip
_ANYWHERE = {"align", "dir", "lang", "style", "title", "valign"}
_CELL = {"bgcolor", "colspan", "height", "rowspan", "width", "nowrap"}
_ATTRIBUTES = {
    "*": _ANYWHERE,
    "a": {"href", "name"},
    "blockquote": {"type", "cite"},
    "font": {"color", "face", "size"},
    "img": {"alt", "data-remote-src", "height", "src", "width"},
    "ol": {"start", "type"},
    "table": {"bgcolor", "border", "cellpadding", "cellspacing", "height", "width"},
    "td": _CELL,
    "th": _CELL,
    "tr": {"bgcolor", "height"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "hr": {"size", "width", "noshade"},
}
_STYLES = {
    "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left", "border-radius",
    "border-right", "border-spacing", "border-style", "border-top", "border-width", "color", "direction", "display",
    "font", "font-family", "font-size", "font-style", "font-weight", "height", "letter-spacing", "line-height",
    "margin", "margin-bottom", "margin-left", "margin-right", "margin-top", "max-width", "min-width", "padding",
    "padding-bottom", "padding-left", "padding-right", "padding-top", "text-align", "text-decoration",
    "text-indent", "text-transform", "vertical-align", "white-space", "width", "word-break", "word-wrap",
}  # fmt: skip
_SCHEMES = {"http", "https", "mailto", "tel", "cid", "data"}
_PICTURE = re.compile(r"data:image/(?:png|gif|jpe?g|webp);base64,", re.I)
_REMOTE = re.compile(r"https?://", re.I)
# A picture with an address of each kind, and the second of them.
_TWICE = re.compile(r'(<img\b(?:[^>"]|"[^"]*")*? data-remote-src="[^"]*")((?:[^>"]|"[^"]*")*?) data-remote-src="[^"]*"')
_CALLS_OUT = re.compile(r"url\s*\(|image|\\|expression|@import", re.I)

# Elements that HTML closes by itself, or that hold nothing: they cannot nest without bound on their own.
_SHALLOW = {b"p", b"li", b"td", b"th", b"tr", b"dd", b"dt", b"br", b"img", b"hr", b"meta", b"link", b"input",
            b"col", b"wbr", b"option", b"html", b"head", b"body", b"o:p", b"area", b"base"}  # fmt: skip
_TAG_NAME = re.compile(rb"<(/?)([a-z][a-z0-9:]*)")


def sanitised(html: str) -> str | None:
    """HTML that runs nothing and fetches nothing; None when it is too large or too deep to be shown.

    Remote pictures carry their address in `data-remote-src` until somebody asks for them; `cid:` ones stay.
    """
    if _too_much(html):
        return None
    clean: str = _CLEANER.clean(html)
    if "remote" in clean:
        return _TWICE.sub(r"\1\2", clean.replace(' src="remote:', ' data-remote-src="'))
    return clean


def _attribute(tag: str, name: str, value: str) -> str | None:
    """A picture's address becomes `remote:…`, a scheme nobody fetches: no slip later can call home."""
    if name == "src":
        if value[:4].lower() == "cid:":
            return value
        if value[:5].lower() == "data:":
            return value if _PICTURE.match(value) and len(value) <= INLINE_IMAGE else None
        value = value.strip()
        value = f"https:{value}" if value.startswith("//") else value
        return f"remote:{value}" if _REMOTE.match(value) else None
    if name == "data-remote-src":
        return value if _REMOTE.match(value) else None
    if name == "style":
        return None if _CALLS_OUT.search(value) else value
    if name in ("href", "cite"):
        return None if value[:5].lower() in ("data:", "cid:") or value[:4].lower() == "cid:" else value
    return value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={"script", "style", "title", "noscript", "template", "svg", "math", "iframe", "object"},
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    url_schemes=_SCHEMES,
    filter_style_properties=_STYLES,
    link_rel="noopener noreferrer nofollow",
)


def _too_much(html: str) -> bool:
    """What nh3 would need more than about a second for. Estimated from above, cheaply.

    It needs time by the square of the depth (100,000 nested divs: 50 s), and copies a text once for
    each entity in it (400,000 of them in one paragraph: 17 s).
    """
    tags = html.count("<")
    if html.count("&") * len(html) > COPIED:
        return True
    return tags > 2 * DEPTH and (tags > 2 * NODES or _depth(html.encode("utf-8", "replace")) > DEPTH)


def _depth(html: bytes) -> int:
    """At most so deep: a closing tag counts only against open ones of its own name."""
    open_now: dict[bytes, int] = {}
    depth = deepest = 0
    for closing, name in _TAG_NAME.findall(html.lower()):
        if name in _SHALLOW:
            continue
        if not closing:
            open_now[name] = open_now.get(name, 0) + 1
            depth += 1
            deepest = max(deepest, depth)
        elif open_now.get(name):
            open_now[name] -= 1
            depth -= 1
    return deepest


# HTML to text. It reads what nh3 wrote: well-formed, known tags, double quotes. A pattern can do that.
_NODE = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:[^>"]|"[^"]*")*)>|<!--.*?-->|([^<]+)|<', re.S)
_HREF = re.compile(r' href="([^"]*)"')
_ALT = re.compile(r' alt="([^"]*)"')
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
_ROUGH_TAG = re.compile(r"<[^<>]{0,2000}>")
_BLOCKS = {"p", "div", "table", "ul", "ol", "dl", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "tr",
           "address", "center", "section", "figure", "hr", "li", "dt", "dd", "caption", "details"}  # fmt: skip
_SPACED = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "pre", "table"}


class _Writer:
    """Collects lines; knows how deep in quotes and lists it stands."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line = ""
        self.quotes = 0
        self.preformatted = 0
        self.lists: list[int | None] = []
        self.marker = ""
        self.links: list[tuple[str, int]] = []

    def say(self, text: str) -> None:
        if self.preformatted:
            first, *others = text.split("\n")
            self.line += first
            for other in others:
                self.end_line(keep_empty=True)
                self.line = other
            return
        text = _SPACES.sub(" ", text)
        if not self.line or self.line.endswith((" ", "\n")):
            text = text.lstrip(" ")
        self.line += text

    def end_line(self, keep_empty: bool = False) -> None:
        text = self.line if self.preformatted else self.line.rstrip(" ")
        self.line = ""
        if text.strip() or keep_empty:
            self.lines.append("> " * min(self.quotes, 20) + self.marker + text)
            self.marker = ""

    def blank(self) -> None:
        if self.lines and self.lines[-1].strip("> "):
            self.lines.append(("> " * min(self.quotes, 20)).rstrip())

    def text(self) -> str:
        self.end_line()
        return "\n".join(self.lines).strip("\n")


def text_from(html: str) -> str:
    """The text of sanitised HTML: paragraphs, lists, quotes as `> `, links with their address if it differs."""
    writer = _Writer()
    for match in _NODE.finditer(html):
        closing, tag, attributes, words = match.groups()
        if words is not None:
            writer.say(unescape(words))
        elif tag is not None:
            _element(writer, tag, bool(closing), attributes)
    return writer.text()


def rough_text(html: str) -> str:
    """Text of HTML that was refused for its size: tags out, nothing more."""
    return unescape(_ROUGH_TAG.sub(" ", html[:500_000])).strip()


def _element(writer: _Writer, tag: str, closing: bool, attributes: str) -> None:
    if tag == "br":
        writer.end_line(keep_empty=True)
    elif tag == "a":
        _link(writer, closing, attributes)
    elif tag == "img":
        alt = _ALT.search(attributes)
        writer.say(f"[{unescape(alt.group(1))}]" if alt and alt.group(1).strip() else "")
    elif tag in ("td", "th") and closing:
        writer.line += "  " if writer.line.strip() else ""
    elif tag in _BLOCKS:
        _block(writer, tag, closing)


def _link(writer: _Writer, closing: bool, attributes: str) -> None:
    if not closing:
        href = _HREF.search(attributes)
        writer.links.append((unescape(href.group(1)) if href else "", len(writer.line)))
    elif writer.links:
        address, start = writer.links.pop()
        words = writer.line[start:].strip()
        plain = address.removeprefix("mailto:")
        if words and address.startswith(("http", "mailto:")) and plain.rstrip("/") not in (words, f"https://{words}"):
            writer.say(f" <{plain}>")


def _block(writer: _Writer, tag: str, closing: bool) -> None:
    writer.end_line()
    if tag == "blockquote" and closing:
        writer.quotes = max(0, writer.quotes - 1)
    if tag in _SPACED and not (tag in ("ul", "ol") and len(writer.lists) > closing):
        writer.blank()
    if tag == "blockquote" and not closing:
        writer.quotes += 1
    elif tag == "pre":
        writer.preformatted = max(0, writer.preformatted + (-1 if closing else 1))
    elif tag in ("ul", "ol"):
        _list(writer, tag, closing)
    elif tag == "li" and not closing:
        writer.marker = _marker(writer)
    elif tag == "hr" and not closing:
        writer.lines.append("> " * min(writer.quotes, 20) + "---")


def _list(writer: _Writer, tag: str, closing: bool) -> None:
    if not closing:
        writer.lists.append(0 if tag == "ol" else None)
    elif writer.lists:
        writer.lists.pop()
    writer.marker = ""


def _marker(writer: _Writer) -> str:
    indent = "  " * max(0, min(len(writer.lists), 20) - 1)
    if not writer.lists or writer.lists[-1] is None:
        return f"{indent}- "
    writer.lists[-1] += 1
    return f"{indent}{writer.lists[-1]}. "
