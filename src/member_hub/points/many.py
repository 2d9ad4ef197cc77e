"""Order lines and refunds by the hundred: the rules and tables of earning.py, set-wise.

    look up      who may earn, and the lines that are refunded
    claim        every line in one statement, by the order of their keys: it counts once, whoever brings it
    lock         the refunded lines, then the accounts (accounts.py), in one order for all who do this
    post         paid lines first, then refunds, in the books; written by one statement per table

What cannot be counted now is left as it was and is missing from the answer: the line of a member who is not active or
whose account is not open, the refund of a line that is not counted yet. A refund takes back from whoever earned for the
line, whoever brings the goods back; one that is greater than what is left takes what is left, and one of which another
way had counted a part takes the rest, unless somebody asks for just that one now. So the order in which lines come does
not matter to what they come to.
Price: under a cap of order or day (programme.toml; 0 as it comes) the lines that came first earn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.db.bulk import update_rows
from member_hub.points.accounts import Books, open_of, take_many, write_many
from member_hub.points.asking import Asked
from member_hub.points.caps import Caps
from member_hub.points.claiming import (
    Claims,
    Earned,
    Paid,
    Part,
    Refund,
    Stated,
    TakenBack,
    Work,
    claim,
    find_more,
    find_originals,
    lock_originals,
    unclaim,
)
from member_hub.points.lots import Cause
from member_hub.points.refunding import Sought, load_for_taking, take_back
from member_hub.points.refusals import RefundTooLarge
from member_hub.points.rules import taken_back
from member_hub.points.tables import PointsLine
from member_hub.points.words import Act, Reason


@dataclass(frozen=True, slots=True)
class Counted:
    """By the positions of the lines that were given; the others wait."""

    paid: Mapping[int, Earned] = field(default_factory=dict)
    refunds: Mapping[int, TakenBack] = field(default_factory=dict)


async def count_lines(
    tx: Tx,
    caller: Caller,
    asked: Asked,
    paid: Sequence[Paid],
    refunds: Sequence[Refund],
    *,
    stated: Stated | None = None,
) -> Counted:
    """Count lines, some hundreds at most, each once for ever; the same again changes nothing.

    A line earns at most what one may. Of a refund that is `stated` it raises RefundTooLarge where that of a file would
    be cut to what is left of the line.
    """
    work = Work(asked, stated or {})
    may_earn = await open_of(tx, {one.member_id for one in paid}, now=asked.now)
    work.paid = {n: one for n, one in enumerate(paid) if one.member_id in may_earn}
    work.refunds = dict(enumerate(refunds))
    await find_originals(tx, work)
    claimed = await claim(tx, work)
    await lock_originals(tx, work)
    await find_more(tx, work)
    owners = {work.paid[n].member_id for n in work.paid if n in claimed.paid} | set(work.owners().values())
    books = await take_many(tx, owners, now=asked.now)
    await unclaim(tx, work, claimed, books)
    await _earn(tx, work, claimed, books)
    await _take_back(tx, work, claimed, books)
    await write_many(tx, books.values(), caller)
    await _note(tx, work, claimed)
    return Counted(work.earned, work.taken)


async def _earn(tx: Tx, work: Work, claims: Claims, books: Books) -> None:
    caps = await Caps.of(tx, work, claims)
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
        work.earned[n] = Earned(points, is_new=True, is_cut=n in work.cut)


async def _take_back(tx: Tx, work: Work, claims: Claims, books: Books) -> None:
    mine = work.refunds | {n: work.known[n] for n in work.more}
    order = sorted(n for n in mine if n in claims.refunds or n in work.more)
    # What somebody asks for now comes before what waited: that is no reason to refuse them.
    order.sort(key=lambda n: (mine[n].line not in work.stated, work.key(mine[n].line)))
    if not order:
        return
    originals = [work.originals[work.key(mine[n].of)] for n in order]
    sought = [Sought(o.lot_id, books[o.member_id], o.counted_for) for o in originals if o.lot_id is not None]
    paying = await load_for_taking(tx, sought)
    for n, original in zip(order, originals, strict=True):
        refund, before = mine[n], work.more.get(n) or Part(claims.refunds[n], 0, 0)
        left, wanted = original.amount_fen - original.refunded_fen, refund.amount_fen - before.amount_fen
        if refund.line in work.stated and wanted > left:
            raise RefundTooLarge(field=f"{work.stated[refund.line]}.amountFen")
        amount, taken = min(wanted, left), 0
        book = books[original.member_id]
        book.cause = Cause(before.operation_id, Reason.REFUND)
        if amount:
            due = taken_back(
                points=original.points,
                amount_fen=original.amount_fen,
                refunded_fen=original.refunded_fen,
                refund_fen=amount,
            )
            taken = take_back(book, original.lot_id, due, work.asked.rules.negative_balance, paying=paying)
        original.refunded_fen += amount
        known = (book.member_id, original.origin_id, original.lot_id)
        stands = (before.amount_fen + amount, 0, before.points + taken)
        work.changed.append((*work.key(refund.line), *known, *stands))
        is_cut = amount < wanted
        work.taken[n] = TakenBack(book.member_id, original.origin_id, amount, taken, is_new=True, is_cut=is_cut)


async def _note(tx: Tx, work: Work, claims: Claims) -> None:
    """What became of claimed lines, and how much of the refunded ones is refunded now."""
    columns = ("order_key", "line_no", "member_id", "origin_id", "lot_id", "amount_fen", "refunded_fen", "points")
    changed = {row[:2]: row for row in work.changed}
    await update_rows(tx, PointsLine, columns, list(changed.values()))
    touched = {work.key(work.refunds[n].of) for n in claims.refunds}
    touched |= {work.key(work.known[n].of) for n in work.more}
    rows = [(*key, work.originals[key].refunded_fen) for key in sorted(touched)]
    await update_rows(tx, PointsLine, ("order_key", "line_no", "refunded_fen"), rows)
