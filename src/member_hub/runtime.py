"""What one process holds: made once at start, passed down, never global."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from member_hub import benefits, points, privacy, programme, tags, tiers
from member_hub import organisation as register
from member_hub.access import Policies, PolicyKeeper
from member_hub.audit import AuditKeys, AuditLog, LedgerOfAnother, Sealer, check_ledger
from member_hub.benefits import BenefitRules
from member_hub.clock import Clock
from member_hub.consent import catalogue as consents
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.history.signing import ReceiptKey
from member_hub.counting import Loyalty
from member_hub.crypto import Ledger, Vault
from member_hub.db import Base, Database
from member_hub.merging import Resolver
from member_hub.organisation import Organisation
from member_hub.points import Rules as PointsRules
from member_hub.points import Together
from member_hub.points.watching import Alarm
from member_hub.privacy import Holder
from member_hub.settings import Settings
from member_hub.telling import Sender, opened_sender
from member_hub.tiers import TierRules

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    clock: Clock
    database: Database
    vault: Vault
    organisation: Organisation
    catalogue: Catalogue
    receipt_key: ReceiptKey
    policy_keeper: PolicyKeeper
    resolver: Resolver
    audit: AuditLog
    sealer: Sealer
    ledger: Ledger
    points: points.Programme
    tiers: tiers.Programme
    benefits: BenefitRules
    tags: tags.Programme
    earnings: Together
    sender: Sender | None = None  # None: production without one, where nobody signs in by code
    points_alarm: Alarm = field(default_factory=Alarm)

    @property
    def loyalty(self) -> Loyalty:
        return Loyalty(self.points, self.tiers)

    @property
    def policies(self) -> Policies:
        """The policy in force at this moment; a request takes its grant once and keeps it."""
        return self.policy_keeper.policies


@dataclass(frozen=True, slots=True)
class ProgrammeRules:
    """The programme's file, each part read by its own rules, and all of them against one another."""

    points: PointsRules
    tiers: TierRules
    tags: tags.Numbers
    benefits: BenefitRules

    @classmethod
    def load(cls, settings: Settings) -> "ProgrammeRules":
        """Raises PolicyError for what is missing, and for what is not exactly right."""
        parts = programme.load(settings)
        levels = tiers.rules_of(parts["tiers"])
        return cls(
            points.rules_of(parts["points"]),
            levels,
            tags.numbers_of(parts["tags"]),
            benefits.rules_of(parts["benefits"], levels),
        )


async def _check_ledger(settings: Settings, database: Database) -> None:
    """In development, where folders are made and thrown away, another database's ledger is told and no refusal."""
    try:
        await check_ledger(database, settings.ledger_dir, settings.key_dir)
    except LedgerOfAnother as error:
        if settings.is_production:
            raise
        _log.warning("%s %s", error, error.remedy)


@asynccontextmanager
async def open_runtime(
    settings: Settings, clock: Clock, database: Database, holders: Sequence[Holder]
) -> AsyncIterator[Runtime]:
    """Everything a process needs, for the length of the block; the database stays the caller's.

    Raises Misconfigured where a column has no privacy declaration, a policy file is not exactly right, or the keys are
    not those of this database; LedgerOfAnother in production, before the ledger or key folder is written to;
    LedgerBroken where the outside ledger is not the chain that was written. At the end it waits until every accepted
    audit entry is written.
    """
    privacy.check(Base.metadata)
    organisation = register.of(settings)
    catalogue = consents.of(settings)
    rules = ProgrammeRules.load(settings)
    policy_keeper = PolicyKeeper(settings, consent_keys=catalogue.consent_keys)
    await _check_ledger(settings, database)
    ledger = await asyncio.to_thread(Ledger.open, settings.ledger_dir)
    vault = await Vault.open_ring(database, settings, clock)
    audit_keys = AuditKeys.open(settings.key_dir)
    audit = AuditLog(database, audit_keys)
    levels = tiers.Programme(rules.tiers)
    earnings = Together(database.app, partial(tiers.multipliers_at, levels))
    async with opened_sender(settings) as sender:
        try:
            yield Runtime(
                settings=settings,
                clock=clock,
                database=database,
                vault=vault,
                organisation=organisation,
                catalogue=catalogue,
                receipt_key=ReceiptKey.open(settings.key_dir),
                policy_keeper=policy_keeper,
                resolver=Resolver(vault, organisation, holders, catalogue),
                audit=audit,
                sealer=Sealer(database, audit_keys, settings.ledger_dir),
                ledger=ledger,
                points=points.Programme(vault, organisation, rules.points),
                tiers=levels,
                benefits=rules.benefits,
                tags=tags.Programme(rules.tags, organisation),
                earnings=earnings,
                sender=sender,
            )
        finally:
            await policy_keeper.close()
            await earnings.close()
            await audit.close()
