"""Platforms that only tests need, and senders that repeat; the others are in `parley.demo.simulators`.

`families.py` and `retrying.py` deliver events as platforms do: in batches, out of order, more than once, again after a
refusal by the platform's own table, on a clock of the test's. A file per family of providers.
"""
