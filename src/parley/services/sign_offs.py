"""The brand's line under an answer where there is no letterhead, in the customer's language, if it is wanted there."""

from sqlalchemy import Connection

from parley.core.channel import Channel, Manifest
from parley.core.conversation import State
from parley.services import setup, surveys

NAME = "{name}"  # the writer's first name; of a machine the brand's


def may_stand(manifest: Manifest) -> bool:
    """Whether a line can stand there: not where a letterhead is, where somebody waits live, or where it is read out."""
    return manifest.sends and not (manifest.html or manifest.live or manifest.spoken)


def line(conn: Connection, channel: Channel, state: State, writer: str) -> str:
    """What stands under an answer there; empty where the brand wants none. writer: their name, empty for a machine."""
    brand = setup.all_brands(conn).get(state.brand)
    if brand is None or channel.manifest.name not in brand.look.signs or not may_stand(channel.manifest):
        return ""
    words = brand.look.letter(surveys.spoken_in(conn, state) if brand.look.letters else "").short
    return words.replace(NAME, writer.split()[0] if writer.strip() else brand.name).strip()


def under(text: str, words: str) -> str:
    """The text with the line, once: whoever wrote it by hand is not signed again."""
    if not words or text.rstrip().lower().endswith(words.lower()):
        return text
    return f"{text.rstrip()}\n\n{words}"
