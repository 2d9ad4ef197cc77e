"""From settings to a database that one can work with: started, joined or reached, and at this version."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError

from member_hub.db import embedded, migrate, provision
from member_hub.db.binaries import OLDEST_MAJOR
from member_hub.db.embedded import DATABASE, Server
from member_hub.db.engines import Database
from member_hub.errors import Misconfigured
from member_hub.settings import Settings

# What the server says most often when it lets nobody in, in words.
_REFUSALS: Final = {
    "28P01": "the password or the user is wrong",
    "28000": "the user may not connect",
    "3D000": "there is no database of that name",
    "53300": "it has too many connections",
    "57P03": "it is starting up or shutting down",
}


@asynccontextmanager
async def connect(
    settings: Settings, *, migrates: bool = False, alone: bool = False, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Database]:
    """The hub's database for the length of the block; call it from the main thread.

    The embedded server is started or joined, and brought to this version. A database given by its address is brought
    there with `migrates` only, and refused with NotMigrated otherwise. `alone` is for a hub that serves: a second
    one on the same data folder is refused with AlreadyRunning.
    """
    async with reach(settings, alone=alone, environ=environ) as database:
        if migrates or settings.database_url is None:
            await _bring(database)
        else:
            await migrate.require_newest(database)
        yield database


@asynccontextmanager
async def reach(
    settings: Settings, *, alone: bool = False, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Database]:
    """The same, with whatever is in the database: `doctor` looks at what `connect` would refuse or mend."""
    if settings.database_url is not None:
        async with _opened(settings.database_url) as database:
            yield database
        return
    if settings.is_production:
        raise Misconfigured("Production does not use the embedded database server.", remedy=_where_else(settings))
    with embedded.server(settings.data_dir, alone=alone, environ=environ) as server:
        async with _opened(server.url("postgres")) as maintenance:
            await provision.ensure_database(maintenance, DATABASE)
        async with _opened(server) as database:
            yield database


def _where_else(settings: Settings) -> str:
    if settings.data_dir.exists():
        return "Set MEMBER_HUB_DATABASE_URL, or MEMBER_HUB_MODE=development to try things out."
    return (
        f"There is no data folder {settings.data_dir}: go to where the hub runs, or set MEMBER_HUB_DATA_DIR or "
        "MEMBER_HUB_DATABASE_URL. To try things out: member-hub run."
    )


@asynccontextmanager
async def _opened(where: str | Server) -> AsyncIterator[Database]:
    database = Database.open(where)
    try:
        await _check_version(database)
        yield database
    finally:
        await database.close()


async def _check_version(database: Database) -> None:
    try:
        version = await provision.server_version(database)
    except (OSError, DBAPIError) as error:
        raise Misconfigured(
            f"The database does not answer ({_reason(error)}).",
            remedy="See whether it runs, and whether MEMBER_HUB_DATABASE_URL is right.",
        ) from error
    if version < OLDEST_MAJOR * 10_000:
        raise Misconfigured(f"PostgreSQL {version // 10_000} is too old.", remedy=f"Use {OLDEST_MAJOR} or newer.")


def _reason(error: OSError | DBAPIError) -> str:
    """What failed, without the address, which may hold a password."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or "unknown"
        return f"{_REFUSALS[state]}, SQLSTATE {state}" if state in _REFUSALS else f"SQLSTATE {state}"
    return error.strerror or type(error).__name__


async def _bring(database: Database) -> None:
    await provision.provision(database)
    if await migrate.current(database) != migrate.newest():
        await migrate.upgrade(database)
