"""Orders: one row per order line, in about the order of time, with refunds and the dirt of a till's export."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from member_hub.demo.accounts import Account
from member_hub.demo.dirt import Dirt
from member_hub.demo.draw import END, START, Draw
from member_hub.demo.people import Channel
from member_hub.demo.store import STORES

HEADER = (
    "order_no", "line_no", "channel", "store", "key_kind", "key", "amount_yuan", "ordered_at", "status", "refund_of",
)  # fmt: skip
KEY_KINDS = {Channel.WEBSITE: "website_account", Channel.APP: "app_user", Channel.STORE: "store_card"}
BUYERS = 0.28  # the share of accounts that ever bought
ORDERS_MAX = 40
LINES = (1, 1, 2, 3)  # of an order
DISORDER = timedelta(days=4)  # a line strays this far from its place
REFUND_WITHIN_DAYS = 20
EARLY = timedelta(days=30)
Row = list[str]


@dataclass(slots=True)
class Line:
    """One row, and the moment by which rows are put in order."""

    sort_at: datetime
    cells: Row


class Till:
    """Numbers the orders of all channels in one run."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._number = 0

    def rows(self, accounts: Sequence[Account]) -> Iterator[Row]:
        """The order lines of some accounts."""
        orders = sorted(self._orders(accounts), key=lambda order: order[0])
        lines = [line for at, account in orders for line in self._lines(account, at)]
        for line in lines:
            line.sort_at += DISORDER * self._draw.rng.random() * (self._draw.rng.random() < 1 / 5)
        lines.sort(key=lambda line: line.sort_at)
        return (line.cells for line in lines)

    def _orders(self, accounts: Sequence[Account]) -> Iterator[tuple[datetime, Account]]:
        draw = self._draw
        for account in accounts:
            if not draw.chance(BUYERS):
                continue
            for _ in range(min(int(draw.rng.paretovariate(1.1)), ORDERS_MAX)):
                at = draw.moment(account.since, END)
                if account.channel is not Channel.WEBSITE and draw.dice.strikes(Dirt.ORDER_BEFORE_ACCOUNT):
                    at = draw.moment(account.since - EARLY, account.since)
                yield max(at, START), account

    def _lines(self, account: Account, at: datetime) -> Iterator[Line]:
        draw = self._draw
        key = _unknown_key(draw, account.channel) if draw.dice.strikes(Dirt.ORDER_KEY_UNKNOWN) else account.key
        number = self._next()
        store = draw.pick(STORES) if account.channel is Channel.STORE else ""
        for line_no in range(1, draw.pick(LINES) + 1):
            fen = max(int(100 * draw.rng.lognormvariate(4.4, 0.75)), 100)
            cells = [
                number, str(line_no), account.channel.value, store, KEY_KINDS[account.channel], key,
                _yuan(fen), at.isoformat(), "paid", "",
            ]  # fmt: skip
            yield Line(at, cells)
            yield from self._dirty(cells, at, fen)

    def _dirty(self, cells: Row, at: datetime, fen: int) -> Iterator[Line]:
        """What else the export holds beside a good line."""
        draw, strikes = self._draw, self._draw.dice.strikes
        if strikes(Dirt.ORDER_REFUND):
            yield self._refund(cells, at, fen)
        if strikes(Dirt.ORDER_LINE_REPEATED):
            yield Line(at, cells)
        if strikes(Dirt.ORDER_LINE_CONFLICTING):
            yield Line(at, [*cells[:6], _yuan(fen + draw.rng.randrange(1, 5000)), *cells[7:]])
        if strikes(Dirt.ORDER_AMOUNT_IMPOSSIBLE):
            yield Line(at, [self._next(), *cells[1:6], draw.pick(("免费", "12.345", "1,2", "")), *cells[7:]])
        if strikes(Dirt.ORDER_TIME_IMPOSSIBLE):
            time = draw.pick(("昨天", "2026-13-01T00:00:00+08:00", "0", ""))
            yield Line(at, [self._next(), *cells[1:7], time, *cells[8:]])
        if strikes(Dirt.ORDER_STATUS_UNKNOWN):
            yield Line(at, [self._next(), *cells[1:8], "maybe", ""])
        if strikes(Dirt.ORDER_ROW_SHORT):
            yield Line(at, [self._next(), *cells[1:5]])

    def _refund(self, cells: Row, at: datetime, fen: int) -> Line:
        draw, strikes = self._draw, self._draw.dice.strikes
        original = f"{cells[0]}/{cells[1]}"
        if strikes(Dirt.ORDER_REFUND_OF_NOTHING):
            original = f"X{cells[0][1:]}/{cells[1]}"
        if strikes(Dirt.ORDER_REFUND_PARTIAL):
            fen = fen * draw.rng.randrange(1, 8) // 10 or 1
        refunded_at = at + timedelta(days=draw.rng.randrange(1, REFUND_WITHIN_DAYS))
        stands_at = at - timedelta(seconds=1) if strikes(Dirt.ORDER_REFUND_FIRST) else refunded_at + DISORDER
        refund = [
            self._next(), "1", cells[2], "", cells[4], cells[5],
            _yuan(-fen), min(refunded_at, END).isoformat(), "refunded", original,
        ]  # fmt: skip
        return Line(stands_at, refund)

    def _next(self) -> str:
        self._number += 1
        return f"D{self._number:08}"


def _unknown_key(draw: Draw, channel: Channel) -> str:
    """A key that was never issued: of another brand, or mistyped."""
    number = draw.nobodys_card() if channel is Channel.STORE else draw.nobodys_account(channel.value[0].upper())
    return number if draw.chance(0.5) else f"{number[:-1]}X"


def _yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02}"
