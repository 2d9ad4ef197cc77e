"""Who may do what: Casbin decides, once per (role, purpose) at load; the data layer enforces the compiled Grant.

The front door: `PolicyKeeper(settings).policies`, `Credentials.open(settings, ...)`, `caller_from(...)`,
`policies.grant(caller.role, caller.purpose)`, `masks.masked(mask, value)`.
"""

from member_hub.access.callers import Caller, CallerKind, caller_from, system_caller
from member_hub.access.claims import TokenClaims
from member_hub.access.credentials import Credentials, Verifier
from member_hub.access.declared import undeclared
from member_hub.access.examining import Examination, Finding, examine
from member_hub.access.grants import Grant, NoRows, Policies, folder_of
from member_hub.access.keeping import PolicyKeeper, Standing
from member_hub.access.masks import looks_masked, masked, refuse_masked
from member_hub.access.matrix import matrix
from member_hub.access.member_tokens import MemberTokens
from member_hub.access.refusals import (
    DevelopmentOnly,
    KeysUnavailable,
    MaskedValue,
    PurposeNotAllowed,
    PurposeRequired,
    RoleNotCarried,
    RoleRequired,
    Unauthenticated,
)
from member_hub.access.register import Register, Role, RoleKind
from member_hub.access.tokens import Ask, DevelopmentTokens
from member_hub.access.words import (
    SYSTEM_ROLE,
    Action,
    AggregateScope,
    Facts,
    Guard,
    Key,
    Operation,
    RowScope,
    Verdict,
    stricter,
)

__all__ = [
    "SYSTEM_ROLE",
    "Action",
    "AggregateScope",
    "Ask",
    "Caller",
    "CallerKind",
    "Credentials",
    "DevelopmentOnly",
    "DevelopmentTokens",
    "Examination",
    "Facts",
    "Finding",
    "Grant",
    "Guard",
    "Key",
    "KeysUnavailable",
    "MaskedValue",
    "MemberTokens",
    "NoRows",
    "Operation",
    "Policies",
    "PolicyKeeper",
    "PurposeNotAllowed",
    "PurposeRequired",
    "Register",
    "Role",
    "RoleKind",
    "RoleNotCarried",
    "RoleRequired",
    "RowScope",
    "Standing",
    "TokenClaims",
    "Unauthenticated",
    "Verdict",
    "Verifier",
    "caller_from",
    "examine",
    "folder_of",
    "looks_masked",
    "masked",
    "matrix",
    "refuse_masked",
    "stricter",
    "system_caller",
    "undeclared",
]
