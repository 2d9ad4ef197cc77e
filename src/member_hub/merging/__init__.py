"""Two channel accounts turn out to be one person, and back again."""

from member_hub.merging.resolution import Outcome, OutcomeKind, Resolution, Resolver

__all__ = ["Outcome", "OutcomeKind", "Resolution", "Resolver"]
