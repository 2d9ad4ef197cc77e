"""Who looked at or changed what: written before the answer is given, never altered unnoticed.

The front door: `log.write(Entry(...))` before anything is shown; `sealer.run(now)` every few seconds, by the clock;
`check(...)` recomputes everything; `expire(...)` drops what is kept no longer; `queries` reads.
"""

from member_hub.audit.actions import AuditLog, AuditUnavailable
from member_hub.audit.belonging import LedgerOfAnother, check_ledger
from member_hub.audit.checking import check
from member_hub.audit.entry import Entry
from member_hub.audit.findings import Finding, Kind, Report
from member_hub.audit.heads import HeadBroken
from member_hub.audit.keys import AuditKeys
from member_hub.audit.retention import RETENTION_MONTHS, expire
from member_hub.audit.sealing import Sealer, SealsBehind

__all__ = [
    "RETENTION_MONTHS",
    "AuditKeys",
    "AuditLog",
    "AuditUnavailable",
    "Entry",
    "Finding",
    "HeadBroken",
    "Kind",
    "LedgerOfAnother",
    "Report",
    "Sealer",
    "SealsBehind",
    "check",
    "check_ledger",
    "expire",
]
