"""The caps of order and day, for many lines at once: what was earned under them, and what each line still may."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import func, select

from member_hub.clock import business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.points.calendar import day_of
from member_hub.points.claiming import Claims, Paid, Work
from member_hub.points.daily import Days, earned_on
from member_hub.points.earning import line_t
from member_hub.points.rules import capped
from member_hub.points.words import LineAct, LotKind


@dataclass(slots=True)
class Caps:
    """What was earned under the caps of order and day so far, where there are any."""

    order_max: int
    day_max: int
    orders: dict[bytes, int] = field(default_factory=dict)
    days: Days = field(default_factory=dict)

    @classmethod
    async def of(cls, tx: Tx, work: Work, claims: Claims) -> "Caps":
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
        begins, ends = min(begins for begins, _ in days), max(ends for _, ends in days)
        self.days = await earned_on(tx, {one.member_id for one in mine}, LotKind.PURCHASE, begins=begins, ends=ends)

    def left(self, one: Paid, order: bytes, points: int) -> int:
        """What the line earns of these points."""
        if not self.order_max and not self.day_max:
            return points
        day = (one.member_id, business_day(one.at))
        points = capped(points, (self.order_max, self.orders.get(order, 0)), (self.day_max, self.days.get(day, 0)))
        self.orders[order] = self.orders.get(order, 0) + points
        self.days[day] = self.days.get(day, 0) + points
        return points
