"""Migrations, by Alembic, the same steps on both engines. `migrate` runs at every start.

They only go forward: the way back is a backup made before the upgrade.
"""

from sqlalchemy import inspect, text

from parley.core.errors import BadConfig
from parley.log.engines import Database

NEWEST = "0029"


def migrate(database: Database) -> None:
    """Bring the database to this program's version. Refuses a database that a newer program made."""
    version = _version(database)
    if version == NEWEST:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "parley.log:migrations")
    if version is not None and version not in {
        s.revision for s in ScriptDirectory.from_config(config).walk_revisions()
    }:
        raise BadConfig("The database was made by a newer Parley. Upgrade the program, or restore an older backup.")
    with database.writer.begin() as conn:
        database.claim(conn)
        config.attributes["connection"] = conn
        command.upgrade(config, "head")


def _version(database: Database) -> str | None:
    try:
        with database.reader.connect() as conn:
            if not inspect(conn).has_table("alembic_version"):
                return None
            found = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return str(found) if found else None
    except Exception as error:
        sentence = database.trouble(error)
        raise BadConfig(sentence or f"The database cannot be opened: {error}.") from error
