"""Which rules are in force: of the approved ones that have come into force the newest; before any, those of the file.

The file's rules are version 0. A change of the file alone counts too: everybody is looked at again when the digest of
the rules in force is another one (standing/marking.py).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import DateTime, bindparam, select

from member_hub.db.base import Tx
from member_hub.db.bulk import constant, table_of
from member_hub.organisation import Section
from member_hub.tiers.rules.model import TierRules
from member_hub.tiers.rules.reading import rules_of, values_of
from member_hub.tiers.tables import StoredRules

rules_t = table_of(StoredRules)
KEPT: Final = 64  # versions read once and kept


@dataclass(frozen=True, slots=True)
class Programme:
    """The rules of the programme's file; one per process."""

    rules: TierRules


# Made once: every earning of a purchase asks.
_NEWEST: Final = (
    select(rules_t.c.version, rules_t.c.rules)
    .where(
        rules_t.c.approved_at.is_not(None),
        rules_t.c.effective_at <= bindparam("now", type_=DateTime(timezone=True)),
    )
    .order_by(rules_t.c.version.desc())
    .limit(constant(1))
)


@dataclass(frozen=True, slots=True)
class InForce:
    version: int
    rules: TierRules

    @property
    def digest(self) -> bytes:
        canonical = orjson.dumps([self.version, values_of(self.rules)], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).digest()


async def in_force(tx: Tx, programme: Programme, *, now: datetime) -> InForce:
    row = (await tx.execute(_NEWEST, {"now": now})).one_or_none()
    return InForce(0, programme.rules) if row is None else InForce(row.version, stored(row.rules))


def stored(values: Mapping[str, Any]) -> TierRules:
    """Rules as they are stored, which were read strictly before."""
    return _read(orjson.dumps(values, option=orjson.OPT_SORT_KEYS))


@lru_cache(maxsize=KEPT)
def _read(canonical: bytes) -> TierRules:
    return rules_of(Section("stored rules", "", "", orjson.loads(canonical)))
