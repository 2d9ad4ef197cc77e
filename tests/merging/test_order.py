"""The same people, profiles and candidates whatever the order and the batches, and however often something is said."""

from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from member_hub.db import snapshot
from member_hub.identity.facts import facts_of, shared_values
from member_hub.identity.queries import load_accounts
from member_hub.identity.rules import Rules, partition
from member_hub.identity.statements import AccountStatement
from tests.hub import Hub, account_t
from tests.merging.worlds import Said, batches, said, shuffled, statement
from tests.picture import Person, Picture, differing

TABLES = (
    "hub.member, hub.channel_account, hub.profile_value, hub.member_store, hub.identity_claim, hub.review_candidate, "
    "hub.merge_event, hub.consent_line, hub.order_line, hub.activity, hub.waiting_line, hub.inbox, vault.data_key, "
    "vault.identity_token, vault.identity_hint"
)


# No shrinking: every try is many transactions, and a failing world is small enough as it is.
@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    world=st.lists(said, min_size=8, max_size=30),
    seed=st.integers(0, 1000),
    size=st.sampled_from((1, 2, 7)),
    shared=st.sampled_from((2, 3, 20)),
)
async def test_neither_order_nor_batches_nor_repetition_matter(
    hub: Hub, world: list[Said], seed: int, size: int, shared: int
) -> None:
    told, rules = [statement(one) for one in world], Rules(shared_max=shared)

    once = await _told(hub, [told], rules)
    again = await _told(hub, batches(shuffled(told, seed), size), rules)

    assert differing(once, again) == {}
    assert again.people == await _from_scratch(hub, rules)


async def _told(hub: Hub, deliveries: Sequence[Sequence[AccountStatement]], rules: Rules) -> Picture:
    async with hub.database.owner.begin() as tx:
        await tx.execute(text(f"TRUNCATE {TABLES}"))
    for delivery in deliveries:
        await hub.resolve(delivery, rules=rules)
    return await hub.picture()


async def _from_scratch(hub: Hub, rules: Rules) -> frozenset[Person]:
    """What the rules make of everything that is stored, at once."""
    async with snapshot(hub.database.app) as tx:
        origins = list(await tx.scalars(select(account_t.c.origin_id)))
        accounts = await load_accounts(tx, hub.vault, origins)
    shared = shared_values(accounts.values(), frozenset(), rules.shared_max)
    agreed = partition([facts_of(a, shared) for a in accounts.values()], rules)
    names = {row.origin_id: (row.channel, row.namespace, plain) for row, plain in await hub._accounts()}
    return frozenset(frozenset(names[o] for o in s) for s in agreed.sets)
