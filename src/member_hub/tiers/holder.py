"""What the tiers part answers for: growth, standings and the log of decisions.

Merging keeps the higher tier (reason `merge`) and the later end; growth stays filed where it was and is read over both.
Each side's standing from before goes into the log. Splitting gives each side back what it stood at before, and the tier
that both had as a floor for a time of protection; then both are looked at, and go by their own orders.

Decision: only the latest merging is taken back whole. What was decided meanwhile from the orders of both is not
replayed: the floor covers it for the time of protection, and the review says what each has earned.
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
from member_hub.tiers.queries import standing_of
from member_hub.tiers.rules.windows import midnight
from member_hub.tiers.standing.log import Change, log
from member_hub.tiers.standing.marking import touch
from member_hub.tiers.tables import GrowthEntry, TierChange, TierRise, TierStanding
from member_hub.tiers.words import LOWEST, Why

PROTECTION: Final = timedelta(days=90)  # after a splitting
FILED = AccountRows(staying=(GrowthEntry,))
standing_t = table_of(TierStanding)
change_t = table_of(TierChange)
rise_t = table_of(TierRise)
OWN: Final = (
    "own_tier", "own_rank", "since", "reason", "until", "term_since", "in_grace", "term_until", "rules_version",
)  # fmt: skip
FLOOR: Final = ("floor", "floor_rank", "floor_until")
NO_FLOOR: Final[dict[str, Any]] = {"floor": None, "floor_rank": 0, "floor_until": None}
MOMENTS: Final = ("since", "until", "term_since", "term_until", "floor_until")
UNMARKED: Final[dict[str, Any]] = {
    "notice_at": None,
    "notice_until": None,
    "notice_needed": None,
    "notice_sent_at": None,
}

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TiersHolder:
    clock: Clock = field(default_factory=Clock)

    @property
    def idle_without(self) -> Sequence[type[Any]]:
        """Who has grown has been marked, and has a row."""
        return (TierStanding,)

    @property
    def tables(self) -> frozenset[str]:
        return FILED.tables | {standing_t.fullname, change_t.fullname, rise_t.fullname}

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        async for held in FILED.export_for(tx, person):
            yield held
        for model in (TierStanding, TierChange, TierRise):
            async for held in rows_where(tx, model, among(table_of(model).c.member_id, person.member_ids)):
                yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        counts = dict((await FILED.erase_for(tx, person)).counts)
        for table in (standing_t, change_t, rise_t):
            gone = await tx.execute(delete(table).where(among(table.c.member_id, person.member_ids)))
            counts[table.fullname] = int(gone.rowcount)
        return Erased(counts)

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        """The caller holds both members' rows, so nobody marks or places one meanwhile."""
        now = self.clock.now()
        rows = await _locked(tx, kept, gone)
        await tx.execute(delete(standing_t).where(standing_t.c.member_id == gone))
        mine, theirs = rows.get(kept), rows.get(gone)
        if theirs is not None and theirs["tier"] is not None:
            higher = _higher(mine, theirs, now)
            await _put(tx, kept, higher | {"reason": Why.MERGE, "due_at": now})
            before = LOWEST if mine is None or mine["tier"] is None else mine["tier"]
            terms = {"term": _term(mine, now), "their_term": _term(theirs, now)}
            facts = {"with": str(gone), "stood": _snapshot(mine)} | terms
            merged = [
                _merge(kept, before, higher["tier"], higher["until"], facts),
                _merge(gone, theirs["tier"], higher["tier"], higher["until"], {"stood": _snapshot(theirs)}),
            ]
            await log(tx, _hub(), merged, now=now)
        await touch(tx, [kept], now=now)

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        now = self.clock.now()
        row = (await _locked(tx, kept, back)).get(kept)
        if origins and row is not None and row["tier"] is not None:
            ends = midnight(business_day(now + PROTECTION) + timedelta(days=1))
            if row["floor"] == row["tier"]:
                ends = max(ends, row["floor_until"])  # placed by hand for longer: for whom of them nobody can tell
            floor = {"floor": row["tier"], "floor_rank": row["rank"], "floor_until": ends}
            changes = []
            for side, stood in (
                (kept, await _stood(tx, kept, now, other=back) or {name: row[name] for name in OWN}),
                (back, await _stood(tx, back, now) or _lowest(now)),
            ):
                values = stood | floor | {"tier": row["tier"], "rank": row["rank"], "since": now}
                values |= {"term_since": stood["term_since"] or stood["since"]}
                await _put(tx, side, values | {"reason": Why.SPLIT, "due_at": now})
                facts = {"own_tier": stood["own_tier"]}
                if side == kept:
                    facts |= {"with": str(back), "term": _term(row, now)}
                changes.append(Change(side, row["tier"], row["tier"], Why.SPLIT, floor["floor_until"], None, facts))
            await log(tx, _hub(), changes, now=now)
        await touch(tx, [kept, back], now=now)


def _higher(mine: Row | None, theirs: Row, now: datetime) -> dict[str, Any]:
    """Of two standings the higher tier with the later end; and so of two floors, that neither promise is broken."""
    if mine is None or mine["tier"] is None:
        return {name: theirs[name] for name in ("tier", "rank", *OWN, *FLOOR)} | UNMARKED
    first, second = sorted((mine, theirs), key=lambda row: row["own_rank"], reverse=True)
    found = {name: first[name] for name in OWN}
    ends = [row["until"] for row in (first, second) if row["until"] is not None]
    if first["until"] is not None and max(ends) != first["until"]:
        found |= {name: second[name] for name in ("until", "in_grace", "term_until")}
    floors = [row for row in (mine, theirs) if row["floor_until"] is not None and row["floor_until"] > now]
    highest = max(floors, key=lambda row: (row["floor_rank"], row["floor_until"]), default=None)
    found |= {name: highest[name] for name in FLOOR} if highest else NO_FLOOR
    if highest is not None:
        found["floor_until"] = max(row["floor_until"] for row in floors)
    by_floor = highest is not None and highest["floor_rank"] > found["own_rank"]
    found["tier"] = found["floor"] if by_floor else found["own_tier"]
    found["rank"] = found["floor_rank"] if by_floor else found["own_rank"]
    return found | UNMARKED


async def _locked(tx: Tx, *member_ids: MemberId) -> dict[MemberId, Row]:
    statement = select(standing_t).where(among(standing_t.c.member_id, sorted(member_ids)))
    rows = (await tx.execute(statement.order_by(standing_t.c.member_id).with_for_update())).mappings()
    return {MemberId(row["member_id"]): dict(row) for row in rows}


async def _put(tx: Tx, member_id: MemberId, values: Row) -> None:
    whole = NO_FLOOR | UNMARKED | dict(values)
    new = insert(standing_t).values(member_id=member_id, **whole)
    await tx.execute(new.on_conflict_do_update(index_elements=[standing_t.c.member_id], set_=whole))


async def _stood(tx: Tx, member_id: MemberId, now: datetime, *, other: MemberId | None = None) -> dict[str, Any] | None:
    """What a side stood at before the latest merging (of the one that stayed: with `other`); None: there was none."""
    statement = select(change_t.c.facts).where(change_t.c.member_id == member_id, change_t.c.reason == Why.MERGE)
    if other is not None:
        statement = statement.where(change_t.c.facts["with"].astext == str(other))
    facts = await tx.scalar(statement.order_by(change_t.c.changed_at.desc(), change_t.c.change_id.desc()).limit(1))
    if facts is None:
        return None
    if facts["stood"] is None:
        return _lowest(now)
    return {
        name: datetime.fromisoformat(value) if name in MOMENTS and value else value
        for name, value in facts["stood"].items()
    }


def _term(row: Row | None, now: datetime) -> str | None:
    """Since when the term runs that counts; None: nothing was decided yet, and it is that of joining."""
    return None if row is None or row["tier"] is None else standing_of(row, now).term_since.isoformat()


def _snapshot(row: Row | None) -> dict[str, Any] | None:
    if row is None or row["tier"] is None:
        return None
    return {name: row[name].isoformat() if name in MOMENTS and row[name] else row[name] for name in OWN}


def _lowest(now: datetime) -> dict[str, Any]:
    return {
        "own_tier": LOWEST, "own_rank": 0, "since": now, "reason": Why.SPLIT, "until": None, "term_since": None,
        "in_grace": False, "term_until": None, "rules_version": None,
    }  # fmt: skip


def _merge(member_id: MemberId, before: str, after: str, until: datetime | None, facts: Row) -> Change:
    return Change(member_id, before, after, Why.MERGE, until, None, facts)


def _hub() -> Caller:
    return system_caller(subject="tiers", purpose=Purpose.IDENTITY_UNIFICATION, request_id=uuid7())
