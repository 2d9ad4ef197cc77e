"""The four duties of a holder (privacy.Holder) for rows that are kept per channel account, or per member alone."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, select

from member_hub.db.base import Tx
from member_hub.db.bulk import among, move_rows, table_of
from member_hub.ids import MemberId, OriginId
from member_hub.privacy import Erased, Held, Person

EXPORT_BATCH = 500


@dataclass(frozen=True, slots=True)
class AccountRows:
    """Tables with `origin_id`: `moving` ones follow their account to its member, `staying` ones are filed for life."""

    moving: Sequence[type[Any]] = ()
    staying: Sequence[type[Any]] = ()

    @property
    def models(self) -> Sequence[type[Any]]:
        return [*self.moving, *self.staying]

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(table_of(model).fullname for model in self.models)

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        for model in self.models:
            async for held in rows_where(tx, model, among(table_of(model).c.origin_id, person.origin_ids)):
                yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        counts = {}
        for model in self.models:
            table = table_of(model)
            gone = await tx.execute(delete(table).where(among(table.c.origin_id, person.origin_ids)))
            counts[table.fullname] = int(gone.rowcount)
        return Erased(counts)

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        for model in self.moving:
            await move_rows(tx, model, source=gone, target=kept)

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        for model in self.moving:
            await move_rows(tx, model, source=kept, target=back, origin_ids=origins)


@dataclass(frozen=True, slots=True)
class MemberRows:
    """Short-lived tables with `member_id` and no `origin_id`: whoever reads them resolves merged ids, so none moves."""

    models: Sequence[type[Any]]

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(table_of(model).fullname for model in self.models)

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        for model in self.models:
            async for held in rows_where(tx, model, among(table_of(model).c.member_id, person.member_ids)):
                yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        counts = {}
        for model in self.models:
            table = table_of(model)
            gone = await tx.execute(delete(table).where(among(table.c.member_id, person.member_ids)))
            counts[table.fullname] = int(gone.rowcount)
        return Erased(counts)

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        """Nothing moves."""

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        """Nothing moves."""


async def rows_where(tx: Tx, model: type[Any], condition: ColumnElement[bool]) -> AsyncIterator[Held]:
    """Rows of a table in the order of their key, fetched in batches, as `Held`."""
    table = table_of(model)
    statement = select(table).where(condition).order_by(*table.primary_key)
    result = await tx.stream(statement.execution_options(yield_per=EXPORT_BATCH))
    async for row in result.mappings():
        yield Held(model, row)
