"""Where the links of a mail lead, by what browsers make of an address."""

import pytest

from parley.web.link_hosts import host_of, misnamed, shown


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://bank.example/login", "bank.example"),
        ("https://bank.example@evil.example/", "evil.example"),
        ("https://evil.example\\@bank.example/", "evil.example"),
        ("https:evil.example", "evil.example"),
        ("HTTPS:///\t\tevil.example:443?x", "evil.example"),
        ("ht\ntps://evil.exa\tmple/", "evil.example"),
        ("https://%65vil.example./", "evil.example"),
        ("https://münchen.example/", "xn--mnchen-3ya.example"),
        ("mailto:kim@bank.example", ""),
        ("#top", ""),
    ],
)
def test_the_host_is_the_one_a_browser_goes_to(address: str, host: str) -> None:
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("words", "host", "told"),
    [
        ("https://www.bank.example/login", "evil.example", True),
        ("bank.example", "bank.example.evil.test", True),
        ("Go to bank.example now", "bank-example.test", True),
        ("bаnk.example", "bank.example", True),  # its a is Cyrillic
        ("bank.example", "www.bank.example", False),
        ("www.bank.example", "bank.example", False),
        ("login.bank.example", "bank.example", False),
        ("Read more", "evil.example", False),
        ("Invoice-2026.pdf", "files.example", False),
        ("Version 2.0, e.g. today", "evil.example", False),
    ],
)
def test_words_that_name_another_host_are_seen(words: str, host: str, told: bool) -> None:
    assert misnamed(words, host) is told


def test_the_real_host_stands_on_every_link_and_behind_those_that_name_another() -> None:
    html = (
        '<p><a href="https://evil.test/?a=1&amp;b" title="bank.example"><b>bank.example</b></a> <a href="#x">up</a></p>'
    )
    assert shown(html) == (
        '<p><a title="evil.test" href="https://evil.test/?a=1&amp;b" title="bank.example"><b>bank.example</b></a>'
        '<span class="leads-to">evil.test</span> <a href="#x">up</a></p>'
    )


def test_what_stands_in_a_host_cannot_break_out_of_the_tip() -> None:
    told = shown('<a href="https://x&quot;onmouseover=&quot;y/">go</a>')
    assert told.startswith('<a title="x&quot;onmouseover=&quot;y" ')
