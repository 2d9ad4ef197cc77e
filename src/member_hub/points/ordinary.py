"""The ordinary earning in one statement: the key, the account, the lot and the entry.

Context: at a till nearly every earning finds an open account on which nothing has fallen due, and its points wait out
the return window. Then nothing has to be loaded and nothing decided but by the account's row. Decision: one statement
claims the key, adds to the account where its WHERE finds it like that, and writes lot and entry from what the UPDATE
returns. Where it does not, nothing but the key was touched, and the earning goes on as every other act does: take the
account, load, settle, write (guards.py).
Price: what an earning writes is said twice, here and in book.py; tests/points/test_ordinary.py compares the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.dialects.postgresql import Insert, insert

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.db.direct import Direct
from member_hub.idempotency import CLAIM, Done, claimed_or_done, claiming, forget_now_and_then, withdraw
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import MemberStatus
from member_hub.points.asking import Asked, Entry, Receipt, receipt
from member_hub.points.book import Book
from member_hub.points.guards import CLOCK_SLACK, member_t, own_origin, root_of, take
from member_hub.points.lots import Cause, Lot
from member_hub.points.words import POINTS_MAX, AccountState, Act, LotState, Reason
from member_hub.points.writing import account_t, entry_t, lot_t


@dataclass(frozen=True, slots=True)
class Ordinary:
    """An earning that may be ordinary, as the parameters of the statement."""

    member_id: MemberId
    asked: Asked
    cause: Cause
    lot: Lot
    bound: dict[str, Any]


def ordinary(caller: Caller, member_id: MemberId, asked: Asked, lot: Lot) -> Ordinary | None:
    """None where the statement cannot do it: without a key, and for points that do not wait.

    `lot` is as earned, with the origin that was named, if one was.
    """
    if asked.key is None or not lot.earned or lot.activates_at <= asked.now:
        return None
    cause = Cause(uuid7(), Reason(lot.kind.value))
    claimed = claiming(asked.programme.vault, asked.key, Done(member_id, cause.operation_id), now=asked.now)
    bound = {
        "asked": member_id,
        "operation_id": cause.operation_id,
        "kind": lot.kind.value,
        "points": lot.earned,
        "lot_id": lot.lot_id,
        "origin_id": lot.origin_id,
        "earned_at": lot.earned_at,
        "activates_at": lot.activates_at,
        "expires_at": lot.expires_at,
        "actor_kind": caller.kind.lower(),
        "actor": caller.subject,
        "request_id": caller.request_id,
        "now": asked.now,
        "latest": asked.now + CLOCK_SLACK,
    }
    return Ordinary(member_id, asked, cause, lot, claimed | bound)


async def earn_ordinary(tx: Tx, one: Ordinary) -> Receipt | Book:
    """The receipt, of now or of the first time; or the account, taken, with the key claimed, where it takes more.

    Raises KeyReused, and what `guards.take` raises.
    """
    row = await _STATEMENT.one(tx, one.bound)
    vault, key = one.asked.programme.vault, one.asked.key
    assert key is not None
    done = await claimed_or_done(tx, vault, key, claimed=row is not None, now=one.asked.now)
    if done is not None:
        return await receipt(tx, done.result_id)
    if row is None or row.member_id is None:
        return await take(tx, one.member_id, one.cause, now=one.asked.now)
    return _receipt(one, row)


async def earn_at_once(tx: Tx, several: Sequence[Ordinary]) -> list[Receipt | None]:
    """The statement for each, sent together; None: nothing of it stands, it has to be done by itself."""
    rows = {row.operation_id: row for row in await _STATEMENT.many(tx, [one.bound for one in several])}
    unfit = [one for one in several if (row := rows.get(one.cause.operation_id)) and row.member_id is None]
    if unfit:
        await withdraw(tx, [one.bound for one in unfit])
    await forget_now_and_then(tx, [one.bound for one in several], now=several[0].asked.now)
    found = [(one, rows.get(one.cause.operation_id)) for one in several]
    return [None if row is None or row.member_id is None else _receipt(one, row) for one, row in found]


def _receipt(one: Ordinary, row: Any) -> Receipt:
    lot, cause = one.lot, one.cause
    entry = Entry(row.sequence, Act.EARN, cause.reason, lot.earned, row.balance, lot.lot_id, None)
    root = MemberId(row.member_id)
    return Receipt(cause.operation_id, root, lot.earned, row.balance, row.version, row.recorded_at, [entry])


def _statement() -> Select[Any]:
    """One row where the key was claimed, with the account where it was taken."""
    claimed = CLAIM.cte("claimed")
    taken = _taking(claimed)
    lot = _inserting(lot_t, taken, _LOT).cte("lot")
    entry = _inserting(entry_t, taken, _ENTRY).cte("entry")
    told = [taken.c[name] for name in ("member_id", "sequence", "version", "balance", "recorded_at")]
    statement = select(claimed.c.result_id.label("operation_id"), *told)
    return statement.select_from(claimed.outerjoin(taken, true())).add_cte(lot, entry)


def _taking(claimed: CTE) -> CTE:
    """The account, where nothing stands in the way: what `guards.take` asks for, and that nothing is due."""
    recorded_at = func.greatest(account_t.c.updated_at, _at("now"))
    is_ordinary = and_(
        account_t.c.member_id == member_t.c.member_id,
        member_t.c.member_id == root_of(bindparam("asked", type_=PgUuid())).scalar_subquery(),
        member_t.c.status == MemberStatus.ACTIVE,
        account_t.c.state == AccountState.OPEN,
        account_t.c.updated_at <= _at("latest"),
        or_(account_t.c.due_at.is_(None), account_t.c.due_at > recorded_at),
        account_t.c.updated_at < _at("activates_at"),
        account_t.c.pending <= literal(POINTS_MAX, BigInteger) - _POINTS,
        exists(select(claimed.c.caller)),
    )
    statement = (
        update(account_t)
        .where(is_ordinary)
        .values(
            pending=account_t.c.pending + _POINTS,
            sequence=account_t.c.sequence + 1,
            version=account_t.c.version + 1,
            due_at=func.least(account_t.c.due_at, _at("activates_at")),
            updated_at=recorded_at,
        )
    )
    return statement.returning(
        account_t.c.member_id,
        account_t.c.sequence,
        account_t.c.version,
        (account_t.c.active - account_t.c.debt).label("balance"),
        account_t.c.updated_at.label("recorded_at"),
        func.coalesce(bindparam("origin_id", type_=PgUuid()), own_origin()).label("origin_id"),
    ).cte("taken")


def _inserting(table: Table, taken: CTE, said: Mapping[str, ColumnElement[Any]]) -> Insert:
    """A row of `table` from what is said of it, the rest from the account."""
    names = [column.name for column in table.c]
    row = [said[name] if name in said else taken.c[name] for name in names]
    return insert(table).from_select(names, select(*row).select_from(taken))


def _at(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=DateTime(timezone=True))


def _id(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=PgUuid())


def _word(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=Text())


_POINTS: Final[ColumnElement[Any]] = bindparam("points", type_=BigInteger())
_NONE: Final[ColumnElement[Any]] = literal(0, BigInteger)
_LOT: Final = {
    "lot_id": _id("lot_id"),
    "kind": _word("kind"),
    "state": literal(LotState.PENDING.value, Text),
    "earned": _POINTS,
    "remaining": _POINTS,
    **dict.fromkeys(("held", "spent", "expired", "reversed", "moved"), _NONE),
    "earned_at": _at("earned_at"),
    "activates_at": _at("activates_at"),
    "expires_at": _at("expires_at"),
}
_ENTRY: Final = {
    "operation_id": _id("operation_id"),
    "of_operation": null(),
    "act": literal(Act.EARN.value, Text),
    "reason": _word("kind"),
    "lot_id": _id("lot_id"),
    "hold_id": null(),
    "amount": _POINTS,
    "pending": _POINTS,
    **dict.fromkeys(("active", "held", "debt"), _NONE),
    "actor_kind": _word("actor_kind"),
    "actor": _word("actor"),
    "approved_by": null(),
    "request_id": _id("request_id"),
    "occurred_at": _at("earned_at"),
}
_STATEMENT: Final = Direct(_statement())
