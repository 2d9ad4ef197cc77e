"""Taking standings in hand: locked rows with what the rules ask of their members beside figures."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select

from member_hub.clock import business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.ids import MemberId
from member_hub.members.bits import PROFILING, PURPOSE_BITS
from member_hub.privacy import Purpose
from member_hub.tiers.rules.assessing import Stood, Told
from member_hub.tiers.rules.criteria import Member as Asked
from member_hub.tiers.standing.marking import ASSESSED, mark, member_t, standing_t
from member_hub.tiers.words import LOWEST, Why

OBJECTIONS = PURPOSE_BITS[Purpose.ACTIVITY_EVALUATION] | PROFILING


@dataclass(frozen=True, slots=True)
class Taken:
    """A standing as it is stored, and as the rules see it."""

    member_id: MemberId
    row: Row[Any]
    stood: Stood
    asked: Asked
    handler: str


async def take(tx: Tx, member_ids: Collection[MemberId], *, now: datetime) -> list[Taken]:
    """The standings of these roots, locked in id order until the transaction ends; made where there is none yet.

    Who is not active (frozen, restricted, merged, erased), or objected to everything, is left out: nothing is decided
    about them meanwhile.
    """
    found = await _locked(tx, member_ids)
    missing = set(member_ids) - {one.member_id for one in found}
    if missing and await mark(tx, among(member_t.c.member_id, missing), now=now):
        found = await _locked(tx, member_ids)
    return found


def reading(member_ids: Collection[MemberId]) -> Select[Any]:
    """Standings of these members, without one too; `stood_of` and `asked_of` read its rows."""
    return (
        select(
            member_t.c.member_id.label("of_member"),
            member_t.c.handler,
            member_t.c.joined_at,
            member_t.c.restriction_bits,
            standing_t,
        )
        .outerjoin(standing_t, standing_t.c.member_id == member_t.c.member_id)
        .where(among(member_t.c.member_id, member_ids))
        .order_by(member_t.c.member_id)
    )


async def _locked(tx: Tx, member_ids: Collection[MemberId]) -> list[Taken]:
    statement = (
        select(standing_t, member_t.c.handler, member_t.c.joined_at, member_t.c.restriction_bits)
        .join(member_t, member_t.c.member_id == standing_t.c.member_id)
        .where(among(standing_t.c.member_id, member_ids), ASSESSED)
        .order_by(standing_t.c.member_id)
        .with_for_update(of=standing_t)
    )
    return [
        Taken(MemberId(row.member_id), row, stood_of(row), asked_of(row), row.handler)
        for row in await tx.execute(statement)
    ]


def stood_of(row: Row[Any]) -> Stood:
    if row.tier is None:
        return Stood(LOWEST, row.joined_at, Why.JOINED, LOWEST)
    told = None if row.notice_at is None else Told(row.notice_at, row.notice_until, row.notice_needed)
    return Stood(
        row.tier,
        row.since,
        Why(row.reason),
        row.own_tier,
        row.until,
        row.term_since,
        row.in_grace,
        row.term_until,
        row.floor,
        row.floor_until,
        told,
        row.protected,
        row.protected_until,
        row.given_days,
    )


def asked_of(row: Row[Any]) -> Asked:
    return Asked(business_day(row.joined_at), evaluates_activity=not row.restriction_bits & OBJECTIONS)
