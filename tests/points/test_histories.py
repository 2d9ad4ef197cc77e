"""Random histories through the front door and a real database: earning, holding, refunds, transfers, merging, expiry.

After every step the self-check proves the books (so nothing falls due before `due_at`), and of a line that was
refunded whole nothing can be spent where refunds take only from their own lot. After every history the ledger gives
every balance of the past as it was seen then. Half of them have points that last a month, and holds of days over it.
MEMBER_HUB_LEDGER_HISTORIES tries another number (a thousand take some minutes), from MEMBER_HUB_LEDGER_SEED on; each is
its seed, named by a failure.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import select

from member_hub import points
from member_hub.db import snapshot
from member_hub.errors import Refused
from member_hub.ids import MemberId
from member_hub.points import Earning, LotKind, Reason, Receipt, Rules
from member_hub.points.earning import line_t
from member_hub.points.queries import balances
from member_hub.points.rules import Lasting
from member_hub.points.words import ExpiryUnit, LineAct, NegativeBalance
from member_hub.points.writing import lot_t
from tests.points.desk import SHIPPED, Desk
from tests.points.sharing import Shared

HISTORIES = int(os.environ.get("MEMBER_HUB_LEDGER_HISTORIES", "100"))
FIRST = int(os.environ.get("MEMBER_HUB_LEDGER_SEED", "0"))
STEPS = 16
SPANS = {False: (0, 0, 1, 30, 300, 2_000), True: (0, 0, 1, 20, 100, 300)}  # hours between steps
HOLDS = {False: (1, 100), True: (1, 100, 700)}
SHORT = Lasting(ExpiryUnit.ROLLING, 1)
NOTHING = (0, 0, 0, 0)


@dataclass
class History:
    """Three members; some become one and part again."""

    desk: Desk
    random: Random
    members: list[MemberId]
    is_short: bool = False
    merged: dict[MemberId, MemberId] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    orders: list[tuple[MemberId, str]] = field(default_factory=list)
    has_parted: bool = False
    seen: list[tuple[datetime, dict[MemberId, tuple[int, int, int, int]]]] = field(default_factory=list)
    done: int = 0

    async def run(self) -> None:
        for _ in range(STEPS):
            hours = self.random.choice(SPANS[self.is_short])
            self.desk.clock.at += timedelta(hours=hours, seconds=self.random.randint(1, 9))
            step = self.random.choice(self.steps)
            try:
                await step(self.random.choice(self.members), self.random.choice((1, 20, 100)))
                self.done += 1
            except Refused:
                pass
            self.seen.append((self.desk.clock.now(), await self.balances()))
            await self.prove_step()

    @property
    def steps(self) -> list[Callable[[MemberId, int], Awaitable[None]]]:
        often = [self.earn, self.shop, self.buy, self.redeem, self.hold, self.end, self.refund, self.reverse]
        more = [self.hold, self.hold, self.end, self.end, self.settle] if self.is_short else []
        return [*often, *often, *more, self.transfer, self.adjust, self.care, self.merge, self.split, self.settle]

    async def balances(self) -> dict[MemberId, tuple[int, int, int, int]]:
        async with snapshot(self.desk.database.app) as tx:
            found = await balances(tx, self.members, now=self.desk.clock.now())
        return {m: (p.active, p.pending, p.held, p.debt) for m, p in ((m, b.pots) for m, b in found.items())}

    async def prove_step(self) -> None:
        """What came back to a lot whose line was refunded is gone again. Where lots went to two people by parting,
        each place answers for itself; where refunds take from the whole balance, one lot stands in for another."""
        assert await self.desk.faults(self.members) == []
        if self.has_parted or self.desk.rules.negative_balance is not NegativeBalance.NEVER:
            return
        async with snapshot(self.desk.database.app) as tx:
            free = (lot_t.c.remaining > lot_t.c.held, line_t.c.refunded_fen == line_t.c.amount_fen)
            refunded = select(lot_t.c.lot_id).join(line_t, line_t.c.lot_id == lot_t.c.lot_id)
            theirs = (lot_t.c.member_id.in_(self.members), line_t.c.act == LineAct.PAID)
            assert (await tx.scalars(refunded.where(*free, *theirs))).all() == []

    async def prove(self) -> None:
        """Every balance that was ever seen is what the ledger says of that moment, once what fell due is written."""
        await self.desk.settle()
        for member in self.members:
            root = self.merged.get(member, member)
            one = [m for m in self.members if self.merged.get(m, m) == root]
            for moment, then in self.seen:
                pots = await self.desk.at(member, moment)
                expected = tuple(map(sum, zip(*(then.get(m, NOTHING) for m in one), strict=True)))
                assert (pots.active, pots.pending, pots.held, pots.debt) == expected

    async def earn(self, member: MemberId, n: int) -> None:
        late = timedelta(days=self.random.choice((0, 0, 7)))
        said = {"occurred_at": self.desk.clock.now() - late}
        self.receipts.append(
            await self.desk.earn(member, n, self.random.choice((LotKind.TASK, LotKind.INTERACTION)), **said)
        )

    async def shop(self, member: MemberId, n: int) -> None:
        """At two tills at once, or at one."""
        shared, other = Shared(self.desk.database), self.random.choice(self.members)
        buyers = self.random.choice(([member], [member, other]))
        bought = (shared.earn(one, self.desk.asked(), earning=Earning(LotKind.PURCHASE, n * 100)) for one in buyers)
        done = await asyncio.gather(*bought, return_exceptions=True)
        self.receipts += [receipt for receipt in done if isinstance(receipt, Receipt)]
        for refused in (one for one in done if isinstance(one, BaseException)):
            raise refused

    async def buy(self, member: MemberId, n: int) -> None:
        self.orders.append((member, f"{member}-{len(self.orders)}"))
        self.receipts.append(await self.desk.buy(*self.orders[-1], n * 100 + 50))

    async def refund(self, _: MemberId, n: int) -> None:
        if self.orders:
            refund = f"R-{self.random.randrange(10**12)}"
            fen = self.random.choice((n * 30, n * 100, n * 100 + 50))  # the last: often the whole line
            await self.desk.refund(*self.random.choice(self.orders), refund, fen)

    async def redeem(self, member: MemberId, n: int) -> None:
        self.receipts.append(await self.desk.do(points.redeem, member, amount=n))

    async def hold(self, member: MemberId, n: int) -> None:
        whole = (await self.balances()).get(self.merged.get(member, member), NOTHING)[0]
        n = whole if whole and self.random.random() < 0.4 else n
        lasts = timedelta(hours=self.random.choice(HOLDS[self.is_short]))
        self.receipts.append(await self.desk.do(points.hold, member, amount=n, lasts=lasts))

    async def end(self, member: MemberId, n: int) -> None:
        holds = [r.entries[0].hold_id for r in self.receipts if r.entries[0].hold_id]
        if holds and self.random.random() < 0.6:
            said = {"hold_id": self.random.choice(holds), "amount": n, "keeps_rest": self.random.random() < 0.5}
            self.receipts.append(await self.desk.do(points.capture, member, **said))
        elif holds:
            await self.desk.do(points.release, member, hold_id=self.random.choice(holds))

    async def reverse(self, member: MemberId, n: int) -> None:
        if self.receipts:
            which = self.random.choice(self.receipts)
            amount = self.random.choice((None, n))
            await self.desk.do(points.reverse, member, operation_id=which.operation_id, amount=amount)

    async def transfer(self, member: MemberId, n: int) -> None:
        await self.desk.do(points.transfer, member, to=self.random.choice(self.members), amount=n)

    async def adjust(self, member: MemberId, n: int) -> None:
        await self.desk.do(points.adjust, member, amount=self.random.choice((n, -n)), reason=Reason.GOODWILL)

    async def care(self, member: MemberId, _: int) -> None:
        lots: list[UUID] = [lot_id for receipt in self.receipts for lot_id in receipt.lot_ids]
        if lots and self.random.random() < 0.5:
            await self.desk.do(points.reinstate, member, lot_id=self.random.choice(lots))
        elif lots:
            until = self.desk.clock.now() + timedelta(days=360)
            await self.desk.do(points.extend, member, lot_id=self.random.choice(lots), until=until)

    async def merge(self, _: MemberId, __: int) -> None:
        standing = [m for m in self.members if m not in self.merged]
        if len(standing) > 1 and not self.merged:
            kept, gone = self.random.sample(standing, 2)
            await self.desk.merge(kept, gone)
            self.merged[gone] = kept

    async def split(self, _: MemberId, __: int) -> None:
        if self.merged:
            gone, kept = self.merged.popitem()
            await self.desk.split(kept, gone)
            self.has_parted = True

    async def settle(self, _: MemberId, __: int) -> None:
        await self.desk.settle()


def rules_of_history(policy: NegativeBalance, *, is_short: bool) -> Rules:
    rules = replace(SHIPPED, negative_balance=policy)
    if not is_short:
        return rules
    earn = {kind: replace(rule, lasting=SHORT, day_max=0) for kind, rule in rules.earn.items()}
    return replace(rules, earn=earn, lasting=SHORT, hold_for_max=timedelta(days=30))


async def test_random_histories_add_up_and_the_past_stays_as_it_was(desk: Desk) -> None:
    start, done = desk.clock.now(), 0
    for seed in range(FIRST, FIRST + HISTORIES):
        desk.clock.at = start
        is_short = seed // 3 % 2 == 1
        desk.rules = rules_of_history(list(NegativeBalance)[seed % 3], is_short=is_short)
        members = [await desk.member() for _ in range(3)]
        history = History(desk, Random(seed), members, is_short)
        try:
            await history.run()
            await history.prove()
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        done += history.done

    assert done > HISTORIES * STEPS // 3  # most steps do something
    assert await desk.faults() == []
