"""Small worlds in which everything meets everything: few people, fewer values, and no order among what they say."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import AccountStatement, StatedConsent, StatedIdentifier, StatedValue, own_kind
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel
from member_hub.privacy import ProfileField

START = datetime(2025, 1, 1, tzinfo=UTC)
PHONES = ("+8613911110001", "+8613911110002", "+8613911110003")
EMAILS = ("one@163.com", "two@163.com")
UNIONIDS = ("o6_one", "o6_two")
NAMES = ("张伟明", "张炜明", "张*", "李娜", "王先生")
BIRTHDAYS = ("1990-04-12", "1985-01-02")
ACCOUNTS = [
    *((Channel.WEBSITE, "website", f"W{n}") for n in range(4)),
    *((Channel.APP, f"wx_mini_{1 + n % 2}", f"A{n}") for n in range(4)),
    *((Channel.STORE, "brand", f"C{n}") for n in range(4)),
]


class Said(NamedTuple):
    """One statement in numbers; None says nothing, and what the channel does not know is left out."""

    account: int
    day: int
    phone: int | None
    email: int | None
    is_verified: bool
    unionid: int | None
    card: bool
    name: int | None
    birthday: int | None
    gender: str | None
    rest: int  # consent, home store, opening balance


def perhaps(values: Sequence[object]) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, len(values) - 1)


said = st.builds(
    Said,
    st.integers(0, len(ACCOUNTS) - 1),
    st.integers(0, 400),
    perhaps(PHONES),
    perhaps(EMAILS),
    st.booleans(),
    perhaps(UNIONIDS),
    st.integers(0, 3).map(lambda n: n == 0),
    perhaps(NAMES),
    perhaps(BIRTHDAYS),
    st.none() | st.sampled_from("MF"),
    st.integers(0, 9),
)


def statement(one: Said) -> AccountStatement:
    channel, namespace, number = ACCOUNTS[one.account]
    at = START + timedelta(days=one.day)
    is_card = channel is Channel.STORE
    return AccountStatement(
        channel=channel,
        namespace=namespace,
        account=number,
        event_time=at,
        first_seen=at - timedelta(days=one.rest),
        strength=SourceStrength.STAFF if is_card else SourceStrength.SELF_DECLARED,
        identifiers=(StatedIdentifier(own_kind(channel), namespace, number, at), *_identifiers(one, channel, at)),
        values=tuple(_values(one, channel)),
        consents=(StatedConsent("marketing_sms", one.rest > 4, at, "n"),) if one.rest % 2 else (),
        home_store=f"SH00{1 + one.rest % 3}" if is_card else None,
        opening_balance=one.rest if is_card else None,
    )


def _identifiers(one: Said, channel: Channel, at: datetime) -> list[StatedIdentifier]:
    found = []
    if one.phone is not None:
        verified_at = at if one.is_verified and channel is not Channel.STORE else None
        found.append(StatedIdentifier(ClaimKind.PHONE, "", PHONES[one.phone], verified_at))
    if one.email is not None and channel is Channel.WEBSITE:
        found.append(StatedIdentifier(ClaimKind.EMAIL, "", EMAILS[one.email], at if one.is_verified else None))
    if one.unionid is not None and channel is Channel.APP:
        found.append(StatedIdentifier(ClaimKind.UNIONID, "wechat", UNIONIDS[one.unionid], at))
        found.append(StatedIdentifier(ClaimKind.DEVICE, "app", "tablet"))
    if one.card and channel is Channel.WEBSITE:
        found.append(StatedIdentifier(ClaimKind.CARD, "brand", "C0", at))
    return found


def _values(one: Said, channel: Channel) -> list[StatedValue]:
    found = []
    if one.name is not None and channel is not Channel.APP:
        found.append(StatedValue(ProfileField.NAME, NAMES[one.name]))
    if one.birthday is not None:
        found.append(StatedValue(ProfileField.BIRTHDAY, BIRTHDAYS[one.birthday]))
    if one.gender is not None and channel is not Channel.APP:
        found.append(StatedValue(ProfileField.GENDER, one.gender))
    return found


def batches(statements: Sequence[AccountStatement], size: int) -> list[Sequence[AccountStatement]]:
    return [statements[i : i + size] for i in range(0, len(statements), size)]


def shuffled(statements: Sequence[AccountStatement], seed: int) -> list[AccountStatement]:
    """In another order, and every third of them a second time."""
    told = [*statements, *statements[::3]]
    Random(seed).shuffle(told)
    return told
