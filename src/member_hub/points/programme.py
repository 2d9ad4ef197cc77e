"""The table [points] of the programme's file, read strictly into rules."""

from datetime import date, timedelta
from typing import Final

from member_hub.organisation import Section
from member_hub.points.rules import FULL_BP, MULTIPLIER_BP_MAX, Campaign, EarnRule, Lasting, Rules
from member_hub.points.words import EARNED_KINDS, ExpiryUnit, LotKind, NegativeBalance

LIMIT_MAX: Final = 1_000_000_000
DAYS_MAX: Final = 3660
MONTHS_MAX: Final = 120
MINUTES_MAX: Final = 60 * 24 * 90
CAMPAIGNS_MAX: Final = 200
LASTING: Final = ("expiry", "expiry_months")
EARN: Final = ("rate_bp", "is_multiplied", "single_max", "order_max", "day_max", "pending_days", *LASTING)
LIMITS: Final = ("adjustment_max", "adjustment_alone_max", "transfer_min", "transfer_max", "transfer_day_max")


def rules_of(points: Section) -> Rules:
    """Raises PolicyError, with the line, for anything unknown, missing or out of its range."""
    points.only(
        "negative_balance", "hold_minutes", "hold_minutes_max", *LIMITS, "reinstate_days", "reinstated_days",
        "extend_days_max", "campaigns", "earn", "lasting",
    )  # fmt: skip
    policy = points.one_of("negative_balance", {one.value: one for one in NegativeBalance})
    longest = points.number("hold_minutes_max", 1, MINUTES_MAX)
    limits = {name: points.number(name, 1, LIMIT_MAX) for name in LIMITS}
    return Rules(
        earn=_earn(points),
        lasting=_lasting(_inner(points, "lasting", LASTING)),
        campaigns=[_campaign(one) for one in points.sections("campaigns", CAMPAIGNS_MAX)],
        negative_balance=NegativeBalance(policy),
        hold_for=timedelta(minutes=points.number("hold_minutes", 1, longest)),
        hold_for_max=timedelta(minutes=longest),
        reinstate_within=timedelta(days=points.number("reinstate_days", 1, DAYS_MAX)),
        reinstated_days=points.number("reinstated_days", 1, DAYS_MAX),
        extend_max=timedelta(days=points.number("extend_days_max", 1, DAYS_MAX)),
        **limits,
    )


def _earn(points: Section) -> dict[LotKind, EarnRule]:
    kinds = {kind.value: kind for kind in EARNED_KINDS}
    found = {}
    for name, section in points.tables("earn", len(kinds)):
        points.known("earn", name, kinds)
        inner = Section(section.file, section.source, f"points.{section.where}", section.values)
        inner.only(*EARN)
        found[kinds[name]] = EarnRule(
            rate_bp=inner.number("rate_bp", 0, MULTIPLIER_BP_MAX),
            is_multiplied=bool(inner.number("is_multiplied", 0, 1)),
            single_max=inner.number("single_max", 1, LIMIT_MAX),
            order_max=inner.number("order_max", 0, LIMIT_MAX),
            day_max=inner.number("day_max", 0, LIMIT_MAX),
            pending_days=inner.number("pending_days", 0, DAYS_MAX),
            lasting=_lasting(inner),
        )
    for name in kinds:
        points.known("earn", name, {kind.value: kind for kind in found})
    return found


def _inner(points: Section, key: str, keys: tuple[str, ...]) -> Section:
    values = points.values[key]
    inner = Section(points.file, points.source, f"points.{key}", values if isinstance(values, dict) else {})
    inner.only(*keys)
    return inner


def _lasting(section: Section) -> Lasting:
    unit = section.one_of("expiry", {one.value: one for one in ExpiryUnit})
    return Lasting(ExpiryUnit(unit), section.number("expiry_months", 1, MONTHS_MAX))


def _campaign(section: Section) -> Campaign:
    inner = Section(section.file, section.source, f"points.{section.where}", section.values)
    inner.only("name", "kind", "multiplier_bp", "from", "to")
    kind = LotKind(inner.one_of("kind", {kind.value: kind for kind in EARNED_KINDS}))
    first, last = _day(inner, "from"), _day(inner, "to")
    if last < first:
        raise inner.refused("to", "'to' is before 'from'")
    return Campaign(inner.text("name"), kind, inner.number("multiplier_bp", FULL_BP, MULTIPLIER_BP_MAX), first, last)


def _day(section: Section, key: str) -> date:
    try:
        return date.fromisoformat(section.text(key))
    except ValueError:
        raise section.refused(key, f"{key!r} is not a date like 2026-11-11") from None
