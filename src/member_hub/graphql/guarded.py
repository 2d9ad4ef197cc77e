"""What a caller sees of a guarded value, and the directive that says which right it needs.

Decision: a value that was tampered with is served as its GuardedText in the state that the grant gives, with an
exception in place of `value` and `display`. Executing turns it into an error with that path, and its neighbours are
served; a null GuardedText would take the whole member with it. Price: an attribute typed as text holds an exception.
"""

from collections.abc import Mapping
from typing import Any, cast

import strawberry
from sqlalchemy import Column
from strawberry.schema_directive import Location

from member_hub.access import Verdict, masked
from member_hub.crypto import CannotOpen, Item
from member_hub.errors import Refused
from member_hub.graphql.enums import FieldState
from member_hub.privacy import Mask, declaration

Opened = Mapping[Item, str | CannotOpen]


class Tampered(Refused):
    code = "TAMPERED"
    zh = "存储的值未通过完整性校验。"
    en = "The stored value was not accepted: it is not what was sealed here."


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="guarded",
    description="Reading the field needs a right on this object; how a masked value looks.",
)
class Guarded:
    object: str = strawberry.directive_field(name="object")
    mask: Mask = strawberry.directive_field(name="mask")


def guarded(column: Column[Any]) -> Guarded:
    """The directive that the column's privacy declaration gives."""
    declared = declaration(column)
    assert declared.guard is not None, f"{column} is served and has no guard"
    return Guarded(object=declared.guard, mask=declared.mask)


@strawberry.type(
    description="A value that not everybody may see. Nobody has to guess what null means: `state` says it."
)
class GuardedText:
    value: str | None = strawberry.field(description="The value; only in the state CLEAR.")
    display: str | None = strawberry.field(description="What to show to people; in the states CLEAR and MASKED.")
    state: FieldState = strawberry.field(description="What this caller sees of the field.")


DENIED = GuardedText(value=None, display=None, state=FieldState.DENIED)
ABSENT = GuardedText(value=None, display=None, state=FieldState.ABSENT)
NOT_CONSENTED = GuardedText(value=None, display=None, state=FieldState.NOT_CONSENTED)
_ONLY_STATES = {
    Verdict.CLEAR: GuardedText(value=None, display=None, state=FieldState.CLEAR),
    Verdict.MASKED: GuardedText(value=None, display=None, state=FieldState.MASKED),
}


def shown(verdict: Verdict, mask: Mask, stored: Item | str | None, opened: Opened) -> GuardedText:
    """The value as the verdict allows. A sealed value that was not opened, because nobody asked, has only its state."""
    if verdict not in _ONLY_STATES:
        return DENIED
    if stored is None:
        return ABSENT
    plain = stored if isinstance(stored, str) else opened.get(stored)
    if plain is None:
        return _ONLY_STATES[verdict]
    if isinstance(plain, CannotOpen):
        return _unreadable(verdict)
    if verdict is Verdict.CLEAR:
        return GuardedText(value=plain, display=plain, state=FieldState.CLEAR)
    drawn = masked(mask, plain)
    return DENIED if drawn is None else GuardedText(value=None, display=drawn, state=FieldState.MASKED)


def _unreadable(verdict: Verdict) -> GuardedText:
    failed = cast("str", Tampered())
    if verdict is Verdict.CLEAR:
        return GuardedText(value=failed, display=failed, state=FieldState.CLEAR)
    return GuardedText(value=None, display=failed, state=FieldState.MASKED)
