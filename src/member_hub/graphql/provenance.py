"""Where the value of a profile field comes from, and what else was said."""

from datetime import datetime

import strawberry

from member_hub.graphql.guarded import GuardedText
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel


@strawberry.type(description="One value that a channel account stated for a field of the profile.")
class ProfileValue:
    value: GuardedText = strawberry.field(description="The value, guarded like the field itself.")
    source: SourceStrength = strawberry.field(description="How it came to be known.")
    channel: Channel = strawberry.field(description="The channel whose account stated it.")
    observed_at: datetime = strawberry.field(description="When it was last stated.")
    verified_at: datetime | None = strawberry.field(description="When it was verified; null: never.")
    chosen: bool = strawberry.field(description="Whether this is the value that the profile shows.")
