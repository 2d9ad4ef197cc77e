"""The read side of members: rows within the caller's reach, in WHERE, always by ids and in batches.

Nobody outside knows the difference between a member who does not exist and one who is out of reach: neither is in
the answer. Rows come sealed; opening what a grant shows is the caller's business.
"""

from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Row,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from member_hub.access import Caller, Grant, RowScope
from member_hub.db.base import Tx
from member_hub.db.bulk import among, constant, table_of
from member_hub.ids import MemberId
from member_hub.members.bits import CODE_MASK, code_of, shift_of
from member_hub.members.children import is_child_of
from member_hub.members.row_gate import GateShape, RowGate
from member_hub.members.tables import AgeBand, ChannelAccount, Member, MemberStatus, MemberStore, ProfileValue
from member_hub.organisation import Organisation
from member_hub.privacy import ProfileField, Purpose

member_t = table_of(Member)
account_t = table_of(ChannelAccount)
value_t = table_of(ProfileValue)
store_t = table_of(MemberStore)

_OF_MEMBERS = (RowScope.SELF, RowScope.CHILDREN)
STATEMENTS_MAX = 512  # of look-ups, one per shape and set of fields
PLAIN_COLUMNS = (
    "member_id", "status", "restriction_bits", "joined_at", "home_store", "version", "consented_fields",
    "privacy_epoch",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visible:
    """Which members one caller reaches, and which of them may be read (row_gate.py). Every statement that reads for
    somebody carries it as its condition, and is executed with its parameters."""

    rows: RowScope
    stores: frozenset[str]
    handler: str | None
    member_id: MemberId | None
    bought_since: datetime
    gate: RowGate
    protects: bool = False  # reads nothing: refuses, withdraws or objects

    @classmethod
    def to(
        cls,
        caller: Caller,
        grant: Grant,
        organisation: Organisation,
        *,
        recipient: str,
        told: Mapping[str, object],
        now: datetime,
    ) -> "Visible":
        """`recipient`: as whom the caller asks (Catalogue.recipient_of); empty: as the handler itself.

        `told`: what members have to have been told of it (Catalogue.told_of).
        """
        stores = caller.stores
        if grant.rows is RowScope.REGION:
            stores = frozenset[str]().union(*(organisation.stores_of(region) for region in caller.regions))
        member_id = caller.member_id if grant.rows in _OF_MEMBERS else caller.on_behalf_of
        since = months_before(now, organisation.own_stores_months)
        gate = RowGate.to(caller, grant, recipient=recipient, told=told, now=now)
        return cls(grant.rows, stores, caller.handler, member_id, since, gate)

    def to_decide(self) -> "Visible":
        """The same for what members decide about the processing itself: objecting, lifting, refusing, withdrawing.

        The mini-program that asks for one member then reaches that very member whatever they object to: who restricted
        everything must be able to end it where they did it. It reads nothing more by this, and no other app does.
        """
        if self.rows is not RowScope.BEHALF or self.member_id is None:
            return self
        return replace(self, gate=replace(self.gate, restricted=0))

    def to_protect(self) -> "Visible":
        """The same as `to_decide`, for acts that can only keep data unused: a guardian whom another one contests may do
        these for the child, and nothing else."""
        return replace(self.to_decide(), protects=self.rows is RowScope.CHILDREN)

    def of_unseen(self) -> "Visible":
        """The same for an act on somebody of whom nothing is shown: it takes no approval to see minors."""
        return replace(self, gate=self.gate.of_figures())

    def of_anyone(self) -> "Visible":
        """The same for whoever an app that acts for one member has to do with beside them, known by an exact key: any
        member of the handler who may be dealt with. Nothing of them is shown."""
        return replace(self, member_id=None) if self.rows is RowScope.BEHALF else self

    def reaches_nobody(self, *, by_key: bool) -> bool:
        """Whether no row can be in reach, so that nothing need be asked."""
        match self.rows:
            case RowScope.ALL:
                return False
            case RowScope.HANDLER:
                return self.handler is None
            case RowScope.OWN_STORES | RowScope.REGION:
                return self.handler is None or not self.stores
            case RowScope.SELF | RowScope.CHILDREN:
                return self.member_id is None
            case RowScope.BEHALF:
                return self.handler is None or (self.member_id is None and not by_key)
            case RowScope.NONE:
                return True

    def condition(self, *, by_key: bool) -> ColumnElement[bool]:
        """The rows of hub.member in reach that may be read; to be executed with `parameters`.

        `by_key`: somebody who knows an exact key of the member asks. An app that acts for a member it does not know
        yet reaches whoever such a key finds, and nobody otherwise.
        """
        return false() if self.reaches_nobody(by_key=by_key) else self.shape.condition()

    @property
    def shape(self) -> "Shape":
        return Shape(self.rows, self.gate.shape, is_for_one=self.member_id is not None, protects=self.protects)

    @property
    def parameters(self) -> Mapping[str, Any]:
        given = dict(self.gate.parameters)
        if self.rows in _WITHIN_HANDLER:
            given["reach_handler"] = self.handler
        if self.rows in _WITHIN_STORES:
            given |= {"reach_stores": sorted(self.stores), "reach_since": self.bought_since}
        if self.rows in _OF_ONE and self.member_id is not None:
            given["reach_member_id"] = self.member_id
        if self.rows is RowScope.CHILDREN:
            given["reach_at"] = self.gate.at
        return given

    def reach(self) -> ColumnElement[bool]:
        """The rows in reach, whether or not they may be read: for who then decides about each of them alone."""
        return false() if self.reaches_nobody(by_key=False) else and_(is_living(), self.shape.scope())


_WITHIN_STORES: Final = (RowScope.OWN_STORES, RowScope.REGION)
_WITHIN_HANDLER: Final = (RowScope.HANDLER, RowScope.BEHALF, *_WITHIN_STORES)
_OF_ONE: Final = (*_OF_MEMBERS, RowScope.BEHALF)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which conditions a reading has, whatever their values: statements are made once per shape.

    Decision: making the statement of a look-up anew for each request, and finding out each time that it was compiled
    before, took a tenth of the request. Price: what varies is a named parameter, and has to be passed.
    """

    rows: RowScope
    gate: GateShape
    is_for_one: bool
    protects: bool

    def condition(self) -> ColumnElement[bool]:
        """The rows in reach that may be read, for whoever has made sure that there can be any."""
        return _condition(self)

    def scope(self) -> ColumnElement[bool]:
        ours = member_t.c.handler == bindparam("reach_handler", type_=Text)
        match self.rows:
            case RowScope.ALL:
                return true()
            case RowScope.HANDLER:
                return ours
            case RowScope.OWN_STORES | RowScope.REGION:
                return and_(ours, _of_stores())
            case RowScope.BEHALF:
                return and_(ours, _is_root()) if self.is_for_one else ours
            case RowScope.SELF:
                return _is_root()
            case RowScope.CHILDREN:
                return is_child_of(
                    bindparam("reach_member_id", type_=PgUuid()),
                    at=bindparam("reach_at", type_=DateTime(timezone=True)),
                    or_contested=self.protects,
                )
            case RowScope.NONE:
                return false()


@cache
def _condition(shape: Shape) -> ColumnElement[bool]:
    return and_(is_living(), shape.scope(), shape.gate.condition())


def _of_stores() -> ColumnElement[bool]:
    """At home in one of the stores, or bought there lately (DESIGN 4)."""
    stores = bindparam("reach_stores", type_=ARRAY(Text))
    bought = select(store_t.c.member_id).where(
        store_t.c.member_id == member_t.c.member_id,
        store_t.c.store == any_(stores),
        store_t.c.purchased_at >= bindparam("reach_since", type_=DateTime(timezone=True)),
    )
    return or_(member_t.c.home_store == any_(stores), bought.exists())


@cache
def is_living() -> ColumnElement[bool]:
    """Neither merged nor erased; spelled as the partial index is, literals and all, so that it is used.

    Made once, for every request asks for it.
    """
    gone = (MemberStatus.MERGED, MemberStatus.ERASED)
    return member_t.c.status.not_in([constant(status.value) for status in gone])


@cache
def is_held_for(field: ProfileField, purpose: Purpose) -> ColumnElement[bool]:
    """Whether the value of the field is held for the service or for this very purpose: what is filtered or counted by
    shows as much as what is read."""
    code = member_t.c.consented_fields.bitwise_rshift(shift_of(field)).bitwise_and(CODE_MASK)
    is_for_service = member_t.c.consented_fields == constant(0)  # nearly everybody, as is known
    return or_(is_for_service, code.in_([constant(each) for each in (0, code_of(purpose))]))


def _is_root() -> ColumnElement[bool]:
    """The caller's own row, or that of the one for whom an app asks; of a merged id its root's."""
    asked, member_id = member_t.alias("own"), bindparam("reach_member_id", type_=PgUuid)
    root = select(func.coalesce(asked.c.merged_into, asked.c.member_id)).where(asked.c.member_id == member_id)
    return member_t.c.member_id == root.scalar_subquery()


def months_before(moment: datetime, months: int) -> datetime:
    """The same day and time so many calendar months earlier; the last of the month where there is no such day."""
    month = moment.year * 12 + moment.month - 1 - months
    year, month = month // 12, month % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


async def find(
    tx: Tx,
    visible: Visible,
    asked: Collection[MemberId],
    *,
    by_key: bool = False,
    fields: Collection[ProfileField] = (),
) -> dict[MemberId, Row[Any]]:
    """The members behind these ids, merged ids included, with the stored values of `fields`; one statement.

    The answer is keyed by the id asked for; the row is the root's. Whoever is not in reach is left out.
    """
    if not asked or visible.reaches_nobody(by_key=by_key):
        return {}
    statement = _finding(visible.shape, frozenset(fields))
    found = await tx.execute(statement, {"asked": list(asked), **visible.parameters})
    return {MemberId(row.asked_id): row for row in found}


@lru_cache(maxsize=STATEMENTS_MAX)
def _finding(shape: Shape, fields: frozenset[ProfileField]) -> Select[Any]:
    given = member_t.alias("given")
    return (
        select(given.c.member_id.label("asked_id"), *columns_of(fields))
        .join(member_t, member_t.c.member_id == func.coalesce(given.c.merged_into, given.c.member_id))
        .where(given.c.member_id == any_(bindparam("asked", type_=ARRAY(PgUuid))), shape.condition())
    )


def columns_of(fields: Collection[ProfileField]) -> list[ColumnElement[Any]]:
    """What is read of every row, and these fields, sealed."""
    return [member_t.c[name] for name in (*PLAIN_COLUMNS, *(field.value for field in ProfileField if field in fields))]


async def accounts_of(tx: Tx, member_ids: Sequence[MemberId]) -> Sequence[Row[Any]]:
    """The channel accounts of these members, sealed, the oldest first."""
    statement = _of(select(account_t), account_t.c.member_id, member_ids)
    ordered = statement.order_by(account_t.c.first_seen_at, account_t.c.origin_id)
    return list(await tx.execute(ordered))


async def values_of(tx: Tx, member_ids: Sequence[MemberId], fields: Collection[ProfileField]) -> Sequence[Row[Any]]:
    """Every held value of these fields, sealed, with the channel that stated it, the newest first."""
    statement = (
        select(value_t, account_t.c.channel)
        .join(
            account_t, and_(account_t.c.member_id == value_t.c.member_id, account_t.c.origin_id == value_t.c.origin_id)
        )
        .where(value_t.c.field.in_([field.value for field in fields]))
    )
    ordered = _of(statement, value_t.c.member_id, member_ids).order_by(
        value_t.c.stated_at.desc(), value_t.c.value_digest
    )
    return list(await tx.execute(ordered))


def _of(statement: Select[Any], column: Any, member_ids: Sequence[MemberId]) -> Select[Any]:
    """One id by `=`, several by ANY: FIGURES, "One id"."""
    return statement.where(column == member_ids[0] if len(member_ids) == 1 else among(column, member_ids))


async def handler_of(tx: Tx, member_id: MemberId) -> str | None:
    """The legal entity that answers for a member's data; None for nobody."""
    found: str | None = await tx.scalar(select(member_t.c.handler).where(member_t.c.member_id == member_id))
    return found


async def band_of(tx: Tx, member_id: MemberId) -> AgeBand:
    """As what a root is taken; of nobody nothing is known."""
    found = await tx.scalar(select(member_t.c.age_band).where(member_t.c.member_id == member_id))
    return AgeBand(found or AgeBand.UNKNOWN)


async def ids_of_person(tx: Tx, member_id: MemberId) -> list[MemberId]:
    """The root of a member id first, then every id merged into it; none where nobody has or had this id."""
    asked = member_t.alias("asked")
    of_root = select(func.coalesce(asked.c.merged_into, asked.c.member_id)).where(asked.c.member_id == member_id)
    root = await tx.scalar(of_root)
    if root is None:
        return []
    absorbed = await tx.scalars(select(member_t.c.member_id).where(member_t.c.merged_into == root))
    return [MemberId(root), *sorted(MemberId(one) for one in absorbed)]
