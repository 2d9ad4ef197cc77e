"""Which rules are in force: the approved ones that came into force last; before any, those of the file.

Each version is in force from its time until that of another, in whichever order they were proposed: none that was
approved for later is passed over without a word. Of two for one moment the newer is.
The file's rules are version 0. A change of the file alone counts too: everybody is looked at again when the digest of
the rules in force is another one (standing/marking.py).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import DateTime, bindparam, select, tuple_

from member_hub.db.base import Tx
from member_hub.db.bulk import constant, table_of
from member_hub.organisation import Section
from member_hub.tiers.rules.model import TierRules
from member_hub.tiers.rules.reading import rules_of, values_of
from member_hub.tiers.tables import StoredRules

rules_t = table_of(StoredRules)
KEPT: Final = 64  # versions read once and kept
EARLIER_MAX: Final = 64  # versions that a look back goes through; before them the oldest of these is taken


@dataclass(frozen=True, slots=True)
class Programme:
    """The rules of the programme's file; one per process."""

    rules: TierRules


# Made once: every earning of a purchase asks.
_NEWEST: Final = (
    select(rules_t.c.version, rules_t.c.rules, rules_t.c.effective_at)
    .where(
        rules_t.c.approved_at.is_not(None),
        rules_t.c.effective_at <= bindparam("now", type_=DateTime(timezone=True)),
    )
    .order_by(rules_t.c.effective_at.desc(), rules_t.c.version.desc())
    .limit(constant(1))
)


@dataclass(frozen=True, slots=True)
class InForce:
    """`since`: None for those of the file, which no other came before."""

    version: int
    rules: TierRules
    since: datetime | None = None

    @property
    def digest(self) -> bytes:
        canonical = orjson.dumps([self.version, values_of(self.rules)], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).digest()


async def in_force(tx: Tx, programme: Programme, *, now: datetime) -> InForce:
    row = (await tx.execute(_NEWEST, {"now": now})).one_or_none()
    return InForce(0, programme.rules) if row is None else InForce(row.version, stored(row.rules), row.effective_at)


async def back_to(tx: Tx, programme: Programme, ruled: InForce, moment: datetime) -> Sequence[InForce]:
    """These rules, and those before them down to the ones that were in force at a moment; the newest first."""
    if ruled.since is None or ruled.since <= moment:
        return [ruled]
    came = (rules_t.c.effective_at, rules_t.c.version)
    statement = (
        select(rules_t.c.version, rules_t.c.rules, rules_t.c.effective_at)
        .where(rules_t.c.approved_at.is_not(None), tuple_(*came) < (ruled.since, ruled.version))
        .order_by(*(column.desc() for column in came))
        .limit(EARLIER_MAX)
    )
    found = [ruled]
    for row in await tx.execute(statement):
        found.append(InForce(row.version, stored(row.rules), row.effective_at))
        if row.effective_at <= moment:
            return found
    return found if len(found) > EARLIER_MAX else [*found, InForce(0, programme.rules)]


def at_moment(versions: Sequence[InForce], moment: datetime) -> InForce:
    """Which of these, the newest first, were in force."""
    return next((one for one in versions if one.since is None or one.since <= moment), versions[-1])


def stored(values: Mapping[str, Any]) -> TierRules:
    """Rules as they are stored, which were read strictly before."""
    return _read(orjson.dumps(values, option=orjson.OPT_SORT_KEYS))


@lru_cache(maxsize=KEPT)
def _read(canonical: bytes) -> TierRules:
    return rules_of(Section("stored rules", "", "", orjson.loads(canonical)))
