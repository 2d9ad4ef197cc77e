"""Which member id each set of channel accounts gets, and which merges and splits lead there (pure).

The partition says which accounts belong together; this says who stays who. A member id stays with the set that
holds the account it began with; of several ids in one set the oldest stays (DOMAIN: "winner = oldest member"),
the others become its merged ids and go on resolving. When accounts leave, the merged ids that were theirs leave with
them: whoever kept such an id finds the same person again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from member_hub.identity.states import AccountState
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import MemberStatus


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """What assigning looks at: one stored member row."""

    member_id: MemberId
    status: MemberStatus
    merged_into: MemberId | None
    joined_at: datetime
    version: int

    @property
    def seniority(self) -> tuple[datetime, MemberId]:
        return (self.joined_at, self.member_id)


@dataclass(frozen=True, slots=True)
class Split:
    """`origins` leave `kept` for `back`, a new member or one that was merged and comes back."""

    kept: MemberId
    back: MemberId
    origins: tuple[OriginId, ...]
    is_revived: bool
    followers: tuple[MemberId, ...] = ()  # merged ids that leave, too: they resolve to `back` from now on


@dataclass(frozen=True, slots=True)
class Merge:
    kept: MemberId
    gone: MemberId


@dataclass(slots=True)
class Plan:
    """Splits come first, then merges; `targets` says which member every account has in the end."""

    splits: list[Split] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    targets: dict[OriginId, MemberId] = field(default_factory=dict)
    made: set[MemberId] = field(default_factory=set)


NOBODY: Mapping[MemberId, Collection[OriginId]] = MappingProxyType({})


def assign(
    sets: Sequence[Collection[OriginId]],
    accounts: Mapping[OriginId, AccountState],
    members: Mapping[MemberId, MemberFacts],
    new_id: Callable[[], MemberId],
    *,
    brought: Mapping[MemberId, Collection[OriginId]] = NOBODY,
) -> Plan:
    """The plan that turns today's members into these sets; empty of splits and merges where they agree.

    `brought` says of each id merged into one of the members which accounts it had when it was; a plan with splits
    needs it.
    """
    planner = _Planner(accounts, members, new_id, brought)
    ordered = sorted((sorted(s, key=planner.age) for s in sets), key=lambda s: planner.age(s[0]))
    for origins, own in zip(ordered, planner.own(ordered), strict=True):
        planner.assign_one(origins, own)
    return planner.plan


@dataclass(slots=True)
class _Planner:
    accounts: Mapping[OriginId, AccountState]
    members: Mapping[MemberId, MemberFacts]
    new_id: Callable[[], MemberId]
    brought: Mapping[MemberId, Collection[OriginId]]
    plan: Plan = field(default_factory=Plan)

    def age(self, origin: OriginId) -> tuple[datetime, bytes]:
        return (self.accounts[origin].first_seen_at, self.accounts[origin].account_token)

    def own(self, ordered: Sequence[Sequence[OriginId]]) -> list[list[MemberId]]:
        """For every set the member ids that stay with it: it holds the account that the member began with."""
        best: dict[MemberId, tuple[tuple[bool, tuple[datetime, bytes]], int]] = {}
        for index, origins in enumerate(ordered):
            for origin in origins:
                account = self.accounts[origin]
                if account.member_id is None:
                    continue
                rank = (account.filed_under != account.member_id, self.age(origin))
                held = best.get(account.member_id)
                if held is None or rank < held[0]:
                    best[account.member_id] = (rank, index)
        own: list[list[MemberId]] = [[] for _ in ordered]
        for member, (_, index) in best.items():
            own[index].append(member)
        return own

    def assign_one(self, origins: Sequence[OriginId], own: Sequence[MemberId]) -> None:
        """Find the id of one set, `own` being those that stay with it; what comes from others is split off there."""
        strangers: dict[MemberId, list[OriginId]] = {}
        for origin in origins:
            member = self.accounts[origin].member_id
            if member is not None and member not in own:
                strangers.setdefault(member, []).append(origin)
        arrivals = [self._split(kept, left) for kept, left in strangers.items()]
        ranked = sorted(own, key=lambda member: self.members[member].seniority) + arrivals
        if not ranked:
            ranked = [self.new_id()]
            self.plan.made.add(ranked[0])
        self.plan.merges.extend(Merge(ranked[0], gone) for gone in ranked[1:])
        self.plan.targets.update(dict.fromkeys(origins, ranked[0]))

    def _split(self, kept: MemberId, left: Sequence[OriginId]) -> MemberId:
        """The accounts leave, and with them the ids merged into `kept` that were theirs; the one that had most of them
        stands up again."""
        theirs = [member for member in self.brought if self._home_in(kept, member) in left]
        theirs.sort(key=lambda member: (-len({*self.brought[member]} & {*left}), self.members[member].seniority))
        back = theirs[0] if theirs else self.new_id()
        self.plan.splits.append(Split(kept, back, tuple(left), bool(theirs), tuple(theirs[1:])))
        return back

    def _home_in(self, kept: MemberId, member: MemberId) -> OriginId | None:
        """Of the accounts that a merged id brought into `kept` and that are still there the one that it began with."""
        if self.members[member].merged_into != kept:
            return None
        there = [o for o in self.brought[member] if o in self.accounts and self.accounts[o].member_id == kept]
        return min(there, key=lambda o: (self.accounts[o].filed_under != member, self.age(o)), default=None)
