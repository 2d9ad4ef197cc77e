"""What callers state about a person through the API: enrolment and profile updates."""

from member_hub.profiles.actions import Written, enrol, update
from member_hub.profiles.refusals import Outranked, Refusals
from member_hub.profiles.rules import Enrolment, Stated

__all__ = ["Enrolment", "Outranked", "Refusals", "Stated", "Written", "enrol", "update"]
