"""orderRecord and activityRecord: what a till or an app brings as it happens, counted at once.

The member's row is held in reach first, then lines are claimed and accounts taken (points/claiming.py). Every refusal
undoes everything, and stands in the audit log with the member, once somebody in reach is named. An account's own number
in the place of a member is a look-up like any other: by those who may, limited, on record whether it finds or not.
"""

from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Final, Generic, TypeVar

import strawberry
from sqlalchemy import select

from member_hub import idempotency, tiers
from member_hub.access import Guard, Key, Verdict
from member_hub.clock import business_day
from member_hub.consent.deciding.holding import locked_in_reach
from member_hub.counting import Loyalty
from member_hub.db.base import Tx
from member_hub.errors import BadInput, NotFound
from member_hub.graphql import reading
from member_hub.graphql.acting import turn_of, whose
from member_hub.graphql.asking import Asking
from member_hub.graphql.changing import carried_out
from member_hub.graphql.keys import AccountKey, KeyRefused
from member_hub.graphql.loading import note_answer
from member_hub.graphql.member import Member
from member_hub.graphql.problems import UserError
from member_hub.graphql.query import Info, wanted_of
from member_hub.graphql.requested import IdempotencyKey, request_key
from member_hub.graphql.scalars import Fen, Points, Whole, given
from member_hub.idempotency import FirstTime
from member_hub.ids import MemberId, OriginId
from member_hub.ingest.recording import (
    ActivityCame,
    OrderCame,
    RecordedLine,
    RecordedOrder,
    account_of,
    activity_came,
    order_came,
    record_activity,
    record_order,
)
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.orders.rules import ActivityKind

account_t = ChannelAccount.__table__
WHOSE: Final = "Whose; left out: by `account`, or of the member for whom the app asks."
ACCOUNT: Final = "Through which channel account; left out: the member's account in the channel, or the oldest."
T = TypeVar("T")

strawberry.enum(ActivityKind, description="What an account did.")


@strawberry.input(description="A line of an order in the same channel.")
class RefundOfInput:
    line_no: int = strawberry.field(description="Line of the order.")
    order_no: str | None = strawberry.field(default=strawberry.UNSET, description="Left out: the order itself.")


@strawberry.input(description="A line that was paid, or one that takes back another or a part of it.")
class OrderLineInput:
    line_no: int = strawberry.field(description="Number within the order; with channel and order it counts once.")
    amount_fen: Fen = strawberry.field(description="What was paid, or what goes back; above zero, at most 10^10.")
    refund_of: RefundOfInput | None = strawberry.field(
        default=strawberry.UNSET, description="Of a refund the line that was paid; it has a line number of its own."
    )


@strawberry.input(description="Lines of one order, 1 to 100: all of them are recorded, or none.")
class OrderRecordInput:
    channel: Channel = strawberry.field(description="Where it was bought.")
    order_no: str = strawberry.field(description="1 to 64 characters, spelled and read as in files.")
    lines: list[OrderLineInput] = strawberry.field(description="Each line number once.")
    store: str | None = strawberry.field(
        default=strawberry.UNSET, description="Needed where it was bought in one; else refused."
    )
    occurred_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="When, at most seven days ago; left out, or up to five minutes ahead: now.",
    )
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=WHOSE)
    account: AccountKey | None = strawberry.field(default=strawberry.UNSET, description=ACCOUNT)


@strawberry.input(description="How often an account did something on a day; in place of what was said before.")
class ActivityRecordInput:
    channel: Channel = strawberry.field(description="Where.")
    kind: ActivityKind = strawberry.field(description="What.")
    count: int = strawberry.field(description="How often on that day in all, 0 to 32767.")
    day: date | None = strawberry.field(
        default=strawberry.UNSET, description="The day in Asia/Shanghai, at most seven days ago; left out: today."
    )
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=WHOSE)
    account: AccountKey | None = strawberry.field(default=strawberry.UNSET, description=ACCOUNT)


@strawberry.type(description="What the lines of an order came to, whenever they were counted.")
class OrderReceipt:
    points: Points = strawberry.field(
        description="Points earned, pending ones included; each line at most `single_max` of the programme."
    )
    lines_at_most: int = strawberry.field(
        description="How many lines earned the most points that one line may, however large they were."
    )
    taken_back: Points = strawberry.field(description="Points taken back by refunds.")
    growth: Whole = strawberry.field(description="Growth, net of refunds.")
    duplicates: int = strawberry.field(
        description=(
            "How many of the lines came before, and changed nothing. A line whose points were earned before, without "
            "the order, grows when the order comes, and is no duplicate."
        )
    )
    tier: str | None = strawberry.field(description="The tier now; null where the caller may not see it.")


@strawberry.type(description="What became of an order.")
class OrderRecordPayload:
    member: Member | None = strawberry.field(description="The member afterwards; null if refused.")
    receipt: OrderReceipt | None = strawberry.field(description="What it came to; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


@strawberry.type(description="What became of a day's activity.")
class ActivityRecordPayload:
    member: Member | None = strawberry.field(description="The member afterwards; null if refused.")
    growth: Whole | None = strawberry.field(
        description="What the day's count grows, 0 where the member lets no activity be evaluated; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


class NobodyNamed(BadInput):
    zh = "未指明会员：请提供 member 或 account，或由代会员调用的应用提交。"
    en = "It is not said whose it is: name `member` or `account`, or ask as an app does for its member."


@dataclass(frozen=True, slots=True)
class Desk:
    """What recording has at hand. `done`: what was done under this key; none: it is to be done now."""

    asking: Asking
    root: MemberId
    origin: OriginId | None
    done: FirstTime | None

    @property
    def loyalty(self) -> Loyalty:
        return self.asking.hub.loyalty


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    member: Member | None = None
    came: T | None = None
    errors: list[UserError] = field(default_factory=list)


async def order_record(
    info: Info,
    input: Annotated[OrderRecordInput, strawberry.argument(description="The order.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> OrderRecordPayload:
    order = _order(input)

    async def work(tx: Tx, desk: Desk) -> tuple[OrderCame, str]:
        if desk.done is not None:
            came = await order_came(tx, desk.loyalty, desk.root, order, done_at=desk.done.done_at)
        else:
            came = await record_order(
                tx,
                desk.asking.caller,
                desk.root,
                order=order,
                origin_id=desk.origin,
                loyalty=desk.loyalty,
                organisation=desk.asking.hub.organisation,
                now=desk.asking.now,
            )
        standing = await tiers.standings(tx, [desk.root], now=desk.asking.now)
        return came, standing[desk.root].tier

    done = await _record(info, Guard.ORDERS, input, idempotency_key, work)
    return OrderRecordPayload(member=done.member, receipt=_shown(info.context, done.came), user_errors=done.errors)


async def activity_record(
    info: Info,
    input: Annotated[ActivityRecordInput, strawberry.argument(description="The day.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> ActivityRecordPayload:
    async def work(tx: Tx, desk: Desk) -> ActivityCame:
        if desk.done is not None:
            on, (origin, entries) = given(input.day) or business_day(desk.done.done_at), desk.done.result
            return await activity_came(tx, desk.loyalty, OriginId(origin), on, input.kind, entries=entries)
        return await record_activity(
            tx,
            desk.asking.caller,
            desk.root,
            channel=input.channel,
            origin_id=desk.origin,
            day=given(input.day),
            kind=input.kind,
            count=input.count,
            loyalty=desk.loyalty,
            organisation=desk.asking.hub.organisation,
            now=desk.asking.now,
        )

    done = await _record(info, Guard.ACTIVITY, input, idempotency_key, work)
    return ActivityRecordPayload(
        member=done.member, growth=None if done.came is None else Whole(done.came.growth), user_errors=done.errors
    )


async def _record(
    info: Info,
    guard: Guard,
    said: OrderRecordInput | ActivityRecordInput,
    idempotency_key: str,
    work: Callable[[Tx, Desk], Awaitable[T]],
) -> Done[T]:
    asking, wanted = info.context, wanted_of(info)
    asking.trail.fields.add(f"{guard}:WRITE")

    async def attempt(tx: Tx) -> tuple[MemberId, T]:
        asking.trail.refusal = None  # of an attempt that has to be made again
        key, vault = request_key(info, idempotency_key), asking.hub.vault
        done = await idempotency.begin(tx, vault, key, now=asking.now)
        root, origin = await _meant(tx, asking, given(said.member), given(said.account))
        first = None if done is None else await idempotency.first_time(tx, vault, key)
        came = await work(tx, Desk(asking, root, origin, first))
        if done is None:
            result = (came.origin_id, came.entries) if isinstance(came, ActivityCame) else None
            await idempotency.finish(tx, vault, key, root, result)
        asking.trail.finds([root])
        await note_answer(asking, tx, wanted, root, Guard.LOYALTY)
        return root, came

    came, errors = await carried_out(asking, attempt, about=_about(asking, said))
    if came is None:
        return Done(errors=errors)
    return Done(await reading.by_id(asking, wanted, came[0]), came[1])


def _about(asking: Asking, said: OrderRecordInput | ActivityRecordInput) -> Collection[Hashable]:
    """Whose turn it takes; of an account its number is not kept, and two that share a digest share turns."""
    member_id, account = turn_of(asking, given(said.member)), given(said.account)
    if member_id is not None or account is None:
        return {member_id} - {None}
    return {hash((account.channel, account.id))}


async def _meant(
    tx: Tx, asking: Asking, named: str | None, account: AccountKey | None
) -> tuple[MemberId, OriginId | None]:
    """The member who is named, held in reach, else whose account it is. Raises NobodyNamed, KeyRefused, NotFound.

    Of an account that cannot be used here nothing is told: unknown, another member's, out of reach, all are one.
    """
    member_id = whose(asking, named)
    is_named = named is not None or member_id is not None
    if account is None and not is_named:
        raise NobodyNamed(field="member")
    if account is None or is_named:
        root = await _held(tx, asking, member_id, "member")
        return root, None if account is None else await _own(tx, asking, root, account)
    if not asking.grant.may_look_up(Key.ACCOUNT):
        raise KeyRefused(field="account")
    origin = await _origin(tx, asking, account)
    root = await _held(tx, asking, await _owner(tx, origin), "account")
    if await _owner(tx, origin) != root:
        raise NotFound(field="account")
    return root, origin


async def _held(tx: Tx, asking: Asking, member_id: MemberId | None, field: str) -> MemberId:
    root = await locked_in_reach(tx, asking.visible, member_id, field=field, is_shared=True)
    asking.trail.member_ids.add(root)  # from here on the trail knows whom a refusal is about
    return root


async def _own(tx: Tx, asking: Asking, root: MemberId, account: AccountKey) -> OriginId:
    origin = await _origin(tx, asking, account)
    if await _owner(tx, origin) != root:
        raise NotFound(field="account")
    return origin


async def _origin(tx: Tx, asking: Asking, account: AccountKey) -> OriginId:
    return await account_of(tx, asking.hub.loyalty, asking.hub.organisation, (account.channel, account.id))


async def _owner(tx: Tx, origin: OriginId) -> MemberId | None:
    found = await tx.scalar(select(account_t.c.member_id).where(account_t.c.origin_id == origin))
    return None if found is None else MemberId(found)


def _order(said: OrderRecordInput) -> RecordedOrder:
    lines = []
    for line in said.lines:
        of = given(line.refund_of)
        refund_of = None if of is None else (given(of.order_no) or said.order_no, of.line_no)
        lines.append(RecordedLine(line.line_no, line.amount_fen, refund_of))
    return RecordedOrder(said.channel, said.order_no, given(said.store), given(said.occurred_at), lines)


def _shown(asking: Asking, came: tuple[OrderCame, str] | None) -> OrderReceipt | None:
    if came is None:
        return None
    order, tier = came
    may_see = asking.grant.read(Guard.LOYALTY) is Verdict.CLEAR
    return OrderReceipt(
        points=Points(order.points),
        taken_back=Points(order.taken_back),
        growth=Whole(order.growth),
        lines_at_most=order.at_most,
        duplicates=order.duplicates,
        tier=tier if may_see else None,
    )
