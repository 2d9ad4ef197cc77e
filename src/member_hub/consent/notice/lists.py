"""The two lists of a notice, what is collected and what is shared, made from what the product declares (NDSR 21).

Collected: every personal column of every table by its privacy declaration, grouped by kind, purposes, retention and
what erasure does, so that a person can read it. Shared: every recipient of the consent catalogue (PIPL 21, 23, 39).
Nobody writes either by hand, so neither can drift from what the product does.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

from sqlalchemy import MetaData

from member_hub.access.register import Register
from member_hub.consent.catalogue import Catalogue, Recipient
from member_hub.privacy import DataClass, Declaration, Form, OnErasure, Purpose, declaration

LOCALES: Final = ("zh", "en")


class Collected(TypedDict):
    category: str
    label: str
    items: list[str]
    purposes: list[str]
    purpose_labels: list[str]
    retention_days: int
    on_erasure: str
    after_erasure: str


class Shared(TypedDict):
    recipient: str
    label: str
    kind: str
    contact: str
    jurisdiction: str
    method: str
    purposes: list[str]
    purpose_labels: list[str]
    categories: list[str]
    category_labels: list[str]
    needs_consent: bool


_CATEGORIES: Final[Mapping[str, tuple[str, str]]] = {
    DataClass.CONTACT: ("联系信息", "contact data"),
    DataClass.PROFILE: ("个人资料", "profile"),
    DataClass.IDENTIFIER: ("账号与标识", "accounts and identifiers"),
    DataClass.CONSENT: ("同意与监护记录", "records of consent and guardianship"),
    DataClass.COMMERCE: ("待处理的消费记录与期初积分", "purchases that wait, opening balances"),
    DataClass.INTAKE: ("待核对的导入数据", "refused rows of imports"),
    Form.TOKEN: ("不可直接读出的标识摘要", "keyed digests of identifiers"),
    Form.PERSONAL: ("会员、消费与操作记录", "records of membership, purchases and acts"),
}
_ERASURE: Final[Mapping[OnErasure, tuple[str, str]]] = {
    OnErasure.DELETE: ("删除", "deleted"),
    OnErasure.CLEAR: ("清空", "cleared"),
    OnErasure.KEEP: ("仅留不能识别个人的记录", "kept as a record that names nobody"),
}
_Group = tuple[str, tuple[Purpose, ...], int, OnErasure]


def collected(metadata: MetaData, register: Register, locale: str) -> list[Collected]:
    """What is held about members, one entry per kind, purposes, retention and fate; the same order always."""
    groups: dict[_Group, set[str]] = {}
    for table in metadata.tables.values():
        for column in table.columns:
            declared = declaration(column)
            if declared.is_personal:
                groups.setdefault(_group(declared), set()).add(_in(locale, declared.zh, declared.en))
    order = list(_CATEGORIES)
    ranked = sorted(groups.items(), key=lambda one: (order.index(one[0][0]), *map(str, one[0][1:])))
    return [_collected(group, sorted(items), register, locale) for group, items in ranked]


def shared(catalogue: Catalogue, register: Register, locale: str) -> list[Shared]:
    """Who else receives what, for what, how, where, and whom to ask; the same order always."""
    ranked = sorted(catalogue.recipients.values(), key=lambda recipient: recipient.name)
    return [_shared(recipient, register, locale) for recipient in ranked]


def about(purpose: str, collected_: Sequence[Collected], shared_: Sequence[Shared]) -> frozenset[tuple[object, ...]]:
    """What the lists say that a consent to this purpose rests on: what is held how long, and who gets what how.

    Not whom to ask, nor what a thing is called beside it: a change of those asks for no new consent (PIPL 14, 23).
    """
    held = {
        (entry["category"], item, entry["retention_days"])
        for entry in collected_
        if purpose in entry["purposes"]
        for item in entry["items"]
    }
    given = {
        (entry["recipient"], entry["kind"], entry["jurisdiction"], entry["method"], *sorted(entry["categories"]))
        for entry in shared_
        if purpose in entry["purposes"]
    }
    return frozenset(held | given)


def _group(declared: Declaration) -> _Group:
    assert declared.retention_days is not None  # privacy.check stops the start otherwise
    category = declared.data_class or declared.form
    purposes = tuple(purpose for purpose in Purpose if purpose in declared.purposes)
    return (category, purposes, declared.retention_days, declared.on_erasure)


def _collected(group: _Group, items: list[str], register: Register, locale: str) -> Collected:
    category, purposes, days, fate = group
    return Collected(
        category=str(category),
        label=_in(locale, *_CATEGORIES[category]),
        items=items,
        purposes=[str(purpose) for purpose in purposes],
        purpose_labels=_labels(purposes, register, locale),
        retention_days=days,
        on_erasure=str(fate),
        after_erasure=_in(locale, *_ERASURE[fate]),
    )


def _shared(recipient: Recipient, register: Register, locale: str) -> Shared:
    return Shared(
        recipient=recipient.name,
        label=_in(locale, recipient.zh, recipient.en),
        kind=str(recipient.kind),
        contact=recipient.contact,
        jurisdiction=recipient.jurisdiction,
        method=_in(locale, recipient.method_zh, recipient.method_en),
        purposes=[str(purpose) for purpose in recipient.purposes],
        purpose_labels=_labels(recipient.purposes, register, locale),
        categories=[str(data_class) for data_class in recipient.classes],
        category_labels=[_in(locale, *_CATEGORIES[data_class]) for data_class in recipient.classes],
        needs_consent=recipient.needs_consent,
    )


def _labels(purposes: Sequence[Purpose], register: Register, locale: str) -> list[str]:
    entries = [register.purposes[purpose] for purpose in purposes]
    return [_in(locale, entry.zh, entry.en) for entry in entries]


def _in(locale: str, zh: str, en: str) -> str:
    return zh if locale == "zh" else en
