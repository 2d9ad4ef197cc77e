"""A ledger folder of another database: in production nothing starts on it."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from member_hub.audit import LedgerOfAnother
from member_hub.clock import Clock
from member_hub.db import Database, transaction
from member_hub.holders import HOLDERS
from member_hub.runtime import open_runtime
from member_hub.settings import Mode, Settings
from tests.audit.logs import entry


async def test_in_production_nothing_starts_on_the_ledger_of_another_database(
    database: Database, settings: Settings
) -> None:
    async with open_runtime(settings, Clock(), database, HOLDERS) as hub:
        await hub.audit.write(entry())
        await hub.sealer.run(hub.clock.now())
        assert await hub.sealer.export() >= 0
    async with transaction(database.owner) as tx:  # as one that was begun later, and sealed nothing yet
        await tx.execute(text("truncate hub.audit_seal, hub.audit_seal_part"))
        await tx.execute(text("update vault.key_registry set created_at = now() + interval '1 day'"))
    before = {file.name: file.read_bytes() for file in settings.ledger_dir.iterdir()}

    with pytest.raises(LedgerOfAnother):
        async with open_runtime(replace(settings, mode=Mode.PRODUCTION), Clock(), database, HOLDERS):
            pass

    assert {file.name: file.read_bytes() for file in settings.ledger_dir.iterdir()} == before
    async with open_runtime(settings, Clock(), database, HOLDERS):
        pass  # in development it is told, and goes on
