"""What is wrong with the encoder of sentences just now, for those who watch the desk."""

from parley.ai import chosen


def trouble() -> str:
    """A sentence for people; empty where it works, or is not asked for."""
    return chosen.trouble()
