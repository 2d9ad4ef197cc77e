"""What callers state about a person through the API: enrolment and profile updates."""

from member_hub.profiles.actions import Written, enrol, update
from member_hub.profiles.collecting import CollectedFor
from member_hub.profiles.forgetting import Forgotten, forget_consented, holding_for_consent
from member_hub.profiles.refusals import Outranked, Refusals
from member_hub.profiles.rules import Enrolment, Stated
from member_hub.profiles.sweeping import forget_ended

__all__ = [
    "CollectedFor",
    "Enrolment",
    "Forgotten",
    "Outranked",
    "Refusals",
    "Stated",
    "Written",
    "enrol",
    "forget_consented",
    "forget_ended",
    "holding_for_consent",
    "update",
]
