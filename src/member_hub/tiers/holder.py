"""What the tiers part answers for: growth, standings and the log of decisions.

Merging keeps the higher tier (reason `merge`) and the later end; growth stays filed where it was and is read over both.
Where each side stood is kept as long as the merge stands (standing/sides.py). Splitting gives each side back what it
stood at, floor and all, with those who still are merged with it; and the tier that both had is protected for a time
beside it: the highest counts. Then both are looked at, and go by their own orders.

Decision: what was decided meanwhile from the orders of both is not replayed: the protection covers it for its time, and
the review says what each has earned.
Decision: the time is the hub's clock, for the duties of a holder name none.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from member_hub.access import Caller, system_caller
from member_hub.clock import Clock, business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.holding import AccountRows, rows_where
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.privacy import Erased, Held, Person, Purpose
from member_hub.tiers.queries import counting, end_of, merged_by, standing_of
from member_hub.tiers.rules.windows import midnight
from member_hub.tiers.standing import sides
from member_hub.tiers.standing.log import log
from member_hub.tiers.standing.marking import touch
from member_hub.tiers.standing.sides import (
    NO_FLOOR,
    NO_PROTECTION,
    Row,
    changed,
    counted,
    higher,
    lowest,
    replayed,
    stood,
)
from member_hub.tiers.tables import GrowthEntry, TierChange, TierMerge, TierRise, TierStanding
from member_hub.tiers.words import LOWEST, Why

PROTECTION: Final = timedelta(days=90)  # after a splitting
FILED = AccountRows(staying=(GrowthEntry,))
BY_MEMBER = (TierStanding, TierMerge, TierChange, TierRise)
standing_t = table_of(TierStanding)
UNMARKED: Final[Mapping[str, Any]] = {
    "notice_at": None,
    "notice_until": None,
    "notice_needed": None,
    "notice_sent_at": None,
}


@dataclass(frozen=True, slots=True)
class TiersHolder:
    clock: Clock = field(default_factory=Clock)

    @property
    def idle_without(self) -> Sequence[type[Any]]:
        """Who has grown has been marked, and has a row."""
        return (TierStanding,)

    @property
    def tables(self) -> frozenset[str]:
        return FILED.tables | {table_of(model).fullname for model in BY_MEMBER}

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        async for held in FILED.export_for(tx, person):
            yield held
        for model in BY_MEMBER:
            async for held in rows_where(tx, model, among(table_of(model).c.member_id, person.member_ids)):
                yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        counts = dict((await FILED.erase_for(tx, person)).counts)
        for table in map(table_of, BY_MEMBER):
            gone = await tx.execute(delete(table).where(among(table.c.member_id, person.member_ids)))
            counts[table.fullname] = int(gone.rowcount)
        return Erased(counts)

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        """The caller holds both members' rows, so nobody marks or places one meanwhile."""
        now = self.clock.now()
        rows = await _locked(tx, kept, gone)
        await tx.execute(delete(standing_t).where(standing_t.c.member_id == gone))
        mine, theirs = _decided(rows.get(kept)), _decided(rows.get(gone))
        after = higher(mine, theirs, now)
        merged = sides.Merged(
            uuid7(), await sides.ids_in(tx, kept), await sides.ids_in(tx, gone), stood(mine), stood(theirs), now,
            kept_term=_term(mine, now), gone_term=_term(theirs, now),
            decided_by=None if after is None else await _decider(tx, {kept: mine, gone: theirs}, after, now),
        )  # fmt: skip
        await sides.put_merged(tx, merged, kept=kept, gone=gone)
        if theirs is not None and after is not None:
            now_at = counted(after, now)
            told = _still_told(after, [mine, theirs], now)
            await _put(tx, kept, {**after, **told, **now_at, "reason": Why.MERGE, "due_at": now})
            changes = [
                changed(one, _tier(row, now), after, Why.MERGE, facts={}, now=now)
                for one, row in ((kept, mine), (gone, theirs))
            ]
            await log(tx, _hub(), changes, now=now)
        await touch(tx, [kept], now=now)

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        now = self.clock.now()
        row = _decided((await _locked(tx, kept, back)).get(kept))
        parted = await _parted(tx, kept=kept, back=back, row=row, now=now)
        if origins and row is not None:
            protected = _protected(row, now)
            changes = []
            for side in (kept, back):
                before = {**lowest(now), **(parted[side] or {})}
                after = {**before, **protected, "term_since": before["term_since"] or before["since"]}
                after |= {**counted(after, now), "since": now, "reason": Why.SPLIT, "due_at": now}
                await _put(tx, side, after)
                term = {"term": standing_of(row, now).term_since.isoformat()}
                changes.append(changed(side, _tier(row, now), after, Why.SPLIT, facts=term, now=now))
            await log(tx, _hub(), changes, now=now)
        await touch(tx, [kept, back], now=now)


async def _parted(
    tx: Tx, *, kept: MemberId, back: MemberId, row: Row | None, now: datetime
) -> dict[MemberId, Row | None]:
    """Where each side stands without the other, by the merges that still stand; which are filed anew.

    Of whom no merge tells leaves with a new id, or was merged before merges were kept: that one stood nowhere, as far
    as anybody knows, and the other stays where they are, floor and all.
    """
    merges = await sides.merges_of(tx, kept)
    staying, leaving = await sides.ids_in(tx, kept), await sides.ids_in(tx, back)
    known = frozenset[Any]().union(*(one.ids for one in merges))
    of_kept, kept_merges = replayed(merges, staying, now, stays=True, unknown=stood(row))
    of_back, back_merges = replayed(merges, leaving, now)
    await sides.put_parted(tx, kept=kept, back=back, merges={kept: kept_merges, back: back_merges})
    if not known & leaving:
        return {kept: stood(row), back: None}
    return {kept: of_kept, back: of_back}


async def _decider(tx: Tx, rows: Mapping[MemberId, Row | None], after: Row, now: datetime) -> MemberId:
    """In whose log the decision stands by which the tier counts now; of one merged before in that of theirs."""
    by = counting(after, now)
    names = {"own": ("own_tier", "reason"), "floor": sides.FLOOR[:1], "protected": sides.PROTECTED[:1]}[by]
    side = next(one for one, row in rows.items() if row is not None and all(row[name] == after[name] for name in names))
    row = rows[side]
    assert row is not None, "who decided has a standing"
    return await merged_by(tx, side) or side if row["reason"] == Why.MERGE else side


def _protected(row: Row, now: datetime) -> Row:
    """The tier that counts at the splitting, for a time; of the lowest there is nothing to protect."""
    at = counted(row, now)
    if not at["rank"]:
        return NO_PROTECTION
    ends = midnight(business_day(now + PROTECTION) + timedelta(days=1))
    return {"protected": at["tier"], "protected_rank": at["rank"], "protected_until": ends}


def _decided(row: Row | None) -> Row | None:
    return None if row is None or row["tier"] is None else row


async def _locked(tx: Tx, *member_ids: MemberId) -> dict[MemberId, Row]:
    statement = select(standing_t).where(among(standing_t.c.member_id, sorted(member_ids)))
    rows = (await tx.execute(statement.order_by(standing_t.c.member_id).with_for_update())).mappings()
    return {MemberId(row["member_id"]): dict(row) for row in rows}


async def _put(tx: Tx, member_id: MemberId, values: Row) -> None:
    whole = {**NO_FLOOR, **NO_PROTECTION, **UNMARKED, **values}
    whole.pop("member_id", None)
    new = insert(standing_t).values(member_id=member_id, **whole)
    await tx.execute(new.on_conflict_do_update(index_elements=[standing_t.c.member_id], set_=whole))


def _tier(row: Row | None, now: datetime) -> str:
    return LOWEST if row is None else standing_of(row, now).tier


def _term(row: Row | None, now: datetime) -> datetime | None:
    """Since when the term runs that counts; None: nothing was decided yet, and it is that of joining."""
    return None if row is None else standing_of(row, now).term_since


def _still_told(after: Row, rows: Sequence[Row | None], now: datetime) -> dict[str, Any]:
    """The notice of one whose tier and end are kept: the day that it told stays told. Of two the later day."""
    at = _ending(after, now)
    told = [row for row in rows if row is not None and row["notice_until"] and _ending(row, now) == at]
    last = max(told, key=lambda row: (row["notice_until"], row["notice_at"]), default=UNMARKED)
    return {name: last[name] for name in UNMARKED}


def _ending(row: Row, now: datetime) -> tuple[str, datetime | None, bool]:
    """What counts, until when, and whether that is a grace."""
    return counted(row, now)["tier"], end_of(row, now), row["in_grace"]


def _hub() -> Caller:
    return system_caller(subject="tiers", purpose=Purpose.IDENTITY_UNIFICATION, request_id=uuid7())
