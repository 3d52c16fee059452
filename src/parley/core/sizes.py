"""Sizes of files in words."""


def size(count: int) -> str:
    """Bytes in the unit a person would use: "312 B", "48 kB", "2.4 MB"."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"
