"""What the doctor says: one check each, and all of them as text or JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from member_hub.errors import HubError, Misconfigured


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    verdict: Verdict
    says: str
    remedy: str = ""


def is_well(checks: Sequence[Check]) -> bool:
    return all(check.verdict is not Verdict.FAIL for check in checks)


def as_text(checks: Sequence[Check]) -> str:
    lines = []
    for check in checks:
        lines.append(f"{check.verdict:<4}  {check.name}: {check.says}")
        lines.extend(f"      {line}" for line in check.remedy.splitlines())
    return "\n".join(lines)


def as_json(checks: Sequence[Check]) -> str:
    return json.dumps({"ok": is_well(checks), "checks": [asdict(check) for check in checks]}, ensure_ascii=False)


def failed(name: str, error: HubError) -> Check:
    if isinstance(error, Misconfigured):
        return Check(name, Verdict.FAIL, error.what, error.remedy)
    return Check(name, Verdict.FAIL, str(error))
