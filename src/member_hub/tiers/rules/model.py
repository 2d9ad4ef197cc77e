"""What rules of tiers are: levels in order, what each takes to be reached and to be kept, how a fall goes (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from member_hub.tiers.rules.windows import Span, span_of
from member_hub.tiers.words import Demotion, Figure, TermEnd, Window

FULL_BP: Final = 10_000


@dataclass(frozen=True, slots=True)
class Criterion:
    """One figure in one window, against a number or against a quantile of all members."""

    figure: Figure
    window: Window
    months: int  # of a rolling window, else 0
    at_least: int | None
    at_quantile: int | None  # a percentile, 1 to 99

    def threshold(self, grace_days: int = 0) -> str | None:
        """The name of the quantile that it takes, in a window that reaches so much further back."""
        if self.at_quantile is None:
            return None
        return f"{self.measure}_p{self.at_quantile}" + (f"_{grace_days}d" if grace_days else "")

    @property
    def measure(self) -> str:
        return f"{self.figure}_{self.window}" + (f"_{self.months}m" if self.window is Window.ROLLING else "")

    def span(self, *, day: date, joined: date) -> Span:
        since = joined if self.window is Window.ANNIVERSARY else day
        return span_of(self.window, self.months, day=day, joined=since)


@dataclass(frozen=True, slots=True)
class Ranked:
    """What a quantile is one of: what a criterion counts of each member, so many days further back."""

    criterion: Criterion
    grace_days: int
    is_of_ends: bool  # asked for at the ends of terms


@dataclass(frozen=True, slots=True)
class Together:
    """Criteria of which all have to be met, or any."""

    takes_all: bool
    parts: Sequence["Criterion | Together"]


Condition = Criterion | Together


@dataclass(frozen=True, slots=True)
class Level:
    """A tier. The lowest has no criteria and no term: everybody is at least there."""

    code: str
    zh: str
    en: str
    multiplier_bp: int
    share_bp: int  # what part of the members the operator means to have here
    promotion: Condition | None
    retention: Condition | None
    term_months: int
    term_end: TermEnd
    gift: str | None  # a benefit that a promotion brings


@dataclass(frozen=True, slots=True)
class ActivityGrowth:
    """What a kind of activity grows: so much a time, at most so much a day, by each account."""

    growth: int
    day_max: int


@dataclass(frozen=True, slots=True)
class TierRules:
    levels: Sequence[Level]
    growth_fen: int  # so many fen of an order line are one growth
    activity: Mapping[Figure, ActivityGrowth]
    demotion: Demotion
    tier_grace_days: int
    growth_grace_days: int
    notice_days: int
    ranks: Mapping[str, int] = field(init=False, repr=False, compare=False)
    thresholds: Mapping[str, Ranked] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """The places of the tiers, and the quantiles by name, which a review asks for of every member."""
        object.__setattr__(self, "ranks", {level.code: rank for rank, level in enumerate(self.levels)})
        object.__setattr__(self, "thresholds", dict(self._thresholds()))

    def rank(self, code: str | None) -> int:
        """The place of a tier, from 0; 0 for one that these rules do not have."""
        return self.ranks.get(code, 0) if code is not None else 0

    def level(self, code: str | None) -> Level:
        return self.levels[self.rank(code)]

    def multiplier_bp(self, tier: str | None) -> int:
        """What the tier multiplies earned points with; 10000 is once."""
        return self.level(tier).multiplier_bp

    def _thresholds(self) -> Iterator[tuple[str, Ranked]]:
        """Those of retention last: a name that promotion takes, too, is one of theirs."""
        promoting = [Ranked(one, 0, is_of_ends=False) for level in self.levels for one in leaves(level.promotion)]
        days = self.growth_grace_days
        retaining = [Ranked(one, days, is_of_ends=True) for level in self.levels for one in leaves(level.retention)]
        for ranked in (*promoting, *retaining):
            name = ranked.criterion.threshold(ranked.grace_days)
            if name is not None:
                yield name, ranked


def leaves(condition: Condition | None) -> Iterator[Criterion]:
    if isinstance(condition, Criterion):
        yield condition
    elif condition is not None:
        for part in condition.parts:
            yield from leaves(part)
