"""What a channel's raw value means: one spelling per identifier, or the reason why it is none.

Nothing here raises on any input. Junk is a value that many people type because a field had to be filled
(00000000000, 13800138000, test@test.com, null): it is dropped and counted, never matched.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

import email_validator
import phonenumbers
from phonenumbers import PhoneNumberType

from member_hub.identity.kinds import ClaimKind
from member_hub.identity.names import Agreement, Name, name, names_agree
from member_hub.identity.values import Gender, birth_date, gender, plain, timestamp

__all__ = [
    "Agreement",
    "ClaimKind",
    "Gender",
    "Name",
    "Normalised",
    "Verdict",
    "account",
    "birth_date",
    "card",
    "device",
    "email",
    "gender",
    "identifier",
    "name",
    "names_agree",
    "openid",
    "phone",
    "timestamp",
    "unionid",
]

OPAQUE_MAX = 64


class Verdict(StrEnum):
    """What became of a raw value."""

    OK = "ok"
    EMPTY = "empty"
    JUNK = "junk"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Normalised:
    """A raw value after reading: `value` is set exactly when the verdict is OK."""

    verdict: Verdict
    value: str | None = None


_EMPTY: Final = Normalised(Verdict.EMPTY)
_JUNK: Final = Normalised(Verdict.JUNK)
_INVALID: Final = Normalised(Verdict.INVALID)


def identifier(kind: ClaimKind, raw: object) -> Normalised:
    """Read a raw identifier of a kind, with the reason where it is refused."""
    return _READERS[kind](raw)


def phone(raw: object) -> str | None:
    """E.164; a number without country code is Chinese."""
    return _phone(raw).value


def email(raw: object) -> str | None:
    """The address in lower case, the local part too: no provider in use tells the two apart."""
    return _email(raw).value


def account(raw: object) -> str | None:
    return _opaque(raw).value


def unionid(raw: object) -> str | None:
    return _opaque(raw).value


def openid(raw: object) -> str | None:
    return _opaque(raw).value


def device(raw: object) -> str | None:
    return _opaque(raw).value


def card(raw: object) -> str | None:
    """A card number, without the blanks that make it readable."""
    return _card(raw).value


# --- phones

_PHONE_NOISE: Final = str.maketrans("", "", " -()./·\t\r\n\u2010\u2011\u2012\u2013\u2014")
_PHONE_SHAPE = re.compile(r"\+?[0-9]{5,16}", re.ASCII)
_DIGIT_RUNS: Final = ("01234567890123456789", "98765432109876543210")
_RUN = 8  # this many equal or consecutive digits at the end were typed without looking
_JUNK_PHONES: Final = frozenset({"13800138000", "13800138001", "13000000000", "13012345678", "18888888888"})
_PERSONAL_PHONES: Final = frozenset(
    {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.VOIP}
)


def _phone(raw: object) -> Normalised:
    text = plain(raw)
    if not text:
        return _INVALID if text is None and raw is not None else _EMPTY
    if not any(c.isdecimal() for c in text):
        return _JUNK  # words: there is none, or it was not told
    spelled = text.translate(_PHONE_NOISE)
    if not _PHONE_SHAPE.fullmatch(spelled):
        return _INVALID
    national = _without_country_code(spelled)
    if _is_run(national):
        return _JUNK
    if _chinese_mobile().fullmatch(national):
        return Normalised(Verdict.OK, f"+86{national}")
    return _e164("+86" + national if national is not spelled else spelled)


def _without_country_code(spelled: str) -> str:
    """The Chinese number behind +86, 0086 or a bare 86; anything else as it is."""
    for prefix in ("+86", "0086", "86"):
        if spelled.startswith(prefix) and len(spelled) == len(prefix) + 11:
            return spelled[len(prefix) :]
    return spelled


def _is_run(digits: str) -> bool:
    tail = digits[-_RUN:]
    return len(set(tail)) == 1 or any(tail in run for run in _DIGIT_RUNS) or digits in _JUNK_PHONES


@cache
def _chinese_mobile() -> re.Pattern[str]:
    """The library's own pattern: most numbers are such, and asking it in full takes twenty times as long."""
    china = phonenumbers.PhoneMetadata.metadata_for_region("CN")
    assert china is not None
    assert china.mobile is not None
    return re.compile(str(china.mobile.national_number_pattern), re.ASCII)


def _e164(spelled: str) -> Normalised:
    if spelled.startswith("00"):
        spelled = "+" + spelled[2:]
    try:
        number = phonenumbers.parse(spelled, "CN")
    except phonenumbers.NumberParseException:
        return _INVALID
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        return _INVALID
    if kind not in _PERSONAL_PHONES:
        return _JUNK  # a hotline, nobody's own
    return Normalised(Verdict.OK, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


# --- e-mail

_JUNK_LOCALS: Final = frozenset(
    "noreply no-reply donotreply do-not-reply none null nobody no na nil test testing tester demo nomail noemail "
    "anonymous example undefined unknown abc asd asdf qwe qwer qwerty xxx aaa".split()
)
_JUNK_DOMAINS: Final = frozenset(
    "example.com example.org example.net example.cn test.com test.cn test.net domain.com none.com no.com null.com "
    "a.com aa.com aaa.com abc.com b.com x.com xx.com xxx.com 1.com 11.com 123.com mailinator.com guerrillamail.com "
    "10minutemail.com yopmail.com".split()
)


def _email(raw: object) -> Normalised:
    text = plain(raw)
    if not text:
        return _INVALID if text is None and raw is not None else _EMPTY
    if "@" not in text:
        return _JUNK if _is_junk_word(text) else _INVALID
    text = text.lower()
    local, _, domain = text.rpartition("@")
    # Looked at first: the library refuses example and test domains as invalid, and junk is to be counted as junk.
    if local in _JUNK_LOCALS or domain in _JUNK_DOMAINS or (local.isdecimal() and _is_typed_run(local)):
        return _JUNK
    try:
        checked = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return _INVALID
    return Normalised(Verdict.OK, checked.normalized.lower())


def _is_typed_run(digits: str) -> bool:
    return len(set(digits)) == 1 or any(digits in run for run in _DIGIT_RUNS)


# --- identifiers that mean nothing by themselves

_JUNK_WORDS: Final = frozenset(
    "null none nil nan undefined unknown anonymous test guest n/a na -1 - . 无 未知 匿名 没有 不详".split()
)
_ZEROS = re.compile(r"[0-]*")  # also an advertising id that the user has switched off
_OPAQUE = re.compile(r"[\w.:@|+=/~-]+")


def _is_junk_word(text: str) -> bool:
    return text.casefold() in _JUNK_WORDS or _ZEROS.fullmatch(text) is not None


def _opaque(raw: object) -> Normalised:
    text = plain(raw)
    if not text:
        return _INVALID if text is None and raw is not None else _EMPTY
    if _is_junk_word(text):
        return _JUNK
    if len(text) > OPAQUE_MAX or not _OPAQUE.fullmatch(text):
        return _INVALID
    return Normalised(Verdict.OK, text)


def _card(raw: object) -> Normalised:
    return _opaque("".join(raw.split()) if isinstance(raw, str) else raw)


_READERS: Final[Mapping[ClaimKind, Callable[[object], Normalised]]] = {
    ClaimKind.ACCOUNT: _opaque,
    ClaimKind.UNIONID: _opaque,
    ClaimKind.OPENID: _opaque,
    ClaimKind.CARD: _card,
    ClaimKind.PHONE: _phone,
    ClaimKind.EMAIL: _email,
    ClaimKind.DEVICE: _opaque,
    ClaimKind.MEMBER_CODE: _opaque,
}
