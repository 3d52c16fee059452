"""Choices whose words the customer says by pressing them: whether they can be buttons, and what stands on these."""

from collections.abc import Sequence

Choices = Sequence[tuple[str, str]]


def are_words(choices: Choices, most: int) -> bool:
    """Whether there are some, no more than a message can show, and none of them is a link."""
    return 0 < len(choices) <= most and not any(value.startswith(("https://", "http://")) for _, value in choices)


def fitting(choices: Choices, longest: int) -> list[str]:
    """Their words where all of them fit on a button, else their numbers, which whoever reads it understands as well."""
    labels = [label for label, _ in choices]
    return labels if all(len(label) <= longest for label in labels) else [str(n + 1) for n in range(len(labels))]


def cut(label: str, longest: int) -> str:
    return label if len(label) <= longest else f"{label[: longest - 1].rstrip()}…"
