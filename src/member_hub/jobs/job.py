"""One thing that is done by the clock, and what all of them take from the hub."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from member_hub.audit import AuditLog, Sealer
from member_hub.clock import Clock
from member_hub.consent.catalogue import Catalogue
from member_hub.crypto import Ledger, Vault
from member_hub.db import Database
from member_hub.errors import HubError
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
    def catalogue(self) -> Catalogue: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def sender(self) -> Sender | None: ...
    @property
    def settings(self) -> Settings: ...


@dataclass(slots=True)
class Job:
    name: str
    every: timedelta
    work: Callable[[datetime], Awaitable[object]]
    due_at: datetime | None = None  # None: at once

    async def run_if_due(self, now: datetime) -> None:
        if self.due_at is not None and now < self.due_at:
            return
        self.due_at = now + self.every
        try:
            await self.work(now)
        except Exception as error:  # noqa: BLE001 - whatever it was, the other jobs go on and this one comes again
            said = f": {error}" if isinstance(error, HubError) else ""
            _log.error("The job %s failed (%s)%s", self.name, type(error).__name__, said)
            self.due_at = now + min(self.every, AGAIN_AFTER)
