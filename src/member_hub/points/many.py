"""Order lines, refunds and opening balances by the hundred: the rules and tables of earning.py, set-wise.

    look up      who may earn, and the lines that are refunded
    claim        every line in one statement, in the order of their keys: it counts once, whoever brings it
    lock         the refunded lines, then the accounts (accounts.py), in one order for all who do this
    post         paid lines first, then refunds, in the books; written by one statement per table

What cannot be counted now is left as it was and is missing from the answer: the line of a member who is not active or
whose account is not open, the refund of a line that is not counted yet. A refund takes back from whoever earned for the
line, whoever brings the goods back; one that is greater than what is left takes what is left, unless it is asked for
strictly. So the order in which lines come does not matter to what they come to.
Price: under a cap of order or day (programme.toml; 0 as it comes) the lines that came first earn.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Row, Select, delete, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from member_hub.access import Caller
from member_hub.clock import business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, update_rows, values_of
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.points.accounts import Books, load_lots_of, load_spendable_of, open_of, take_many, write_many
from member_hub.points.asking import Asked
from member_hub.points.book import Book
from member_hub.points.calendar import day_of
from member_hub.points.earning import SOURCE, Line, active_lot, line_t, opening_t
from member_hub.points.guards import channel_t, member_t
from member_hub.points.lots import Cause, Lot
from member_hub.points.refusals import OverLimit, RefundTooLarge
from member_hub.points.rules import FULL_BP, capped, points_for, taken_back
from member_hub.points.tables import PointsLine
from member_hub.points.words import Act, LineAct, LotKind, LotState, Reason
from member_hub.points.writing import entry_t, lot_t

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
    "refunded_fen",
    "points",
    "counted_at",
)
OPENING_COLUMNS: Final = ("origin_id", "member_id", "points", "counted_at")
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
    """What a paid line came to. `is_new`: it was not counted before."""

    points: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a refund came to: `amount_fen` of what `left_fen` were left of a line of `of_fen`."""

    member_id: MemberId  # who had earned for the line
    origin_id: OriginId | None
    of_fen: int
    left_fen: int
    amount_fen: int
    points: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """By the positions of the lines that were given; the others wait."""

    paid: Mapping[int, Earned] = field(default_factory=dict)
    refunds: Mapping[int, TakenBack] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opening:
    """What an old system kept for a channel account; below zero it is owed."""

    member_id: MemberId  # the root
    origin_id: OriginId
    points: int


async def count_lines(
    tx: Tx, caller: Caller, asked: Asked, paid: Sequence[Paid], refunds: Sequence[Refund], *, is_strict: bool = False
) -> Counted:
    """Count lines, some hundreds at most, each once for ever; the same again changes nothing.

    Strictly it raises OverLimit and RefundTooLarge where a file's line would be cut to what is allowed.
    """
    work = _Work(asked, is_strict)
    may_earn = await open_of(tx, {one.member_id for one in paid}, now=asked.now)
    work.paid = {n: one for n, one in enumerate(paid) if one.member_id in may_earn}
    work.refunds = dict(enumerate(refunds))
    await _find_originals(tx, work)
    claimed = await _claim(tx, work)
    await _lock_originals(tx, work)
    owners = {work.paid[n].member_id for n in work.paid if n in claimed.paid} | set(work.owners().values())
    books = await take_many(tx, owners, now=asked.now)
    await _unclaim(tx, work, claimed, books)
    await _earn(tx, work, claimed, books)
    await _take_back(tx, work, claimed, books)
    await write_many(tx, books.values(), caller)
    await _note(tx, work, claimed)
    return Counted(work.earned, work.taken)


async def open_balances(tx: Tx, caller: Caller, asked: Asked, openings: Sequence[Opening]) -> set[OriginId]:
    """Opening balances become lots, once for each channel account; one below zero becomes a debt, which points that
    are there pay at once. Returns which were counted. Those of accounts that are not open wait."""
    may_earn = await open_of(tx, {one.member_id for one in openings}, now=asked.now)
    able = {one.origin_id: one for one in openings if one.member_id in may_earn}
    rows = [(o, able[o].member_id, able[o].points, asked.now) for o in sorted(able)]
    fresh = {row.origin_id for row in await tx.execute(_CLAIM_OPENINGS, parameters(OPENING_COLUMNS, rows))}
    wanted = [one for origin, one in able.items() if origin in fresh]
    books = await take_many(tx, {one.member_id for one in wanted if one.points}, now=asked.now)
    missed = [one.origin_id for one in wanted if one.points and one.member_id not in books]
    if missed:
        await tx.execute(delete(opening_t).where(among(opening_t.c.origin_id, missed)))
    owing = {one.member_id for one in wanted if one.points < 0 and one.member_id in books}
    await load_spendable_of(tx, {one: books[one] for one in owing})
    for one in wanted:
        if one.points and one.member_id in books:
            _open(books[one.member_id], one, asked)
    await write_many(tx, books.values(), caller)
    return {one.origin_id for one in wanted} - set(missed)


def _open(book: Book, one: Opening, asked: Asked) -> None:
    book.cause = Cause(uuid7(), Reason.OPENING)
    if one.points > 0:
        until = asked.rules.lasting.until(book.now)
        book.add_active(Act.EARN, active_lot(book, LotKind.OPENING, one.points, until, one.origin_id))
    else:
        book.owe(Act.ADJUST, -one.points)
        book.pay_debt()


@dataclass(slots=True)
class _Claims:
    """The operations of the lines that this call counts, by position."""

    paid: dict[int, UUID] = field(default_factory=dict)
    refunds: dict[int, UUID] = field(default_factory=dict)


@dataclass(slots=True)
class _Original:
    """A paid line that is refunded, as it stands in this transaction."""

    key: Key
    origin_id: OriginId | None
    member_id: MemberId  # whose account the points are in now
    lot_id: UUID | None
    amount_fen: int
    refunded_fen: int
    points: int


@dataclass(slots=True)
class _Work:
    asked: Asked
    is_strict: bool
    paid: dict[int, Paid] = field(default_factory=dict)
    refunds: dict[int, Refund] = field(default_factory=dict)
    originals: dict[Key, _Original] = field(default_factory=dict)
    lots: dict[int, Lot] = field(default_factory=dict)
    earned: dict[int, Earned] = field(default_factory=dict)
    taken: dict[int, TakenBack] = field(default_factory=dict)
    changed: list[tuple[Any, ...]] = field(default_factory=list)  # rows of lines that became other than claimed
    keys: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def key(self, line: Line) -> Key:
        order = (line.channel, line.order_no)
        if order not in self.keys:
            self.keys[order] = self.asked.programme.vault.message_key(SOURCE, f"{line.channel}/{line.order_no}")
        return self.keys[order], line.line_no

    def owners(self) -> dict[int, MemberId]:
        return {
            n: self.originals[k].member_id
            for n, one in self.refunds.items()
            if (k := self.key(one.of)) in self.originals
        }


async def _find_originals(tx: Tx, work: _Work) -> None:
    """Refunds of lines that nobody has counted, here neither, wait."""
    wanted = {work.key(one.of) for one in work.refunds.values()}
    coming = {work.key(one.line) for one in work.paid.values()}
    known = {(row.order_key, row.line_no) for row in await _lines(tx, wanted - coming)} if wanted - coming else set()
    work.refunds = {n: one for n, one in work.refunds.items() if work.key(one.of) in known | coming}


async def _claim(tx: Tx, work: _Work) -> _Claims:
    """One row for each line that nobody has counted yet; of those that stand already the answer is given again."""
    rows: dict[UUID, tuple[Any, ...]] = {}
    where: dict[UUID, tuple[str, int]] = {}
    for n, one in work.paid.items():
        operation = uuid7()
        work.lots[n] = lot = _lot(work, one)
        earned = (operation, lot.lot_id if lot.earned else None)
        shape = (LineAct.PAID, one.member_id, one.origin_id, *earned)
        rows[operation] = _row(work, one.line, shape, one.amount_fen, lot.earned)
        where[operation] = ("paid", n)
    for n, refund in work.refunds.items():
        operation = uuid7()
        rows[operation] = _row(work, refund.line, (LineAct.REFUNDED, _NOBODY, None, operation, None), 0, 0)
        where[operation] = ("refunds", n)
    claims = _Claims()
    if not rows:
        return claims
    given = parameters(CLAIM_COLUMNS, sorted(rows.values(), key=lambda row: (row[0], row[1])))
    for row in await tx.execute(_CLAIM, given):
        kind, n = where[row.operation_id]
        (claims.paid if kind == "paid" else claims.refunds)[n] = row.operation_id
    await _answer_again(tx, work, claims)
    return claims


async def _answer_again(tx: Tx, work: _Work, claims: _Claims) -> None:
    """Lines that were counted before, by whomever: what they came to then."""
    paid = {work.key(one.line): n for n, one in work.paid.items() if n not in claims.paid}
    refunds = {work.key(one.line): n for n, one in work.refunds.items() if n not in claims.refunds}
    if not paid and not refunds:
        return
    for row in await _lines(tx, {*paid, *refunds}, act=None):
        key = (row.order_key, row.line_no)
        if key in paid and row.act == LineAct.PAID:
            work.earned[paid[key]] = Earned(row.points, is_new=False)
        elif key in refunds and row.act == LineAct.REFUNDED:
            who = (MemberId(row.member_id), row.origin_id)
            work.taken[refunds[key]] = TakenBack(*who, 0, 0, row.amount_fen, row.points, is_new=False)
    work.paid = {n: one for n, one in work.paid.items() if n in claims.paid}
    work.refunds = {n: one for n, one in work.refunds.items() if n in claims.refunds}


async def _lock_originals(tx: Tx, work: _Work) -> None:
    """The lines that are refunded, locked in the order of their keys, and whose account earned for each."""
    wanted = {work.key(one.of) for one in work.refunds.values()}
    rows = await _lines(tx, wanted, locks=True) if wanted else []
    owners = await _owners(tx, rows)
    for row in rows:
        key = (row.order_key, row.line_no)
        work.originals[key] = _Original(
            key, row.origin_id, owners[key], row.lot_id, row.amount_fen, row.refunded_fen, row.points
        )


async def _owners(tx: Tx, rows: Sequence[Row[Any]]) -> dict[Key, MemberId]:
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


async def _unclaim(tx: Tx, work: _Work, claims: _Claims, books: Books) -> None:
    """Lines whose account closed, froze or merged between the look and the lock wait after all."""
    owners = work.owners()
    missed = [work.key(work.paid[n].line) for n in list(claims.paid) if work.paid[n].member_id not in books]
    claims.paid = {n: op for n, op in claims.paid.items() if work.paid[n].member_id in books}
    gone = set(missed)
    late = [n for n in claims.refunds if owners.get(n) not in books or work.key(work.refunds[n].of) in gone]
    missed += [work.key(work.refunds[n].line) for n in late]
    for n in late:
        del claims.refunds[n]
    if missed:
        await tx.execute(delete(line_t).where(_any_of(missed)))


async def _earn(tx: Tx, work: _Work, claims: _Claims, books: Books) -> None:
    caps = await _Caps.of(tx, work, claims)
    for n in sorted(claims.paid, key=lambda n: (work.paid[n].at, work.key(work.paid[n].line))):
        one, lot = work.paid[n], work.lots[n]
        book, key = books[one.member_id], work.key(one.line)
        book.cause = Cause(claims.paid[n], Reason.PURCHASE)
        points = caps.left(one, key[0], lot.earned)
        if points != lot.earned:
            lot = replace(lot, earned=points, remaining=points)
            known = (one.member_id, one.origin_id, lot.lot_id if points else None)
            work.changed.append((*key, *known, one.amount_fen, 0, points))
        if points:
            book.add_pending(lot)
        else:
            book.nothing(Act.EARN)
        if key in work.originals:
            original = work.originals[key]
            original.points, original.lot_id = points, lot.lot_id if points else None
        work.earned[n] = Earned(points, is_new=True)


async def _take_back(tx: Tx, work: _Work, claims: _Claims, books: Books) -> None:
    mine = sorted(claims.refunds, key=lambda n: work.key(work.refunds[n].line))
    if not mine:
        return
    paying = await _load_for(tx, work, mine, books)
    for n in mine:
        refund = work.refunds[n]
        original = work.originals[work.key(refund.of)]
        left = original.amount_fen - original.refunded_fen
        if work.is_strict and refund.amount_fen > left:
            raise RefundTooLarge(field="amountFen")
        amount, due = min(refund.amount_fen, left), 0
        book = books[original.member_id]
        book.cause = Cause(claims.refunds[n], Reason.REFUND)
        if amount:
            due = taken_back(
                points=original.points,
                amount_fen=original.amount_fen,
                refunded_fen=original.refunded_fen,
                refund_fen=amount,
            )
            lot = book.lots.get(original.lot_id) if original.lot_id else None
            paid = paying.get(original.lot_id, 0) + book.owed_of(original.lot_id) if original.lot_id else 0
            book.take_back(lot, due, work.asked.rules.negative_balance, paid=paid)
        original.refunded_fen += amount
        known = (book.member_id, original.origin_id, original.lot_id)
        work.changed.append((*work.key(refund.line), *known, amount, 0, due))
        shape = (book.member_id, original.origin_id, original.amount_fen, left)
        work.taken[n] = TakenBack(*shape, amount, due, is_new=True)


async def _load_for(tx: Tx, work: _Work, mine: Sequence[int], books: Books) -> dict[UUID, int]:
    """The lots that are refunded and, where something of one was spent, what else there is to take.

    Returns what each of these lots paid of debts before: that is owed again when its points should not have been.
    """
    originals = [work.originals[work.key(work.refunds[n].of)] for n in mine]
    wanted = {o.lot_id for o in originals if o.lot_id is not None}
    of = {o.member_id: books[o.member_id] for o in originals}
    unknown = [lot_id for lot_id in wanted if not any(lot_id in book.lots for book in of.values())]
    if unknown:
        await load_lots_of(tx, of, among(lot_t.c.lot_id, unknown))
    short = {o.lot_id: o.member_id for o in originals if o.lot_id is not None and _is_short(of[o.member_id], o.lot_id)}
    if not short:
        return {}
    await load_spendable_of(tx, {one: of[one] for one in short.values()})
    e = entry_t
    absorbed = select(member_t.c.member_id).where(
        or_(among(member_t.c.member_id, set(short.values())), among(member_t.c.merged_into, set(short.values())))
    )
    owed = select(e.c.lot_id, func.sum(-e.c.debt).label("paid")).where(
        e.c.member_id.in_(absorbed), among(e.c.lot_id, list(short)), e.c.debt != 0
    )
    return {row.lot_id: int(row.paid) for row in await tx.execute(owed.group_by(e.c.lot_id))}


def _is_short(book: Book, lot_id: UUID) -> bool:
    lot = book.lots.get(lot_id)
    return lot is None or lot.state is LotState.MOVED or bool(lot.spent or lot.held)


async def _note(tx: Tx, work: _Work, claims: _Claims) -> None:
    """What became of claimed lines, and how much of the refunded ones is refunded now."""
    columns = ("order_key", "line_no", "member_id", "origin_id", "lot_id", "amount_fen", "refunded_fen", "points")
    changed = {row[:2]: row for row in work.changed}
    await update_rows(tx, PointsLine, columns, list(changed.values()))
    touched = {work.key(work.refunds[n].of) for n in claims.refunds}
    rows = [(*key, work.originals[key].refunded_fen) for key in sorted(touched)]
    await update_rows(tx, PointsLine, ("order_key", "line_no", "refunded_fen"), rows)


@dataclass(slots=True)
class _Caps:
    """What was earned under the caps of order and day so far, where there are any."""

    order_max: int
    day_max: int
    orders: dict[bytes, int] = field(default_factory=dict)
    days: dict[tuple[MemberId, object], int] = field(default_factory=dict)

    @classmethod
    async def of(cls, tx: Tx, work: _Work, claims: _Claims) -> "_Caps":
        rule = work.asked.rules.earn[LotKind.PURCHASE]
        caps = cls(rule.order_max, rule.day_max)
        mine = [work.paid[n] for n in claims.paid]
        if caps.order_max and mine:
            keys = {work.key(one.line)[0] for one in mine}
            fresh = list(claims.paid.values())
            earned = select(line_t.c.order_key, func.sum(line_t.c.points).label("points")).where(
                among(line_t.c.order_key, keys), line_t.c.act == LineAct.PAID, ~among(line_t.c.operation_id, fresh)
            )
            caps.orders = {r.order_key: int(r.points) for r in await tx.execute(earned.group_by(line_t.c.order_key))}
        if caps.day_max and mine:
            await caps._load_days(tx, mine)
        return caps

    async def _load_days(self, tx: Tx, mine: Iterable[Paid]) -> None:
        days = {day_of(one.at) for one in mine}
        statement = select(lot_t.c.member_id, lot_t.c.earned_at, lot_t.c.earned).where(
            among(lot_t.c.member_id, {one.member_id for one in mine}),
            lot_t.c.kind == LotKind.PURCHASE,
            lot_t.c.earned_at >= min(begins for begins, _ in days),
            lot_t.c.earned_at < max(ends for _, ends in days),
        )
        for row in await tx.execute(statement):
            place = (MemberId(row.member_id), business_day(row.earned_at))
            self.days[place] = self.days.get(place, 0) + row.earned

    def left(self, one: Paid, order: bytes, points: int) -> int:
        """What the line earns of these points."""
        if not self.order_max and not self.day_max:
            return points
        day = (one.member_id, business_day(one.at))
        points = capped(points, (self.order_max, self.orders.get(order, 0)), (self.day_max, self.days.get(day, 0)))
        self.orders[order] = self.orders.get(order, 0) + points
        self.days[day] = self.days.get(day, 0) + points
        return points


def _lot(work: _Work, one: Paid) -> Lot:
    """What the line earns before caps of order and day. Raises OverLimit, strictly."""
    rules = work.asked.rules
    rule = rules.earn[LotKind.PURCHASE]
    try:
        points = points_for(rules, LotKind.PURCHASE, amount=one.amount_fen, tier_bp=one.tier_bp, at=one.at)
    except OverLimit:
        if work.is_strict:
            raise
        points = rule.single_max
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


def _row(work: _Work, line: Line, shape: tuple[Any, ...], amount_fen: int, points: int) -> tuple[Any, ...]:
    return (*work.key(line), *shape, line.channel, line.order_no, amount_fen, 0, points, work.asked.now)


async def _lines(
    tx: Tx, keys: Iterable[Key], *, act: LineAct | None = LineAct.PAID, locks: bool = False
) -> Sequence[Row[Any]]:
    statement: Select[Any] = select(line_t).where(_any_of(sorted(keys)))
    if act is not None:
        statement = statement.where(line_t.c.act == act)
    if locks:
        statement = statement.order_by(line_t.c.order_key, line_t.c.line_no).with_for_update()
    rows: Sequence[Row[Any]] = (await tx.execute(statement)).all()
    return rows


def _any_of(keys: Sequence[Key]) -> ColumnElement[bool]:
    arrays = [
        literal([key[n] for key in keys], ARRAY(line_t.c[name].type)) for n, name in enumerate(("order_key", "line_no"))
    ]
    given = func.unnest(*arrays).table_valued("order_key", "line_no", name="wanted").render_derived()
    return tuple_(line_t.c.order_key, line_t.c.line_no).in_(select(given.c.order_key, given.c.line_no))


_NOBODY: Final = UUID(int=0)  # of a claimed refund, until it is known whose points it takes
_GIVEN: Final = values_of([line_t.c[name] for name in CLAIM_COLUMNS])
_CLAIM: Final = (
    insert(line_t)
    .from_select(list(CLAIM_COLUMNS), select(*(_GIVEN.c[name] for name in CLAIM_COLUMNS)))
    .on_conflict_do_nothing()
    .returning(line_t.c.operation_id)
)
_OPENINGS: Final = values_of([opening_t.c[name] for name in OPENING_COLUMNS])
_CLAIM_OPENINGS: Final = (
    insert(opening_t)
    .from_select(list(OPENING_COLUMNS), select(*(_OPENINGS.c[name] for name in OPENING_COLUMNS)))
    .on_conflict_do_nothing()
    .returning(opening_t.c.origin_id)
)
