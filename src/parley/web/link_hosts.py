"""Where the links of a mail lead: the real host on each, and in plain sight where its words name another."""

import re
from html import escape, unescape
from urllib.parse import unquote

# What nh3 wrote: attributes in double quotes, elements closed.
_LINK = re.compile(r'<a\b((?:[^>"]|"[^"]*")*)>(.*?)</a>', re.S)
_HREF = re.compile(r' href="([^"]*)"')
_TAG = re.compile(r'<(?:[^>"]|"[^"]*")*>')
_IGNORED = re.compile(r"[\t\r\n]")  # by browsers, anywhere in an address
_WEB = re.compile(r"\s*https?:[/\\]*([^/\\?#]*)", re.I)
_NAMED = re.compile(r"(?:^|[\s(\[<\"'“@/])((?:[\w-]+\.)+[^\W\d_][\w-]*[^\W_])", re.I)
# What stands behind the dot of a file's name more often than of a host's.
_FILES = {"pdf", "doc", "docx", "xls", "xlsx", "csv", "txt", "png", "jpg", "jpeg", "gif", "htm", "html", "ics", "eml"}


def shown(html: str) -> str:
    """The HTML with the host of every web link as its tip, whatever tip the mail gave it; a link whose words name
    a host that it does not lead to bears the real one behind them."""
    return _LINK.sub(_told, html)


def _told(found: re.Match[str]) -> str:
    attributes, inside = found.groups()
    href = _HREF.search(attributes)
    host = host_of(unescape(href[1])) if href else ""
    if not host:
        return found[0]
    real = f'<span class="leads-to">{escape(host)}</span>' if misnamed(_words(inside), host) else ""
    return f'<a title="{escape(host)}"{attributes}>{inside}</a>{real}'  # of two tips the first counts


def _words(inside: str) -> str:
    return unescape(_TAG.sub(" ", inside))


def host_of(address: str) -> str:
    """The host that a browser goes to (WHATWG URL: any slashes, a name before @ means nothing); empty for no web link.

    In the letters of the DNS, so that one letter is not taken for another that looks like it.
    """
    web = _WEB.match(_IGNORED.sub("", address))
    if not web:
        return ""
    host = unquote(web[1].rpartition("@")[2]).strip().lower()
    host = re.sub(r":\d*$", "", host).rstrip(".")
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def misnamed(words: str, host: str) -> bool:
    """Whether the words name a host, and neither it nor one above or below it is where the link leads."""
    found = (one for one in _NAMED.findall(words) if one.rpartition(".")[2].lower() not in _FILES)
    named = [one.lower().removeprefix("www.") for one in found]
    bare = host.removeprefix("www.")
    return bool(named) and not any(_kin(_plain(one), bare) for one in named)


def _plain(name: str) -> str:
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _kin(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
