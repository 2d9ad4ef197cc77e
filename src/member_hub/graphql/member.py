"""A member, as one caller sees it. Everything was loaded and masked before: a resolver here is an attribute."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import strawberry

from member_hub.benefits.using import entitlement_t
from member_hub.consent.history.queries import current_t
from member_hub.graphql.account import ChannelAccount
from member_hub.graphql.benefit_types import Entitlement
from member_hub.graphql.consent_types import Consent
from member_hub.graphql.guarded import GuardedText, guarded
from member_hub.graphql.identifier import Identifier
from member_hub.graphql.order import OrderLineConnection
from member_hub.graphql.paging import After, PageInfo
from member_hub.graphql.points_types import PointsAccount
from member_hub.graphql.provenance import ProfileValue
from member_hub.graphql.scalars import given
from member_hub.graphql.store import Store
from member_hub.graphql.tag_types import Tagging
from member_hub.graphql.tier_types import TierStanding
from member_hub.members.reading import member_t
from member_hub.members.tables import MemberStatus
from member_hub.members.taggings import tagging_t
from member_hub.orders.queries import order_t
from member_hub.points.writing import account_t as points_t
from member_hub.privacy import ProfileField
from member_hub.tiers.queries import standing_t

OrdersAsked = tuple[int | None, str | None]


@strawberry.interface(description="Anything that has a global id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Global id; opaque, and good for ever.")


def _provenance(
    root: "Member", field: Annotated[ProfileField, strawberry.argument(description="Which field.")]
) -> list[ProfileValue]:
    return root.values[field]


def _orders(
    root: "Member",
    first: Annotated[
        int | None, strawberry.argument(description="How many, 1 to 100; 20 if not said.")
    ] = strawberry.UNSET,
    after: After = strawberry.UNSET,
) -> OrderLineConnection:
    return root.pages[given(first), given(after)]


@strawberry.type(description="One person as the brand knows them, over all channels.")
class Member(Node):
    status: MemberStatus = strawberry.field(description="State of the membership.")
    joined_at: datetime = strawberry.field(description="When the first channel account was opened.")
    home_store: Store | None = strawberry.field(description="The store of the newest card.")
    version: int = strawberry.field(description="Counts changes of the profile; `profileUpdate` asks for it.")
    privacy_epoch: int = strawberry.field(
        description="Counts changes of what the member consents or objects to; `authoriseSend` asks for it."
    )
    name: GuardedText = strawberry.field(description="Name.", directives=[guarded(member_t.c.name)])
    phone: GuardedText = strawberry.field(
        description="Phone number with country code (E.164).", directives=[guarded(member_t.c.phone)]
    )
    email: GuardedText = strawberry.field(description="E-mail address.", directives=[guarded(member_t.c.email)])
    birthday: GuardedText = strawberry.field(
        description="Date of birth: 1961-02-03.", directives=[guarded(member_t.c.birthday)]
    )
    gender: GuardedText = strawberry.field(description="F or M.", directives=[guarded(member_t.c.gender)])
    address: GuardedText = strawberry.field(description="Address.", directives=[guarded(member_t.c.address)])
    accounts: list[ChannelAccount] = strawberry.field(description="The channel accounts, the oldest first.")
    identifiers: list[Identifier] = strawberry.field(description="What identifies the member, what holds best first.")
    tier: TierStanding | None = strawberry.field(
        description="Tier and growth; null where they are DENIED.", directives=[guarded(standing_t.c.tier)]
    )
    consents: list[Consent] = strawberry.field(
        description=(
            "Where each decision of the member stands; every purpose that rests on consent is in it, asked about or "
            "not, so it is empty only where consents are DENIED."
        ),
        directives=[guarded(current_t.c.state)],
    )
    benefits: list[Entitlement] = strawberry.field(
        description=(
            "What the member may use, usable now first, at most 50; in the till view only what is usable. Empty where "
            "it is DENIED."
        ),
        directives=[guarded(entitlement_t.c.benefit)],
    )
    points: PointsAccount | None = strawberry.field(
        description="Points; null only where they are DENIED: who never earned any has an account of zeros.",
        directives=[guarded(points_t.c.active)],
    )
    tags: list[Tagging] = strawberry.field(
        description=(
            "The tags that stand now, by group and code. Service tags for whoever may read member.service_tags, all "
            "others for whoever may read member.tags; those for marketing or personalisation for that purpose alone."
        ),
        directives=[guarded(tagging_t.c.tag)],
    )
    values: strawberry.Private[Mapping[ProfileField, list[ProfileValue]]]
    pages: strawberry.Private[Mapping[OrdersAsked, OrderLineConnection]]

    provenance: list[ProfileValue] = strawberry.field(
        resolver=_provenance,
        description="Every value held for a field, with its source, the newest first; empty where the field is DENIED.",
    )
    orders: OrderLineConnection = strawberry.field(
        resolver=_orders,
        description="Order lines of all accounts, the newest first.",
        directives=[guarded(order_t.c.amount_fen)],
    )


@strawberry.type(description="A member in its place in the list.")
class MemberEdge:
    cursor: str = strawberry.field(description="Opaque position, for `after` and `before`.")
    node: Member = strawberry.field(description="The member.")


@strawberry.type(description="A page of members, the newest first.")
class MemberConnection:
    edges: list[MemberEdge] = strawberry.field(description="The members of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
