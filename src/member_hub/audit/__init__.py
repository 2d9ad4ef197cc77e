"""Who looked at or changed what: written before the answer is given, never altered."""

from member_hub.audit.actions import AuditLog, AuditUnavailable, Entry

__all__ = ["AuditLog", "AuditUnavailable", "Entry"]
