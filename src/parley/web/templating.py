"""The template room: Jinja with the desk's formats, words, icons and built assets."""

import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import jinja2
import msgspec
from markupsafe import Markup

from parley.core.sizes import size
from parley.web import formats
from parley.web.stream import folded
from parley.web.views import ListRow
from parley.web.words import ENGLISH, Catalogue, translate

HERE = Path(__file__).parent
DIST = HERE / "static" / "dist"


class Asset(msgspec.Struct, frozen=True):
    """A built file with the style sheets and modules it needs."""

    file: str
    css: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()


class Assets:
    """Names of built files, read from the manifest and read again when a build replaced it."""

    def __init__(self, folder: Path = DIST, base: str = "/static/dist/") -> None:
        self.manifest = folder / "manifest.json"
        self.base = base
        self._made = -1.0
        self._fresh_until = 0.0
        self._known: dict[str, Asset] = {}

    def __getitem__(self, name: str) -> Asset:
        self._refresh()
        if name not in self._known:
            raise LookupError(f"No built page script is named {name!r}: run `npm run build` in frontend/.")
        return self._known[name]

    def url(self, name: str) -> str:
        return self.base + self[name].file

    def tags(self, name: str) -> Markup:
        """The <link> and <script> elements of an entry."""
        asset = self[name]
        if asset.file.endswith(".css"):
            return self._style(asset.file)
        styles = Markup("").join(self._style(file) for file in asset.css)
        preloads = Markup("").join(
            Markup('<link rel="modulepreload" href="{}">').format(self.base + file) for file in asset.imports
        )
        return styles + preloads + Markup('<script type="module" src="{}"></script>').format(self.url(name))

    def _style(self, file: str) -> Markup:
        return Markup('<link rel="stylesheet" href="{}">').format(self.base + file)

    def _refresh(self) -> None:
        """A page names dozens of files: the manifest is looked at once a second, not for each of them."""
        now = time.monotonic()
        if now < self._fresh_until:
            return
        self._fresh_until = now + 1.0
        made = self.manifest.stat().st_mtime if self.manifest.exists() else 0.0
        if made != self._made:
            raw = self.manifest.read_bytes() if made else b"{}"
            self._known = msgspec.json.decode(raw, type=dict[str, Asset])
            self._made = made


def environment(assets: Assets | None = None, catalogue: Catalogue = ENGLISH) -> jinja2.Environment:
    """Jinja as the desk's templates expect it. Everything is escaped unless it is `Markup`."""
    assets = assets or Assets()
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.globals.update(
        t=partial(translate, catalogue=catalogue),
        asset=assets.tags,
        asset_url=assets.url,
        icon=partial(icon, assets),
    )
    made.filters.update(
        when=formats.when,
        ago=formats.ago,
        exact=formats.exact,
        urgency=formats.urgency,
        due_words=formats.due_words,
        size=size,
        prose=formats.prose,
        percent=formats.percent,
        initials=formats.initials,
        hue=formats.hue,
        folded=folded,
        row=partial(kept_row, lru_cache(maxsize=4096)(lambda row, minute: row_html(made, row))),
    )
    return made


def row_html(templates: jinja2.Environment, row: ListRow) -> Markup:
    return Markup(templates.get_template("desk/_row.html").render(row=row))


def kept_row(kept: Callable[[ListRow, int], Markup], row: ListRow) -> Markup:
    """A row of the list. The same for every reader, so it is made once a minute (times are relative in it)."""
    return kept(row, int(time.time() // 60))


def icon(assets: Assets, name: str, size: int = 16, label: str = "") -> Markup:
    """An icon of the sprite: decoration beside a text, or with a name of its own."""
    return _drawn(assets.url("icons"), name, size, label)


@lru_cache(maxsize=2048)
def _drawn(sprite: str, name: str, size: int, label: str) -> Markup:
    voice = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon icon-{}" {}><use href="{}#{}"></use></svg>').format(size, voice, sprite, name)
