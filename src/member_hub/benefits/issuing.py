"""Issuing a benefit by hand or for a campaign, within the limits that the programme states."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from member_hub.access import Caller, CallerKind, Operation
from member_hub.benefits.refusals import BenefitUnknown, IssueLimit, NotEntitled, TooManyIssued
from member_hub.benefits.rules import good_until, year_of
from member_hub.benefits.standing import held_by
from member_hub.benefits.using import Asked, entitlement_t, issued_by, own_origin, refuse_frozen
from member_hub.benefits.words import IssueReason, Source
from member_hub.clock import business_day, seconds_left
from member_hub.db.base import Tx
from member_hub.idempotency import Done, claim
from member_hub.ids import MemberId, uuid7
from member_hub.revealing import count_today


async def issue(tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, code: str, reason: IssueReason) -> UUID:
    """Give a root this benefit; the caller holds its row. The same key again gives the same entitlement.

    Raises KeyReused, BenefitUnknown, BenefitsFrozen, NotEntitled, IssueLimit, TooManyIssued.
    """
    benefit, now = asked.benefit(code), asked.now
    if benefit.source is not Source.ISSUED:
        raise BenefitUnknown(field="benefit")
    entitlement_id = uuid7()
    done = await claim(tx, asked.desk.vault, asked.key, Done(member_id, entitlement_id), now=now)
    if done is not None:
        return done.result_id
    await refuse_frozen(tx, member_id)
    quantity = benefit.quantity.get((await held_by(tx, [member_id], now=now))[member_id].tier, 0)
    if not quantity or not benefit.is_open(now):
        raise NotEntitled(field="benefit")
    row: dict[str, ColumnElement[Any]] = {
        "member_id": literal(member_id),
        "entitlement_id": literal(entitlement_id),
        "origin_id": own_origin(member_id),
        "benefit": literal(code),
        "source": literal(Source.ISSUED.value),
        "is_one_per_person": literal(False),
        "period": literal(year_of(now)),
        "starts_at": literal(now),
        "until": literal(good_until(benefit, now)),
        "granted": literal(quantity),
        "reason": literal(reason.value),
    }
    row |= {name: literal(value) for name, value in issued_by(caller, now).items()}
    earlier = select(func.count()).where(
        entitlement_t.c.member_id == member_id,
        entitlement_t.c.benefit == code,
        entitlement_t.c.period == year_of(now),
        entitlement_t.c.source == Source.ISSUED,
    )
    chosen = select(*row.values()).where(earlier.scalar_subquery() < benefit.issue_max)
    written = await tx.execute(insert(entitlement_t).from_select(list(row), chosen))
    if not written.rowcount:
        raise IssueLimit(field="benefit")
    await _count_the_day(tx, caller, asked)
    return entitlement_id


async def _count_the_day(tx: Tx, caller: Caller, asked: Asked) -> None:
    """A person of the staff; an app issues for whole campaigns."""
    at_most = asked.desk.rules.staff_day_max
    if caller.kind is CallerKind.STAFF and not await count_today(
        tx, caller, Operation.BENEFIT_ISSUE, business_day(asked.now), at_most=at_most
    ):
        raise TooManyIssued(seconds_left(asked.now))
