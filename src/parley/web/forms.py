"""Reading what a page sent: a form, whether url-encoded, multipart or empty, into a small struct."""

from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import UploadFile

from parley.core.channel import Attached
from parley.core.errors import Refused

T = TypeVar("T", bound=msgspec.Struct)


async def read_form(request: Request[Any, Any, Any], kind: type[T]) -> T:
    """The fields that `kind` names; others are left aside. Raises Refused, naming the field that is wrong."""
    sent = await request.form() if "form" in request.headers.get("content-type", "") else None
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        values = sent.getall(field.encode_name, []) if sent is not None else []
        if values:
            fields[field.encode_name] = values if _is_list(field.type) else values[-1]
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(f"The form cannot be read: {error}.") from error


def _is_list(kind: Any) -> bool:
    return getattr(kind, "__origin__", kind) in (list, tuple)


async def read_files(request: Request[Any, Any, Any], field: str = "files") -> list[Attached]:
    """Uploaded files of a multipart form. The type is what the browser says; `files.py` never trusts it."""
    if "multipart/form-data" not in request.headers.get("content-type", ""):
        return []
    found = []
    for part in (await request.form()).getall(field, []):
        if isinstance(part, UploadFile) and part.filename:
            found.append(Attached(name=part.filename, type=part.content_type, data=await part.read()))
    return found
