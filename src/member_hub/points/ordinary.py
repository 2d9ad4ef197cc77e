"""The ordinary earning in one statement: the key, the account, the lot and the entry.

    by itself    in whatever transaction asks for it; who asks has the member in reach already, and waits for locks
    in reach     with the reach of who asks as a part of it, the member's row held until the end; waits for no lock,
                 because several of these share a transaction (together.py): what another one holds is not ordinary

Context: at a till nearly every earning finds an open account on which nothing has fallen due, and its points wait out
the return window. Then nothing has to be loaded and nothing decided but by the account's row. Decision: one statement
locks the account where its WHERE finds it like that, claims the key, adds to the account, and writes lot and entry from
what the UPDATE returns. All of it or nothing: where the account is not like that, or the key stands already, nothing
was written, and the earning is done as every other act is: key, account, load, settle, write (guards.py).
Price: what an earning writes is said twice, here and in book.py; tests/points/test_ordinary.py compares the two.
The account comes before the key, elsewhere the key before the account: two requests under one key at the same moment,
one of which went the long way, may end as a deadlock that PostgreSQL breaks; nothing is written twice.
Of reaches only those whose conditions lie on the member's own row are put into the statement (SIMPLE): of such a row
the condition is judged on what stands once it is locked, whatever the statement saw of it before. An approval, a link
or a purchase would be judged on what the statement saw when it began.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

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
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.types import TypeEngine

from member_hub.access import Caller, RowScope
from member_hub.db.base import Tx
from member_hub.db.direct import Direct
from member_hub.idempotency import Done, claim_where, claiming, forget_now_and_then
from member_hub.ids import MemberId, uuid7
from member_hub.members.reading import Shape, Visible
from member_hub.members.tables import MemberStatus
from member_hub.points.asking import Asked, Entry, Receipt
from member_hub.points.guards import CLOCK_SLACK, member_t, own_origin, root_of
from member_hub.points.lots import Cause, Lot
from member_hub.points.words import POINTS_MAX, AccountState, Act, LotState, Reason
from member_hub.points.writing import account_t, entry_t, lot_t

SIMPLE: Final = (RowScope.ALL, RowScope.HANDLER, RowScope.BEHALF)
SHAPES_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Ordinary:
    """An earning that may be ordinary, as the parameters of the statement."""

    member_id: MemberId
    asked: Asked
    cause: Cause
    lot: Lot
    bound: dict[str, Any]


def ordinary(
    caller: Caller, member_id: MemberId, asked: Asked, lot: Lot, *, channel: str | None = None
) -> Ordinary | None:
    """None where the statement cannot do it: without a key, and for points that do not wait.

    `lot` is as earned, with the origin that was named, if one was; else `channel` is where the account is looked for.
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
        "channel": channel,
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


async def earn_ordinary(tx: Tx, one: Ordinary) -> Receipt | None:
    """None: it was not ordinary, or done before, and nothing of it stands."""
    row = await STATEMENT.one(tx, one.bound)
    if row is None:
        return None
    await forget_now_and_then(tx, one.bound["claim_key_digest"], now=one.asked.now)
    return _receipt(one, row)


def is_simple(visible: Visible) -> bool:
    """Whether a reach can be a part of the statement."""
    gate = visible.shape.gate
    is_of_row = visible.rows in SIMPLE and not visible.reaches_nobody(by_key=False)
    return is_of_row and not gate.hides_minors and not gate.needs_consent


async def earn_in_reach(tx: Tx, several: Sequence[tuple[Ordinary, Visible]]) -> list[Receipt | None]:
    """Each in its order, within its own simple reach. None as above, and where another one holds what it needs."""
    by_shape: dict[Shape, list[Mapping[str, Any]]] = defaultdict(list)
    for one, visible in several:
        by_shape[visible.shape].append({**one.bound, **visible.parameters})
    rows: dict[UUID, Any] = {}
    for shape, bound in by_shape.items():
        rows |= {row.operation_id: row for row in await _in_reach(shape).many(tx, bound)}
    found = [(one, rows.get(one.cause.operation_id)) for one, _ in several]
    return [None if row is None else _receipt(one, row) for one, row in found]


def _receipt(one: Ordinary, row: Any) -> Receipt:
    lot, cause = one.lot, one.cause
    entry = Entry(row.sequence, Act.EARN, cause.reason, lot.earned, row.balance, lot.lot_id, None)
    root = MemberId(row.member_id)
    return Receipt(cause.operation_id, root, lot.earned, row.balance, row.version, row.recorded_at, [entry])


def _statement(ready: CTE) -> Select[Any]:
    """One row where it was done, none where it was not."""
    claimed = claim_where(ready).cte("claimed")
    taken = _taken(ready, claimed)
    lot = _inserting(lot_t, taken, _LOT).cte("lot")
    entry = _inserting(entry_t, taken, _ENTRY).cte("entry")
    told = [taken.c[name] for name in ("member_id", "sequence", "version", "balance", "recorded_at")]
    return select(_OPERATION.label("operation_id"), *told).add_cte(lot, entry)


def _ready(*, reach: Shape | None = None) -> CTE:
    """The account, locked, where nothing stands in the way: what `guards.take` asks for, and that nothing is due."""
    member = member_t if reach is None else _reached(reach)
    is_ordinary = and_(
        account_t.c.member_id == member.c.member_id,
        account_t.c.state == _fixed(AccountState.OPEN, Text),
        account_t.c.updated_at <= _at("latest"),
        or_(account_t.c.due_at.is_(None), account_t.c.due_at > func.greatest(account_t.c.updated_at, _at("now"))),
        account_t.c.updated_at < _at("activates_at"),
        account_t.c.pending <= _fixed(POINTS_MAX, BigInteger) - _POINTS,
    )
    ready = select(account_t.c.member_id).where(is_ordinary)
    if reach is None:
        ready = ready.where(_is_active_root())
    return ready.with_for_update(key_share=True, of=account_t, skip_locked=reach is not None).cte("ready")


def _reached(reach: Shape) -> CTE:
    """The member's row, held: whoever ends the reach, objects or is erased does so before or after."""
    reached = select(member_t.c.member_id).where(_is_active_root(), reach.condition())
    return reached.with_for_update(read=True, of=member_t, skip_locked=True).cte("reached")


def _is_active_root() -> ColumnElement[bool]:
    root = root_of(bindparam("asked", type_=PgUuid())).scalar_subquery()
    return and_(member_t.c.member_id == root, member_t.c.status == _fixed(MemberStatus.ACTIVE, Text))


def _taken(ready: CTE, claimed: CTE) -> CTE:
    statement = update(account_t).where(account_t.c.member_id == ready.c.member_id, exists(select(claimed.c.caller)))
    written = statement.values(
        pending=account_t.c.pending + _POINTS,
        sequence=account_t.c.sequence + _ONE,
        version=account_t.c.version + _ONE,
        due_at=func.least(account_t.c.due_at, _at("activates_at")),
        updated_at=func.greatest(account_t.c.updated_at, _at("now")),
    )
    return written.returning(
        account_t.c.member_id,
        account_t.c.sequence,
        account_t.c.version,
        (account_t.c.active - account_t.c.debt).label("balance"),
        account_t.c.updated_at.label("recorded_at"),
        func.coalesce(bindparam("origin_id", type_=PgUuid()), own_origin(_word("channel"))).label("origin_id"),
    ).cte("taken")


def _inserting(table: Table, taken: CTE, said: Mapping[str, ColumnElement[Any]]) -> Insert:
    """A row of `table` from what is said of it, the rest from the account."""
    names = [column.name for column in table.c]
    row = [said[name] if name in said else taken.c[name] for name in names]
    return insert(table).from_select(names, select(*row).select_from(taken))


def _fixed(value: int | StrEnum, kind: type[TypeEngine[Any]]) -> ColumnElement[Any]:
    """Written out: what is the same every time need not be sent every time."""
    return literal_column(f"'{value}'" if isinstance(value, str) else str(value), kind())


def _at(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=DateTime(timezone=True))


def _id(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=PgUuid())


def _word(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=Text())


_OPERATION: Final[ColumnElement[Any]] = _id("operation_id")
_POINTS: Final[ColumnElement[Any]] = bindparam("points", type_=BigInteger())
_NONE: Final[ColumnElement[Any]] = _fixed(0, BigInteger)
_ONE: Final[ColumnElement[Any]] = _fixed(1, BigInteger)
_LOT: Final = {
    "lot_id": _id("lot_id"),
    "kind": _word("kind"),
    "state": _fixed(LotState.PENDING, Text),
    "earned": _POINTS,
    "remaining": _POINTS,
    **dict.fromkeys(("held", "spent", "expired", "reversed", "moved"), _NONE),
    "earned_at": _at("earned_at"),
    "activates_at": _at("activates_at"),
    "expires_at": _at("expires_at"),
}
_ENTRY: Final = {
    "operation_id": _OPERATION,
    "of_operation": null(),
    "act": _fixed(Act.EARN, Text),
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
STATEMENT: Final = Direct(_statement(_ready()))


@lru_cache(maxsize=SHAPES_MAX)
def _in_reach(reach: Shape) -> Direct:
    return Direct(_statement(_ready(reach=reach)))
