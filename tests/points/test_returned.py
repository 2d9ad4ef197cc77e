"""Whoever returns everything keeps nothing, however the points were spent, held, expired and given back meanwhile.

Random histories in which points come from purchases only. At the end every line is refunded, every hold released and
every spending undone; under each policy no points are left then, and no debt nor anything owed but for what expired.
MEMBER_HUB_LEDGER_HISTORIES and MEMBER_HUB_LEDGER_SEED as in test_histories.py.
"""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from member_hub import points
from member_hub.errors import Refused
from member_hub.ids import MemberId
from member_hub.points.words import NegativeBalance
from tests.points.desk import Desk
from tests.points.test_histories import rules_of_history

HISTORIES = int(os.environ.get("MEMBER_HUB_LEDGER_HISTORIES", "60"))
FIRST = int(os.environ.get("MEMBER_HUB_LEDGER_SEED", "0"))
STEPS = 14
LINE_FEN = 10_000


@dataclass
class Shopping:
    desk: Desk
    random: Random
    anna: MemberId
    twin: MemberId
    left_fen: dict[tuple[MemberId, str], int] = field(default_factory=dict)
    holds: list[points.Receipt] = field(default_factory=list)
    spent: list[points.Receipt] = field(default_factory=list)
    is_merged: bool = False

    async def run(self) -> None:
        steps: list[Callable[[], Awaitable[None]]] = [self.buy, self.buy, self.redeem, self.hold, self.capture]
        steps += [self.release, self.refund, self.refund, self.undo, self.merge]
        for _ in range(STEPS):
            self.wait(self.random.choice((0, 1, 100, 200, 400)))
            with suppress(Refused):
                await self.random.choice(steps)()
            assert await self.desk.faults([self.anna, self.twin]) == []

    async def return_everything(self) -> None:
        ends = [self.refund_all, self.release_all, self.undo_all]
        self.random.shuffle(ends)
        for end in ends:
            await end()
        await self.undo_all()  # what was refunded or released last
        await self.desk.settle()  # holds that had timed out, and so were not released

    async def left(self) -> set[tuple[int, int, int]]:
        """What any of them has still; who never had points has none."""
        accounts = {row.member_id for row in await self.desk.rows("points_account")}
        theirs = [one for one in (self.anna, self.twin) if one in accounts]
        return {(await self.desk.pots(one))[:3] for one in theirs} or {(0, 0, 0)}

    async def owed_beyond_expired(self) -> int:
        """Where points of one line stood in for another's and expired then, the other's refund finds them no more."""
        theirs = (self.anna, self.twin)
        lots = [lot for lot in await self.desk.rows("points_lot") if lot.member_id in theirs]
        debts = [row.debt for row in await self.desk.rows("points_account") if row.member_id in theirs]
        return sum(lot.owed - lot.expired for lot in lots) + sum(debts)

    def wait(self, hours: int) -> None:
        self.desk.clock.at += timedelta(hours=hours, seconds=1)

    def someone(self) -> MemberId:
        return self.random.choice((self.anna, self.twin))

    async def buy(self) -> None:
        who, order = self.someone(), f"{self.anna}-{len(self.left_fen)}"
        await self.desk.buy(who, order, LINE_FEN)
        self.left_fen[who, order] = LINE_FEN
        if self.random.random() < 0.7:
            self.wait(200)  # active by now

    async def redeem(self) -> None:
        amount = self.random.choice((30, 100, 150))
        self.spent.append(await self.desk.do(points.redeem, self.someone(), amount=amount))

    async def hold(self) -> None:
        amount, hours = self.random.choice((30, 100, 150)), self.random.choice((50, 700))
        done = await self.desk.do(points.hold, self.someone(), amount=amount, lasts=timedelta(hours=hours))
        self.holds.append(done)

    async def capture(self) -> None:
        if self.holds:
            hold, rest = self.random.choice(self.holds), self.random.random() < 0.5
            said = {"hold_id": hold.operation_id, "amount": 20, "keeps_rest": rest}
            self.spent.append(await self.desk.do(points.capture, hold.member_id, **said))

    async def release(self) -> None:
        if self.holds:
            hold = self.random.choice(self.holds)
            await self.desk.do(points.release, hold.member_id, hold_id=hold.operation_id)

    async def refund(self) -> None:
        open_lines = [key for key, left in self.left_fen.items() if left]
        if open_lines:
            key = self.random.choice(open_lines)
            await self.give_back(key, self.random.choice((self.left_fen[key], 2_500)))

    async def give_back(self, key: tuple[MemberId, str], fen: int) -> None:
        await self.desk.refund(*key, f"R{self.random.randrange(10**12)}", fen)
        self.left_fen[key] -= fen

    async def undo(self) -> None:
        if self.spent:
            one, amount = self.random.choice(self.spent), self.random.choice((None, 10))
            await self.desk.do(points.reverse, one.member_id, operation_id=one.operation_id, amount=amount)

    async def merge(self) -> None:
        if not self.is_merged and self.random.random() < 0.3:
            await self.desk.merge(self.anna, self.twin)
            self.is_merged = True

    async def refund_all(self) -> None:
        for key, left in sorted(self.left_fen.items()):
            self.wait(1)
            if left:
                await self.give_back(key, left)

    async def release_all(self) -> None:
        for hold in self.holds:
            self.wait(1)
            with suppress(Refused):  # it ended before
                await self.desk.do(points.release, hold.member_id, hold_id=hold.operation_id)

    async def undo_all(self) -> None:
        for one in self.spent:
            self.wait(1)
            with suppress(Refused):  # it was undone before
                await self.desk.do(points.reverse, one.member_id, operation_id=one.operation_id)


async def test_whoever_returns_everything_keeps_nothing(desk: Desk) -> None:
    start = desk.clock.now()
    for seed in range(FIRST, FIRST + HISTORIES):
        desk.clock.at = start
        desk.rules = rules_of_history(list(NegativeBalance)[seed % 3], is_short=seed // 3 % 2 == 1)
        shopping = Shopping(desk, Random(seed), await desk.member(), await desk.member())
        try:
            await shopping.run()
            await shopping.return_everything()
            assert await shopping.left() == {(0, 0, 0)}
            assert await shopping.owed_beyond_expired() <= 0
            assert await desk.faults([shopping.anna, shopping.twin]) == []
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
