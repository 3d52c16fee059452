"""What callers hear, in the languages that it is written in; English elsewhere."""

import re

ENGLISH = {
    "welcome": "Welcome to {name}.",
    "recorded": "This call may be recorded.",
    "department": "For {department}, press {digit}.",
    "ask": "Tell me in a few words what you need. For a person, press 0.",
    "again": "I did not hear anything. Tell me what you need, or press 0 for a person.",
    "more": "Is there anything else? For a person, press 0.",
    "moment": "One moment.",
    "position": "You are number {position} in the line.",
    "minutes": "It will take about {minutes} minutes.",
    "minute": "It will take about a minute.",
    "options": "If you would rather not wait, press 1.",
    "nobody": "Nobody can take your call right now.",
    "instead": "To be called back at this number, press 1. To leave a message, press 2.",
    "stay": "To wait in the line, stay on.",
    "callback": "We call you back at this number. Goodbye.",
    "hidden": "We cannot see your number, so please leave a message.",
    "voicemail": "Leave your message after the tone, and press the hash key when you are done.",
    "thanks": "Thank you. We will be in touch. Goodbye.",
    "goodbye": "Thank you for calling. Goodbye.",
    "rate": "How satisfied are you with this call? Press a key from 1, not at all, to 5, very.",
    "rated": "Thank you. Goodbye.",
    "connecting": "You are being connected.",
    "missed": "They could not take the call. You are still in the line.",
    "link": "a link, which we can send you",
}
GERMAN = {
    "welcome": "Willkommen bei {name}.",
    "recorded": "Dieses Gespräch kann aufgezeichnet werden.",
    "department": "Für {department} drücken Sie die {digit}.",
    "ask": "Sagen Sie in wenigen Worten, worum es geht. Für einen Menschen drücken Sie die Null.",
    "again": "Ich habe nichts gehört. Sagen Sie, worum es geht, oder drücken Sie die Null für einen Menschen.",
    "more": "Kann ich sonst noch etwas tun? Für einen Menschen drücken Sie die Null.",
    "moment": "Einen Moment.",
    "position": "Sie sind an Stelle {position} in der Warteschlange.",
    "minutes": "Es dauert etwa {minutes} Minuten.",
    "minute": "Es dauert etwa eine Minute.",
    "options": "Wenn Sie nicht warten möchten, drücken Sie die 1.",
    "nobody": "Im Augenblick kann niemand Ihren Anruf annehmen.",
    "instead": "Für einen Rückruf unter dieser Nummer drücken Sie die 1. Für eine Nachricht drücken Sie die 2.",
    "stay": "Um zu warten, bleiben Sie in der Leitung.",
    "callback": "Wir rufen Sie unter dieser Nummer zurück. Auf Wiederhören.",
    "hidden": "Wir sehen Ihre Nummer nicht. Hinterlassen Sie bitte eine Nachricht.",
    "voicemail": "Sprechen Sie nach dem Ton, und drücken Sie am Ende die Rautetaste.",
    "thanks": "Vielen Dank. Wir melden uns. Auf Wiederhören.",
    "goodbye": "Vielen Dank für Ihren Anruf. Auf Wiederhören.",
    "rate": "Wie zufrieden sind Sie mit diesem Gespräch? Drücken Sie eine Taste von 1, gar nicht, bis 5, sehr.",
    "rated": "Vielen Dank. Auf Wiederhören.",
    "connecting": "Sie werden verbunden.",
    "missed": "Ihr Anruf konnte nicht angenommen werden. Sie bleiben in der Warteschlange.",
    "link": "ein Link, den wir Ihnen schicken können",
}
LANGUAGES = {"en": ENGLISH, "de": GERMAN}


def sentence(which: str, language: str, **values: object) -> str:
    return LANGUAGES.get(language[:2].lower(), ENGLISH)[which].format(**values)


def aloud(text: str, language: str) -> str:
    """A written answer as it is read out: no addresses of pages, no marks of emphasis or of lists."""
    link = sentence("link", language)
    text = re.sub(r"\[([^\]]*)\]\(\s*https?://[^)]*\)", r"\1", text)
    text = re.sub(r"https?://\S+", link, text)
    text = re.sub(r"^\s*[-*•#>]+\s+", "", text, flags=re.MULTILINE)
    return re.sub(r"(\*\*|__|[*`])(\S(?:.*?\S)?)\1", r"\2", text).strip()
