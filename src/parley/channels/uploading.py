"""Files on their way to a platform that takes them as a form (RFC 7578)."""

import secrets
from collections.abc import Mapping

from parley.core.channel import Attached


def form_of(file: Attached, field: str, more: Mapping[str, str] | None = None) -> tuple[str, bytes]:
    """(content type, body) of a form with one file and further fields."""
    mark = secrets.token_hex(16)
    parts = [_part(mark, f'name="{name}"', value.encode()) for name, value in (more or {}).items()]
    kind = file.type if file.type.isascii() and file.type.isprintable() else "application/octet-stream"
    head = f'name="{field}"; filename="{_harmless(file.name)}"\r\ncontent-type: {kind}'
    return f"multipart/form-data; boundary={mark}", b"".join(
        [*parts, _part(mark, head, file.data), f"--{mark}--\r\n".encode()]
    )


def _part(mark: str, head: str, data: bytes) -> bytes:
    return f"--{mark}\r\ncontent-disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"


def _harmless(name: str) -> str:
    """Section 4.2: what would end the name or the line is escaped as browsers do it."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
