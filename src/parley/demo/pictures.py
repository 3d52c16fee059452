"""Drawings of the products: a soft tile with a shape on it, made here, no file to fetch.

The SVG carries no style attribute and no script, so it passes a strict content security policy.
"""

from parley.demo.company import Product

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

# On a field of 120 × 120; `{ink}` is the colour's ink, white lines are seams and edges.
_SHAPES = {
    "boot": '<path d="M40 26h26l2 34c10 8 26 9 30 18l1 8H36l-1-10Z" fill="{ink}"/><path d="M35 88h65v6H35Z" '
    'fill="{ink}" opacity=".6"/><path d="M52 38h13M53 46h13M54 54h13M60 62l8-4M68 67l7-5" stroke="#fff" '
    'stroke-width="2.4" stroke-linecap="round" opacity=".75" fill="none"/>',
    "shoe": '<path d="M24 56c8 6 18 4 25-6 12 11 24 17 40 19 8 1 11 7 11 13H22c-2-9-1-18 2-26Z" fill="{ink}"/>'
    '<path d="M22 84h78v6H26Z" fill="{ink}" opacity=".6"/><path d="M54 60l8-6M61 65l8-6M69 69l7-6" '
    'stroke="#fff" stroke-width="2.4" stroke-linecap="round" opacity=".75" fill="none"/>',
    "jacket": '<path d="M48 28h24l20 10 6 44-12 3-4-26v36H38V59l-4 26-12-3 6-44Z" fill="{ink}"/><path d="M60 32v63'
    'M48 28q12 12 24 0" stroke="#fff" stroke-width="2.2" opacity=".7" fill="none"/>',
    "shirt": '<path d="M46 30h28l22 12-7 17-9-4v40H40V55l-9 4-7-17Z" fill="{ink}"/><path d="M46 30q14 15 28 0" '
    'stroke="#fff" stroke-width="2.2" opacity=".7" fill="none"/>',
    "trousers": '<path d="M42 26h36l6 70H66l-6-44-6 44H36Z" fill="{ink}"/><path d="M42 34h36" stroke="#fff" '
    'stroke-width="2.2" opacity=".7"/>',
    "socks": '<path d="M40 24h18v40l18 14c6 5 2 14-6 13L44 84c-4-3-4-6-4-10Z" fill="{ink}"/><path d="M66 28h16v34'
    'l8 8-6 12-14-12-4-4Z" fill="{ink}" opacity=".6"/><path d="M40 34h18M40 41h18" stroke="#fff" '
    'stroke-width="2.2" opacity=".7"/>',
    "hat": '<path d="M32 72c0-24 12-36 28-36s28 12 28 36Z" fill="{ink}"/><path d="M29 72h62v16H29Z" fill="{ink}" '
    'opacity=".75"/><circle cx="60" cy="30" r="8" fill="{ink}"/><path d="M44 72V52M60 72V44M76 72V52" '
    'stroke="#fff" stroke-width="2" opacity=".5"/>',
    "tent": '<path d="M16 88 60 28l44 60Z" fill="{ink}"/><path d="M60 28 46 88h28Z" fill="#fff" opacity=".8"/>'
    '<path d="M60 28v60M10 92h100" stroke="{ink}" stroke-width="2.4" stroke-linecap="round"/>',
    "bag": '<rect x="28" y="42" width="64" height="36" rx="18" fill="{ink}"/><circle cx="74" cy="60" r="18" '
    'fill="{ink}"/><circle cx="74" cy="60" r="10" fill="none" stroke="#fff" stroke-width="2.4" opacity=".7"/>'
    '<path d="M42 42v36M54 42v36" stroke="#fff" stroke-width="2.4" opacity=".6"/>',
    "pack": '<path d="M46 34q0-10 14-10t14 10" fill="none" stroke="{ink}" stroke-width="5"/><rect x="36" y="32" '
    'width="48" height="64" rx="14" fill="{ink}"/><rect x="44" y="64" width="32" height="24" rx="6" '
    'fill="#fff" opacity=".35"/><path d="M36 52h48" stroke="#fff" stroke-width="2.4" opacity=".6"/>',
    "stove": '<path d="M34 84h52l-6 10H40Z" fill="{ink}"/><path d="M60 34c12 12 16 20 16 30a16 16 0 0 1-32 0c0-6 3-10'
    ' 6-14 2 5 4 7 7 8 0-8 0-15 3-24Z" fill="{ink}" opacity=".8"/>',
    "bottle": '<rect x="52" y="20" width="16" height="12" rx="3" fill="{ink}"/><path d="M48 34h24c6 6 8 12 8 20v36a8 8'
    ' 0 0 1-8 8H48a8 8 0 0 1-8-8V54c0-8 2-14 8-20Z" fill="{ink}" opacity=".9"/><path d="M48 58v30" '
    'stroke="#fff" stroke-width="3" stroke-linecap="round" opacity=".5"/>',
    "lamp": '<path d="M42 30h36l12 32H30Z" fill="{ink}"/><path d="M60 62v28M42 94h36" stroke="{ink}" stroke-width="5" '
    'stroke-linecap="round"/><circle cx="60" cy="66" r="6" fill="#fff" opacity=".85"/>',
    "poles": '<path d="M42 30 54 96M78 30 66 96" stroke="{ink}" stroke-width="5" stroke-linecap="round"/><path d="M39 '
    '24l3 16M81 24l-3 16" stroke="{ink}" stroke-width="9" stroke-linecap="round"/><path d="M46 86h14M60 86h14" '
    'stroke="{ink}" stroke-width="4"/>',
    "tin": '<ellipse cx="60" cy="46" rx="32" ry="12" fill="{ink}"/><path d="M28 46v28c0 8 14 14 32 14s32-6 32-14V46" '
    'fill="{ink}" opacity=".75"/><ellipse cx="60" cy="46" rx="22" ry="7" fill="#fff" opacity=".3"/>',
    "candle": '<rect x="44" y="52" width="32" height="44" rx="5" fill="{ink}"/><path d="M60 20c8 9 10 13 10 18a10 10 0 '
    '0 1-20 0c0-5 2-9 10-18Z" fill="{ink}" opacity=".7"/><path d="M60 46v8" stroke="{ink}" stroke-width="2.4"/>',
    "blanket": '<path d="M30 36h60v44H30Z" fill="{ink}"/><path d="M30 48h60M30 60h60M44 36v44M58 36v44M74 36v44" '
    'stroke="#fff" stroke-width="2" opacity=".4"/><path d="M33 82v10M42 82v10M51 82v10M60 82v10M69 82v10M78 '
    '82v10M87 82v10" stroke="{ink}" stroke-width="2.6" stroke-linecap="round"/>',
    "mug": '<path d="M36 40h40v42a10 10 0 0 1-10 10H46a10 10 0 0 1-10-10Z" fill="{ink}"/><path d="M76 50h6q10 0 10 '
    '12t-10 12h-6" fill="none" stroke="{ink}" stroke-width="6"/><circle cx="48" cy="58" r="1.8" fill="#fff" '
    'opacity=".7"/><circle cx="60" cy="70" r="1.8" fill="#fff" opacity=".7"/><circle cx="66" cy="54" r="1.8" '
    'fill="#fff" opacity=".7"/>',
    "plate": '<circle cx="60" cy="60" r="36" fill="{ink}"/><circle cx="60" cy="60" r="24" fill="none" stroke="#fff" '
    'stroke-width="2.4" opacity=".6"/>',
    "pot": '<path d="M32 50h52v24a18 18 0 0 1-18 18H50a18 18 0 0 1-18-18Z" fill="{ink}"/><path d="M28 44h60" '
    'stroke="{ink}" stroke-width="6" stroke-linecap="round"/><circle cx="58" cy="36" r="5" fill="{ink}"/>'
    '<path d="M84 58q14 0 12-16" fill="none" stroke="{ink}" stroke-width="6" stroke-linecap="round"/>',
    "chair": '<path d="M42 24v72M42 62h36M78 62v34M42 30q22 0 26 6v26" fill="none" stroke="{ink}" stroke-width="6" '
    'stroke-linecap="round"/><path d="M42 58h38v9H42Z" fill="{ink}"/>',
    "table": '<rect x="18" y="44" width="84" height="9" rx="3" fill="{ink}"/><path d="M28 53 24 92M92 53l4 39" '
    'stroke="{ink}" stroke-width="6" stroke-linecap="round"/>',
    "shelf": '<path d="M36 22v76M84 22v76M36 34h48M36 54h48M36 74h48M36 94h48" stroke="{ink}" stroke-width="5" '
    'stroke-linecap="round"/><path d="M44 52V40M50 52V42M56 52V38M66 72V58M73 72V60" stroke="{ink}" '
    'stroke-width="4" opacity=".6"/>',
    "basket": '<path d="M28 50h64l-8 44H36Z" fill="{ink}"/><path d="M40 50q20-34 40 0" fill="none" stroke="{ink}" '
    'stroke-width="5"/><path d="M30 62h60M33 76h54" stroke="#fff" stroke-width="2.2" opacity=".5"/>',
    "towel": '<path d="M36 30h48v58H36Z" fill="{ink}"/><path d="M36 74h48M36 80h48" stroke="#fff" stroke-width="2.4" '
    'opacity=".6"/><path d="M26 30h68" stroke="{ink}" stroke-width="5" stroke-linecap="round"/>',
}


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
        f"{_SHAPES[product.kind].format(ink=ink)}</svg>"
    )
