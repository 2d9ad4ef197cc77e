"""Points, growth, tiers and RFM worked out anew from the channel files, by another way than the hub's.

A plain script: the standard library, loops over the whole history, nothing of the hub. It is told which account is
whose (`member-hub identity export`) and the programme's rules, and reads the files as their README describes them.
It knows the rules as they ship, and stops where a programme says something that it does not know.
"""

import csv
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

CHINA = timezone(timedelta(hours=8))
CHANNEL_OF = {"website_account": "website", "app_user": "app", "store_card": "store"}
STORES = {f"SH{number:03}" for number in range(1, 41)}
LineKey = tuple[str, str, int]
Account = tuple[str, str]


@dataclass(slots=True)
class Line:
    """One paid line of an order, and what was refunded of it."""

    account: Account
    at: datetime
    fen: int
    refunded_fen: int = 0

    @property
    def kept_fen(self) -> int:
        return self.fen - self.refunded_fen

    @property
    def day(self) -> date:
        return self.at.astimezone(CHINA).date()

    def share(self, whole: int) -> int:
        """What is left of points or growth after the refunds: a refund rounds what stays down."""
        return whole * self.kept_fen // self.fen if self.fen else 0


@dataclass(slots=True)
class Person:
    """What one member should have."""

    active: int = 0
    pending: int = 0
    growth: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    tier: str = "base"
    recency: int | None = None
    frequency: int = 0
    monetary: int = 0
    scores: tuple[int, int, int] | None = None
    stage: str = "potential"
    risk: str | None = None
    lines: dict[LineKey, Line] = field(default_factory=dict)
    days: dict[tuple[Account, date, str], int] = field(default_factory=dict)

    def recent_growth(self, today: date) -> int:
        """Of the last twelve months."""
        first = date(today.year - 1, today.month, today.day) + timedelta(days=1)
        return max(0, sum(grown for day, grown in self.growth.items() if first <= day <= today))


def recompute(
    folder: Path, owners: Mapping[Account, str], rules: Mapping[str, Any], now: datetime
) -> dict[str, Person]:
    """Every member who has an account, by id."""
    people: dict[str, Person] = {owner: Person() for owner in owners.values()}
    for key, line in paid_lines(folder / "orders.csv", now).items():
        if line.account in owners:
            people[owners[line.account]].lines[key] = line
    for account, day, kind, count in activity(folder / "activity.csv", now):
        if account in owners:
            people[owners[account]].days[account, day, kind] = count
    for card, points in openings(folder / "store.csv").items():
        if ("store", card) in owners and points:
            people[owners["store", card]].active += points
    today = now.astimezone(CHINA).date()
    for person in people.values():
        _add_points(person, rules["points"], now)
        _add_growth(person, rules["tiers"])
        person.tier = _tier(person, rules["tiers"], today)
        _add_habits(person, rules["tags"], today)
    _add_scores(people.values())
    return people


def paid_lines(file: Path, now: datetime) -> dict[LineKey, Line]:
    """Every line once, the first delivery; refunds taken off the line that they name, and never more than is there."""
    paid: dict[LineKey, Line] = {}
    refunds: dict[LineKey, tuple[LineKey, int]] = {}
    with file.open(encoding="utf-8-sig", newline="") as rows:
        for row in csv.DictReader(rows):
            if not _is_sound(row, now):
                continue
            key = (row["channel"], row["order_no"].strip(), int(row["line_no"]))
            fen = _fen(row["amount_yuan"])
            if row["status"] == "paid":
                account = (CHANNEL_OF[row["key_kind"]], row["key"].strip())
                paid.setdefault(key, Line(account, datetime.fromisoformat(row["ordered_at"]), fen))
            else:
                order, _, line = row["refund_of"].rpartition("/")
                refunds.setdefault(key, ((row["channel"], order, int(line)), -fen))
    for of, fen in refunds.values():
        if of in paid:
            paid[of].refunded_fen += min(fen, paid[of].kept_fen)
    return paid


def activity(file: Path, now: datetime) -> Iterator[tuple[Account, date, str, int]]:
    """The last count of each account, day and kind within thirteen months."""
    with file.open(encoding="utf-8-sig", newline="") as rows:
        for row in csv.DictReader(rows):
            try:
                day, count = date.fromisoformat(row["day"]), int(row["count"])
            except (TypeError, ValueError):
                continue
            kinds = ("visit", "check_in", "review", "share", "survey")
            today = now.astimezone(CHINA).date()
            is_known = row["channel"] in ("website", "app", "store") and row["kind"] in kinds
            if is_known and 0 <= count < 2**15 and today - timedelta(days=396) <= day <= today + timedelta(days=1):
                yield (row["channel"], row["account"].strip()), day, row["kind"], count


def openings(file: Path) -> dict[str, int]:
    """The balance that came with each card, the first time."""
    found: dict[str, int] = {}
    with file.open(encoding="gb18030", newline="") as rows:
        for row in csv.DictReader(rows):
            if row["卡号"] and re.fullmatch(r"\d+", (row["积分余额"] or "").strip()):
                found.setdefault(row["卡号"].strip(), int(row["积分余额"]))
    return found


def _is_sound(row: Mapping[str, Any], now: datetime) -> bool:
    try:
        is_late = datetime.fromisoformat(row["ordered_at"]) > now + timedelta(days=1)
        fen, line = _fen(row["amount_yuan"]), int(row["line_no"])
    except (TypeError, ValueError):
        return False
    if is_late or line < 0 or row["channel"] not in CHANNEL_OF.values() or row["key_kind"] not in CHANNEL_OF:
        return False
    if row["status"] == "paid":
        has_store = row["store"] in STORES or (not row["store"] and row["channel"] != "store")
        return fen >= 0 and not row["refund_of"] and has_store
    return row["status"] == "refunded" and fen <= 0 and bool(re.fullmatch(r".+/\d+", row["refund_of"] or ""))


def _fen(yuan: str) -> int:
    if not re.fullmatch(r"-?\d+\.\d\d", yuan):
        raise ValueError
    return int(yuan.replace(".", ""))


def _add_points(person: Person, rules: Mapping[str, Any], now: datetime) -> None:
    """So many points a yuan and line, whole ones; pending for some days, and gone with the end of the year after."""
    purchase = rules["earn"]["purchase"]
    assert purchase["expiry"] == "end_of_year"
    assert purchase["order_max"] == purchase["day_max"] == 0
    for line in person.lines.values():
        kept = line.share(line.fen * purchase["rate_bp"] // (10_000 * 100))
        months = line.day.month - 1 + purchase["expiry_months"]
        if now < _midnight(line.day + timedelta(days=purchase["pending_days"] + 1)):
            person.pending += kept
        elif now < _midnight(date(line.day.year + months // 12 + 1, 1, 1)):
            person.active += kept


def _add_growth(person: Person, rules: Mapping[str, Any]) -> None:
    for line in person.lines.values():
        person.growth[line.day] += line.share(line.fen // rules["growth_fen"])
    for (_, day, kind), count in person.days.items():
        rule = rules["activity"].get(kind, {"growth": 0, "day_max": 0})
        person.growth[day] += min(rule["day_max"], rule["growth"] * count)


def _tier(person: Person, rules: Mapping[str, Any], today: date) -> str:
    """The highest whose promotion is met: nobody had a tier before."""
    return next(one["code"] for one in reversed(rules["levels"]) if _is_met(person, one.get("promotion"), today))


def _is_met(person: Person, rule: Mapping[str, Any] | None, today: date) -> bool:
    if rule is None:
        return True
    if "all" in rule:
        return all(_is_met(person, one, today) for one in rule["all"])
    if "any" in rule:
        return any(_is_met(person, one, today) for one in rule["any"])
    assert rule["window"] == "rolling"
    assert rule["months"] == 12
    first = date(today.year - 1, today.month, today.day) + timedelta(days=1)
    if rule["figure"] == "growth":
        reached = person.recent_growth(today)
    else:
        assert rule["figure"] == "orders"
        kept = {key[:2] for key, line in person.lines.items() if first <= line.day <= today and line.kept_fen > 0}
        reached = len(kept)
    return reached >= int(rule["at_least"])


def _add_habits(person: Person, rules: Mapping[str, Any], today: date) -> None:
    orders: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for key, line in person.lines.items():
        if line.kept_fen > 0 and line.day < today:
            orders[key[:2]].append(line)
    if not orders:
        return
    begins = today - timedelta(days=rules["window_days"])
    first = min(line.day for lines in orders.values() for line in lines)
    last_days = [max(line.day for line in lines) for lines in orders.values()]
    person.recency = (today - max(last_days)).days
    person.frequency = sum(day >= begins for day in last_days)
    person.monetary = sum(line.kept_fen for lines in orders.values() for line in lines if line.day >= begins)
    person.stage = _stage(person, rules, (today - first).days)
    gap = rules["default_gap_days"]
    if len(orders) > 1:
        gap = max(rules["gap_min_days"], (max(last_days) - first).days // (len(orders) - 1))
    if person.stage != "churned":
        waited = person.recency * 100
        is_medium, is_high = waited > gap * rules["medium_percent"], waited > gap * rules["high_percent"]
        person.risk = "high" if is_high else "medium" if is_medium else "low"


def _stage(person: Person, rules: Mapping[str, Any], known_days: int) -> str:
    assert person.recency is not None
    if person.recency > rules["churned_after_days"]:
        return "churned"
    if person.recency > rules["dormant_after_days"]:
        return "dormant"
    if known_days <= rules["new_days"]:
        return "new"
    return "loyal" if person.frequency >= rules["loyal_orders"] else "active"


def _add_scores(people: Iterable[Person]) -> None:
    """Quintiles over everybody: for r of who has an order, for f and m of who has one in the window."""
    buyers = [person for person in people if person.recency is not None]
    recencies = sorted((p.recency for p in buyers if p.recency is not None), reverse=True)
    frequencies = sorted(p.frequency for p in buyers if p.frequency > 0)
    amounts = sorted(p.monetary for p in buyers if p.monetary > 0)
    for person in buyers:
        assert person.recency is not None
        r = sum(person.recency < at for at in _quintiles(recencies))
        f = sum(person.frequency > at for at in _quintiles(frequencies))
        m = sum(person.monetary > at for at in _quintiles(amounts))
        person.scores = (r + 1, f + 1, m + 1)


def _quintiles(values: Sequence[int]) -> list[int]:
    return [values[-(-k * len(values) // 5) - 1] for k in range(1, 5)] if values else []


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CHINA)


def read_owners(file: Path) -> dict[Account, str]:
    """What `member-hub identity export` wrote."""
    with file.open(encoding="utf-8", newline="") as rows:
        return {(row["channel"], row["account"]): row["member_id"] for row in csv.DictReader(rows)}


def read_rules(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text("utf-8"))
