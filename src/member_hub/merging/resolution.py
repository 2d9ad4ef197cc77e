"""Resolution: what deliveries state becomes channel accounts, members and golden profiles, in one transaction.

    statements -> locks -> the component they touch -> folded states -> partition -> plan -> rows

The partition is recomputed from all claims of the touched component, so the order of deliveries cannot matter and a
later line can take an earlier attachment back (DESIGN 4). Ingest calls this for 500 records at once, the API for one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from member_hub.consent.catalogue import Catalogue
from member_hub.consent.replay.filing import NOTHING_FILED, Filed
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.identity.facts import facts_of, shared_values, take_statuses
from member_hub.identity.queries import Token, never_merge
from member_hub.identity.rules import Partition, Rules, partition
from member_hub.identity.statements import AccountStatement
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.bits import restriction_mask
from member_hub.members.queries import StoredMember
from member_hub.members.tables import Channel
from member_hub.merging.actions import Change
from member_hub.merging.applying import apply
from member_hub.merging.gathering import Work, absorbed_by, gather, regather
from member_hub.merging.rules import NOBODY, MemberFacts, Plan, assign
from member_hub.organisation import Organisation
from member_hub.privacy import Holder, Purpose

RULE = "partition"
DEFAULT_RULES = Rules()
UNIFICATION = restriction_mask(Purpose.IDENTITY_UNIFICATION)


class OutcomeKind(StrEnum):
    CREATED = "created"  # the account's first sight made a new member
    ATTACHED = "attached"  # the account's first sight joined accounts already known
    UPDATED = "updated"  # the account was known


@dataclass(frozen=True, slots=True)
class Outcome:
    kind: OutcomeKind
    member_id: MemberId
    origin_id: OriginId


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of the statements, in their order, and what else changed because of them."""

    outcomes: Sequence[Outcome]
    arrived: Mapping[tuple[Channel, str], OriginId] = field(default_factory=dict)  # accounts seen for the first time
    merged: int = 0
    split: int = 0
    candidates: int = 0
    involved: frozenset[MemberId] = frozenset()  # members that stood before and were joined, merged, split or changed
    filed: Filed = NOTHING_FILED  # what the consent lines came to


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves statements against what is stored; one per process.

    `holders` move their rows when members merge or split; the list is made at the top (holders.py).
    """

    vault: Vault
    organisation: Organisation
    holders: Sequence[Holder]
    catalogue: Catalogue
    rules: Rules = DEFAULT_RULES

    async def resolve(
        self, tx: Tx, statements: Sequence[AccountStatement], *, caused_by: str, now: datetime
    ) -> Resolution:
        """Apply the statements, some hundreds at most; locks what it touches until the transaction ends.

        The same statements again change nothing. Two importers may still get into each other's way: the caller then
        rolls back and tries again (db/contention.py).
        """
        work = await gather(tx, self.vault, self.organisation, self.rules, statements)
        return await self._settle(tx, work, caused_by, now)

    async def resolve_again(self, tx: Tx, accounts: Collection[Token], *, caused_by: str, now: datetime) -> Resolution:
        """Recompute the members of the accounts with these numbers, after a rule about them has changed."""
        work = await regather(tx, self.vault, self.rules, accounts, accounts)
        return await self._settle(tx, work, caused_by, now)

    async def _settle(self, tx: Tx, work: Work, caused_by: str, now: datetime) -> Resolution:
        agreed = await self._partition(tx, work)
        plan = await self._plan(tx, work, agreed)
        outcomes = _outcomes(work, plan)
        arrived = {(a.channel, a.account): o for o, a in work.accounts.items() if a.is_new and a.account is not None}
        involved = _involved(work, plan, outcomes)
        change = Change(tx, self.vault, self.holders, self.catalogue, RULE, caused_by, now)
        candidates, filed = await apply(change, work, agreed, plan)
        backs = {split.back for split in plan.splits}
        merged = sum(merge.gone not in backs for merge in plan.merges)
        return Resolution(outcomes, arrived, merged, len(plan.splits), candidates, involved, filed)

    async def _plan(self, tx: Tx, work: Work, agreed: Partition) -> Plan:
        """Only where accounts leave a member it matters who was merged into it, and only then that is looked up."""
        plan = _assigned(work, agreed)
        roots = {split.kept for split in plan.splits}
        if not roots:
            return plan
        members, brought = await absorbed_by(tx, self.vault, roots)
        work.members |= members
        return _assigned(work, agreed, brought)

    async def _partition(self, tx: Tx, work: Work) -> Partition:
        """Who belongs together; every claim takes the status that follows."""
        apart = await never_merge(tx, work.accounts) | _keeping_to_themselves(work)
        shared = shared_values(work.accounts.values(), work.shared, self.rules.shared_max)
        facts = [facts_of(account, shared) for account in work.accounts.values()]
        agreed = partition(
            facts, self.rules, never_merge=apart, agreements=frozenset(a.handlers for a in self.organisation.agreements)
        )
        for account in work.accounts.values():
            take_statuses(account, agreed, shared)
        return agreed


def _keeping_to_themselves(work: Work) -> frozenset[frozenset[OriginId]]:
    """A member who objects to identity_unification stays as they are: nothing more is united with them (PIPL 44)."""
    objecting = {m for m, stored in work.members.items() if stored.restriction_bits & UNIFICATION}
    pairs = (
        frozenset((origin, other))
        for origin, account in work.accounts.items()
        if account.member_id in objecting
        for other, beside in work.accounts.items()
        if beside.member_id != account.member_id
    )
    return frozenset(pairs)


def _assigned(work: Work, agreed: Partition, brought: Mapping[MemberId, Collection[OriginId]] = NOBODY) -> Plan:
    facts = {member: _facts(stored) for member, stored in work.members.items()}
    return assign(agreed.sets, work.accounts, facts, lambda: MemberId(uuid7()), brought=brought)


def _facts(stored: StoredMember) -> MemberFacts:
    return MemberFacts(stored.member_id, stored.status, stored.merged_into, stored.joined_at, stored.version)


def _involved(work: Work, plan: Plan, outcomes: Sequence[Outcome]) -> frozenset[MemberId]:
    targets = {outcome.member_id for outcome in outcomes}
    joined = {a.member_id for o, a in work.accounts.items() if plan.targets[o] in targets and a.member_id is not None}
    moved = {member for merge in plan.merges for member in (merge.kept, merge.gone)}
    parted = {member for split in plan.splits for member in (split.kept, split.back)}
    return frozenset((joined | moved | parted) & work.members.keys())


def _outcomes(work: Work, plan: Plan) -> list[Outcome]:
    """Of a member made now the first account counts as created, the others as attached."""
    outcomes = []
    made = set(plan.made)
    for account, is_first in work.said:
        member = plan.targets[account.origin_id]
        kind = OutcomeKind.ATTACHED if is_first else OutcomeKind.UPDATED
        if is_first and member in made:
            made.discard(member)
            kind = OutcomeKind.CREATED
        outcomes.append(Outcome(kind, member, account.origin_id))
    return outcomes
