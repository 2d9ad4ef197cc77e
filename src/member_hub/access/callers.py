"""Who asks: one acting role, one declared purpose, and what the credential says about reach.

A caller is made once per request, from verified claims and the policy in force, and passed down as an argument.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from member_hub.access import claims as facts
from member_hub.access.claims import TokenClaims
from member_hub.access.grants import Policies
from member_hub.access.refusals import PurposeNotAllowed, PurposeRequired, Unauthenticated
from member_hub.access.register import RoleKind
from member_hub.access.words import SYSTEM_ROLE
from member_hub.ids import MemberId
from member_hub.organisation import Organisation
from member_hub.privacy import Purpose


class CallerKind(StrEnum):
    APP = "APP"
    STAFF = "STAFF"
    MEMBER = "MEMBER"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Caller:
    """The one who acts. `subject` is a staff number, an app's name or a member id as text: never a name.

    An app is the client that it signed in as, whatever its token says about whom: what it did, owes and may retry is
    the app's, and one app cannot borrow another's name.
    """

    kind: CallerKind
    role: str
    purpose: Purpose
    subject: str
    stores: frozenset[str]
    regions: frozenset[str]
    handler: str | None
    member_id: MemberId | None  # who a MEMBER is
    on_behalf_of: MemberId | None  # for whom an APP asks
    step_up: bool
    request_id: UUID


def system_caller(*, subject: str, purpose: Purpose, request_id: UUID) -> Caller:
    """The hub itself (a job, an ingest run, a command): acts without a grant and is audited like everybody."""
    nowhere: frozenset[str] = frozenset()
    return Caller(
        CallerKind.SYSTEM, SYSTEM_ROLE, purpose, subject, nowhere, nowhere, None, None, None, False, request_id
    )


def caller_from(
    claims: TokenClaims,
    purpose_header: str | None,
    policies: Policies,
    organisation: Organisation,
    *,
    request_id: UUID,
) -> Caller:
    """The caller behind verified claims.

    Raises Unauthenticated where the claims do not fit the register or the organisation any more, PurposeRequired
    where several purposes are carried and none is declared, PurposeNotAllowed where the declared one is not in the
    token and in the policy. Stores and regions that the organisation no longer has are left out.
    """
    role = policies.register.roles.get(claims.role)
    if role is None or not facts.fit(claims, role, organisation):
        raise Unauthenticated
    purpose = _purpose(claims, purpose_header, policies)
    return Caller(
        kind=CallerKind[role.kind.name],
        role=role.name,
        purpose=purpose,
        subject=claims.client if role.kind is RoleKind.APP else claims.subject,
        stores=claims.stores & organisation.stores.keys(),
        regions=claims.regions & organisation.regions.keys(),
        handler=facts.handler_of(claims, role, organisation),
        member_id=claims.member_id if role.kind is RoleKind.MEMBER else None,
        on_behalf_of=claims.member_id if role.kind is RoleKind.APP else None,
        step_up=claims.step_up,
        request_id=request_id,
    )


def _purpose(claims: TokenClaims, declared: str | None, policies: Policies) -> Purpose:
    if declared is None:
        if len(claims.purposes) != 1:
            raise PurposeRequired
        declared = claims.purposes[0]
    if declared not in claims.purposes or not policies.allows(claims.role, declared):
        raise PurposeNotAllowed
    return Purpose(declared)
