"""The articles the bot and the help centre know: Markdown files in `kb/` with TOML between `+++` lines."""

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


@cache
def articles() -> tuple[Article, ...]:
    """Every article, public and internal, by slug."""
    pages = (page for page in resources.files("parley.demo").joinpath("kb").iterdir() if page.name.endswith(".md"))
    return tuple(_article(page.name[:-3], page.read_text(encoding="utf-8")) for page in sorted(pages, key=str))


def article(slug: str) -> Article:
    """The article of that name; KeyError if there is none."""
    return {page.slug: page for page in articles()}[slug]


def _article(slug: str, text: str) -> Article:
    _, front, body = text.split("+++\n", 2)
    known = msgspec.toml.decode(front, type=_Front)
    return Article(slug=slug, markdown=body.strip(), **msgspec.structs.asdict(known))
