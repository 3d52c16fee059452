"""Platforms as their documentation describes them: small real HTTP servers on loopback.

`server.py` answers what a channel asks, and a file per platform says what. The tests use them, and so does the demo's
phone, so that every channel can be tried with no account. Imports core and channels only.
"""
