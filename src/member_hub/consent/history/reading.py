"""What members decided, read set-wise: the events of their channel accounts, and where every slot stands by them.

Events stay filed under the member of their moment, so they are found by channel account and not by member id: those
that an account made, and those that a live act made for it together with others (`also`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, FromClause, Row, and_, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from member_hub.consent.history.standing import Happened, Slot, Standing, standing
from member_hub.consent.tables import ConsentContact, ConsentEvent, Notice, NoticeServed
from member_hub.consent.words import PROTECTIVE, Act, Actor, ConsentState, NoticeFamily
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import AgeBand, ChannelAccount, Member

event_t = table_of(ConsentEvent)
contact_t = table_of(ConsentContact)
served_t = table_of(NoticeServed)
notice_t = table_of(Notice)
member_t = table_of(Member)
account_t = table_of(ChannelAccount)


def notice_informs(member: FromClause) -> ColumnElement[bool]:
    """Whether the notice of a statement that has one informs this member row: of their handler, and of the family that
    fits them; what is on record for a channel's files informs nobody."""
    is_child = member.c.age_band == AgeBand.CHILD.value
    family = case((is_child, NoticeFamily.CHILDREN.value), else_=NoticeFamily.GENERAL.value)
    return and_(notice_t.c.handler == member.c.handler, notice_t.c.family == family)


_COLUMNS: Final = (
    "member_id event_id origin_id also purpose recipient channel has_contact act state_to actor notice_id occurred_at"
    " recorded_at ends_at"
).split()


@dataclass(frozen=True, slots=True, repr=False)
class Decisions:
    """Everything that one person decided; `filed_under` says under which member id each event stands."""

    origins: frozenset[OriginId]
    handler: str
    age_band: AgeBand
    events: list[Happened]
    standing: list[Standing]
    is_informed: bool
    filed_under: dict[UUID, MemberId]


async def decisions_of(tx: Tx, member_ids: Sequence[MemberId]) -> dict[MemberId, Decisions]:
    """The decisions of these root members; ids that are no member are left out. Four statements."""
    if not member_ids:
        return {}
    rows = (await tx.execute(select(member_t).where(among(member_t.c.member_id, member_ids)))).all()
    origins = await _origins(tx, member_ids)
    known = {origin for mine in origins.values() for origin in mine}
    events = [(_happened(row), MemberId(row.member_id)) for row in await _events(tx, known)] if known else []
    informed = await _informed(tx, member_ids)
    by_origin = _by_origin(events, known)
    return {
        MemberId(row.member_id): _decisions(
            row, origins.get(row.member_id, frozenset()), by_origin, is_informed=row.member_id in informed
        )
        for row in rows
    }


async def events_of_accounts(tx: Tx, origins: Collection[OriginId]) -> dict[OriginId, list[Happened]]:
    """What is on record of each of these accounts, in order; of a live act also what it decided for all."""
    if not origins:
        return {}
    events = [(_happened(row), MemberId(row.member_id)) for row in await _events(tx, origins)]
    found = _by_origin(events, frozenset(origins))
    return {
        origin: sorted((event for event, _ in mine), key=lambda event: event.order) for origin, mine in found.items()
    }


async def _origins(tx: Tx, member_ids: Sequence[MemberId]) -> dict[UUID, frozenset[OriginId]]:
    columns = (account_t.c.member_id, account_t.c.origin_id)
    found: dict[UUID, set[OriginId]] = {}
    for member, origin in await tx.execute(select(*columns).where(among(account_t.c.member_id, member_ids))):
        found.setdefault(member, set()).add(OriginId(origin))
    return {member: frozenset(mine) for member, mine in found.items()}


async def _events(tx: Tx, origins: Collection[OriginId]) -> Sequence[Row[Any]]:
    """The events of these accounts; `also` has an index of its own for where it is not null."""
    together = event_t.c.also.overlap(literal(sorted(origins), ARRAY(PgUuid)))
    columns: list[Column[Any]] = [*(event_t.c[name] for name in _COLUMNS), contact_t.c.token]
    statement = (
        select(*columns)
        .outerjoin(
            contact_t, and_(contact_t.c.member_id == event_t.c.member_id, contact_t.c.event_id == event_t.c.event_id)
        )
        .where(or_(among(event_t.c.origin_id, origins), together))
    )
    return (await tx.execute(statement)).all()


async def _informed(tx: Tx, member_ids: Sequence[MemberId]) -> set[UUID]:
    """Whom a notice that informs them was served, under their own id or one that was merged into it."""
    root_t = member_t.alias("root")
    root = func.coalesce(member_t.c.merged_into, member_t.c.member_id)
    told = (
        served_t.join(member_t, member_t.c.member_id == served_t.c.member_id)
        .join(root_t, root_t.c.member_id == root)
        .join(notice_t, notice_t.c.notice_id == served_t.c.notice_id)
    )
    statement = (
        select(root)
        .distinct()
        .select_from(told)
        .where(
            notice_informs(root_t),
            or_(among(member_t.c.member_id, member_ids), among(member_t.c.merged_into, member_ids)),
        )
    )
    return set(await tx.scalars(statement))


def _happened(row: Row[Any]) -> Happened:
    state = ConsentState(row.state_to)
    return Happened(
        event_id=row.event_id,
        origin_id=OriginId(row.origin_id),
        also=frozenset(map(OriginId, row.also or ())),
        slot=Slot(row.purpose, row.recipient, row.channel, _contact(row, state)),
        act=Act(row.act),
        state=state,
        actor=Actor(row.actor),
        notice_id=row.notice_id,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        ends_at=row.ends_at,
    )


def _contact(row: Row[Any], state: ConsentState) -> bytes | None:
    """The contact point. One that is gone makes what protects count for every contact, and a grant for none."""
    if not row.has_contact or row.token is not None:
        return None if row.token is None else bytes(row.token)
    return None if state in PROTECTIVE else UUID(str(row.event_id)).bytes


_Filed = tuple[Happened, MemberId]


def _by_origin(events: Iterable[_Filed], known: Collection[OriginId]) -> dict[OriginId, list[_Filed]]:
    found: dict[OriginId, list[_Filed]] = {}
    for event, member in events:
        for origin in ({event.origin_id} | event.also).intersection(known):
            found.setdefault(origin, []).append((event, member))
    return found


def _decisions(
    row: Row[Any], origins: frozenset[OriginId], by_origin: dict[OriginId, list[_Filed]], *, is_informed: bool
) -> Decisions:
    mine = {event.event_id: (event, filed) for origin in origins for event, filed in by_origin.get(origin, ())}
    events = sorted((event for event, _ in mine.values()), key=lambda event: event.order)
    return Decisions(
        origins=origins,
        handler=row.handler,
        age_band=AgeBand(row.age_band),
        events=events,
        standing=standing(origins, events),
        is_informed=is_informed,
        filed_under={event_id: filed for event_id, (_, filed) in mine.items()},
    )
