"""Bytes to text, whatever the mail claims its charset to be. Never raises."""

from encodings import aliases
from functools import lru_cache

# Codecs that are not character sets, or that cost more than linear time on hostile bytes (punycode).
_NOT_CHARSETS = {
    "base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec",
    "mbcs", "idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "tactis",
}  # fmt: skip
_KNOWN = {name: name for name in set(aliases.aliases.values()) - _NOT_CHARSETS}
_KNOWN |= {alias: name for alias, name in aliases.aliases.items() if name in _KNOWN}

# What senders say and what they mean: the label names the older set, the bytes are of the newer superset.
_MEANT = {
    "ascii": "cp1252",
    "latin_1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "cp950",
    "iso8859_9": "cp1254",
    "tis_620": "cp874",
    "iso2022_jp": "iso2022_jp_ext",
}
_ODD_NAMES = {
    "ks_c_5601_1987": "cp949",
    "ksc5601": "cp949",
    "x_sjis": "cp932",
    "windows_31j": "cp932",
    "x_euc_jp": "euc_jp",
    "x_gbk": "gb18030",
    "gb_2312_80": "gb18030",
    "windows_874": "cp874",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "x_mac_roman": "mac_roman",
    "macroman": "mac_roman",
    "x_mac_cyrillic": "mac_cyrillic",
    "utf8mb4": "utf_8",
    "utf_8_mac": "utf_8",
    "unicode_1_1_utf_7": "utf_7",
    "koi8": "koi8_r",
}
_WESTERN = {"cp1252", ""}
_SHIFTING = ("iso2022", "hz", "utf_7", "utf_16", "utf_32")
_UNSTORABLE = {0: None, **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)}


def decode(data: bytes, charset: str = "") -> str:
    """The text; U+FFFD where bytes make no sense. No NUL, no lone surrogates: no database takes those."""
    codec = _codec(charset)
    if codec.startswith(_SHIFTING):
        return _lenient(data, codec).translate(_UNSTORABLE)
    text = data.decode("ascii") if data.isascii() else _eight_bit(data, codec)
    return text.replace("\0", "") if "\0" in text else text


@lru_cache(maxsize=256)
def _codec(charset: str) -> str:
    name = charset.strip().strip("\"'").lower().replace("-", "_").replace(" ", "_").replace(":", "_")
    if not name or len(name) > 40:
        return ""
    found = _ODD_NAMES.get(name) or _KNOWN.get(name) or _KNOWN.get(name.replace("cp_", "cp")) or ""
    return _MEANT.get(found, found)


def _eight_bit(data: bytes, codec: str) -> str:
    """Valid UTF-8 wins over a Western label: real Latin text almost never happens to be valid UTF-8."""
    if codec in _WESTERN:
        return _strict(data, "utf_8") or _western(data)
    return _strict(data, codec) or _strict(data, "utf_8") or _lenient(data, codec)


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, LookupError):
        return None


def _western(data: bytes) -> str:
    """cp1252, with its five holes filled from Latin-1."""
    return _strict(data, "cp1252") or data.decode("latin_1")


def _lenient(data: bytes, codec: str) -> str:
    try:
        return data.decode(codec, "replace")
    except (UnicodeError, LookupError):
        return data.decode("utf_8", "replace")
