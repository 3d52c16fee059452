"""What a mail has wrapped once more: winmail.dat, invitations, and what is sealed with S/MIME or PGP."""

from parley.channels.email import invitations, tnef
from parley.channels.email.bodies import Bodies, safe_name
from parley.channels.email.charsets import decode
from parley.channels.email.flowed import evened
from parley.channels.email.markup import sanitised, text_from
from parley.channels.email.mime import Part
from parley.core.channel import Attached

WRAPPED_FILES = 200
_TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")
_PKCS7 = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_ENCRYPTED = "[This mail is encrypted with {how}. The desk cannot read it; it is attached as it came.]"
_SEALED = "[The words of this mail are inside its S/MIME signature. They are attached as they came.]"


def unwrap(mail: Part, body: Bodies) -> None:
    """Text, HTML and files as a reader wants them, in place."""
    _open_winmail(body)
    _tell_invitations(body)
    if not body.text:
        body.text = _sealed(mail)


def signed(mail: Part, text: str) -> str:
    """With what a mail is signed, in words for agents; empty for all other mail. Nobody here checks the signature."""
    for part in mail.walk():
        how = part.parameters.get("protocol", "").lower() if part.type == "multipart/signed" else ""
        if "pkcs7" in how or (part.type in _PKCS7 and part.parameters.get("smime-type", "").lower() == "signed-data"):
            return "signed with S/MIME, not checked"
        if "pgp" in how:
            return "signed with PGP, not checked"
    return "signed with PGP, not checked" if text.startswith("-----BEGIN PGP SIGNED MESSAGE-----") else ""


def _open_winmail(body: Bodies) -> None:
    kept: list[Attached] = []
    for file in body.files:
        inside = _inside(file)
        if inside is None:
            kept.append(file)
            continue
        kept += [_file(one) for one in inside.files[:WRAPPED_FILES]]
        if not body.text and not body.html:
            body.html = sanitised(inside.html) if inside.html.strip() else None
            body.text = evened(inside.text) or (text_from(body.html) if body.html else "")
    body.files = kept


def _inside(file: Attached) -> tnef.Opened | None:
    if file.type not in _TNEF and file.name.lower() != "winmail.dat":
        return None
    try:
        return tnef.opened(file.data)
    except ValueError:
        return None


def _file(one: tnef.File) -> Attached:
    return Attached(
        name=safe_name(one.name) or "attachment.bin", type=one.type.lower()[:127], data=one.data,
        cid=one.cid.strip("<> ")[:500] or None,
    )  # fmt: skip


def _tell_invitations(body: Bodies) -> None:
    """Above the sender's own words, so that a fold never hides it."""
    told = [invitations.in_words(decode(file.data, "utf-8")) for file in body.files if file.type == "text/calendar"]
    lines = list(dict.fromkeys(one for one in told if one))
    if lines:
        body.text = "\n\n".join([*lines, body.text]).strip()


def _sealed(mail: Part) -> str:
    """A note in place of words that nobody here can read."""
    for part in mail.walk():
        if part.type == "multipart/encrypted" or part.type == "application/pgp-encrypted":
            return _ENCRYPTED.format(how="PGP")
        if part.type in _PKCS7:
            signed = part.parameters.get("smime-type", "").lower() == "signed-data"
            return _SEALED if signed else _ENCRYPTED.format(how="S/MIME")
    return ""
