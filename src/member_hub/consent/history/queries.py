"""What people see of consent: where each decision stands, and what happened to it; by ids, set-wise.

Everything that one decision needs comes with its row in one statement: its notice, the gate that counts now, and the
contact point. That is found by its blind index among what the member states still; what nobody states any more is
nobody's to show.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Row, and_, case, cast, func, literal, or_, select, true, tuple_, union
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.sql.selectable import LateralFromClause

from member_hub.consent.history.whole import EVENTS_MAX, broken_among
from member_hub.consent.notice.texts import read_text
from member_hub.consent.tables import (
    ConsentContact,
    ConsentCurrent,
    ConsentEvent,
    ConsentEvidence,
    Notice,
    NoticeServed,
    NoticeText,
)
from member_hub.consent.words import PROTECTIVE, ConsentState
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.identity.reading import claim_t, hint_t
from member_hub.ids import MemberId, OriginId
from member_hub.members.gates import ConsentGate
from member_hub.members.reading import account_t, member_t

DECISIONS_MAX: Final = 50_000  # read at once, of all members of a page; an ordinary one has about ten
LANGUAGE: Final = "zh"  # of a notice that was put before nobody here: a channel's older text

current_t = table_of(ConsentCurrent)
CHAIN_MAX = EVENTS_MAX  # of one answer; beyond it nothing is said

event_t = table_of(ConsentEvent)
contact_t = table_of(ConsentContact)
evidence_t = table_of(ConsentEvidence)
notice_t = table_of(Notice)
text_t = table_of(NoticeText)
served_t = table_of(NoticeServed)
gate_t = table_of(ConsentGate)


async def decisions_shown(tx: Tx, member_ids: Sequence[MemberId], *, now: datetime) -> Sequence[Row[Any]]:
    """Where the decisions of these members (roots) stand, by slot; one statement."""
    gate, stated = _gate(), _stated()
    its_contact = and_(contact_t.c.member_id == current_t.c.filed_under, contact_t.c.event_id == current_t.c.event_id)
    statement = (
        select(
            current_t,
            member_t.c.age_band,
            _is_open(gate, now).label("is_open"),
            notice_t.c.name.label("notice_name"),
            _noticed_at(),
            gate.c.effective_at.label("gate_at"),
            contact_t.c.kind.label("contact_kind"),
            *(stated.c[name].label(name) for name in ("origin_id", "claim_id", "value")),
        )
        .select_from(current_t.join(member_t, member_t.c.member_id == current_t.c.member_id))
        .outerjoin(notice_t, notice_t.c.notice_id == current_t.c.notice_id)
        .outerjoin(gate, true())
        .outerjoin(contact_t, its_contact)
        .outerjoin(stated, true())
        .where(_of(current_t.c.member_id, member_ids))
        .order_by(current_t.c.purpose, current_t.c.recipient, current_t.c.channel, current_t.c.event_id)
        .limit(DECISIONS_MAX)
    )
    return (await tx.execute(statement)).all()


def _noticed_at() -> ColumnElement[Any]:
    """Since when the notice is in force; another handler's is none here."""
    return case((notice_t.c.handler == member_t.c.handler, notice_t.c.effective_at)).label("noticed_at")


def _gate() -> LateralFromClause:
    """The newest gate of the decision's purpose and recipient."""
    return (
        select(gate_t.c.bit, gate_t.c.effective_at)
        .where(
            gate_t.c.handler == member_t.c.handler,
            gate_t.c.purpose == current_t.c.purpose,
            gate_t.c.recipient == current_t.c.recipient,
        )
        .order_by(gate_t.c.effective_at.desc())
        .limit(1)
        .lateral("gate")
    )


def _is_open(gate: LateralFromClause, now: datetime) -> ColumnElement[bool]:
    """What the read gate asks of the member row: the bit that counts is set, and the bits hold still."""
    bit = cast(literal(1), BigInteger).op("<<")(gate.c.bit)
    holds = or_(member_t.c.gate_until.is_(None), member_t.c.gate_until > now)
    return and_(func.coalesce(member_t.c.consent_bits.op("&")(bit), 0) != 0, holds)


def _stated() -> LateralFromClause:
    """The decision's contact point, sealed, as the member states it last; nothing where nobody states it now."""
    return (
        select(claim_t.c.origin_id, claim_t.c.claim_id, claim_t.c.value)
        .join(hint_t, and_(hint_t.c.origin_id == claim_t.c.origin_id, hint_t.c.claim_id == claim_t.c.claim_id))
        .where(
            hint_t.c.kind == contact_t.c.kind,
            hint_t.c.token == contact_t.c.token,
            claim_t.c.member_id == current_t.c.member_id,
        )
        .order_by(claim_t.c.stated_to.desc(), claim_t.c.claim_id)
        .limit(1)
        .lateral("stated")
    )


@dataclass(frozen=True, slots=True)
class EventPosition:
    """A place in a history: the newest first."""

    occurred_at: datetime
    recorded_at: datetime
    event_id: UUID


def position_of(row: Row[Any]) -> EventPosition:
    return EventPosition(row.occurred_at, row.recorded_at, row.event_id)


async def history_page(
    tx: Tx, member_id: MemberId, *, count: int, after: EventPosition | None = None
) -> tuple[list[Row[Any]], bool]:
    """What happened to the decisions of a member (root), the newest first, and whether there is more.

    As the fold sees it (standing.py): everything that the member's accounts did, and every refusal and withdrawal that
    was meant for one of them while it was another's.
    """
    statement = (
        select(event_t, notice_t.c.name.label("notice_name"), evidence_t.c.kind.label("evidence_kind"))
        .outerjoin(notice_t, notice_t.c.notice_id == event_t.c.notice_id)
        .outerjoin(
            evidence_t,
            and_(evidence_t.c.member_id == event_t.c.member_id, evidence_t.c.event_id == event_t.c.event_id),
        )
        .where(_concerns(await _origins(tx, [member_id])))
        .order_by(event_t.c.occurred_at.desc(), event_t.c.recorded_at.desc(), event_t.c.event_id.desc())
        .limit(count + 1)
    )
    if after is not None:
        key = tuple_(event_t.c.occurred_at, event_t.c.recorded_at, event_t.c.event_id)
        there = (after.occurred_at, after.recorded_at, after.event_id)
        statement = statement.where(key < tuple_(*map(literal, there)))
    rows = list((await tx.execute(statement)).all())
    return rows[:count], len(rows) > count


async def _origins(tx: Tx, member_ids: Sequence[MemberId]) -> list[OriginId]:
    found = await tx.scalars(select(account_t.c.origin_id).where(_of(account_t.c.member_id, member_ids)))
    return [OriginId(one) for one in found]


def _concerns(origins: Collection[OriginId]) -> ColumnElement[bool]:
    given = literal(list(origins), ARRAY(PgUuid))
    protects = event_t.c.state_to.in_([*PROTECTIVE, ConsentState.INVALIDATED])
    return or_(among(event_t.c.origin_id, origins), and_(protects, event_t.c.also.overlap(given)))


async def chains_of(tx: Tx, member_id: MemberId) -> list[MemberId]:
    """Under which member ids the history of a member is filed, one chain each, and every id of the member's own: of
    these something may have been filed that is gone."""
    filed = select(event_t.c.member_id).where(_concerns(await _origins(tx, [member_id])))
    own = select(member_t.c.member_id).where(
        or_(member_t.c.member_id == member_id, member_t.c.merged_into == member_id)
    )
    return sorted(MemberId(one) for one in await tx.scalars(union(filed, own)))


async def event_of(tx: Tx, filed_under: MemberId, event_id: UUID) -> Row[Any] | None:
    """An event as a receipt needs it; None: unknown."""
    found = await for_receipts(tx, filed_under, [event_id])
    return found[0] if found else None


async def for_receipts(tx: Tx, filed_under: MemberId, event_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Events with their notice as it was served (else in Chinese), and whose they are now (`holder`).

    An event's account says whose it is: a history stays filed under the member id of its moment. Raises NoticeTampered
    where the text is not what was published: nothing is signed that says otherwise.
    """
    asker = member_t.alias("asker")
    ids = select(asker.c.member_id).where(or_(asker.c.member_id == filed_under, asker.c.merged_into == filed_under))
    locale = select(served_t.c.locale).where(served_t.c.member_id.in_(ids), served_t.c.served_id == event_t.c.served_id)
    statement = (
        select(
            event_t,
            account_t.c.member_id.label("holder"),
            notice_t.c.name.label("notice_name"),
            text_t.c.locale,
            text_t.c.sha256,
            text_t.c.collected,
            text_t.c.title,
            text_t.c.body,
            text_t.c.shared,
        )
        .join(account_t, account_t.c.origin_id == event_t.c.origin_id)
        .outerjoin(notice_t, notice_t.c.notice_id == event_t.c.notice_id)
        .outerjoin(
            text_t,
            and_(
                text_t.c.notice_id == event_t.c.notice_id,
                text_t.c.locale == func.coalesce(locale.scalar_subquery(), LANGUAGE),
            ),
        )
        .where(event_t.c.member_id == filed_under, among(event_t.c.event_id, event_ids))
        .order_by(event_t.c.sequence)
    )
    rows = (await tx.execute(statement)).all()
    for row in rows:
        if row.sha256 is not None:
            read_text(row)
    return rows


async def is_chain_intact(tx: Tx, vault: Vault, member_id: MemberId) -> bool | None:
    """Whether every chain that the member's history stands in holds, link by link and up to its head.

    None: more than CHAIN_MAX events.
    """
    filed = await chains_of(tx, member_id)
    counted = select(event_t.c.event_id).where(among(event_t.c.member_id, filed)).limit(CHAIN_MAX + 1).subquery()
    if (await tx.scalar(select(func.count()).select_from(counted)) or 0) > CHAIN_MAX:
        return None
    return not await broken_among(tx, vault, filed)


def _of(column: Any, member_ids: Sequence[MemberId]) -> ColumnElement[bool]:
    """One id by `=`, several by ANY: FIGURES, "One id"."""
    found: ColumnElement[bool] = column == member_ids[0] if len(member_ids) == 1 else among(column, member_ids)
    return found
