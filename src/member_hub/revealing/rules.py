"""What may stand in the record of a reveal: a reason of a closed list and a ticket number, nothing personal."""

import re
from enum import StrEnum
from typing import Final

from member_hub.errors import BadInput

_REFERENCE: Final = re.compile(r"[A-Za-z0-9-]{1,40}")
_STAFF_NUMBER: Final = re.compile(r"[A-Za-z0-9._|:-]{1,100}")
DIGITS_MAX: Final = 12  # in all: a date and a number; a card or an identity number has more
# With the hyphens away: nine digits in a row are more than a date; a mobile number, a landline with its area code, a
# date on which an adult may be born. A ticket that is numbered like one of these is quoted without its beginning.
_LONG: Final = re.compile(r"\d{9}")
_PERSONAL: Final = re.compile(
    r"1[3-9]\d{9}|^0[1-9]\d{8}|(?:19\d\d|200\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", re.ASCII
)
_WORD: Final = re.compile(r"[A-Za-z]{7}")  # longer than a ticket's letters: a name


class RevealReason(StrEnum):
    CALL_BACK = "call_back"
    WRITE_BACK = "write_back"
    DELIVERY = "delivery"
    COMPLAINT = "complaint"
    IDENTITY_CHECK = "identity_check"
    SAFETY_RECALL = "safety_recall"


class BadReference(BadInput):
    zh = (
        "单据编号须为 1 至 40 个字母、数字或连字符：连续字母不超过 6 个，连续数字不超过 8 个，"
        "数字合计不超过 12 个，且不得像电话号码或生日。"
    )
    en = (
        "A reference has 1 to 40 letters, digits and hyphens: at most 6 letters or 8 digits in a row and 12 digits in "
        "all, and nothing that looks like a telephone number or a birthday."
    )


class BadStaffNumber(BadInput):
    zh = "工号无法识别。"
    en = "This is no staff number."


def reason_named(name: str | None) -> RevealReason | None:
    """The reason as the record names it; None for a word that is none."""
    return RevealReason.__members__.get(name) if name is not None else None


def reference_of(text: str | None) -> str | None:
    """The ticket number as it goes on record. Raises BadReference for what could reach or name somebody."""
    if text is None:
        return None
    digits = "".join(filter(str.isdigit, text))
    if (
        not _REFERENCE.fullmatch(text)
        or len(digits) > DIGITS_MAX
        or _LONG.search(text)
        or _PERSONAL.search(digits)
        or _WORD.search(text)
    ):
        raise BadReference(field="reference")
    return text


def staff_number_of(text: str) -> str:
    """A staff number as credentials carry it. Raises BadStaffNumber."""
    if not _STAFF_NUMBER.fullmatch(text):
        raise BadStaffNumber(field="grantedTo")
    return text
