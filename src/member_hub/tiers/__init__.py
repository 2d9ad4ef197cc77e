"""Growth and tiers (T1 to T8): what grows, where a member stands because of it, and why.

    words, tables   the words, and what is stored
    rules/          what rules are, how they are read, which are in force, what they decide (pure)
    growth/         entries of growth, and what the figures of members come to
    standing/       marking members to be looked at, reviewing them, placing one by hand

Growth is apart from points: neither part knows the other's entries.
"""

from member_hub.tiers.growth.giving import Grown, grow
from member_hub.tiers.growth.rules import of_activity, of_line, taken_back
from member_hub.tiers.queries import Standing, held_at, multipliers_at, standings, terms_before
from member_hub.tiers.rules.model import TierRules
from member_hub.tiers.rules.reading import rules_of
from member_hub.tiers.rules.versions import InForce, Programme, in_force
from member_hub.tiers.standing.marking import due_members, touch
from member_hub.tiers.standing.notifying import ask_notices, said_of
from member_hub.tiers.standing.placing import Placement, place
from member_hub.tiers.standing.preparing import prepare, rank_ends
from member_hub.tiers.standing.resuming import resume
from member_hub.tiers.standing.reviewing import review
from member_hub.tiers.words import PlacingReason, Source, Why

__all__ = [
    "Grown",
    "InForce",
    "Placement",
    "PlacingReason",
    "Programme",
    "Source",
    "Standing",
    "TierRules",
    "Why",
    "ask_notices",
    "due_members",
    "grow",
    "held_at",
    "in_force",
    "multipliers_at",
    "of_activity",
    "of_line",
    "place",
    "prepare",
    "rank_ends",
    "resume",
    "review",
    "rules_of",
    "said_of",
    "standings",
    "taken_back",
    "terms_before",
    "touch",
]
