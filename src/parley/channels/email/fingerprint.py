"""The name of a delivery: one mail has one, however it came; two mails that share a Message-ID have two."""

import hashlib
import re

# Written by the servers a mail passes, not by its sender: they differ between two copies of one mail.
_TRACE = re.compile(
    rb"^(?:received|received-spf|return-path|delivered-to|envelope-to|authentication-results|status|lines"
    rb"|content-length|x-(?:original-to|received|delivered-to|envelope-(?:to|from)|forwarded-(?:to|for|encrypted)"
    rb"|gm-[^\s:]*|google-[^\s:]*|spam[^\s:]*|spamd-[^\s:]*|virus[^\s:]*|rspamd-[^\s:]*|amavis-[^\s:]*|sieve"
    rb"|ms-exchange-[^\s:]*|microsoft-[^\s:]*|status|keywords|uidl?|mozilla-[^\s:]*|parley-[^\s:]*)"
    rb"|arc-[^\s:]*)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*",
    re.I | re.M,
)
_MBOX_LINE = re.compile(rb"\A\s*>?From [^\n]*\n")


def provider_id(raw: bytes) -> str:
    """sha256 over the mail without trace headers, line ends and trailing empty lines evened out."""
    data = _MBOX_LINE.sub(b"", raw.replace(b"\r\n", b"\n")).rstrip(b"\n")
    end = data.find(b"\n\n")
    head, body = (data[: end + 1], data[end + 1 :]) if end >= 0 else (data + b"\n", b"")
    hasher = hashlib.sha256(_TRACE.sub(b"", head))
    hasher.update(body)
    return "mail:" + hasher.hexdigest()
