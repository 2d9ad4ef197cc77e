"""Whether criteria are met, by which numbers, and how much growth is missing (pure).

Who objected to the evaluation of activity, or to profiles, is not evaluated from it (PIPL 24, 44): a criterion of
activity then brings nobody up and takes nobody down. What was grown from activity before stays; nothing new grows.
A quantile belongs to a day: at the end of a term to the last day of it, else it is the one that was computed last.
Where it is not known nobody rises by it, and the end of a term is decided neither way: nobody falls, and nobody has
another term, by a number that nobody knows. So it is with retention by one of too few members, however long; promotion
by such a one is not met.

A quantile is a number that some member really has. So whoever is told what it takes, or how much is missing, is told
two leading digits, rounded up (`about`), and so is the log, which is part of a member's copy; decided is by the number
itself. Single digits are as they are: very many share them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from member_hub.tiers.rules.model import Condition, Criterion, Together, leaves
from member_hub.tiers.rules.windows import Span
from member_hub.tiers.words import OF_ACTIVITY, Figure

TENS: Final = 10
LEAST: Final = 1  # where a quantile is zero: nothing at all reaches nothing

Ask = tuple[Figure, Span]
Facts = Mapping[Ask, int]
Threshold = tuple[str, date | None]  # a quantile by its name and day; None: the one that was computed last


class Rule(StrEnum):
    """What a criterion is for. Here alone `retention` is that of a tier, as it stands beside promotion (GLOSSARY)."""

    PROMOTION = "promotion"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class Member:
    """What the rules ask of a member beside what is counted."""

    joined: date
    evaluates_activity: bool = True


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """From where a condition is looked at: the day on which its windows end, and how much further they reach back.

    `ranked_on`: the day, all over, by whose quantiles; None: by those that were computed last.
    """

    rule: Rule
    day: date
    grace_days: int = 0
    ranked_on: date | None = None

    def span(self, criterion: Criterion, member: Member) -> Span:
        return criterion.span(day=self.day, joined=member.joined).widened(self.grace_days)

    def threshold(self, criterion: Criterion) -> Threshold | None:
        name = criterion.threshold(self.grace_days)
        return None if name is None else (name, self.ranked_on)


@dataclass(frozen=True, slots=True)
class Reached:
    """One criterion: what it needed and what was reached. `needed` or `reached` of None could not be told."""

    rule: Rule
    tier: str
    figure: Figure
    window: str
    months: int
    span: Span
    at_quantile: int | None
    needed: int | None
    reached: int | None
    is_met: bool

    @property
    def told(self) -> int | None:
        """What may be said of `needed`."""
        return self.needed if self.needed is None or self.at_quantile is None else about(self.needed)

    @property
    def missing(self) -> int:
        """By what may be said."""
        if self.is_met or self.told is None or self.reached is None:
            return 0
        return self.told - self.reached


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of one member: the figures that were asked for, and the quantiles of all.

    A quantile of None is known not to be told: too few members have one.
    """

    member: Member
    facts: Facts
    thresholds: Mapping[Threshold, int | None]

    def reached(self, criterion: Criterion, tier: str, view: Viewpoint) -> Reached:
        span = view.span(criterion, self.member)
        needed = criterion.at_least
        threshold = view.threshold(criterion)
        if threshold is not None:
            found = self.thresholds.get(threshold)
            needed = None if found is None else max(LEAST, found)
        is_asked = self.member.evaluates_activity or criterion.figure not in OF_ACTIVITY
        value = self.facts[criterion.figure, span] if is_asked else None
        is_met = view.rule is Rule.RETENTION if value is None else needed is not None and value >= needed
        return Reached(
            view.rule, tier, criterion.figure, criterion.window, criterion.months, span, criterion.at_quantile,
            needed, value, is_met,
        )  # fmt: skip

    def is_met(self, condition: Condition | None, view: Viewpoint) -> bool:
        return self.is_known_to_be_met(condition, view) is True

    def is_known_to_be_met(self, condition: Condition | None, view: Viewpoint) -> bool | None:
        """None: it hangs on a quantile that is not known."""
        if condition is None:
            return True
        if isinstance(condition, Criterion):
            found = self.reached(condition, "", view)
            is_unknown = view.rule is Rule.RETENTION or view.threshold(condition) not in self.thresholds
            return None if found.needed is None and not found.is_met and is_unknown else found.is_met
        met = {self.is_known_to_be_met(part, view) for part in condition.parts}
        decides = not condition.takes_all
        return decides if decides in met else None if None in met else not decides

    def all_of(self, condition: Condition | None, tier: str, view: Viewpoint) -> list[Reached]:
        return [self.reached(criterion, tier, view) for criterion in leaves(condition)]

    def growth_missing(self, condition: Condition | None, view: Viewpoint) -> int:
        """How much more growth meets the part of a condition that growth can meet; the rest is in `all_of`."""
        return self._missing(condition, view)[1]

    def _missing(self, condition: Condition | None, view: Viewpoint) -> tuple[bool, int]:
        """Whether something other than growth is missing, and how much growth is."""
        if condition is None:
            return False, 0
        if isinstance(condition, Together):
            parts = [self._missing(part, view) for part in condition.parts]
            if condition.takes_all:
                return any(part[0] for part in parts), max(part[1] for part in parts)
            return min(parts)
        found = self.reached(condition, "", view)
        if condition.figure is Figure.GROWTH:
            return found.needed is None and not found.is_met, found.missing
        return not found.is_met, 0


def about(number: int) -> int:
    """Rounded up to two leading digits, of two digits to one."""
    if number < TENS:
        return number
    step: int = TENS ** max(1, len(str(number)) - 2)
    return -(-number // step) * step


def asked(condition: Condition | None, member: Member, view: Viewpoint) -> set[Ask]:
    """The figures that a condition needs of a member."""
    return {
        (criterion.figure, view.span(criterion, member))
        for criterion in leaves(condition)
        if member.evaluates_activity or criterion.figure not in OF_ACTIVITY
    }


def ranked(condition: Condition | None, view: Viewpoint) -> set[Threshold]:
    """The quantiles that a condition needs."""
    return {threshold for criterion in leaves(condition) if (threshold := view.threshold(criterion)) is not None}


def logged(reasons: Sequence[Reached]) -> list[dict[str, object]]:
    """As numbers for the log: counts, days and words, nothing that names an order."""
    return [
        {
            "rule": one.rule,
            "tier": one.tier,
            "figure": one.figure,
            "window": one.window,
            "months": one.months,
            "first": one.span.first.isoformat(),
            "last": one.span.last.isoformat(),
            "at_quantile": one.at_quantile,
            "needed": one.told,
            "reached": one.reached,
            "met": one.is_met,
        }
        for one in reasons
    ]


def read_back(rows: Sequence[Mapping[str, object]]) -> list[Reached]:
    """What `logged` wrote."""
    return [_read(dict(row)) for row in rows]


def _read(row: dict[str, object]) -> Reached:
    def number(name: str) -> int | None:
        value = row[name]
        return value if isinstance(value, int) else None

    span = Span(date.fromisoformat(str(row["first"])), date.fromisoformat(str(row["last"])))
    return Reached(
        Rule(str(row["rule"])), str(row["tier"]), Figure(str(row["figure"])), str(row["window"]),
        number("months") or 0, span, number("at_quantile"), number("needed"), number("reached"), row["met"] is True,
    )  # fmt: skip
