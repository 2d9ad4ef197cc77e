"""Gifts for reaching a tier: which gift, the tier's rules say; here it is issued, once for each tier in its period.

Whoever reaches a higher tier in the same period gets what is missing to that one's quantity, and the whole is good as
long as what came last. Price: what had run out unused is good again with it.

The log of decisions about tiers is read from where the last run came to, and an hour before, since a transaction may
commit later than the time that it wrote; what was given already is not given again. Only what was earned counts: no
placing by hand, no merge, and no tier that is lower than the one before.

Decision: what the hub finds when it first looks at members who were there before brings no gift: they reached their
tier long ago, and nobody promised one. So in the first two days after the first run a gift takes an earlier decision
about the member, or a member who joined since, to the second, since files tell no more. Price: a true promotion of an
old member in these two days brings none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, exists, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from member_hub import tiers
from member_hub.audit import AuditLog, Entry
from member_hub.benefits.clockwork import BATCH, BATCHES_MAX, CALLER, COLUMNS, OPERATION, OVERLAP, hub_caller, round_t
from member_hub.benefits.rules import EVER, Benefit, BenefitRules, good_until, year_of
from member_hub.benefits.tables import Entitlement
from member_hub.benefits.using import issued_by, member_t, own_origins
from member_hub.benefits.words import Period, Source
from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import among, insert_rows, table_of, update_rows
from member_hub.db.engines import Database
from member_hub.ids import MemberId, uuid7
from member_hub.members.bits import restriction_mask
from member_hub.members.tables import MemberStatus
from member_hub.privacy import Purpose
from member_hub.tiers import Programme, TierRules, Why
from member_hub.tiers.tables import TierChange

SETTLING: Final = timedelta(days=2)

change_t = table_of(TierChange)
Position = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class _Had:
    """Which entitlement counts, and the most that any of the period has granted."""

    counting: UUID
    most: int


@dataclass(frozen=True, slots=True)
class Gifts:
    """What one process issues for promotions."""

    database: Database
    audit: AuditLog
    rules: BenefitRules
    programme: Programme

    async def run(self, now: datetime) -> int:
        """Issue what promotions have brought since the last run; answers how many. Again: nothing."""
        issued, at = 0, None
        for _ in range(BATCHES_MAX):
            done, at = await self._batch(at, now)
            issued += done
            if at is None:
                break
        return issued

    async def _batch(self, after: Position | None, now: datetime) -> tuple[int, Position | None]:
        """How many, and where to go on; None: there is no more."""
        async with transaction(self.database.app) as tx:
            turn = await _turn(tx, now)
            began = after or (turn.changed_since - OVERLAP, UUID(int=0))
            changes = await _changes(tx, turn.began_at, began)
            levels = (await tiers.in_force(tx, self.programme, now=now)).rules
            given = await self._give(tx, changes, levels, now)
            last = (changes[-1].changed_at, changes[-1].change_id) if len(changes) == BATCH else None
            reached = changes[-1].changed_at if changes else now
            await _move_on(tx, max(turn.changed_since, reached))
            if given:
                said = [f"reason:{Source.PROMOTION}", "member.loyalty:WRITE"]
                entry = Entry.of_command(OPERATION, fields=said, member_ids=given, caller=CALLER, now=now)
                await self.audit.write(entry)
        return len(given), last

    async def _give(self, tx: Tx, changes: Sequence[Row[Any]], levels: TierRules, now: datetime) -> list[MemberId]:
        """Who was given something; each change may bring its gift, and of a period the greatest is there once."""
        wanted = [(row.root, gift, row.to_tier) for row in changes if (gift := self._gift(row, levels, now))]
        living = await _living(tx, sorted({root for root, _, _ in wanted}))
        origins, by = await own_origins(tx, living), issued_by(hub_caller(), now)
        there, due = set(living), dict[tuple[MemberId, str], tuple[Benefit, int]]()
        for root, gift, to_tier in wanted:
            if root in there:
                _, most = due.get((root, gift.code), (gift, 0))
                due[root, gift.code] = gift, max(most, gift.quantity[to_tier])
        had = await _had(tx, due, now)
        fresh = [
            (
                root, uuid7(), origins.get(root), code, Source.PROMOTION, True, _period(gift, now), now,
                good_until(gift, now), quantity, Source.PROMOTION, *by.values(),
            )
            for (root, code), (gift, quantity) in due.items()
            if (root, code) not in had
        ]  # fmt: skip
        more = {key: had[key] for key, (_, quantity) in due.items() if key in had and quantity > had[key].most}
        await insert_rows(tx, Entitlement, COLUMNS, fresh, on_conflict="ignore")
        await update_rows(
            tx,
            Entitlement,
            ("member_id", "entitlement_id", "granted", "until"),
            [(key[0], one.counting, due[key][1], good_until(due[key][0], now)) for key, one in more.items()],
        )
        return sorted({MemberId(row[0]) for row in fresh} | {MemberId(root) for root, _ in more})

    def _gift(self, row: Row[Any], levels: TierRules, now: datetime) -> Benefit | None:
        gift = self.rules.definitions.get(levels.level(row.to_tier).gift or "")
        if gift is None or gift.source is not Source.PROMOTION or not gift.is_open(now):
            return None
        is_higher = levels.rank(row.to_tier) > levels.rank(row.from_tier)
        return gift if is_higher and row.to_tier in gift.quantity else None


async def _turn(tx: Tx, now: datetime) -> Row[Any]:
    """Where the last run came to, held. `began_at` is the first run of all."""
    first = insert(round_t).values(source=Source.PROMOTION, month=EVER, began_at=now, changed_since=now)
    await tx.execute(first.on_conflict_do_nothing())
    same = (round_t.c.source == Source.PROMOTION, round_t.c.month == EVER)
    return (await tx.execute(select(round_t).where(*same).with_for_update())).one()


async def _changes(tx: Tx, began_at: datetime, after: Position) -> Sequence[Row[Any]]:
    """What was earned behind a position, oldest first, as the decision above says."""
    earlier = change_t.alias("earlier")
    was_known = exists().where(
        earlier.c.member_id == change_t.c.member_id, earlier.c.changed_at < change_t.c.changed_at
    )
    root = func.coalesce(member_t.c.merged_into, member_t.c.member_id).label("root")
    columns: list[Any] = [change_t.c.changed_at, change_t.c.change_id, change_t.c.from_tier, change_t.c.to_tier, root]
    statement = (
        select(*columns)
        .join(member_t, member_t.c.member_id == change_t.c.member_id)
        .where(
            change_t.c.reason == Why.EARNED,
            change_t.c.changed_at >= began_at,
            tuple_(change_t.c.changed_at, change_t.c.change_id)
            > tuple_(literal(after[0], change_t.c.changed_at.type), literal(after[1], change_t.c.change_id.type)),
            or_(
                change_t.c.changed_at > began_at + SETTLING,
                was_known,
                member_t.c.joined_at >= began_at.replace(microsecond=0),
            ),
        )
        .order_by(change_t.c.changed_at, change_t.c.change_id)
        .limit(BATCH)
    )
    return list(await tx.execute(statement))


async def _living(tx: Tx, roots: Sequence[MemberId]) -> list[MemberId]:
    """Those to whom something may be given, held against merging and erasing."""
    found = (
        select(member_t.c.member_id)
        .where(
            among(member_t.c.member_id, roots),
            member_t.c.status == MemberStatus.ACTIVE,
            member_t.c.restriction_bits.bitwise_and(restriction_mask(Purpose.MEMBER_SERVICE)) == 0,
        )
        .order_by(member_t.c.member_id)
        .with_for_update(read=True)
    )
    return [MemberId(one) for one in await tx.scalars(found)] if roots else []


async def _had(
    tx: Tx, due: Mapping[tuple[MemberId, str], tuple[Benefit, int]], now: datetime
) -> dict[tuple[MemberId, str], _Had]:
    """What is there in the period already, whether or not it counts since a merge."""
    table = table_of(Entitlement)
    theirs = and_(among(table.c.member_id, {root for root, _ in due}), table.c.source == Source.PROMOTION)
    columns = [table.c[name] for name in ("member_id", "entitlement_id", "benefit", "period", "granted", "folded_into")]
    had: dict[tuple[MemberId, str], _Had] = {}
    for row in await tx.execute(select(*columns).where(theirs)) if due else ():
        key = row.member_id, row.benefit
        if key in due and row.period == _period(due[key][0], now):
            before = had.get(key)
            most = row.granted if before is None else max(row.granted, before.most)
            had[key] = _Had(row.folded_into or row.entitlement_id, most)
    return had


async def _move_on(tx: Tx, reached: datetime) -> None:
    same = (round_t.c.source == Source.PROMOTION, round_t.c.month == EVER)
    await tx.execute(update(round_t).where(*same).values(changed_since=reached))


def _period(gift: Benefit, now: datetime) -> date:
    return EVER if gift.period is Period.ONCE else year_of(now)
