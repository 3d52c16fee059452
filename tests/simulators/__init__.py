"""Platforms as their documentation describes them: small real HTTP servers on loopback, and senders that repeat.

`server.py` answers what a channel asks; `posting.py` delivers events as platforms do: in batches, out of order, more
than once, again after a refusal by the platform's own table, on a clock of the test's. A file per family of providers.
"""
