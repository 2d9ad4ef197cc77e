"""Who keeps which id when sets of accounts change (pure): the plan from what is stored to what the partition says."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from member_hub.identity.states import AccountState
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import Channel, MemberStatus
from member_hub.merging.rules import MemberFacts, Merge, Plan, Split, assign

START = datetime(2025, 1, 1, tzinfo=UTC)
A, B, C, D = (OriginId(UUID(int=n)) for n in range(1, 5))
K, L, M, N = (MemberId(UUID(int=n)) for n in range(101, 105))
NEW = MemberId(UUID(int=1000))


def account(origin: OriginId, member: MemberId | None, filed: MemberId | None = None) -> AccountState:
    """The smaller its number, the older the account."""
    since = START + timedelta(days=origin.int)
    return AccountState(
        origin, origin.bytes, Channel.WEBSITE, "website", "brand", member, filed or member, since, since, None, None
    )


def member(member_id: MemberId, merged_into: MemberId | None = None) -> MemberFacts:
    status = MemberStatus.MERGED if merged_into else MemberStatus.ACTIVE
    return MemberFacts(member_id, status, merged_into, START + timedelta(days=member_id.int), 1)


def plan(
    sets: Sequence[Collection[OriginId]],
    accounts: Sequence[AccountState],
    members: Sequence[MemberFacts],
    brought: Mapping[MemberId, Collection[OriginId]] | None = None,
) -> Plan:
    ids = itertools.count(NEW.int)
    return assign(
        sets,
        {a.origin_id: a for a in accounts},
        {m.member_id: m for m in members},
        lambda: MemberId(UUID(int=next(ids))),
        brought=brought or {},
    )


def test_what_stands_already_needs_no_plan() -> None:
    found = plan([{A, B}, {C}], [account(A, K), account(B, K), account(C, L)], [member(K), member(L)])

    assert (found.splits, found.merges, found.made) == ([], [], set())
    assert found.targets == {A: K, B: K, C: L}


def test_of_two_ids_in_one_set_the_older_member_stays() -> None:
    found = plan([{A, B}], [account(A, L), account(B, K)], [member(K), member(L)])

    assert found.merges == [Merge(kept=K, gone=L)]
    assert found.targets == {A: K, B: K}


def test_a_new_account_joins_the_member_of_the_others_or_makes_one() -> None:
    found = plan([{A, B}, {C}], [account(A, K), account(B, None), account(C, None)], [member(K)])

    assert found.targets == {A: K, B: K, C: NEW}
    assert found.made == {NEW}


def test_a_member_id_stays_with_the_account_it_began_with() -> None:
    """A is older, but came from elsewhere: K is B's."""
    found = plan([{A}, {B}], [account(A, K, filed=L), account(B, K)], [member(K), member(L)])

    assert found.targets == {A: NEW, B: K}
    assert found.splits == [Split(kept=K, back=NEW, origins=(A,), is_revived=False)]


def test_accounts_that_leave_take_the_id_that_they_brought() -> None:
    accounts = [account(A, K), account(B, K, filed=L)]

    found = plan([{A}, {B}], accounts, [member(K), member(L, merged_into=K)], {L: [B]})

    assert found.splits == [Split(kept=K, back=L, origins=(B,), is_revived=True)]
    assert found.targets == {A: K, B: L}


def test_the_id_that_had_most_of_those_who_leave_stands_up_and_the_others_follow_it() -> None:
    accounts = [account(A, K), account(B, K, filed=L), account(C, K, filed=M)]

    found = plan(
        [{A}, {B, C}], accounts, [member(K), member(L, merged_into=K), member(M, merged_into=K)], {L: [B], M: [B, C]}
    )

    assert found.splits == [Split(kept=K, back=M, origins=(B, C), is_revived=True, followers=(L,))]


def test_an_id_goes_where_the_account_goes_that_it_began_with() -> None:
    """M had B and C when it was absorbed and began with C: B's leaving does not take it along."""
    accounts = [account(A, K), account(B, K, filed=L), account(C, K, filed=M)]
    members = [member(K), member(M, merged_into=K)]

    found = plan([{A, C}, {B}], accounts, members, {M: [B, C]})

    assert found.splits == [Split(kept=K, back=NEW, origins=(B,), is_revived=False)]


def test_who_leaves_one_member_for_another_is_split_off_and_then_merged() -> None:
    found = plan([{A}, {B, C}], [account(A, K), account(B, K), account(C, L)], [member(K), member(L)])

    assert found.splits == [Split(kept=K, back=NEW, origins=(B,), is_revived=False)]
    assert found.merges == [Merge(kept=L, gone=NEW)]
    assert found.targets == {A: K, B: L, C: L}


ORIGINS = (A, B, C, D)
MEMBERS = (K, L, M, N)


@given(
    held=st.tuples(*(st.none() | st.sampled_from(MEMBERS) for _ in ORIGINS)),
    filed=st.tuples(*(st.sampled_from(MEMBERS) for _ in ORIGINS)),
    wanted=st.tuples(*(st.integers(0, 3) for _ in ORIGINS)),
)
def test_carrying_out_a_plan_gives_the_sets_and_no_id_is_lost(
    held: tuple[MemberId | None, ...], filed: tuple[MemberId, ...], wanted: tuple[int, ...]
) -> None:
    accounts = [account(o, m, f if m else None) for o, m, f in zip(ORIGINS, held, filed, strict=True)]
    roots = {m for m in held if m}
    merged = {f: next(iter(sorted(roots))) for f in filed if f not in roots and roots}
    members = [*(member(m) for m in roots), *(member(f, merged_into=root) for f, root in merged.items())]
    brought = {f: [o for o, of in zip(ORIGINS, filed, strict=True) if of == f] for f in merged}
    sets = [{o for o, n in zip(ORIGINS, wanted, strict=True) if n == number} for number in set(wanted)]

    found = plan(sets, accounts, members, brought)

    after = {a.origin_id: a.member_id for a in accounts}
    root_of = {m.member_id: m.merged_into or m.member_id for m in members}
    for split in found.splits:
        assert all(after[o] == split.kept for o in split.origins)
        assert split.is_revived == (root_of.get(split.back) == split.kept)
        after |= dict.fromkeys(split.origins, split.back)
        root_of |= dict.fromkeys((split.back, *split.followers), split.back)
    for merging in found.merges:
        assert root_of[merging.kept] == merging.kept
        after = {o: merging.kept if m == merging.gone else m for o, m in after.items()}
        root_of = {m: merging.kept if r == merging.gone else r for m, r in root_of.items()}
    after |= {o: found.targets[o] for o, m in after.items() if m is None}
    assert after == found.targets
    assert {frozenset(o for o in ORIGINS if after[o] == m) for m in after.values()} == {frozenset(s) for s in sets}
    assert roots <= root_of.keys()
    assert all(root in after.values() for m, root in root_of.items() if m in roots)
