"""Putting a notice before a member, and asking with it: on record before anybody may answer (PIPL 14, 17; C10).

Informing alone is always allowed, and the first time it lets what the channel files brought count. Asking takes the
notice in force, purposes and recipients that it asks about, an impact assessment, and that the member may be asked now
(asking.py). Members under 14 are asked by the notice for children, through a guardian only.

The same serving again within ten minutes, while nobody has answered, is the same serving: a retry asks nobody twice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, case, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from member_hub import telling
from member_hub.access import Caller, CallerKind
from member_hub.consent import scopes
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.history.heads import event_t
from member_hub.consent.history.reading import Decisions, decisions_of
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot
from member_hub.consent.notice import asking, gates, notices
from member_hub.consent.notice.asking import Measure, Step
from member_hub.consent.notice.published import PublishedNotice
from member_hub.consent.notice.refusals import (
    AgeUnknown,
    ConsentNotTheBasis,
    NotAskedAgain,
    NoticeNotCurrent,
    NoticeUnknown,
    PiaMissing,
)
from member_hub.consent.notice.texts import text_of
from member_hub.consent.tables import NoticeServed
from member_hub.consent.words import ANY, Act, Actor, ByWayOf, ContactChannel, Locale, Method, NoticeFamily
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.errors import BadInput, Forbidden, NotFound
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.bits import restriction_mask
from member_hub.members.reading import ids_of_person, is_living
from member_hub.members.tables import AgeBand, Channel, ChannelAccount, Member
from member_hub.privacy import Purpose
from member_hub.telling import Kind

ASKS_MAX: Final = 20  # with one notice
SAME_WITHIN: Final = timedelta(minutes=10)
SERVED: Final = "served"  # told_by: no message was needed
GUARDIAN: Final = "guardian"
MINI_PROGRAM: Final = "app_mini_program"

served_t, member_t, account_t = table_of(NoticeServed), table_of(Member), table_of(ChannelAccount)
notice_t = notices.notice_t


class NotTheMember(Forbidden):
    zh = "只有会员本人、监护人或代其操作的小程序可以表明由会员主动提出。"
    en = "Only the member, a guardian or the member's own mini-program can say that the member began it."


class OnlyAGuardian(Forbidden):
    zh = "未满十四周岁的会员，只能向其监护人征求同意。"
    en = "Under 14 only a guardian is asked."


class NotForThisAge(BadInput):
    zh = "未满十四周岁的会员使用儿童版告知书，其他会员使用一般版。"
    en = "Members under 14 are asked by the notice for children, and nobody else is."


@dataclass(frozen=True, slots=True)
class Served:
    """What was put on record; `words` are for the audit entry."""

    served_id: UUID
    notice_name: str
    words: Sequence[str]


@dataclass(frozen=True, slots=True)
class Serving:
    """Who is shown what, by whom, how and when."""

    served_id: UUID
    member_id: MemberId
    notice: PublishedNotice
    caller: Caller
    locale: Locale
    by_way_of: ByWayOf
    is_by_member: bool
    now: datetime


async def serve(
    tx: Tx,
    vault: Vault,
    catalogue: Catalogue,
    caller: Caller,
    member_id: MemberId,
    *,
    notice_id: UUID,
    locale: Locale,
    by_way_of: ByWayOf,
    asked: Sequence[Slot],
    is_by_member: bool,
    now: datetime,
) -> Served:
    """Put on record that this root member was shown the notice and asked; the caller holds the member in reach.

    Raises NotFound, NoticeUnknown, NoticeNotCurrent, NotTheMember, ConsentNotTheBasis, PiaMissing, NotForThisAge,
    OnlyAGuardian, CoolingDown, NotAskedAgain, NoticeTampered, BadInput; then nothing is on record.
    """
    member = await _locked(tx, member_id)
    notice = await _in_force(tx, notice_id, member.handler)
    await text_of(tx, notice_id, locale)  # whoever was shown another text was not informed
    slots = sorted(set(asked), key=lambda slot: (slot.purpose, slot.recipient, slot.channel))
    if len(slots) > ASKS_MAX:
        raise BadInput(f"At most {ASKS_MAX} questions.", zh=f"一次最多征求 {ASKS_MAX} 项。", field="asks")
    if is_by_member and not _speaks_for_the_member(caller):
        raise NotTheMember(field="byMember")
    found = (await decisions_of(tx, [member_id]))[member_id]
    measure = await _measure(tx, found, catalogue, now=now)
    if slots:
        _check_age(AgeBand(member.age_band), notice, caller)
    for slot in slots:
        _check_slot(slot, notice, catalogue, measure)
        if not is_by_member and member.restriction_bits & restriction_mask(Purpose(slot.purpose)):
            raise NotAskedAgain(field="asks")
    taken = [
        step
        for slot in slots
        for step in asking.steps(slot, found.standing, found.events, measure, is_by_member=is_by_member)
    ]
    serving = Serving(uuid7(), member_id, notice, caller, locale, by_way_of, is_by_member, now)
    row = _row(serving, slots)
    if not taken and (before := await _the_same_lately(tx, row)) is not None:
        return Served(before, notice.name, [])
    await tx.execute(insert(served_t).values(row))
    await _record(tx, vault, serving, found, taken)
    person = await ids_of_person(tx, member_id)
    await telling.told_otherwise(tx, person, Kind.PRIVACY_NOTICE, by=SERVED, now=now)
    await settle(tx, [member_id], catalogue=catalogue, now=now)
    return Served(serving.served_id, notice.name, [f"{step.word}:{scopes.word(step.slot)}" for step in taken])


async def _locked(tx: Tx, member_id: MemberId) -> Row[Any]:
    """The living root, held until the transaction ends."""
    held = select(member_t).where(member_t.c.member_id == member_id, is_living()).with_for_update()
    row = (await tx.execute(held)).one_or_none()
    if row is None:
        raise NotFound(field="member")
    return row


async def _in_force(tx: Tx, notice_id: UUID, handler: str) -> PublishedNotice:
    notice = await notices.by_id(tx, notice_id)
    if notice is None or notice.handler != handler:
        raise NoticeUnknown(field="notice")
    current = await notices.current(tx, handler, notice.family)
    if notice.family.is_on_record_only or current is None or current.notice_id != notice_id:
        raise NoticeNotCurrent(field="notice")
    return notice


def _speaks_for_the_member(caller: Caller) -> bool:
    is_own_app = caller.role == MINI_PROGRAM and caller.on_behalf_of is not None
    return caller.kind is CallerKind.MEMBER or is_own_app


async def _measure(tx: Tx, found: Decisions, catalogue: Catalogue, *, now: datetime) -> Measure:
    named = {one.by.notice_id for one in found.standing if one.by.notice_id}
    times: Mapping[UUID, datetime] = {}
    if named:
        columns = (notice_t.c.notice_id, notice_t.c.effective_at)
        told = and_(among(notice_t.c.notice_id, sorted(named)), notice_t.c.handler == found.handler)
        rows = await tx.execute(select(*columns).where(told))
        times = {row.notice_id: row.effective_at for row in rows}
    return Measure(found.handler, await gates.current_gates(tx), times, catalogue.numbers, now)


def _check_age(age_band: AgeBand, notice: PublishedNotice, caller: Caller) -> None:
    if age_band is AgeBand.UNKNOWN:
        raise AgeUnknown(field="asks")
    is_child = age_band is AgeBand.CHILD
    if is_child != (notice.family is NoticeFamily.CHILDREN):
        raise NotForThisAge(field="notice")
    if is_child and caller.role != GUARDIAN:
        raise OnlyAGuardian(field="asks")


def _check_slot(slot: Slot, notice: PublishedNotice, catalogue: Catalogue, measure: Measure) -> None:
    if (slot.purpose, slot.recipient) not in notices.asked_for(catalogue, notice.purposes):
        raise ConsentNotTheBasis(field="asks")
    if notices.lacks_assessment(catalogue, Purpose(slot.purpose)):
        raise PiaMissing(field="asks")
    channels = catalogue.purposes[Purpose(slot.purpose)].channels
    if slot.channel == ANY and channels:
        raise BadInput("Name over which channel.", zh="请指明征求哪一种联系渠道。", field="asks")
    if slot.channel != ANY and ContactChannel(slot.channel) not in channels:
        raise BadInput("Nobody is contacted over this for it.", zh="该目的不使用此联系渠道。", field="asks")
    if not notices.holds_under(notice, measure.gates.get((notice.handler, slot.purpose, slot.recipient))):
        raise NoticeNotCurrent(field="notice")


def _row(serving: Serving, slots: Sequence[Slot]) -> dict[str, Any]:
    return {
        "member_id": serving.member_id,
        "served_id": serving.served_id,
        "notice_id": serving.notice.notice_id,
        "locale": serving.locale.value,
        "by_way_of": serving.by_way_of.value,
        "asked": [f"{slot.purpose}:{slot.recipient}:{slot.channel}" for slot in slots],
        "is_by_member": serving.is_by_member,
        "served_by": _acted_by(serving.caller),
        "served_at": serving.now,
    }


async def _the_same_lately(tx: Tx, row: Mapping[str, Any]) -> UUID | None:
    """The same serving within the last minutes that nobody has answered."""
    same = [
        served_t.c[name] == row[name]
        for name in ("member_id", "notice_id", "locale", "by_way_of", "is_by_member", "served_by")
    ]
    answered = select(event_t.c.event_id).where(
        event_t.c.member_id == served_t.c.member_id,
        event_t.c.served_id == served_t.c.served_id,
        event_t.c.act.not_in(_ASKING),
    )
    newest = (
        select(served_t.c.served_id)
        .where(
            *same,
            served_t.c.asked == literal(row["asked"], ARRAY(Text)),
            served_t.c.served_at > row["served_at"] - SAME_WITHIN,
            ~answered.exists(),
        )
        .order_by(served_t.c.served_at.desc(), served_t.c.served_id.desc())
        .limit(1)
    )
    return (await tx.execute(newest)).scalar_one_or_none()


_ASKING: Final[Collection[str]] = (Act.SERVE_NOTICE.value, Act.MEMBER_INITIATES.value, Act.COOLDOWN_OVER.value)


async def _speaker(tx: Tx, member_id: MemberId) -> OriginId:
    """The account through which the hub speaks to a member: the website's, else the app's, else a card's."""
    order = case({Channel.WEBSITE.value: 0, Channel.APP.value: 1}, value=account_t.c.channel, else_=2)
    first = (
        select(account_t.c.origin_id)
        .where(account_t.c.member_id == member_id)
        .order_by(order, account_t.c.first_seen_at, account_t.c.origin_id)
        .limit(1)
    )
    origin = (await tx.execute(first)).scalar_one_or_none()
    if origin is None:
        raise NotFound(field="member")
    return OriginId(origin)


async def _record(tx: Tx, vault: Vault, serving: Serving, found: Decisions, taken: Sequence[Step]) -> None:
    """The end of a cool-down goes on record a moment before the question, so that their order is one."""
    if not taken:
        return
    origin = await _speaker(tx, serving.member_id)
    for is_by_clock in (True, False):
        steps = [step for step in taken if (step.act is Act.COOLDOWN_OVER) == is_by_clock]
        at = serving.now - timedelta(microseconds=1) if is_by_clock else serving.now
        events = [_event(step, serving, found, origin_id=origin, at=at) for step in steps]
        await record(tx, vault, events, now=at)


def _event(step: Step, serving: Serving, found: Decisions, *, origin_id: OriginId, at: datetime) -> NewEvent:
    is_by_clock = step.act is Act.COOLDOWN_OVER
    return NewEvent(
        member_id=serving.member_id,
        origin_id=origin_id,
        also=found.origins - {origin_id},
        handler=serving.notice.handler,
        slot=step.slot,
        contact_kind=None,
        act=step.act,
        state_from=step.state_from,
        state_to=step.state_to,
        actor=Actor.TIMER if is_by_clock else _actor(serving.caller),
        acted_by=Actor.TIMER.value if is_by_clock else _acted_by(serving.caller),
        method=Method.NONE,
        occurred_at=at,
        notice_id=None if is_by_clock else serving.notice.notice_id,
        served_id=None if is_by_clock else serving.served_id,
        request_id=serving.caller.request_id,
    )


def _actor(caller: Caller) -> Actor:
    if caller.kind is CallerKind.MEMBER:
        return Actor.GUARDIAN if caller.role == GUARDIAN else Actor.MEMBER
    return Actor.APP if caller.kind is CallerKind.APP else Actor.STAFF_ON_BEHALF


def _acted_by(caller: Caller) -> str:
    """Staff number or app; of a member the kind alone, for the row says whose it is."""
    return _actor(caller).value if caller.kind is CallerKind.MEMBER else caller.subject
