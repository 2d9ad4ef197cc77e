"""Reading tiers: where members stand now, and where they stood."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, DateTime, Select, and_, case, cast, func, select, true

from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, table_of, values_of
from member_hub.db.direct import Direct
from member_hub.ids import MemberId
from member_hub.members.tables import Member
from member_hub.tiers.rules.versions import Programme, in_force
from member_hub.tiers.tables import TierChange, TierMerge, TierStanding
from member_hub.tiers.words import LOWEST, Why

member_t = table_of(Member)
standing_t = table_of(TierStanding)
change_t = table_of(TierChange)
merge_t = table_of(TierMerge)
STANDINGS_MAX: Final = 10_000
COVERS: Final = ("floor", "protected")  # what may stand above the tier of one's own


@dataclass(frozen=True, slots=True)
class Notice:
    """That a member falls on a day, grace and all, unless more is reached; `growth_needed` None: other than growth."""

    at: datetime
    until: datetime
    growth_needed: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands. `until`: not below this tier before; none for the lowest.

    `term_since`: since when the term runs that ends then; later than `since` where the tier was kept for another. What
    protects the tier after a splitting is no new term: the one from before the merging runs on.
    """

    tier: str
    rank: int
    since: datetime
    term_since: datetime
    until: datetime | None
    reason: Why
    rules_version: int | None
    floor: str | None
    floor_until: datetime | None
    notice: Notice | None


async def standings(tx: Tx, member_ids: Sequence[MemberId], *, now: datetime) -> dict[MemberId, Standing]:
    """Of each of these members, by the id asked for: a merged one stands where its root does.

    Unknown ones are left out. A floor that is over counts no more, even where nobody has looked at the member since.
    """
    assert len(member_ids) <= STANDINGS_MAX, "a caller reads a page"
    asked = member_t.alias("asked")
    statement = (
        select(asked.c.member_id.label("asked_id"), member_t.c.joined_at, standing_t)
        .join(member_t, member_t.c.member_id == func.coalesce(asked.c.merged_into, asked.c.member_id))
        .outerjoin(standing_t, standing_t.c.member_id == member_t.c.member_id)
        .where(among(asked.c.member_id, member_ids))
    )
    rows = (await tx.execute(statement)).mappings()
    return {MemberId(row["asked_id"]): standing_of(row, now) for row in rows}


def standing_of(row: Mapping[Any, Any], now: datetime) -> Standing:
    """From columns of a standing and `joined_at`."""
    if row["tier"] is None:
        return Standing(LOWEST, 0, row["joined_at"], row["joined_at"], None, Why.JOINED, None, None, None, None)
    has_floor, by = is_running(row, "floor", now), counting(row, now)
    by_hand = by == "floor"
    told = row["notice_until"]
    return Standing(
        tier=row["own_tier" if by == "own" else by],
        rank=row[f"{by}_rank"],
        since=row["since"],
        term_since=row["since"] if by_hand else row["term_since"] or row["since"],
        until=end_of(row, now),
        reason=Why(row["reason"]),
        rules_version=row["rules_version"],
        floor=row["floor"] if has_floor else None,
        floor_until=row["floor_until"] if has_floor else None,
        notice=None if told is None or told <= now else Notice(row["notice_at"], told, row["notice_needed"]),
    )


def end_of(row: Mapping[Any, Any], now: datetime) -> datetime | None:
    """The end of what counts; of one's own tier and something beside it at the same tier the later one."""
    by = counting(row, now)
    if by != "own":
        ends: datetime | None = row[f"{by}_until"]
        return ends
    own: datetime | None = row["until"]
    equal = [cover for cover in COVERS if is_running(row, cover, now) and row[f"{cover}_rank"] == row["own_rank"]]
    return max([own, *(row[f"{cover}_until"] for cover in equal)]) if own is not None else None


def counting(row: Mapping[Any, Any], now: datetime) -> str:
    """By which the tier counts at this moment: `own`, or a higher `floor` or `protected`; of equal ones the later."""
    covers = [name for name in COVERS if is_running(row, name, now)]
    highest = max(covers, key=lambda name: (row[f"{name}_rank"], row[f"{name}_until"]), default=None)
    return highest if highest is not None and row[f"{highest}_rank"] > row["own_rank"] else "own"


def beneath(row: Mapping[Any, Any], now: datetime) -> dict[str, Any]:
    """For the log of a decision: what counts after what counts now, where that is a floor or a protection.

    That is one's own tier, `own_tier`; before it the other of the two, `also`, where it is higher than that and ends
    later, at `also_until`.
    """
    by = counting(row, now)
    if by == "own":
        return {}
    (other,) = (cover for cover in COVERS if cover != by)
    counts = is_running(row, other, row[f"{by}_until"]) and row[f"{other}_rank"] > row["own_rank"]
    also = {"also": row[other], "also_until": row[f"{other}_until"].isoformat()} if counts else {}
    return {"own_tier": row["own_tier"], **also}


def is_running(row: Mapping[Any, Any], cover: str, now: datetime) -> bool:
    return row[f"{cover}_until"] is not None and row[f"{cover}_until"] > now


def tier_at(now: ColumnElement[datetime] | datetime) -> ColumnElement[Any]:
    """The same in SQL, of a row of tier_standing; null where nothing was decided, or there is no row."""
    s = standing_t.c
    is_floor, is_protected = s.floor_until > now, s.protected_until > now
    protected_rank = case((is_protected, s.protected_rank), else_=0)
    return case(
        (and_(is_floor, s.floor_rank > s.own_rank, s.floor_rank >= protected_rank), s.floor),
        (and_(is_protected, s.protected_rank > s.own_rank), s.protected),
        else_=s.own_tier,
    )


async def terms_before(
    tx: Tx, why: Why, *, kept: MemberId, other: MemberId, now: datetime
) -> tuple[datetime, datetime]:
    """Since when the terms ran that counted for these two until the merging, or splitting, that is in hand.

    To be asked in its transaction, behind this part's own move. Before a splitting both are the one of `kept`.
    """
    if why is Why.SPLIT:
        split = change_t.c.member_id == other, change_t.c.reason == why
        newest = (change_t.c.changed_at.desc(), change_t.c.change_id.desc())
        term = await tx.scalar(select(change_t.c.facts["term"].astext).where(*split).order_by(*newest).limit(1))
        if term is not None:
            return datetime.fromisoformat(term), datetime.fromisoformat(term)
        ran = (await standings(tx, [kept], now=now))[kept].term_since  # nothing was decided yet, and nothing is logged
        return ran, ran
    merged = (
        select(merge_t.c.kept_term, merge_t.c.gone_term)
        .where(merge_t.c.member_id == kept, merge_t.c.gone_ids.contains([other]))
        .order_by(merge_t.c.merge_id.desc())
    )
    row = (await tx.execute(merged.limit(1))).one_or_none()
    if row is None:  # neither stood anywhere
        return await _joined(tx, kept), await _joined(tx, other)
    return row.kept_term or await _joined(tx, kept), row.gone_term or await _joined(tx, other)


async def merged_by(tx: Tx, root: MemberId) -> MemberId | None:
    """In whose log the decision stands that the last merging of this root took over; None: of nobody known."""
    said = select(merge_t.c.decided_by).where(merge_t.c.member_id == root).order_by(merge_t.c.merge_id.desc())
    found = await tx.scalar(said.limit(1))
    return None if found is None else MemberId(found)


async def _joined(tx: Tx, member_id: MemberId) -> datetime:
    found = (await tx.execute(select(member_t.c.joined_at).where(member_t.c.member_id == member_id))).scalar_one()
    assert isinstance(found, datetime)
    return found


async def held_at(tx: Tx, pairs: Sequence[tuple[MemberId, datetime]]) -> list[str]:
    """The tier on record of each member's root at each moment; the lowest before the first decision.

    What came to light later counts from when it was decided: a standing is never backdated. A floor is over with its
    end, whether or not anybody has looked at the member since: beneath it is what else covered the member at the
    decision, until its own end, and then the own tier of the decision.
    """
    if not pairs:
        return []
    columns = ("member_id", "changed_at")
    rows = await _HELD.every(tx, parameters(columns, list(set(pairs))))
    found = {(member_id, at): tier for member_id, at, tier in rows}
    return [found.get(pair, LOWEST) for pair in pairs]


async def multipliers_at(
    programme: Programme, tx: Tx, pairs: Sequence[tuple[MemberId, datetime]], now: datetime
) -> list[int]:
    """What the tier on record of each member's root at each moment multiplies with, by the rules in force now."""
    rules = (await in_force(tx, programme, now=now)).rules
    return [rules.multiplier_bp(tier) for tier in await held_at(tx, pairs)]


def _held() -> Select[Any]:
    given = values_of([change_t.c.member_id, change_t.c.changed_at])
    is_over = and_(change_t.c.until <= given.c.changed_at, change_t.c.facts.has_key("own_tier"))
    also_until = cast(change_t.c.facts["also_until"].astext, DateTime(timezone=True))
    tier = case(
        (and_(is_over, also_until > given.c.changed_at), change_t.c.facts["also"].astext),
        (is_over, change_t.c.facts["own_tier"].astext),
        else_=change_t.c.to_tier,
    )
    last = (
        select(tier.label("to_tier"))
        .where(
            change_t.c.member_id == func.coalesce(member_t.c.merged_into, member_t.c.member_id),
            change_t.c.changed_at <= given.c.changed_at,
        )
        .order_by(change_t.c.changed_at.desc(), change_t.c.change_id.desc())
        .limit(1)
        .lateral("last")
    )
    asked = given.join(member_t, member_t.c.member_id == given.c.member_id).join(last, true())
    return select(given.c.member_id, given.c.changed_at, last.c.to_tier).select_from(asked)


_HELD: Final = Direct(_held())  # every earning of a purchase asks
