"""What a good token makes of its bearer: one role, its purposes, its places, a second factor, an app or a member."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from member_hub.access import Caller, Credentials, TokenClaims, Unauthenticated
from member_hub.organisation import PolicyError
from member_hub.settings import Mode
from member_hub.web import make_app
from tests.graphql.conftest import Town
from tests.graphql.world import NOW, WHOLE
from tests.sign_in.authority import Authority
from tests.sign_in.conftest import Gate
from tests.sign_in.registered import BY_UNIONID, ME, WHO


@pytest.fixture
def callers(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> list[Caller]:
    """Who the door took them for."""
    from member_hub.web import door

    seen: list[Caller] = []
    made = door.caller_from

    def noted(*about: Any, **more: Any) -> Caller:
        seen.append(made(*about, **more))
        return seen[-1]

    monkeypatch.setattr(door, "caller_from", noted)
    return seen


async def test_staff_act_in_their_role_and_places(gate: Gate, callers: list[Caller]) -> None:
    token = gate.staff.token(purposes=["member_service", "customer_support"], handler="brand")

    assert await gate.status(token, **{"X-Purpose": "customer_support"}) == 200

    (caller,) = callers
    assert (caller.kind, caller.role, caller.purpose) == ("STAFF", "store_manager", "customer_support")
    assert (caller.subject, caller.handler, caller.step_up) == ("staff:E1001", "brand", False)
    assert (caller.stores, caller.regions, caller.member_id) == ({"SH001"}, frozenset(), None)


async def test_a_claim_may_lie_deeper_than_the_top(gate: Gate, callers: list[Caller]) -> None:
    token = gate.staff.token(role="region_manager", stores=None, places={"regions": ["east"]})

    assert (await gate.ask(token)).json()["data"]["member"]["name"]["value"] == WHOLE["name"]
    assert callers[0].regions == {"east"}


async def test_places_that_a_token_does_not_state_are_none(gate: Gate) -> None:
    answer = await gate.ask(gate.staff.token(stores=None))

    assert (answer.status_code, answer.json()["data"]) == (200, {"member": None})


async def test_who_carries_several_roles_names_one(gate: Gate, callers: list[Caller]) -> None:
    token = gate.staff.token(role=["sales_associate", "store_manager", "sales_associate", "unknown"])

    await gate.refuses(token, 403, "FORBIDDEN")
    await gate.refuses(token, 403, "FORBIDDEN", **{"X-Role": "support_agent"})
    await gate.refuses(token, 403, "FORBIDDEN", **{"X-Role": "unknown"})
    assert await gate.status(token, **{"X-Role": "sales_associate"}) == 200
    assert await gate.status(token, **{"X-Role": " store_manager "}) == 200
    assert [caller.role for caller in callers] == ["sales_associate", "store_manager"]


async def test_naming_a_role_gives_none_that_the_issuer_may_not_give(gate: Gate) -> None:
    token = gate.staff.token(role=["store_manager", "dpo"])

    await gate.refuses(token, 403, "FORBIDDEN")
    await gate.refuses(token, **{"X-Role": "dpo"})
    assert await gate.status(token, **{"X-Role": "store_manager"}) == 200


async def test_a_single_role_may_be_named_and_no_other(gate: Gate) -> None:
    assert await gate.status(gate.staff.token(), **{"X-Role": "store_manager"}) == 200
    assert await gate.status(gate.staff.token(role=["store_manager"])) == 200
    await gate.refuses(gate.staff.token(), 403, "FORBIDDEN", **{"X-Role": "dpo"})
    assert await gate.status(gate.systems.token(), **{"X-Role": "app_checkout"}) == 200
    await gate.refuses(gate.systems.token(), 403, "FORBIDDEN", **{"X-Role": "app_crm"})


async def test_a_purpose_has_to_be_in_the_token_and_in_the_policy(gate: Gate) -> None:
    token = gate.staff.token(purposes=["member_service", "marketing"])

    await gate.refuses(token, 403, "PURPOSE_REQUIRED")
    await gate.refuses(token, 403, "PURPOSE_NOT_ALLOWED", **{"X-Purpose": "marketing"})
    await gate.refuses(token, 403, "PURPOSE_NOT_ALLOWED", **{"X-Purpose": "customer_support"})
    assert await gate.status(token, **{"X-Purpose": "member_service"}) == 200


async def test_purposes_may_stand_in_a_scope(gate: Gate, callers: list[Caller]) -> None:
    token = gate.systems.token(client_id="crm-backend", sub="service-account-crm", scope="openid customer_support")

    assert await gate.status(token) == 200
    assert (callers[0].subject, callers[0].role, callers[0].purpose) == ("crm", "app_crm", "customer_support")


async def test_purposes_of_a_role_come_from_the_file_where_it_states_them(gate: Gate, callers: list[Caller]) -> None:
    token = gate.systems.token(scope="marketing customer_support")

    await gate.refuses(token, 403, "PURPOSE_NOT_ALLOWED", **{"X-Purpose": "customer_support"})
    assert await gate.status(token) == 200
    assert callers[0].purpose == "member_service"


async def test_a_client_of_the_file_is_its_app(gate: Gate, callers: list[Caller]) -> None:
    answer = await gate.ask(gate.systems.token())

    assert (answer.status_code, answer.json()["data"]["member"]["name"]["display"]) == (200, "欧阳*")
    (caller,) = callers
    assert (caller.kind, caller.subject, caller.role, caller.handler) == ("APP", "checkout", "app_checkout", "brand")


async def test_a_role_that_an_app_s_token_states_changes_nothing(gate: Gate, callers: list[Caller]) -> None:
    assert await gate.status(gate.systems.token(role=["member", "app_crm"])) == 200
    assert callers[0].role == "app_checkout"


async def test_an_app_may_ask_for_a_member(gate: Gate, town: Town, callers: list[Caller]) -> None:
    token = gate.systems.token(client_id="mini", sub="mini", member_id=str(town.people.whole), scope="member_service")

    answer = await gate.ask(token, BY_UNIONID)

    assert answer.json()["data"] == {"member": {"name": {"value": WHOLE["name"]}}}
    assert callers[0].on_behalf_of == town.people.whole


async def test_a_member_sees_himself(gate: Gate, town: Town, callers: list[Caller]) -> None:
    token = gate.systems.token(
        client_id="web", sub="a-login-of-some-kind", role="member", member_id=str(town.people.whole)
    )

    answer = await gate.ask(token, ME)

    assert answer.json()["data"]["me"]["name"]["value"] == WHOLE["name"]
    assert (callers[0].subject, callers[0].member_id) == (str(town.people.whole), town.people.whole)


@pytest.mark.parametrize("changed", [('handler = "handler"', 'member = "member_id"')], ids=["both"])
async def test_one_who_is_staff_and_a_member_acts_as_staff(gate: Gate, town: Town, callers: list[Caller]) -> None:
    assert await gate.status(gate.staff.token(member_id=str(town.people.southern))) == 200
    assert (callers[0].kind, callers[0].subject, callers[0].member_id) == ("STAFF", "staff:E1001", None)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"amr": ["pwd", "otp"], "auth_time": -300}, True),
        ({"amr": ["pwd", "otp"], "auth_time": -301}, False),
        ({"amr": ["pwd"], "auth_time": 0}, False),
        ({"amr": ["pwd", "otp"]}, False),
        ({"auth_time": 0}, False),
        ({"amr": "hwk", "auth_time": 0}, True),
        ({"amr": ["hwk"], "auth_time": 31}, False),
        ({"acr": "mfa", "auth_time": 0}, False),
    ],
)
async def test_a_second_factor_counts_while_it_is_fresh(
    gate: Gate, callers: list[Caller], stated: dict[str, Any], expected: bool
) -> None:
    if "auth_time" in stated:
        stated = {**stated, "auth_time": int(NOW.timestamp()) + stated["auth_time"]}

    assert await gate.status(gate.staff.token(**stated)) == 200
    assert callers[0].step_up is expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"acr": "mfa", "amr": ["otp"]}, True),
        ({"acr": "mfa"}, False),
        ({"amr": ["otp"]}, False),
        ({"acr": "low", "amr": ["otp"]}, False),
    ],
)
async def test_class_and_method_are_both_asked_for_where_the_file_names_both(
    gate: Gate, callers: list[Caller], stated: dict[str, Any], expected: bool
) -> None:
    assert await gate.status(gate.systems.token(auth_time=int(NOW.timestamp()), **stated)) == 200
    assert callers[0].step_up is expected


async def test_clocks_may_differ_by_half_a_minute(gate: Gate) -> None:
    exact = gate.staff.token()

    for seconds, status in ((-30, 200), (-31, 401), (629, 200), (630, 401)):
        gate.clock.at = NOW + timedelta(seconds=seconds)
        assert (seconds, await gate.status(exact)) == (seconds, status)


async def test_a_token_may_be_for_several(gate: Gate) -> None:
    assert await gate.status(gate.staff.token(aud=["https://other.test", "https://hub.test"])) == 200


async def test_production_without_an_authorisation_server_takes_nobody(
    gate: Gate, production: httpx2.AsyncClient, town: Town
) -> None:
    for token in (gate.staff.token(), gate.systems.token(), town.token("app_crm")):
        answer = await production.post("/graphql", json={"query": WHO}, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, "data" in answer.json()) == (401, False)


async def test_development_takes_its_own_tokens_beside_those_of_the_file(gate: Gate, town: Town) -> None:
    settings = replace(gate.hub.settings, mode=Mode.DEVELOPMENT)
    transport = httpx2.ASGITransport(make_app(replace(gate.hub, settings=settings)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
        for token in (gate.staff.token(), town.token("app_crm")):
            sent = {"Authorization": f"Bearer {token}"}
            assert (await client.post("/graphql", json={"query": WHO}, headers=sent)).status_code == 200

    await gate.refuses(town.token("app_crm"))


async def test_a_broken_file_stops_the_start(gate: Gate, file: Path) -> None:
    file.write_text("[issuers.staff]\nissuer = 7\n", "utf-8")

    with pytest.raises(PolicyError, match=r"sign_in\.toml, line 1"):
        make_app(gate.hub)


async def test_an_issuer_of_the_hub_s_own_is_asked_for_its_tokens(gate: Gate, staff: Authority) -> None:
    class Sessions:
        async def claims(self, token: str, now: datetime) -> TokenClaims:
            raise Unauthenticated(f"{len(token)} at {now}")

    policies, organisation = gate.hub.policies, gate.hub.organisation
    credentials = Credentials.open(gate.hub.settings, policies.register, organisation, own={"member-hub": Sessions()})

    token = staff.token(iss="member-hub")
    with pytest.raises(Unauthenticated) as caught:
        await credentials.claims(token, NOW)

    assert str(caught.value) == f"{len(token)} at {NOW}"
    assert (await credentials.claims(staff.token(), NOW)).role == "store_manager"
