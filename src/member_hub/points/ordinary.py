"""Ordinary earnings in one statement: the key, the account, the lot and the entry, of one or of many.

    by itself    one, in whatever transaction asks for it; who asks has the member in reach already, and waits for locks
    in reach     many, with the reach of who asks as a part of it, and their members' rows held until the end; waits for
                 no lock, because one would keep all (together.py): what another act holds is not ordinary, and for a
                 key it waits KEY_WAIT_MS at most

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
One statement of many touches an account and a key once; what comes a second time goes with a second statement.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    LargeBinary,
    Select,
    Table,
    Text,
    and_,
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
from member_hub.db.bulk import once_of, parameters, values_of
from member_hub.db.direct import Direct
from member_hub.idempotency import KEY, Done, claim_each, forget_now_and_then, key_row
from member_hub.ids import MemberId, uuid7
from member_hub.members.reading import Shape, Visible
from member_hub.members.tables import MemberStatus
from member_hub.points.asking import Asked, Entry, Receipt
from member_hub.points.guards import CLOCK_SLACK, member_t, own_origin
from member_hub.points.lots import Cause, Lot
from member_hub.points.words import POINTS_MAX, AccountState, Act, LotState, Reason
from member_hub.points.writing import account_t, entry_t, lot_t

SIMPLE: Final = (RowScope.ALL, RowScope.HANDLER, RowScope.BEHALF)
SHAPES_MAX: Final = 16
KEY_WAIT_MS: Final = 250  # several commits of whoever is writing under the key
_MOMENT: Final = DateTime(timezone=True)
# What is said of one earning; of the key it is the row itself.
_GIVEN: Final[Sequence[Column[Any]]] = (
    Column("asked", PgUuid()),
    Column("operation_id", PgUuid()),
    Column("kind", Text()),
    Column("points", BigInteger()),
    Column("lot_id", PgUuid()),
    Column("origin_id", PgUuid()),
    Column("channel", Text()),
    Column("earned_at", _MOMENT),
    Column("activates_at", _MOMENT),
    Column("expires_at", _MOMENT),
    Column("actor_kind", Text()),
    Column("actor", Text()),
    Column("request_id", PgUuid()),
    Column("caller", Text()),
    Column("key_digest", LargeBinary()),
    Column("request_digest", LargeBinary()),
    Column("asked_at", _MOMENT),
    Column("forgotten_at", _MOMENT),
)
_NAMES: Final = [column.name for column in _GIVEN]
_PARAMETERS: Final = [f"p_{name}" for name in _NAMES]
_SAID_AS: Final = {
    "member_id": "asked",
    "result_id": "operation_id",
    "done_at": "asked_at",
    "expires_at": "forgotten_at",
}


@dataclass(frozen=True, slots=True)
class Ordinary:
    """An earning that may be ordinary, as the parameters of the statement, in the order of _GIVEN."""

    asked: Asked
    cause: Cause
    lot: Lot
    key: tuple[str, bytes]
    row: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """A reach that can be a part of the statement."""

    shape: Shape
    parameters: Mapping[str, Any]


def ordinary(
    caller: Caller, member_id: MemberId, asked: Asked, lot: Lot, *, channel: str | None = None
) -> Ordinary | None:
    """None where the statement cannot do it: without a key, and for points that do not wait.

    `lot` is as earned, with the origin that was named, if one was; else `channel` is where the account is looked for.
    """
    now = asked.now
    if asked.key is None or not lot.earned or lot.activates_at <= now:
        return None
    cause = Cause(uuid7(), Reason(lot.kind.value))
    key = key_row(asked.programme.vault, asked.key, Done(member_id, cause.operation_id), now=now)
    row = (
        member_id,
        cause.operation_id,
        lot.kind.value,
        lot.earned,
        lot.lot_id,
        lot.origin_id,
        channel,
        lot.earned_at,
        lot.activates_at,
        lot.expires_at,
        caller.kind.lower(),
        caller.subject,
        caller.request_id,
        key["caller"],
        key["key_digest"],
        key["request_digest"],
        now,
        key["expires_at"],
    )
    return Ordinary(asked, cause, lot, (key["caller"], key["key_digest"]), row)


def simple_reach(visible: Visible) -> Reach | None:
    """None where more than the member's row has to be looked at, or nobody is in reach."""
    if visible.rows not in SIMPLE or visible.reaches_nobody(by_key=False):
        return None
    shape = visible.shape
    return None if shape.gate.hides_minors or shape.gate.needs_consent else Reach(shape, visible.parameters)


async def earn_ordinary(tx: Tx, one: Ordinary) -> Receipt | None:
    """None: it was not ordinary, or done before, and nothing of it stands. A merged id earns for its root."""
    row = await _BY_ITSELF.one(tx, dict(zip(_PARAMETERS, one.row, strict=True)))
    if row is None:
        return None
    _, key_digest = one.key
    await forget_now_and_then(tx, key_digest, now=one.asked.now)
    return _receipt(one, row)


async def earn_in_reach(tx: Tx, several: Sequence[tuple[Ordinary, Reach]]) -> list[Receipt | None]:
    """Each within its own reach. None as above, and for a merged id, and where another act holds what it needs.

    Raises DBAPIError where a key is held for longer than KEY_WAIT_MS.
    """
    done: dict[UUID, Any] = {}
    for reach, alike in _alike(several):
        bound = {**parameters(_NAMES, [one.row for one in alike]), **reach.parameters}
        done |= {row["operation_id"]: row for row in await _in_reach(reach.shape).every(tx, bound)}
    found = [(one, done.get(one.cause.operation_id)) for one, _ in several]
    return [None if row is None else _receipt(one, SimpleNamespace(**row)) for one, row in found]


def _alike(several: Sequence[tuple[Ordinary, Reach]]) -> Iterator[tuple[Reach, list[Ordinary]]]:
    """What goes with one statement: the same reach, and each account and key once."""
    left = list(several)
    while left:
        reach = left[0][1]
        alike: list[Ordinary] = []
        taken: set[object] = set()
        later = []
        for one, its_reach in left:
            account, *_ = one.row
            if its_reach != reach or account in taken or one.key in taken:
                later.append((one, its_reach))
                continue
            taken |= {account, one.key}
            alike.append(one)
        yield reach, alike
        left = later


def _receipt(one: Ordinary, row: Any) -> Receipt:
    lot, cause = one.lot, one.cause
    entry = Entry(row.sequence, Act.EARN, cause.reason, lot.earned, row.balance, lot.lot_id, None)
    root = MemberId(row.member_id)
    return Receipt(cause.operation_id, root, lot.earned, row.balance, row.version, row.recorded_at, [entry])


def _statement(*, reach: Shape | None = None) -> Select[Any]:
    """A row for each that was done."""
    given = (_one() if reach is None else select(values_of(_GIVEN)).where(_is_impatient())).cte("given")
    ready = _ready(given, _members(given) if reach is None else _reached(given, reach), waits=reach is None)
    key = [ready.c[_SAID_AS.get(name, name)] for name in KEY]
    claimed = claim_each(select(*key)).cte("claimed")
    taken = _taken(ready, claimed)
    lot = _inserting(lot_t, taken, _lot(taken)).cte("lot")
    entry = _inserting(entry_t, taken, _entry(taken)).cte("entry")
    told = [taken.c[name] for name in ("operation_id", "member_id", "sequence", "version", "balance", "recorded_at")]
    return select(*told).add_cte(lot, entry)


def _one() -> Select[Any]:
    """One alone, as plain values: of an array the server does not know that it holds one."""
    return select(*(value.label(name) for name, value in once_of(_GIVEN).items()))


def _is_impatient() -> ColumnElement[bool]:
    """Always so, and until the end of the transaction: said by the statement itself, which saves one of its own. The
    keys are claimed for what comes of the rows that this lets through, and so after it."""
    return literal_column(f"set_config('lock_timeout', '{KEY_WAIT_MS}ms', true)").is_not(None)


def _members(given: CTE) -> CTE:
    """Whose accounts are meant."""
    asked = member_t.alias("asked_for")
    root = func.coalesce(asked.c.merged_into, asked.c.member_id)
    members = select(given.c.asked, member_t.c.member_id).join(asked, asked.c.member_id == given.c.asked)
    return members.join(member_t, and_(member_t.c.member_id == root, _is_active())).cte("members")


def _reached(given: CTE, reach: Shape) -> CTE:
    """The members' rows, held: whoever ends the reach, objects or is erased does so before or after."""
    reached = select(given.c.asked, member_t.c.member_id).join(member_t, member_t.c.member_id == given.c.asked)
    reached = reached.where(_is_active(), reach.condition())
    return reached.with_for_update(read=True, of=member_t, skip_locked=True).cte("members")


def _ready(given: CTE, members: CTE, *, waits: bool) -> CTE:
    """The accounts, locked, where nothing stands in the way: what `guards.take` asks for, and that nothing is due."""
    latest = given.c.asked_at + literal_column(f"interval '{CLOCK_SLACK // timedelta(seconds=1)} seconds'")
    now = func.greatest(account_t.c.updated_at, given.c.asked_at)
    ready = (
        select(account_t.c.member_id, *given.c)
        .select_from(given)
        .join(members, members.c.asked == given.c.asked)
        .join(account_t, account_t.c.member_id == members.c.member_id)
        .where(
            account_t.c.state == _fixed(AccountState.OPEN, Text),
            account_t.c.updated_at <= latest,
            or_(account_t.c.due_at.is_(None), account_t.c.due_at > now),
            account_t.c.updated_at < given.c.activates_at,
            account_t.c.pending <= _fixed(POINTS_MAX, BigInteger) - given.c.points,
        )
    )
    return ready.with_for_update(key_share=True, of=account_t, skip_locked=not waits).cte("ready")


def _taken(ready: CTE, claimed: CTE) -> CTE:
    """The accounts of those whose keys were claimed, with what was said of each."""
    is_claimed = and_(claimed.c.caller == ready.c.caller, claimed.c.key_digest == ready.c.key_digest)
    statement = update(account_t).where(account_t.c.member_id == ready.c.member_id, is_claimed)
    written = statement.values(
        pending=account_t.c.pending + ready.c.points,
        sequence=account_t.c.sequence + _ONE,
        version=account_t.c.version + _ONE,
        due_at=func.least(account_t.c.due_at, ready.c.activates_at),
        updated_at=func.greatest(account_t.c.updated_at, ready.c.asked_at),
    )
    said = [ready.c[name] for name in _NAMES if name != "origin_id"]
    return written.returning(
        account_t.c.member_id,
        account_t.c.sequence,
        account_t.c.version,
        (account_t.c.active - account_t.c.debt).label("balance"),
        account_t.c.updated_at.label("recorded_at"),
        func.coalesce(ready.c.origin_id, own_origin(ready.c.channel)).label("origin_id"),
        *said,
    ).cte("taken")


def _inserting(table: Table, taken: CTE, said: Mapping[str, ColumnElement[Any]]) -> Insert:
    """A row of `table` from what is said of it, the rest from the account."""
    names = [column.name for column in table.c]
    row = [said[name] if name in said else taken.c[name] for name in names]
    return insert(table).from_select(names, select(*row).select_from(taken))


def _lot(taken: CTE) -> Mapping[str, ColumnElement[Any]]:
    return {
        "state": _fixed(LotState.PENDING, Text),
        "earned": taken.c.points,
        "remaining": taken.c.points,
        **dict.fromkeys(("held", "spent", "expired", "reversed", "moved", "owed"), _NONE),
        **dict.fromkeys(("owed_since", "lapsed_at"), null()),
    }


def _entry(taken: CTE) -> Mapping[str, ColumnElement[Any]]:
    return {
        "of_operation": null(),
        "act": _fixed(Act.EARN, Text),
        "reason": taken.c.kind,
        "hold_id": null(),
        "amount": taken.c.points,
        "pending": taken.c.points,
        **dict.fromkeys(("active", "held", "debt"), _NONE),
        "approved_by": null(),
        "occurred_at": taken.c.earned_at,
    }


def _is_active() -> ColumnElement[bool]:
    return member_t.c.status == _fixed(MemberStatus.ACTIVE, Text)


def _fixed(value: int | StrEnum, kind: type[TypeEngine[Any]]) -> ColumnElement[Any]:
    """Written out: what is the same every time need not be sent every time."""
    return literal_column(f"'{value}'" if isinstance(value, str) else str(value), kind())


_NONE: Final[ColumnElement[Any]] = _fixed(0, BigInteger)
_ONE: Final[ColumnElement[Any]] = _fixed(1, BigInteger)
_BY_ITSELF: Final = Direct(_statement())


@lru_cache(maxsize=SHAPES_MAX)
def _in_reach(reach: Shape) -> Direct:
    return Direct(_statement(reach=reach))
