"""What is looked at before something is sent: members, decisions and contact points, in at most four statements.

The caller reads in one snapshot: a withdrawal that is acknowledged before it begins is in all of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, false, func, or_, select

from member_hub.consent.catalogue import Catalogue, Numbers
from member_hub.consent.deciding.sending import Addressee, DecidedSlot, HeldContact, Sending
from member_hub.consent.history.derived import Decided, derived
from member_hub.consent.history.reading import notice_informs
from member_hub.consent.notice.gates import Gate, current_gates
from member_hub.consent.tables import ConsentContact, ConsentCurrent, Notice, NoticeServed, NoticeText
from member_hub.consent.words import ANY, Actor, ConsentState
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.identity.facts import CONTACT_FIELDS, HELD
from member_hub.identity.reading import claims_of
from member_hub.ids import MemberId
from member_hub.members.reading import Visible
from member_hub.members.tables import AgeBand, Member
from member_hub.members.taggings import DO_NOT_CONTACT, is_marked

current_t = table_of(ConsentCurrent)
contact_t = table_of(ConsentContact)
notice_t = table_of(Notice)
text_t = table_of(NoticeText)
served_t = table_of(NoticeServed)
member_t = table_of(Member)

ITEMS_MAX = 500


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """The members in reach by the id asked for, and the gate that counts for the handler."""

    by_id: Mapping[MemberId, Addressee]
    gate: Gate | None


async def addressees(
    tx: Tx,
    sending: Sending,
    asked: Collection[MemberId],
    *,
    within: Visible,
    handler: str,
    catalogue: Catalogue,
    now: datetime,
) -> Found:
    """Those behind the ids, merged ids included, who are in reach; as many statements for one as for ITEMS_MAX."""
    if len(set(asked)) > ITEMS_MAX:
        raise ValueError(f"At most {ITEMS_MAX} members at once.")
    rows = await _members(tx, sending, asked, within, now)
    ids = sorted({MemberId(row.member_id) for row in rows.values()})
    if not ids:
        return Found({}, None)
    gate = None
    slots: Mapping[MemberId, list[DecidedSlot]] = {}
    if sending.rests_on_consent:
        gate = (await current_gates(tx)).get((handler, sending.purpose.value, sending.recipient))
        if gate is not None and not await _is_told(tx, gate, catalogue.told_of(sending.recipient), sending.recipient):
            gate = None
        bands = {MemberId(row.member_id): AgeBand(row.age_band) for row in rows.values()}
        slots = await _slots(tx, sending, bands, handler, gate, catalogue.numbers, now)
    held = await _held(tx, sending, ids)
    by_root = {
        MemberId(row.member_id): Addressee(row, slots.get(row.member_id, []), held.get(row.member_id, []))
        for row in rows.values()
    }
    return Found({one: by_root[MemberId(row.member_id)] for one, row in rows.items()}, gate)


_MEMBER_COLUMNS = "member_id status age_band consent_bits restriction_bits gate_until privacy_epoch".split()


async def _members(
    tx: Tx, sending: Sending, asked: Collection[MemberId], within: Visible, now: datetime
) -> dict[MemberId, Row[Any]]:
    given = member_t.alias("given")
    columns: list[ColumnElement[Any]] = [member_t.c[name] for name in _MEMBER_COLUMNS]
    if sending.contact_kind is not None:
        columns.append(member_t.c[CONTACT_FIELDS[sending.contact_kind].value])
    informed = _is_informed() if sending.rests_on_consent else false()  # else nobody asks
    columns.append(informed.label("is_informed"))
    marked = is_marked(DO_NOT_CONTACT, now=now) if sending.is_commercial else false()
    columns.append(marked.label("is_not_to_be_contacted"))
    statement = (
        select(given.c.member_id.label("asked_id"), *columns)
        .join(member_t, member_t.c.member_id == func.coalesce(given.c.merged_into, given.c.member_id))
        .where(among(given.c.member_id, sorted(set(asked))), within.reach())
    )
    return {MemberId(row.asked_id): row for row in await tx.execute(statement, within.parameters)}


async def _is_told(tx: Tx, gate: Gate, told: Mapping[str, object], recipient: str) -> bool:
    """Whether the notice of the gate says of the recipient all that it receives by now (members/row_gate.py)."""
    if not recipient:
        return True
    says = select(text_t.c.notice_id).where(
        text_t.c.notice_id == gate.notice_id, text_t.c.locale == "zh", text_t.c.shared.contains([dict(told)])
    )
    return await tx.scalar(says) is not None


def _is_informed() -> ColumnElement[bool]:
    """Whether a notice that informs was put before the person, under this id or one that was merged into it.

    Two questions, each answered by an index: asked as one, the planner read the whole table for every member.
    """
    merged = member_t.alias("merged")
    told = served_t.join(notice_t, notice_t.c.notice_id == served_t.c.notice_id)
    served = select(served_t.c.served_id).where(notice_informs(member_t))
    own = served.select_from(told).where(served_t.c.member_id == member_t.c.member_id)
    of_merged = told.join(merged, merged.c.member_id == served_t.c.member_id)
    theirs = served.select_from(of_merged).where(merged.c.merged_into == member_t.c.member_id)
    return or_(own.correlate(member_t).exists(), theirs.correlate(member_t).exists())


async def _slots(  # noqa: PLR0917 - the parts of one question
    tx: Tx,
    sending: Sending,
    bands: Mapping[MemberId, AgeBand],
    handler: str,
    gate: Gate | None,
    numbers: Numbers,
    now: datetime,
) -> dict[MemberId, list[DecidedSlot]]:
    """Where the decisions on this purpose, recipient and channel stand by now: the clock and later notices included."""
    columns = [current_t.c[name] for name in ("member_id", "channel", "state", "actor", "since", "ends_at")]
    of_event = and_(contact_t.c.member_id == current_t.c.filed_under, contact_t.c.event_id == current_t.c.event_id)
    statement = (
        select(*columns, contact_t.c.token, notice_t.c.effective_at)
        .outerjoin(contact_t, of_event)
        .outerjoin(notice_t, and_(notice_t.c.notice_id == current_t.c.notice_id, notice_t.c.handler == handler))
        .where(
            among(current_t.c.member_id, bands),
            current_t.c.purpose == sending.purpose.value,
            current_t.c.recipient == sending.recipient,
            current_t.c.channel.in_([ANY, sending.channel.value]),
        )
    )
    found: dict[MemberId, list[DecidedSlot]] = {}
    for row in await tx.execute(statement):
        actor = Actor(row.actor)
        decided = Decided(ConsentState(row.state), row.since, actor, row.effective_at, row.ends_at)
        stands = derived(
            decided,
            gate_at=gate.effective_at if gate else None,
            # What a member said themselves is judged by their age where it is decided (sending.py), by its own name.
            age_band=bands[row.member_id] if actor is Actor.GUARDIAN else AgeBand.ADULT,
            numbers=numbers,
            now=now,
        )
        slot = DecidedSlot(row.channel, stands.state, actor, None if row.token is None else bytes(row.token))
        found.setdefault(row.member_id, []).append(slot)
    return found


async def _held(tx: Tx, sending: Sending, ids: Sequence[MemberId]) -> dict[MemberId, list[HeldContact]]:
    """The phones or addresses that are the members' own now; one that was released is somebody else's, or nobody's."""
    found: dict[MemberId, list[HeldContact]] = {}
    if sending.contact_kind is None:
        return found
    for row in await claims_of(tx, ids, [sending.contact_kind]):
        if row.status in HELD:
            found.setdefault(row.member_id, []).append(HeldContact(bytes(row.token), row))
    return found
