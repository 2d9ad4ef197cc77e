"""A hub with members who have points: acts go in through the front door, each in a transaction of its own."""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from member_hub import organisation, points, programme, resources
from member_hub.access import Caller, CallerKind, system_caller
from member_hub.clock import Clock
from member_hub.crypto import Vault
from member_hub.db import Database, snapshot, transaction
from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows, table_of
from member_hub.idempotency import RequestKey
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.tables import ChannelAccount, Member, MemberStatus
from member_hub.points import Asked, Earning, Line, LotKind, Programme, Receipt, Rules
from member_hub.points.checking import BATCH, Finding, self_check
from member_hub.points.guards import roots_of
from member_hub.points.holder import PointsHolder
from member_hub.points.listing import balances_at
from member_hub.points.opening import Opening
from member_hub.points.queries import Balance, Pots, balances
from member_hub.points.tables import PointsAccount
from member_hub.privacy import Purpose
from member_hub.settings import Settings
from member_hub.tables import METADATA

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)  # a Monday, noon in Shanghai
REGISTER = organisation.load(resources.folder("policies") / "organisation.toml")
SHIPPED = points.rules_of(programme.read(resources.folder("policies") / "programme.toml")["points"])
TABLES = [name for name in METADATA.tables if name.startswith("hub.points_")]

member_t = table_of(Member)
account_t = table_of(ChannelAccount)
points_t = table_of(PointsAccount)
_numbers = itertools.count(1)


class MovedClock(Clock):
    """Stands where the test puts it."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


def staff(number: str = "E0001") -> Caller:
    return replace(
        system_caller(subject=number, purpose=Purpose.MEMBER_SERVICE, request_id=uuid7()), kind=CallerKind.STAFF
    )


HUB = system_caller(subject="jobs", purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())
Act = Callable[Concatenate[Tx, Caller, MemberId, ...], Awaitable[Receipt]]


@dataclass(slots=True)
class Desk:
    database: Database
    vault: Vault
    clock: MovedClock = field(default_factory=MovedClock)
    rules: Rules = SHIPPED

    @classmethod
    async def open(cls, database: Database, settings: Settings) -> "Desk":
        return cls(database, await Vault.open_ring(database, settings, Clock()))

    @property
    def holder(self) -> PointsHolder:
        return PointsHolder(self.clock)

    def asked(self, key: str | None = "", *, request: bytes = b"same", caller: str = "till") -> Asked:
        """Under a key of its own unless one is given; None: without one."""
        named = f"key-{next(_numbers)}" if key == "" else key
        wanted = None if named is None else RequestKey(caller, named, request)
        return Asked(Programme(self.vault, REGISTER, self.rules), self.clock.now(), wanted)

    async def do(
        self, act: Act, member_id: MemberId, *, asked: Asked | None = None, by: Caller | None = None, **said: Any
    ) -> Receipt:
        async with transaction(self.database.app) as tx:
            return await act(tx, by or staff(), member_id, asked=asked or self.asked(), **said)

    async def earn(self, member_id: MemberId, amount: int, kind: LotKind = LotKind.TASK, **said: Any) -> Receipt:
        return await self.do(points.earn, member_id, earning=Earning(kind, amount, **said))

    async def open_balance(self, member_id: MemberId, balance: int, *, origin_id: OriginId | None = None) -> bool:
        """As counting does for what a file states of an account; whether it was counted now. Below zero it is owed."""
        opening = Opening(member_id, origin_id or await self.origin(member_id), balance)
        async with transaction(self.database.app) as tx:
            return bool(await points.open_balances(tx, HUB, self.asked(None), [opening]))

    async def buy(self, member_id: MemberId, order: str, amount_fen: int, line: int = 1, **said: Any) -> Receipt:
        earning = Earning(LotKind.PURCHASE, amount_fen, **said)
        return await self.do(points.earn_for_order_line, member_id, line=Line("store", order, line), earning=earning)

    async def refund(self, member_id: MemberId, order: str, refund: str, refund_fen: int, line: int = 1) -> Receipt:
        lines = {"line": Line("store", order, line), "refund": Line("store", refund, 1)}
        return await self.do(points.reverse_order_line, member_id, refund_fen=refund_fen, **lines)

    async def member(self, *, accounts: int = 1, status: MemberStatus = MemberStatus.ACTIVE) -> MemberId:
        member_id = MemberId(uuid7())
        async with transaction(self.database.app) as tx:
            columns = ("member_id", "status", "handler", "joined_at", "channels", "created_at", "updated_at")
            await insert_rows(tx, Member, columns, [(member_id, status, "brand", NOW, 1, NOW, NOW)])
            for _ in range(accounts):
                await _account(tx, member_id)
        return member_id

    async def origin(self, member_id: MemberId) -> OriginId:
        async with snapshot(self.database.app) as tx:
            found = select(account_t.c.origin_id).where(account_t.c.filed_under == member_id)
            return OriginId((await tx.execute(found)).scalars().first())  # type: ignore[arg-type]

    async def set_status(self, member_id: MemberId, status: MemberStatus) -> None:
        async with transaction(self.database.app) as tx:
            await tx.execute(update(member_t).where(member_t.c.member_id == member_id).values(status=status))

    async def merge(self, kept: MemberId, gone: MemberId) -> None:
        """What merging/ does to the rows that points look at."""
        async with transaction(self.database.app) as tx:
            rows = select(member_t.c.member_id).where(member_t.c.member_id.in_((kept, gone)))
            await tx.execute(rows.order_by(member_t.c.member_id).with_for_update())
            await self.holder.absorb(tx, kept=kept, gone=gone)
            merged = update(member_t).where((member_t.c.member_id == gone) | (member_t.c.merged_into == gone))
            await tx.execute(merged.values(status=MemberStatus.MERGED, merged_into=kept))
            moved = update(account_t).where(account_t.c.member_id == gone)
            await tx.execute(moved.values(member_id=kept))

    async def split(self, kept: MemberId, back: MemberId) -> None:
        async with transaction(self.database.app) as tx:
            rows = select(member_t.c.member_id).where(member_t.c.member_id.in_((kept, back)))
            await tx.execute(rows.order_by(member_t.c.member_id).with_for_update())
            filed = select(account_t.c.origin_id).where(account_t.c.filed_under == back)
            origins = list((await tx.execute(filed)).scalars())
            awake = update(member_t).where(member_t.c.member_id == back)
            await tx.execute(awake.values(status=MemberStatus.ACTIVE, merged_into=None))
            await self.holder.give_back(tx, kept=kept, back=back, origins=origins)
            moved = update(account_t).where(account_t.c.filed_under == back)
            await tx.execute(moved.values(member_id=back))

    async def settle(self) -> int:
        """The clockwork, once over everything."""
        done = 0
        async with transaction(self.database.app) as tx:
            waiting = select(points_t.c.member_id).where(points_t.c.due_at <= self.clock.now())
            due = (await tx.scalars(waiting.order_by(points_t.c.due_at, points_t.c.member_id))).all()
        for member_id in due:
            async with transaction(self.database.app) as tx:
                done += await points.settle_due(tx, HUB, member_id, now=self.clock.now())
        return done

    async def balance(self, member_id: MemberId) -> Balance:
        async with snapshot(self.database.app) as tx:
            return (await balances(tx, [member_id], now=self.clock.now()))[member_id]

    async def pots(self, member_id: MemberId) -> tuple[int, int, int, int]:
        pots = (await self.balance(member_id)).pots
        return pots.active, pots.pending, pots.held, pots.debt

    async def at(self, member_id: MemberId, moment: datetime) -> Pots:
        async with snapshot(self.database.app) as tx:
            (root,) = await roots_of(tx, [member_id])
            return (await balances_at(tx, [root], moment))[root]

    async def faults(self, members: Sequence[MemberId] = ()) -> list[Finding]:
        """What the self-check finds; of all accounts unless some are named."""
        if members:
            async with snapshot(self.database.app) as tx:
                return await self_check(tx, members)
        return await faults_of_all(self.database)

    async def rows(self, table: str) -> list[Row[Any]]:
        found = METADATA.tables[f"hub.{table}"]
        async with snapshot(self.database.app) as tx:
            return list((await tx.execute(select(found).order_by(*found.primary_key))).all())

    async def everything(self) -> dict[str, list[Row[Any]]]:
        """Every row of points, and the keys that were claimed: what a refusal leaves as it was."""
        return {table: await self.rows(table.partition(".")[2]) for table in [*TABLES, "hub.idempotency"]}

    def later(self, **span: int) -> None:
        self.clock.at += timedelta(**span)


async def faults_of_all(database: Database) -> list[Finding]:
    async with snapshot(database.app) as tx:
        ids = [MemberId(one) for one in await tx.scalars(select(points_t.c.member_id).order_by(points_t.c.member_id))]
        batches = [ids[n : n + BATCH] for n in range(0, len(ids), BATCH)]
        return [finding for batch in batches for finding in await self_check(tx, batch)]


async def _account(tx: AsyncConnection, member_id: MemberId) -> None:
    columns = (
        "member_id", "origin_id", "filed_under", "channel", "namespace", "handler", "first_seen_at", "last_seen_at",
        "account",
    )  # fmt: skip
    row = (member_id, uuid7(), member_id, "store", "brand", "brand", NOW, NOW, b"")
    await insert_rows(tx, ChannelAccount, columns, [row])


def lot_of(receipt: Receipt) -> UUID:
    (lot_id,) = set(receipt.lot_ids)
    return lot_id
