"""Whether somebody asks by SMS for no more messages: the words that carriers and Twilio know (CTIA's handbook)."""

import re

STOP = {
    "stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "optout", "opt out", "revoke", "arret",
    "arrêt", "stopp", "abmelden", "baja", "parar", "pare", "alto", "sair", "basta", "afmelden",
}  # fmt: skip
REASON = "It asks for no more messages"


def asks_to_stop(text: str, told: str = "") -> bool:
    """told: what the provider made of it (Twilio's OptOutType). The word has to stand alone."""
    bare = re.sub(r"[^\w ]", "", text).strip().casefold()
    return told.upper() == "STOP" or bare in STOP
