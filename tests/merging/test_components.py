"""Components at their limits: values too common, chains too long for short sight, more claims than one keeps."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from member_hub.crypto import CannotOpen, sealed_row
from member_hub.db import snapshot
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import AccountStatement, StatedIdentifier, StatedValue
from member_hub.identity.states import CLAIMS_MAX, VALUES_PER_FIELD_MAX
from member_hub.identity.tables import IdentityClaim
from member_hub.ingest.words import Source
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel
from member_hub.merging.resolution import DEFAULT_RULES
from member_hub.privacy import DataClass, ProfileField
from tests.hub import Hub, MakeHub, card, tally, verified, website
from tests.picture import claim_t, differing

SHARED = DEFAULT_RULES.shared_max
PHONE = "13911110001"
START = datetime(2025, 1, 1, tzinfo=UTC)


def said(number: str, day: int, *stated: StatedIdentifier | StatedValue) -> AccountStatement:
    at = START + timedelta(days=day)
    return AccountStatement(
        channel=Channel.WEBSITE,
        namespace="website",
        account=number,
        event_time=at,
        first_seen=START,
        strength=SourceStrength.SELF_DECLARED,
        identifiers=(
            StatedIdentifier(ClaimKind.ACCOUNT, "website", number, at),
            *(one for one in stated if isinstance(one, StatedIdentifier)),
        ),
        values=tuple(one for one in stated if isinstance(one, StatedValue)),
    )


def phone(number: int, day: int) -> StatedIdentifier:
    return StatedIdentifier(ClaimKind.PHONE, "", f"+861391111{number:04}", START + timedelta(days=day))


def name(text: str) -> StatedValue:
    return StatedValue(ProfileField.NAME, text)


async def test_a_phone_that_one_account_too_many_states_connects_nobody_any_more(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01", name="张晓明", **verified("2025-01-01", PHONE)))
    others = [card(f"8{n:02}", "2025-02-01", name=f"王{chr(0x4E00 + n)}", phone=PHONE) for n in range(SHARED - 2)]
    await hub.deliver(Source.STORE, card("C1", "2025-02-01", name="张晓明", phone=PHONE), *others)
    picture = await hub.picture()
    assert frozenset({"W1", "C1"}) in picture.numbers()
    assert picture.profile(Channel.WEBSITE, "W1")["phone"] == f"+86{PHONE}"
    assert len(picture.candidates) >= SHARED - 2

    summary = await hub.deliver(Source.STORE, card("899", "2025-03-01", name="赵敏", phone=PHONE))

    assert tally(summary) == {"read": 1, "new_members": 1, "split": 1}
    picture = await hub.picture()
    assert all(len(person) == 1 for person in picture.people)
    assert picture.candidates == frozenset()
    assert await hub.finds(ClaimKind.PHONE, "", f"+86{PHONE}") is None
    assert picture.profile(Channel.WEBSITE, "W1")["phone"] is None
    assert {status for _, kind, *_, status, _, _, _ in picture.claims if kind == "phone"} == {"shared"}


async def test_an_account_whose_own_number_has_become_common_is_still_itself(hub: Hub) -> None:
    """Found by a property test: a card that too many state elsewhere was taken for a card never seen."""
    await hub.deliver(Source.STORE, card("C1", "2025-01-01", name="张晓明"))
    own = StatedIdentifier(ClaimKind.CARD, "brand", "C1", START)
    for n in range(SHARED + 1):
        await hub.resolve([said(f"W{n}", n, own)])

    summary = await hub.deliver(Source.STORE, card("C1", "2025-06-01", name="张晓明", balance="5"))

    assert tally(summary) == {"read": 1, "updated": 1}
    assert len(await hub.rows("hub.channel_account")) == SHARED + 2
    assert await hub.finds(ClaimKind.CARD, "brand", "C1") == await hub.member_of(Channel.STORE, "C1")


async def test_sixty_accounts_of_one_person_are_one_member_however_they_come(make_hub: MakeHub) -> None:
    """Each account shares a phone with the next: nobody states more than two."""
    told = [said(f"W{n}", n, phone(n, n), name("张晓明")) for n in range(60)]
    told += [said(f"W{n}", n + 1, phone(n + 1, n + 1), name("张晓明")) for n in range(59)]
    at_once, backwards = await make_hub(), await make_hub()

    await at_once.resolve(told)
    for one in reversed(told):
        await backwards.resolve([one])

    picture = await at_once.picture()
    assert [len(person) for person in picture.people] == [60]
    assert differing(picture, await backwards.picture()) == {}


async def test_the_whole_component_is_looked_at_however_long_its_chain(hub: Hub) -> None:
    """Fifty strangers, each with a phone that the next one takes over and gives up again: only the last is held."""
    people = [
        f"{family}{given}" for family in "赵钱孙李周吴郑王冯陈" for given in ("伟明", "静怡", "志强", "丽华", "建国")
    ]
    told = [said(f"W{n}", 2 * n, phone(n, 2 * n), name(people[n])) for n in range(50)]
    told += [said(f"W{n}", 2 * n - 1, phone(n - 1, 2 * n - 1), name(people[n])) for n in range(1, 50)]
    await hub.resolve(told)
    before = await hub.picture()
    assert len(before.people) == 50
    assert [value for kind, _, value in before.found if kind == "phone"] == ["+8613911110049"]

    await hub.resolve([said("W0", 0, phone(0, 0), name(people[0]))])

    assert differing(before, await hub.picture()) == {}


async def test_of_too_many_claims_the_newest_stay_whatever_the_order_and_the_batches(make_hub: MakeHub) -> None:
    mails = [StatedIdentifier(ClaimKind.EMAIL, "", f"m{n:03}@163.com") for n in range(CLAIMS_MAX + 30)]
    told = [said("W1", n, mail) for n, mail in enumerate(mails)]
    forward, backward, at_once = await make_hub(), await make_hub(), await make_hub()

    await _in_batches(forward, told, 10)
    await _in_batches(backward, told[::-1], 7)
    await at_once.resolve(told)

    picture = await forward.picture()
    kept = sorted(value for _, kind, _, value, *_ in picture.claims if kind == "email")
    assert kept == [f"m{n:03}@163.com" for n in range(31, CLAIMS_MAX + 30)]
    assert ("account", "W1") in {(kind, value) for _, kind, _, value, *_ in picture.claims}
    assert len(await forward.rows("vault.identity_hint")) == CLAIMS_MAX
    assert await forward.finds(ClaimKind.EMAIL, "", "m000@163.com") is None
    assert differing(picture, await backward.picture()) == {}
    assert differing(picture, await at_once.picture()) == {}


async def test_a_claim_that_is_given_up_takes_its_key_along(hub: Hub) -> None:
    mails = [StatedIdentifier(ClaimKind.EMAIL, "", f"m{n:03}@163.com") for n in range(CLAIMS_MAX)]
    await _in_batches(hub, [said("W1", n, mail) for n, mail in enumerate(mails[:-1])], 50)
    before = {row.claim_id: row for row in await hub.rows("hub.identity_claim")}

    await hub.resolve([said("W1", 900, mails[-1])])

    after = {row.claim_id for row in await hub.rows("hub.identity_claim")}
    (gone,) = [row for claim, row in before.items() if claim not in after]
    async with snapshot(hub.database.app) as tx:
        keys = await hub.vault.keys_for(tx, [(gone.origin_id, DataClass.IDENTIFIER)])
    place = sealed_row(IdentityClaim, {"claim_id": gone.claim_id})
    with pytest.raises(CannotOpen):
        keys.open(claim_t.c.value, gone.origin_id, gone.value, row=place)
    assert {key.version for key in await hub.rows("vault.data_key") if key.subject == gone.origin_id} == {2}
    assert len((await hub.picture()).claims) == CLAIMS_MAX  # all of which open


async def test_of_too_many_values_of_a_field_the_newest_stay_whatever_the_order(make_hub: MakeHub) -> None:
    texts = [f"张{chr(0x4E00 + n)}明" for n in range(VALUES_PER_FIELD_MAX + 12)]
    told = [said("W1", n, name(text)) for n, text in enumerate(texts)]
    forward, backward = await make_hub(), await make_hub()

    await _in_batches(forward, told, 5)
    await _in_batches(backward, told[::-1], 32)

    kept = {value for _, field, value, *_ in (await forward.picture()).values if field == "name"}
    assert kept == set(texts[-VALUES_PER_FIELD_MAX:])
    assert differing(await forward.picture(), await backward.picture()) == {}


async def test_a_value_given_up_and_stated_again_in_one_batch_is_kept_once(hub: Hub) -> None:
    texts = [f"张{chr(0x4E00 + n)}明" for n in range(VALUES_PER_FIELD_MAX + 1)]
    await hub.resolve([said("W1", n, name(text)) for n, text in enumerate(texts[:-1])])

    newest = said("W1", 100, name(texts[-1]))
    await hub.resolve([newest, replace(said("W1", 200, name(texts[0])))])

    kept = {value for _, _, value, *_ in (await hub.picture()).values}
    assert kept == {*texts} - {texts[1]}


async def _in_batches(hub: Hub, told: Sequence[AccountStatement], size: int) -> None:
    for start in range(0, len(told), size):
        await hub.resolve(told[start : start + size])
