"""Applying order lines and activity: to their account where it is known, else they wait for it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import Update, delete, select, update

from member_hub.crypto import Vault, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import among, among_given, constant, insert_rows, replace_rows, table_of
from member_hub.db.direct import Direct
from member_hub.identity import actions as claims
from member_hub.identity.queries import account_tokens, accounts_by_token
from member_hub.identity.statements import own_kind
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.actions import record_purchases
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.orders.rules import ActivityKind, ActivityStatement, OrderStatement, OrderStatus
from member_hub.orders.tables import Activity, OrderLine, WaitingLine
from member_hub.organisation import Organisation
from member_hub.privacy import DataClass

ORDERS, ACTIVITY = "orders", "activity"
Statement = OrderStatement | ActivityStatement
S = TypeVar("S", OrderStatement, ActivityStatement)
Account = tuple[Channel, str]

account_t = table_of(ChannelAccount)
order_t = table_of(OrderLine)
activity_t = table_of(Activity)
waiting_t = table_of(WaitingLine)


@dataclass(frozen=True, slots=True)
class Filing:
    """Where an account's rows stand."""

    origin_id: OriginId
    filed_under: MemberId
    member_id: MemberId


FiledOrder = tuple[Filing, OrderStatement]
FiledActivity = tuple[Filing, ActivityStatement]


@dataclass(frozen=True, slots=True)
class Applied:
    """`changed` of the applied lines were new or different; `waiting` have no account yet.

    And what stands where: of order lines all, of activity what has changed.
    """

    applied: int
    changed: int
    waiting: int
    orders: Sequence[FiledOrder] = ()
    activity: Sequence[FiledActivity] = ()


@dataclass(frozen=True, slots=True)
class Released:
    """Lines that had waited, as they are stored now."""

    orders: Sequence[FiledOrder] = ()
    activity: Sequence[FiledActivity] = ()

    def __len__(self) -> int:
        return len(self.orders) + len(self.activity)


@dataclass(frozen=True, slots=True)
class Orders:
    """Applies lines to accounts; one per process.

    `counted_at`, where it is given, marks what is stored as counted: by whoever counts it in the same transaction and
    takes the mark from what has to wait (counting/). To mark what is the rule costs nothing, to update each row does.
    """

    vault: Vault
    organisation: Organisation

    async def apply_orders(
        self, tx: Tx, lines: Sequence[OrderStatement], *, now: datetime, counted_at: datetime | None = None
    ) -> Applied:
        """Store order lines that are new by their key (the inbox has seen to that)."""
        known, unknown = await self._filed(tx, lines)
        changed = await _write_orders(tx, known, counted_at)
        await self._wait(tx, ORDERS, unknown, now)
        return Applied(len(known), changed, len(unknown), orders=known)

    async def apply_activity(
        self, tx: Tx, counts: Sequence[ActivityStatement], *, now: datetime, counted_at: datetime | None = None
    ) -> Applied:
        """Store daily counts; for the same account, day and kind the last one given stands."""
        known, unknown = await self._filed(tx, list({one.message_id: one for one in counts}.values()))
        changed = await _write_activity(tx, known, counted_at)
        await self._wait(tx, ACTIVITY, unknown, now)
        return Applied(len(known), len(changed), len(unknown), activity=changed)

    async def store_orders(self, tx: Tx, lines: Sequence[FiledOrder], *, counted_at: datetime | None = None) -> int:
        """Order lines of accounts that the caller holds; returns how many were new."""
        return await _write_orders(tx, lines, counted_at)

    async def store_activity(
        self, tx: Tx, counts: Sequence[FiledActivity], *, counted_at: datetime | None = None
    ) -> int:
        """The same for daily counts; for the same account, day and kind the last one given stands."""
        return len(await _write_activity(tx, counts, counted_at))

    async def release_waiting(
        self, tx: Tx, arrived: Mapping[Account, OriginId], *, counted_at: datetime | None = None
    ) -> Released:
        """Apply what has waited for accounts that have just come."""
        awaited = {self._awaited(account): origin for account, origin in arrived.items()}
        if not awaited:
            return Released()
        gone = delete(waiting_t).where(among(waiting_t.c.account_token, awaited)).returning(*waiting_t.c)
        rows = (await tx.execute(gone)).all()
        if not rows:
            return Released()
        filings = await filings_of(tx, awaited.values())
        keys = await self.vault.keys_for(tx, {(row.subject_id, DataClass.COMMERCE) for row in rows})
        orders: list[FiledOrder] = []
        activity: list[FiledActivity] = []
        for row in rows:
            place = sealed_row(WaitingLine, {"message_key": row.message_key})
            text = keys.open(waiting_t.c.payload, row.subject_id, row.payload, row=place)
            filing, said = filings[awaited[row.account_token]], _parsed(row.source, text)
            if isinstance(said, OrderStatement):
                orders.append((filing, said))
            else:
                activity.append((filing, said))
        await _write_orders(tx, orders, counted_at)
        await _write_activity(tx, activity, counted_at)
        await self.vault.destroy(tx, {row.subject_id for row in rows})
        return Released(orders, activity)

    async def _filed(self, tx: Tx, lines: Sequence[S]) -> tuple[list[tuple[Filing, S]], list[S]]:
        """Lines of known accounts with where they stand, and those of unknown ones."""
        filed = await self.locked_filings(tx, {(line.account_channel, line.account) for line in lines})
        known = [(filed[key], line) for line in lines if (key := (line.account_channel, line.account)) in filed]
        return known, [line for line in lines if (line.account_channel, line.account) not in filed]

    async def locked_filings(self, tx: Tx, accounts: Collection[Account]) -> dict[Account, Filing]:
        """Where the rows of known accounts stand; while the transaction lasts none of them arrives, moves or goes.

        Nor do lines that wait for them: whoever forgets old ones takes their key, too (forgetting.py).
        """
        tokens = {a: account_tokens(self.vault, self.organisation, *a) for a in accounts}
        awaited = [self._awaited(account) for account in accounts]
        await claims.lock(tx, [*awaited, *(token for own in tokens.values() for _, token in own)])
        origins = await accounts_by_token(tx, {token for own in tokens.values() for token in own})
        filings = await filings_of(tx, origins.values())
        return {a: filings[o] for a, own in tokens.items() for t in own if (o := origins.get(t)) in filings}

    def _awaited(self, account: Account) -> bytes:
        """The blind index of an account that is awaited: of its channel only, as the line has named it."""
        return self.vault.token(own_kind(account[0]), account[0], account[1])

    async def _wait(self, tx: Tx, source: str, lines: Sequence[Statement], now: datetime) -> None:
        """Keep lines of unknown accounts, sealed under a key per awaited account."""
        if not lines:
            return
        tokens = [self._awaited((line.account_channel, line.account)) for line in lines]
        subjects = await _subjects(tx, set(tokens))
        needs = {(subject, DataClass.COMMERCE) for subject in subjects.values()}
        keys = await self.vault.keys_for(tx, needs, create=True)
        rows = []
        for token, line in zip(tokens, lines, strict=True):
            key = self.vault.message_key(source, line.message_id)
            row = sealed_row(WaitingLine, {"message_key": key})
            sealed = keys.seal(waiting_t.c.payload, subjects[token], orjson.dumps(asdict(line)), row=row)
            rows.append((source, key, subjects[token], token, sealed, now))
        columns = ("source", "message_key", "subject_id", "account_token", "payload", "received_at")
        await insert_rows(tx, WaitingLine, columns, rows, on_conflict="replace")


async def filings_of(tx: Tx, origins: Iterable[OriginId]) -> dict[OriginId | None, Filing]:
    """Where the rows of these accounts stand.

    Held against an erasure, which otherwise could not see the rows that are about to be written.
    """
    rows = await _FILINGS.every(tx, {"origins": list(origins)})
    return {row[0]: Filing(*row) for row in rows}


async def _write_orders(tx: Tx, lines: Sequence[FiledOrder], counted_at: datetime | None) -> int:
    if not lines:
        return 0
    columns = (
        "member_id",
        "channel",
        "order_no",
        "line_no",
        "origin_id",
        "store",
        "amount_fen",
        "ordered_at",
        "status",
        "refund_of_order",
        "refund_of_line",
        "counted_at",
    )
    rows = [
        (
            filing.filed_under,
            line.channel,
            line.order_no,
            line.line_no,
            filing.origin_id,
            line.store,
            line.amount_fen,
            line.ordered_at,
            line.status,
            line.refund_of_order,
            line.refund_of_line,
            counted_at,
        )
        for filing, line in lines
    ]
    written = await insert_rows(tx, OrderLine, columns, rows, on_conflict="ignore", alike=("counted_at",))
    await _fill_refund_stores(tx, {filing.filed_under for filing, _ in lines})
    await record_purchases(tx, _purchases(lines))
    return written


async def _fill_refund_stores(tx: Tx, member_ids: Iterable[MemberId]) -> None:
    """A refund counts for the store of the original, whichever of the two came first."""
    await _FILL_REFUND_STORES.done(tx, {"members": list(member_ids)})


def _purchases(lines: Sequence[FiledOrder]) -> list[tuple[MemberId, OriginId, str, datetime]]:
    last: dict[tuple[MemberId, OriginId, str], datetime] = {}
    for filing, line in lines:
        if line.store is not None and line.status is OrderStatus.PAID:
            key = (filing.member_id, filing.origin_id, line.store)
            last[key] = max(last.get(key, line.ordered_at), line.ordered_at)
    return [(*key, at) for key, at in last.items()]


async def _write_activity(
    tx: Tx, counts: Sequence[FiledActivity], counted_at: datetime | None
) -> Sequence[FiledActivity]:
    """Which were new or different. A count told again as it was is not touched, unless it is counted only now."""
    if not counts:
        return []
    rows = [(f.filed_under, f.origin_id, one.day, one.kind, one.count) for f, one in counts]
    columns = ("member_id", "origin_id", "day", "kind", "count")
    if counted_at is None:
        changed = await replace_rows(tx, Activity, columns, rows)
    else:
        changed = await replace_rows(tx, Activity, (*columns, "counted"), [(*row, row[-1]) for row in rows])
    return [one for one, row in zip(counts, rows, strict=True) if row[:-1] in changed]


async def _subjects(tx: Tx, tokens: set[bytes]) -> dict[bytes, UUID]:
    statement = select(waiting_t.c.account_token, waiting_t.c.subject_id).where(
        among(waiting_t.c.account_token, tokens)
    )
    known: dict[bytes, UUID] = {row.account_token: row.subject_id for row in await tx.execute(statement)}
    return {token: known.get(token) or uuid7() for token in tokens}


def _parsed(source: str, text: str) -> Statement:
    held: dict[str, Any] = orjson.loads(text)
    if source == ACTIVITY:
        return ActivityStatement(
            Channel(held["channel"]),
            held["account"],
            date.fromisoformat(held["day"]),
            ActivityKind(held["kind"]),
            held["count"],
        )
    held |= {
        "channel": Channel(held["channel"]),
        "account_channel": Channel(held["account_channel"]),
        "ordered_at": datetime.fromisoformat(held["ordered_at"]),
        "status": OrderStatus(held["status"]),
    }
    return OrderStatement(**held)


def _filling() -> Update:
    refund, original = order_t, order_t.alias("original")
    return (
        update(refund)
        .where(
            among_given(refund.c.member_id, "members"),
            refund.c.status == constant(OrderStatus.REFUNDED),
            refund.c.store.is_(None),
            original.c.member_id == refund.c.member_id,
            original.c.channel == refund.c.channel,
            original.c.order_no == refund.c.refund_of_order,
            original.c.line_no == refund.c.refund_of_line,
            original.c.store.is_not(None),
        )
        .values(store=original.c.store)
    )


_FILL_REFUND_STORES: Final = Direct(_filling())
_FILINGS: Final = Direct(
    select(account_t.c.origin_id, account_t.c.filed_under, account_t.c.member_id)
    .where(among_given(account_t.c.origin_id, "origins"))
    .order_by(account_t.c.origin_id)
    .with_for_update(read=True, key_share=True)
)
