"""The pyramid of tiers (M3): how many members stand in each, against the shares that the rules in force mean.

A cut like those of memberStatistics, under the same rules (disclosure.py, snapshots.py): twenty members or more, each
number rounded by a lot that the group keeps, one answer a week. Shares are of the numbers that are told and not of
how many there are, so they say nothing that the numbers do not.
The week's answer is of where members stand when somebody first asks in it. A past week that nobody asked in is counted
from the log of decisions, as of its end; over the members of today, because who was erased since is in no count.

Decision: before the first decision about anybody there is no pyramid and nothing is kept. All would stand in the
lowest tier, and would do so for a week.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, FromClause, case, cast, func, literal, select, true
from sqlalchemy import text as raw

from member_hub import tiers
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.members.reading import is_living, member_t
from member_hub.members.row_gate import RowGate
from member_hub.reports.disclosure import MINIMUM_GROUP
from member_hub.reports.queries import Counted, random_bits
from member_hub.reports.snapshots import Week, Whose, cells_of_week, told_of, with_lots
from member_hub.tiers.queries import tier_at
from member_hub.tiers.rules.model import Level
from member_hub.tiers.tables import TierChange, TierStanding
from member_hub.tiers.words import LOWEST

NAME: Final = "tier"
WHOLE_BP: Final = 10_000
WEEK: Final = timedelta(days=7)

standing_t = table_of(TierStanding)
change_t = table_of(TierChange)


@dataclass(frozen=True, slots=True)
class TierGroup:
    """A tier of the rules; None: nothing is told of it."""

    level: Level
    members: int | None
    share_bp: int | None

    @property
    def difference_bp(self) -> int | None:
        return None if self.share_bp is None else self.share_bp - self.level.share_bp


@dataclass(frozen=True, slots=True)
class Pyramid:
    """From the lowest tier up."""

    rules_version: int
    tiers: Sequence[TierGroup]


class _NobodyAssessed(Exception):
    """There is nothing to count yet."""


async def pyramid_of_week(
    tx: Tx, vault: Vault, programme: tiers.Programme, *, whose: Whose, week: Week, now: datetime
) -> Pyramid:
    """The answer of a week that has begun. Raises ConsentedNotCounted."""
    at = min(now, week.begins + WEEK)

    async def count() -> list[Any]:
        counted = await _count(tx, whose.handler, whose.gate, week=week, past=at if at < now else None, now=now)
        return await with_lots(tx, vault, counted, NAME, whose=whose, week=week)

    try:
        cells = await cells_of_week(tx, NAME, whose=whose, week=week, count=count)
    except _NobodyAssessed:
        cells = []
    in_force = await tiers.in_force(tx, programme, now=at)
    told = {tier: number for (tier,), number in told_of(cells)}
    return Pyramid(in_force.version, groups_of(in_force.rules.levels, told))


def groups_of(levels: Sequence[Level], told: dict[str | None, int]) -> Sequence[TierGroup]:
    """Every tier of the rules, with its share of all that is told of them; half a basis point is rounded up."""
    numbers = [told.get(level.code) for level in levels]
    total = sum(number or 0 for number in numbers)
    shares = [None if number is None else (2 * WHOLE_BP * number + total) // (2 * total) for number in numbers]
    return [TierGroup(*row) for row in zip(levels, numbers, shares, strict=True)]


async def _count(
    tx: Tx, handler: str, gate: RowGate, *, week: Week, past: datetime | None, now: datetime
) -> list[Counted]:
    """Members who may be counted, by tier; how many are under the minimum never leaves the database."""
    by = gate.of_figures()
    source, tier = _standing_now(now) if past is None else _standing_at(past)
    size = func.count()
    groups = (
        select(tier.label("tier"), size.label("size"), func.bit_xor(random_bits()).label("lot"), _assessed(source))
        .select_from(source)
        .where(member_t.c.handler == handler, is_living(), member_t.c.joined_at < week.begins)
        .where(by.condition())
        .group_by(raw("1"))
        .cte("groups")
    )
    told = case((groups.c.size >= MINIMUM_GROUP, groups.c.size))
    anybody = cast(func.coalesce(func.sum(groups.c.assessed).over(), 0), BigInteger)
    rows = (await tx.execute(select(groups.c.tier, told, groups.c.lot, anybody), by.parameters)).all()
    if not any(assessed for *_, assessed in rows):
        raise _NobodyAssessed
    return [Counted((tier_,), size_, lot) for tier_, size_, lot, _ in rows if size_ is not None]


def _standing_now(now: datetime) -> tuple[FromClause, ColumnElement[Any]]:
    """A floor that is over counts no more, even where nobody has looked at the member since."""
    tier = func.coalesce(tier_at(now), literal(LOWEST, literal_execute=True))
    return member_t.outerjoin(standing_t, standing_t.c.member_id == member_t.c.member_id), tier


def _standing_at(past: datetime) -> tuple[FromClause, ColumnElement[Any]]:
    last = (
        select(change_t.c.to_tier.label("own_tier"))
        .where(change_t.c.member_id == member_t.c.member_id, change_t.c.changed_at < past)
        .order_by(change_t.c.changed_at.desc(), change_t.c.change_id.desc())
        .limit(1)
        .lateral("last")
    )
    tier = func.coalesce(last.c.own_tier, literal(LOWEST, literal_execute=True))
    return member_t.outerjoin(last, true()), tier


def _assessed(source: Any) -> ColumnElement[Any]:
    """How many somebody has decided about."""
    return func.count(source.right.c.own_tier).label("assessed")
