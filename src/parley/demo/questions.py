"""Questions the bot has never been shown, with the right answers: for measuring it, never for teaching it."""

from functools import cache
from importlib import resources

import msgspec

REASONS = (
    "human", "anger", "legal", "bereavement", "injury", "data_breach", "fraud", "self_harm", "staff", "press",
)  # fmt: skip
KINDS = ("status", "cancel", "return", "address")


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something an article answers. `slugs`: each of them is right, the best first. `brand` None: either."""

    text: str
    slugs: tuple[str, ...]
    brand: str | None = None


class Sensitive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something only a person may answer; `reason` is one of `REASONS`."""

    text: str
    reason: str


class OrderQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something about one order; `kind` is one of `KINDS`. `number` None: the customer gave none."""

    text: str
    kind: str
    number: int | None = None


class Questions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole set. `unanswerable`: no article and no order holds the answer."""

    answerable: tuple[Question, ...]
    unanswerable: tuple[str, ...]
    sensitive: tuple[Sensitive, ...]
    orders: tuple[OrderQuestion, ...]


@cache
def questions() -> Questions:
    """The held-out set."""
    text = resources.files("parley.demo").joinpath("questions.toml").read_text(encoding="utf-8")
    return msgspec.toml.decode(text, type=Questions)
