"""Requests of a known caller without a purpose, or with one that is not theirs: refused, and put on record."""

from uuid import UUID

from member_hub.access import CallerKind, RoleKind, TokenClaims
from member_hub.access.words import PURPOSES
from member_hub.audit import Entry
from member_hub.errors import Refused
from member_hub.graphql.asking import REQUEST
from member_hub.runtime import Runtime
from member_hub.throttling import Occasions

NONE, UNKNOWN = "none", "unknown"  # in the place of a purpose that was not stated, or is in no list


class Undeclared:
    """One row per caller, role, stated purpose and minute: a caller in a loop does not fill the log."""

    def __init__(self, hub: Runtime) -> None:
        self._hub = hub
        self._told = Occasions()

    async def put_on_record(self, claims: TokenClaims, stated: str | None, refusal: Refused, request_id: UUID) -> None:
        """Raises AuditUnavailable. What was stated is written only where it is a word of the closed list."""
        kind = self._hub.policies.register.roles[claims.role].kind
        who = claims.client if kind is RoleKind.APP else claims.subject
        purpose = _purpose(claims, stated)
        if not self._told.is_first((kind, who, claims.role, purpose)):
            return
        await self._hub.audit.write(
            Entry(
                caller_kind=CallerKind[kind.name].value,
                caller=who,
                role=claims.role,
                purpose=purpose,
                operation=REQUEST,
                outcome=refusal.code,
                request_id=request_id,
                happened_at=self._hub.clock.now(),
            )
        )


def _purpose(claims: TokenClaims, stated: str | None) -> str:
    """The declared one; where none was, the only one of the token."""
    if stated is None:
        stated = claims.purposes[0] if len(claims.purposes) == 1 else NONE
    return stated if stated in PURPOSES or stated == NONE else UNKNOWN
