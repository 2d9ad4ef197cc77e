"""Claiming order lines: which are counted here and now, each once, and whose points a refund takes back.

Every line has one row in hub.points_line, under a keyed digest; to insert it is to count it, so of two who bring the
same line the second waits and then finds it counted. Claims, refunded lines and accounts are taken in this order and
each in the order of its keys, by everybody, here and in earning.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, constant, once_of, parameters, values_of
from member_hub.db.direct import Direct
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.points.accounts import Books
from member_hub.points.asking import Asked
from member_hub.points.earning import SOURCE, Line, line_t
from member_hub.points.guards import channel_t, member_t
from member_hub.points.lots import Lot
from member_hub.points.refusals import OverEarning
from member_hub.points.rules import FULL_BP, points_for
from member_hub.points.words import LineAct, LotKind, LotState

CLAIM_COLUMNS: Final = (
    "order_key",
    "line_no",
    "act",
    "member_id",
    "origin_id",
    "operation_id",
    "lot_id",
    "channel",
    "order_no",
    "amount_fen",
    "points",
)
KEY: Final = ("order_key", "line_no")
Key = tuple[bytes, int]


@dataclass(frozen=True, slots=True, repr=False)
class Paid:
    """A line that was paid, by whose account; `tier_bp` is the multiplier of the tier held then."""

    line: Line
    member_id: MemberId  # the root
    origin_id: OriginId
    amount_fen: int
    at: datetime
    tier_bp: int = FULL_BP


@dataclass(frozen=True, slots=True, repr=False)
class Refund:
    """A line that takes back a part of another."""

    line: Line
    of: Line
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Earned:
    """What a paid line came to. `is_new`: it was not counted before; `is_cut`: to the most that a line may earn."""

    points: int
    is_new: bool
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a refund came to: `amount_fen` of it, as far as so much was left of the line; `points` that it took. Where
    another way had counted less of it before: what it took beyond that, and `is_new`."""

    member_id: MemberId  # who had earned for the line
    origin_id: OriginId | None
    amount_fen: int
    points: int
    is_new: bool
    is_cut: bool = False  # more was said than was left of the line


@dataclass(slots=True)
class Claims:
    """The operations of the lines that this call counts, by position."""

    paid: dict[int, UUID] = field(default_factory=dict)
    refunds: dict[int, UUID] = field(default_factory=dict)


@dataclass(slots=True)
class Original:
    """A paid line that is refunded, as it stands in this transaction."""

    key: Key
    origin_id: OriginId | None
    member_id: MemberId  # whose account the points are in now
    counted_for: MemberId  # whose it was when the line was counted
    lot_id: UUID | None
    amount_fen: int
    refunded_fen: int
    points: int


Stated = Mapping[Line, str]  # lines that somebody asks for now, and where each stands in the request: lines.0


@dataclass(frozen=True, slots=True)
class Part:
    """What of a refund was counted before; `operation_id`: under which the rest is."""

    operation_id: UUID
    amount_fen: int
    points: int


@dataclass(slots=True)
class Work:
    asked: Asked
    stated: Stated
    paid: dict[int, Paid] = field(default_factory=dict)
    refunds: dict[int, Refund] = field(default_factory=dict)
    known: dict[int, Refund] = field(default_factory=dict)  # refunds that were counted before
    more: dict[int, Part] = field(default_factory=dict)  # those of them of which more is to be counted
    originals: dict[Key, Original] = field(default_factory=dict)
    lots: dict[int, Lot] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)  # paid lines that would have earned more than a line may
    earned: dict[int, Earned] = field(default_factory=dict)
    taken: dict[int, TakenBack] = field(default_factory=dict)
    changed: list[tuple[Any, ...]] = field(default_factory=list)  # rows of lines that became other than claimed
    keys: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def key(self, line: Line) -> Key:
        order = (line.channel, line.order_no)
        if order not in self.keys:
            self.keys[order] = key_of(self.asked.programme.vault, line)
        return self.keys[order], line.line_no

    def owners(self) -> dict[int, MemberId]:
        """Whose account gives the points of each refund that is counted here, or more of it."""
        more = {n: self.known[n] for n in self.more}
        return {
            n: self.originals[k].member_id
            for n, one in (self.refunds | more).items()
            if (k := self.key(one.of)) in self.originals
        }


def key_of(vault: Vault, line: Line) -> bytes:
    """Under which digest the lines of an order stand."""
    return vault.message_key(SOURCE, f"{line.channel}/{line.order_no}")


async def find_originals(tx: Tx, work: Work) -> None:
    """Refunds of lines that nobody has counted, here neither, wait."""
    wanted = {work.key(one.of) for one in work.refunds.values()}
    coming = {work.key(one.line) for one in work.paid.values()}
    known = {(row.order_key, row.line_no) for row in await _lines(tx, wanted - coming)} if wanted - coming else set()
    work.refunds = {n: one for n, one in work.refunds.items() if work.key(one.of) in known | coming}


async def claim(tx: Tx, work: Work) -> Claims:
    """One row for each line that nobody has counted yet; of those that stand already the answer is given again."""
    claims, rows = Claims(), []
    for n, one in work.paid.items():
        claims.paid[n] = operation = uuid7()
        work.lots[n] = lot = _lot(work, n, one)
        shape = (LineAct.PAID, one.member_id, one.origin_id, operation, lot.lot_id if lot.earned else None)
        rows.append(_row(work, one.line, shape, one.amount_fen, lot.earned))
    for n, refund in work.refunds.items():
        claims.refunds[n] = operation = uuid7()
        rows.append(_row(work, refund.line, (LineAct.REFUNDED, _NOBODY, None, operation, None), 0, 0))
    if rows:
        given = parameters(CLAIM_COLUMNS, sorted(rows, key=itemgetter(0, 1)))
        written = await _CLAIM.done(tx, given | {"p_refunded_fen": 0, "p_counted_at": work.asked.now})
        if written < len(rows):
            await _answer_again(tx, work, claims)
    return claims


async def _answer_again(tx: Tx, work: Work, claims: Claims) -> None:
    """Some of the lines were counted before, by whomever: what they came to then. Of those claimed now ours stand."""
    lines = [*(one.line for one in work.paid.values()), *(one.line for one in work.refunds.values())]
    rows = await _lines(tx, {work.key(line) for line in lines}, act=None)
    ours = {row.operation_id for row in rows}
    claims.paid = {n: operation for n, operation in claims.paid.items() if operation in ours}
    claims.refunds = {n: operation for n, operation in claims.refunds.items() if operation in ours}
    paid = {work.key(one.line): n for n, one in work.paid.items() if n not in claims.paid}
    refunds = {work.key(one.line): n for n, one in work.refunds.items() if n not in claims.refunds}
    for row in rows:
        key = (row.order_key, row.line_no)
        if key in paid and row.act == LineAct.PAID:
            work.earned[paid[key]] = Earned(row.points, is_new=False)
        elif key in refunds and row.act == LineAct.REFUNDED:
            who = (MemberId(row.member_id), row.origin_id)
            work.taken[refunds[key]] = TakenBack(*who, row.amount_fen, row.points, is_new=False)
    work.paid = {n: one for n, one in work.paid.items() if n in claims.paid}
    work.known = {n: one for n, one in work.refunds.items() if n not in claims.refunds}
    work.refunds = {n: one for n, one in work.refunds.items() if n in claims.refunds}


async def lock_originals(tx: Tx, work: Work) -> None:
    """The lines that are refunded, locked in the order of their keys, and whose account earned for each.

    Those of refunds that were counted before, too: the caller may have more to take back for them, one after another.
    """
    wanted = {work.key(one.of) for one in [*work.refunds.values(), *work.known.values()]}
    rows = await _lines(tx, wanted, locks=True) if wanted else []
    owners = await _owners(tx, rows)
    for row in rows:
        key = (row.order_key, row.line_no)
        work.originals[key] = Original(
            key,
            row.origin_id,
            owners[key],
            MemberId(row.member_id),
            row.lot_id,
            row.amount_fen,
            row.refunded_fen,
            row.points,
        )


async def find_more(tx: Tx, work: Work) -> None:
    """Refunds of which less was counted before than is said now, of the same line; their lines are locked. Of what
    somebody asks for now none is: whoever asks is told of the difference.

    A till may have taken back points for a part of what its channel's book then says. The book is right about money
    that went out: the difference is counted, too. What was counted beyond it stays, and a person puts it right.
    """
    keys = {work.key(one.line): n for n, one in work.known.items() if one.line not in work.stated}
    if not keys:
        return
    for row in await _lines(tx, keys, act=None):  # once more: what was seen before the lock may have changed
        n = keys[row.order_key, row.line_no]
        refund = work.known[n]
        original = work.originals.get(work.key(refund.of))
        is_same = row.act == LineAct.REFUNDED and original is not None and row.lot_id == original.lot_id
        if is_same and original is not None:
            left = min(refund.amount_fen - row.amount_fen, original.amount_fen - original.refunded_fen)
            if left > 0:
                work.more[n] = Part(uuid7(), row.amount_fen, row.points)


async def _owners(tx: Tx, rows: Sequence[Any]) -> dict[Key, MemberId]:
    """Who has the account that bought; of an account that no one has any more, the root of whose line it was."""
    if not rows:
        return {}
    origins = [row.origin_id for row in rows if row.origin_id is not None]
    accounts = select(channel_t.c.origin_id, channel_t.c.member_id).where(among(channel_t.c.origin_id, origins))
    of_origin = {row.origin_id: row.member_id for row in await tx.execute(accounts)} if origins else {}
    left = {row.member_id for row in rows if row.origin_id not in of_origin}
    root = func.coalesce(member_t.c.merged_into, member_t.c.member_id).label("root")
    roots = select(member_t.c.member_id, root).where(among(member_t.c.member_id, left))
    of_member = {row.member_id: row.root for row in await tx.execute(roots)} if left else {}
    return {
        (row.order_key, row.line_no): MemberId(
            of_origin.get(row.origin_id) or of_member.get(row.member_id, row.member_id)
        )
        for row in rows
    }


async def unclaim(tx: Tx, work: Work, claims: Claims, books: Books) -> None:
    """Lines whose account closed, froze or merged between the look and the lock wait after all."""
    owners = work.owners()
    missed = [work.key(work.paid[n].line) for n in list(claims.paid) if work.paid[n].member_id not in books]
    claims.paid = {n: op for n, op in claims.paid.items() if work.paid[n].member_id in books}
    gone = set(missed)
    for n in [n for n in work.more if owners[n] not in books]:
        del work.more[n], work.taken[n]
    late = [n for n in claims.refunds if owners.get(n) not in books or work.key(work.refunds[n].of) in gone]
    missed += [work.key(work.refunds[n].line) for n in late]
    for n in late:
        del claims.refunds[n]
    if missed:
        await _UNCLAIM.done(tx, parameters(KEY, missed))


def _lot(work: Work, n: int, one: Paid) -> Lot:
    """What the line earns before caps of order and day; of an order that is larger, the most that a line may."""
    rules = work.asked.rules
    rule = rules.earn[LotKind.PURCHASE]
    try:
        points = points_for(rules, LotKind.PURCHASE, amount=one.amount_fen, tier_bp=one.tier_bp, at=one.at)
    except OverEarning:
        points = rule.single_max
        work.cut.add(n)
    return Lot(
        lot_id=uuid7(),
        kind=LotKind.PURCHASE,
        origin_id=one.origin_id,
        earned=points,
        remaining=points,
        state=LotState.PENDING,
        earned_at=one.at,
        activates_at=rule.activates_at(one.at),
        expires_at=rule.lasting.until(one.at),
    )


def _row(work: Work, line: Line, shape: tuple[Any, ...], amount_fen: int, points: int) -> tuple[Any, ...]:
    return (*work.key(line), *shape, line.channel, line.order_no, amount_fen, points)


async def _lines(tx: Tx, keys: Iterable[Key], *, act: LineAct | None = LineAct.PAID, locks: bool = False) -> list[Any]:
    statement = _PAID_LOCKED if locks else _ANY_LINES if act is None else _PAID_LINES
    return [SimpleNamespace(**row) for row in await statement.every(tx, parameters(KEY, sorted(keys)))]


def _given() -> ColumnElement[bool]:
    given = values_of([line_t.c[name] for name in KEY], "wanted")
    return tuple_(*(line_t.c[name] for name in KEY)).in_(select(*(given.c[name] for name in KEY)))


_NOBODY: Final = UUID(int=0)  # of a claimed refund, until it is known whose points it takes
_ONCE: Final = once_of([line_t.c.refunded_fen, line_t.c.counted_at])
_GIVEN: Final = values_of([line_t.c[name] for name in CLAIM_COLUMNS])
_CLAIM: Final = Direct(
    insert(line_t)
    .from_select([*CLAIM_COLUMNS, *_ONCE], select(*(_GIVEN.c[name] for name in CLAIM_COLUMNS), *_ONCE.values()))
    .on_conflict_do_nothing()
)
_ANY_LINES: Final = Direct(select(line_t).where(_given()))
_PAID: Final = select(line_t).where(_given(), line_t.c.act == constant(LineAct.PAID))
_PAID_LINES: Final = Direct(_PAID)
_PAID_LOCKED: Final = Direct(_PAID.order_by(*(line_t.c[name] for name in KEY)).with_for_update())
_UNCLAIM: Final = Direct(delete(line_t).where(_given()))
