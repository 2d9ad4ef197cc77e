"""Brings a database to this version's tables, and back: alembic run from here, as the owner, one process at a time.

Each migration is a transaction of its own, so that one may build an index concurrently; the rights follow in a last
one. A table without rights is closed, so a crash in between leaves nothing open, and the next run completes it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, func, select, text

from member_hub import resources
from member_hub.db import provision
from member_hub.db.base import HUB, VAULT
from member_hub.db.engines import Database
from member_hub.errors import Misconfigured

LOCK_WAIT = "60s"  # for another process that migrates
TABLE_LOCK_WAIT = "5s"  # a migration that waits for a lock makes everybody else wait behind it
STATEMENT_LIMIT = "15min"
_PARTITION = re.compile(r".+_(default|\d{4}_\d{2})")  # as db/partitions.py names them


def is_ours(name: str | None, kind: str, *_rest: object) -> bool:
    """Whether alembic compares this: our two schemas and what is in them, without its own table and partitions."""
    if kind == "schema":
        return name in (HUB, VAULT)
    return not (kind == "table" and (name == "alembic_version" or _PARTITION.fullmatch(name or "")))


# What the running of migrations, their writing and the search for differences agree on.
OPTIONS: Mapping[str, Any] = {
    "version_table_schema": HUB,
    "include_schemas": True,
    "include_name": is_ours,
    "compare_type": True,
    "compare_server_default": True,
    "transaction_per_migration": True,
}


class NotMigrated(Misconfigured):
    """The database is not at this version of the product."""


def newest() -> str | None:
    """The newest migration that came with this version; None while there is none."""
    return ScriptDirectory.from_config(config()).get_current_head()


async def current(database: Database) -> str | None:
    """The migration that the database is at; None before the first."""
    async with database.owner.connect() as connection:
        return await connection.run_sync(_current)


async def upgrade(database: Database, revision: str = "head") -> None:
    """Make what is missing, tables and rights. Doing it twice is the same as once."""
    await run(database, lambda config: command.upgrade(config, revision))


async def downgrade(database: Database, revision: str) -> None:
    """Go back to `revision`, or to nothing by `base`: what the tables held is gone."""
    await run(database, lambda config: command.downgrade(config, revision))


async def run(database: Database, what: Callable[[Config], None]) -> None:
    """Run an alembic command as the owner, alone, with time limits; then give the rights."""
    async with database.owner.connect() as connection:
        await connection.execute(text(f"SET lock_timeout = '{LOCK_WAIT}'"))
        await connection.execute(select(func.pg_advisory_lock(provision.LOCK)))
        await connection.execute(text(f"SET lock_timeout = '{TABLE_LOCK_WAIT}'"))
        await connection.execute(text(f"SET statement_timeout = '{STATEMENT_LIMIT}'"))
        await connection.commit()
        try:
            await connection.run_sync(lambda sync: what(config(sync)))
            await connection.commit()
            await provision.give_rights(connection, database)
            await connection.commit()
        finally:
            # The lock belongs to the session: it ends with the connection, whatever state that is in.
            await connection.invalidate()


async def require_newest(database: Database) -> None:
    """Raise NotMigrated unless the database is exactly at this version."""
    at, wanted = await current(database), newest()
    if at == wanted:
        return
    known = at is None or at in {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    if known:
        raise NotMigrated("The database is older than this version of Member Hub.", remedy="Run `member-hub migrate`.")
    raise NotMigrated("The database is newer than this version of Member Hub.", remedy="Install the newer version.")


async def differences(database: Database, metadata: MetaData) -> list[Any]:
    """What differs between the database and the models, as alembic sees it; empty when nothing does."""
    async with database.owner.connect() as connection:
        return await connection.run_sync(lambda sync: list(compare_metadata(_context(sync), metadata)))


def config(connection: Connection | None = None) -> Config:
    """What alembic's commands go by; there is no alembic.ini."""
    made = Config()
    made.set_main_option("script_location", str(resources.folder("alembic")).replace("%", "%%"))
    made.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    made.set_main_option("path_separator", "newline")
    made.attributes["connection"] = connection
    return made


def _current(connection: Connection) -> str | None:
    return _context(connection).get_current_revision()


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts=dict(OPTIONS))
