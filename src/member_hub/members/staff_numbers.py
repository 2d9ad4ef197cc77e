"""The staff number behind what a credential calls somebody (`corp:E1001`): who acts in two roles is still one person.

Written down is always the whole subject; compared is the number, here and in statements.
"""

from sqlalchemy import ColumnElement, func

_BEHIND = "^[^:]*:(.+)$"  # the issuer's name ends at the first colon; without one, or with nothing behind it, all is it


def number_of(subject: str) -> str:
    return subject.partition(":")[2].casefold() or subject.casefold()


def number_in(subject: ColumnElement[str]) -> ColumnElement[str]:
    """The same of a column. Letters beyond ASCII stay as they are: compare with `spellings_of`."""
    return func.lower(func.regexp_replace(subject, _BEHIND, r"\1"))


def spellings_of(subject: str) -> list[str]:
    """What `number_in` may answer for somebody with the number of this subject."""
    number = subject.partition(":")[2] or subject
    return sorted({number, number.lower(), number_of(subject)})
