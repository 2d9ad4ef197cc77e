"""What a verified credential says, and whether the register and the organisation still know all of it."""

from dataclasses import dataclass
from datetime import datetime

from member_hub.access.refusals import Unauthenticated
from member_hub.access.register import Role, RoleKind
from member_hub.ids import MemberId
from member_hub.organisation import Organisation


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The claims of one access token (RFC 9068), checked for kind and size, not yet against policy."""

    subject: str  # a staff number, an app's name or a member id
    client: str  # through which client it was issued; for a role of kind app this is the app
    role: str
    purposes: tuple[str, ...]
    stores: frozenset[str]
    regions: frozenset[str]
    handler: str | None
    member_id: MemberId | None
    step_up: bool
    token_id: str
    issued_at: datetime
    expires_at: datetime


def fit(claims: TokenClaims, role: Role, organisation: Organisation) -> bool:
    """A member is somebody, an app is registered with this role, staff act for no member."""
    if role.kind is RoleKind.APP:
        app = organisation.apps.get(claims.client)
        return app is not None and app.role == role.name
    return (claims.member_id is not None) == (role.kind is RoleKind.MEMBER)


def handler_of(claims: TokenClaims, role: Role, organisation: Organisation) -> str | None:
    """The one handler within which the caller acts; a member has none, for one may have accounts with several.

    Raises Unauthenticated where staff could belong to several handlers and the credential does not say to which.
    """
    if role.kind is RoleKind.APP:
        return organisation.apps[claims.client].handler
    if role.kind is RoleKind.MEMBER:
        return None
    named = {organisation.stores[store].handler for store in claims.stores if store in organisation.stores}
    named |= {organisation.regions[region].handler for region in claims.regions if region in organisation.regions}
    if claims.handler is not None:
        named.add(claims.handler)
    possible = named or set(organisation.handlers)
    if len(possible) != 1 or not possible <= organisation.handlers.keys():
        raise Unauthenticated
    return possible.pop()
