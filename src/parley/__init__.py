"""Parley: a self-hosted customer service desk on one append-only log."""

__version__ = "0.1.0"
