"""Words that end text messages for carriers and Twilio, beside those that do so everywhere (CTIA's handbook)."""

from parley.core.consent import alone, wish

STOP = {
    "cancel", "end", "quit", "optout", "opt out", "revoke", "baja", "parar", "pare", "alto", "sair", "basta",
}  # fmt: skip
TOLD = {"STOP": False, "START": True}


def wanted(text: str, told: str = "") -> bool | None:
    """Whether they want messages; None: it says neither. told: what the provider made of it (Twilio's OptOutType)."""
    if told.upper() in TOLD:
        return TOLD[told.upper()]
    return False if alone(text) in STOP else wish(text)
