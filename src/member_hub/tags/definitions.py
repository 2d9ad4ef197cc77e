"""Definitions of tags, as they are used: the built-in ones of every handler, and those that two persons made.

Of the built-in ones that restrict, do_not_contact stops messages: authoriseSend refuses every purpose but the service,
support and rights. Decision: minor and fraud stop nothing by themselves. They tell whoever serves the member (fraud:
only those who see every tag), and a person decides. What the law asks for minors goes by the birth date, and to refuse
somebody points or benefits because a colleague set a mark would be a decision that nobody explained (PIPL 24). Price: a
fraudster earns until somebody acts.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import distinct_on

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.members.bits import PURPOSE_BITS
from member_hub.members.taggings import DO_NOT_CONTACT, RESTING_ON_CONSENT, TagKind, ends_by
from member_hub.privacy import DataClass, Purpose
from member_hub.tags.conditions import Condition, figures_in, read
from member_hub.tags.figures import OWN_PURPOSES
from member_hub.tags.refusals import BadRule
from member_hub.tags.tables import Tag

# What a tag may be for. Rights, statutes and security are no reason to sort members.
PURPOSES: Final = RESTING_ON_CONSENT | {
    Purpose.MEMBER_SERVICE,
    Purpose.CUSTOMER_SUPPORT,
    Purpose.ANALYTICS,
    Purpose.ACTIVITY_EVALUATION,
}
TAGS_MAX: Final = 200  # codes of one handler
THE_HUB: Final = "member hub"

tag_t = table_of(Tag)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Definition:
    code: str
    version: int
    kind: TagKind
    group: str
    zh: str
    en: str
    owner: str
    data_class: DataClass
    purpose: Purpose
    is_service: bool = False
    is_restrictive: bool = False
    is_profiling: bool = False
    is_retired: bool = False
    rule: Any | None = None
    expires_days: int | None = None
    proposed_by: str = THE_HUB
    proposed_at: datetime | None = None
    approved_by: str | None = THE_HUB
    approved_at: datetime | None = None

    @property
    def condition(self) -> Condition | None:
        return read(self.rule, self.purpose) if self.rule is not None else None

    @property
    def restricted_by(self) -> int:
        """The objections to what it is for, and to what its rule reads: figures with a purpose of their own. What is
        not read of somebody says nothing, so neither does its absence."""
        ends = ends_by(self.purpose, is_profiling=self.is_profiling, is_restrictive=self.is_restrictive)
        condition = self.condition
        sources = {figure.source for figure in figures_in(condition)} if condition is not None else set()
        for source, purpose in OWN_PURPOSES.items():
            ends |= PURPOSE_BITS[purpose] if source in sources else 0
        return ends

    @property
    def is_builtin(self) -> bool:
        return self.proposed_at is None


def _computed(code: str, zh: str, en: str, group: str) -> Definition:
    return Definition(
        code, 1, TagKind.COMPUTED, group, zh, en, THE_HUB, DataClass.COMMERCE, Purpose.ANALYTICS, is_profiling=True
    )


def _restrictive(code: str, zh: str, en: str, *, is_service: bool) -> Definition:
    return Definition(
        code,
        1,
        TagKind.HAND,
        "restrictive",
        zh,
        en,
        THE_HUB,
        DataClass.PROFILE,
        Purpose.MEMBER_SERVICE,
        is_service=is_service,
        is_restrictive=True,
    )


BUILTIN: Final[Mapping[str, Definition]] = {
    one.code: one
    for one in (
        _computed("r_score", "最近购买得分", "recency score", "rfm"),
        _computed("f_score", "购买频次得分", "frequency score", "rfm"),
        _computed("m_score", "购买金额得分", "money score", "rfm"),
        _computed("lifecycle_stage", "生命周期阶段", "lifecycle stage", "lifecycle"),
        _computed("churn_risk", "流失风险", "churn risk", "lifecycle"),
        _restrictive("minor", "未成年人", "minor", is_service=True),
        _restrictive(DO_NOT_CONTACT, "请勿联系", "do not contact", is_service=True),
        _restrictive("fraud", "欺诈风险", "fraud", is_service=False),
    )
}


def definition_of(row: Row[Any]) -> Definition:
    return Definition(
        code=row.code,
        version=row.version,
        kind=TagKind(row.kind),
        group=row.tag_group,
        zh=row.zh,
        en=row.en,
        owner=row.owner,
        data_class=DataClass(row.data_class),
        purpose=Purpose(row.purpose),
        is_service=row.is_service,
        is_restrictive=row.is_restrictive,
        is_profiling=row.is_profiling,
        is_retired=row.is_retired,
        rule=row.rule,
        expires_days=row.expires_days,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
    )


async def in_force(tx: Tx, handlers: Collection[str]) -> dict[str, dict[str, Definition]]:
    """By handler and code: the newest approved version of each, unless it ends the tag."""
    newest = (
        select(tag_t)
        .where(among(tag_t.c.handler, handlers), tag_t.c.approved_at.is_not(None))
        .ext(distinct_on(tag_t.c.handler, tag_t.c.code))
        .order_by(tag_t.c.handler, tag_t.c.code, tag_t.c.version.desc())
    )
    found = {handler: dict(BUILTIN) for handler in handlers}
    for row in await tx.execute(newest):
        if not row.is_retired:
            found[row.handler][row.code] = definition_of(row)
    return found


def evaluated(definitions: Iterable[Definition]) -> list[Definition]:
    """Those that the hub itself gives. A stored rule that this version cannot read (a figure is gone, or serves fewer
    purposes) gives nobody a tag, and stops no other."""
    found = []
    for one in definitions:
        try:
            if one.kind is TagKind.COMPUTED or one.condition is not None:
                found.append(one)
        except BadRule as bad:
            _log.error("The rule of the tag %s, version %s, cannot be read: %s", one.code, one.version, bad)
    return found
