"""RFM, lifecycle stage, churn risk and rule tags of everybody: rounds as the clock runs them, rows of loyalty.py.

The first round gives every tag, the same day again has nothing to do, the next day changes what a day changes, and a
further one has three rules of the operator to evaluate besides: over computed tags, a quantile, and activity.
"""

from datetime import timedelta
from typing import Any, Final

from benchmarks.night import NOW, Night, Work
from member_hub import organisation, programme, resources, tags
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.members.taggings import TagKind
from member_hub.privacy import DataClass, Purpose
from member_hub.tags.tables import Tag

_POLICIES: Final = resources.folder("policies")
_PROGRAMME: Final = tags.Programme(
    tags.numbers_of(programme.read(_POLICIES / "programme.toml")["tags"]),
    organisation.load(_POLICIES / "organisation.toml"),
)
RUNS_MAX: Final = 100
_RULES: Final = {
    "lapsing": {"all": [{"figure": "lifecycle_stage", "one_of": ["dormant", "active"]},
                        {"figure": "churn_risk", "equals": "high"}]},
    "top_tenth": {"figure": "monetary_12m_fen", "at_quantile": 90},
    "browses": {"all": [{"figure": "visit_30d", "at_least": 2}, {"not": {"figure": "frequency_12m", "at_least": 1}}]},
}  # fmt: skip


async def _round(night: Night) -> int:
    """Of today, as far as it is not done; a run has a limit, and the scheduler comes again."""
    changed = 0
    for _ in range(RUNS_MAX):
        ran = await tags.run(night.database, night.audit, _PROGRAMME, night.clock)
        changed += ran.evaluated.given + ran.evaluated.ended
        if not ran.has_more:
            return changed
    raise AssertionError("the round of a day does not end")


async def _next_day(night: Night) -> int:
    night.clock.at += timedelta(days=1)
    return await _round(night)


async def _with_rules(night: Night) -> int:
    await _define(night)
    return await _next_day(night)


async def _define(night: Night) -> None:
    said: dict[str, Any] = {"version": 1, "kind": TagKind.RULE, "tag_group": "rules", "owner": "benchmark"}
    said |= {"data_class": DataClass.COMMERCE, "purpose": Purpose.MEMBER_SERVICE, "is_profiling": True}
    said |= {"is_service": False, "is_restrictive": False, "is_retired": False, "handler": "brand"}
    said |= {"proposed_by": "E1", "proposed_at": NOW, "approved_by": "E2", "approved_at": NOW}
    rules = [{"code": code, "zh": code, "en": code, "rule": rule} for code, rule in _RULES.items()]
    async with transaction(night.database.app) as tx:
        await tx.execute(table_of(Tag).insert(), [said | one for one in rules])


WORKS: Final = (
    Work("RFM, stage and risk, everybody for the first time", _round),
    Work("the same day again", _round),
    Work("RFM, stage and risk on the next day", _next_day),
    Work("the day after, with three rules", _with_rules),
)
