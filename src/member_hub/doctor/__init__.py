"""Finds what is misconfigured and says what to do about it: `member-hub doctor`.

The front door: `await doctor.examine(settings)`.
"""

from member_hub.doctor.examining import examine
from member_hub.doctor.findings import Check, Verdict, as_json, as_text, is_well

__all__ = ["Check", "Verdict", "as_json", "as_text", "examine", "is_well"]
