"""How many messages the network makes of a text (3GPP TS 23.038 and 23.040).

160 characters of the GSM alphabet, or 70 of UTF-16, fit into one; a longer text is sent in parts of 153 or 67, because
each part names its place. Some characters of the GSM alphabet take two places.
"""

GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
TWICE = set("\f^{}\\[~]|€")


def segments(text: str) -> int:
    """Messages that are paid for. One non-breaking space or emoji in a text can double them."""
    if all(sign in GSM or sign in TWICE for sign in text):
        return _parts([2 if sign in TWICE else 1 for sign in text], 160, 153)
    return _parts([2 if ord(sign) > 0xFFFF else 1 for sign in text], 70, 67)


def _parts(widths: list[int], alone: int, each: int) -> int:
    """A character of two places is never cut in the middle."""
    if sum(widths) <= alone:
        return 1 if widths else 0
    parts, filled = 1, 0
    for width in widths:
        if filled + width > each:
            parts, filled = parts + 1, 0
        filled += width
    return parts
