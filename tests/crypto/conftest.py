"""A vault over a database that also has the sample tables."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from member_hub.clock import Clock
from member_hub.crypto import Vault
from member_hub.crypto.ring import load_ring
from member_hub.db import Database, provision, transaction
from member_hub.settings import Settings
from tests.crypto.samples import Sample


@pytest.fixture
def vault(database: Database, settings: Settings, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> Vault:
    return run(_with_samples(database, settings))


async def _with_samples(database: Database, settings: Settings) -> Vault:
    async with database.owner.begin() as tx:
        await tx.run_sync(Sample.metadata.create_all)
        await provision.give_rights(tx, database)
    clock = Clock()
    async with transaction(database.app) as tx:
        return Vault(await load_ring(tx, settings.key_dir, clock.now()), clock, mapped=Sample.registry)
