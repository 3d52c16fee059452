"""What kind of file an upload is, told by its first bytes and not by what the browser claims."""

from parley.core.errors import Refused

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_OFFICE = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
_OLD_OFFICE = {"doc": "application/msword", "xls": "application/vnd.ms-excel"}
_TEXT = {"txt": "text/plain", "csv": "text/csv"}


def kind_of(name: str, data: bytes) -> str:
    """The type of a permitted file. Raises Refused for every other."""
    ending = name.rpartition(".")[2].lower()
    for magic, type in _MAGIC:
        if data.startswith(magic):
            return type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith(b"PK\x03\x04") and ending in _OFFICE:
        return _OFFICE[ending]
    if data.startswith(b"\xd0\xcf\x11\xe0") and ending in _OLD_OFFICE:
        return _OLD_OFFICE[ending]
    if ending in _TEXT and b"\x00" not in data[:4096]:
        return _TEXT[ending]
    raise Refused(f"“{name}” cannot be sent here: pictures, PDF, text and office documents can.")
