"""What matching by equal identifiers alone achieves: the yardstick beside the hub's figures.

- naive: union of all accounts that state an equal phone (its digits), e-mail (lower case), unionid or openid
- junk-free: the same without the values that people type to fill a field
- guarded: the same, but a value links two accounts only where their names do not contradict each other
"""

import csv
import json
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from opencc import OpenCC

from benchmarks.scoring import Account, Partition
from member_hub.demo import words

HONORIFICS = ("先生", "女士", "小姐")
Value = tuple[str, str]  # kind and value
JUNK = frozenset({("phone", phone) for phone in words.PHONE_JUNK} | {("email", words.EMAIL_JUNK)})


@dataclass(slots=True)
class Stated:
    """What one account ever said: when first, under which name, with which identifiers."""

    since: float
    name: str | None
    values: set[Value] = field(default_factory=set)


def read(folder: Path) -> dict[Account, Stated]:
    """Every account of the three channels; lines that cannot be read are left out."""
    accounts: dict[Account, Stated] = {}
    for account, since, name, values in (*_website(folder), *_app(folder), *_store(folder)):
        stated = accounts.setdefault(account, Stated(since, name))
        stated.since = min(stated.since, since)
        stated.values |= {value for value in values if value[1]}
    return accounts


def naive(accounts: Mapping[Account, Stated]) -> Partition:
    return _union(accounts, lambda held: [held])


def junk_free(accounts: Mapping[Account, Stated]) -> Partition:
    return _union(accounts, lambda held: [held], without=JUNK)


def guarded(accounts: Mapping[Account, Stated]) -> Partition:
    return _union(accounts, lambda held: _by_name(held, accounts), without=JUNK)


def _union(
    accounts: Mapping[Account, Stated],
    groups: Callable[[list[Account]], Iterable[list[Account]]],
    *,
    without: frozenset[Value] = frozenset(),
) -> Partition:
    """Accounts that one value groups together are one; so are chains of them."""
    holders: dict[Value, list[Account]] = defaultdict(list)
    for account, stated in accounts.items():
        for value in stated.values - without:
            holders[value].append(account)
    parent = {account: account for account in accounts}
    for held in holders.values():
        for group in groups(held):
            for other in group[1:]:
                parent[_root(parent, other)] = _root(parent, group[0])
    return {account: "/".join(_root(parent, account)) for account in accounts}


def _root(parent: dict[Account, Account], account: Account) -> Account:
    while parent[account] != account:
        parent[account] = parent[parent[account]]
        account = parent[account]
    return account


def _by_name(held: list[Account], accounts: Mapping[Account, Stated]) -> Iterable[list[Account]]:
    """In the order of time, each account joins the latest group whose names do not contradict its own."""
    groups: list[list[Account]] = []
    for account in sorted(held, key=lambda account: (accounts[account].since, account)):
        name = accounts[account].name
        for group in reversed(groups):
            if all(_agree(name, accounts[other].name) for other in group):
                group.append(account)
                break
        else:
            groups.append([account])
    return groups


def _agree(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return True
    (one, full), (other, other_full) = _name(one), _name(other)
    return one == other if full and other_full else one[:1] == other[:1]


@cache
def _name(raw: str) -> tuple[str, bool]:
    """The name in simplified characters without spaces, and whether it is more than a surname."""
    name = _simplified().convert(raw.replace(" ", ""))
    return name, "*" not in name and not name.endswith(HONORIFICS)


@cache
def _simplified() -> OpenCC:
    return OpenCC("t2s")


Row = tuple[Account, float, str | None, list[Value]]


def _website(folder: Path) -> Iterator[Row]:
    for line in _json_lines(folder / "website.jsonl"):
        at = _epoch(line.get("updated_at"))
        if line.get("account") and at:
            values = [("phone", _phone(line.get("phone"))), ("email", (line.get("email") or "").strip().lower())]
            yield ("website", line["account"]), at, line.get("name"), values


def _app(folder: Path) -> Iterator[Row]:
    for line in _json_lines(folder / "app.jsonl"):
        if line.get("user_id") and isinstance(line.get("ts"), int):
            openid = f"{line['appid']}/{line['openid']}"
            values = [("phone", _phone(line.get("mobile"))), ("unionid", line["unionid"] or ""), ("openid", openid)]
            yield ("app", line["user_id"]), line["ts"] / 1000, None, values


def _store(folder: Path) -> Iterator[Row]:
    with (folder / "store.csv").open(encoding="gb18030", newline="") as file:
        for row in csv.DictReader(file):
            at = _epoch(row["办卡日期"])
            if row["卡号"] and at:
                yield ("store", row["卡号"]), at, row["姓名"], [("phone", _phone(row["手机号"]))]


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                continue


def _epoch(text: str | None) -> float | None:
    """Seconds of an ISO time; none where it is no time."""
    try:
        return datetime.fromisoformat(text or "").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _phone(raw: str | None) -> str:
    """The digits, without the country code of China."""
    digits = "".join(char for char in unicodedata.normalize("NFKC", raw or "") if char.isdecimal())
    country = digits[: -len("13800138000")]
    return digits.removeprefix(country) if country in ("86", "0086") else digits
