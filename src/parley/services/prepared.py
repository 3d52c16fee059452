"""A prepared setup taken in from a file: teams with their skills, tags on offer, macros, drafts of articles.

Taking the same file in again adds nothing: what has the name or title of something that is there is left as it is.
"""

from pathlib import Path

import msgspec
from sqlalchemy import Connection

from parley.core.errors import BadConfig
from parley.log.record import Tx
from parley.services import desk_notes, knowledge, setup


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """A group of agents by what they can do. about: what it is for."""

    name: str
    skills: tuple[str, ...] = ()
    about: str = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An article to be read over before it is published. wordings: how customers ask for it."""

    title: str
    body: str
    tags: tuple[str, ...] = ()
    wordings: tuple[str, ...] = ()


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What `parley assess` writes beside its report and `parley import config` takes."""

    version: int = 1
    teams: tuple[Team, ...] = ()
    skills: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    macros: tuple[desk_notes.Macro, ...] = ()
    articles: tuple[Draft, ...] = ()


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """How many of each were new."""

    teams: int
    tags: int
    macros: int
    articles: int


def read(path: Path) -> Prepared:
    """Raises BadConfig for a file that is not there or is something else."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Prepared)
    except OSError as error:
        raise BadConfig(f"{path} cannot be read ({error.strerror}).") from error
    except msgspec.MsgspecError as error:
        raise BadConfig(f"{path} is no setup that Parley can take in: {error}. Nothing was changed.") from error
    if found.version != 1:
        raise BadConfig(
            f"{path} is written in version {found.version}; this Parley reads version 1. Nothing was changed."
        )
    return found


def take(tx: Tx, new: Prepared) -> Taken:
    """Add what is not there yet. Articles come as drafts: nobody sees them before a person has read them."""
    known_teams, known_tags = teams(tx.conn), tags(tx.conn)
    known_macros = desk_notes.macros(tx.conn)
    more_teams = [one for one in new.teams if one.name not in {team.name for team in known_teams}]
    more_tags = [one for one in dict.fromkeys(new.tags) if one not in known_tags]
    more_macros = [one for one in new.macros if one.name not in {macro.name for macro in known_macros}]
    setup.set_setting(tx, "teams", [msgspec.to_builtins(one) for one in (*known_teams, *more_teams)])
    setup.set_setting(tx, "tags", [*known_tags, *more_tags])
    desk_notes.set_macros(tx, [*known_macros, *more_macros])
    titles = {article.title for article in knowledge.every(tx.conn)}
    drafts = [one for one in new.articles if one.title[:200] not in titles]
    for one in drafts:
        knowledge.write(tx, one.title, one.body, "import", audience="draft", tags=one.tags, wordings=one.wordings)
    return Taken(teams=len(more_teams), tags=len(more_tags), macros=len(more_macros), articles=len(drafts))


def teams(conn: Connection) -> tuple[Team, ...]:
    return tuple(msgspec.convert(setup.setting(conn, "teams", []), tuple[Team, ...]))


def tags(conn: Connection) -> tuple[str, ...]:
    """Tags on offer whether or not a conversation has them yet."""
    return tuple(setup.setting(conn, "tags", []))
