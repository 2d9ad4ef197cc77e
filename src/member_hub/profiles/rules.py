"""Reading what a caller states: the same normal forms as an import gives, and every refusal at once (pure).

Decision: an update has the strength SELF_DECLARED, whoever types it. It replaces a value that its author has just read
(`expectedVersion`), at the member's word; were it weaker than what an old website form says, no store could ever
correct one. What staff type at enrolment is STAFF, as the rows of a card file are.
Price: a mistaken update by staff outranks an import; it stands in the provenance with its time, and the audit entry
says who made it. Nothing typed outranks a verified value.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from member_hub.access import Caller, CallerKind, Grant, RowScope, refuse_masked
from member_hub.clock import business_day
from member_hub.errors import BadInput
from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.normalise import Verdict
from member_hub.identity.statements import AccountStatement, StatedIdentifier, StatedValue, own_kind
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel
from member_hub.organisation import ChannelEntry, Organisation
from member_hub.privacy import ProfileField
from member_hub.profiles import collecting
from member_hub.profiles.collecting import CollectedFor, Purposes
from member_hub.profiles.refusals import (
    Collected,
    MayNotVouch,
    MayNotWrite,
    NothingStated,
    NotYourStore,
    StoreRequired,
    UnknownStore,
)

ADDRESS_CHARS_MAX = 200
LINE_ENDS = "\t\r\n"  # an address may be typed in several lines
CONTACTS: Mapping[ProfileField, ClaimKind] = {ProfileField.PHONE: ClaimKind.PHONE, ProfileField.EMAIL: ClaimKind.EMAIL}
_WRONG: Mapping[ProfileField, tuple[str, str]] = {
    ProfileField.NAME: ("This is no name of a person.", "姓名无效。"),
    ProfileField.PHONE: ("This is no phone number of a person.", "手机号无效。"),
    ProfileField.EMAIL: ("This is no e-mail address of a person.", "电子邮箱无效。"),
    ProfileField.BIRTHDAY: ("This is no birth date: year, month, day.", "出生日期无效，须含年月日。"),
    ProfileField.GENDER: ("This is neither F nor M.", "性别须为 F 或 M。"),
    ProfileField.ADDRESS: ("An address has 1 to 200 characters.", "地址须为 1 至 200 个字符。"),
}


@dataclass(frozen=True, slots=True, repr=False)
class Stated:
    """Values of a profile as they were sent; None was not sent."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    birthday: str | None = None
    gender: str | None = None
    address: str | None = None
    phone_verified: bool = False
    email_verified: bool = False
    collected_for: Sequence[CollectedFor] = ()

    def sent(self) -> dict[ProfileField, str]:
        values = {field: getattr(self, field.value) for field in ProfileField}
        return {field: value for field, value in values.items() if value is not None}

    @property
    def purposes(self) -> Purposes:
        """For which consented purpose alone fields are given."""
        return {one.field: one.purpose for one in self.collected_for}

    def is_verified(self, field: ProfileField) -> bool:
        return {ProfileField.PHONE: self.phone_verified, ProfileField.EMAIL: self.email_verified}.get(field, False)


@dataclass(frozen=True, slots=True, repr=False)
class Enrolment:
    """A channel account that is to be enrolled, with what its person gave, as sent."""

    channel: Channel
    account: str
    stated: Stated
    appid: str | None = None
    home_store: str | None = None
    unionid: str | None = None
    openid: str | None = None
    member_code: str | None = None


def read(stated: Stated, caller: Caller, collected: Collected, *, now: datetime) -> dict[ProfileField, str]:
    """The normal form of each value; what is refused stands in `collected`."""
    found = {field: collected.read(_value, field, value, now) for field, value in stated.sent().items()}
    for field in CONTACTS:
        if stated.is_verified(field):
            collected.read(_may_vouch, caller, f"{field}Verified")
    collecting.check(stated.collected_for, stated.sent(), collected)
    return {field: value for field, value in found.items() if value is not None}


def read_update(stated: Stated, caller: Caller, grant: Grant, *, now: datetime) -> dict[ProfileField, str]:
    """The normal form of what an update changes. Raises Refusals: no right, a mask, a value that is none."""
    collected = Collected()
    if not stated.sent():
        collected.read(_nothing)
    for field in stated.sent():
        collected.read(_may_write, grant, field)
    values = read(stated, caller, collected, now=now)
    collected.end()
    return values


def statement(
    wanted: Enrolment, caller: Caller, grant: Grant, organisation: Organisation, *, now: datetime
) -> AccountStatement:
    """What an enrolment states. Raises Refusals."""
    collected = Collected()
    channel = organisation.channels[wanted.channel]
    kind = own_kind(wanted.channel)
    account = collected.read(_opaque, kind, wanted.account, "account")
    namespace = collected.read(_namespace, wanted, channel)
    home_store = collected.read(_home_store, wanted, caller, grant, organisation)
    collected.read(_same_handler, channel, caller)
    collected.read(_own_channel, wanted, caller)
    identifiers = list(_identifiers(wanted, caller, organisation, collected, namespace=namespace, now=now))
    values = read(wanted.stated, caller, collected, now=now)
    collected.end()
    assert account is not None
    assert namespace is not None
    return AccountStatement(
        channel=wanted.channel,
        namespace=namespace,
        account=account,
        event_time=now,
        first_seen=now,
        strength=SourceStrength.SELF_DECLARED if caller.kind is CallerKind.APP else SourceStrength.STAFF,
        identifiers=(
            StatedIdentifier(kind, namespace, account, now),
            *identifiers,
            *contacts(values, wanted.stated, begins_at=now, now=now),
        ),
        values=profile_values(values, wanted.stated),
        home_store=home_store,
    )


def contacts(
    values: Mapping[ProfileField, str], stated: Stated, *, begins_at: datetime | None, now: datetime
) -> tuple[StatedIdentifier, ...]:
    """Phone and e-mail are claims, verified where an app vouches for them.

    A phone that is verified live is theirs from `begins_at` on: what others held with it long before, or only typed it
    into, is joined where something beside the number agrees, and never for the number alone (it may be given out anew).
    """
    return tuple(
        StatedIdentifier(
            kind,
            "",
            values[field],
            now if stated.is_verified(field) else None,
            begins_at if kind is ClaimKind.PHONE and stated.is_verified(field) else None,
        )
        for field, kind in CONTACTS.items()
        if field in values
    )


def profile_values(values: Mapping[ProfileField, str], stated: Stated) -> tuple[StatedValue, ...]:
    purposes = stated.purposes
    return tuple(
        StatedValue(field, value, collected_for=purposes.get(field))
        for field, value in values.items()
        if field not in CONTACTS
    )


def _value(field: ProfileField, raw: str, now: datetime) -> str:
    """Raises MaskedValue or BadInput, naming the field, never the value."""
    refuse_masked(field, raw)
    found = (
        None if _has_controls(raw, but=LINE_ENDS if field is ProfileField.ADDRESS else "") else _read(field, raw, now)
    )
    if found is None:
        en, zh = _WRONG[field]
        raise BadInput(en, zh=zh, field=field.value)
    return found


def _read(field: ProfileField, raw: str, now: datetime) -> str | None:
    match field:
        case ProfileField.NAME:
            name = normalise.name(raw)
            return name.display if name else None
        case ProfileField.PHONE | ProfileField.EMAIL:
            read_ = normalise.identifier(CONTACTS[field], raw)
            return read_.value if read_.verdict is Verdict.OK else None
        case ProfileField.BIRTHDAY:
            day = normalise.birth_date(raw, today=business_day(now))
            return day.isoformat() if day else None
        case ProfileField.GENDER:
            return normalise.gender(raw)
        case ProfileField.ADDRESS:
            text = " ".join("".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", raw)).split())
            return text if 0 < len(text) <= ADDRESS_CHARS_MAX else None


def _has_controls(raw: str, *, but: str = "") -> bool:
    """Nobody types them into a form of one line: whoever sends one wants something else with it."""
    return any(unicodedata.category(character) in ("Cc", "Cs") for character in raw if character not in but)


def _opaque(kind: ClaimKind, raw: str, field: str) -> str:
    found = None if _has_controls(raw) else normalise.identifier(kind, raw).value
    if found is None:
        raise BadInput("This is no identifier: letters, digits and -_.:@ only.", zh="标识格式无效。", field=field)
    return found


def _identifiers(
    wanted: Enrolment,
    caller: Caller,
    organisation: Organisation,
    collected: Collected,
    *,
    namespace: str | None,
    now: datetime,
) -> Iterator[StatedIdentifier]:
    """Identifiers of the open platform, for which only an app can vouch (server-side code exchange)."""
    platform = organisation.channels[Channel.APP].open_platform
    for kind, raw, space in (
        (ClaimKind.UNIONID, wanted.unionid, platform),
        (ClaimKind.OPENID, wanted.openid, namespace if wanted.channel is Channel.APP else None),
    ):
        if raw is None:
            continue
        collected.read(_may_vouch, caller, kind.value)
        if space is None:
            collected.read(_not_here, kind.value)
            continue
        value = collected.read(_opaque, kind, raw, kind.value)
        if value is not None:
            yield StatedIdentifier(kind, space, value, now)


def _namespace(wanted: Enrolment, channel: ChannelEntry) -> str:
    if wanted.appid is None and len(channel.namespaces) == 1:
        return channel.namespaces[0]
    if wanted.appid not in channel.namespaces:
        raise BadInput("Name a registered appid of the channel.", zh="请指定已登记的应用编号。", field="appid")
    return wanted.appid


def _home_store(wanted: Enrolment, caller: Caller, grant: Grant, organisation: Organisation) -> str | None:
    """Staff enrol into a store of their own; who has just one need not name it."""
    own = _own_stores(caller, grant, organisation)
    store = wanted.home_store
    if store is None and own is not None:
        if len(own) != 1:
            raise StoreRequired(field="homeStore")
        return next(iter(own))
    if store is None:
        return None
    if store not in organisation.stores:
        raise UnknownStore(field="homeStore")
    if (own is not None and store not in own) or organisation.stores[store].handler != caller.handler:
        raise NotYourStore(field="homeStore")
    return store


def _own_stores(caller: Caller, grant: Grant, organisation: Organisation) -> frozenset[str] | None:
    """None: any store of the handler."""
    if grant.rows is RowScope.OWN_STORES:
        return caller.stores
    if grant.rows is RowScope.REGION:
        return frozenset[str]().union(*(organisation.stores_of(region) for region in caller.regions))
    return None


def _may_vouch(caller: Caller, field: str) -> None:
    if caller.kind is not CallerKind.APP:
        raise MayNotVouch(field=field)


def _may_write(grant: Grant, field: ProfileField) -> None:
    if not grant.may_write(f"member.{field}"):
        raise MayNotWrite(field=field.value)


def _nothing() -> None:
    raise NothingStated(field="input")


def _not_here(field: str) -> None:
    raise BadInput("This channel has no such identifier.", zh="该渠道没有此类标识。", field=field)


def _own_channel(wanted: Enrolment, caller: Caller) -> None:
    """Staff issue cards; accounts of the website and the apps are opened there. Only a card has a store."""
    if wanted.channel is Channel.STORE:
        return
    if caller.kind is not CallerKind.APP:
        raise BadInput("Staff enrol store cards only.", zh="员工只能为会员办理门店卡。", field="channel")
    if wanted.home_store is not None:
        raise BadInput("Only a card has a home store.", zh="只有门店卡可以指定归属门店。", field="homeStore")


def _same_handler(channel: ChannelEntry, caller: Caller) -> None:
    if channel.handler != caller.handler:
        raise NotYourStore("This channel belongs to another handler.", zh="该渠道属于其他处理者。", field="channel")
