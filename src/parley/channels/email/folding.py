"""Where a mail's new words end and what was there before begins. Nothing is cut: the place is remembered.

Clients write the same few things in their own language: a line that introduces the quote ("On … Ana wrote:"),
a block of headers (Outlook), a rule with words in it, `>` before old lines, "Sent from my phone". Lines are
judged one by one, from the end upwards, so that an answer below or between the quoted lines stays visible.
"""

import re

LINES = 5000
LINE = 1000

_VERBS = (
    r"wrote|writes|schrieb|schreibt|a écrit|écrit|escribió|escribio|ha scritto|scrisse|escreveu|schreef|"
    r"napisał(?:\(a\)|a)?|pisze|skrev|kirjoitti|написала?|написал\(а\)|пишет|писал\(а\)|пише|написав(?:\(-ла\))?|"
    r"yazdı|napsala?|napsal\(a\)|napísala?|ezt írta|írta|έγραψε|a scris|escrigué|va escriure|"
    r"写道|寫道|のメール|さんが書きました|は書きました|님이 작성|작성|đã viết|menulis|เขียน|כתב(?:/ה)?|كتب"
)
_VERB = re.compile(_VERBS, re.I)
_OPENING = re.compile(
    r"(?:on|am|le|el|il|em|op|w dniu|den|dne|dňa|on|στις|pe|în data|vào|pada|at|в|пн|вт|ср|чт|пт|сб|вс|"
    r"mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim|pon|wt|śr|czw|pt|sob|nd|ma|ti|ke|to|pe|la|su|"
    r"\d{1,4}[./年-]|\d{1,2} )\b.{0,400}?",
    re.I | re.S,
)
_ADDRESS = re.compile(r"[^\s<>@\"]+@[^\s<>@\"]+\.[^\s<>@\"]+")
_DATE_AND_COLON = re.compile(r"\d{4}\s?年.{0,200}[:：]$", re.S)

_RULE = re.compile(
    r"\s*[-_=*]{2,}\s*(?:original message|reply message|original e-?mail|ursprüngliche nachricht|"
    r"originalnachricht|original-nachricht|message d['’]origine|message original|mensaje original|"
    r"messaggio originale|messaggio originario|mensagem original|oorspronkelijk bericht|"
    r"wiadomość oryginalna|oryginalna wiadomość|originalmeddelande|ursprungligt meddelande|"
    r"oprindelig meddelelse|original besked|opprinnelig melding|alkuperäinen viesti|"
    r"исходное сообщение|оригинальное сообщение|первоначальное сообщение|вихідне повідомлення|orijinal mesaj|"
    r"özgün ileti|původní zpráva|původní e-mail|eredeti üzenet|αρχικό μήνυμα|mesaj original|"
    r"原始邮件|原始郵件|元のメッセージ|원본 메시지|원본 메일)\s*[-_=*]{2,}\s*",
    re.I,
)
_FORWARD = re.compile(
    r"(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|début du message (?:réexpédié|"
    r"transféré)|inizio messaggio inoltrato|inicio del mensaje reenviado|"
    r"[-_=]{2,}\s*(?:forwarded message|forwarded by .{0,80}|weitergeleitete nachricht|message transféré|"
    r"mensaje reenviado|messaggio inoltrato|mensagem encaminhada|doorgestuurd bericht|"
    r"przekazana wiadomość|wiadomość przekazana dalej|vidarebefordrat meddelande|videresendt (?:meddelelse|melding)|"
    r"välitetty viesti|пересланное сообщение|пересылаемое сообщение|iletilen mesaj|přeposlaná zpráva|"
    r"转发的邮件|转发邮件|轉寄郵件|転送メッセージ|전달된 메시지)\s*[-_=]{2,})\s*:?\s*",
    re.I,
)
_LABELS = (
    ("from", "von", "de", "da", "van", "od", "från", "fra", "lähettäjä", "от", "від", "kimden", "gönderen", "feladó",
     "από", "de la", "差出人", "发件人", "寄件者", "보낸 사람", "보낸사람", "送信者", "expéditeur", "remitente"),
    ("sent", "date", "gesendet", "datum", "envoyé", "enviado", "enviado el", "fecha", "data", "inviato", "verzonden",
     "wysłano", "skickat", "sendt", "dato", "lähetetty", "päivämäärä", "отправлено", "дата", "надіслано", "tarih",
     "gönderildi", "odesláno", "elküldve", "dátum", "στάλθηκε", "ημερομηνία", "trimis", "日期", "发送时间", "寄件日期",
     "送信日時", "日付", "보낸 날짜", "날짜"),
    ("to", "an", "à", "para", "a", "aan", "do", "till", "til", "vastaanottaja", "кому", "kime", "alıcı", "komu",
     "címzett", "προς", "către", "收件人", "收件者", "宛先", "받는 사람", "받는사람", "destinataire"),
    ("subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp", "temat", "ämne", "emne", "aihe",
     "тема", "konu", "předmět", "tárgy", "θέμα", "subiect", "主题", "主旨", "件名", "제목"),
)  # fmt: skip
_KIND_OF_LABEL = {label: kind for kind, labels in enumerate(_LABELS) for label in labels}
_LABEL = re.compile(r"[\s*>]*([^\W\d_][^:：\n]{0,24}?)[\s*]*[:：]")

_SIGNATURE_LINE = re.compile(r"(?:-- ?|__|—)$")
_SIGNATURE_LINES = 20
_PHONE = re.compile(
    r"(?:sent (?:from|with|via|using) (?:my |the |an? )?.{1,60}|get outlook for .{1,40}|"
    r"(?:von|gesendet mit|diese nachricht wurde von) (?:meinem |der |dem )?.{1,60} gesendet|gesendet von .{1,60}|"
    r"von meinem .{1,40}|envoyé (?:de|depuis|à partir de) .{1,60}|enviado (?:desde|do|de|a partir de) .{1,60}|"
    r"inviato (?:da|dal) .{1,60}|verzonden (?:vanaf|vanuit|met|via) .{1,60}|verstuurd (?:vanaf|via) .{1,60}|"
    r"wysłane? z .{1,60}|skickat från .{1,60}|sendt fra .{1,60}|lähetetty .{1,60}|отправлено (?:с|из) .{1,60}|"
    r"надіслано (?:з|із) .{1,60}|.{1,40}(?:'dan|'den|'tan|dan|den) gönderildi|odesláno z .{1,60}|"
    r"στάλθηκε από .{1,60}|trimis de pe .{1,60}|发自我的.{1,40}|從我的.{1,40}傳送|.{1,20}から送信|"
    r"나의 .{1,40}에서 보냄|.{1,20}에서 보냄)",
    re.I,
)


def fold(text: str) -> int | None:
    """How many characters of the text are new. None: all of it, or nothing would be left to see."""
    lines = text.split("\n", LINES)[:LINES]
    words = [line[:LINE].strip() for line in lines]
    end = _without_tail(words, _first_hard_mark(words))
    if end == len(lines) or not any(words[:end]):
        return None
    kept = sum(len(line) + 1 for line in lines[:end])
    return len(text[:kept].rstrip())


def _first_hard_mark(words: list[str]) -> int:
    """The line from which all is old, whatever it looks like: a rule, a header block, an unquoted introduction."""
    for place, line in enumerate(words):
        if not line or line[0] == ">":
            continue
        if _FORWARD.fullmatch(line):
            return len(words)  # what somebody forwards is what they want read
        if _RULE.fullmatch(line) or _header_block(words, place):
            return _with_rule_above(words, place)
        if line[-1] in ":：" and not _quote_follows(words, place) and _introduces(words, place, alone=True):
            return _start_of_introduction(words, place, alone=True)
    return len(words)


def _with_rule_above(words: list[str], place: int) -> int:
    """Outlook draws a line of underscores before the header block."""
    above = _up_over_blanks(words, place)
    if above and len(words[above - 1]) >= 5 and not words[above - 1].strip("_-—*"):
        return above - 1
    return place


def _header_block(words: list[str], place: int) -> bool:
    """A From line, and at least two more labels of a mail header within the next five lines."""
    if _label(words[place]) != 0:
        return False
    following = {_label(line) for line in words[place + 1 : place + 7] if line}
    return len(following & {1, 2, 3}) >= 2


def _label(line: str) -> int | None:
    match = _LABEL.match(line)
    return _KIND_OF_LABEL.get(match.group(1).strip(" *").lower()) if match else None


def _quote_follows(words: list[str], place: int) -> bool:
    following = next((line for line in words[place + 1 : place + 4] if line), "")
    return following.startswith((">", "|"))


def _introduces(words: list[str], place: int, alone: bool) -> bool:
    return _start_of_introduction(words, place, alone) <= place


def _start_of_introduction(words: list[str], place: int, alone: bool) -> int:
    """First line of the introduction that ends on this line, or beyond it when this introduces nothing.

    alone: no `>` follows, so more proof is asked for: an opening, a figure and a verb of writing.
    """
    if not words[place].endswith((":", "：")):
        return place + 1
    for start in range(place, max(-1, place - 4), -1):
        if not words[start] or (start < place and words[start].startswith((">", "|"))):
            break
        joined = " ".join(words[start : place + 1])
        if len(joined) > 500:
            break
        if _is_introduction(joined, alone):
            return start
    return place + 1


def _is_introduction(joined: str, alone: bool) -> bool:
    verb = bool(_VERB.search(joined))
    figure = any(letter.isdigit() for letter in joined)
    if alone:
        opened = bool(_OPENING.match(joined)) or bool(_ADDRESS.search(joined))
        return figure and opened and (verb or bool(_DATE_AND_COLON.match(joined) and _ADDRESS.search(joined)))
    opened = bool(_OPENING.match(joined)) or not figure
    return (
        (verb and opened) or (figure and bool(_ADDRESS.search(joined))) or bool(_DATE_AND_COLON.match(joined))
    )


def _without_tail(words: list[str], end: int) -> int:
    """Upwards over blank lines, signatures and quoted blocks, until a line that is new."""
    while True:
        before = end
        end = _up_over_blanks(words, end)
        end = _up_over_quote(words, end)
        end = _up_over_phone(words, end)
        end = _up_over_signature(words, end)
        if end == before:
            return end


def _up_over_blanks(words: list[str], end: int) -> int:
    while end and not words[end - 1]:
        end -= 1
    return end


def _up_over_quote(words: list[str], end: int) -> int:
    if not end or not words[end - 1].startswith(">"):
        return end
    while end and (not words[end - 1] or words[end - 1].startswith(">")):
        end -= 1
    return min(end, _start_of_introduction(words, end - 1, alone=False)) if end else end


def _up_over_phone(words: list[str], end: int) -> int:
    alone = end > 0 and (end == 1 or not words[end - 2] or len(words[end - 1]) < 60)
    return end - 1 if alone and _PHONE.fullmatch(words[end - 1].rstrip(".!")) else end


def _up_over_signature(words: list[str], end: int) -> int:
    for place in range(end - 1, max(-1, end - _SIGNATURE_LINES), -1):
        if _SIGNATURE_LINE.fullmatch(words[place]):
            return place
    return end
