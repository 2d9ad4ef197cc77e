"""Finding a member by an exact key: which value, in which spelling, by which token."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import strawberry

from member_hub.access import Grant, Key
from member_hub.crypto import Vault
from member_hub.errors import BadInput, Forbidden
from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.normalise import Verdict
from member_hub.identity.queries import Token, account_tokens
from member_hub.ids import MemberId, parse_member_id
from member_hub.members.tables import Channel
from member_hub.organisation import Organisation


@strawberry.input(description="A channel account by its own number.")
class AccountKey:
    channel: Channel = strawberry.field(description="Where the account is.")
    id: str = strawberry.field(description="Website account, app user id (in any appid) or store card number.")


@strawberry.input(description="A person in one app.")
class OpenidKey:
    appid: str = strawberry.field(description="The app.")
    openid: str = strawberry.field(description="The person's id there.")


@strawberry.input(description="A member at the till: their number, and the code that they read back from it.")
class PhoneCodeKey:
    phone: str = strawberry.field(description="The whole number to which phoneCodeSend sent the code.")
    code: str = strawberry.field(description="The six digits; good for five minutes, five tries and one look-up.")


@strawberry.input(
    one_of=True,
    description=(
        "Exactly one key. A phone or an e-mail address finds the member who holds it verified; failing that, the only "
        "member who holds it unverified; several find nobody. The others count as verified by their source. A member "
        "code finds whoever shows it at the till, once; so does a code read back from a phone verified within 90 days."
    ),
)
class MemberKey:
    id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Global id, or the member id that the commands print; merged ids too."
    )
    phone: str | None = strawberry.field(
        default=strawberry.UNSET, description="In any usual spelling; Chinese where no country code is given."
    )
    email: str | None = strawberry.field(default=strawberry.UNSET, description="E-mail address.")
    unionid: str | None = strawberry.field(default=strawberry.UNSET, description="Person on the open platform.")
    openid: OpenidKey | None = strawberry.field(default=strawberry.UNSET, description="Person in one app.")
    account: AccountKey | None = strawberry.field(default=strawberry.UNSET, description="Channel account.")
    store_card: str | None = strawberry.field(default=strawberry.UNSET, description="Store card number.")
    member_code: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "What the member shows at the till: good for 60 seconds and one look-up; scanned, or typed. Of a member "
            "out of the caller's reach the till view shows a masked name and what the policy adds, with joinedAt, "
            "status and version; everything else of the profile is DENIED, homeStore null, and accounts, identifiers, "
            "provenance and orders are empty."
        ),
    )
    phone_code: PhoneCodeKey | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "For a member without a member code: finds and shows as memberCode does. Wrong, expired, used or of "
            "another handler's member: nobody."
        ),
    )


class KeyRefused(Forbidden):
    zh = "当前角色不能用此类标识查找会员。"
    en = "This role and purpose may not look members up by this kind of key."


class BadKey(BadInput):
    zh = "查找标识无法识别。"
    en = "This key cannot be read."


@dataclass(frozen=True, slots=True, order=True, repr=False)
class PhoneCode:
    """A number, and what was read back from it."""

    phone: str
    code: str


@dataclass(frozen=True, slots=True)
class Sought:
    """One key, read: its kind, and either the id or the tokens of which the first that finds somebody counts.

    `is_presented`: the member is there and took part in being found, by a code that is used up now. Whoever is then
    not in ordinary reach is seen as the till view shows them, in this look-up and nowhere else.
    """

    key: Key
    member_id: MemberId | None = None
    tokens: Sequence[Token] = ()
    member_code: str | None = field(default=None, repr=False)  # still to be redeemed (till.py)
    phone_code: PhoneCode | None = field(default=None, repr=False)  # still to be redeemed, too
    is_presented: bool = False


def sought_each(
    keys: Sequence[MemberKey], grant: Grant, vault: Vault, organisation: Organisation, *, field: str
) -> list[Sought]:
    """Several keys: one that cannot be read finds nobody, so that it does not cost the others their answer."""
    each = []
    for number, by in enumerate(keys):
        try:
            each.append(sought(by, grant, vault, organisation, field=f"{field}.{number}"))
        except BadKey:
            each.append(Sought(_key_of(by)))
    return each


def sought(by: MemberKey, grant: Grant, vault: Vault, organisation: Organisation, *, field: str) -> Sought:
    """Raises KeyRefused where the grant has no such look-up, BadKey for what is no such identifier.

    Junk (13800138000, test@test.com), a malformed id and what is no code are no fault of the asker: they find nobody.
    """
    key = _key_of(by)
    if not grant.may_look_up(key):
        raise KeyRefused(field=f"{field}.{key}")
    if key is Key.ID:
        return Sought(key, member_id=member_id_of(by.id or ""))
    if key is Key.MEMBER_CODE:
        return Sought(key, member_code=by.member_code or "")
    if key is Key.PHONE_CODE:
        assert by.phone_code
        return Sought(key, phone_code=PhoneCode(by.phone_code.phone, by.phone_code.code))
    return Sought(key, tokens=_tokens(by, key, vault, organisation, f"{field}.{key}"))


def member_id_of(text: str) -> MemberId | None:
    try:
        return parse_member_id(text)
    except BadInput:
        return None


def _key_of(by: MemberKey) -> Key:
    stated = {
        Key.ID: by.id,
        Key.PHONE: by.phone,
        Key.EMAIL: by.email,
        Key.UNIONID: by.unionid,
        Key.OPENID: by.openid,
        Key.ACCOUNT: by.account,
        Key.STORE_CARD: by.store_card,
        Key.MEMBER_CODE: by.member_code,
        Key.PHONE_CODE: by.phone_code,
    }
    return next(key for key, value in stated.items() if value is not strawberry.UNSET)


def _tokens(by: MemberKey, key: Key, vault: Vault, organisation: Organisation, field: str) -> Sequence[Token]:
    match key:
        case Key.PHONE:
            return _token(vault, ClaimKind.PHONE, "", by.phone, field)
        case Key.EMAIL:
            return _token(vault, ClaimKind.EMAIL, "", by.email, field)
        case Key.UNIONID:
            return _token(vault, ClaimKind.UNIONID, organisation.channels[Channel.APP].open_platform, by.unionid, field)
        case Key.OPENID:
            assert by.openid
            return _token(vault, ClaimKind.OPENID, by.openid.appid, by.openid.openid, field)
        case Key.ACCOUNT:
            assert by.account
            return _account(vault, organisation, by.account.channel, by.account.id, field)
        case _:
            return _account(vault, organisation, Channel.STORE, by.store_card, field)


def _token(vault: Vault, kind: ClaimKind, namespace: str | None, raw: str | None, field: str) -> Sequence[Token]:
    value = _read(kind, raw, field)
    return [] if value is None or namespace is None else [(kind, vault.token(kind, namespace, value))]


def _account(
    vault: Vault, organisation: Organisation, channel: Channel, raw: str | None, field: str
) -> Sequence[Token]:
    kind = ClaimKind.CARD if channel is Channel.STORE else ClaimKind.ACCOUNT
    value = _read(kind, raw, field)
    return [] if value is None else account_tokens(vault, organisation, channel, value)


def _read(kind: ClaimKind, raw: str | None, field: str) -> str | None:
    read = normalise.identifier(kind, raw)
    if read.verdict in (Verdict.INVALID, Verdict.EMPTY):
        raise BadKey(field=field)
    return read.value
