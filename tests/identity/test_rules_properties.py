"""What holds for the partition of any set of facts."""

from dataclasses import replace
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from member_hub.identity.names import Agreement, names_agree
from member_hub.identity.rules import ClaimKind, ClaimStatus, OriginFacts, Partition, Rules, partition
from tests.identity.worlds import components, in_keys, pairs, relabelled, relabelled_pairs, worlds

EXAMPLES = 120
RULES = Rules(cards_max=2, merges_max=3, shared_max=6)
AGREED = frozenset({frozenset({"one", "other"})})
CONTACTS = (ClaimKind.PHONE, ClaimKind.EMAIL)


def of(world: list[OriginFacts], never: frozenset[frozenset[object]] = frozenset()) -> Partition:
    return partition(world, RULES, never_merge=never, agreements=AGREED)  # type: ignore[arg-type]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data(), worlds())
def test_order_repetition_and_random_ids_do_not_matter(data: st.DataObject, world: list[OriginFacts]) -> None:
    never = data.draw(pairs(world))
    first = in_keys(world, of(world, never))

    repeated = data.draw(st.lists(st.sampled_from(world), max_size=3))
    shuffled = data.draw(st.permutations(relabelled([*world, *repeated], "other")))
    again = in_keys(shuffled, of(shuffled, relabelled_pairs(never, "other")))

    assert again == first


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds())
def test_the_order_of_claims_does_not_matter(world: list[OriginFacts]) -> None:
    turned = [replace(facts, claims=facts.claims[::-1]) for facts in world]

    assert in_keys(turned, of(turned)) == in_keys(world, of(world))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data(), worlds(most=10))
def test_the_whole_is_the_sum_of_its_components(data: st.DataObject, world: list[OriginFacts]) -> None:
    never = data.draw(pairs(world))
    whole = in_keys(world, of(world, never))

    parts = [in_keys(part, of(part, never)) for part in components(world)]

    for what in ("sets", "candidates", "links"):
        assert set().union(*(part[what] for part in parts)) == whole[what]  # type: ignore[arg-type]
    for what in ("holders", "statuses"):
        assert {k: v for part in parts for k, v in part[what].items()} == whole[what]  # type: ignore[attr-defined]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data(), worlds(most=10))
def test_no_set_breaks_a_guard(data: st.DataObject, world: list[OriginFacts]) -> None:
    never = data.draw(pairs(world))
    facts = {account.origin_id: account for account in world}

    found = of(world, never)

    assert sorted(o for members in found.sets for o in members) == sorted(facts)
    for members in found.sets:
        accounts = [facts[origin] for origin in members]
        assert not any(pair <= members for pair in never)
        assert {account.handler for account in accounts} <= {"one", "other"} or len({a.handler for a in accounts}) == 1
        assert len({_unionid(account, found) for account in accounts} - {None}) <= 1
        assert len({a.birthday for a in accounts if a.birthday_verified and a.birthday}) <= 1
        assert len(accounts) <= RULES.merges_max + 1


def _unionid(account: OriginFacts, found: Partition) -> bytes | None:
    """The one unionid that counts for an account."""
    stated = [c for c in account.claims if c.kind is ClaimKind.UNIONID]
    usable = [c for c in stated if found.statuses[c.origin, c.kind, c.namespace, c.token] is not ClaimStatus.SHARED]
    return min(usable, key=lambda c: (c.stated_from, c.token)).token if usable else None


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds(most=10))
def test_cards_join_up_to_the_limit(world: list[OriginFacts]) -> None:
    facts = {account.origin_id: account for account in world}

    for members in of(world).sets:
        stated = [{c.token for c in facts[o].claims if c.kind is ClaimKind.CARD} for o in members]
        assert len(set().union(*stated)) <= max(RULES.cards_max, *map(len, stated))


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds())
def test_a_value_finds_the_set_that_holds_it_and_a_member_has_one_phone(world: list[OriginFacts]) -> None:
    found = of(world)
    set_of = {origin: members for members in found.sets for origin in members}

    for value, holder in found.holders.items():
        assert found.statuses[holder, *value] is ClaimStatus.ACTIVE
    active = {key for key, status in found.statuses.items() if status is ClaimStatus.ACTIVE}
    for origin, kind, namespace, token in active:
        assert found.holders[kind, namespace, token] in set_of[origin]
    for members in found.sets:
        phones = {key[3] for key in active if key[0] in members and key[1] is ClaimKind.PHONE}
        assert len(phones) <= 1


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds())
def test_what_nobody_verified_holds_no_phone_and_no_address(world: list[OriginFacts]) -> None:
    verified = {claim.value for account in world for claim in account.claims if claim.verified_at}

    held = {value for value in of(world).holders if value[0] in CONTACTS}

    assert held <= verified


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds())
def test_candidates_are_pairs_of_different_sets_each_once(world: list[OriginFacts]) -> None:
    found = of(world)
    set_of = {origin: members for members in found.sets for origin in members}

    seen = [frozenset((set_of[c.a], set_of[c.b])) for c in found.candidates]

    assert all(len(pair) == 2 for pair in seen)
    assert len(set(seen)) == len(seen)


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds(most=2))
def test_two_with_different_names_are_joined_by_one_user_only(world: list[OriginFacts]) -> None:
    found = of(world)

    for a, b in combinations(world, 2):
        if len(found.sets) == 1 and names_agree(a.name, b.name) is Agreement.CONFLICT:
            assert found.links[0].rule == "same_user"
