"""From standings and their explanations to the types of the schema, as one caller sees them (no I/O)."""

from collections.abc import Mapping, Sequence
from typing import Final

from member_hub.access import Guard, Verdict
from member_hub.graphql.enums import FieldState
from member_hub.graphql.lines import order_line
from member_hub.graphql.problems import Language
from member_hub.graphql.scalars import Whole
from member_hub.graphql.sight import Sight
from member_hub.graphql.tier_types import (
    NextTier,
    Tier,
    TierActivity,
    TierActivityCount,
    TierCriterion,
    TierExplanation,
    TierNotice,
    TierOrders,
    TierStanding,
)
from member_hub.tiers.explaining import Explained
from member_hub.tiers.queries import Standing
from member_hub.tiers.rules.criteria import Reached, Rule
from member_hub.tiers.rules.model import Level
from member_hub.tiers.words import OF_ACTIVITY, OF_ORDERS, Figure, Window

FIGURES: Final = {
    Figure.GROWTH: ("成长值", "growth"),
    Figure.ORDERS: ("订单数", "orders"),
    Figure.SPEND_FEN: ("消费金额(分)", "money spent (fen)"),
    Figure.ACTIVE_DAYS: ("活跃天数", "active days"),
    Figure.STREAK: ("连续签到天数", "days with a check-in in a row"),
    Figure.VISIT: ("访问次数", "visits"),
    Figure.CHECK_IN: ("签到次数", "check-ins"),
    Figure.REVIEW: ("评价次数", "reviews"),
    Figure.SHARE: ("分享次数", "shares"),
    Figure.SURVEY: ("问卷次数", "surveys"),
}
WINDOWS: Final = {
    Window.ROLLING: ("最近{months}个月", "in the last {months} months"),
    Window.CALENDAR_YEAR: ("本自然年", "in the calendar year"),
    Window.ANNIVERSARY: ("本会员年度", "in the year of membership"),
    Window.EVER: ("累计", "ever"),
}
RULES: Final = {Rule.PROMOTION: ("升级", "to reach"), Rule.RETENTION: ("保级", "to keep")}


def tier_at_till(level: Level) -> TierStanding:
    """What a member may use now, and nothing of earlier days."""
    return TierStanding(
        tier=tier_of(level),
        since=None,
        until=None,
        reason=None,
        growth=None,
        next=None,
        notice=None,
        explanation=None,
    )


def plain(standing: Standing, level: Level) -> TierStanding:
    """Where nobody asks for more than where the member stands."""
    return TierStanding(
        tier=tier_of(level),
        since=standing.since,
        until=standing.until,
        reason=standing.reason,
        growth=None,
        next=None,
        notice=_notice(standing),
        explanation=None,
    )


def explained(sight: Sight, said: Explained, language: Language) -> TierStanding:
    standing = plain(said.standing, said.level)
    standing.growth = Whole(said.growth)
    if standing.notice is not None:
        standing.notice.criteria = _criteria(sight, said.staying, said.levels, language)
    if said.next is not None:
        standing.next = NextTier(
            tier=tier_of(said.next.level),
            growth_missing=Whole(said.next.growth_missing),
            criteria=_criteria(sight, said.next.reasons, said.levels, language),
        )
    standing.explanation = TierExplanation(
        rules_version=said.decision.rules_version,
        decided_at=said.decision.decided_at,
        reason=said.decision.reason,
        criteria=_criteria(sight, said.decision.reasons, said.levels, language),
        orders=_orders(sight, said),
        activity=_activity(sight, said),
    )
    return standing


def tier_of(level: Level) -> Tier:
    return Tier(code=level.code, name_zh=level.zh, name_en=level.en)


def _notice(standing: Standing) -> TierNotice | None:
    told = standing.notice
    if told is None:
        return None
    needed = None if told.growth_needed is None else Whole(told.growth_needed)
    return TierNotice(at=told.at, until=told.until, growth_needed=needed, criteria=[])


def _criteria(
    sight: Sight, reasons: Sequence[Reached], levels: Mapping[str, Level], language: Language
) -> list[TierCriterion]:
    """How much there was of orders or of activity, and whether it is enough, is theirs to see who may see those;
    growth is loyalty."""
    hidden = {
        figure
        for guard, figures in ((Guard.ORDERS, OF_ORDERS), (Guard.ACTIVITY, OF_ACTIVITY))
        for figure in figures
        if sight.grant.read(guard) is not Verdict.CLEAR
    }
    return [
        TierCriterion(
            rule=one.rule,
            tier=one.tier,
            text=_text(one, levels.get(one.tier), language),
            figure=one.figure,
            window=Window(one.window),
            from_day=one.span.first,
            to_day=one.span.last,
            at_quantile=one.at_quantile,
            needed=None if one.told is None else Whole(one.told),
            reached=None if one.reached is None or one.figure in hidden else Whole(one.reached),
            is_met=None if one.figure in hidden else one.is_met,
        )
        for one in reasons
    ]


def _text(one: Reached, level: Level | None, language: Language) -> str:
    """By the tier's name; by its code where the rules in force have none."""
    place = 0 if language is Language.ZH else 1
    window = WINDOWS[Window(one.window)][place].format(months=one.months)
    figure, rule = FIGURES[one.figure][place], RULES[one.rule][place]
    tier = one.tier if level is None else (level.zh, level.en)[place]
    needed = "?" if one.told is None else str(one.told)
    if language is Language.ZH:
        about = "尚未得出" if one.told is None else f"约{needed}"
        goal = f"达到全体会员第{one.at_quantile}百分位({about})" if one.at_quantile else f"达到{needed}"
        return f"{rule}{tier}:{window}{figure}{goal}"
    about = "not known yet" if one.told is None else f"about {needed}"
    goal = f"percentile {one.at_quantile} of all members ({about})" if one.at_quantile else needed
    return f"{rule} {tier}: {figure} {window} of at least {goal}"


def _orders(sight: Sight, said: Explained) -> TierOrders:
    if sight.grant.read(Guard.ORDERS) is not Verdict.CLEAR:
        return TierOrders(state=FieldState.DENIED, lines=[])
    return TierOrders(state=FieldState.CLEAR, lines=[order_line(sight, row) for row in said.lines])


def _activity(sight: Sight, said: Explained) -> TierActivity:
    if sight.grant.read(Guard.ACTIVITY) is not Verdict.CLEAR:
        return TierActivity(state=FieldState.DENIED, counts=[])
    counts = sorted((said.activity or {}).items())
    return TierActivity(
        state=FieldState.CLEAR, counts=[TierActivityCount(kind=kind, count=count) for kind, count in counts]
    )
