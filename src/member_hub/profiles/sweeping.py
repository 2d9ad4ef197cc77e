"""Forgetting, for everybody: what was held for a consent that has ended meanwhile, by a term, a grace or a merge.

A withdrawal forgets in its own transaction (forgetting.py); this finds what no act was there to take.
"""

from datetime import datetime
from typing import Protocol

from member_hub.audit import AuditLog, Entry
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.outside import remember
from member_hub.crypto import Ledger, Vault
from member_hub.db.base import transaction
from member_hub.db.engines import Database
from member_hub.ids import MemberId
from member_hub.profiles.forgetting import forget_consented, holding_for_consent

OPERATION = "consent forget"


class Needs(Protocol):
    @property
    def database(self) -> Database: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def catalogue(self) -> Catalogue: ...


async def forget_ended(hub: Needs, *, caller: str, now: datetime) -> int:
    """Go over everybody who holds anything for a consent alone; how many lost something.

    Batch by batch, each a transaction with its audit entry and its line in the ledger outside; doing it again does
    nothing. Raises LedgerUnwritable.
    """
    after: MemberId | None = None
    done = 0
    while True:
        async with transaction(hub.database.app) as tx:
            members = await holding_for_consent(tx, after=after)
            if not members:
                return done
            gone = await forget_consented(tx, hub.vault, members, numbers=hub.catalogue.numbers, now=now)
            if gone.fields:
                said = Entry.of_command(
                    OPERATION, fields=sorted(gone.words), member_ids=sorted(gone.fields), caller=caller, now=now
                )
                await hub.audit.write(said)
                await remember(hub.ledger, gone.notes)
        done, after = done + len(gone.fields), members[-1]
