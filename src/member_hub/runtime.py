"""What one process holds: made once at start, passed down, never global."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from member_hub import organisation as register
from member_hub import privacy
from member_hub.access import Policies, folder_of
from member_hub.audit import AuditLog
from member_hub.clock import Clock
from member_hub.crypto import Vault
from member_hub.db import Base, Database
from member_hub.merging import Resolver
from member_hub.organisation import Organisation
from member_hub.privacy import Holder
from member_hub.settings import Settings
from member_hub.sign_in import Sender, opened_sender


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    clock: Clock
    database: Database
    vault: Vault
    organisation: Organisation
    policies: Policies
    resolver: Resolver
    audit: AuditLog
    sender: Sender | None = None  # None: production without one, where nobody signs in by code


@asynccontextmanager
async def open_runtime(
    settings: Settings, clock: Clock, database: Database, holders: Sequence[Holder]
) -> AsyncIterator[Runtime]:
    """Everything a process needs, for the length of the block; the database stays the caller's.

    Raises Misconfigured where a column has no privacy declaration, a policy file is not exactly right, or the keys are
    not those of this database. At the end it waits until every accepted audit entry is written.
    """
    privacy.check(Base.metadata)
    organisation = register.of(settings)
    policies = Policies.load(folder_of(settings))
    vault = await Vault.open_ring(database, settings, clock)
    audit = AuditLog(database)
    async with opened_sender(settings) as sender:
        try:
            yield Runtime(
                settings=settings,
                clock=clock,
                database=database,
                vault=vault,
                organisation=organisation,
                policies=policies,
                resolver=Resolver(vault, organisation, holders),
                audit=audit,
                sender=sender,
            )
        finally:
            await audit.close()
