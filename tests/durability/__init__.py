"""Proof that what was acknowledged is never lost, doubled or torn, however the server dies.

A ledger outside the server knows what was sent and what was acknowledged; afterwards the verdict
compares it with the database, the files and what the peers were given.
"""
