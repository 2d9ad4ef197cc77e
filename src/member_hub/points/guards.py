"""Taking an account in hand and writing what an act did to it.

    claim      the key of the request, in one statement with
    guard      one UPDATE of the account's row, with its state (and what has to be there) in the WHERE; the lock
    load       what has fallen due, and the lots that the act needs, under that lock
    settle     what has fallen due (book.py)
    write      lots, entries and the account, in one statement; holds in others

A merged id acts on its root: the guard finds the root by itself, and where a merge commits while it waits, it finds
the account merged and looks again. A new account is made under a lock on the member's row, so that neither a merge nor
an erasure can miss it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    Label,
    Select,
    Text,
    any_,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningUpdate

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.db.direct import Direct
from member_hub.errors import NotFound, Unavailable
from member_hub.idempotency import CLAIM
from member_hub.ids import MemberId
from member_hub.members.tables import ChannelAccount, Member, MemberStatus
from member_hub.points.book import Book
from member_hub.points.lots import Cause
from member_hub.points.refusals import ClockJumped, NotEnoughPoints, PointsClosed, PointsFrozen
from member_hub.points.store import book_of, catch_up, up_to_date
from member_hub.points.words import AccountState
from member_hub.points.writing import account_t

ATTEMPTS_MAX: Final = 4  # how often the member may be merged or made meanwhile
CLOCK_SLACK: Final = timedelta(minutes=5)  # between the clocks of two machines
member_t = table_of(Member)
channel_t = table_of(ChannelAccount)
NORMAL: Final = (AccountState.OPEN,)
ANY_LIVING: Final = (AccountState.OPEN, AccountState.FROZEN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the guard looks for beside the member: the account's state, points to spend, and where it happens."""

    states: Sequence[AccountState] = NORMAL
    at_least: int = 0
    channel: str | None = None  # whose channel account, if there is one, has what comes of it


NORMALLY: Final = Wanted()


async def take(tx: Tx, member_id: MemberId, cause: Cause, *, now: datetime, wanted: Wanted = NORMALLY) -> Book:
    """The account of the member's root, locked until the transaction ends, with everything due done.

    Raises NotFound for an unknown or erased member, PointsFrozen, PointsClosed, NotEnoughPoints, ClockJumped.
    """
    for _ in range(ATTEMPTS_MAX):
        row = await _guard(wanted).one(tx, _bound(member_id, wanted, now))
        if row is not None:
            return await _opened(tx, row, cause, now)
        await _explain(tx, member_id, wanted, now)
    raise Unavailable


async def claim_and_take(
    tx: Tx, member_id: MemberId, cause: Cause, claimed: Mapping[str, Any], *, now: datetime, wanted: Wanted
) -> Book | None:
    """The key of a request and the account in one statement; None: the key stands already, nothing is taken.

    `claimed` are the parameters of idempotency.CLAIM. Raises what `take` raises.
    """
    statement = _CLAIM_SPENDING if wanted.at_least else _CLAIM_AND_TAKE
    bound = _bound(member_id, wanted, now) | {"now": now, **claimed}
    row = await statement.one(tx, bound)
    if row is None:
        return None
    if row.member_id is not None:
        return await _opened(tx, row, cause, now)
    await _explain(tx, member_id, wanted, now)
    return await take(tx, member_id, cause, now=now, wanted=wanted)


async def take_due(tx: Tx, member_id: MemberId, cause: Cause, *, now: datetime) -> Book | None:
    """The account by its own id, where something of it is due; None where nothing is (any more).

    Of very much only a part is done at once; who asks again gets the rest.
    """
    wanted = Wanted(ANY_LIVING)
    row = await _GUARD_DUE.one(tx, _bound(member_id, wanted, now) | {"now": now})
    return None if row is None else await _opened(tx, row, cause, now, catching_up=catch_up)


async def take_row(tx: Tx, member_id: MemberId, cause: Cause, *, now: datetime) -> Book | None:
    """The account of this very id in whatever state, locked: for merging, splitting and erasing."""
    statement = update(account_t).where(account_t.c.member_id == member_id).values(version=account_t.c.version + 1)
    row = (await tx.execute(statement.returning(*account_t.c))).one_or_none()
    if row is None:
        return None
    book = book_of(row, now, cause)
    return await up_to_date(tx, book) if book.state in ANY_LIVING else book


async def lock_members(tx: Tx, member_ids: Iterable[MemberId]) -> None:
    """Before two accounts are taken: who merges holds these rows first, too, in the same order."""
    rows = select(member_t.c.member_id).where(among(member_t.c.member_id, sorted(member_ids)))
    await tx.execute(rows.order_by(member_t.c.member_id).with_for_update(read=True, key_share=True))


async def roots_of(tx: Tx, member_ids: Sequence[MemberId]) -> list[MemberId]:
    """The root of each. Raises NotFound for an unknown one."""
    root = func.coalesce(member_t.c.merged_into, member_t.c.member_id).label("root")
    found = await tx.execute(select(member_t.c.member_id, root).where(among(member_t.c.member_id, member_ids)))
    roots = {row.member_id: MemberId(row.root) for row in found}
    if any(member_id not in roots for member_id in member_ids):
        raise NotFound(field="id")
    return [roots[member_id] for member_id in member_ids]


def root_of(member_id: ColumnElement[Any]) -> Select[tuple[UUID]]:
    asked = member_t.alias("asked")
    return select(func.coalesce(asked.c.merged_into, asked.c.member_id)).where(asked.c.member_id == member_id)


_ASKED = bindparam("asked", type_=PgUuid())
_STATES: Final[ColumnElement[Any]] = any_(bindparam("states", type_=ARRAY(Text)))


def _make_guard(*, needs: bool, claimed: CTE | None = None) -> ReturningUpdate[Any]:
    statement = (
        update(account_t)
        .where(
            account_t.c.member_id == member_t.c.member_id,
            member_t.c.member_id == root_of(_ASKED).scalar_subquery(),
            member_t.c.status == MemberStatus.ACTIVE,
            account_t.c.state == _STATES,
        )
        .values(version=account_t.c.version + 1)
    )
    if needs:
        is_due = account_t.c.due_at <= bindparam("now", type_=DateTime(timezone=True))
        statement = statement.where(or_(account_t.c.active >= bindparam("at_least", type_=BigInteger()), is_due))
    if claimed is not None:
        statement = statement.where(exists(select(claimed.c.caller)))
    return statement.returning(*account_t.c, own_origin(bindparam("channel", type_=Text())))


def _claiming_guard(*, needs: bool) -> Select[Any]:
    """The account is taken only where the key was claimed; one row where it was, empty where the guard refused."""
    claimed = CLAIM.cte("claimed")
    taken = _make_guard(needs=needs, claimed=claimed).cte("taken")
    return select(*taken.c).select_from(claimed.outerjoin(taken, true()))


def own_origin(channel: ColumnElement[Any]) -> Label[Any]:
    """The channel account that the member began with, of several the oldest; before these one in `channel`, if any."""
    is_there = func.coalesce(channel_t.c.channel == channel, false())
    order = [is_there.desc(), (channel_t.c.filed_under == channel_t.c.member_id).desc(), channel_t.c.origin_id]
    oldest = select(channel_t.c.origin_id).where(channel_t.c.member_id == account_t.c.member_id)
    return oldest.order_by(*order).limit(1).correlate_except(channel_t).scalar_subquery().label("own_origin")


_GUARD: Final = Direct(_make_guard(needs=False))
_GUARD_SPENDING: Final = Direct(_make_guard(needs=True))
_CLAIM_AND_TAKE: Final = Direct(_claiming_guard(needs=False))
_CLAIM_SPENDING: Final = Direct(_claiming_guard(needs=True))
_GUARD_DUE: Final = Direct(
    update(account_t)
    .where(
        account_t.c.member_id == _ASKED,
        account_t.c.state == _STATES,
        account_t.c.due_at <= bindparam("now", type_=DateTime(timezone=True)),
    )
    .values(version=account_t.c.version + 1)
    .returning(*account_t.c)
)


def _guard(wanted: Wanted) -> Direct:
    return _GUARD_SPENDING if wanted.at_least else _GUARD


def _bound(member_id: MemberId, wanted: Wanted, now: datetime) -> dict[str, Any]:
    bound: dict[str, Any] = {"asked": member_id, "states": list(wanted.states), "channel": wanted.channel}
    return bound | ({"at_least": wanted.at_least, "now": now} if wanted.at_least else {})


async def _explain(tx: Tx, member_id: MemberId, wanted: Wanted, now: datetime) -> None:
    """Why the guard found nothing; returns where it may find something now."""
    statement = (
        select(member_t.c.member_id, member_t.c.status, account_t.c.state, account_t.c.active, account_t.c.due_at)
        .outerjoin(account_t, account_t.c.member_id == member_t.c.member_id)
        .where(member_t.c.member_id == root_of(literal(member_id, PgUuid())).scalar_subquery())
    )
    row = (await tx.execute(statement)).one_or_none()
    if row is None or row.status == MemberStatus.ERASED:
        raise NotFound(field="id")
    if row.status in (MemberStatus.FROZEN, MemberStatus.RESTRICTED):
        raise PointsFrozen(field="id")
    if row.state is None:
        await _make(tx, row.member_id, now)
        return
    if row.state == AccountState.CLOSED:
        raise PointsClosed(field="id")
    if row.state == AccountState.FROZEN and AccountState.FROZEN not in wanted.states:
        raise PointsFrozen(field="id")
    if row.state in wanted.states and row.active < wanted.at_least and (row.due_at is None or row.due_at > now):
        raise NotEnoughPoints(field="amount")


async def _make(tx: Tx, root: UUID, now: datetime) -> None:
    """The first time a member has points."""
    columns = ("member_id", "state", "updated_at")
    living = (
        select(member_t.c.member_id, literal(AccountState.OPEN.value), literal(now, DateTime(timezone=True)))
        .where(member_t.c.member_id == root, member_t.c.status == MemberStatus.ACTIVE)
        .with_for_update(read=True, key_share=True)
    )
    await tx.execute(insert(account_t).from_select(columns, living).on_conflict_do_nothing())


async def _opened(
    tx: Tx, row: Any, cause: Cause, now: datetime, *, catching_up: Callable[[Tx, Book], Awaitable[Book]] = up_to_date
) -> Book:
    if row.updated_at > now + CLOCK_SLACK:
        raise ClockJumped
    return await catching_up(tx, book_of(row, now, cause))
