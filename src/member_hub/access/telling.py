"""Numbers that reach or name a person: none may stand in what goes on record for years. Pure.

Staff subjects of authorisation servers are checked word by word, because a UUID or a random id may hold eleven digits
by chance; an identity number counts by its date of birth, and one of 18 digits by its check digit, too.
"""

import re
from datetime import date
from typing import Final

_STAFF_NUMBER: Final = re.compile(r"[!-?A-~]{1,80}")  # printable ASCII without @ and space
_MOBILE: Final = re.compile(r"[A-Za-z]*0?(?:(?:00)?86)?1[3-9]\d{9}[A-Za-z]*")
_IDENTITY: Final = re.compile(r"[A-Za-z]*([1-9]\d{5})(?:((?:19|20)\d{6})\d{3}[\dXx]|(\d{6})\d{3})")
_ONE_OF_STAFF: Final = re.compile(r"(?:[^:]*:)?[A-Za-z]{0,4}[-_ ]?[0-9]{3,}")
_TELEPHONE_DIGITS: Final = 7
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BREAK: Final = re.compile(r"[^0-9A-Za-z]+")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643
_CHECKS: Final = "10X98765432"


def is_staff_number(text: str) -> bool:
    """Whether it may stand for a person of the staff on record: no address, and nothing that tells who it is."""
    return _STAFF_NUMBER.fullmatch(text) is not None and not tells_who(text)


def tells_who(text: str) -> bool:
    """Whether the text, or a word of it, is a mobile or an identity number, however it is punctuated."""
    if _UUID.fullmatch(text):
        return False
    words = _BREAK.split(text)
    return any(_is_mobile(word) or _is_identity(word) for word in (*words, "".join(words)))


def names_a_person(text: str) -> bool:
    """Whether a text that should name a team looks like one of its people: an address, a telephone or identity number,
    a staff number, with or without its issuer (corp:E1001). By its looks only: of a name nobody can tell."""
    is_number = _ONE_OF_STAFF.fullmatch(text) is not None or sum(map(str.isdigit, text)) >= _TELEPHONE_DIGITS
    return "@" in text or is_number or tells_who(text)


def _is_mobile(word: str) -> bool:
    return _MOBILE.fullmatch(word) is not None


def _is_identity(word: str) -> bool:
    found = _IDENTITY.fullmatch(word)
    if found is None:
        return False
    long, short = found[2], found[3]
    number = word[-18:].upper()
    return _is_date(long) and _checks(number) if long else _is_date(f"19{short}")


def _checks(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    return number[17] == _CHECKS[total % 11]


def _is_date(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
