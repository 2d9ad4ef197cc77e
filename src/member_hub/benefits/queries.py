"""What members may use, as it stands now: two statements for any number of them, and none of them writes.

A benefit that comes with a tier is there by the rules alone, less what the row of its period says was used; the rest
are rows. What a tier that is held no longer gave shows with what was used of it, and nothing left.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, func, or_, select

from member_hub.benefits.rules import Benefit, BenefitRules, Held, state_of, window_of
from member_hub.benefits.standing import held_by
from member_hub.benefits.using import entitlement_t
from member_hub.benefits.words import EntitlementState, Source
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.ids import MemberId

SHOWN_MAX: Final = 50  # of one member
_ORDER: Final = list(EntitlementState)


@dataclass(frozen=True, slots=True)
class Entitled:
    """What a member has of one benefit in one period; without an id where nothing of it was used yet."""

    entitlement_id: UUID | None
    benefit: Benefit
    quantity: int
    used: int
    starts_at: datetime
    until: datetime | None
    state: EntitlementState

    @property
    def remaining(self) -> int:
        return max(self.quantity - self.used, 0)


async def of_members(
    tx: Tx, rules: BenefitRules, members: Mapping[MemberId, bool], *, now: datetime
) -> dict[MemberId, list[Entitled]]:
    """`members`: roots, and whether each is suspended. What can be used now first, what ends first before the rest."""
    if not members:
        return {}
    held = await held_by(tx, list(members), now=now)
    rows = await _rows(tx, list(members), now)
    return {
        member_id: _of_one(rules, held[member_id], rows.get(member_id, ()), is_frozen=is_frozen, now=now)
        for member_id, is_frozen in members.items()
        if member_id in held
    }


async def _rows(tx: Tx, member_ids: Sequence[MemberId], now: datetime) -> Mapping[UUID, list[Row[Any]]]:
    """What counts and is not over, of each member at most SHOWN_MAX beside the rules' own number of periods."""
    nth = func.row_number().over(
        partition_by=entitlement_t.c.member_id,
        order_by=(entitlement_t.c.until.asc().nulls_last(), entitlement_t.c.entitlement_id),
    )
    numbered = (
        select(entitlement_t, nth.label("nth"))
        .where(
            among(entitlement_t.c.member_id, member_ids),
            entitlement_t.c.folded_into.is_(None),
            or_(entitlement_t.c.until.is_(None), entitlement_t.c.until > now),
        )
        .subquery()
    )
    found: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in await tx.execute(select(numbered).where(numbered.c.nth <= 2 * SHOWN_MAX)):
        found[row.member_id].append(row)
    return found


def _of_one(
    rules: BenefitRules, held: Held, rows: Sequence[Row[Any]], *, is_frozen: bool, now: datetime
) -> list[Entitled]:
    counted = {(row.benefit, row.period): row for row in rows if row.source == Source.TIER}
    found = [
        one
        for benefit in rules.of_source(Source.TIER)
        if (one := _of_tier(benefit, held, counted, is_frozen=is_frozen, now=now)) is not None
    ]
    for row in rows:
        benefit = rules.definitions.get(row.benefit)
        if row.source != Source.TIER and benefit is not None and benefit.is_open(now):
            found.append(_issued(benefit, row, is_frozen=is_frozen, now=now))
    return sorted(found, key=_place)[:SHOWN_MAX]


def _of_tier(
    benefit: Benefit, held: Held, counted: Mapping[tuple[str, date], Row[Any]], *, is_frozen: bool, now: datetime
) -> Entitled | None:
    """None where the tier gives nothing of it and nothing was used."""
    if not benefit.is_open(now):
        return None
    window, quantity = window_of(benefit, held, now), benefit.quantity.get(held.tier, 0)
    row = counted.get((benefit.code, window.key))
    used = row.used + row.others_used if row is not None else 0
    if not quantity and not used:
        return None
    state = state_of(quantity=quantity, used=used, starts_at=window.starts_at, is_frozen=is_frozen, now=now)
    entitlement_id = row.entitlement_id if row is not None else None
    return Entitled(entitlement_id, benefit, quantity, used, window.starts_at, window.until, state)


def _issued(benefit: Benefit, row: Row[Any], *, is_frozen: bool, now: datetime) -> Entitled:
    quantity, used = max(row.granted, row.others_granted), row.used + row.others_used
    state = state_of(quantity=quantity, used=used, starts_at=row.starts_at, is_frozen=is_frozen, now=now)
    return Entitled(row.entitlement_id, benefit, quantity, used, row.starts_at, row.until, state)


def _place(one: Entitled) -> tuple[int, bool, float, str, str]:
    ends = one.until.timestamp() if one.until is not None else 0.0
    return _ORDER.index(one.state), one.until is None, ends, one.benefit.code, str(one.entitlement_id)
