"""Rules, standings and figures on paper: the same measuring as the hub's, written out over a list of what happened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from member_hub.tiers.rules.assessing import Assessment, Stood, asks, assess
from member_hub.tiers.rules.criteria import Ask, Measures, Member, Threshold
from member_hub.tiers.rules.model import TierRules
from member_hub.tiers.rules.windows import midnight
from member_hub.tiers.words import LOWEST, Figure, Why
from tests.tiers.desk import rules_of

LADDER = """
growth_fen = 100
demotion = "{demotion}"
tier_grace_days = {grace}
growth_grace_days = {growth_grace}
notice_days = 30
activity = {{}}
[[levels]]
code = "base"
zh = "基础"
en = "Basic"
multiplier_bp = 10000
share_bp = 3000
[[levels]]
code = "standard"
zh = "标准"
en = "Standard"
multiplier_bp = 11000
share_bp = 4000
promotion = {{ figure = "growth", window = "rolling", months = 12, at_least = 100 }}
retention = {{ figure = "growth", window = "rolling", months = 12, at_least = 80 }}
term_months = 12
term_end = "rolling"
[[levels]]
code = "core"
zh = "核心"
en = "Core"
multiplier_bp = 12000
share_bp = 2000
promotion = {{ figure = "growth", window = "rolling", months = 12, at_least = 1000 }}
retention = {{ figure = "growth", window = "rolling", months = 12, at_least = 800 }}
term_months = 12
term_end = "rolling"
[[levels]]
code = "vip"
zh = "VIP"
en = "VIP"
multiplier_bp = 15000
share_bp = 1000
promotion = {{ figure = "growth", window = "rolling", months = 12, at_least = 5000 }}
retention = {{ figure = "growth", window = "rolling", months = 12, at_least = 4000 }}
term_months = 12
term_end = "rolling"
gift = "welcome_vip"
"""
JOINED = date(2024, 5, 20)


def ladder(*, demotion: str = "one_step", grace: int = 30, growth_grace: int = 0) -> TierRules:
    return rules_of(spelled(demotion=demotion, grace=grace, growth_grace=growth_grace))


def spelled(*, demotion: str = "one_step", grace: int = 30, growth_grace: int = 0) -> str:
    """The ladder as its file says it, to be bent."""
    return LADDER.format(demotion=demotion, grace=grace, growth_grace=growth_grace)


@dataclass
class Paper:
    """One member; growth by day. `asked` looks at them at a moment and takes every step that follows."""

    rules: TierRules
    joined: date = JOINED
    grown: list[tuple[date, int]] = field(default_factory=list)
    figures: dict[Figure, int] = field(default_factory=dict)
    stood: Stood | None = None
    decided: list[Why] = field(default_factory=list)
    told: list[date] = field(default_factory=list)
    last: Assessment | None = None
    evaluates_activity: bool = True
    thresholds: dict[Threshold, int | None] = field(default_factory=dict)

    def look(self, day: date, *, hour: int = 0) -> Stood:
        """Every step that has fallen due by then."""
        now = midnight(day) + timedelta(hours=hour)
        stood = self.stood or Stood(LOWEST, midnight(self.joined), Why.JOINED, LOWEST)
        member = Member(self.joined, self.evaluates_activity)
        while True:
            wanted = asks(self.rules, stood, member, now)
            measures = Measures(member, {ask: self.figure(ask) for ask in wanted}, self.thresholds)
            self.last = assess(measures, self.rules, stood, now)
            if self.last.stood.told and not stood.told:
                self.told.append(day)
            stood = self.stood = self.last.stood
            if self.last.decided is None:
                return stood
            self.decided.append(self.last.decided)

    def figure(self, ask: Ask) -> int:
        figure, span = ask
        if figure is not Figure.GROWTH:
            return self.figures.get(figure, 0)
        return max(0, sum(amount for day, amount in self.grown if span.first <= day <= span.last))

    def run(self, first: date, last: date, *, step: int = 1, each: Callable[[date, Stood], None] | None = None) -> None:
        """Look every so many days."""
        day = first
        while day <= last:
            stood = self.look(day)
            if each:
                each(day, stood)
            day += timedelta(days=step)


def stood_at(tier: str, until: datetime, **more: object) -> Stood:
    return Stood(tier, midnight(date(2025, 6, 1)), Why.EARNED, tier, until, **more)  # type: ignore[arg-type]


def total(grown: Sequence[tuple[date, int]]) -> int:
    return sum(amount for _, amount in grown)
