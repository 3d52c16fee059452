"""What the policies of `procedures.py` share: the end of a procedure, told and then done."""

from collections.abc import Mapping
from typing import Any

from parley.core.procedure import Confirm, Do, Facts, Procedure, Step


def ending(name: str, steps: tuple[Step, ...], wanted: tuple[str, ...]) -> Procedure:
    """The steps, then the proposal and the act. wanted: the tool's arguments; what was not said is empty."""

    def arguments(f: Facts) -> Mapping[str, Any]:
        return {key: f["user"] if key == "user_id" else f.get(key, "") for key in wanted}

    title = name.replace("_", " ").capitalize()
    tell = Confirm(lambda f: f"{title}: {dict(arguments(f))}. Shall I?")
    return Procedure(name=name, version=1, title=title, steps=(*steps, tell, Do(name, arguments)))
