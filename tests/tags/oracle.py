"""The same figures and conditions once more, in plain Python from the facts: written from the words in figures.py."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from member_hub.clock import SHANGHAI

Facts = Sequence[tuple[Any, ...]]  # (channel, order, line, fen, at, refund_of or None)


def day_of(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def bought(facts: Facts, today: date, numbers: Any) -> dict[str, Any]:
    """The figures of orders of one member, without scores."""
    left: dict[tuple[str, str, int], int] = {}
    when: dict[tuple[str, str, int], date] = {}
    for channel, order, number, fen, at, refund_of in facts:
        if refund_of is None:
            left[channel, order, number], when[channel, order, number] = fen, day_of(at)
    for channel, _, _, fen, _, refund_of in facts:
        if refund_of is not None and (channel, *refund_of) in left:
            left[channel, refund_of[0], refund_of[1]] += fen
    counting = {key: fen for key, fen in left.items() if fen > 0 and when[key] < today}
    begins = today - timedelta(days=numbers.window_days)
    orders: dict[tuple[str, str], list[date]] = defaultdict(list)
    for key in counting:
        orders[key[:2]].append(when[key])
    found: dict[str, Any] = {
        "frequency_12m": sum(1 for days in orders.values() if max(days) >= begins),
        "monetary_12m_fen": sum(fen for key, fen in counting.items() if when[key] >= begins),
        "orders_ever": len(orders) or None,
        "recency_days": None,
        "first_order_on": None,
        "last_order_on": None,
        "usual_gap_days": None,
    }
    if orders:
        last, first = max(max(days) for days in orders.values()), min(min(days) for days in orders.values())
        gap = max(numbers.gap_min_days, (last - first).days // (len(orders) - 1)) if len(orders) > 1 else None
        found |= {"recency_days": (today - last).days, "first_order_on": first, "last_order_on": last}
        found["usual_gap_days"] = numbers.default_gap_days if gap is None else gap
    return found | staged(found, today, numbers)


def staged(found: Mapping[str, Any], today: date, numbers: Any) -> dict[str, Any]:
    recency = found["recency_days"]
    if recency is None:
        return {"lifecycle_stage": "potential", "churn_risk": None}
    if recency > numbers.churned_after_days:
        return {"lifecycle_stage": "churned", "churn_risk": None}
    stage = "active"
    if recency > numbers.dormant_after_days:
        stage = "dormant"
    elif (today - found["first_order_on"]).days <= numbers.new_days:
        stage = "new"
    elif found["frequency_12m"] >= numbers.loyal_orders:
        stage = "loyal"
    waited, gap = recency * 100, found["usual_gap_days"]
    risk = (
        "high" if waited > gap * numbers.high_percent else "medium" if waited > gap * numbers.medium_percent else "low"
    )
    return {"lifecycle_stage": stage, "churn_risk": risk}


def at_percent(values: Sequence[int], percent: int, *, from_above: bool = False) -> int | None:
    """The value at position ceil(percent * n / 100)."""
    ordered = sorted((value for value in values if value > 0), reverse=from_above)
    return ordered[-(-percent * len(ordered) // 100) - 1] if ordered else None


def scored(everybody: Sequence[dict[str, Any]], counted: Sequence[dict[str, Any]]) -> None:
    """Write the scores beside the figures of everybody, by the quintiles over those who are counted."""
    for score, figure in (("r_score", "recency_days"), ("f_score", "frequency_12m"), ("m_score", "monetary_12m_fen")):
        values = [one[figure] for one in counted if one[figure] is not None]
        points = [at_percent(values, percent, from_above=score == "r_score") for percent in (20, 40, 60, 80)]
        for one in everybody:
            one[score] = None
            if one["recency_days"] is not None:
                mine = one[figure]
                beaten = [at for at in points if at is not None and (mine < at if score == "r_score" else mine > at)]
                one[score] = 1 + len(beaten)


def active(facts: Sequence[tuple[date, str, int]], today: date) -> dict[str, int]:
    """The figures of activity: facts are (day, kind, count), a day and kind perhaps by several accounts."""
    found = {f"{kind}_{days}d": 0 for kind in ("visit", "check_in", "review", "share", "survey") for days in (30, 90)}
    days_active, checked = set(), set()
    for day, kind, count in facts:
        back = (today - day).days
        for days in (30, 90):
            if 1 <= back <= days:
                found[f"{kind}_{days}d"] += count
        if 1 <= back <= 90 and count > 0:
            days_active.add(day)
        if back >= 1 and kind == "check_in" and count > 0:
            checked.add(day)
    streak = 0
    while today - timedelta(days=streak + 1) in checked:
        streak += 1
    return found | {"active_days_90d": len(days_active), "streak": streak}


def holds(  # noqa: C901 - the whole language at a glance
    rule: Any, mine: Mapping[str, Any], everybody: Sequence[Mapping[str, Any]], today: date
) -> bool:
    """A condition of one member; `everybody` is who counts for quantiles."""
    match rule:
        case {"all": parts}:
            return all(holds(part, mine, everybody, today) for part in parts)
        case {"any": parts}:
            return any(holds(part, mine, everybody, today) for part in parts)
        case {"not": part}:
            return not holds(part, mine, everybody, today)
    value = mine[rule["figure"]]
    (word,) = set(rule) - {"figure"}
    said = rule[word]
    if value is None:
        return False
    match word:
        case "equals":
            return bool(value == said)
        case "one_of":
            return value in said
        case "at_least":
            return bool(value >= said)
        case "at_most":
            return bool(value <= said)
        case "includes":
            return said in value
        case "days_ago_at_least":
            return bool((today - value).days >= said)
        case "days_ago_at_most":
            return bool((today - value).days <= said)
    at = at_percent([one[rule["figure"]] for one in everybody if one[rule["figure"]] is not None], said)
    return at is not None and bool(value < at if word == "below_quantile" else value >= at)
