"""Scripts, styles and pictures of the pages. Names with a hash in them are kept by browsers for a year."""

import gzip
import mimetypes
from hashlib import sha256
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from parley.core.errors import NotFound
from parley.web.security import PUBLIC
from parley.web.templating import HERE

FOLDER = (HERE / "static").resolve()
YEAR = "public, max-age=31536000, immutable"
MOMENT = "public, max-age=300"
_TEXTS = ("text/", "application/javascript", "application/json", "image/svg")


class Kept(msgspec.Struct, frozen=True):
    """A file in memory. packed: the same gzipped, where that pays."""

    made: float
    data: bytes
    packed: bytes | None
    type: str
    etag: str


_kept: dict[str, Kept] = {}


@get("/static/{path:path}", opt=PUBLIC, sync_to_thread=True, include_in_schema=False)
def static_file(request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
    kept = _find(path.lstrip("/"))
    headers = {
        "cache-control": YEAR if path.startswith("/dist/") and "-" in path else MOMENT,
        "etag": kept.etag,
        "vary": "accept-encoding",
    }
    if request.headers.get("if-none-match") == kept.etag:
        return Response(b"", status_code=304, headers=headers)
    if kept.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(kept.packed, media_type=kept.type, headers=headers | {"content-encoding": "gzip"})
    return Response(kept.data, media_type=kept.type, headers=headers)


def _find(path: str) -> Kept:
    """The file, read once and again when it was replaced. Nothing outside the folder can be named."""
    file = (FOLDER / path).resolve()
    if not file.is_relative_to(FOLDER) or not file.is_file():
        raise NotFound("There is no such file.")
    made = file.stat().st_mtime
    kept = _kept.get(path)
    if kept is None or kept.made != made:
        data = file.read_bytes()
        type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        packed = gzip.compress(data, 9, mtime=0) if type.startswith(_TEXTS) and len(data) > 500 else None
        kept = _kept[path] = Kept(made, data, packed, type, f'"{sha256(data).hexdigest()[:16]}"')
    return kept


def routes() -> list[ControllerRouterHandler]:
    return [static_file]
