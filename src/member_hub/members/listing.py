"""Lists of members within the caller's reach: narrowed, newest first, page by page."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, literal, select, true, tuple_

from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.ids import MemberId
from member_hub.members.reading import Visible, columns_of, is_held_for, member_t
from member_hub.members.tables import Channel, MemberStatus
from member_hub.privacy import ProfileField, Purpose


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed by; None does not narrow. `stores` are those of a region."""

    home_store: str | None = None
    stores: frozenset[str] | None = None
    channel: Channel | None = None
    status: MemberStatus | None = None
    gender: str | None = None
    joined_from: datetime | None = None
    joined_to: datetime | None = None

    def condition(self, purpose: Purpose) -> ColumnElement[bool]:
        """Of hub.member; what is held for another purpose alone counts as not known."""
        member = member_t.c
        parts: list[ColumnElement[bool]] = []
        if self.home_store is not None:
            parts.append(member.home_store == self.home_store)
        if self.stores is not None:
            parts.append(among(member.home_store, sorted(self.stores)))
        if self.channel is not None:
            parts.append(member.channels.op("&")(self.channel.bit) != 0)
        if self.status is not None:
            parts.append(member.status == self.status.value)
        if self.gender is not None:
            parts.append(and_(member.gender == self.gender, is_held_for(ProfileField.GENDER, purpose)))
        if self.joined_from is not None:
            parts.append(member.joined_at >= self.joined_from)
        if self.joined_to is not None:
            parts.append(member.joined_at < self.joined_to)
        return and_(true(), *parts)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the list of members: newest first, ties by id."""

    joined_at: datetime
    member_id: MemberId


async def page(
    tx: Tx,
    visible: Visible,
    narrowed: Filter,
    *,
    count: int,
    at: Position | None,
    backwards: bool,
    fields: Collection[ProfileField] = (),
) -> tuple[list[Row[Any]], bool]:
    """`count` members after the position (before it: `backwards`), newest first, and whether there are more."""
    if visible.reaches_nobody(by_key=False):
        return [], False
    key = tuple_(member_t.c.joined_at, member_t.c.member_id)
    statement = select(*columns_of(fields)).where(visible.condition(by_key=False))
    statement = statement.where(narrowed.condition(visible.gate.purpose))
    if at is not None:
        there = tuple_(literal(at.joined_at, member_t.c.joined_at.type), literal(at.member_id))
        statement = statement.where(key > there if backwards else key < there)
    order = [column.asc() if backwards else column.desc() for column in (member_t.c.joined_at, member_t.c.member_id)]
    rows = list((await tx.execute(statement.order_by(*order).limit(count + 1), visible.parameters)).all())
    kept = rows[:count]
    return (kept[::-1] if backwards else kept), len(rows) > count
