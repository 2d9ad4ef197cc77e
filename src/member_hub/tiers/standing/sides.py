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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, or_, select, update

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.ids import MemberId
from member_hub.tiers.queries import beneath, counting, is_running
from member_hub.tiers.standing.log import Change
from member_hub.tiers.standing.marking import member_t, standing_t
from member_hub.tiers.tables import TierMerge
from member_hub.tiers.words import LOWEST, Why

merge_t = table_of(TierMerge)
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


def replayed(
    merges: Sequence[Merged], wanted: Ids, now: datetime, *, stays: bool = False, unknown: Row | None = None
) -> tuple[Row | None, list[Merged]]:
    """Where these would stand had nobody else been merged with them; and the merges that are among them.

    Merges from before they were kept are missing. What such a group had `stays` with the ones of it who stay; of whom
    nothing is told at all, `unknown` is returned.
    """
    left: list[Merged] = []
    stood: dict[Ids, Row | None] = {}
    for one in merges:
        kept, gone = one.kept_ids & wanted, one.gone_ids & wanted
        of_kept = one.kept_stood if kept == one.kept_ids else stood.get(kept, one.kept_stood if stays else None)
        of_gone = one.gone_stood if gone == one.gone_ids else stood.get(gone, one.gone_stood if stays else None)
        if kept and gone:
            by = one.decided_by if one.decided_by in kept | gone else None
            of_both = replace(one, kept_ids=kept, gone_ids=gone, kept_stood=of_kept, gone_stood=of_gone)
            left.append(replace(of_both, decided_by=by))
            stood[kept | gone] = higher(of_kept, of_gone, now)
        elif kept or gone:
            stood[kept | gone] = of_kept if kept else of_gone
    return stood.get(wanted, unknown), left


def higher(one: Row | None, other: Row | None, now: datetime) -> Row | None:
    """Of two standings the higher tier with the later end; and so of two floors, that neither promise is broken.

    A term goes by the later end of two terms; a grace of a lower tier ends none of a higher. Of equal ones the term is
    kept rather than the grace.
    """
    if one is None or other is None:
        alone = one if other is None else other
        return None if alone is None else {**alone, **_covers([alone], now)}

    def place(row: Row) -> tuple[int, bool, datetime]:
        return row["own_rank"], not row["in_grace"], row["until"] or now

    first, second = sorted((one, other), key=place, reverse=True)
    return {name: first[name] for name in OWN} | _later_end(first, second) | _covers([one, other], now)


def _later_end(first: Row, second: Row) -> dict[str, Any]:
    """What the end of another's term, or of the grace of the same tier, changes in the end of the one that is kept."""
    if first["until"] is None or second["until"] is None:
        return {}
    if first["in_grace"]:
        is_later = not second["in_grace"] and second["until"] > first["until"]
        ended = {"in_grace": False, "term_until": None, "given_days": second["given_days"]}
        return {"until": second["until"], **ended} if is_later else {}
    if second["in_grace"] and second["own_rank"] < first["own_rank"]:
        return {}
    until = first["until"] if second["in_grace"] else max(first["until"], second["until"])
    last = max(_last_known(first), _last_known(second))
    return {"until": until, "given_days": (last - until).days}


def _last_known(row: Row) -> datetime:
    """The last day but for the grace that the rules will give."""
    last: datetime = row["until"] + timedelta(days=0 if row["in_grace"] else row["given_days"])
    return last


def lengthened(row: Row, since: datetime, days: int) -> dict[str, Any]:
    """What so many days change that are given back for the time since then; what was over by then stays over."""
    longer = timedelta(days=days)
    ends = [name for name in ("floor_until", "protected_until") if name in row]
    found = {name: row[name] + longer for name in ends if row[name] is not None and row[name] > since}
    if not row["in_grace"]:
        return found | {"given_days": row["given_days"] + days}
    return found | ({"until": row["until"] + longer} if row["until"] > since else {})


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


def changed(side: MemberId, before: str, after: Row, why: Why, *, facts: Row, now: datetime) -> Change:
    """For the log, with the end of what counts; where that is no tier of one's own, also with what counts after it."""
    by = counting(after, now)
    until = after["until" if by == "own" else f"{by}_until"]
    return Change(side, before, counted(after, now)["tier"], why, until, None, {**beneath(after, now), **facts})


async def ids_in(tx: Tx, root: MemberId) -> Ids:
    """The ids that are this member now."""
    in_it = or_(member_t.c.member_id == root, member_t.c.merged_into == root)
    return frozenset(await tx.scalars(select(member_t.c.member_id).where(in_it)))


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
    await _put_sides(tx, root, lambda side: {**(side or lowest(now)), **floor})


async def put_longer(tx: Tx, root: MemberId, *, since: datetime, days: int) -> None:
    """Time was given back to the merged member: whoever was merged into it has it, too, once they part."""
    await _put_sides(tx, root, lambda side: None if side is None else {**side, **lengthened(side, since, days)})


async def _put_sides(tx: Tx, root: MemberId, change: Callable[[Row | None], Row | None]) -> None:
    """Every side of every merge of this root anew."""
    merges = await merges_of(tx, root)
    if merges:
        new = [replace(one, kept_stood=change(one.kept_stood), gone_stood=change(one.gone_stood)) for one in merges]
        await tx.execute(delete(merge_t).where(merge_t.c.member_id == root))
        await _insert(tx, root, new)


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
