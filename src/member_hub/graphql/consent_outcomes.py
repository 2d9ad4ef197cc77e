"""What became of what was just decided, told to whoever decided it, whether or not they may read the rest."""

from collections.abc import Iterable
from datetime import datetime

import strawberry

from member_hub.consent.deciding.outcome import Stands
from member_hub.consent.words import ConsentState, ContactChannel
from member_hub.privacy import Purpose


@strawberry.type(description="Where something that was just decided stands.")
class ConsentOutcome:
    state: ConsentState = strawberry.field(description="Where it stands now.")
    purpose: Purpose = strawberry.field(description="For what.")
    recipient: str | None = strawberry.field(description="To whom it is provided; null: to nobody else.")
    channel: ContactChannel | None = strawberry.field(description="Over what; null: all, or the purpose has none.")
    notice_name: str | None = strawberry.field(description="Under which notice; null: under none.")
    since: datetime = strawberry.field(description="Since when.")
    ends_at: datetime | None = strawberry.field(description="Until when it was given; null: until withdrawn.")
    event_id: strawberry.ID = strawberry.field(description="The event that made it so, for `consentReceipt`; opaque.")


def consents_of(stands: Iterable[Stands]) -> list[ConsentOutcome]:
    return [_consent(one) for one in stands]


def _consent(one: Stands) -> ConsentOutcome:
    return ConsentOutcome(
        state=one.state,
        purpose=Purpose(one.slot.purpose),
        recipient=one.slot.recipient or None,
        channel=ContactChannel(one.slot.channel) if one.slot.channel else None,
        notice_name=one.notice,
        since=one.since,
        ends_at=one.ends_at,
        event_id=strawberry.ID(one.record_id),
    )
