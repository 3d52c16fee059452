"""What axe-core finds on a page: read once its entrance animations are over, for half-faded words have no contrast."""

import json
from pathlib import Path
from typing import Any

AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"

_STILL = """() => Promise.all(document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
    .map((one) => one.finished.catch(() => null)))"""


def violations(where: Any, within: str = "html", **options: object) -> list[str]:
    """One line for each fault of a page or a frame, or of the part of it that a selector names.

    Without the file of axe-core (no `npm ci` in frontend/) the test is skipped.
    """
    if not AXE.exists():
        import pytest

        pytest.skip("axe-core is not installed: run `npm ci` in frontend/")
    if not where.evaluate("'axe' in window"):
        where.evaluate(AXE.read_text("utf-8"))
    where.evaluate(_STILL)
    found = where.evaluate("([within, options]) => axe.run(within, options)", [within, options])
    return [
        f"{rule['id']}: {json.dumps(node['target'])} {node['html'][:120]} {node.get('failureSummary', '')[:160]}"
        for rule in found["violations"]
        for node in rule["nodes"][:3]
    ]
