"""Mail with large files through Microsoft Graph: a draft without them, each file put into it, then sent.

Source: Microsoft, "Create a draft message in MIME format", "Add attachment", "attachment: createUploadSession",
"Attach large files to Outlook messages". All of it needs the permission Mail.ReadWrite.
"""

import base64
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import quote

import msgspec

from parley.channels.email.rest import Service, ServiceError
from parley.core.channel import Attached

IN_ONE = 2_900_000  # bytes of a file that may go in one request; Microsoft says below 3 MB
PIECE = 12 * 320 * 1024  # bytes of a larger file at once; Microsoft says below 4 MB
DENIED = "Give the application Mail.ReadWrite, without which Microsoft 365 takes 3 MB at most, or set smtp_host"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    id: str


class Session(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    upload_url: str


async def send(service: Service, user: str, raw: bytes, files: Sequence[Attached], headers: dict[str, str]) -> None:
    """Raises ServiceError; nothing was sent then, and the draft is thrown away."""
    encoded = base64.b64encode(raw)
    try:
        made = await service.ask(
            "POST", f"{user}/messages", content=encoded, headers=headers | {"content-type": "text/plain"}, tries=1
        )
    except ServiceError as problem:
        raise _said(problem) from problem
    draft = f"{user}/messages/{quote(service.read(made, Draft).id, safe='')}"
    try:
        for file in files:
            await (_whole if len(file.data) <= IN_ONE else _in_pieces)(service, draft, file, headers)
        await service.ask("POST", f"{draft}/send", content=b"", headers=headers, tries=1)
    except ServiceError:
        with suppress(ServiceError):
            await service.ask("DELETE", draft, headers=headers, tries=1)
        raise


def _said(problem: ServiceError) -> ServiceError:
    """Microsoft's own words for a missing permission do not name it."""
    if problem.status == 403 and not problem.passing:
        return ServiceError(DENIED, problem.status, problem.code)
    return problem


async def _whole(service: Service, draft: str, file: Attached, headers: dict[str, str]) -> None:
    what = {
        "@odata.type": "#microsoft.graph.fileAttachment", "name": file.name, "contentType": file.type,
        "contentBytes": base64.b64encode(file.data).decode(), **_inside(file),
    }  # fmt: skip
    sent = headers | {"content-type": "application/json"}
    await service.ask("POST", f"{draft}/attachments", content=msgspec.json.encode(what), headers=sent, tries=1)


async def _in_pieces(service: Service, draft: str, file: Attached, headers: dict[str, str]) -> None:
    item = {"attachmentType": "file", "name": file.name, "size": len(file.data), "contentType": file.type}
    asked = msgspec.json.encode({"AttachmentItem": item | _inside(file)})
    sent = headers | {"content-type": "application/json"}
    answer = await service.ask("POST", f"{draft}/attachments/createUploadSession", content=asked, headers=sent)
    url = service.read(answer, Session).upload_url
    for start in range(0, len(file.data), PIECE):
        await service.put_piece(url, file.data[start : start + PIECE], start, len(file.data))


def _inside(file: Attached) -> dict[str, str | bool]:
    return {"isInline": True, "contentId": file.cid} if file.cid else {}
