"""What the benefits part answers for: entitlements, which move with their account, uses, which stay filed, and who is
to be looked at again because a benefit of the month failed: both sides, whenever accounts come together or part.

Of what is one per person, two accounts that become one member have the greater quantity, less what either used; the
row that does not count is kept, and counts again where its account leaves. What was used while merged stays with the
row that counted it.

A term of the tier begins for each member on a day of its own. What was counted in the terms that ran for two members
counts in the one that runs for both of them; where they part, in the one that runs for each then. What was counted in
a term that was over before stays there, and comes back with it where that is the term that runs again.
Decision: this stands behind tiers in the list of holders, and reads from their log which terms ran until then. Price:
whose tier was kept for another term while merged, and is no more after parting, has what was used in it counted in the
term from before; a review that keeps it once more begins anew.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, literal, select
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.dialects.postgresql import insert

from member_hub import tiers
from member_hub.benefits.standing import held_by
from member_hub.benefits.tables import BenefitAgain, BenefitUse, Entitlement
from member_hub.benefits.using import entitlement_t
from member_hub.clock import Clock, business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import among, move_rows, table_of, update_rows
from member_hub.holding import rows_where
from member_hub.ids import MemberId, OriginId
from member_hub.privacy import Erased, Held, Person
from member_hub.tiers import Why

MODELS = (Entitlement, BenefitUse, BenefitAgain)
again_t = table_of(BenefitAgain)
COLUMNS = ("member_id", "entitlement_id", "folded_into", "period", "others_granted", "others_used")
Rows = list[Row[Any]]


@dataclass(frozen=True, slots=True)
class BenefitsHolder:
    clock: Clock = field(default_factory=Clock)

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(table_of(model).fullname for model in MODELS)

    @property
    def idle_without(self) -> Sequence[type[Any]]:
        return (Entitlement, BenefitAgain)

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
        now = self.clock.now()
        mine, theirs = await tiers.terms_before(tx, Why.MERGE, kept=kept, other=gone, now=now)
        after = (await held_by(tx, [kept], now=now))[kept].since
        turns = {kept: Turn.of(mine, after), gone: Turn.of(theirs, after)}
        await _fold(tx, turns, first=kept)
        await move_rows(tx, Entitlement, source=gone, target=kept)
        await _look_again(tx, gone, kept)
        await tx.execute(delete(again_t).where(again_t.c.member_id == gone))

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        now = self.clock.now()
        await move_rows(tx, Entitlement, source=kept, target=back, origin_ids=origins)
        await _look_again(tx, kept, back)
        before, _ = await tiers.terms_before(tx, Why.SPLIT, kept=kept, other=back, now=now)
        held = await held_by(tx, [kept, back], now=now)
        for one in sorted((kept, back)):
            await _fold(tx, {one: Turn.of(before, held[one].since)}, first=one, is_parting=True)


async def _look_again(tx: Tx, one: MemberId, other: MemberId) -> None:
    """At the other, too: whoever has this year's already is passed over."""
    columns = [again_t.c.source, again_t.c.month]
    rows = select(literal(other, PgUuid()), *columns).where(again_t.c.member_id == one)
    fresh = insert(again_t).from_select(["member_id", *(column.name for column in columns)], rows)
    await tx.execute(fresh.on_conflict_do_nothing())


@dataclass(frozen=True, slots=True)
class Turn:
    """The term that ran, and the one that runs from now on; by the days by which they are known."""

    ran: date
    runs: date

    @classmethod
    def of(cls, ran: datetime, runs: datetime) -> "Turn":
        return cls(business_day(ran), business_day(runs))


async def _fold(tx: Tx, turns: Mapping[MemberId, Turn], *, first: MemberId, is_parting: bool = False) -> None:
    """Let one row count of each benefit and period that these have together; of several that of `first`."""
    rows = select(entitlement_t).where(
        among(entitlement_t.c.member_id, sorted(turns)), entitlement_t.c.is_one_per_person
    )
    locked = rows.order_by(entitlement_t.c.member_id, entitlement_t.c.entitlement_id).with_for_update()
    found = list(await tx.execute(locked))
    again = _running_again(found, turns) if is_parting else set()
    groups: dict[tuple[str, date], Rows] = defaultdict(list)
    for row in found:
        turn = turns[row.member_id]
        is_running = row.term is not None and (row.period == turn.ran or (row.benefit, row.period) in again)
        groups[row.benefit, turn.runs if is_running else row.period].append(row)
    changed = [new for (_, period), group in groups.items() for new in _folded(group, period, first)]
    # Those that count no longer before the one that does: the index allows one of a period at any moment.
    for counts in (False, True):
        await update_rows(tx, Entitlement, COLUMNS, [new for new in changed if (new[2] is None) is counts])


def _running_again(rows: Rows, turns: Mapping[MemberId, Turn]) -> set[tuple[str, date]]:
    """What was counted first in the term that runs again, with everything that was counted together with it."""
    return {(row.benefit, row.period) for row in rows if row.term == turns[row.member_id].runs}


def _folded(group: Rows, period: date, first: MemberId) -> list[tuple[UUID, UUID, UUID | None, date, int, int]]:
    """The rows of a group that are to be written anew."""
    head = min(group, key=lambda row: (row.folded_into is not None, row.member_id != first, row.entitlement_id))
    others = [row for row in group if row is not head]
    most, used = max((row.granted for row in others), default=0), sum(row.used for row in others)
    wanted = [(head.member_id, head.entitlement_id, None, period, most, used)]
    wanted += [(row.member_id, row.entitlement_id, head.entitlement_id, period, 0, 0) for row in others]
    stands = {tuple(getattr(row, name) for name in COLUMNS) for row in group}
    return [new for new in wanted if new not in stands]
