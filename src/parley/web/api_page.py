"""The page that describes the JSON API: made from its types, on the server, without any script."""

from typing import Any

import msgspec
from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One call. fields: (name, where, type, what it means) of what it takes."""

    method: str
    path: str
    about: str
    fields: tuple[tuple[str, str, str, str], ...]
    answer: str


class Type(msgspec.Struct, frozen=True, kw_only=True):
    """A struct of the wire with its fields (name, type)."""

    name: str
    about: str
    fields: tuple[tuple[str, str], ...]


class ReadablePage(OpenAPIRenderPlugin):
    """Shows the schema for people."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        page: str = request.app.state.room.page(
            "help/api.html", public=None, groups=groups(openapi_schema), types=types(openapi_schema)
        )
        return page.encode()


def groups(schema: dict[str, Any]) -> dict[str, list[Operation]]:
    """Calls by the part of the desk they belong to."""
    found: dict[str, list[Operation]] = {}
    for path, methods in schema.get("paths", {}).items():
        for method, call in methods.items():
            if isinstance(call, dict) and "responses" in call:
                found.setdefault(next(iter(call.get("tags") or ["desk"])), []).append(_operation(method, path, call))
    return found


def _operation(method: str, path: str, call: dict[str, Any]) -> Operation:
    fields = [
        (p["name"], p["in"], kind_of(p.get("schema", {})), p.get("description", "")) for p in call.get("parameters", ())
    ]
    body = call.get("requestBody", {}).get("content", {})
    for content, shape in body.items():
        fields.append(("body", content, kind_of(shape.get("schema", {})), ""))
    answers = [code for code in call["responses"] if code.startswith("2")]
    answered: dict[str, Any] = call["responses"][answers[0]].get("content", {}) if answers else {}
    shape = next((one.get("schema", {}) for one in answered.values()), {})
    return Operation(
        method=method.upper(),
        path=path,
        about=call.get("description") or call.get("summary", ""),
        fields=tuple(fields),
        answer=f"{answers[0]} {kind_of(shape)}".strip() if answers else "",
    )


def types(schema: dict[str, Any]) -> list[Type]:
    shapes: dict[str, Any] = schema.get("components", {}).get("schemas", {})
    return [
        Type(
            name=shape.get("title", name),
            about=shape.get("description", ""),
            fields=tuple((field, kind_of(kind)) for field, kind in shape.get("properties", {}).items()),
        )
        for name, shape in sorted(shapes.items())
    ]


def kind_of(shape: dict[str, Any]) -> str:
    """A schema in a few words: `integer`, `list of Event`, `string or null`."""
    if "$ref" in shape:
        return str(shape["$ref"]).rpartition("/")[2].rpartition(".")[2].rpartition("_")[2]
    if alternatives := shape.get("oneOf") or shape.get("anyOf"):
        names = list(dict.fromkeys(kind_of(one) for one in alternatives))
        return " or ".join(names) if len(names) <= 4 else "one of many"
    if shape.get("type") == "array":
        return f"list of {kind_of(shape.get('items', {}))}"
    if "enum" in shape:
        return " or ".join(str(value) for value in shape["enum"])
    kind = shape.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(shape.get("format") or kind)
