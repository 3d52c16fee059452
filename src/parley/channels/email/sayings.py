"""What mail clients write around the words of a person, in the languages they speak."""

import re

# "On Monday Ana wrote:" — the verb, wherever in the line it stands.
WROTE = (
    "wrote", "writes", "schrieb", "schreibt", "a écrit", "écrit", "escribió", "escribio", "ha scritto", "scrisse",
    "escreveu", "schreef", "geschreven",
    "geschrieben", "napisana przez", r"napisał(?:\(a\)|a)?", "pisze", "skrev", "kirjoitti",
    r"написал(?:\(а\)|а)?", "пишет",
    r"писал\(а\)", "пише", r"написав(?:\(-ла\))?", "yazdı", r"napsal(?:\(a\)|a)?", r"napísala?", "ezt írta", "írta",
    "έγραψε", "a scris", "escrigué", "va escriure", "写道", "寫道", "のメール", "書きました", "님이 작성", "작성",
    "đã viết", "menulis", "เขียน", "כתב", "كتب", "написа", "napisao", "napisala", "rašė", "rakstīja", "kirjutas",
    "missatge de", "quoting", "zitat von", "citando", "quote di", "citat från",
)  # fmt: skip

# How such a line begins, when nothing else marks what follows as old: a preposition, a weekday, or a date.
OPENINGS = (
    "on", "at", "am", "le", "el", "il", "em", "op", "w dniu", "dnia", "den", "dne", "dňa", "στις", "pe", "în data",
    "vào", "pada", "в", r"\d{1,4}[./年-]", r"\d{1,2} ",
    r"(?:mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim|mo|di|mi|do|fr|sa|so|pon|wt|śr|czw|pt|sob|nd|man|tir|"
    r"ons|tor|fre|lør|søn|ma|ti|ke|to|pe|la|su|пн|вт|ср|чт|пт|сб|вс)(?=[.,])",
)  # fmt: skip

# "-----Original Message-----": the words between the dashes.
ORIGINAL = (
    "original message", "reply message", "original e-?mail", "ursprüngliche nachricht", "originalnachricht",
    "original-nachricht", "message d['’]origine", "message original", "mensaje original", "messaggio originale",
    "messaggio originario", "mensagem original", "oorspronkelijk bericht", "wiadomość oryginalna",
    "oryginalna wiadomość", "originalmeddelande", "ursprungligt meddelande", "oprindelig meddelelse",
    "original besked", "oprindelig besked", "oprindelig mail",
    "opprinnelig e-post", "opprinnelig melding", "alkuperäinen viesti", "исходное сообщение",
    "оригинальное сообщение", "первоначальное сообщение", "вихідне повідомлення", "orijinal mesaj", "özgün ileti",
    "původní zpráva", "původní e-mail", "eredeti üzenet", "αρχικό μήνυμα", "mesaj original", "原始邮件", "原始郵件",
    "元のメッセージ", "원본 메시지", "원본 메일",
)  # fmt: skip

# "---------- Forwarded message ----------": the words between the dashes, and those that stand without any.
FORWARDED = (
    "forwarded message", "forwarded by .{0,80}", "weitergeleitete nachricht", "message transféré",
    "mensaje reenviado", "messaggio inoltrato", "mensagem encaminhada", "doorgestuurd bericht",
    "przekazana wiadomość", "wiadomość przekazana dalej", "vidarebefordrat meddelande", "videresendt meddelelse",
    "videresendt melding", "välitetty viesti", "пересланное сообщение", "пересылаемое сообщение", "iletilen mesaj",
    "přeposlaná zpráva", "转发的邮件", "转发邮件", "轉寄郵件", "転送メッセージ", "전달된 메시지",
)  # fmt: skip
FORWARD_BEGINS = (
    "begin forwarded message", "anfang der weitergeleiteten nachricht", "anfang der weitergeleiteten e-mail",
    "début du message réexpédié", "début du message transféré", "inizio messaggio inoltrato",
    "inicio del mensaje reenviado", "begin doorgestuurd bericht", "início da mensagem encaminhada",
)  # fmt: skip

# Months, enough of each to know it: beside a day's number they make a date.
MONTHS = (
    "jan", "feb", "fév", "mar", "mär", "mrt", "apr", "avr", "abr", "may", "mai", "mag", "maj", "mei", "jun", "juin",
    "giu", "jul", "juil", "lug", "aug", "août", "ago", "sep", "set", "oct", "okt", "ott", "out", "nov", "dec", "dez",
    "déc", "dic", "ene", "gen", "janv", "lut", "sty", "kwi", "cze", "lip", "sie", "wrz", "paź", "lis", "gru", "ocak",
    "şub", "nis", "haz", "tem", "ağu", "eyl", "eki", "kas", "ara", "янв", "фев", "мар", "апр", "мая", "май", "июн",
    "июл", "авг", "сен", "окт", "ноя", "дек",
)  # fmt: skip

# What stands above a name at the end: on a line of its own, and then the name and how to reach it.
CLOSINGS = (
    r"(?:best|kind(?:est)?|warm(?:est)?|many)? ?regards", r"(?:yours )?(?:sincerely|faithfully|truly|respectfully)",
    r"(?:mit )?(?:freundlichen?|besten?|vielen?|lieben?|herzlichen?|schönen?)? ?(?:gr(?:u|ü|ue)(?:ß|ss)(?:en?)?)",
    "hochachtungsvoll", "mfg", "bien cordialement", "cordialement", "sincères salutations", "bien à vous",
    r"(?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?", "atentamente", "atenciosamente", "att",
    r"(?:com os )?(?:melhores )?cumprimentos", r"(?:cordiali|distinti|cari)? ?saluti", "cordialmente",
    r"(?:met )?(?:vriendelijke|hartelijke)? ?groet(?:en|jes)?", "mvg", "pozdrawiam", r"z powa[żz]aniem",
    r"(?:med )?(?:vänliga?|bästa)? ?hälsning(?:ar)?", "mvh", r"(?:med )?(?:venn?lig|beste?)? ?hilsen", "vh",
    r"(?:ystävällisin )?terveisin", r"с уважением", "с наилучшими пожеланиями", "з повагою", "saygılarımla",
    "saygılar", "s pozdravem", "üdvözlettel", "tisztelettel", "με εκτίμηση", "cu stimă", "cu respect", "此致", "敬具",
)  # fmt: skip

# The labels of a header block that Outlook copies above old words: who, when, to whom, about what.
LABELS = (
    (
        "from", "von", "de", "da", "van", "od", "från", "fra", "lähettäjä", "от", "від", "kimden", "gönderen",
        "feladó", "από", "de la", "差出人", "发件人", "寄件者", "보낸 사람", "보낸사람", "送信者", "expéditeur",
        "remitente", "odesílatel", "odosielateľ", "от кого", "frá", "šalje", "od koga", "από τον", "mittente",
    ),
    (
        "sent", "date", "gesendet", "datum", "envoyé", "enviado", "enviado el", "fecha", "data", "inviato",
        "verzonden", "wysłano", "skickat", "sendt", "dato", "lähetetty", "päivämäärä", "отправлено", "дата",
        "надіслано", "tarih", "gönderildi", "odesláno", "elküldve", "dátum", "στάλθηκε", "ημερομηνία", "trimis",
        "日期", "发送时间", "寄件日期", "送信日時", "日付", "보낸 날짜", "날짜",
    ),
    (
        "to", "an", "à", "para", "a", "aan", "do", "till", "til", "vastaanottaja", "кому", "kime", "alıcı", "komu",
        "címzett", "príjemca", "prima",
        "destinatario", "προς", "către", "收件人", "收件者", "宛先", "받는 사람", "받는사람", "destinataire",
    ),
    (
        "subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp", "temat", "ämne", "emne", "aihe",
        "тема", "efni", "predmet", "konu", "předmět", "tárgy", "θέμα", "subiect", "主题", "主旨", "件名", "제목",
    ),
)  # fmt: skip

# "Sent from my iPhone". Only what names a device or a mail program: "Sent via DHL" is news, not a signature.
_DEVICE = (
    r"(?:iphone|ipad|ipod|android|galaxy|samsung|huawei|xiaomi|redmi|pixel|nokia|lumia|blackberry|motorola|sony|"
    r"oneplus|windows|outlook|yahoo|gmail|hotmail|proton|gmx|web\.de|t-online|aol|orange|mail|phone|mobile|mobil|"
    r"handy|smartphone|smarttelefon|telefon|telefoon|teléfono|téléphone|telefono|telemóvel|celular|tablet|ios|"
    r"iphonesta|puhelimesta|телефон|айфон|смартфон|手机|手機|スマート)"
)
_SENT = (
    r"sent (?:from|with|via|using)", r"get outlook for", r"von", r"gesendet (?:von|mit|über)",
    r"diese nachricht wurde", r"envoyé (?:de|depuis|à partir de|avec)", r"enviado (?:desde|do|de|a partir d[oe]|con)",
    r"inviato (?:da|dal|con)", r"verzonden (?:vanaf|vanuit|met|via)", r"verstuurd (?:vanaf|via)", r"wysłane? z",
    r"skickat från", r"sendt fra", r"lähetetty", r"отправлено (?:с|из)", r"надіслано (?:з|із)", r"odesláno z",
    r"στάλθηκε από", r"trimis de pe", r"发自", r"從我的",
)  # fmt: skip
_SENT_LAST = ("gönderildi", "gesendet", "から送信", "에서 보냄", "傳送", "küldve", "lähetetty")

WROTE_VERB = re.compile(rf"(?:{'|'.join(WROTE)})", re.I)
OPENING = re.compile(rf"(?:{'|'.join(OPENINGS)})(?!(?<=[^\W\d_])[^\W\d_])", re.I)
ORIGINAL_RULE = re.compile(rf"\s*[-_=*‐–—]{{2,}}\s*(?:{'|'.join(ORIGINAL)})\s*[-_=*‐–—]{{2,}}\s*:?", re.I)
FORWARD_RULE = re.compile(
    rf"(?:[-_=]{{2,}}\s*(?:{'|'.join(FORWARDED)})\s*[-_=]{{2,}}|{'|'.join(FORWARD_BEGINS)})\s*:?", re.I
)
PHONE = re.compile(
    rf"sent from my [^,.;:!?]{{1,30}}|sent from \S{{2,30}} ?<https?://\S+>|"
    rf"(?:{'|'.join(_SENT)})[^,;!?]{{0,40}}{_DEVICE}[^,;!?]{{0,60}}|[^,;!?]{{0,40}}{_DEVICE}[^,;!?]{{0,30}}(?:{'|'.join(_SENT_LAST)})",
    re.I,
)
MONTH = rf"(?:{'|'.join(MONTHS)})[^\W\d_]{{0,8}}\.?"
CLOSING = re.compile(rf"(?:{'|'.join(CLOSINGS)})\s*[,.!]?", re.I)
KIND_OF_LABEL = {label: kind for kind, labels in enumerate(LABELS) for label in labels}
