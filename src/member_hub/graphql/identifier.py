"""An identifier of a member."""

from datetime import datetime

import strawberry

from member_hub.graphql.enums import IdentifierKind
from member_hub.graphql.guarded import GuardedText, guarded
from member_hub.identity.kinds import ClaimStatus
from member_hub.identity.reading import claim_t


@strawberry.type(description="What identifies a member, each once, however many accounts state it.")
class Identifier:
    kind: IdentifierKind = strawberry.field(description="Kind of identifier.")
    namespace: str = strawberry.field(description="The appid, open platform or brand; empty for phone and e-mail.")
    value: GuardedText = strawberry.field(
        description="The identifier. A phone or an e-mail address needs the right on that field as well.",
        directives=[guarded(claim_t.c.value)],
    )
    verified_at: datetime | None = strawberry.field(description="When it was last verified; null: never.")
    last_seen_at: datetime = strawberry.field(description="When an account last stated it.")
    status: ClaimStatus = strawberry.field(description="What became of it.")
