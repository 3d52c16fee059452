"""What a visitor must load stays small: launcher at most 3 kB, panel at most 25 kB, both gzipped."""

import gzip

import pytest

from parley.web.templating import DIST, Assets

LAUNCHER, PANEL = 3_000, 25_000


def zipped(*files: str) -> int:
    return sum(len(gzip.compress((DIST / file).read_bytes(), 9)) for file in files)


@pytest.fixture
def assets() -> Assets:
    if not (DIST / "manifest.json").exists():
        pytest.skip("the pages are not built: run `npm run build` in frontend/")
    return Assets()


def test_the_launcher_is_small(assets: Assets) -> None:
    assert zipped(assets["widget-launcher"].file) <= LAUNCHER


def test_the_panel_is_small(assets: Assets) -> None:
    panel = assets["widget-panel"]
    assert zipped(panel.file, *panel.css, *panel.imports) <= PANEL
