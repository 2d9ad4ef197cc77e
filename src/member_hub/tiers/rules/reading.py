"""Rules read strictly: the table [tiers] of the programme's file, or the same shape in a proposal (TOML or JSON)."""

from collections.abc import Iterator, Sequence
from typing import Final

from member_hub.orders.tables import ACTIVITY_RETENTION_DAYS
from member_hub.organisation import PolicyError, Section
from member_hub.tiers.rules.model import (
    FULL_BP,
    ActivityGrowth,
    Condition,
    Criterion,
    Level,
    TierRules,
    Together,
    leaves,
)
from member_hub.tiers.words import COUNTED_KINDS, LOWEST, OF_ACTIVITY, Demotion, Figure, TermEnd, Window

LEVELS_MAX: Final = 10
LEAVES_MAX: Final = 12  # criteria of one condition
DEPTH_MAX: Final = 3
MONTHS_MAX: Final = 120
ACTIVITY_MONTHS_MAX: Final = 12  # activity is kept for 13 months
DAYS_MAX: Final = 366
YEAR_DAYS: Final = 366
LEAST_MAX: Final = 10**12
GROWTH_DAY_MAX: Final = 100_000
MULTIPLIER_BP_MAX: Final = 100 * FULL_BP
RULES: Final = ("growth_fen", "demotion", "tier_grace_days", "growth_grace_days", "notice_days", "activity", "levels")
LEVEL: Final = ("code", "zh", "en", "multiplier_bp", "share_bp")
HIGHER: Final = ("promotion", "retention", "term_months", "term_end")


def rules_of(tiers: Section) -> TierRules:
    """Raises PolicyError, with the place, for anything unknown, missing or out of its range."""
    tiers.only(*RULES)
    levels = [_level(one, rank) for rank, one in enumerate(tiers.sections("levels", LEVELS_MAX))]
    if not levels:
        raise tiers.refused("levels", "there is no tier")
    codes = [level.code for level in levels]
    if len(set(codes)) != len(codes):
        raise tiers.refused("levels", "a code stands twice")
    if codes[0] != LOWEST:
        raise tiers.refused("levels", f"the lowest tier has to have the code {LOWEST!r}")
    if sum(level.share_bp for level in levels) != FULL_BP:
        raise tiers.refused("levels", f"the target shares 'share_bp' have to add up to {FULL_BP}")
    return TierRules(
        levels=levels,
        growth_fen=tiers.number("growth_fen", 1, LEAST_MAX),
        activity=_activity(tiers),
        demotion=Demotion(tiers.one_of("demotion", {one.value: one for one in Demotion})),
        tier_grace_days=tiers.number("tier_grace_days", 0, DAYS_MAX),
        growth_grace_days=_growth_grace_days(tiers, levels),
        notice_days=tiers.number("notice_days", 1, DAYS_MAX),
    )


def _growth_grace_days(tiers: Section, levels: Sequence[Level]) -> int:
    """So many that no window of activity reaches back beyond the days for which it is kept."""
    days = tiers.number("growth_grace_days", 0, DAYS_MAX)
    active = [one for level in levels for one in leaves(level.retention) if one.figure in OF_ACTIVITY]
    longest = max((min(YEAR_DAYS, 31 * one.months or YEAR_DAYS) for one in active), default=0)
    if longest + days > ACTIVITY_RETENTION_DAYS:
        most = min(DAYS_MAX, ACTIVITY_RETENTION_DAYS - longest)
        raise tiers.refused(
            "growth_grace_days", f"activity is kept for 13 months: 'growth_grace_days' is {most} at most"
        )
    return days


def _activity(tiers: Section) -> dict[Figure, ActivityGrowth]:
    if tiers.values.get("activity") == {}:
        return {}
    kinds = {kind.value: kind for kind in COUNTED_KINDS}
    found = {}
    for name, section in tiers.tables("activity", len(kinds)):
        tiers.known("activity", name, kinds)
        inner = _inside(tiers, section)
        inner.only("growth", "day_max")
        growth = inner.number("growth", 1, GROWTH_DAY_MAX)
        found[kinds[name]] = ActivityGrowth(growth, inner.number("day_max", growth, GROWTH_DAY_MAX))
    return found


def _level(section: Section, rank: int) -> Level:
    place = Section(section.file, section.source, f"tiers.{section.where}", section.values)
    gift = ("gift",) if "gift" in section.values else ()
    place.only(*LEVEL, *(HIGHER if rank else ()), *(gift if rank else ()))
    promotion = retention = None
    months, end = 0, TermEnd.ROLLING
    if rank:
        promotion, retention = _condition(place, "promotion"), _condition(place, "retention")
        months = place.number("term_months", 1, MONTHS_MAX)
        end = TermEnd(place.one_of("term_end", {one.value: one for one in TermEnd}))
    return Level(
        code=place.text("code"),
        zh=place.text("zh"),
        en=place.text("en"),
        multiplier_bp=place.number("multiplier_bp", 1, MULTIPLIER_BP_MAX),
        share_bp=place.number("share_bp", 0, FULL_BP),
        promotion=promotion,
        retention=retention,
        term_months=months,
        term_end=end,
        gift=place.text("gift") if gift and rank else None,
    )


def _condition(level: Section, key: str) -> Condition:
    found = _node(level, key, level.values[key], DEPTH_MAX)
    if sum(1 for _ in leaves(found)) > LEAVES_MAX:
        raise level.refused(key, f"{key!r} has more than {LEAVES_MAX} criteria")
    return found


def _node(level: Section, key: str, value: object, depth: int) -> Condition:
    if not isinstance(value, dict):
        raise level.refused(key, f"{key!r} is not a criterion")
    for word in ("all", "any"):
        if word in value:
            parts = value[word]
            if len(value) != 1 or not isinstance(parts, list) or not parts or depth == 0:
                raise level.refused(key, f"{word!r} in {key!r} has to be a list of criteria, nested {DEPTH_MAX} deep")
            return Together(word == "all", [_node(level, key, part, depth - 1) for part in parts])
    return _criterion(level, key, value)


def _criterion(level: Section, key: str, value: dict[str, object]) -> Criterion:
    inner = _Within(level, key, value)
    goal = "at_quantile" if "at_quantile" in value else "at_least"
    months = ("months",) if value.get("window") == Window.ROLLING else ()
    inner.only("figure", "window", goal, *months)
    figure = Figure(inner.one_of("figure", {one.value: one for one in Figure}))
    window = Window(inner.one_of("window", {one.value: one for one in Window}))
    longest = ACTIVITY_MONTHS_MAX if figure in OF_ACTIVITY else MONTHS_MAX
    if figure in OF_ACTIVITY and window is Window.EVER:
        raise inner.refused("activity is kept for 13 months: a window of it is shorter")
    if goal == "at_quantile" and window is Window.ANNIVERSARY:
        raise inner.refused("a quantile compares all members in one window, not in each one's own")
    if goal == "at_quantile" and window is Window.CALENDAR_YEAR and key == "promotion":
        raise inner.refused("a quantile of the year so far is next to nothing in January: take a rolling window")
    return Criterion(
        figure=figure,
        window=window,
        months=inner.number("months", 1, longest) if months else 0,
        at_least=inner.number(goal, 1, LEAST_MAX) if goal == "at_least" else None,
        at_quantile=inner.number(goal, 1, 99) if goal == "at_quantile" else None,
    )


class _Within:
    """A criterion, refused at the place of the condition that it stands in: tomllib keeps no other positions."""

    def __init__(self, level: Section, key: str, values: dict[str, object]) -> None:
        self._level, self._key = level, key
        self._section = Section(level.file, level.source, level.where, values)

    def only(self, *keys: str) -> None:
        for key in self._section.values:
            if key not in keys:
                raise self.refused(f"unknown key {key!r}")
        for key in keys:
            if key not in self._section.values:
                raise self.refused(f"the key {key!r} is missing")

    def one_of(self, key: str, choices: dict[str, object]) -> str:
        value = self._section.values[key]
        if not isinstance(value, str) or value not in choices:
            raise self.refused(f"{key!r} has to be one of {', '.join(choices)}")
        return value

    def number(self, key: str, least: int, most: int) -> int:
        value = self._section.values[key]
        if type(value) is not int or not least <= value <= most:
            raise self.refused(f"{key!r} has to be a whole number from {least} to {most}")
        return value

    def refused(self, reason: str) -> PolicyError:
        return self._level.refused(self._key, f"{self._key}: {reason}")


def _inside(tiers: Section, section: Section) -> Section:
    return Section(tiers.file, tiers.source, f"{tiers.where}.{section.where}".strip("."), section.values)


def values_of(rules: TierRules) -> dict[str, object]:
    """Rules in the shape in which they are read: what is stored, and what their digest is made of."""
    return {
        "growth_fen": rules.growth_fen,
        "demotion": rules.demotion.value,
        "tier_grace_days": rules.tier_grace_days,
        "growth_grace_days": rules.growth_grace_days,
        "notice_days": rules.notice_days,
        "activity": {k.value: {"growth": one.growth, "day_max": one.day_max} for k, one in rules.activity.items()},
        "levels": [dict(_level_values(level)) for level in rules.levels],
    }


def _level_values(level: Level) -> Iterator[tuple[str, object]]:
    for name in LEVEL:
        yield name, getattr(level, name)
    if level.promotion is not None and level.retention is not None:
        yield "promotion", _values(level.promotion)
        yield "retention", _values(level.retention)
        yield "term_months", level.term_months
        yield "term_end", level.term_end.value
    if level.gift is not None:
        yield "gift", level.gift


def _values(condition: Condition) -> dict[str, object]:
    if isinstance(condition, Together):
        return {"all" if condition.takes_all else "any": [_values(part) for part in condition.parts]}
    found: dict[str, object] = {"figure": condition.figure.value, "window": condition.window.value}
    if condition.window is Window.ROLLING:
        found["months"] = condition.months
    if condition.at_least is not None:
        return found | {"at_least": condition.at_least}
    return found | {"at_quantile": condition.at_quantile}
