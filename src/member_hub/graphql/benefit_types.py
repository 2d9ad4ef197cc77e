"""Benefits as the schema shows them: what a member may use now, and one use of it."""

from datetime import datetime

import strawberry

from member_hub.benefits import Used
from member_hub.benefits.queries import Entitled
from member_hub.benefits.rules import Benefit as Definition
from member_hub.benefits.rules import BenefitRules
from member_hub.benefits.using import use_t
from member_hub.benefits.words import EntitlementState, IssueReason, Source
from member_hub.graphql.guarded import guarded
from member_hub.graphql.store import Store, store_of
from member_hub.organisation import Organisation

strawberry.enum(
    Source,
    name="BenefitSource",
    description=(
        "How a member comes by a benefit: by the TIER that is held now; in the month of the BIRTHDAY, or of the "
        "ANNIVERSARY of joining (who joins, or states the birthday, within the month of it has it from the next "
        "business day on); as a gift for a PROMOTION; ISSUED by a campaign or by hand."
    ),
)
strawberry.enum(
    EntitlementState,
    description=(
        "USABLE now; USED_UP in this period, or the tier that is held now gives no more; NOT_YET, it begins later; "
        "FROZEN, nothing can be used: the membership is frozen or restricted, or the member objected to everything."
    ),
)
strawberry.enum(IssueReason, name="BenefitIssueReason", description="Why a benefit is given.")


@strawberry.type(description="A benefit of the programme.")
class Benefit:
    code: str = strawberry.field(description="By which it is used.")
    name_zh: str = strawberry.field(description="Its name in Chinese.")
    name_en: str = strawberry.field(description="Its name in English.")
    source: Source = strawberry.field(description="How one comes by it.")


@strawberry.type(description="How many of a benefit a member has in one period.")
class Entitlement:
    id: strawberry.ID | None = strawberry.field(
        description="To use this one and no other; null where it comes with a tier and nothing of it was used yet."
    )
    benefit: Benefit = strawberry.field(description="Which benefit.")
    quantity: int = strawberry.field(description="How many there are in the period.")
    used: int = strawberry.field(description="How many of these are used; may be more than a lower tier now gives.")
    remaining: int = strawberry.field(description="How many are left.")
    starts_at: datetime = strawberry.field(description="From when it can be used.")
    until: datetime | None = strawberry.field(description="Until when; null: no date ends it.")
    state: EntitlementState = strawberry.field(description="Whether it can be used now.")


@strawberry.type(description="One use of a benefit.")
class BenefitUse:
    id: strawberry.ID = strawberry.field(description="For `benefitVoid`.")
    benefit: str = strawberry.field(description="Code of the benefit.")
    tier: str | None = strawberry.field(
        description="Code of the tier that was held then; null where it is DENIED.", directives=[guarded(use_t.c.tier)]
    )
    store: Store | None = strawberry.field(
        description="Where, as it was stated; null where it is DENIED.", directives=[guarded(use_t.c.store)]
    )
    used_at: datetime = strawberry.field(description="When.")
    voidable_until: datetime = strawberry.field(description="Until when it can be taken back.")
    voided_at: datetime | None = strawberry.field(description="When it was taken back; null: it was not.")


def entitlement_of(one: Entitled) -> Entitlement:
    return Entitlement(
        id=strawberry.ID(str(one.entitlement_id)) if one.entitlement_id is not None else None,
        benefit=_benefit(one.benefit),
        quantity=one.quantity,
        used=one.used,
        remaining=one.remaining,
        starts_at=one.starts_at,
        until=one.until,
        state=one.state,
    )


def use_of(used: Used, rules: BenefitRules, organisation: Organisation, *, shows: bool) -> BenefitUse:
    """`shows`: whether the caller may read loyalty; what was used they know, or they could not name the use."""
    return BenefitUse(
        id=strawberry.ID(str(used.use_id)),
        benefit=used.benefit,
        tier=used.tier if shows else None,
        store=store_of(used.store, organisation) if shows else None,
        used_at=used.at,
        voidable_until=used.at + rules.void_within,
        voided_at=used.voided_at,
    )


def _benefit(of: Definition) -> Benefit:
    return Benefit(code=of.code, name_zh=of.zh, name_en=of.en, source=of.source)
