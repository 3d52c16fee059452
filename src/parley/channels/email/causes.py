"""Why a mail was not delivered, from what the other side said: one word of a fixed list.

The words are those that Sisimai and others use, so that figures can be compared. Only those in HARD mean that the
address is no good; everything else may work another time, from another sender, or for a smaller mail.
"""

import re
from functools import lru_cache

CAUSES = {
    "userunknown": "there is no such mailbox",
    "hostunknown": "there is no such mail domain",
    "hasmoved": "the mailbox has moved",
    "notaccept": "that domain takes no mail",
    "mailboxfull": "the mailbox is full",
    "suspend": "the mailbox is disabled",
    "filtered": "a filter of the recipient refused it",
    "mesgtoobig": "the mail is too big",
    "exceedlimit": "a limit of the recipient was passed",
    "spamdetected": "it was taken for spam",
    "virusdetected": "it was taken for a virus",
    "authfailure": "SPF, DKIM or DMARC failed",
    "requireptr": "our server's address has no proper name (PTR)",
    "badreputation": "our server has a bad reputation there",
    "blocked": "our server is blocked there",
    "rejected": "our sender address was refused",
    "norelaying": "that server does not relay",
    "policyviolation": "a policy of theirs refused it",
    "securityerror": "it was refused for security reasons",
    "notcompliantrfc": "the mail breaks a rule of RFC 5322",
    "contenterror": "something in the mail's content was refused",
    "syntaxerror": "the servers did not understand each other",
    "toomanyconn": "we were sending too much at once",
    "expired": "it was tried for too long",
    "networkerror": "the server could not be reached",
    "systemerror": "their system has a problem",
    "mailererror": "a program behind the mailbox failed",
    "onhold": "the server gave no usable reason",
    "undefined": "nobody said why",
}
HARD = {"userunknown", "hostunknown", "hasmoved", "notaccept"}

# Tried in this order: what is said precisely comes before what is said loosely.
_SAID = (
    ("requireptr", r"\bptr\b|reverse[ -](?:dns|mapping|host ?name|lookup)|\brdns\b"
                   r"|cannot find your (?:reverse )?host ?name"
                   r"|no reverse|reverse name|cannot resolve your (?:ip|address)|does not resolve to your"),
    ("contenterror", r"duplicate header"),
    ("authfailure", r"\bdmarc\b|\bdkim\b|\bspf\b|sender policy framework|unauthenticated (?:e-?mail|sender)"
                    r"|(?:did|does) not pass authentication|sender id .{0,20}fail"),
    ("notaccept", r"null ?mx|(?:does|do) not accept (?:any )?(?:e-?mail|messages)\b|(?:host|domain|server).{0,40}"
                  r"(?:never|not) accepts? (?:e-?)?mail|no mail (?:is )?accepted|not accepting mail"),
    ("toomanyconn", r"too many (?:\w+ )?(?:connections|sessions|messages|errors|e-?mails)|rate[ -]limit|throttl"
                    r"|(?:connection|message|sending) (?:rate|limit)|exceeded .{0,30}connections|too much mail"
                    r"|too fast"),
    ("mailboxfull", r"(?:mail ?box|mailfolder|mail folder|in-?box|account|maildir)[^.]{0,40}(?:\bfull\b"
                    r"|over[ -]?quota|exceed)"
                    r"|(?:over|exceed\w*|out of|insufficient|above|user|disk|under).{0,20}(?:quota|storage"
                    r"|mail ?space)"
                    r"|quota.{0,30}(?:exceed|full|reached|violat)|(?:not enough|no|insufficient"
                    r"|low) (?:disk )?(?:storage|space)"
                    r"(?! on)|overquota|recipient storage full|too much mail data|\bmailbox full|quota limit"
                    r"|mailbox .{0,30}size limit|メールボックスに空き|容量"),
    ("exceedlimit", r"too many recipients|recipients? .{0,30}(?:size|message) limit"
                    r"|larger than the (?:current )?(?:system|recipient)"),
    ("mesgtoobig", r"(?:message|mail|size|length|data|content).{0,40}(?:too (?:big|large)|exceed(?:s|ed)? .{0,30}"
                   r"(?:size|limit|maximum|length))|(?:message|mail|data) (?:is )?too long|(?:max(?:imum)?"
                   r"|allowed).{0,20}(?:message|mail) ?(?:size|length)"),
    ("virusdetected", r"\bvirus|infected|malware|trojan"),
    ("spamdetected", r"(?<!\w)(?:spam|spammy|unsolicited|ube|junk ?mail)(?!(?:haus|cop|hau|\w*\.(?:org|net)))(?:\b)"
                     r".{0,60}(?:reject|detect|content|score|message|filter|mail|block|refus|suspect)?"
                     r"|(?:identified|classified|detected|marked|looks|flagged).{0,30}spam|bulk mail"),
    ("badreputation", r"\breputation"),
    ("blocked", r"black[- ]?list|block(?:ed)?[- ]?list|my name was rejected|invalid (?:ip|domain name)\b|\brbl\b"
                r"|dnsbl|spamhaus|spamcop|\bbarracuda|\bsorbs\b|\bbanned\b|blacklisted"
                r"|(?<!not )listed (?:at|by|in|on)\b|(?:ip|client|host|server|sender ip|your).{0,60}(?:is |was "
                r"|been |are )?"
                r"(?:blocked|not allowed to (?:connect|send)|rejected for policy)|bad (?:helo|dns)|dynamic (?:ip"
                r"|address)"
                r"|helo command rejected|ehlo .{0,20}reject|client host.{0,80}(?:reject|refus|denied)"
                r"|connection(?:s)? (?:refused|rejected|denied) (?:by|from|due)|you are not allowed to (?:connect"
                r"|use)"
                r"|unusual rate|generic (?:host|reverse)"),
    ("norelaying", r"relay(?:ing)?(?: access)? (?:was )?(?:denied|not (?:permitted|allowed)|prohibited|refused)"
                   r"|unable to relay"
                   r"|(?:not|no) (?:permitted |allowed )?(?:to )?relay|relaying|not a gateway"
                   r"|isn'?t in my list of allowed"),
    ("mailererror", r"x-unix|procmail|exec /|exit(?:ed)? (?:status|code|with)|mailer error|command (?:failed|died"
                    r"|output|line|time)"
                    r"|pipe (?:to|failed)|\.forward|local delivery failed|\bdied|child status|broken pipe|vdeliver"),
    ("systemerror", r"\bldap\b|directory (?:server|service)"),
    ("networkerror", r"(?:name service error|not found).{0,80}try again|domain lookup failed"),
    ("rejected", r"valid from\b|from: ?domain|sender (?:address |domain )?(?:rejected|verify)|domain of sender"),
    ("hostunknown", r"(?:host|domain|name|mx)(?: \S+)?(?: name)?(?: is| was)? (?:unknown|not found"
                    r"|does ?n[o']t exist|invalid)"
                    r"|(?:no such|unknown|bad|unresolvable|invalid) (?:host|domain|destination system|mail server)"
                    r"|name or service not known|host or domain|unrout(?:e)?able (?:mail )?(?:domain|address)"
                    r"|couldn'?t find any host"
                    r"|all relevant mx records point to non-?existent|nxdomain|no mx (?:record|host)"
                    r"|bad destination host"
                    r"|address lookup failed|unable to (?:look ?up|resolve|route)|host lookup|illegal host"
                    r"|domain must exist"),
    ("hasmoved", r"(?:has|have) (?:been )?moved|(?:no longer|not) at this|user (?:has )?moved"
                 r"|address (?:has )?changed"
                 r"|forwarding address|please (?:use|try) <?\S+@|been replaced by|has left"),
    ("suspend", r"(?:account|mail ?box|user|recipient|address|alias|domain)\b(?:(?!\. )[^;]){0,60}(?:disabled"
                r"|inactive|suspended|"
                r"de-?activated|not active|closed|locked|frozen|discontinued|no longer (?:active|in use|available)"
                r"|terminated)"
                r"|(?:disabled|inactive|suspended|deactivated) (?:account|mail ?box|user|recipient|due)"
                r"|currently suspended"),
    ("filtered", r"recipient preferences|(?:refused|rejected|blocked) (?:by|due to) (?:the )?(?:recipient"
                 r"|user)(?! (?:domain|server|mail))"),
    ("userunknown", r"(?:user|recipient|mail ?box|account|addressee?|member|login|alias|person|local ?part|rcpt"
                    r"|user ?id)\b(?:(?!\. )[^;]){0,70}?"
                    r"(?:unknown|not (?:be )?found|(?:does|did|do)(?: not|n'?t) (?:exist|have)|not exist"
                    r"|not (?:a )?valid|invalid"
                    r"|not listed|(?:not|un)[ -]?(?:been )?recogni[sz]ed|not known|not (?:our|local)|no such"
                    r"|nonexist|non-exist|has no)"
                    r"|(?:unknown|no such|invalid|bad|non-?existent|undefined|illegal|no valid|unrecognized"
                    r"|wrong) (?:\w+ )?(?:user|"
                    r"recipients?|mail ?box|account|addressee?|member|local[ -]?part|person|alias|rcpt|to address"
                    r"|destination mailbox|(?:final )?(?:delivery )?user ?id)"
                    r"|not a (?:valid|known|local) (?:user|mailbox|recipient|address|account)|no (?:mail ?box"
                    r"|account|user|one) "
                    r"(?:here )?(?:by|with|under|of|called|named)|doesn'?t have an? \S+ account|not our customer"
                    r"|recipient ?not ?found|resolver\.adr\.|no such (?:address|user)|this (?:address"
                    r"|user) (?:is )?(?:no longer|doesn'?t)"
                    r"|user unknown|unknown user|address(?:es)? (?:was|is|are|were) (?:unknown|not valid|rejected"
                    r"|incorrect)"
                    r"|recipient address rejected(?:: access denied|\.?$)|not a registered|mailbox unavailable"
                    r"|mailbox (?:is )?not available|name is not recognized|recipient rejected|no existe"
                    r"|nicht gefunden|unbekannt|inconnu|non esiste|не найден|не существует|check (?:if|that|whether"
                    r"|the)\b.{0,30}address|リストにありません|存在しません|見つかりません"),
    ("rejected", r"(?:sender|from|originat\w*|envelope|return[ -]path|mail from)\b[^.;]{0,60}(?:reject|denied|refus"
                 r"|not (?:exist|valid|"
                 r"allowed|accepted|found|permitted)|invalid|unknown|verif|blocked|bad|fail|unable|resolv)"
                 r"|domain of sender"
                 r"|not (?:have permission|permitted|allowed|authori[sz]ed) to (?:post|send)|sender address"
                 r"|backscatter"
                 r"|permission to post|groups\.google|callout|you (?:are not|do not have)"),
    ("expired", r"retry (?:time|timeout)[^.]{0,30}exceeded|(?:delivery|queue|message|retr(?:y|ies)"
                r"|it)[^.;]{0,40}(?:expired|too (?:old|long)|"
                r"timed? ?out)|(?:could|can)(?:not|n't| not) be delivered (?:for|within|in|after)|(?:been"
                r"|was) (?:in the queue|queued|delayed)"
                r"|has not (?:yet )?been delivered|not (?:yet )?been delivered|for \d+ (?:hours|days)|time limit"
                r"|given up|giving up|in the last \d+"),
    ("expired", r"timed? ?out|accept our requests to connect|failed \d+ attempts|retried for"),
    ("networkerror", r"connect(?:ion)?(?: to \S+)?[^.;]{0,40}(?:refused|reset|lost|failed|closed|dropped|interrupted)"
                     r"|network (?:is )?(?:unreachable|error|problem|down)|no route to host|(?:could|can|unable"
                     r"|not able)(?:not| not|n't)?(?: to)? (?:contact|connect|reach|establish)"
                     r"|too many hops|hop count|\bloop\b|looping|loops back|unreachable|name server|dns (?:error"
                     r"|server|failure|timeout)"
                     r"|lost connection|conversation with .{0,80}(?:timed|lost)|host is down|server (?:not"
                     r"|is not) (?:responding|available)"),
    ("notcompliantrfc", r"rfc ?(?:2822|5322|5321|1123|2821)|not rfc[ -]?compliant|multiple (?:from|to|subject)"),
    ("contenterror", r"\b(?:charset|mime|8-?bit|line(?:s)? (?:is |are )?too long|header|body (?:type|part)"
                     r"|non-?ascii|utf-?8|smtputf8)\b"
                     r"|content (?:type|rejected|not)|bare (?:lf|cr)|message (?:content|body|format)|unsupported"),
    ("policyviolation", r"\bpolic(?:y|ies)\b|because its content|prohibit|violat|administrative|attachment"
                        r"|extension|forbidden|not acceptable|link"),
    ("securityerror", r"\btls\b|encrypt|security|authenticat\w*|not authori[sz]ed|verif(?:y|ied|ication)"
                      r"|certificate|sasl|credentials"),
    ("systemerror", r"(?:system|server|local|internal|configuration|config|resource|i/?o|disk|database|temporary"
                    r"|service)\b[^.;]{0,30}"
                    r"(?:error|fail|problem|unavailable|not available|shortage|resources|full)|local problem"
                    r"|out of memory|can'?t create"),
    ("syntaxerror", r"syntax|malformed|bad sequence|command (?:not|un)|unrecogni[sz]ed command|not implemented"
                    r"|bad command|need rcpt"),
    ("filtered", r"filter|(?:refus|reject|block|denied|deny|not accept)\w*[^.;]{0,40}(?:by"
                 r"|from) (?:the )?(?:recipient|user|addressee)"
                 r"|(?:recipient|user|addressee|customer)[^.;]{0,50}(?:refus|reject|not accept|does not want"
                 r"|restrict|block)|access denied"
                 r"|domain filter|受信拒否|拒否"),
)  # fmt: skip
_PATTERNS = [(cause, re.compile(pattern, re.I)) for cause, pattern in _SAID]

_BY_STATUS = {
    "1.0": "userunknown", "1.1": "userunknown", "1.2": "hostunknown", "1.3": "userunknown", "1.4": "userunknown",
    "1.6": "hasmoved", "1.7": "rejected", "1.8": "rejected", "1.9": "systemerror", "1.10": "notaccept",
    "2.0": "filtered", "2.1": "filtered", "2.2": "mailboxfull", "2.3": "exceedlimit", "2.4": "filtered",
    "3.1": "systemerror", "3.2": "notaccept", "3.3": "systemerror", "3.4": "mesgtoobig", "3.5": "systemerror",
    "4.1": "expired", "4.2": "networkerror", "4.3": "systemerror", "4.4": "hostunknown", "4.5": "mailboxfull",
    "4.6": "networkerror", "4.7": "expired", "4.8": "networkerror", "4.9": "networkerror",
    "5.0": "syntaxerror", "5.1": "syntaxerror", "5.2": "syntaxerror", "5.3": "toomanyconn", "5.4": "syntaxerror",
    "6.0": "contenterror", "6.1": "contenterror", "6.3": "contenterror", "6.7": "contenterror", "6.9": "contenterror",
    "7.0": "securityerror", "7.1": "rejected", "7.2": "securityerror", "7.7": "authfailure", "7.8": "securityerror",
    "7.9": "policyviolation", "7.13": "suspend", "7.17": "hasmoved", "7.18": "rejected", "7.20": "authfailure",
    "7.21": "authfailure", "7.22": "authfailure", "7.23": "authfailure", "7.24": "authfailure",
    "7.25": "requireptr", "7.26": "authfailure", "7.27": "notaccept", "7.28": "toomanyconn", "7.29": "authfailure",
}  # fmt: skip
# What a status says so precisely that no wording of a server makes it clearer.
_SURE = {"2.2", "3.4", "1.6", "1.7", "1.8", "7.9", "7.13", "7.25", "7.26", "7.20", "7.27", "1.10", "4.7"}


@lru_cache(256)
def cause_of(said: str, status: str = "", smtp: str = "") -> str:
    """One of CAUSES, from the words, the enhanced status (5.1.1) and the reply code (550)."""
    detail = status.partition(".")[2]
    if detail in _SURE:
        return _BY_STATUS[detail]
    for cause, pattern in _PATTERNS:
        if pattern.search(said):
            return cause
    if detail in _BY_STATUS:
        return _BY_STATUS[detail]
    return "onhold" if smtp or detail not in ("", "0.0") else "undefined"


def is_hard(cause: str, status: str) -> bool:
    """Whether the address itself is no good, for good."""
    return cause in HARD and not status.startswith("4")
