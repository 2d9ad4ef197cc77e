"""One look at everything, in the order in which an operator would look."""

import os
from collections.abc import AsyncIterator, Mapping

from member_hub.db import binaries, place, provision
from member_hub.db.session import reach
from member_hub.doctor.findings import Check, Verdict, failed
from member_hub.doctor.machine import data_folder, mode, private_folder, product, python
from member_hub.doctor.records import (
    clock_caught_up,
    histories_whole,
    minors_seen,
    notices_in_force,
    notices_told,
    points_ledger,
    texts_whole,
)
from member_hub.doctor.server import (
    keys_found,
    ledger_found,
    login,
    migrations,
    programs_found,
    roles_made,
    server_found,
)
from member_hub.doctor.services import programme_read, sender, sign_in
from member_hub.errors import HubError
from member_hub.settings import Settings


async def examine(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[Check]:
    """Look at everything; nothing is made or mended, except that a stopped embedded server runs meanwhile."""
    checks = [product(), python(), mode(settings)]
    checks.extend(private_folder("key folder", settings.key_dir))
    checks.extend(private_folder("ledger folder", settings.ledger_dir))
    checks.extend([check async for check in sign_in(settings)])
    checks.append(sender(settings))
    checks.append(programme_read(settings))
    if settings.database_url is None:
        checks.extend(data_folder(settings.data_dir, environ))
    try:
        checks.extend([check async for check in _database(settings, environ)])
    except HubError as error:
        checks.append(failed("database", error))
    return checks


async def _database(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Check]:
    if settings.database_url is None and not settings.is_production and place.existing(settings.data_dir) is None:
        yield programs_found(binaries.choose(environ), "the embedded server is made at the first start")
        yield await ledger_found(None, settings)
        return
    async with reach(settings, environ=environ) as database:
        yield await server_found(database)
        yield await roles_made(database)
        schema = await migrations(database)
        yield schema
        if not await provision.missing(database):
            yield await login(database)
        if schema.verdict is Verdict.OK:
            yield await keys_found(database, settings.key_dir)
            yield await ledger_found(database, settings)
            yield await notices_told(database)
            yield await texts_whole(database)
            yield await histories_whole(database)
            async for check in notices_in_force(database, settings):
                yield check
            yield await minors_seen(database)
            yield await points_ledger(database)
            yield await clock_caught_up(database)
