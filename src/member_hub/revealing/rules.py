"""What may stand in the record of a reveal: a reason of a closed list and a ticket number, nothing personal."""

import re
from enum import StrEnum
from typing import Final

from member_hub.errors import BadInput

_REFERENCE: Final = re.compile(r"[A-Za-z0-9-]{1,40}")
_STAFF_NUMBER: Final = re.compile(r"[A-Za-z0-9._|:-]{1,100}")
# Digits that reach or name somebody: a mobile number, an identity number.
_PERSONAL: Final = re.compile(r"(?<!\d)(?:(?:00)?86)?1[3-9]\d{9}(?!\d)|(?<!\d)\d{17}[\dXx](?!\d)")


class RevealReason(StrEnum):
    CALL_BACK = "call_back"
    WRITE_BACK = "write_back"
    DELIVERY = "delivery"
    COMPLAINT = "complaint"
    IDENTITY_CHECK = "identity_check"
    SAFETY_RECALL = "safety_recall"


class BadReference(BadInput):
    zh = "单据编号须为 1 至 40 个字母、数字或连字符，且不得包含手机号或证件号。"
    en = "A reference has 1 to 40 letters, digits and hyphens, and is neither a phone nor an identity number."


class BadStaffNumber(BadInput):
    zh = "工号无法识别。"
    en = "This is no staff number."


def reason_named(name: str | None) -> RevealReason | None:
    """The reason as the record names it; None for a word that is none."""
    return RevealReason.__members__.get(name) if name is not None else None


def reference_of(text: str | None) -> str | None:
    """The ticket number as it goes on record. Raises BadReference for anything else, above all a phone number."""
    if text is None:
        return None
    if not _REFERENCE.fullmatch(text) or _PERSONAL.search(text) or _PERSONAL.search(text.replace("-", "")):
        raise BadReference(field="reference")
    return text


def staff_number_of(text: str) -> str:
    """A staff number as credentials carry it. Raises BadStaffNumber."""
    if not _STAFF_NUMBER.fullmatch(text):
        raise BadStaffNumber(field="grantedTo")
    return text
