"""Counts every kind of dirt in a demo set as a reader finds it: by the values, never by the tally."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

from member_hub.demo import words
from member_hub.demo.dirt import Dirt
from tests.demo.channels import Census, Row, digits, iso

AMOUNT = re.compile(r"-?\d+\.\d\d")
ORDERED_AT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00")
FULL_WIDTH_DIGITS = "[０-９]"
CHILD_BORN_FROM = 2013


def _count(values: Iterable[object]) -> int:
    return sum(bool(value) for value in values)


def _matching(pattern: str, values: list[str]) -> int:
    return _count(re.fullmatch(pattern, value) for value in values)


def _homophones(census: Census) -> int:
    def is_pair(one: str, other: str) -> bool:
        differing = [{a, b} for a, b in zip(one, other, strict=False) if a != b]
        return len(one) == len(other) and len(differing) == 1 and any(differing[0] <= set(g) for g in words.HOMOPHONES)

    return _count(is_pair(*pair) for names in census.typed_names().values() for pair in combinations(names, 2))


def _phone_pairs(census: Census) -> Iterator[tuple[str, str]]:
    """A website or app phone and a card phone of one person, where each account states a single one."""
    of = defaultdict(lambda: defaultdict(set))
    for account, phones in census.stated.items():
        of[census.truth[account]][account[0] == "store"] |= phones.keys()
    for sides in of.values():
        if len(sides[True]) == len(sides[False]) == 1:
            yield (*sides[False], *sides[True])


def _wrong_digits(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True)) if len(one) == len(other) else 99


def _shared_website_phones(census: Census) -> int:
    return _count(
        sum(any(channel == "website" for channel, _, _ in stated) for stated in people.values()) > 0
        and phone not in census.recycled
        and any({channel for channel, _, _ in stated} == {"website"} for stated in people.values())
        for phone, people in census.holders.items()
    )


def _family_cards(census: Census) -> int:
    return _count(
        any({channel for channel, _, _ in stated} == {"store"} for stated in people.values())
        for phone, people in census.holders.items()
        if phone not in census.recycled
    )


def _refunds(census: Census) -> list[Row]:
    return [row for row in census.orders if row["status"] == "refunded"]


def _line_repeats(census: Census) -> Iterator[tuple[Row, Row]]:
    of = defaultdict(list)
    for row in census.orders:
        of[row["channel"], row["order_no"], row["line_no"]].append(row)
    return ((rows[0], other) for rows in of.values() for other in rows[1:])


def _orders_before(census: Census) -> int:
    since = {m["user_id"]: iso(min(m["ts"], 2**50)) for m in sorted(census.app, key=lambda m: -m["ts"])}
    since |= {c["卡号"]: c["办卡日期"].replace(" ", "T") for c in census.cards}
    return _count(row["status"] == "paid" and row["ordered_at"] < since.get(row["key"], "") for row in census.orders)


def _replaced(census: Census) -> int:
    counts = defaultdict(set)
    for row in census.activity:
        counts[row["account"], row["day"], row["kind"]].add(row["count"])
    return _count(len(found) > 1 for found in counts.values())


def _changed(census: Census, key: str) -> int:
    return _count(key in one and one[key] != other[key] for one, other in census.updates)


def _before_first(census: Census) -> int:
    place = {m.get("message_id") or m["event_id"]: n for n, m in reversed(list(enumerate(census.messages)))}
    ids = [[m.get("message_id") or m["event_id"] for m in pair] for pair in census.updates]
    return _count(place[first] > place[later] for first, later in ids)


def _refund_share(census: Census, is_kind: Callable[[int, Row, int, Row], bool]) -> int:
    originals = census.originals
    return _count(
        is_kind(place, row, *originals[row["refund_of"]])
        for place, row in enumerate(census.orders)
        if row["refund_of"] in originals
    )


def _remarks(census: Census, texts: tuple[str, ...]) -> int:
    return _count(c["备注"] in texts for c in census.cards)


D = Dirt
CENSUS: dict[Dirt, Callable[[Census], int]] = {
    D.PHONE_PLUS_86: lambda c: _matching(r"\+86\d{11}", c.raw_phones),
    D.PHONE_0086: lambda c: _matching(r"0086\d{11}", c.raw_phones),
    D.PHONE_SPACES: lambda c: _matching(r"\d{3} \d{4} \d{4}", c.raw_phones),
    D.PHONE_DASHES: lambda c: _matching(r"\d{3}-\d{4}-\d{4}", c.raw_phones),
    D.PHONE_PADDED: lambda c: _matching(r" \d{11}\u3000", c.raw_phones),
    D.PHONE_FULL_WIDTH: lambda c: _matching(FULL_WIDTH_DIGITS + "{11}", c.raw_phones),
    D.PHONE_MISSING_WEBSITE: lambda c: _count(
        "phone" not in m and c.website_accounts[c.truth["website", m["account"]]] == 1 for m in c.website
    ),
    D.PHONE_MISSING_APP: lambda c: _count("mobile" not in m for m in c.app),
    D.PHONE_MISSING_STORE: lambda c: _count(not card["手机号"] for card in c.cards),
    D.PHONE_TYPED_ONLY_WEBSITE: lambda c: _count(m.get("phone_verified_at", "") is None for m in c.website),
    D.PHONE_TYPED_ONLY_APP: lambda c: _count(m.get("mobile_auth_time", "") is None for m in c.app),
    D.PHONE_VERIFIED_WEEKS_LATER: lambda c: _count(
        m.get("phone_verified_at") and m["phone_verified_at"][:10] > m["updated_at"][:10] for m in c.website
    ),
    D.PHONE_JUNK: lambda c: _count(phone in words.PHONE_JUNK for phone in c.raw_phones),
    D.PHONE_FOREIGN: lambda c: _matching(r"\+(852|65)\d{8}", c.raw_phones),
    D.PHONE_TYPO: lambda c: _count(_wrong_digits(*pair) == 1 for pair in _phone_pairs(c)),
    D.PHONE_OTHER: lambda c: _count(_wrong_digits(*pair) > 1 and pair[1] not in c.holders for pair in _phone_pairs(c)),
    D.PHONE_OF_FAMILY_ON_CARD: _family_cards,
    D.PHONE_SHARED_IN_FAMILY: _shared_website_phones,
    D.PHONE_RECYCLED: lambda c: len(c.recycled),
    D.PHONE_CHANGED: lambda c: _count(
        digits(one.get("phone") or one.get("mobile") or "") != digits(other.get("phone") or other.get("mobile") or "")
        and (one.get("phone") or one.get("mobile"))
        for one, other in c.updates
    ),
    D.PHONE_VERIFIED_BY_UPDATE: lambda c: _count(
        one.get("phone_verified_at", one.get("mobile_auth_time", 0)) is None
        and (other.get("phone_verified_at") or other.get("mobile_auth_time"))
        for one, other in c.updates
    ),
    D.NAME_MASKED: lambda c: _count(name.endswith("*") for name in c.names),
    D.NAME_HONORIFIC: lambda c: _count(name.endswith(("先生", "女士")) for name in c.names),
    D.NAME_TRADITIONAL: lambda c: _count(set(name) & set(words.TO_TRADITIONAL.values()) for name in c.names),
    D.NAME_SPACED: lambda c: _count(" " in name for name in c.names),
    D.NAME_HOMOPHONE: _homophones,
    D.NAME_RARE: lambda c: _count(set(name) & set(words.RARE) for name in c.names),
    D.NAME_COMPOUND: lambda c: _count(name.startswith(words.COMPOUND_SURNAMES) for name in c.names),
    D.NAME_OF_ANOTHER: lambda c: _count(
        times > 1 for times in Counter(name for names in c.typed_names().values() for name in names).values()
    ),
    D.NAME_CHANGED: lambda c: _changed(c, "name"),
    D.NICKNAME_IS_NAME: lambda c: _count(m["nickname"][:1] in words.SURNAMES and len(m["nickname"]) > 1 for m in c.app),
    D.NICKNAME_NUMBER: lambda c: _matching(r"用户\d{4}", [m["nickname"] for m in c.app]),
    D.NICKNAME_EMOJI: lambda c: _count(m["nickname"].startswith(words.NICKNAME_EMOJI) for m in c.app),
    D.RECEIVER_OTHER: lambda c: _count(
        "address" in m and m["address"]["receiver"][0] != m["name"][0] for m in c.website
    ),
    D.GENDER_MISSING: lambda c: _count(not m["gender"] for m in c.website),
    D.BIRTHDAY_MISSING: lambda c: _count(not m["birthday"] for m in c.website),
    D.BIRTHDAY_SLASHES: lambda c: _matching(r"\d{4}/\d\d/\d\d", c.birthdays),
    D.BIRTHDAY_DOTS: lambda c: _matching(r"\d{4}\.\d\d\.\d\d", c.birthdays),
    D.BIRTHDAY_COMPACT: lambda c: _matching(r"\d{8}", c.birthdays),
    D.BIRTHDAY_UNPADDED: lambda c: _matching(r"\d{4}-(\d-\d{1,2}|\d\d-\d)", c.birthdays),
    D.BIRTHDAY_CHINESE: lambda c: _matching(r"\d{4}年(0\d月\d\d日|\d\d月0\d日)", c.birthdays),
    D.BIRTHDAY_CHINESE_UNPADDED: lambda c: _matching(r"\d{4}年(\d月\d{1,2}|\d\d月\d)日", c.birthdays),
    D.BIRTHDAY_FULL_WIDTH: lambda c: _matching(FULL_WIDTH_DIGITS + "{4}-.*", c.birthdays),
    D.BIRTHDAY_IMPOSSIBLE: lambda c: _count(text in words.BIRTHDAY_IMPOSSIBLE for text in c.birthdays),
    D.CHILD: lambda c: _count(
        CHILD_BORN_FROM <= int(text[:4]) < 2090 for text in c.birthdays if text not in words.BIRTHDAY_IMPOSSIBLE
    ),
    D.EMAIL_MISSING: lambda c: _count("email" not in m for m in c.website),
    D.EMAIL_UPPER_CASE: lambda c: _count(m.get("email", "").isupper() for m in c.website),
    D.EMAIL_UNVERIFIED: lambda c: _count(m.get("email_verified") is False for m in c.website),
    D.EMAIL_JUNK: lambda c: _count(m.get("email", "").lower() == words.EMAIL_JUNK for m in c.website),
    D.EMAIL_INVALID: lambda c: _count(
        "email" in m and not re.fullmatch(r"[\w.]+@\w[\w.]*", m["email"]) for m in c.website
    ),
    D.EMAIL_CHANGED: lambda c: _changed(c, "email"),
    D.TWO_WEBSITE_ACCOUNTS: lambda c: _count(times > 1 for times in c.website_accounts.values()),
    D.SEVERAL_APPIDS: lambda c: _count(
        len(appids) > 1 for appids in _grouped((m["unionid"], m["appid"]) for m in c.app if m["unionid"]).values()
    ),
    D.UNIONID_MISSING: lambda c: _count(m["unionid"] is None for m in c.app),
    D.DEVICE_SHARED_TABLET: lambda c: _count(m["device_id"].startswith("ipad-store-") for m in c.app),
    D.DELIVERED_TWICE: lambda c: _count(times > 1 for times in Counter(c.lines).values()),
    D.UPDATED: lambda c: len(c.updates),
    D.UPDATE_BEFORE_FIRST: _before_first,
    D.CONSENT_CHANGED: lambda c: _changed(c, "consents"),
    D.JSON_BROKEN: lambda c: _count(not line.endswith("}") for line in c.lines),
    D.JSON_KEY_MISSING: lambda c: _count("account" not in m and "user_id" not in m for m in c.messages),
    D.JSON_TIME_IMPOSSIBLE: lambda c: _count(
        m.get("updated_at", m.get("ts")) in ("not a date", "2026-02-30", None) for m in c.messages
    ),
    D.CARD_ROW_SHORT: lambda c: _count(len(row) == 4 for row in c.store),
    D.CARD_NUMBER_MISSING: lambda c: _count(len(row) == 11 and not row[0] for row in c.store),
    D.CARD_ROW_REPEATED: lambda c: _count(times > 1 for times in Counter(map(tuple, c.store)).values()),
    D.CARD_BALANCE_IMPOSSIBLE: lambda c: _count(len(row) == 11 and not row[9].isdecimal() for row in c.store[1:]),
    D.REMARK_LINE_BREAK: lambda c: _count("\n" in card["备注"] for card in c.cards),
    D.REMARK_FORMULA: lambda c: _matching(r"[=+@].*", [card["备注"] for card in c.cards]),
    D.REMARK_SQL: lambda c: _remarks(c, words.REMARK_SQL),
    D.REMARK_MARKUP: lambda c: _remarks(c, words.REMARK_MARKUP),
    D.REMARK_QUOTES: lambda c: _remarks(c, words.REMARK_QUOTES),
    D.REMARK_HEALTH: lambda c: _remarks(c, words.REMARK_HEALTH),
    D.REMARK_CHILDREN: lambda c: _remarks(c, words.REMARK_CHILDREN),
    D.ORDER_KEY_UNKNOWN: lambda c: _count(row["key"] not in c.keys for row in c.orders),
    D.ORDER_BEFORE_ACCOUNT: _orders_before,
    D.ORDER_LINE_REPEATED: lambda c: _count(one == other for one, other in _line_repeats(c)),
    D.ORDER_LINE_CONFLICTING: lambda c: _count(one["amount_yuan"] != b["amount_yuan"] for one, b in _line_repeats(c)),
    D.ORDER_REFUND: lambda c: len(_refunds(c)),
    D.ORDER_REFUND_PARTIAL: lambda c: _refund_share(
        c, lambda _, refund, __, original: 0 < -float(refund["amount_yuan"]) < float(original["amount_yuan"])
    ),
    D.ORDER_REFUND_FIRST: lambda c: _refund_share(c, lambda place, _, of, __: place < of),
    D.ORDER_REFUND_OF_NOTHING: lambda c: _count(row["refund_of"] not in c.originals for row in _refunds(c)),
    D.ORDER_AMOUNT_IMPOSSIBLE: lambda c: _count(not AMOUNT.fullmatch(row["amount_yuan"]) for row in c.orders),
    D.ORDER_TIME_IMPOSSIBLE: lambda c: _count(
        not ORDERED_AT.fullmatch(row["ordered_at"]) or "-13-" in row["ordered_at"] for row in c.orders
    ),
    D.ORDER_STATUS_UNKNOWN: lambda c: _count(row["status"] not in ("paid", "refunded") for row in c.orders),
    D.ORDER_ROW_SHORT: lambda c: _count(len(row) == 5 for row in c.order_rows),
    D.ACTIVITY_COUNT_REPLACED: _replaced,
    D.ACTIVITY_COUNT_IMPOSSIBLE: lambda c: _count(not row["count"].isdecimal() for row in c.activity),
    D.ACTIVITY_DAY_IMPOSSIBLE: lambda c: _count(row["day"] in ("2026-02-30", "today", "") for row in c.activity),
    D.ACTIVITY_KIND_UNKNOWN: lambda c: _count(row["kind"] == "dance" for row in c.activity),
    D.ACTIVITY_ACCOUNT_UNKNOWN: lambda c: _count(row["account"] not in c.keys for row in c.activity),
}


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found = defaultdict(set)
    for key, value in pairs:
        found[key].add(value)
    return found
