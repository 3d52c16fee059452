"""Where the new words of a reply end, in many languages and clients."""

import time

import pytest

from parley.channels.email.folding import arranged, fold

QUOTE = "\n> Hello Kim,\n> which one?\n"


def new_part(text: str) -> str:
    end = fold(text)
    return text if end is None else text[:end]


INTRODUCTIONS = {
    "gmail en": "On Mon, Aug 3, 2026 at 9:58 AM Acme Support <support@acme.example> wrote:",
    "gmail en, broken": "On Mon, Aug 3, 2026 at 9:58 AM Acme Customer Support Team <\nsupport@acme.example> wrote:",
    "apple en": "> On 3 Aug 2026, at 09:58, Acme <support@acme.example> wrote:",
    "gmail de": "Am Mo., 3. Aug. 2026 um 09:58 Uhr schrieb Acme <support@acme.example>:",
    "thunderbird de": "Am 03.08.26 um 09:58 schrieb Acme Support:",
    "gmail fr": "Le lun. 3 août 2026 à 09:58, Acme <support@acme.example> a écrit :",
    "gmail es": "El lun, 3 ago 2026 a las 9:58, Acme (<support@acme.example>) escribió:",
    "gmail it": "Il giorno lun 3 ago 2026 alle ore 09:58 Acme <support@acme.example> ha scritto:",
    "gmail pt": "Em seg., 3 de ago. de 2026 às 09:58, Acme <support@acme.example> escreveu:",
    "gmail nl": "Op ma 3 aug 2026 om 09:58 schreef Acme <support@acme.example>:",
    "gmail pl": "pon., 3 sie 2026 o 09:58 Acme <support@acme.example> napisał(a):",
    "gmail sv": "Den mån 3 aug. 2026 kl 09:58 skrev Acme <support@acme.example>:",
    "gmail da": "Den man. 3. aug. 2026 kl. 09.58 skrev Acme <support@acme.example>:",
    "gmail no": "man. 3. aug. 2026 kl. 09:58 skrev Acme <support@acme.example>:",
    "gmail fi": "ma 3. elok. 2026 klo 9.58 Acme (support@acme.example) kirjoitti:",
    "gmail ru": "пн, 3 авг. 2026 г. в 09:58, Acme <support@acme.example>:",
    "mail.ru": "Понедельник, 3 августа 2026, 9:58 +03:00 от Acme <support@acme.example>:",
    "gmail uk": "пн, 3 серп. 2026 р. о 09:58 Acme <support@acme.example> пише:",
    "gmail tr": "Acme <support@acme.example>, 3 Ağu 2026 Pzt, 09:58 tarihinde şunu yazdı:",
    "gmail cs": "po 3. 8. 2026 v 9:58 odesílatel Acme <support@acme.example> napsal:",
    "gmail hu": "Acme <support@acme.example> ezt írta (időpont: 2026. aug. 3., H, 9:58):",
    "gmail ja": "2026年8月3日(月) 9:58 Acme <support@acme.example>:",
    "gmail zh": "Acme <support@acme.example> 于2026年8月3日周一 09:58写道：",
    "gmail ko": "2026년 8월 3일 (월) 오전 9:58, Acme <support@acme.example>님이 작성:",
    "gmail el": "Στις Δευ 3 Αυγ 2026 στις 9:58 π.μ., Acme <support@acme.example> έγραψε:",
    "gmail ro": "În lun., 3 aug. 2026 la 09:58, Acme <support@acme.example> a scris:",
}


MORE = (
    "On Monday, August 3, 2026 at 09:58:00 AM GMT+2, {acme} wrote:",
    "Am Montag, 3. August 2026 um 09:58:00 MESZ hat {acme} Folgendes geschrieben:",
    "Le 3 août 2026 à 09:58, {acme} a écrit :",
    "El 3 ago 2026, a las 9:58, {acme} escribió:",
    "Il giorno 03 ago 2026, alle ore 09:58, {acme} ha scritto:",
    "No dia 3/08/2026, às 09:58, {acme} escreveu:",
    "Op 3 aug. 2026 om 09:58 heeft {acme} het volgende geschreven:",
    "3 aug. 2026 kl. 09:58 skrev {acme}:",
    "{acme} kirjoitti 3.8.2026 kello 9.58:",
    "Wiadomość napisana przez {acme} w dniu 3 sie 2026, o godz. 09:58:",
    "3 авг. 2026 г., в 09:58, {acme} написал(а):",
    "2026. 08. 03. dátummal, 09:58 időpontban {acme} írta:",
    "{acme} şunları yazdı (3 Ağu 2026 09:58):",
    "2026/08/03 9:58、{acme}のメール:",
    "2026. 8. 3. 오전 9:58, {acme} 작성:",
    "{acme} 於 2026年8月3日 上午9:58 寫道：",
    "ב-3 באוג׳ 2026, בשעה 9:58, {acme} כתב/ה:",
    "Dňa 3. 8. 2026 o 9:58 {acme} napísal(a):",
    "На 3.08.2026 г. в 09:58 ч., {acme} написа:",
    "Dana 3. kol 2026., u 09:58, {acme} napisao/la je:",
    "Vào Th 2, 3 thg 8, 2026 vào lúc 09:58 {acme} đã viết:",
    "Pada tanggal 3 Agt 2026 09.58, {acme} menulis:",
    "เมื่อ จ. 3 ส.ค. 2026 เวลา 09:58 {acme} เขียนว่า:",
    "Missatge de {acme} del dia dl., 3 d’ag. 2026 a les 9:58:",
    "{acme} kirjutas kuupäeval E, 3. august 2026 kell 09:58:",
    "2026-08-03, pr, 09:58 {acme} rašė:",
    "V pon., 3. avg. 2026 ob 09:58 je oseba {acme} napisala:",
    "Zitat von {acme}:",
    "---- On Mon, 03 Aug 2026 09:58:00 +0200 {acme} wrote ----",
    "------- Original Message -------\nOn Monday, August 3rd, 2026 at 9:58 AM, {acme} wrote:",
    "On Wed, 3 Aug 2026 08:14:43 -0200 {acme} wrote",
    "2026-08-03 9:58 GMT+02:00 Acme Support",
)


@pytest.mark.parametrize("rest", [QUOTE, "\n\nHello Kim,\nwhich one?\n"], ids=["quoted", "as it was"])
@pytest.mark.parametrize("introduction", MORE)
def test_introductions_of_many_clients_are_known_with_and_without_quote_marks(introduction: str, rest: str) -> None:
    line = introduction.format(acme="Acme <support@acme.example>")
    assert new_part(f"The blue one.\n\nKim\n\n{line}\n{rest}") == "The blue one.\n\nKim"


@pytest.mark.parametrize(
    "end",
    [
        "Best regards,\nKim Larsen\n+45 555 0100",
        "Viele Grüße\nKim",
        "Z poważaniem\nKim",
        "Med vänlig hälsning\nKim",
        "/Kim",
        "Sent from my Galaxy\n\nHello Kim,\nwhich one?",
        "-------- Svar på det gamle --------\nFra: Acme\nDato: 3.8.2026\nTil: Kim\nEmne: Sko",
    ],
)
def test_a_closing_with_its_name_is_folded(end: str) -> None:
    assert new_part(f"The blue one, please.\n\n{end}\n") == "The blue one, please."


@pytest.mark.parametrize(
    "text",
    [
        "Best regards are not what I send you today.",
        "Hello,\nwho signs here\nBest regards,\nor is there a rule that one has to follow without a name at all?",
        "I can come on Monday.\n\n- Kim and Lee can come later",
        "Kind regards",
    ],
)
def test_words_like_a_closing_stay(text: str) -> None:
    assert fold(text) is None


def test_an_answer_below_the_quote_comes_first() -> None:
    quote = "On Mon, Aug 3, 2026 at 9:58 AM Acme <s@acme.example> wrote:\n> Which one?\n> And which size?"
    text, end = arranged(f"{quote}\n\nThe blue one, 42.\n\n-- \nKim\n")
    assert text[:end] == "The blue one, 42."
    assert text[end:].strip() == f"{quote}\n\n-- \nKim"


def test_answers_between_the_lines_stay_where_they_are() -> None:
    text = "On Mon, Aug 3, 2026 at 9:58 AM Acme <s@acme.example> wrote:\n> Which one?\nThe blue one.\n> Size?\n42"
    assert arranged(text) == (text, None)


def test_a_quoted_line_that_was_broken_is_still_a_quoted_line() -> None:
    long = "> The shop asked me whether the box was open when the parcel came on Monday, or"
    assert new_part(f"It was.\n\nOn Mon, 3 Aug 2026, Acme wrote:\n{long}\nlater on.\n> Regards\n") == "It was."


@pytest.mark.parametrize("introduction", INTRODUCTIONS.values(), ids=INTRODUCTIONS.keys())
def test_a_quote_with_its_introduction_is_folded(introduction: str) -> None:
    assert new_part(f"The blue one.\n\nKim\n\n{introduction}\n{QUOTE}") == "The blue one.\n\nKim"


@pytest.mark.parametrize(
    "block",
    [
        "From: Acme <support@acme.example>\nSent: Monday, August 3, 2026 9:58 AM\nTo: Kim\nSubject: Shoes",
        "Von: Acme <support@acme.example>\nGesendet: Montag, 3. August 2026 09:58\nAn: Kim\nBetreff: Schuhe",
        "De : Acme <support@acme.example>\nEnvoyé : lundi 3 août 2026 09:58\nÀ : Kim\nObjet : Chaussures",
        "De: Acme <support@acme.example>\nEnviado el: lunes, 3 de agosto de 2026\nPara: Kim\nAsunto: Zapatos",
        "Da: Acme\nInviato: lunedì 3 agosto 2026\nA: Kim\nOggetto: Scarpe",
        "De: Acme\nEnviado: segunda-feira, 3 de agosto de 2026\nPara: Kim\nAssunto: Sapatos",
        "Van: Acme\nVerzonden: maandag 3 augustus 2026\nAan: Kim\nOnderwerp: Schoenen",
        "Från: Acme\nSkickat: den 3 augusti 2026\nTill: Kim\nÄmne: Skor",
        "Fra: Acme\nSendt: 3. august 2026\nTil: Kim\nEmne: Sko",
        "Lähettäjä: Acme\nLähetetty: maanantai 3. elokuuta\nVastaanottaja: Kim\nAihe: Kengät",
        "Od: Acme\nWysłano: poniedziałek, 3 sierpnia 2026\nDo: Kim\nTemat: Buty",
        "От: Acme\nОтправлено: 3 августа 2026 г.\nКому: Kim\nТема: Обувь",
        "Kimden: Acme\nGönderildi: 3 Ağustos 2026\nKime: Kim\nKonu: Ayakkabı",
        "差出人: Acme\n送信日時: 2026年8月3日\n宛先: Kim\n件名: 靴",
        "发件人: Acme\n发送时间: 2026年8月3日\n收件人: Kim\n主题: 鞋",
        "*From:* Acme <support@acme.example>\n*Date:* Monday, August 3, 2026\n*To:* Kim\n*Subject:* Shoes",
        "-----Original Message-----\nHello",
        "________________________________\nFrom: Acme\nSent: Monday\nTo: Kim\nSubject: Shoes",
        "-------- Ursprüngliche Nachricht --------\nHallo",
        "-----Message d'origine-----\nBonjour",
    ],
)
def test_a_header_block_folds_all_below_it(block: str) -> None:
    assert new_part(f"The blue one.\n\n{block}\n\nHello Kim,\nwhich one?\n") == "The blue one."


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Sent from my Galaxy",
        "Get Outlook for Android",
        "Get Outlook for iOS<https://aka.ms/x>",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Enviado do meu iPhone",
        "Verzonden vanaf mijn iPhone",
        "Wysłane z iPhone'a",
        "Skickat från min iPhone",
        "Sendt fra min iPhone",
        "Lähetetty iPhonesta",
        "Отправлено с iPhone",
        "iPhone'umdan gönderildi",
        "iPhoneから送信",
        "发自我的iPhone",
        "나의 iPhone에서 보냄",
        "-- \nKim Larsen\nShoe collector",
    ],
)
def test_a_signature_is_folded(line: str) -> None:
    assert new_part(f"The blue one.\n\n{line}\n") == "The blue one."


@pytest.mark.parametrize(
    "text",
    [
        "Sent via DHL yesterday, says the shop.",
        "The parcel was sent from my sister, not by me.",
        "I have three questions:\n1. When?\n2. Where?\n3. Who wrote this manual?",
        "Please note:\nTo: be or not to be\nis the subject of my poem.",
        "My colleague wrote to you on Monday: no answer so far.",
        "Dimensions:\n10:30 at the door. Address: Main Street 5, 2026 Springfield.",
        "---------- Forwarded message ---------\nFrom: A <a@example.com>\nDate: Mon\nSubject: B\nTo: C\n\nRead this.",
        "",
    ],
)
def test_what_only_looks_old_stays(text: str) -> None:
    assert fold(text) is None


def test_answers_between_quoted_lines_stay_visible() -> None:
    text = "On Monday, 3 Aug 2026, Acme wrote:\n> Which one?\nThe blue one.\n> Which size?\n42\n\n-- \nKim"
    assert new_part(text) == text.removesuffix("\n\n-- \nKim")


def test_an_answer_below_the_quote_stays_visible() -> None:
    assert fold("On Mon, Aug 3, 2026 at 9:58 AM Acme <s@acme.example> wrote:\n> Which one?\n\nThe blue one.") is None


def test_a_mail_of_quotes_alone_is_shown_whole() -> None:
    assert fold("> only\n> old words") is None


def test_folding_is_reversible_and_quick() -> None:
    hostile = ("On " * 400 + "\n") * 3000 + "On 3 Aug 2026 x wrote:\n" * 2000 + "> " * 50_000
    began = time.process_time()
    end = fold(hostile)
    assert end is None or hostile.startswith(hostile[:end])
    assert time.process_time() - began < 5


@pytest.mark.parametrize("rule", ["-----", "–", "— —", ":", "> -----"])
def test_a_rule_above_a_quote_is_no_introduction_and_no_trouble(rule: str) -> None:
    assert new_part(f"The blue one.\n\n{rule}\n> Which one?\n").startswith("The blue one.")
