"""One thing that is done by the clock, what it says of a round, and what all of them take from the hub."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from member_hub import tags, tiers
from member_hub.audit import AuditLog, Sealer
from member_hub.benefits import BenefitRules
from member_hub.clock import Clock
from member_hub.consent.catalogue import Catalogue
from member_hub.counting import Loyalty
from member_hub.crypto import Ledger, Vault
from member_hub.db import Database
from member_hub.errors import HubError
from member_hub.organisation import Organisation
from member_hub.points.refusals import ClockJumped
from member_hub.points.watching import Alarm
from member_hub.settings import Settings
from member_hub.telling import Sender

CALLER: Final = "jobs"
AGAIN_AFTER: Final = timedelta(minutes=1)  # at most, when it failed: what runs every few hours does not wait for those

_log = logging.getLogger(__name__)


class Needs(Protocol):
    """What the jobs take from the hub."""

    @property
    def clock(self) -> Clock: ...
    @property
    def database(self) -> Database: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def sealer(self) -> Sealer: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def organisation(self) -> Organisation: ...
    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def sender(self) -> Sender | None: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def loyalty(self) -> Loyalty: ...
    @property
    def tiers(self) -> tiers.Programme: ...
    @property
    def tags(self) -> tags.Programme: ...
    @property
    def benefits(self) -> BenefitRules: ...
    @property
    def points_alarm(self) -> Alarm: ...


class Lane(StrEnum):
    """Jobs of one lane run one after another; lanes do not wait for each other."""

    SEALS = "seals"
    TIME = "time"  # what time does to consent: a standstill may leave a million members behind
    MUCH = "much"  # goes through much in batches, and holds nothing up
    LOYALTY = "loyalty"
    CALLING = "calling"  # asks services of others


@dataclass(frozen=True, slots=True)
class Done:
    """What one round came to. Single items that `failed` are logged; they come again, and stopped nobody else."""

    count: int = 0
    has_more: bool = False  # the round came to its own limit, and something is due still
    failed: int = 0
    went_on: bool = False  # it is behind more than before, though that came to nothing: the next round begins there


Work = Callable[[datetime], Awaitable[Done]]


@dataclass(slots=True)
class Job:
    name: str
    every: timedelta
    work: Work
    lane: Lane
    keeps_pace: bool = False  # has more for hours, and takes it a little at a time; `jobs run` does it at once
    due_at: datetime | None = None  # None: at once

    async def run_if_due(self, now: datetime) -> None:
        if self.due_at is not None and now < self.due_at:
            return
        self.due_at = now + self.every
        try:
            done = await self.work(now)
        except Exception as error:  # noqa: BLE001 - whatever it was, the other jobs go on and this one comes again
            self.failed_with(error)
            self.due_at = now + min(self.every, AGAIN_AFTER)
        else:
            if done.has_more and not self.keeps_pace:
                self.due_at = now

    def failed_with(self, error: Exception) -> None:
        """Only what this product raises on purpose says more than its class: the rest may quote a value.

        Of a clock that is behind is told once, and not by each job (loyalty.py)."""
        if isinstance(error, ClockJumped):
            return
        said = f": {error}" if isinstance(error, HubError) else ""
        _log.error("The job %s failed (%s)%s", self.name, type(error).__name__, said)
