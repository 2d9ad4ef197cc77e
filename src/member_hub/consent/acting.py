"""Who acts on a consent, in the words of its history. Pure.

The mini-program acts as the member for whom it asks, and nobody else: its reach is that member. Any other app acts as
itself, whatever its token says about a member.
"""

from dataclasses import dataclass

from member_hub.access import Caller, CallerKind, RowScope
from member_hub.consent.words import Actor, Method

GUARDIAN_ROLE = "guardian"


@dataclass(frozen=True, slots=True)
class Acting:
    actor: Actor
    acted_by: str  # staff number, app, or the kind again


def acting_of(caller: Caller, rows: RowScope) -> Acting:
    if caller.role == GUARDIAN_ROLE:
        return Acting(Actor.GUARDIAN, Actor.GUARDIAN.value)
    match caller.kind:
        case CallerKind.MEMBER:
            return Acting(Actor.MEMBER, Actor.MEMBER.value)
        case CallerKind.STAFF:
            return Acting(Actor.STAFF_ON_BEHALF, caller.subject)
        case CallerKind.APP if rows is RowScope.BEHALF:
            return Acting(Actor.MEMBER, caller.subject)
        case CallerKind.APP:
            return Acting(Actor.APP, caller.subject)
        case CallerKind.SYSTEM:
            return Acting(Actor.SYSTEM, caller.subject)


def way_of(acting: Acting) -> Method:
    """How a no was said: one button where the member stands before it, the counter's own where staff do it."""
    return Method.STORE_TERMINAL if acting.actor is Actor.STAFF_ON_BEHALF else Method.BUTTON
