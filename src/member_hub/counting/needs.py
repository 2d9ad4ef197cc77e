"""What counting takes of the process, and what it tells of a batch."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from member_hub import points, tiers
from member_hub.access import Caller, system_caller
from member_hub.crypto import Vault
from member_hub.ids import uuid7
from member_hub.organisation import Organisation, Section
from member_hub.points import Asked
from member_hub.privacy import Purpose

GROWTH: Final = "growth"  # of the keyed digests under which entries of growth stand


@dataclass(frozen=True, slots=True)
class Loyalty:
    """The programme as far as counting goes by it; one per process."""

    points: points.Programme
    tiers: tiers.Programme

    @classmethod
    def of(cls, sections: Mapping[str, Section], vault: Vault, organisation: Organisation) -> "Loyalty":
        """From the programme's file. Raises PolicyError for what is not exactly right in it."""
        rules = points.rules_of(sections["points"])
        return cls(points.Programme(vault, organisation, rules), tiers.Programme(tiers.rules_of(sections["tiers"])))

    @property
    def vault(self) -> Vault:
        return self.points.vault

    def asked(self, now: datetime) -> Asked:
        """Without a key: what is counted is claimed line by line."""
        return Asked(self.points, now, None)

    def growth_key(self, what: str) -> bytes:
        return self.vault.message_key(GROWTH, what)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a batch came to. `waiting` could not be counted now, `resumed` had waited and was; `lines` may be counts of
    activity, or accounts; `cut` lines earned the most that one may, and would have earned more; `refunds_cut` were for
    more than was left of their line, and took what was left."""

    lines: int = 0
    earned: int = 0
    taken_back: int = 0
    waiting: int = 0
    resumed: int = 0
    cut: int = 0
    refunds_cut: int = 0

    def __add__(self, other: "Counted") -> "Counted":
        mine, theirs = Counter(_numbers(self)), Counter(_numbers(other))
        return Counted(**{name: mine[name] + theirs[name] for name in Counted.__slots__})


def _numbers(counted: Counted) -> dict[str, int]:
    return {name: getattr(counted, name) for name in Counted.__slots__}


def hub_caller() -> Caller:
    """In whose name the ledger says it was: the hub's, for what a file or the clock brings."""
    return system_caller(subject="counting", purpose=Purpose.MEMBER_SERVICE, request_id=uuid7())
