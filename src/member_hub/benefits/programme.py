"""The table [benefits] of the programme's file, read strictly into rules."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final

from member_hub.benefits.rules import Benefit, BenefitRules
from member_hub.benefits.words import PERIODS, Period, Source
from member_hub.organisation import Section
from member_hub.tiers import TierRules
from member_hub.tiers.rules.model import Level

DEFINITIONS_MAX: Final = 100
QUANTITY_MAX: Final = 1_000
DAYS_MAX: Final = 3_660
ISSUE_MAX: Final = 100
MINUTES_MAX: Final = 60 * 24 * 30
_WITH_DAYS: Final = (Source.PROMOTION, Source.ISSUED)
_CAMPAIGN: Final = ("from", "to")


def rules_of(benefits: Section, levels: TierRules) -> BenefitRules:
    """`levels`: the tiers of the programme, which quantities and gifts are for.

    Raises PolicyError, with the line, for anything unknown, missing or out of its range.
    """
    benefits.only("void_minutes", "staff_day_max", "definitions")
    codes = {level.code for level in levels.levels}
    rules = BenefitRules(
        definitions={name: _benefit(name, section, codes) for name, section in _below(benefits, "definitions")},
        void_within=timedelta(minutes=benefits.number("void_minutes", 1, MINUTES_MAX)),
        staff_day_max=benefits.number("staff_day_max", 1, QUANTITY_MAX),
    )
    _check_gifts(benefits, rules, levels)
    return rules


def _check_gifts(benefits: Section, rules: BenefitRules, levels: TierRules) -> None:
    """Raises PolicyError where a tier names a gift that is none, or none for that tier."""
    for level in without_gift(rules, levels):
        reason = f"the tier {level.code!r} names the gift {level.gift!r}, which is no promotion benefit of that tier"
        raise benefits.refused("definitions", reason)


def without_gift(rules: BenefitRules, levels: TierRules) -> list[Level]:
    """The tiers that name a gift which is none, or none for that tier."""
    return [level for level in levels.levels if level.gift is not None and not _is_gift(rules, level)]


def _is_gift(rules: BenefitRules, level: Level) -> bool:
    gift = rules.definitions.get(level.gift or "")
    return gift is not None and gift.source is Source.PROMOTION and level.code in gift.quantity


def _below(benefits: Section, key: str) -> list[tuple[str, Section]]:
    """The named tables, each knowing the whole path of its header."""
    return [
        (name, Section(one.file, one.source, f"{benefits.where}.{one.where}", one.values))
        for name, one in benefits.tables(key, DEFINITIONS_MAX)
    ]


def _benefit(code: str, section: Section, tiers: Collection[str]) -> Benefit:
    source = Source(section.one_of("source", {one.value: one for one in Source}))
    has_days, is_campaign = source in _WITH_DAYS, any(key in section.values for key in _CAMPAIGN)
    section.only(
        "zh",
        "en",
        "source",
        "period",
        "quantity",
        *(["days"] if has_days else []),
        *(["issue_max"] if source is Source.ISSUED else []),
        *(_CAMPAIGN if is_campaign else []),
    )
    first, last = (_day(section, "from"), _day(section, "to")) if is_campaign else (None, None)
    if first is not None and last is not None and last < first:
        raise section.refused("to", "'to' is before 'from'")
    return Benefit(
        code=code,
        zh=section.text("zh"),
        en=section.text("en"),
        source=source,
        period=Period(section.one_of("period", {one.value: one for one in PERIODS[source]})),
        quantity=_quantity(section, tiers),
        days=section.number("days", 1, DAYS_MAX) if has_days else 0,
        issue_max=section.number("issue_max", 1, ISSUE_MAX) if source is Source.ISSUED else 0,
        first=first,
        last=last,
    )


def _quantity(section: Section, tiers: Collection[str]) -> dict[str, int]:
    values = section.values["quantity"]
    if not isinstance(values, dict) or not values:
        raise section.refused("quantity", "'quantity' has to say how often, by tier")
    inner = Section(section.file, section.source, section.where, values)
    for tier in values:
        if tier not in tiers:
            raise section.refused("quantity", f"{tier!r} is no tier of the programme")
    return {tier: inner.number(tier, 1, QUANTITY_MAX) for tier in values}


def _day(section: Section, key: str) -> date:
    try:
        return date.fromisoformat(section.text(key))
    except ValueError:
        raise section.refused(key, f"{key!r} is not a date like 2026-11-11") from None
