"""What the benefits part answers for: entitlements, which move with their account, and uses, which stay filed.

Of what is one per person, two accounts that become one member have the greater quantity, less what either used; the
row that does not count is kept, and counts again where its account leaves. What was used while merged stays with the
row that counted it.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select

from member_hub.benefits.tables import BenefitUse, Entitlement
from member_hub.benefits.using import entitlement_t
from member_hub.db.base import Tx
from member_hub.db.bulk import among, move_rows, table_of, update_rows
from member_hub.holding import rows_where
from member_hub.ids import MemberId, OriginId
from member_hub.privacy import Erased, Held, Person

MODELS = (Entitlement, BenefitUse)
COLUMNS = ("member_id", "entitlement_id", "folded_into", "others_granted", "others_used")
Rows = list[Row[Any]]


class BenefitsHolder:
    tables = frozenset(table_of(model).fullname for model in MODELS)
    idle_without: Sequence[type[Any]] = (Entitlement,)

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        for model in MODELS:
            async for held in rows_where(tx, model, among(table_of(model).c.member_id, person.member_ids)):
                yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        counts = {}
        for model in MODELS:
            table = table_of(model)
            gone = await tx.execute(delete(table).where(among(table.c.member_id, person.member_ids)))
            counts[table.fullname] = int(gone.rowcount)
        return Erased(counts)

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        """Folded first and moved then: at no moment do two rows of a period count."""
        await _fold(tx, [kept, gone], first=kept)
        await move_rows(tx, Entitlement, source=gone, target=kept)

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        await move_rows(tx, Entitlement, source=kept, target=back, origin_ids=origins)
        for one in sorted((kept, back)):
            await _fold(tx, [one], first=one)


async def _fold(tx: Tx, member_ids: Collection[MemberId], *, first: MemberId) -> None:
    """Let one row count of each benefit and period that these have together; of several that of `first`."""
    rows = select(entitlement_t).where(
        among(entitlement_t.c.member_id, sorted(member_ids)), entitlement_t.c.is_one_per_person
    )
    locked = rows.order_by(entitlement_t.c.member_id, entitlement_t.c.entitlement_id).with_for_update()
    groups: dict[tuple[str, date], Rows] = defaultdict(list)
    for row in await tx.execute(locked):
        groups[row.benefit, row.period].append(row)
    changed = [new for group in groups.values() for new in _folded(group, first)]
    # Those that count no longer before the one that does: the index allows one of a period at any moment.
    for counts in (False, True):
        await update_rows(tx, Entitlement, COLUMNS, [new for new in changed if (new[2] is None) is counts])


def _folded(group: Rows, first: MemberId) -> list[tuple[UUID, UUID, UUID | None, int, int]]:
    """The rows of a group that are to be written anew."""
    head = min(group, key=lambda row: (row.folded_into is not None, row.member_id != first, row.entitlement_id))
    others = [row for row in group if row is not head]
    most, used = max((row.granted for row in others), default=0), sum(row.used for row in others)
    wanted = [(head.member_id, head.entitlement_id, None, most, used)]
    wanted += [(row.member_id, row.entitlement_id, head.entitlement_id, 0, 0) for row in others]
    stands = {tuple(getattr(row, name) for name in COLUMNS) for row in group}
    return [new for new in wanted if new not in stands]
