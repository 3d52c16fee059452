"""Which encoder turns sentences into vectors: the one shipped with Parley, or one that the operator names."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from parley.core.errors import BadConfig, ParleyError

BUILT_IN = "builtin"


class Unreachable(ParleyError):
    """No vectors can be had just now. Whoever asks goes on by words; another try later may help."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """kind: builtin, folder, fastembed or endpoint. place: a folder or an address. model: its name. key: for the
    endpoint. prefix: stands before every text, for models that were trained with one ("query: ")."""

    kind: str = BUILT_IN
    place: str = ""
    model: str = ""
    key: str = ""
    prefix: str = ""

    def __repr__(self) -> str:
        """Without the key."""
        return f"Wish({self.kind} {self.place} {self.model})"


def wished(told: str, key: str = "", prefix: str = "") -> Wish:
    """From `builtin`, `folder:PATH`, `fastembed:NAME`, `fastembed:NAME@FOLDER` or `https://…/v1#MODEL`.

    Raises BadConfig with a sentence for anything else.
    """
    kind, _, rest = told.strip().partition(":")
    if told.strip() in ("", BUILT_IN):
        return Wish()
    if kind == "folder" and rest:
        return Wish(kind="folder", place=str(Path(rest).expanduser()), prefix=prefix)
    if kind == "fastembed" and rest:
        model, _, place = rest.partition("@")
        return Wish(kind="fastembed", model=model, place=str(Path(place).expanduser()) if place else "", prefix=prefix)
    if kind in ("http", "https"):
        return _endpoint(told.strip(), key, prefix)
    raise BadConfig(
        f"PARLEY_EMBEDDINGS is “{kind if rest else told}”. Write builtin, folder:PATH, fastembed:NAME, or the address"
        " of an OpenAI-compatible interface with its model, such as https://api.example.com/v1#model-name."
    )


def _endpoint(told: str, key: str, prefix: str) -> Wish:
    parts = urlsplit(told)
    if parts.username or parts.password:
        raise BadConfig("PARLEY_EMBEDDINGS holds a password. A key belongs into PARLEY_EMBEDDINGS_KEY.")
    if not parts.hostname or not parts.fragment:
        raise BadConfig(
            "PARLEY_EMBEDDINGS names an interface, but no model. Put it behind a #: https://api.example.com/v1#model-name."
        )
    place = told.partition("#")[0].rstrip("/")
    return Wish(kind="endpoint", place=place, model=parts.fragment, key=key, prefix=prefix)
