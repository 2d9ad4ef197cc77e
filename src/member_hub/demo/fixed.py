"""The members that stand in every demo set, the same for every seed: README, tests and app developers name them.

Their phones begin with 167 or +85291, their accounts with 9000 and their cards with 8899, which are never drawn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from member_hub.clock import SHANGHAI

Message = dict[str, Any]
HOME_STORE = "SH007"


@dataclass(frozen=True, slots=True)
class FixedMember:
    """One person of the demo set; `number` is the person in the truth file."""

    number: str
    what: str
    name: str
    is_female: bool
    born: date
    phone: str
    email: str
    website: Sequence[str] = ()
    user_ids: Sequence[str] = ()
    cards: Sequence[str] = ()
    unionid: str | None = None
    home_store: str = HOME_STORE

    @property
    def accounts(self) -> Iterator[tuple[str, str]]:
        """Channel and account of every account, as in the files."""
        yield from (("website", account) for account in self.website)
        yield from (("app", user_id) for user_id in self.user_ids)
        yield from (("store", card) for card in self.cards)


MERGED = FixedMember(
    "fixed-merged", "website, app and card of one person", "林知夏", True, date(1990, 4, 12), "16788010001",
    "zhixia.lin.demo@163.com", ("W900000001",), ("A900000001",), ("8899000001",), "o6_fixedMerged00000000000001",
)  # fmt: skip
CHILD = FixedMember(
    "fixed-child", "under 14 in November 2026", "苏小满", True, date(2015, 5, 20), "16788010002",
    "xiaoman.su.demo@qq.com", ("W900000002",), (), ("8899000002",), None, "SH015",
)  # fmt: skip
RECYCLED_OLD = FixedMember(
    "fixed-recycled-old", "held the phone until 2023", "赵启明", False, date(1975, 9, 3), "16788010003",
    "qiming.zhao.demo@126.com", ("W900000003",),
)  # fmt: skip
RECYCLED_NEW = FixedMember(
    "fixed-recycled-new", "verified that phone in 2026", "沈若彤", True, date(1998, 1, 30), "16788010003",
    "ruotong.shen.demo@163.com", ("W900000004",), ("A900000004",), (), "o6_fixedRecycled0000000000004",
)  # fmt: skip
CARD_ONLY = FixedMember(
    "fixed-card-only", "a store card and nothing else", "何秋月", True, date(1956, 10, 1), "16788010004",
    "", (), (), ("8899000004",), None, "SH031",
)  # fmt: skip
TWO_ACCOUNTS = FixedMember(
    "fixed-two-accounts", "two accounts on the website", "罗子安", False, date(1987, 7, 7), "16788010005",
    "zian.luo.demo@outlook.com", ("W900000005", "W900000006"),
)  # fmt: skip
FOREIGN_PHONE = FixedMember(
    "fixed-foreign-phone", "a phone of Hong Kong", "陈嘉文", False, date(1982, 12, 24), "+85291230006",
    "kaman.chan.demo@gmail.com", ("W900000007",), (), ("8899000007",), None, "SH022",
)  # fmt: skip
LATELY_VERIFIED = FixedMember(
    "fixed-lately-verified", "verified the phone in November 2026: a code alone signs in", "唐予安", False,
    date(1993, 6, 16), "16788010007", "yuan.tang.demo@163.com", ("W900000008",),
)  # fmt: skip
MEMBERS = (MERGED, CHILD, RECYCLED_OLD, RECYCLED_NEW, CARD_ONLY, TWO_ACCOUNTS, FOREIGN_PHONE, LATELY_VERIFIED)


def website_messages() -> Iterator[Message]:
    yield _message("01", MERGED, 0, _at(2024, 3, 5), phone="167-8801-0001")
    yield _message("02", CHILD, 0, _at(2026, 5, 2))
    yield _message("03", RECYCLED_OLD, 0, _at(2023, 2, 14))
    yield _message("04", RECYCLED_NEW, 0, _at(2026, 3, 8))
    yield _message("05", TWO_ACCOUNTS, 0, _at(2023, 11, 11))
    yield _message("06", TWO_ACCOUNTS, 1, _at(2025, 6, 18), phone="+8616788010005")
    yield _message("07", FOREIGN_PHONE, 0, _at(2025, 1, 20), phone="+852 9123 0006")
    yield _message("08", LATELY_VERIFIED, 0, _at(2026, 11, 6))


def app_events() -> Iterator[Message]:
    yield _event("11", MERGED, _at(2025, 7, 1), nickname="🌻夏夏")
    yield _event("12", RECYCLED_NEW, _at(2026, 4, 9), nickname="小彤")


def card_rows() -> Iterator[list[str]]:
    yield _card(MERGED, _at(2025, 12, 6), tier="核心", balance="1280")
    yield _card(CHILD, _at(2026, 6, 1), tier="基础", balance="0")
    yield _card(CARD_ONLY, _at(2024, 9, 17), tier="VIP", balance="20560")
    yield _card(FOREIGN_PHONE, _at(2025, 3, 3), tier="标准", balance="0")


def order_rows() -> Iterator[list[str]]:
    website, app, card = MERGED.website[0], MERGED.user_ids[0], MERGED.cards[0]
    paid = ("paid", "")
    yield ["O90000001", "1", "website", "", "website_account", website, "268.00", _at(2024, 3, 9).isoformat(), *paid]
    yield ["O90000002", "1", "app", "", "app_user", app, "159.90", _at(2026, 2, 3).isoformat(), *paid]
    yield ["O90000003", "1", "store", "SH007", "store_card", card, "499.00", _at(2026, 8, 8).isoformat(), *paid]
    refund = ("refunded", "O90000003/1")
    yield ["O90000004", "1", "store", "", "store_card", card, "-99.00", _at(2026, 8, 12).isoformat(), *refund]
    card = CARD_ONLY.cards[0]
    yield ["O90000005", "1", "store", "SH031", "store_card", card, "1088.00", _at(2026, 5, 1).isoformat(), *paid]


def activity_rows() -> Iterator[list[str]]:
    yield ["website", MERGED.website[0], "2026-10-12", "visit", "2"]
    yield ["app", MERGED.user_ids[0], "2026-10-12", "check_in", "1"]
    yield ["app", RECYCLED_NEW.user_ids[0], "2026-10-20", "visit", "3"]


def _at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 10, 30, tzinfo=SHANGHAI)


def _delivery(number: str) -> str:
    return f"f1ced000-0000-4000-a000-0000000000{number}"


def _message(number: str, member: FixedMember, which: int, at: datetime, *, phone: str = "") -> Message:
    said = {"purpose": "service_terms", "granted": True, "at": at.isoformat(), "notice": "website-2024-01"}
    return {
        "message_id": _delivery(number),
        "account": member.website[which],
        "registered_at": at.isoformat(),
        "name": member.name,
        "gender": "F" if member.is_female else "M",
        "birthday": member.born.isoformat(),
        "updated_at": at.isoformat(),
        "phone": phone or member.phone,
        "phone_verified_at": at.isoformat(),
        "email": member.email,
        "email_verified": True,
        "consents": [said],
    }


def _event(number: str, member: FixedMember, at: datetime, *, nickname: str) -> Message:
    ms = int(at.timestamp()) * 1000
    return {
        "event_id": _delivery(number),
        "type": "profile",
        "user_id": member.user_ids[0],
        "appid": "wx_mini_1",
        "openid": f"oXfixed00000000000000000{number}xx",
        "unionid": member.unionid,
        "device_id": f"dev-0000000000{number}",
        "nickname": nickname,
        "birth": None,
        "city": None,
        "push_opt_in": False,
        "ts": ms,
        "mobile": member.phone,
        "mobile_auth_time": ms,
    }


def _card(member: FixedMember, at: datetime, *, tier: str, balance: str) -> list[str]:
    return [
        member.cards[0], member.name, "女" if member.is_female else "男", member.phone, f"{member.born:%Y/%m/%d}",
        member.home_store, f"{at:%Y-%m-%d %H:%M:%S}", "E0001", tier, balance, "",
    ]  # fmt: skip
