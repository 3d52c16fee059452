"""The usual questions of surveys and the words on their scales, in the languages of core/language.py.

NPS asks Reichheld's question; CES 2.0 (CEB, 2013) agreement with "made it easy". Customers are addressed formally where
their language has both.
"""

from parley.core.opinions import SOLVED

TEXT = "text"

WORDING: dict[str, dict[str, str]] = {
    "csat": {
        "en": "How did we do? Choose 1 (bad) to 5 (very good).",
        "de": "Wie waren wir? Wählen Sie 1 (schlecht) bis 5 (sehr gut).",
        "es": "¿Cómo lo hicimos? Elija de 1 (mal) a 5 (muy bien).",
        "fr": "Comment nous jugez-vous ? Choisissez de 1 (mauvais) à 5 (très bien).",
        "it": "Come siamo andati? Scelga da 1 (male) a 5 (molto bene).",
        "nl": "Hoe deden we het? Kies 1 (slecht) tot 5 (heel goed).",
        "pt": "Como nos saímos? Escolha de 1 (mau) a 5 (muito bom).",
        "pl": "Jak nam poszło? Proszę wybrać od 1 (źle) do 5 (bardzo dobrze).",
        "sv": "Hur gick det? Välj 1 (dåligt) till 5 (mycket bra).",
        "da": "Hvordan klarede vi det? Vælg 1 (dårligt) til 5 (meget godt).",
    },
    "nps": {
        "en": "How likely are you to recommend {brand} to a friend? 0 (not at all) to 10 (certainly).",
        "de": "Wie wahrscheinlich ist es, dass Sie {brand} weiterempfehlen? 0 (gar nicht) bis 10 (sicher).",
        "es": "¿Recomendaría {brand} a un amigo? De 0 (nunca) a 10 (seguro).",
        "fr": "Recommanderiez-vous {brand} à un ami ? De 0 (pas du tout) à 10 (certainement).",
        "it": "Consiglierebbe {brand} a un amico? Da 0 (per niente) a 10 (di sicuro).",
        "nl": "Hoe waarschijnlijk is het dat u {brand} aan een vriend aanraadt? 0 (zeker niet) tot 10 (zeker wel).",
        "pt": "Recomendaria {brand} a um amigo? De 0 (de modo nenhum) a 10 (com certeza).",
        "pl": "Czy polecą Państwo {brand} znajomym? Od 0 (wcale) do 10 (na pewno).",
        "sv": "Hur troligt är det att du rekommenderar {brand} till en vän? 0 (inte alls) till 10 (säkert).",
        "da": "Hvor sandsynligt er det, at du anbefaler {brand} til en ven? 0 (slet ikke) til 10 (helt sikkert).",
    },
    "ces": {
        "en": "“{brand} made it easy for me to handle my issue.” 1 (strongly disagree) to 7 (strongly agree).",
        "de": "„{brand} hat es mir leicht gemacht, mein Anliegen zu klären.“ 1 (gar nicht) bis 7 (ganz und gar).",
        "es": "«{brand} me lo puso fácil para resolver mi asunto». De 1 (nada de acuerdo) a 7 (muy de acuerdo).",
        "fr": "« {brand} m'a permis de régler ma demande facilement. » De 1 (pas du tout d'accord) à 7 (tout à fait).",
        "it": "«{brand} mi ha reso facile risolvere la mia richiesta». Da 1 (per nulla d'accordo) a 7 (del tutto).",
        "nl": "‘{brand} maakte het mij makkelijk mijn vraag op te lossen.’ 1 (helemaal oneens) tot 7 (helemaal eens).",
        "pt": "«{brand} tornou fácil resolver o meu assunto.» De 1 (discordo totalmente) a 7 (concordo totalmente).",
        "pl": "„{brand} ułatwiła mi załatwienie sprawy”. Od 1 (zupełnie nie) do 7 (całkowicie).",
        "sv": "”{brand} gjorde det lätt att lösa mitt ärende.” 1 (håller inte alls med) till 7 (håller helt med).",
        "da": "”{brand} gjorde det let for mig at løse min sag.” 1 (helt uenig) til 7 (helt enig).",
    },
    SOLVED: {
        "en": "Was your matter solved the first time you came to us with it?",
        "de": "War Ihr Anliegen gleich beim ersten Mal gelöst?",
        "es": "¿Se resolvió su asunto la primera vez que acudió a nosotros?",
        "fr": "Votre demande a-t-elle été réglée dès la première fois ?",
        "it": "La sua richiesta è stata risolta già la prima volta?",
        "nl": "Was uw vraag meteen de eerste keer opgelost?",
        "pt": "O seu assunto ficou resolvido logo à primeira vez?",
        "pl": "Czy sprawa została załatwiona za pierwszym razem?",
        "sv": "Löstes ditt ärende redan första gången?",
        "da": "Blev din sag løst allerede første gang?",
    },
    TEXT: {
        "en": "What is the main reason for your answer?",
        "de": "Was ist der wichtigste Grund für Ihre Antwort?",
        "es": "¿Cuál es el motivo principal de su respuesta?",
        "fr": "Quelle est la raison principale de votre réponse ?",
        "it": "Qual è il motivo principale della sua risposta?",
        "nl": "Wat is de belangrijkste reden voor uw antwoord?",
        "pt": "Qual é o motivo principal da sua resposta?",
        "pl": "Jaki jest główny powód tej odpowiedzi?",
        "sv": "Vad är det viktigaste skälet till ditt svar?",
        "da": "Hvad er den vigtigste grund til dit svar?",
    },
}

CSAT = {
    "en": ("bad", "poor", "fair", "good", "very good"),
    "de": ("schlecht", "mäßig", "mittel", "gut", "sehr gut"),
    "es": ("mal", "regular", "normal", "bien", "muy bien"),
    "fr": ("mauvais", "passable", "moyen", "bien", "très bien"),
    "it": ("male", "scarso", "discreto", "bene", "molto bene"),
    "nl": ("slecht", "matig", "redelijk", "goed", "heel goed"),
    "pt": ("mau", "fraco", "razoável", "bom", "muito bom"),
    "pl": ("źle", "słabo", "średnio", "dobrze", "bardzo dobrze"),
    "sv": ("dåligt", "svagt", "okej", "bra", "mycket bra"),
    "da": ("dårligt", "svagt", "nogenlunde", "godt", "meget godt"),
}

# What stands at both ends of a scale.
ENDS = {
    "nps": {
        "en": ("not at all", "certainly"), "de": ("gar nicht", "sicher"), "es": ("nunca", "seguro"),
        "fr": ("pas du tout", "certainement"), "it": ("per niente", "di sicuro"), "nl": ("zeker niet", "zeker wel"),
        "pt": ("de modo nenhum", "com certeza"), "pl": ("wcale", "na pewno"), "sv": ("inte alls", "säkert"),
        "da": ("slet ikke", "helt sikkert"),
    },
    "ces": {
        "en": ("strongly disagree", "strongly agree"), "de": ("gar nicht", "ganz und gar"),
        "es": ("nada de acuerdo", "muy de acuerdo"), "fr": ("pas du tout d'accord", "tout à fait d'accord"),
        "it": ("per nulla d'accordo", "del tutto d'accordo"), "nl": ("helemaal oneens", "helemaal eens"),
        "pt": ("discordo totalmente", "concordo totalmente"), "pl": ("zupełnie nie", "całkowicie"),
        "sv": ("håller inte alls med", "håller helt med"), "da": ("helt uenig", "helt enig"),
    },
}  # fmt: skip

YES_OR_NO = {
    "en": ("yes", "no"), "de": ("ja", "nein"), "es": ("sí", "no"), "fr": ("oui", "non"), "it": ("sì", "no"),
    "nl": ("ja", "nee"), "pt": ("sim", "não"), "pl": ("tak", "nie"), "sv": ("ja", "nej"), "da": ("ja", "nej"),
}  # fmt: skip

# The button under a question that wants words.
ANSWER = {
    "en": "Answer", "de": "Antworten", "es": "Responder", "fr": "Répondre", "it": "Rispondere", "nl": "Antwoorden",
    "pt": "Responder", "pl": "Odpowiedz", "sv": "Svara", "da": "Svar",
}  # fmt: skip
