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


def say(sentence: str) -> None:
    """What is wrong just now; empty: nothing."""
    global _trouble
    _trouble = sentence


def trouble() -> str:
    return _trouble
