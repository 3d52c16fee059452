"""Reading of an analytics cookie."""

import pytest

from parley.core.analytics import client_id


def test_the_client_in_the_cookie() -> None:
    assert client_id("GA1.1.1234567890.1712345678") == "1234567890.1712345678"
    assert client_id("GA1.2.7.8") == "7.8"


@pytest.mark.parametrize("cookie", ["", "GA1.1.abc.1", "GS2.1.s1712$o1", "GA1.1.1.2.3", "xGA1.1.1.2", "GA1.1.1.2\n"])
def test_anything_else_is_no_client(cookie: str) -> None:
    assert client_id(cookie) is None
