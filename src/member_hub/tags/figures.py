"""The figures that a rule may speak of, each declared: name, unit, what it says, what it is made from. Pure.

Days are business days (Asia/Shanghai); a window of N days is [today - N, today): what happens today counts tomorrow, so
that a day's figures are one answer whenever they are computed. Money is fen.

**Orders.** A line is a paid line of an account of the member, known once by (channel, order_no, line_no); what is left
of it is its amount plus the (negative) amounts of every refund known until now that names it by channel, order and
line, whenever it was refunded. An order (channel, order_no) counts where something, at least 1 fen, is left of a line
of it that was ordered before today; of the order count such lines alone, and its day is that of the last of them.

    order_day               recency_days = today - the latest order's day (1 or more; none without an order)
    frequency_12m           orders whose day is in the window of `window_days` (365 as shipped)
    monetary_12m_fen        the sum of what is left of those orders' lines that are themselves in the window
    orders_ever             all orders
    usual_gap_days          with two orders or more, max(`gap_min_days`, floor((last day - first day) / (orders - 1))),
                            the first day being that of the earliest line of any order; else `default_gap_days`

**Scores** 1 to 5 (r, f, m), for members with an order, by quintiles over the members of the same handler who are not
merged or erased and did not object to profiling (nor to everything); whatever their age, for nobody is evaluated by
being counted. For f and m the values greater than 0 of frequency_12m and monetary_12m_fen are sorted from below, for r
the values of recency_days from above; of n values t(k) is the one at position ceil(k * n / 5), k = 1..4. Then

    f_score = 1 + the number of k with frequency_12m > t(k)     (likewise m_score)
    r_score = 1 + the number of k with recency_days < t(k)

so that equal values have equal scores, and who bought last, most often, for most has the highest. Without values
(n = 0) no k counts. Quintiles are computed at the start of the day's evaluation and hold until the next one.

**Lifecycle stage**, the first that fits: `potential`, no order; `churned`, recency_days > `churned_after_days`;
`dormant`, recency_days > `dormant_after_days`; `new`, today - the first day (as above) <= `new_days`; `loyal`,
frequency_12m >= `loyal_orders`; else `active`.

**Churn risk**, for the stages new, loyal, active and dormant: `high`, recency_days * 100 > usual_gap_days *
`high_percent`; else `medium`, the same with `medium_percent`; else `low`.

**Activity, points, tiers.** Counts per kind, and days with any count above 0, are of the last 30 or 90 days; the streak
is the number of days in a row with a check-in that ends yesterday. Points are those of the account as it stands, and
what expires within 30 days from now; the tier is the one held now; growth is the sum of the entries of `window_days`.

Decision: figures of activity are there for nobody who objected to activity_evaluation, and no tag whose rule reads one
is given to them, whatever else the rule asks for: neither "comes often" nor, by its absence, "never comes".
Every figure may be used for those purposes alone for which each column behind it was collected (its declaration).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Column

from member_hub.db.bulk import table_of
from member_hub.members.tables import Channel, Member
from member_hub.orders.rules import ActivityKind
from member_hub.orders.tables import Activity, OrderLine
from member_hub.points.tables import PointsAccount, PointsLot
from member_hub.privacy import DataClass, Purpose, declaration
from member_hub.tiers.tables import GrowthEntry, TierStanding

ACTIVITY_DAYS: Final = (30, 90)
ACTIVE_DAYS: Final = 90
EXPIRING_DAYS: Final = 30


class FigureKind(StrEnum):
    NUMBER = "number"
    WORD = "word"
    DAY = "day"
    SET = "set"


class FigureSource(StrEnum):
    ORDERS = "orders"
    ACTIVITY = "activity"
    POINTS = "points"
    TIERS = "tiers"
    MEMBERSHIP = "membership"


class Stage(StrEnum):
    POTENTIAL = "potential"
    NEW = "new"
    ACTIVE = "active"
    LOYAL = "loyal"
    DORMANT = "dormant"
    CHURNED = "churned"


class Risk(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


OWN_PURPOSES: Final = {FigureSource.ACTIVITY: Purpose.ACTIVITY_EVALUATION}  # that one may object to by itself


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    kind: FigureKind
    unit: str
    zh: str
    en: str
    source: FigureSource
    data_class: DataClass
    purposes: frozenset[Purpose]
    values: tuple[str, ...] = ()  # the only ones; none: what the hub knows (Words), or any
    least: int | None = 0  # of a number; none: no bound
    most: int | None = None


_line, _activity, _member = table_of(OrderLine).c, table_of(Activity).c, table_of(Member).c
_account, _lot = table_of(PointsAccount).c, table_of(PointsLot).c
_growth, _standing = table_of(GrowthEntry).c, table_of(TierStanding).c

# Whose declarations say what the figures of a source may be used for.
_BEHIND: Final[Mapping[FigureSource, tuple[Column[Any], ...]]] = {
    FigureSource.ORDERS: (_line.order_no, _line.amount_fen, _line.ordered_at),
    FigureSource.ACTIVITY: (_activity.day, _activity["count"]),
    FigureSource.POINTS: (_account.active, _lot.remaining, _lot.expires_at),
    FigureSource.TIERS: (_growth.amount, _growth.occurred_at, _standing.tier),
    FigureSource.MEMBERSHIP: (_member.joined_at, _member.home_store),
}
_ACTIVITY_NAMES: Final[Mapping[ActivityKind, tuple[str, str]]] = {
    ActivityKind.VISIT: ("到访", "visits"),
    ActivityKind.CHECK_IN: ("签到", "check-ins"),
    ActivityKind.REVIEW: ("评价", "reviews"),
    ActivityKind.SHARE: ("分享", "shares"),
    ActivityKind.SURVEY: ("问卷", "surveys"),
}


def _figure(  # noqa: PLR0917 - a table, one line each
    source: FigureSource, name: str, unit: str, zh: str, en: str, kind: FigureKind = FigureKind.NUMBER, **more: Any
) -> Figure:
    purposes = frozenset(Purpose)
    for column in _BEHIND[source]:
        purposes &= declaration(column).purposes
    data_class = DataClass.PROFILE if source is FigureSource.MEMBERSHIP else DataClass.COMMERCE
    return Figure(name, kind, unit, zh, en, source, data_class, purposes, **more)


def _of_orders() -> list[Figure]:
    source, word, day = FigureSource.ORDERS, FigureKind.WORD, FigureKind.DAY
    scores = [("r", "最近购买", "recency"), ("f", "购买频次", "frequency"), ("m", "购买金额", "money")]
    return [
        _figure(source, "recency_days", "days", "距最近一次购买的天数", "days since the latest order", least=1),
        _figure(source, "frequency_12m", "orders", "近十二个月订单数", "orders in the last twelve months"),
        _figure(source, "monetary_12m_fen", "fen", "近十二个月消费金额", "spent in the last twelve months"),
        _figure(source, "orders_ever", "orders", "累计订单数", "orders ever"),
        _figure(source, "usual_gap_days", "days", "通常购买间隔天数", "usual days from order to order", least=1),
        _figure(source, "first_order_on", "day", "首次购买日", "day of the first order", day),
        _figure(source, "last_order_on", "day", "最近购买日", "day of the latest order", day),
        *(_figure(source, f"{c}_score", "1 to 5", f"{zh}得分", f"score of {en}", least=1, most=5)
          for c, zh, en in scores),
        _figure(source, "lifecycle_stage", "word", "生命周期阶段", "lifecycle stage", word,
                values=tuple(stage.value for stage in Stage)),
        _figure(source, "churn_risk", "word", "流失风险", "churn risk", word,
                values=tuple(risk.value for risk in Risk)),
    ]  # fmt: skip


def _of_activity() -> list[Figure]:
    source = FigureSource.ACTIVITY
    counts = [
        _figure(source, f"{kind}_{days}d", "times", f"近 {days} 天{zh}次数", f"{en} in the last {days} days")
        for kind, (zh, en) in _ACTIVITY_NAMES.items()
        for days in ACTIVITY_DAYS
    ]
    return [
        *counts,
        _figure(source, "active_days_90d", "days", "近 90 天活跃天数", "days with any activity in the last 90 days",
                most=ACTIVE_DAYS),
        _figure(source, "streak", "days", "截至昨日的连续签到天数", "days in a row with a check-in, up to yesterday"),
    ]  # fmt: skip


def _of_the_rest() -> list[Figure]:
    points, tiers, member = FigureSource.POINTS, FigureSource.TIERS, FigureSource.MEMBERSHIP
    channels = tuple(channel.value for channel in Channel)
    return [
        _figure(points, "points_active", "points", "可用积分", "points to be spent"),
        _figure(points, "points_expiring_30d", "points", "30 天内到期积分", "points that expire within 30 days"),
        _figure(tiers, "tier", "tier", "会员等级", "tier", FigureKind.WORD),
        # A refund takes growth that was earned before the window, too: the sum may be below 0.
        _figure(tiers, "growth", "growth", "近十二个月成长值", "growth of the last twelve months", least=None),
        _figure(member, "joined_days", "days", "入会天数", "days since joining"),
        _figure(member, "joined_on", "day", "入会日", "day of joining", FigureKind.DAY),
        _figure(member, "home_store", "store", "归属门店", "home store", FigureKind.WORD),
        _figure(member, "region", "region", "归属区域", "region of the home store", FigureKind.WORD),
        _figure(member, "channels", "channels", "渠道", "channels with an account", FigureKind.SET, values=channels),
    ]


FIGURES: Final[Mapping[str, Figure]] = MappingProxyType(
    {figure.name: figure for figure in (*_of_orders(), *_of_activity(), *_of_the_rest())}
)
