"""What people see of consent, as the schema has it: decisions, their history, receipts."""

from datetime import datetime

import strawberry

from member_hub.consent.history.queries import current_t, event_t
from member_hub.consent.words import Act, Actor, ConsentState, ContactChannel, EvidenceKind, Method
from member_hub.graphql.audit_types import Label
from member_hub.graphql.guarded import GuardedText, guarded
from member_hub.graphql.paging import PageInfo
from member_hub.privacy import Purpose


@strawberry.type(description="Another handler, or somebody abroad, who receives personal information by consent.")
class ConsentRecipient:
    name: str = strawberry.field(description="As it is registered.")
    label: Label = strawberry.field(description="What it is called.")


@strawberry.type(description="The notice under which somebody decided.")
class ConsentNotice:
    id: strawberry.ID = strawberry.field(description="Id of the notice.")
    name: str = strawberry.field(description="Its version, as people and channel files name it.")


@strawberry.type(description="One thing to decide about, and where it stands.")
class Consent:
    purpose: Purpose = strawberry.field(description="For what.")
    recipient: ConsentRecipient | None = strawberry.field(description="Who receives it; null: the handler itself.")
    channel: ContactChannel | None = strawberry.field(description="Over what one is contacted; null: any.")
    contact: GuardedText | None = strawberry.field(
        description=(
            "The phone or e-mail address that it is about, which needs the right on that field as well; ABSENT where "
            "the member does not state it any more; null where it is about none."
        )
    )
    state: ConsentState = strawberry.field(
        description="Where it stands now, the clock and material changes of the notice included.",
        directives=[guarded(current_t.c.state)],
    )
    in_force: bool = strawberry.field(
        description=(
            "Whether reads for the purpose rest on it now: false, too, while nobody was informed, the age is unknown, "
            "or the consent was given to another handler. An objection comes before it."
        )
    )
    since: datetime | None = strawberry.field(description="Since when; null where nobody was ever asked.")
    ends_at: datetime | None = strawberry.field(description="Until when it was given; null: until it is withdrawn.")
    notice: ConsentNotice | None = strawberry.field(description="Under which notice; null: none.")
    given_by: Actor | None = strawberry.field(description="What kind of actor decided; null where nobody did.")
    stale_since: datetime | None = strawberry.field(
        description="Since when it has to be given anew (PIPL 14, 31); null where it need not."
    )
    event_id: strawberry.ID | None = strawberry.field(
        description="The event that made it so, for `consentReceipt`; opaque. Null where there is none."
    )


@strawberry.type(description="One thing that happened to one decision; never changed.")
class ConsentEvent:
    id: strawberry.ID = strawberry.field(description="The event, for `consentReceipt`; opaque.")
    purpose: Purpose = strawberry.field(description="For what.")
    recipient: ConsentRecipient | None = strawberry.field(description="Who receives it; null: the handler itself.")
    channel: ContactChannel | None = strawberry.field(description="Over what one is contacted; null: any.")
    has_contact: bool = strawberry.field(description="Whether it is about one phone or e-mail address only.")
    act: Act = strawberry.field(description="What happened.")
    state_from: ConsentState = strawberry.field(description="Where the decision stood before.")
    state_to: ConsentState = strawberry.field(
        description="Where it stood then.", directives=[guarded(event_t.c.state_to)]
    )
    actor: Actor = strawberry.field(description="What kind of actor; never who.")
    through: Label | None = strawberry.field(description="The app through which it came; null where it was none.")
    method: Method = strawberry.field(description="How it was given.")
    evidence: EvidenceKind | None = strawberry.field(description="What staff had in hand; null: nothing was needed.")
    notice: ConsentNotice | None = strawberry.field(description="Under which notice; null: none.")
    is_separate: bool = strawberry.field(description="Whether it was an act of its own (PIPL 23, 25, 29, 39).")
    ends_at: datetime | None = strawberry.field(description="Until when it was given; null: until it is withdrawn.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    recorded_at: datetime = strawberry.field(description="When it was put on record.")


@strawberry.type(description="An event in its place in the history.")
class ConsentEventEdge:
    cursor: str = strawberry.field(description="Opaque position, for `after`.")
    node: ConsentEvent = strawberry.field(description="The event.")


@strawberry.type(description="A page of a member's history of consent, the newest first.")
class ConsentEventConnection:
    edges: list[ConsentEventEdge] = strawberry.field(description="The events of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
    chain_intact: bool | None = strawberry.field(
        description=(
            "Whether the whole history is as it was written: each event vouches for the one before it. All of it is "
            "read for this, so ask for it once and not with every page; null: it has more than 100,000 events, and "
            "was not verified."
        )
    )


@strawberry.type(description="The receipt of one event (ISO/IEC TS 27560:2023), signed by the hub.")
class ConsentReceipt:
    record_id: strawberry.ID = strawberry.field(description="The event that it is about.")
    document: str = strawberry.field(
        description=(
            "The receipt as a file: JSON-LD with its signature in `proof`, to be kept byte for byte. GET "
            "/consents/receipts/{recordId} gives the same; `member-hub consent verify` checks it."
        ),
        directives=[guarded(event_t.c.state_to)],
    )
    key_id: str = strawberry.field(description="Which key signed it.")
