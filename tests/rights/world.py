"""A small hub with its folders, for tests of what members have a right to."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from member_hub import organisation, programme, resources
from member_hub.clock import Clock
from member_hub.consent import catalogue
from member_hub.counting import Loyalty
from member_hub.crypto import Ledger, Vault
from member_hub.db import Database, snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.db.provision import AUDIT_ONLY
from member_hub.holders import HOLDERS, holders_by
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.queries import find_members
from member_hub.ids import MemberId, OriginId
from member_hub.ingest import mapping
from member_hub.ingest.running import Ingester
from member_hub.ingest.summary import Summary
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.merging import Resolver
from member_hub.privacy import DataClass, Person
from member_hub.rights import Erasure, erase, export, find_person, hold_person
from member_hub.settings import Settings
from member_hub.tables import METADATA

NOW = datetime(2026, 11, 8, 4, tzinfo=UTC)
REGISTER = organisation.load(resources.folder("policies") / "organisation.toml")
PROGRAMME = programme.read(resources.folder("policies") / programme.FILE)
CATALOGUE = catalogue.load(resources.folder("policies") / catalogue.FOLDER / catalogue.FILE)
PERSONAL_TABLES = sorted({table for holder in HOLDERS for table in holder.tables})


class StandingClock(Clock):
    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True, slots=True)
class World:
    """The hub, with its folders."""

    database: Database
    settings: Settings
    vault: Vault
    ledger: Ledger

    @classmethod
    async def open(cls, database: Database, settings: Settings) -> "World":
        vault = await Vault.open_ring(database, settings, StandingClock())
        return cls(database, settings, vault, Ledger.open(settings.ledger_dir))

    @property
    def resolver(self) -> Resolver:
        return Resolver(self.vault, REGISTER, holders_by(StandingClock()), CATALOGUE)

    async def deliver(self, source: Source, folder: Path, content: str) -> Summary:
        """Import a file of this content."""
        ending = "jsonl" if source in (Source.WEBSITE, Source.APP) else "csv"
        path = folder / f"{source}.{ending}"
        path.write_text(content, "utf-8")
        loyalty = Loyalty.of(PROGRAMME, self.vault, REGISTER)
        ingester = Ingester(self.database, self.vault, self.resolver, REGISTER, StandingClock(), loyalty)
        return await ingester.ingest(path, mapping.load(source))

    async def member_of(self, channel: Channel, account: str) -> MemberId:
        """Whose the account is, by the stored accounts themselves."""
        found = [row.member_id for row in await self.accounts() if row.number == account and row.channel == channel]
        assert len(found) == 1
        return MemberId(found[0])

    async def origin_of(self, channel: Channel, account: str) -> OriginId:
        found = [row.origin_id for row in await self.accounts() if row.number == account and row.channel == channel]
        assert len(found) == 1
        return OriginId(found[0])

    async def accounts(self) -> list["Account"]:
        account_t = table_of(ChannelAccount)
        async with snapshot(self.database.app) as tx:
            rows = (await tx.execute(select(account_t))).all()
            keys = await self.vault.keys_for(tx, [(row.origin_id, DataClass.IDENTIFIER) for row in rows])
            return [
                Account(
                    row.origin_id,
                    row.member_id,
                    row.channel,
                    keys.open(account_t.c.account, row.origin_id, row.account),
                )
                for row in rows
            ]

    async def found_by(self, *identifiers: tuple[ClaimKind, str, str]) -> list[MemberId | None]:
        """Who is found by each (kind, namespace, value)."""
        tokens = [(kind, self.vault.token(kind, namespace, value)) for kind, namespace, value in identifiers]
        async with transaction(self.database.app) as tx:
            found = await find_members(tx, tokens)
        return [found.get(token) for token in tokens]

    async def person(self, member_id: MemberId) -> Person:
        async with snapshot(self.database.app) as tx:
            return await find_person(tx, self.vault, member_id)

    async def export(self, member_id: MemberId) -> dict[str, Any]:
        """As the command line does it."""
        async with snapshot(self.database.app) as tx:
            return await export(tx, self.vault, HOLDERS, await find_person(tx, self.vault, member_id))

    async def erase(self, member_id: MemberId, *, ledger: Ledger | None = None) -> Erasure:
        """As the command line does it."""
        async with transaction(self.database.app) as tx:
            person = await hold_person(tx, self.vault, member_id)
            return await erase(tx, self.vault, ledger or self.ledger, HOLDERS, person, now=NOW)

    async def rows(self, table: str) -> list[Row[Any]]:
        """Every row of a table, in the order of its key."""
        found = METADATA.tables[table]
        engine = self.database.audit if table in AUDIT_ONLY else self.database.app
        async with snapshot(engine) as tx:
            return list((await tx.execute(select(found).order_by(*found.primary_key))).all())

    async def counts(self, *tables: str) -> dict[str, int]:
        return {table: len(await self.rows(table)) for table in tables or PERSONAL_TABLES}


@dataclass(frozen=True, slots=True)
class Account:
    """A stored channel account, with its number opened."""

    origin_id: OriginId
    member_id: MemberId
    channel: str
    number: str
