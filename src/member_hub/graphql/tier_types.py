"""Where a member stands, why, and what is missing for more, as the schema shows it."""

from datetime import date, datetime

import strawberry

from member_hub.graphql.enums import FieldState
from member_hub.graphql.guarded import guarded
from member_hub.graphql.order import OrderLine
from member_hub.graphql.scalars import Whole
from member_hub.orders.queries import order_t
from member_hub.tiers.growth.measuring import activity_t
from member_hub.tiers.rules.criteria import Rule
from member_hub.tiers.words import Figure, PlacingReason, Why, Window

strawberry.enum(
    Why,
    name="TierReason",
    description=(
        "Why the tier is what it is: JOINED, nothing was decided yet; EARNED by what grew; RETAINED for another term; "
        "GRACE, the term is over and the tier lasts a while longer; LAPSED to a lower one; MANUAL, placed by hand; "
        "MERGE, kept when two members became one; SPLIT, kept for a time after they were parted again."
    ),
)
strawberry.enum(
    Rule,
    name="TierRule",
    description="What a criterion is for: PROMOTION, reaching a tier; RETENTION, keeping it at the end of its term.",
)
strawberry.enum(
    Figure,
    name="TierFigure",
    description=(
        "What a criterion counts: GROWTH; ORDERS that are not wholly refunded; SPEND_FEN less refunds; ACTIVE_DAYS; "
        "STREAK, the longest run of days with a check-in; or how often something was done."
    ),
)
strawberry.enum(Window, name="TierWindow", description="Over which days, counted in China.")
strawberry.enum(
    PlacingReason, name="TierPlacingReason", description="Why somebody is placed by hand; a closed list of words."
)


@strawberry.type(description="A tier of the programme.")
class Tier:
    code: str = strawberry.field(description="As in the rules: base, standard, core, vip.")
    name_zh: str = strawberry.field(description="Its name in Chinese.")
    name_en: str = strawberry.field(description="Its name in English.")


@strawberry.type(description="One criterion: what it takes and what was reached.")
class TierCriterion:
    rule: Rule = strawberry.field(description="To reach the tier, or to keep it.")
    tier: str = strawberry.field(description="Code of the tier that it belongs to.")
    text: str = strawberry.field(description="The criterion in words, in the language that the request prefers.")
    figure: Figure = strawberry.field(description="What is counted.")
    window: Window = strawberry.field(description="Over which days.")
    from_day: date = strawberry.field(description="The first of these days.")
    to_day: date = strawberry.field(description="The last.")
    at_quantile: int | None = strawberry.field(
        description=(
            "Where it is compared with all members: what so many of a hundred do not pass; then `needed` is about that."
        )
    )
    needed: Whole | None = strawberry.field(
        description=(
            "How much it takes; null: not known, or of fewer than twenty members. With `atQuantile` about so much: "
            "rounded up to two leading digits, so that it is no member's own number; met is by the exact one."
        )
    )
    reached: Whole | None = strawberry.field(
        description=(
            "How much there was; null: not evaluated, because the member objected, or of orders or activity that the "
            "caller may not see."
        )
    )
    is_met: bool | None = strawberry.field(
        description="Whether it is met; null: of orders or activity that the caller may not see."
    )


@strawberry.type(description="The tier above.")
class NextTier:
    tier: Tier = strawberry.field(description="Which.")
    growth_missing: Whole = strawberry.field(
        description=(
            "How much growth is missing, about where it is compared with all members; what else is, say `criteria`."
        )
    )
    criteria: list[TierCriterion] = strawberry.field(description="What it takes and what is reached today.")


@strawberry.type(description="That the tier is lost unless more is reached; given once, ahead of the end of its term.")
class TierNotice:
    at: datetime = strawberry.field(description="When it was given.")
    until: datetime = strawberry.field(
        description=(
            "When the tier is lost if no more is reached: with the end of the grace that follows the term. The same "
            "before the grace and in it; what the member is told as the day."
        )
    )
    growth_needed: Whole | None = strawberry.field(
        description="How much growth is still needed to stay; null: what is missing is not growth."
    )
    criteria: list[TierCriterion] = strawberry.field(
        description=(
            "What it takes to stay and what is reached by today within `fromDay` and `toDay`: the days that count at "
            "the end of the term, in the grace those that count today. Other days than those of `growth`."
        )
    )


@strawberry.type(description="The order lines that counted.")
class TierOrders:
    state: FieldState = strawberry.field(description="CLEAR; or DENIED where the caller may not see orders.")
    lines: list[OrderLine] = strawberry.field(description="The newest 50 of the days that were looked at.")


@strawberry.type(description="How often a kind of thing was done.")
class TierActivityCount:
    kind: Figure = strawberry.field(description="What.")
    count: int = strawberry.field(description="How often.")


@strawberry.type(description="The activity of the days that were looked at.")
class TierActivity:
    state: FieldState = strawberry.field(description="CLEAR; or DENIED where the caller may not see activity.")
    counts: list[TierActivityCount] = strawberry.field(description="By kind.")


@strawberry.type(description="Which rules and numbers made the tier so (PIPL 24).")
class TierExplanation:
    rules_version: int = strawberry.field(description="Version of the rules; 0: those of the programme's file.")
    decided_at: datetime | None = strawberry.field(description="When it was decided; null: nothing was yet.")
    reason: Why = strawberry.field(description="What the rules decided then.")
    criteria: list[TierCriterion] = strawberry.field(
        description="Every criterion that was looked at, with the numbers of that moment."
    )
    orders: TierOrders = strawberry.field(
        description="The order lines of these days.", directives=[guarded(order_t.c.amount_fen)]
    )
    activity: TierActivity = strawberry.field(
        description="The activity of these days.", directives=[guarded(activity_t.c.count)]
    )


@strawberry.type(description="Where a member stands. At the till only the tier itself: the rest is null.")
class TierStanding:
    tier: Tier = strawberry.field(description="The tier that counts.")
    since: datetime | None = strawberry.field(description="Since when.")
    until: datetime | None = strawberry.field(
        description=(
            "Not below it before: the end of the term, in the grace that of the grace; null: it has no end. When it "
            "is lost says `notice`."
        )
    )
    reason: Why | None = strawberry.field(description="Why.")
    growth: Whole | None = strawberry.field(
        description=(
            "The growth that counts today: in the days by which the next tier is reached, at the top in those by which "
            "the tier itself is. What keeps the tier counts other days: see `notice`."
        )
    )
    next: NextTier | None = strawberry.field(description="The tier above; null at the top.")
    notice: TierNotice | None = strawberry.field(description="That the tier is about to be lost.")
    explanation: TierExplanation | None = strawberry.field(description="Why this tier.")
