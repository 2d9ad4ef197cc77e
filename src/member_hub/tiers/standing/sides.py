"""Who is in a merged member, and where each stood: kept as long as the merge stands, and replayed when somebody leaves.

    merges      in order, each with the ids on both sides and the standing of each side until then
    replayed    the merges among those who stay together, as if the others had never been there

A side that leaves as it came stands where it stood, decisions from while it was merged within itself and all. What was
decided from the orders of those who part is not replayed: the review says what each has earned.
Decision: this is no part of the log, which one exports and keeps: it names the other side, and goes when they part. So
nothing of one of them is left with the other, whoever is erased then.
Decision: a placement by hand while merged is of everybody in it, since for whom it was meant nobody can tell.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, or_, select, update

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.identity.tables import MergeEvent
from member_hub.ids import MemberId
from member_hub.tiers.queries import counting, is_running
from member_hub.tiers.standing.marking import member_t, standing_t
from member_hub.tiers.tables import TierMerge
from member_hub.tiers.words import LOWEST, Why

merge_t = table_of(TierMerge)
event_t = table_of(MergeEvent)
OWN: Final = (
    "own_tier",
    "own_rank",
    "since",
    "reason",
    "until",
    "term_since",
    "in_grace",
    "term_until",
    "given_days",
    "rules_version",
)
FLOOR: Final = ("floor", "floor_rank", "floor_until")
PROTECTED: Final = ("protected", "protected_rank", "protected_until")
STOOD: Final = (*OWN, *FLOOR)  # of a side; what protects it is of the splitting before, and a new one lasts longer
MOMENTS: Final = frozenset(name for name in STOOD if standing_t.c[name].type.python_type is datetime)
NO_FLOOR: Final[Mapping[str, Any]] = {"floor": None, "floor_rank": 0, "floor_until": None}
NO_PROTECTION: Final[Mapping[str, Any]] = {"protected": None, "protected_rank": 0, "protected_until": None}

Row = Mapping[str, Any]
Ids = frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Merged:
    """One merge. A standing of None: nothing had been decided yet."""

    merge_id: UUID
    kept_ids: Ids
    gone_ids: Ids
    kept_stood: Row | None
    gone_stood: Row | None
    merged_at: datetime
    kept_term: datetime | None = None  # since when the term ran that counted; None: since joining
    gone_term: datetime | None = None
    decided_by: UUID | None = None

    @property
    def ids(self) -> Ids:
        return self.kept_ids | self.gone_ids


def replayed(merges: Sequence[Merged], wanted: Ids, now: datetime) -> tuple[Row | None, list[Merged]]:
    """Where these would stand had nobody else been merged with them; and the merges that are among them."""
    left: list[Merged] = []
    stood: dict[Ids, Row | None] = {}
    for one in merges:
        kept, gone = one.kept_ids & wanted, one.gone_ids & wanted
        of_kept = one.kept_stood if kept == one.kept_ids else stood.get(kept)
        of_gone = one.gone_stood if gone == one.gone_ids else stood.get(gone)
        if kept and gone:
            by = one.decided_by if one.decided_by in kept | gone else None
            of_both = replace(one, kept_ids=kept, gone_ids=gone, kept_stood=of_kept, gone_stood=of_gone)
            left.append(replace(of_both, decided_by=by))
            stood[kept | gone] = higher(of_kept, of_gone, now)
        elif kept or gone:
            stood[kept | gone] = of_kept if kept else of_gone
    return stood.get(wanted), left


def higher(one: Row | None, other: Row | None, now: datetime) -> Row | None:
    """Of two standings the higher tier with the later end; and so of two floors, that neither promise is broken."""
    if one is None or other is None:
        alone = one if other is None else other
        return None if alone is None else {**alone, **_covers([alone], now)}
    first, second = sorted((one, other), key=lambda row: row["own_rank"], reverse=True)
    found = {name: first[name] for name in OWN}
    ends = [row["until"] for row in (first, second) if row["until"] is not None]
    if first["until"] is not None and max(ends) != first["until"]:
        found |= {name: second[name] for name in ("until", "in_grace", "term_until", "given_days")}
    return found | _covers([one, other], now)


def _covers(rows: Sequence[Row], now: datetime) -> dict[str, Any]:
    """Of those that are not over the highest, until the last of their ends."""
    found: dict[str, Any] = {**NO_FLOOR, **NO_PROTECTION}
    for cover, names in (("floor", FLOOR), ("protected", PROTECTED)):
        running = [row for row in rows if f"{cover}_until" in row and is_running(row, cover, now)]
        if running:
            highest = max(running, key=lambda row: (row[f"{cover}_rank"], row[f"{cover}_until"]))
            found |= {name: highest[name] for name in names}
            found[f"{cover}_until"] = max(row[f"{cover}_until"] for row in running)
    return found


def counted(row: Row, now: datetime) -> dict[str, Any]:
    """The tier that counts, and its place."""
    by = counting(row, now)
    return {"tier": row["own_tier" if by == "own" else by], "rank": row[f"{by}_rank"]}


def stood(row: Row | None) -> dict[str, Any] | None:
    """Of a row of tier_standing what a side has for itself."""
    return None if row is None or row["tier"] is None else {name: row[name] for name in STOOD}


def lowest(now: datetime) -> dict[str, Any]:
    return {
        **NO_FLOOR, "own_tier": LOWEST, "own_rank": 0, "since": now, "reason": Why.SPLIT, "until": None,
        "term_since": None, "in_grace": False, "term_until": None, "given_days": 0, "rules_version": None,
    }  # fmt: skip


async def ids_in(tx: Tx, root: MemberId) -> Ids:
    """The ids that are this member now."""
    in_it = or_(member_t.c.member_id == root, member_t.c.merged_into == root)
    return frozenset(await tx.scalars(select(member_t.c.member_id).where(in_it)))


async def had_been(tx: Tx, member_id: MemberId) -> bool:
    """Whether this id was a member of its own before; an account that never was one leaves with a new id."""
    merged = select(event_t.c.event_id).where(event_t.c.gone == member_id, event_t.c.kind == "merge")
    return await tx.scalar(merged.limit(1)) is not None


async def merges_of(tx: Tx, root: MemberId) -> list[Merged]:
    return (await merges_of_many(tx, [root])).get(root, [])


async def merges_of_many(tx: Tx, roots: Collection[MemberId]) -> dict[MemberId, list[Merged]]:
    """Of each root that has any, in order."""
    rows = select(merge_t).where(among(merge_t.c.member_id, roots)).order_by(merge_t.c.member_id, merge_t.c.merge_id)
    found: dict[MemberId, list[Merged]] = defaultdict(list)
    for row in await tx.execute(rows):
        found[MemberId(row.member_id)].append(
            Merged(
                row.merge_id,
                frozenset(row.kept_ids),
                frozenset(row.gone_ids),
                _read(row.kept_stood),
                _read(row.gone_stood),
                row.merged_at,
                row.kept_term,
                row.gone_term,
                row.decided_by,
            )
        )
    return dict(found)


def ids_at(merges: Sequence[Merged], root: MemberId, moment: datetime) -> Ids:
    """Who this one of them was at a moment, by the merges that still stand."""
    found: Ids = frozenset({root})
    for one in merges:
        if one.merged_at <= moment and root in one.ids:
            found = one.ids
    return found


async def put_merged(tx: Tx, merged: Merged, *, kept: MemberId, gone: MemberId) -> None:
    await tx.execute(update(merge_t).where(merge_t.c.member_id == gone).values(member_id=kept))
    await _insert(tx, kept, [merged])


async def put_parted(tx: Tx, *, kept: MemberId, back: MemberId, merges: Mapping[MemberId, Sequence[Merged]]) -> None:
    """What is left of the merges on either side, in the place of what was there."""
    await tx.execute(delete(merge_t).where(merge_t.c.member_id == kept))
    for root in (kept, back):
        await _insert(tx, root, merges[root])


async def put_floor(tx: Tx, root: MemberId, floor: Row, now: datetime) -> None:
    """Somebody placed the merged member: whoever was merged into it has this floor, and none from before."""
    merges = await merges_of(tx, root)
    if merges:
        placed = [
            replace(
                one,
                kept_stood={**(one.kept_stood or lowest(now)), **floor},
                gone_stood={**(one.gone_stood or lowest(now)), **floor},
            )
            for one in merges
        ]
        await tx.execute(delete(merge_t).where(merge_t.c.member_id == root))
        await _insert(tx, root, placed)


async def _insert(tx: Tx, root: MemberId, merges: Collection[Merged]) -> None:
    rows = [
        {
            "member_id": root,
            "merge_id": one.merge_id,
            "kept_ids": sorted(one.kept_ids),
            "gone_ids": sorted(one.gone_ids),
            "kept_stood": _written(one.kept_stood),
            "gone_stood": _written(one.gone_stood),
            "kept_term": one.kept_term,
            "gone_term": one.gone_term,
            "decided_by": one.decided_by,
            "merged_at": one.merged_at,
        }
        for one in merges
    ]
    if rows:
        await tx.execute(insert(merge_t), rows)


def _written(stood: Row | None) -> dict[str, Any] | None:
    if stood is None:
        return None
    return {name: stood[name].isoformat() if name in MOMENTS and stood[name] else stood[name] for name in STOOD}


def _read(said: Row | None) -> dict[str, Any] | None:
    if said is None:
        return None
    return {
        name: datetime.fromisoformat(said[name]) if name in MOMENTS and said[name] else said[name] for name in STOOD
    }
