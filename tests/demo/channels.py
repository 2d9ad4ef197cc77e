"""The files of a demo set as a reader finds them, with the truth beside them."""

import csv
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from member_hub.demo import words

Row = dict[str, Any]
ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
OLD_OWNERS_UNTIL, NEW_OWNERS_FROM = "2024-10-01", "2025-03-01"


@dataclass
class Census:
    """One demo set; everything is read when first asked for."""

    folder: Path
    truth: dict[tuple[str, str], str]

    @cached_property
    def lines(self) -> list[str]:
        """Every line of the two JSON files."""
        text = "".join((self.folder / name).read_text("utf-8") for name in ("website.jsonl", "app.jsonl"))
        return text.splitlines()

    @cached_property
    def messages(self) -> list[Row]:
        """The lines that are JSON."""
        return [json.loads(line) for line in self.lines if line.endswith("}")]

    @cached_property
    def website(self) -> list[Row]:
        return [m for m in self.messages if "account" in m and ISO.match(m["updated_at"] or "")]

    @cached_property
    def app(self) -> list[Row]:
        return [m for m in self.messages if "user_id" in m and isinstance(m["ts"], int)]

    @cached_property
    def store(self) -> list[list[str]]:
        return _csv(self.folder / "store.csv", "gb18030")

    @cached_property
    def cards(self) -> list[Row]:
        head, *rows = self.store
        complete = (dict(zip(head, row, strict=True)) for row in rows if len(row) == len(head) and row[0])
        return [card for card in complete if card["积分余额"].isdecimal()]

    @cached_property
    def order_rows(self) -> list[list[str]]:
        return _csv(self.folder / "orders.csv", "utf-8-sig")

    @cached_property
    def orders(self) -> list[Row]:
        head, *rows = self.order_rows
        return [dict(zip(head, row, strict=True)) for row in rows if len(row) == len(head)]

    @cached_property
    def originals(self) -> dict[str, tuple[int, Row]]:
        """Place and row of each paid line, where it stands first."""
        return {
            f"{row['order_no']}/{row['line_no']}": (place, row)
            for place, row in reversed(list(enumerate(self.orders)))
            if row["status"] == "paid"
        }

    @cached_property
    def keys(self) -> set[str]:
        return {key for _, key in self.truth}

    @cached_property
    def activity(self) -> list[Row]:
        head, *rows = _csv(self.folder / "activity.csv", "utf-8")
        return [dict(zip(head, row, strict=True)) for row in rows]

    @cached_property
    def raw_phones(self) -> list[str]:
        return [
            *(m["phone"] for m in self.website if "phone" in m),
            *(m["mobile"] for m in self.app if "mobile" in m),
            *(c["手机号"] for c in self.cards if c["手机号"]),
        ]

    @cached_property
    def names(self) -> list[str]:
        return [m["name"] for m in self.website] + [c["姓名"] for c in self.cards]

    @cached_property
    def birthdays(self) -> list[str]:
        stated = [*(m["birthday"] for m in self.website), *(m["birth"] for m in self.app)]
        return [text for text in (*stated, *(c["生日"] for c in self.cards)) if text]

    @cached_property
    def updates(self) -> list[tuple[Row, Row]]:
        """First and later message of the accounts that have both, in the order of time."""
        found = []
        for rows, key, time in ((self.website, "account", "updated_at"), (self.app, "user_id", "ts")):
            of = defaultdict(dict)
            for row in rows:
                of[row[key]][row.get("message_id") or row["event_id"]] = row
            found += [tuple(sorted(m.values(), key=lambda r: r[time])) for m in of.values() if len(m) == 2]
        return found

    @cached_property
    def stated(self) -> dict[tuple[str, str], dict[str, tuple[str, bool]]]:
        """Of each account its phones (digits): the day each was first stated, and whether it was verified."""
        found: dict[tuple[str, str], dict[str, tuple[str, bool]]] = defaultdict(dict)
        rows = [
            *(
                ("website", m["account"], m.get("phone"), m["updated_at"], m.get("phone_verified_at"))
                for m in self.website
            ),
            *(("app", m["user_id"], m.get("mobile"), iso(m["ts"]), m.get("mobile_auth_time")) for m in self.app),
            *(("store", c["卡号"], c["手机号"], c["办卡日期"], None) for c in self.cards),
        ]
        for channel, account, raw, at, verified in sorted(rows, key=lambda row: row[3]):
            if raw and (phone := digits(raw)) not in words.PHONE_JUNK:
                known = found[channel, account].get(phone, (at[:10], False))
                found[channel, account][phone] = (known[0], known[1] or verified is not None)
        return found

    @cached_property
    def holders(self) -> dict[str, dict[str, list[tuple[str, str, bool]]]]:
        """Of each phone the people who state it, with channel, day and whether verified."""
        found: dict[str, dict[str, list[tuple[str, str, bool]]]] = defaultdict(lambda: defaultdict(list))
        for account, phones in self.stated.items():
            for phone, (day, is_verified) in phones.items():
                found[phone][self.truth[account]].append((account[0], day, is_verified))
        return {phone: people for phone, people in found.items() if len(people) > 1}

    @cached_property
    def recycled(self) -> set[str]:
        """Phones verified by two people, the second one after the first was gone."""
        found = set()
        for phone, people in self.holders.items():
            owners = [stated for stated in people.values() if any(verified for _, _, verified in stated)]
            days = sorted(min(day for _, day, _ in stated) for stated in owners)
            if len(days) > 1 and days[0] < OLD_OWNERS_UNTIL and days[-1] >= NEW_OWNERS_FROM:
                found.add(phone)
        return found

    @cached_property
    def website_accounts(self) -> Counter[str]:
        """How many each person has."""
        return Counter(person for (channel, _), person in self.truth.items() if channel == "website")

    def typed_names(self) -> dict[str, set[str]]:
        """Of each person the full names as typed."""
        found = defaultdict(set)
        for channel, key, name in (
            *(("website", m["account"], m["name"]) for m in self.website),
            *(("store", c["卡号"], c["姓名"]) for c in self.cards),
        ):
            if "*" not in name and not name.endswith(("先生", "女士")):
                found[self.truth[channel, key]].add(name.replace(" ", ""))
        return found


def digits(raw: str) -> str:
    """The phone without its spelling; junk without digits stays."""
    kept = re.sub(r"[^\d+]", "", raw.translate(str.maketrans("０１２３４５６７８９", "0123456789")))
    return re.sub(r"^(\+86|0086)", "", kept) or raw


def _csv(path: Path, encoding: str) -> list[list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file))


def iso(ms: int) -> str:
    return (datetime(1970, 1, 1) + timedelta(milliseconds=ms, hours=8)).isoformat()  # noqa: DTZ001
