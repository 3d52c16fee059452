"""Drawings of the products: a soft tile with a shape on it, made here, no file to fetch.

The SVG carries no style attribute and no script, so it passes a strict content security policy.
"""

from functools import cache

import msgspec

from parley.demo.company import Product, data_text

# name → light ground, deep ground, ink
_COLOURS = {
    "peat": ("#e9dfd2", "#c9b39a", "#4f3a28"),
    "slate": ("#e3e8ec", "#b7c3cc", "#37474f"),
    "rust": ("#f6e2d8", "#e3b39b", "#8c3b22"),
    "moss": ("#e6ecd9", "#bccb9d", "#4b5d2a"),
    "sand": ("#f5ecd9", "#e0cca1", "#7a5c21"),
    "teal": ("#dcecea", "#a3cbc6", "#1d5c58"),
    "heather": ("#ece3ee", "#c9b2cf", "#61426b"),
    "oat": ("#f2eee5", "#d9cfba", "#66583c"),
    "ink": ("#e2e4ea", "#b3b9c8", "#232a3d"),
}


@cache
def _shapes() -> dict[str, str]:
    return msgspec.toml.decode(data_text("shapes.toml"), type=dict[str, str])


def picture(product: Product) -> str:
    """The product's tile as an SVG element, decorative: the name stands beside it."""
    pale, deep, ink = _COLOURS[product.colour]
    ground = f"ground-{product.sku.lower()}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120" aria-hidden="true" focusable="false">'
        f'<defs><linearGradient id="{ground}" x1="0" y1="0" x2="1" y2="1"><stop stop-color="{pale}"/>'
        f'<stop offset="1" stop-color="{deep}"/></linearGradient></defs>'
        f'<rect width="120" height="120" rx="10" fill="url(#{ground})"/>'
        f'<ellipse cx="60" cy="100" rx="42" ry="5" fill="{ink}" opacity=".14"/>'
        f"{_shapes()[product.kind].format(ink=ink)}</svg>"
    )
