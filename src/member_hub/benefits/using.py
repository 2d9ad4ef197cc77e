"""Using a benefit, and taking a use back: what is left is a condition of the statement that counts.

A benefit that comes with a tier is counted in a row that the first use of a period makes; what the tier held now gives
is compared in the same statement. Of what was issued, the one that ends first is used first.
The caller of these holds the member's row (shared), so that neither a merge nor an erasure happens meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, ScalarSelect, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from member_hub.access import Caller, CallerKind
from member_hub.benefits.refusals import (
    AlreadyVoided,
    BenefitsFrozen,
    BenefitUnknown,
    NotEntitled,
    NotYoursToVoid,
    UsedUp,
    VoidTooLate,
)
from member_hub.benefits.rules import Benefit, BenefitRules, Held, Window, window_of
from member_hub.benefits.standing import held_by
from member_hub.benefits.tables import BenefitUse, Entitlement
from member_hub.benefits.words import Period, Source, UseAct
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.errors import NotFound
from member_hub.idempotency import Done, RequestKey, claim
from member_hub.ids import MemberId, uuid7
from member_hub.members.serving import is_suspended
from member_hub.members.tables import ChannelAccount, Member, MemberStatus
from member_hub.organisation import Organisation, UnknownPlace

TRIED_MAX: Final = 20  # of several that were issued, how many are looked at for one that is left

entitlement_t = table_of(Entitlement)
use_t = table_of(BenefitUse)
member_t = table_of(Member)
account_t = table_of(ChannelAccount)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the acts need of the process; one for each."""

    vault: Vault
    organisation: Organisation
    rules: BenefitRules


@dataclass(frozen=True, slots=True)
class Asked:
    """When, and under which key."""

    desk: Desk
    now: datetime
    key: RequestKey

    def benefit(self, code: str) -> Benefit:
        found = self.desk.rules.definitions.get(code)
        if found is None:
            raise BenefitUnknown(field="benefit")
        return found


@dataclass(frozen=True, slots=True)
class Using:
    """Which benefit is used where; `entitlement_id`: this one and no other of it."""

    benefit: str
    entitlement_id: UUID | None = None
    store: str | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """One use as it stands on record."""

    use_id: UUID
    entitlement_id: UUID
    benefit: str
    tier: str
    store: str | None
    at: datetime
    voided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One use that is to be counted."""

    member_id: MemberId
    benefit: Benefit
    held: Held
    entitlement_id: UUID | None
    now: datetime


async def use(tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, said: Using) -> Used:
    """Count one use of a root; the same key again gives the same use.

    Raises KeyReused, BenefitUnknown, UnknownPlace, BenefitsFrozen, NotEntitled, UsedUp.
    """
    benefit, store = asked.benefit(said.benefit), _known_store(asked, caller, said.store)
    use_id = uuid7()
    done = await claim(tx, asked.desk.vault, asked.key, Done(member_id, use_id), now=asked.now)
    if done is not None:
        return await used(tx, done.result_id)
    await refuse_frozen(tx, member_id)
    held = (await held_by(tx, [member_id], now=asked.now))[member_id]
    counting = _count_of_tier if benefit.source is Source.TIER else _count_of_issued
    wanted = _Wanted(member_id, benefit, held, said.entitlement_id, asked.now)
    entitlement_id = await counting(tx, caller, wanted)
    row = {
        "member_id": member_id,
        "use_id": use_id,
        "act": UseAct.USED,
        "entitlement_id": entitlement_id,
        "benefit": benefit.code,
        "tier": held.tier,
        "store": store,
        **_by(caller),
        "at": asked.now,
    }
    await tx.execute(insert(use_t).values(row))
    return Used(use_id, entitlement_id, benefit.code, held.tier, store, asked.now)


async def void(tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, use_id: UUID) -> Used:
    """Take a use of this root back, once, and give the count back; the same key again gives the same answer.

    Raises KeyReused, NotFound, NotYoursToVoid, VoidTooLate, AlreadyVoided.
    """
    done = await claim(tx, asked.desk.vault, asked.key, Done(member_id, use_id), now=asked.now)
    if done is not None:
        return await used(tx, done.result_id)
    row = await _use_row(tx, use_id)
    if caller.kind is not CallerKind.STAFF and (row.actor_kind, row.actor_role) != (caller.kind, caller.role):
        raise NotYoursToVoid(field="use")
    if row.at + asked.desk.rules.void_within < asked.now:
        raise VoidTooLate(field="use")
    copied = ("member_id", "entitlement_id", "benefit", "tier", "store")
    voided = {name: getattr(row, name) for name in copied} | _by(caller)
    voided |= {"use_id": uuid7(), "act": UseAct.VOIDED, "of_use": use_id, "at": asked.now}
    once = (
        insert(use_t)
        .values(voided)
        .on_conflict_do_nothing(index_elements=["member_id", "of_use"], index_where=use_t.c.of_use.is_not(None))
    )
    if (await tx.execute(once.returning(use_t.c.use_id))).first() is None:
        raise AlreadyVoided(field="use")
    await _give_back(tx, row.entitlement_id)
    return await used(tx, use_id)


async def filed_under(tx: Tx, use_id: UUID) -> MemberId:
    """The member id under which a use stands; a merged one resolves. Raises NotFound."""
    return MemberId((await _use_row(tx, use_id)).member_id)


async def used(tx: Tx, use_id: UUID) -> Used:
    row = await _use_row(tx, use_id)
    same = and_(use_t.c.member_id == row.member_id, use_t.c.of_use == use_id)
    voided_at = await tx.scalar(select(use_t.c.at).where(same))
    return Used(row.use_id, row.entitlement_id, row.benefit, row.tier, row.store, row.at, voided_at)


async def refuse_frozen(tx: Tx, member_id: MemberId) -> None:
    """Raises BenefitsFrozen, NotFound for who is gone."""
    columns = (member_t.c.status, member_t.c.restriction_bits)
    row = (await tx.execute(select(*columns).where(member_t.c.member_id == member_id))).one_or_none()
    if row is not None and is_suspended(row):
        raise BenefitsFrozen(field="member")
    if row is None or row.status != MemberStatus.ACTIVE:
        raise NotFound(field="member")


def own_origin(member_id: Any) -> ScalarSelect[UUID]:
    """The channel account that the member began with, of several the oldest: with it an entitlement moves."""
    began = (account_t.c.filed_under == account_t.c.member_id).desc()
    oldest = select(account_t.c.origin_id).where(account_t.c.member_id == member_id)
    return oldest.order_by(began, account_t.c.origin_id).limit(1).scalar_subquery()


async def own_origins(tx: Tx, member_ids: Sequence[MemberId]) -> dict[MemberId, UUID]:
    """The same of many."""
    rows = (
        select(account_t.c.member_id, account_t.c.origin_id)
        .where(among(account_t.c.member_id, member_ids))
        .ext(distinct_on(account_t.c.member_id))
        .order_by(
            account_t.c.member_id, (account_t.c.filed_under == account_t.c.member_id).desc(), account_t.c.origin_id
        )
    )
    return {MemberId(row.member_id): row.origin_id for row in await tx.execute(rows)}


def issued_by(caller: Caller, now: datetime) -> dict[str, Any]:
    """Who made an entitlement, as its row says it."""
    return {
        "issued_by_kind": caller.kind,
        "issued_by": caller.subject,
        "request_id": caller.request_id,
        "issued_at": now,
    }


async def _count_of_tier(tx: Tx, caller: Caller, wanted: _Wanted) -> UUID:
    benefit, now = wanted.benefit, wanted.now
    quantity, window = benefit.quantity.get(wanted.held.tier, 0), window_of(benefit, wanted.held, now)
    if not quantity or not benefit.is_open(now):
        raise NotEntitled(field="benefit")
    if wanted.entitlement_id is not None:
        await _refuse_another(tx, wanted, window)
    first = insert(entitlement_t).values(
        member_id=wanted.member_id,
        entitlement_id=uuid7(),
        origin_id=own_origin(wanted.member_id),
        benefit=benefit.code,
        source=benefit.source,
        is_one_per_person=True,
        period=window.key,
        term=window.key if benefit.period is Period.TIER_TERM else None,
        starts_at=window.starts_at,
        until=None if benefit.period.is_open_ended else window.until,
        granted=quantity,
        used=1,
        reason=Source.TIER,
        **issued_by(caller, now),
    )
    more = first.on_conflict_do_update(
        index_elements=["member_id", "benefit", "period"],
        index_where=and_(entitlement_t.c.folded_into.is_(None), entitlement_t.c.is_one_per_person),
        set_={"used": entitlement_t.c.used + 1, "granted": first.excluded.granted},
        where=entitlement_t.c.used + entitlement_t.c.others_used < first.excluded.granted,
    )
    counted = await tx.scalar(more.returning(entitlement_t.c.entitlement_id))
    if counted is None:
        raise UsedUp(field="benefit")
    return UUID(str(counted))


async def _refuse_another(tx: Tx, wanted: _Wanted, window: Window) -> None:
    """Whoever names an entitlement means that of this period and no other."""
    named = and_(
        entitlement_t.c.member_id == wanted.member_id,
        entitlement_t.c.entitlement_id == wanted.entitlement_id,
        entitlement_t.c.benefit == wanted.benefit.code,
        entitlement_t.c.period == window.key,
        entitlement_t.c.folded_into.is_(None),
    )
    if await tx.scalar(select(entitlement_t.c.entitlement_id).where(named)) is None:
        raise NotEntitled(field="entitlement")


async def _count_of_issued(tx: Tx, _caller: Caller, wanted: _Wanted) -> UUID:
    """One after the other, whichever ends first; each attempt is a condition of its own update."""
    theirs = (
        entitlement_t.c.member_id == wanted.member_id,
        entitlement_t.c.benefit == wanted.benefit.code,
        entitlement_t.c.folded_into.is_(None),
        entitlement_t.c.starts_at <= wanted.now,
        or_(entitlement_t.c.until.is_(None), entitlement_t.c.until > wanted.now),
    )
    ids = select(entitlement_t.c.entitlement_id).where(*theirs)
    if wanted.entitlement_id is not None:
        ids = ids.where(entitlement_t.c.entitlement_id == wanted.entitlement_id)
    is_left = (_left() > 0).desc()
    order = (is_left, entitlement_t.c.until.asc().nulls_last(), entitlement_t.c.entitlement_id)
    candidates: Sequence[UUID] = list(await tx.scalars(ids.order_by(*order).limit(TRIED_MAX)))
    if not candidates or not wanted.benefit.is_open(wanted.now):
        raise NotEntitled(field="benefit" if wanted.entitlement_id is None else "entitlement")
    for candidate in candidates:
        same = (*theirs, entitlement_t.c.entitlement_id == candidate, _left() > 0)
        counted = update(entitlement_t).where(*same).values(used=entitlement_t.c.used + 1)
        if (await tx.execute(counted)).rowcount:
            return candidate
    raise UsedUp(field="benefit")


def _left() -> Any:
    """Before a merge each had their own; one person has the greater of the two, less what either used."""
    granted = func.greatest(entitlement_t.c.granted, entitlement_t.c.others_granted)
    return granted - entitlement_t.c.used - entitlement_t.c.others_used


async def _give_back(tx: Tx, entitlement_id: UUID) -> None:
    """To the entitlement it was taken from, wherever merging has carried it, and to the one that counts for it now."""
    less = update(entitlement_t).where(entitlement_t.c.entitlement_id == entitlement_id, entitlement_t.c.used > 0)
    row = (await tx.execute(less.values(used=entitlement_t.c.used - 1).returning(*entitlement_t.c))).one_or_none()
    if row is not None and row.folded_into is not None:
        counts = and_(
            entitlement_t.c.member_id == row.member_id,
            entitlement_t.c.entitlement_id == row.folded_into,
            entitlement_t.c.others_used > 0,
        )
        await tx.execute(update(entitlement_t).where(counts).values(others_used=entitlement_t.c.others_used - 1))


async def _use_row(tx: Tx, use_id: UUID) -> Row[Any]:
    found = select(use_t).where(use_t.c.use_id == use_id, use_t.c.act == UseAct.USED)
    row = (await tx.execute(found)).one_or_none()
    if row is None:
        raise NotFound(field="use")
    return row


def _known_store(asked: Asked, caller: Caller, store: str | None) -> str | None:
    """A store of the caller's own handler."""
    if store is None:
        return None
    known = asked.desk.organisation.stores.get(store)
    if known is None or caller.handler not in (None, known.handler):
        raise UnknownPlace(field="store")
    return store


def _by(caller: Caller) -> dict[str, Any]:
    return {
        "actor_kind": caller.kind,
        "actor_role": caller.role,
        "actor": caller.subject,
        "request_id": caller.request_id,
    }
