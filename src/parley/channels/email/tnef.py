"""winmail.dat: Outlook's private wrapping (MS-OXTNEF) opened into text, HTML and files.

A small reader of our own: the one package for it is under the LGPL and does far more than a desk needs. Bounded,
raises ValueError on bytes that make no sense; then the file is shown as it came.
"""

import struct
from collections.abc import Iterator

import msgspec

from parley.channels.email.charsets import decode

_SIGNATURE = b"\x78\x9f\x3e\x22"
_ATTRIBUTES = 2000
_PROPERTIES = 5000

_NEW_FILE, _FILE_DATA, _FILE_TITLE, _FILE_PROPERTIES = 0x00069002, 0x0006800F, 0x00018010, 0x00069005
_BODY, _PROPERTIES_OF_ALL, _CODE_PAGE = 0x0002800C, 0x00069003, 0x00069007
_P_BODY, _P_HTML, _P_LONG_NAME, _P_NAME, _P_TYPE, _P_CID, _P_DATA = (
    0x1000,
    0x1013,
    0x3707,
    0x3704,
    0x370E,
    0x3712,
    0x3701,
)
# Sizes of MAPI values that have a fixed one, padded to four bytes.
_FIXED = {0x0002: 4, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, 0x000B: 4, 0x0014: 8, 0x0040: 8}
_FIXED |= {0x0048: 16, 0x0001: 4}
_TEXT_8, _TEXT_16, _OBJECT, _BINARY, _MANY = 0x001E, 0x001F, 0x000D, 0x0102, 0x1000


class File(msgspec.Struct):
    name: str = ""
    type: str = "application/octet-stream"
    cid: str = ""
    data: bytes = b""


class Opened(msgspec.Struct):
    text: str = ""
    html: str = ""
    files: list[File] = []


def opened(data: bytes) -> Opened:
    """What the wrapping holds. Raises ValueError."""
    if not data.startswith(_SIGNATURE):
        raise ValueError("no TNEF signature")
    found, charset = Opened(), "cp1252"
    try:
        for attribute, value in _attributes(data):
            if attribute == _CODE_PAGE and len(value) >= 4:
                charset = f"cp{struct.unpack_from('<I', value)[0]}"
            elif attribute == _NEW_FILE:
                found.files.append(File())
            elif attribute in (_BODY, _PROPERTIES_OF_ALL):
                _take_words(found, attribute, value, charset)
            elif found.files:
                _take_file(found.files[-1], attribute, value, charset)
    except struct.error as problem:
        raise ValueError("TNEF ends too early") from problem
    found.files = [file for file in found.files if file.data]
    return found


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 6
    for _ in range(_ATTRIBUTES):
        if place + 9 > len(data):
            return
        _, attribute, length = struct.unpack_from("<BII", data, place)
        if place + 9 + length > len(data):
            raise ValueError("a TNEF attribute is longer than the file")
        yield attribute, data[place + 9 : place + 9 + length]
        place += 9 + length + 2


def _take_words(found: Opened, attribute: int, value: bytes, charset: str) -> None:
    if attribute == _BODY:
        found.text = decode(value.rstrip(b"\0"), charset)
        return
    for name, content in _properties(value, charset):
        if name == _P_BODY and isinstance(content, str):
            found.text = content
        elif name == _P_HTML:
            found.html = content if isinstance(content, str) else decode(content, charset)


def _take_file(file: File, attribute: int, value: bytes, charset: str) -> None:
    if attribute == _FILE_DATA:
        file.data = value
    elif attribute == _FILE_TITLE:
        file.name = file.name or decode(value.rstrip(b"\0"), charset)
    elif attribute == _FILE_PROPERTIES:
        for name, content in _properties(value, charset):
            if name == _P_DATA and isinstance(content, bytes):
                file.data = file.data or content
            elif isinstance(content, str) and content:
                file.name = content if name == _P_LONG_NAME else file.name
                file.type = content if name == _P_TYPE else file.type
                file.cid = content if name == _P_CID else file.cid


def _properties(data: bytes, charset: str) -> Iterator[tuple[int, str | bytes]]:
    """MAPI properties that are text or bytes; numbers and dates are passed over."""
    (count,) = struct.unpack_from("<I", data)
    place = 4
    for _ in range(min(count, _PROPERTIES)):
        kind, name = struct.unpack_from("<HH", data, place)
        place += 4
        if name >= 0x8000:
            place = _after_name(data, place)
        values = 1
        if kind & _MANY or kind & 0xFFF in (_TEXT_8, _TEXT_16, _OBJECT, _BINARY):
            (values,) = struct.unpack_from("<I", data, place)
            place += 4
        for _ in range(min(values, _PROPERTIES)):
            content, place = _value(data, place, kind & 0xFFF, charset)
            if content is not None:
                yield name, content


def _after_name(data: bytes, place: int) -> int:
    """Behind the 16 bytes of a set's id and a number or a name within it."""
    (kind,) = struct.unpack_from("<I", data, place + 16)
    if kind == 0:
        return place + 24
    (length,) = struct.unpack_from("<I", data, place + 20)
    return place + 24 + _padded(length)


def _value(data: bytes, place: int, kind: int, charset: str) -> tuple[str | bytes | None, int]:
    if kind in _FIXED:
        return None, place + _FIXED[kind]
    if kind not in (_TEXT_8, _TEXT_16, _OBJECT, _BINARY):
        raise ValueError("an unknown kind of MAPI value")
    (length,) = struct.unpack_from("<I", data, place)
    if place + 4 + length > len(data):
        raise ValueError("a MAPI value is longer than its attribute")
    raw = data[place + 4 : place + 4 + length]
    after = place + 4 + _padded(length)
    if kind == _TEXT_8:
        return decode(raw, charset).rstrip("\0"), after
    if kind == _TEXT_16:
        return decode(raw, "utf-16-le").rstrip("\0"), after
    return (raw[16:] if kind == _OBJECT else raw), after


def _padded(length: int) -> int:
    return (length + 3) // 4 * 4
