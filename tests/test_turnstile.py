"""One address cannot crowd the public doors; others do not notice."""

import pytest

from parley.core.errors import Refused
from parley.web.turnstile import AT_ONCE, PER_MINUTE, Turnstile


def test_too_many_tries_in_a_minute_are_refused_and_forgiven_later() -> None:
    now = [0.0]
    gate = Turnstile(lambda: now[0])
    for _ in range(PER_MINUTE["upload"]):
        gate.enter("upload", "203.0.113.5")
    with pytest.raises(Refused, match="Wait a minute"):
        gate.enter("upload", "203.0.113.5")
    gate.enter("upload", "203.0.113.6")
    now[0] = 61
    gate.enter("upload", "203.0.113.5")


def test_lines_at_once_are_limited_and_given_back() -> None:
    now = [0.0]
    gate = Turnstile(lambda: now[0])
    held = [gate.staying("203.0.113.5") for _ in range(AT_ONCE)]
    for line in held:
        line.__enter__()
    with pytest.raises(Refused, match="Too many chats"), gate.staying("203.0.113.5"):
        pass
    for line in held:
        line.__exit__(None, None, None)
    now[0] = 61
    with gate.staying("203.0.113.5"):
        pass


def test_this_machine_passes_freely() -> None:
    gate = Turnstile()
    for _ in range(PER_MINUTE["socket"] * 3):
        with gate.staying("127.0.0.1"):
            pass
