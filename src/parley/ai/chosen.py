"""Which encoder this process uses, and what is wrong with it. Light, so that a desk that just starts loads nothing."""

from parley.core.embeddings import Wish

_wish = Wish()
_trouble = ""


def choose(wish: Wish) -> None:
    """For the whole process, from now on."""
    global _wish, _trouble
    if wish != _wish:
        _wish, _trouble = wish, ""


def wish() -> Wish:
    return _wish


def say(sentence: str, of: Wish) -> None:
    """What is wrong with this one just now; empty: nothing. One that is only tried out, or was chosen before, has no
    say."""
    global _trouble
    if of == _wish:
        _trouble = sentence


def trouble() -> str:
    return _trouble
