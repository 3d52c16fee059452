"""What the demo desk knows: articles (Markdown in `kb/`, TOML between `+++` lines) and prepared answers."""

from functools import cache
from importlib import resources

import msgspec


class Article(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the help centre. `brand` None: both. audience: public, or internal for agents.

    `wordings` are ways in which customers ask for it. The Markdown has no title line of its own.
    """

    slug: str
    title: str
    brand: str | None
    audience: str
    tags: tuple[str, ...]
    wordings: tuple[str, ...]
    markdown: str
    updated_days_ago: int


class _Front(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    title: str
    audience: str
    tags: tuple[str, ...]
    wordings: tuple[str, ...]
    updated_days_ago: int
    brand: str | None = None


class _Macro(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    text: str


class _Macros(msgspec.Struct, forbid_unknown_fields=True):
    macros: list[_Macro]


@cache
def articles() -> tuple[Article, ...]:
    """Every article, public and internal, by slug."""
    pages = (page for page in resources.files("parley.demo").joinpath("kb").iterdir() if page.name.endswith(".md"))
    return tuple(_article(page.name[:-3], page.read_text(encoding="utf-8")) for page in sorted(pages, key=str))


def article(slug: str) -> Article:
    """The article of that name; KeyError if there is none."""
    return {page.slug: page for page in articles()}[slug]


def macros() -> list[tuple[str, str]]:
    """The prepared answers, name and text. {first_name} and {agent} are filled in by the composer."""
    page = resources.files("parley.demo").joinpath("data/macros.toml").read_text(encoding="utf-8")
    return [(macro.name, macro.text.strip()) for macro in msgspec.toml.decode(page, type=_Macros).macros]


def _article(slug: str, text: str) -> Article:
    _, front, body = text.split("+++\n", 2)
    known = msgspec.toml.decode(front, type=_Front)
    return Article(slug=slug, markdown=body.strip(), **msgspec.structs.asdict(known))
