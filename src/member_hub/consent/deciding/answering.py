"""An answer to a notice, and everything that can be wrong with it; each in a fixed order, with a code of its own.

actor, evidence -> notice known, current -> purpose, recipient, channel -> (contact point, contacts.py) -> a separate
act where one is due -> dated -> put before this member, asked, and not answered before -> age

What can be said without knowing what was asked comes first: it is what the one who answers can put right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, select

from member_hub.consent.catalogue import Catalogue
from member_hub.consent.deciding.act_refusals import (
    Backdated,
    ConsentReplayed,
    EvidenceMissing,
    FutureDated,
    GuardianDue,
    NotServed,
    OnlyTheMember,
    SeparateActDue,
)
from member_hub.consent.deciding.evidence import Evidence
from member_hub.consent.deciding.holding import Desk, Held
from member_hub.consent.history.reading import event_t, served_t
from member_hub.consent.history.standing import Slot
from member_hub.consent.notice import notices
from member_hub.consent.notice.gates import Gate, GateKey
from member_hub.consent.notice.notices import holds_under
from member_hub.consent.notice.published import PublishedNotice
from member_hub.consent.notice.refusals import AgeUnknown, ConsentNotTheBasis, NoticeNotCurrent, NoticeUnknown
from member_hub.consent.words import ANY, Act, Actor, ContactChannel, Method, NoticeFamily
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.errors import BadInput, Refused
from member_hub.members.tables import AgeBand
from member_hub.privacy import Purpose

DECISIONS_MAX: Final = 20  # of one act
METHODS: Final = frozenset(Method) - {Method.CHANNEL_FILE, Method.NONE}  # by which somebody says yes

_ASKS: Final = (Act.SERVE_NOTICE.value, Act.MEMBER_INITIATES.value)


class BadAnswer(BadInput):
    """Something that is neither asked about nor a consent."""


@dataclass(frozen=True, slots=True, repr=False)
class Yes:
    """One thing consented to."""

    purpose: Purpose
    recipient: str = ANY
    channel: ContactChannel | None = None
    contact: str | None = None

    @property
    def slot(self) -> Slot:
        """Without its contact point, as it is asked about."""
        return Slot(self.purpose, self.recipient, self.channel or ANY)


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What the member answered, to which asking, how and until when."""

    decisions: Sequence[Yes]
    notice: str
    served_id: UUID | None
    method: Method
    until: datetime | None = None
    evidence: Evidence | None = None
    occurred_at: datetime | None = None


def check_actor(held: Held, answer: Answer) -> None:
    if held.acting.actor in (Actor.APP, Actor.SYSTEM):
        raise OnlyTheMember(field="member")
    is_staff = held.acting.actor is Actor.STAFF_ON_BEHALF
    if is_staff and answer.evidence is None:
        raise EvidenceMissing(field="evidence")
    if not is_staff and answer.evidence is not None:
        raise BadAnswer(
            "Evidence is for staff who act on somebody's behalf.", zh="凭证仅供代会员操作的员工填写。", field="evidence"
        )
    if answer.method not in METHODS:
        raise BadAnswer("Nobody says yes in this way.", zh="不能以此方式表示同意。", field="method")


async def notice_of(tx: Tx, held: Held, answer: Answer) -> PublishedNotice:
    handler = held.decided.handler
    notice = await notices.by_name(tx, handler, answer.notice) or await _by_id(tx, answer.notice)
    if notice is None or notice.handler != handler:
        raise NoticeUnknown(field="notice")
    current = await notices.current(tx, held.decided.handler, notice.family)
    if notice.family.is_on_record_only or current is None or current.notice_id != notice.notice_id:
        raise NoticeNotCurrent(field="notice")
    is_for_children = notice.family is NoticeFamily.CHILDREN
    if (is_for_children and not held.is_child) or (held.acting.actor is Actor.GUARDIAN and not is_for_children):
        raise NoticeNotCurrent(field="notice")
    return notice


async def _by_id(tx: Tx, text: str) -> PublishedNotice | None:
    """A notice may be named by its id, too, as `noticeServed` names it."""
    try:
        return await notices.by_id(tx, UUID(text))
    except ValueError:
        return None


async def served_of(tx: Tx, held: Held, answer: Answer, notice: PublishedNotice) -> Row[Any]:
    if answer.served_id is None:
        raise _not_asked(held)
    theirs = select(served_t).where(
        among(served_t.c.member_id, held.person),
        served_t.c.served_id == answer.served_id,
        served_t.c.notice_id == notice.notice_id,
    )
    row = (await tx.execute(theirs)).one_or_none()
    if row is None:
        raise _not_asked(held)
    return row


def _not_asked(held: Held) -> Refused:
    """Whoever is under 14 is not asked at all, so to be told to ask first would lead nowhere."""
    if held.is_child and held.acting.actor is not Actor.GUARDIAN:
        return GuardianDue(field="purposes")
    return NotServed(field="servedId")


def check_dates(held: Held, answer: Answer, notice: PublishedNotice, *, now: datetime) -> None:
    """A paper may have been signed before somebody types it in, but under this notice, and not before a later no."""
    if answer.until is not None and answer.until <= now:
        raise BadAnswer("A consent ends in the future.", zh="同意的截止时间须晚于现在。", field="until")
    at = answer.occurred_at
    if at is None:
        return
    if at > now:
        raise FutureDated(field="occurredAt")
    if at < notice.effective_at:
        raise Backdated(field="occurredAt")
    slots = [one.slot for one in answer.decisions]
    later = (event for event in held.decided.events if event.is_protective and event.occurred_at > at)
    if any(event.slot.covers(slot) or slot.covers(event.slot) for event in later for slot in slots):
        raise Backdated(field="occurredAt")


def check_since_asked(held: Held, answer: Answer, served: Row[Any]) -> None:
    """Nobody answers before they were asked, but on a paper that staff have in hand."""
    is_paper = answer.method is Method.PAPER and held.acting.actor is Actor.STAFF_ON_BEHALF
    if answer.occurred_at is not None and answer.occurred_at < served.served_at and not is_paper:
        raise Backdated(field="occurredAt")


def check_decisions(
    desk: Desk,
    held: Held,
    decisions: Sequence[Yes],
    notice: PublishedNotice,
    gates: Mapping[GateKey, Gate],
) -> None:
    if not 1 <= len({one.slot for one in decisions}) == len(decisions) <= DECISIONS_MAX:
        raise BadAnswer(
            f"Decide about 1 to {DECISIONS_MAX} things, each once.",
            zh=f"须就 1 至 {DECISIONS_MAX} 项作出决定，每项一次。",
            field="purposes",
        )
    for n, one in enumerate(decisions):
        named, channels = desk.catalogue.recipients.get(one.recipient), desk.catalogue.purposes[one.purpose].channels
        if desk.register.purposes[one.purpose].consent_key is None or (named is not None and not named.needs_consent):
            raise ConsentNotTheBasis(field=f"purposes.{n}")
        if one.recipient != ANY and (named is None or one.purpose not in named.purposes):
            raise BadAnswer(
                "This purpose has no such recipient.", zh="该处理目的没有此接收方。", field=f"purposes.{n}.recipient"
            )
        if (one.channel is None) != (not channels) or (one.channel is not None and one.channel not in channels):
            raise BadAnswer(
                "Name a channel of the purpose; none where it has none.",
                zh="请指明该处理目的的联系渠道；没有渠道的目的不填。",
                field=f"purposes.{n}.channel",
            )
        if not holds_under(notice, gates.get((held.decided.handler, one.purpose, one.recipient))):
            raise NoticeNotCurrent(field="notice")


async def check_asked(tx: Tx, held: Held, served: Row[Any], decisions: Sequence[Yes]) -> None:
    """Everything was asked with this serving, be it for all channels in one, and nothing of it answered yet."""
    slots = {(one.slot.purpose, one.slot.recipient, one.slot.channel) for one in decisions}
    for purpose, recipient, channel in slots:
        if {f"{purpose}:{recipient}:{channel}", f"{purpose}:{recipient}:{ANY}"}.isdisjoint(served.asked):
            raise _not_asked(held)
    columns = (event_t.c.purpose, event_t.c.recipient, event_t.c.channel)
    answered = select(*columns).where(event_t.c.served_id == served.served_id, event_t.c.act.not_in(_ASKS))
    if any(tuple(row) in slots for row in await tx.execute(answered)):
        raise ConsentReplayed(field="servedId")


def check_separate(catalogue: Catalogue, held: Held, decisions: Sequence[Yes]) -> None:
    """Everything about somebody under 14 is sensitive (PIPL 28), so each consent for a child is an act of its own.

    One request is one act: a document has one mutation (graphql/limits.py).
    """
    is_due = held.is_child or any(catalogue.needs_separate_act(one.purpose, one.recipient) for one in decisions)
    if is_due and len(decisions) > 1:
        raise SeparateActDue(field="purposes")


def check_age(held: Held) -> None:
    if held.decided.age_band is AgeBand.UNKNOWN:
        raise AgeUnknown(field="purposes")
    if held.acting.actor is Actor.GUARDIAN and not held.is_child:
        raise OnlyTheMember(field="member")
