"""Doors to the world. A folder per channel; imports core only; never writes to the log.

`installed()` finds them: every folder here whose package exports `channel`.
"""

from functools import cache
from importlib import import_module
from pathlib import Path

from parley.core.channel import Channel


@cache
def installed() -> dict[str, Channel]:
    """Every channel by name."""
    found: dict[str, Channel] = {}
    for folder in sorted(Path(__file__).parent.iterdir()):
        if (folder / "__init__.py").exists():
            channel: Channel = import_module(f"parley.channels.{folder.name}").channel
            found[channel.manifest.name] = channel
    return found
