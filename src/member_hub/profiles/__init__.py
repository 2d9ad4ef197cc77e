"""What callers state about a person through the API: enrolment and profile updates."""

from member_hub.profiles.actions import Written, enrol, update
from member_hub.profiles.collecting import CollectedFor
from member_hub.profiles.forgetting import Forgotten, forget_consented, holding_for_consent
from member_hub.profiles.refusals import Outranked, Refusals
from member_hub.profiles.rules import Enrolment, Stated

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
    "holding_for_consent",
    "update",
]
