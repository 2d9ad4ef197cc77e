"""The figures of many members as one subquery: what figures.py says, in SQL."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Integer,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from member_hub.clock import SHANGHAI, business_day
from member_hub.db.bulk import table_of
from member_hub.members.bits import PURPOSE_BITS
from member_hub.members.tables import ChannelAccount, Member
from member_hub.orders.rules import ActivityKind, OrderStatus
from member_hub.orders.tables import Activity, OrderLine
from member_hub.points.tables import PointsAccount, PointsLot
from member_hub.points.words import LotState
from member_hub.privacy import Purpose
from member_hub.tags.figures import ACTIVE_DAYS, ACTIVITY_DAYS, EXPIRING_DAYS, FigureSource, Risk, Stage
from member_hub.tags.programme import Numbers
from member_hub.tiers.queries import tier_at
from member_hub.tiers.tables import GrowthEntry, TierStanding
from member_hub.tiers.words import LOWEST

member_t, account_t = table_of(Member), table_of(ChannelAccount)
order_t, activity_t = table_of(OrderLine), table_of(Activity)
points_t, lot_t = table_of(PointsAccount), table_of(PointsLot)
growth_t, standing_t = table_of(GrowthEntry), table_of(TierStanding)

_OFFSET: Final = timedelta(hours=8)  # of the business days (clock.py)
QUINTILES: Final = (20, 40, 60, 80)
SCORES: Final = {"r_score": "recency_days", "f_score": "frequency_12m", "m_score": "monetary_12m_fen"}
RECENCY: Final = "rfm.r_score"
# Under which names the quintiles stand among the thresholds, and of which figure they are.
QUINTILES_OF: Final = {f"rfm.{score}": figure for score, figure in SCORES.items()}
# What is known of the member beside the figures: whether a tag may stand.
STANDING: Final = ("handler", "status", "age_band", "restriction_bits", "consent_bits", "gate_until")

Thresholds = Mapping[tuple[str, int], int | None]


@dataclass(frozen=True, slots=True)
class Setting:
    """As of when and by what figures are computed."""

    numbers: Numbers
    regions: Mapping[str, str]  # of each store
    now: datetime

    @property
    def today(self) -> date:
        return business_day(self.now)

    @property
    def midnight(self) -> datetime:
        return datetime.combine(self.today, datetime.min.time(), SHANGHAI)

    @property
    def window_begins(self) -> date:
        return self.today - timedelta(days=self.numbers.window_days)


def figures_of(people: Select[Any], sources: Collection[FigureSource], setting: Setting, thresholds: Thresholds) -> CTE:
    """A row per member of `people` (a column member_id), whether or not anything is known of them."""
    ids = people.subquery("people")
    orders = _orders(ids, setting)
    asked: list[Any] = [
        *(member_t.c[name] for name in STANDING),
        orders.c.orders_ever,
        orders.c.first_order_on,
        orders.c.last_order_on,
        _days_since(orders.c.last_order_on, setting).label("recency_days"),
        *(func.coalesce(orders.c[name], 0).label(name) for name in ("frequency_12m", "monetary_12m_fen")),
        _usual_gap(orders, setting.numbers).label("usual_gap_days"),
    ]
    joined: Any = ids.join(member_t, member_t.c.member_id == ids.c.member_id)
    joined = joined.outerjoin(orders, orders.c.member_id == ids.c.member_id)
    for source, made in _OTHERS.items():
        if source in sources:
            joined, columns = made(joined, ids, setting)
            asked += columns
    base = select(ids.c.member_id, *asked).select_from(joined).subquery("base")
    staged = select(base, *_scores(base, thresholds), _stage(base, setting).label("lifecycle_stage")).subquery("staged")
    return select(staged, _risk(staged, setting.numbers).label("churn_risk")).cte("figures")


def _day(moment: ColumnElement[Any]) -> ColumnElement[date]:
    return cast(func.timezone(literal(_OFFSET), moment), Date)


def _days_since(day: ColumnElement[Any], setting: Setting) -> ColumnElement[int]:
    return cast(literal(setting.today, Date) - day, Integer)


def _orders(ids: Subquery, setting: Setting) -> Subquery:
    """Lines as they were brought, what is left of each, orders, members."""
    key = (account_t.c.member_id, order_t.c.channel, order_t.c.order_no, order_t.c.line_no)
    rest = ("status", "amount_fen", "ordered_at", "refund_of_order", "refund_of_line")
    brought = (
        select(*key, *(func.min(order_t.c[name]).label(name) for name in rest))
        .select_from(ids.join(account_t, account_t.c.member_id == ids.c.member_id))
        .join(order_t, order_t.c.origin_id == account_t.c.origin_id)
        .group_by(*key)
        .subquery("brought")
    )
    is_paid = brought.c.status == OrderStatus.PAID
    order_no = func.coalesce(brought.c.refund_of_order, brought.c.order_no).label("order_no")
    line_no = func.coalesce(brought.c.refund_of_line, brought.c.line_no).label("line_no")
    left, ordered_at = func.sum(brought.c.amount_fen), func.min(brought.c.ordered_at).filter(is_paid)
    line = (
        select(brought.c.member_id, brought.c.channel, order_no, left.label("left_fen"), _day(ordered_at).label("day"))
        .group_by(brought.c.member_id, brought.c.channel, order_no, line_no)
        .having(and_(left > 0, ordered_at < literal(setting.midnight)))
        .subquery("line")
    )
    is_recent = line.c.day >= setting.window_begins
    order = (
        select(
            line.c.member_id,
            func.min(line.c.day).label("first_day"),
            func.max(line.c.day).label("last_day"),
            func.sum(line.c.left_fen).filter(is_recent).label("recent_fen"),
        )
        .group_by(line.c.member_id, line.c.channel, line.c.order_no)
        .subquery("of_order")
    )
    return (
        select(
            order.c.member_id,
            func.count().label("orders_ever"),
            func.min(order.c.first_day).label("first_order_on"),
            func.max(order.c.last_day).label("last_order_on"),
            func.count().filter(order.c.last_day >= setting.window_begins).label("frequency_12m"),
            func.sum(order.c.recent_fen).label("monetary_12m_fen"),
        )
        .group_by(order.c.member_id)
        .subquery("orders")
    )


def _usual_gap(orders: Subquery, numbers: Numbers) -> ColumnElement[Any]:
    ever = orders.c.orders_ever
    gap = cast(orders.c.last_order_on - orders.c.first_order_on, Integer) // func.nullif(ever - 1, 0)
    return case((ever > 1, func.greatest(numbers.gap_min_days, gap)), (ever == 1, numbers.default_gap_days))


def _scores(base: Subquery, thresholds: Thresholds) -> list[ColumnElement[Any]]:
    """Null for who has no order."""
    found: list[ColumnElement[Any]] = []
    for score, figure in SCORES.items():
        value, points = base.c[figure], [thresholds.get((f"rfm.{score}", percent)) for percent in QUINTILES]
        beaten = [value < at if score == "r_score" else value > at for at in points if at is not None]
        total = sum((cast(one, Integer) for one in beaten), start=literal(1))
        found.append(case((base.c.orders_ever > 0, total)).label(score))
    return found


def _stage(base: Subquery, setting: Setting) -> ColumnElement[str]:
    numbers, recency = setting.numbers, base.c.recency_days
    return case(
        (base.c.orders_ever.is_(None), Stage.POTENTIAL.value),
        (recency > numbers.churned_after_days, Stage.CHURNED.value),
        (recency > numbers.dormant_after_days, Stage.DORMANT.value),
        (base.c.first_order_on >= setting.today - timedelta(days=numbers.new_days), Stage.NEW.value),
        (base.c.frequency_12m >= numbers.loyal_orders, Stage.LOYAL.value),
        else_=Stage.ACTIVE.value,
    )


def _risk(staged: Subquery, numbers: Numbers) -> ColumnElement[str | None]:
    waited = staged.c.recency_days * 100
    return case(
        (staged.c.lifecycle_stage.in_((Stage.POTENTIAL.value, Stage.CHURNED.value)), None),
        (waited > staged.c.usual_gap_days * numbers.high_percent, Risk.HIGH.value),
        (waited > staged.c.usual_gap_days * numbers.medium_percent, Risk.MEDIUM.value),
        else_=Risk.LOW.value,
    )


def _with_activity(joined: Any, ids: Subquery, setting: Setting) -> tuple[Any, list[ColumnElement[Any]]]:
    since = {days: setting.today - timedelta(days=days) for days in (*ACTIVITY_DAYS, ACTIVE_DAYS)}
    rows = ids.join(account_t, account_t.c.member_id == ids.c.member_id)
    rows = rows.join(activity_t, activity_t.c.origin_id == account_t.c.origin_id)
    names = {f"{kind}_{days}d": (kind, since[days]) for kind in ActivityKind for days in ACTIVITY_DAYS}
    counts = [
        func.sum(activity_t.c["count"]).filter(activity_t.c.kind == kind.value, activity_t.c.day >= begins).label(name)
        for name, (kind, begins) in names.items()
    ]
    days = func.count(activity_t.c.day.distinct()).filter(activity_t.c["count"] > 0).label("active_days_90d")
    lately = and_(activity_t.c.day >= min(since.values()), activity_t.c.day < setting.today)
    activity = select(ids.c.member_id, *counts, days).select_from(rows).where(lately).group_by(ids.c.member_id)
    counted, streak = activity.subquery("activity"), _streak(rows, ids, setting)
    joined = joined.outerjoin(counted, counted.c.member_id == ids.c.member_id)
    joined = joined.outerjoin(streak, streak.c.member_id == ids.c.member_id)
    columns = [*(counted.c[name] for name in (*names, "active_days_90d")), streak.c.streak]
    may = member_t.c.restriction_bits.bitwise_and(PURPOSE_BITS[Purpose.ACTIVITY_EVALUATION]) == 0
    return joined, [case((may, func.coalesce(column, 0))).label(column.name) for column in columns]


def _streak(rows: Any, ids: Subquery, setting: Setting) -> Subquery:
    """The days with a check-in that lie as far back as there are such days up to them."""
    is_one = and_(activity_t.c.kind == ActivityKind.CHECK_IN.value, activity_t.c["count"] > 0)
    days = (
        select(ids.c.member_id, activity_t.c.day)
        .select_from(rows)
        .where(is_one, activity_t.c.day < setting.today)
        .distinct()
        .subquery("check_in")
    )
    number = func.row_number().over(partition_by=days.c.member_id, order_by=days.c.day.desc())
    numbered = select(days, cast(number, Integer).label("number")).subquery("numbered")
    in_a_row = numbered.c.day == literal(setting.today, Date) - numbered.c.number
    streak = select(numbered.c.member_id, func.count().filter(in_a_row).label("streak"))
    return streak.group_by(numbered.c.member_id).subquery("streak")


def _with_points(joined: Any, ids: Subquery, setting: Setting) -> tuple[Any, list[ColumnElement[Any]]]:
    expiring = (
        select(lot_t.c.member_id, func.sum(lot_t.c.remaining - lot_t.c.held).label("points_expiring_30d"))
        .join(ids, ids.c.member_id == lot_t.c.member_id)
        .where(
            lot_t.c.state == LotState.ACTIVE,
            lot_t.c.remaining > lot_t.c.held,
            lot_t.c.expires_at > setting.now,
            lot_t.c.expires_at <= setting.now + timedelta(days=EXPIRING_DAYS),
        )
        .group_by(lot_t.c.member_id)
        .subquery("expiring")
    )
    joined = joined.outerjoin(points_t, points_t.c.member_id == ids.c.member_id)
    joined = joined.outerjoin(expiring, expiring.c.member_id == ids.c.member_id)
    return joined, [
        func.coalesce(points_t.c.active, 0).label("points_active"),
        func.coalesce(expiring.c.points_expiring_30d, 0).label("points_expiring_30d"),
    ]


def _with_tiers(joined: Any, ids: Subquery, setting: Setting) -> tuple[Any, list[ColumnElement[Any]]]:
    """As tiers.queries.standing_of says: a floor that is over counts no more, without a standing it is the lowest."""
    begins = setting.midnight - timedelta(days=setting.numbers.window_days)
    growth = (
        select(ids.c.member_id, func.sum(growth_t.c.amount).label("growth"))
        .select_from(ids.join(account_t, account_t.c.member_id == ids.c.member_id))
        .join(growth_t, growth_t.c.origin_id == account_t.c.origin_id)
        .where(growth_t.c.occurred_at >= begins, growth_t.c.occurred_at < setting.midnight)
        .group_by(ids.c.member_id)
        .subquery("grown")
    )
    stands = standing_t.c
    joined = joined.outerjoin(standing_t, stands.member_id == ids.c.member_id)
    joined = joined.outerjoin(growth, growth.c.member_id == ids.c.member_id)
    return joined, [
        func.coalesce(tier_at(setting.now), LOWEST).label("tier"),
        func.coalesce(growth.c.growth, 0).label("growth"),
    ]


def _with_membership(joined: Any, _: Subquery, setting: Setting) -> tuple[Any, list[ColumnElement[Any]]]:
    stores = sorted(setting.regions)
    lists = [literal(values, ARRAY(Text)) for values in (stores, [setting.regions[store] for store in stores])]
    place = func.unnest(*lists).table_valued("store", "region", name="place").render_derived()
    joined = joined.outerjoin(place, place.c.store == member_t.c.home_store)
    joined_on = _day(member_t.c.joined_at)
    return joined, [
        joined_on.label("joined_on"),
        _days_since(joined_on, setting).label("joined_days"),
        member_t.c.home_store,
        place.c.region,
        member_t.c.channels,
    ]


_OTHERS: Final = {
    FigureSource.ACTIVITY: _with_activity,
    FigureSource.POINTS: _with_points,
    FigureSource.TIERS: _with_tiers,
    FigureSource.MEMBERSHIP: _with_membership,
}
