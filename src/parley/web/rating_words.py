"""The page on which a customer rates, in the languages of core/language.py: catalogues of the translation layer."""

from parley.web.words import Catalogue

_ENGLISH = (
    "How did we do?", "Thank you", "Your rating has arrived. It goes to the people who helped you.", "Your rating",
    "Your rating has arrived. You may still change it, or add a word.", "Anything you want to tell us?", "Optional",
    "Your words", "Send", "Skip to content",
)  # fmt: skip
_SAID = {
    "de": (
        "Wie waren wir?", "Danke", "Ihre Bewertung ist da. Sie geht an die Menschen, die Ihnen geholfen haben.",
        "Ihre Bewertung", "Ihre Bewertung ist da. Sie können sie noch ändern oder etwas dazu schreiben.",
        "Möchten Sie uns noch etwas sagen?", "Freiwillig", "Ihre Worte", "Senden", "Zum Inhalt",
    ),
    "es": (
        "¿Cómo lo hicimos?", "Gracias", "Su valoración ha llegado. La leen quienes le atendieron.", "Su valoración",
        "Su valoración ha llegado. Aún puede cambiarla o añadir algo.", "¿Quiere decirnos algo más?", "Opcional",
        "Sus palabras", "Enviar", "Ir al contenido",
    ),
    "fr": (
        "Comment nous jugez-vous ?", "Merci", "Votre note est arrivée. Ceux qui vous ont aidé la liront.",
        "Votre note", "Votre note est arrivée. Vous pouvez encore la changer ou ajouter un mot.",
        "Voulez-vous nous dire autre chose ?", "Facultatif", "Vos mots", "Envoyer", "Aller au contenu",
    ),
    "it": (
        "Come siamo andati?", "Grazie", "La sua valutazione è arrivata. La legge chi l'ha aiutata.",
        "La sua valutazione", "La sua valutazione è arrivata. Può ancora cambiarla o aggiungere qualcosa.",
        "Vuole dirci altro?", "Facoltativo", "Le sue parole", "Invia", "Vai al contenuto",
    ),
    "nl": (
        "Hoe deden we het?", "Bedankt", "Uw beoordeling is binnen. Ze gaat naar wie u geholpen heeft.",
        "Uw beoordeling", "Uw beoordeling is binnen. U kunt haar nog veranderen of iets toevoegen.",
        "Wilt u ons nog iets zeggen?", "Niet verplicht", "Uw woorden", "Versturen", "Naar de inhoud",
    ),
    "pt": (
        "Como nos saímos?", "Obrigado", "A sua avaliação chegou. Vai para quem o ajudou.", "A sua avaliação",
        "A sua avaliação chegou. Ainda pode alterá-la ou acrescentar algo.", "Quer dizer-nos mais alguma coisa?",
        "Opcional", "As suas palavras", "Enviar", "Ir para o conteúdo",
    ),
    "pl": (
        "Jak nam poszło?", "Dziękujemy", "Ocena dotarła. Przeczytają ją osoby, które pomagały.", "Ocena",
        "Ocena dotarła. Można ją jeszcze zmienić lub coś dopisać.", "Czy jest coś jeszcze do dodania?",
        "Nieobowiązkowe", "Słowa", "Wyślij", "Przejdź do treści",
    ),
    "sv": (
        "Hur gick det?", "Tack", "Ditt betyg har kommit fram. Det går till dem som hjälpte dig.", "Ditt betyg",
        "Ditt betyg har kommit fram. Du kan fortfarande ändra det eller lägga till något.",
        "Vill du säga något mer?", "Frivilligt", "Dina ord", "Skicka", "Till innehållet",
    ),
    "da": (
        "Hvordan klarede vi det?", "Tak", "Din bedømmelse er kommet frem. Den går til dem, der hjalp dig.",
        "Din bedømmelse", "Din bedømmelse er kommet frem. Du kan stadig ændre den eller tilføje noget.",
        "Vil du sige mere?", "Frivilligt", "Dine ord", "Send", "Til indholdet",
    ),
}  # fmt: skip

CATALOGUES: dict[str, Catalogue] = {
    code: dict(zip(_ENGLISH, said, strict=True)) for code, said in _SAID.items()
}  # fmt: skip


def catalogue(language: str) -> Catalogue:
    """The sentences of that language; none, so that they stay English, where there are none."""
    return CATALOGUES.get(language, {})
