"""Who acts on a consent, in the words of its history. Pure.

The mini-program acts as the member for whom it asks, and nobody else: its reach is that member. Any other app acts as
itself, whatever its token says about a member.
"""

from dataclasses import dataclass
from uuid import UUID

from member_hub.access import Caller, CallerKind, RowScope
from member_hub.consent.words import Actor, Method

GUARDIAN_ROLE = "guardian"


@dataclass(frozen=True, slots=True)
class Acting:
    actor: Actor
    acted_by: str  # staff number, app, or the kind again
    request_id: UUID


def acting_of(caller: Caller, rows: RowScope) -> Acting:
    if caller.role == GUARDIAN_ROLE:
        return Acting(Actor.GUARDIAN, Actor.GUARDIAN.value, caller.request_id)
    match caller.kind:
        case CallerKind.MEMBER:
            return Acting(Actor.MEMBER, Actor.MEMBER.value, caller.request_id)
        case CallerKind.STAFF:
            return Acting(Actor.STAFF_ON_BEHALF, caller.subject, caller.request_id)
        case CallerKind.APP if rows is RowScope.BEHALF:
            return Acting(Actor.MEMBER, caller.subject, caller.request_id)
        case CallerKind.APP:
            return Acting(Actor.APP, caller.subject, caller.request_id)
        case CallerKind.SYSTEM:
            return Acting(Actor.SYSTEM, caller.subject, caller.request_id)


def way_of(acting: Acting) -> Method:
    """How a no was said: one button where the member stands before it, the counter's own where staff do it."""
    return Method.STORE_TERMINAL if acting.actor is Actor.STAFF_ON_BEHALF else Method.BUTTON
