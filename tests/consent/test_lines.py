"""What a delivery says about consent, and the old system's balance and tier: kept sealed, as said, once."""

import itertools
import json

from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from tests.hub import Hub, card, website


def said(purpose: str, *, granted: bool, at: str = "2025-01-01T10:30:00+08:00") -> dict[str, object]:
    return {"purpose": purpose, "granted": granted, "at": at, "notice": "website-2025-06"}


async def test_every_statement_is_kept_once_with_its_account_and_sealed(hub: Hub) -> None:
    yes, no = said("marketing_sms", granted=True), said("marketing_sms", granted=False, at="2025-03-01T10:30:00+08:00")
    first = website("W1", "2025-01-01", consents=[yes, said("service_terms", granted=True)])
    await hub.deliver(Source.WEBSITE, first, first)

    await hub.deliver(Source.WEBSITE, website("W1", "2025-03-01", consents=[yes, no]))
    await hub.deliver(Source.WEBSITE, website("W2", "2025-03-01", consents=[yes]))

    kept = (await hub.picture()).consents
    assert sorted(kept.values()) == [1, 1, 1, 1]
    spoken = {(account[2], line["purpose"], line["granted"]) for account, text in kept for line in [json.loads(text)]}
    assert spoken == {
        ("W1", "marketing_sms", True),
        ("W1", "marketing_sms", False),
        ("W1", "service_terms", True),
        ("W2", "marketing_sms", True),
    }
    assert not [row for row in await hub.rows("hub.consent_line") if b"marketing" in row.statement]


OPENINGS = (("2025-01-01", "100", "基础"), ("2025-06-01", "300", "VIP"), ("2025-03-01", "200", "核心"))


async def test_of_several_opening_balances_the_newest_stands_whatever_the_order(hub: Hub) -> None:
    orders = list(itertools.permutations(OPENINGS))
    for step in range(3):  # a card for each order, its rows one delivery after the other
        rows = [(f"8{n}", told[step]) for n, told in enumerate(orders)]
        await hub.deliver(Source.STORE, *(card(number, at, balance=b, tier=t) for number, (at, b, t) in rows))
    for n, told in enumerate(orders):  # and once all in one
        await hub.deliver(Source.STORE, *(card(f"9{n}", at, balance=b, tier=t) for at, b, t in told))

    openings = {number: opening for (_, _, number), (*_, opening) in (await hub.picture()).accounts.items()}
    newest = {"at": "2025-06-01T02:30:00.000000+00:00", "balance": 300, "tier": "VIP"}
    assert {number: json.loads(str(opening)) for number, opening in openings.items()} == {
        f"{first}{n}": newest for first in "89" for n in range(6)
    }


async def test_the_opening_balance_is_sealed_and_nothing_else_comes_of_it(hub: Hub) -> None:
    await hub.deliver(Source.STORE, card("81", "2025-01-01", balance="12923", tier="VIP"))

    (row,) = await hub.rows("hub.channel_account")
    assert b"12923" not in row.opening
    assert b"VIP" not in row.opening
    assert (await hub.picture()).profile(Channel.STORE, "81").keys() == {
        "name", "phone", "email", "birthday", "address", "gender", "home_store", "joined_at", "channels",
    }  # fmt: skip
