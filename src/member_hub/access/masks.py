"""Draws the masked form of a value, and recognises one that comes back.

A mask is a function of the part that it shows: nothing else of the value decides how it looks, and no mask tells how
long the hidden part is. What is too short or too strange to hide enough of shows nothing but `****`.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from member_hub.access.places import known_place
from member_hub.access.refusals import MaskedValue
from member_hub.access.surnames import COMPOUND_SURNAMES
from member_hub.privacy import Mask, ProfileField

HIDDEN: Final = "****"
HIDDEN_EMAIL: Final = "***"
HIDDEN_BIRTHDAY: Final = "****-**-**"
IDENTIFIER_CHARS_MIN = 8  # two in front and two behind leave four hidden
NATIONAL_DIGITS_MIN = 6
LONG_NATIONAL_DIGITS = 10

_CHINESE_MOBILE = re.compile(r"(?:\+86)?(1[0-9]{2})[0-9]{4}([0-9]{4})")
_FOREIGN = re.compile(r"\+([1-9][0-9]{6,14})")
_DATE = re.compile(r"([12][0-9]{3})-[0-9]{2}-[0-9]{2}")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_SPACE = re.compile(r"\s+")
_EMAIL_LOCAL_MIN = 2
# Calling codes of one and of two digits; every other one has three (ITU E.164).
_CODES_1 = frozenset("17")
_CODES_2 = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 "
    "90 91 92 93 94 95 98".split()
)
_STARS = "*＊﹡∗✱✲✳✻✼✽⁎●•○◯■█×✕✖╳某"  # 张某某 is what a document makes of 张三
_STAR = re.compile(f"[{_STARS}]")
_TWO_STARS = re.compile(f"[{_STARS}]{{2}}")
_PLACEHOLDER_DIGITS = re.compile(r"[0-9][xXｘＸ]{2,}|[xXｘＸ]{2,}[0-9]")
_PLACEHOLDER_NAME = re.compile(r"[\u3400-\u9fff][xXｘＸ]+")  # 张xx; a Latin name may well be Max
_PLACEHOLDER_DATE = re.compile(r"[xXｘＸ]{2}")


def masked(mask: Mask, value: str) -> str | None:
    """The masked form; None where there is none, which means denied."""
    draw = _DRAWN.get(mask)
    return draw(value) if draw else None


def name(value: str) -> str:
    """张三 -> 张*, 欧阳娜娜 -> 欧阳*, 张先生 -> 张*, John Smith -> J***; one character alone -> *."""
    text = _SPACE.sub("", value)
    if len(text) < 2 or not text[0].isalpha():
        return "*"
    if len(text) > 2 and text[:2] in COMPOUND_SURNAMES:
        return f"{text[:2]}*"
    return f"{text[0]}*" if _CHINESE.match(text) else f"{text[0]}***"


def phone(value: str) -> str:
    """+8613812345678 -> 138****5678; another country: +1415****2671 is too much, so +1****2671."""
    if found := _CHINESE_MOBILE.fullmatch(value):
        return f"{found.group(1)}{HIDDEN}{found.group(2)}"
    foreign = _FOREIGN.fullmatch(value)
    if foreign is None:
        return HIDDEN
    digits = foreign.group(1)
    code = digits[: 1 if digits[0] in _CODES_1 else 2 if digits[:2] in _CODES_2 else 3]
    national = digits[len(code) :]
    if len(national) < NATIONAL_DIGITS_MIN:
        return HIDDEN
    return f"+{code}{HIDDEN}{national[-4:] if len(national) >= LONG_NATIONAL_DIGITS else national[-2:]}"


def email(value: str) -> str:
    """user@example.com -> u***@example.com; a local part of one character -> ***@example.com."""
    local, at, domain = value.rpartition("@")
    if not at or not local or not domain:
        return HIDDEN_EMAIL
    return f"{local[0] if len(local) >= _EMAIL_LOCAL_MIN and local[0].isalnum() else ''}{HIDDEN_EMAIL}@{domain}"


def birthday(value: str) -> str:
    """1961-02-03 -> 1961-**-**."""
    found = _DATE.fullmatch(value)
    return f"{found.group(1)}-**-**" if found else HIDDEN_BIRTHDAY


def address(value: str) -> str:
    """浙江省杭州市西湖区文三路1号 -> 浙江省杭州市****; without a province that we know, nothing shows."""
    return f"{known_place(_SPACE.sub('', value))}{HIDDEN}"


def identifier(value: str) -> str:
    """W105571089 -> W1****89; shorter than eight characters -> ****."""
    return f"{value[:2]}{HIDDEN}{value[-2:]}" if len(value) >= IDENTIFIER_CHARS_MIN else HIDDEN


def looks_masked(field: ProfileField, value: str) -> bool:
    """Whether a value that is to be written is a masked form, ours or another system's."""
    if field is ProfileField.GENDER:
        return False
    if field is ProfileField.PHONE:
        return _STAR.search(value) is not None or _PLACEHOLDER_DIGITS.search(value) is not None
    if field is ProfileField.NAME:
        return _STAR.search(value) is not None or _PLACEHOLDER_NAME.fullmatch(_SPACE.sub("", value)) is not None
    if field is ProfileField.BIRTHDAY:
        return _STAR.search(value) is not None or _PLACEHOLDER_DATE.search(value) is not None
    return _TWO_STARS.search(value) is not None


def refuse_masked(field: ProfileField, value: str | None) -> None:
    """Raises MaskedValue, naming the field and never the value."""
    if value is not None and looks_masked(field, value):
        raise MaskedValue(field=field.value)


_DRAWN: Final[Mapping[Mask, Callable[[str], str]]] = MappingProxyType(
    {
        Mask.NAME: name,
        Mask.PHONE: phone,
        Mask.EMAIL: email,
        Mask.BIRTHDAY: birthday,
        Mask.ADDRESS: address,
        Mask.IDENTIFIER: identifier,
    }
)
