"""From verified claims to one caller: one acting role, one declared purpose, what is left of the reach."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from member_hub.access import (
    Caller,
    CallerKind,
    Policies,
    PurposeNotAllowed,
    PurposeRequired,
    TokenClaims,
    Unauthenticated,
    caller_from,
    system_caller,
)
from member_hub.ids import MemberId
from member_hub.organisation import Organisation
from member_hub.privacy import Purpose

MEMBER = MemberId(UUID("018f0000-0000-7000-8000-000000000001"))
REQUEST = UUID("018f0000-0000-7000-8000-00000000000f")


def _claims(role: str, *purposes: str, client: str = "member-hub-token", **other: object) -> TokenClaims:
    issued_at = datetime(2026, 11, 8, tzinfo=UTC)
    claims = TokenClaims(
        subject="E0120",
        client=client,
        role=role,
        purposes=purposes,
        stores=frozenset(),
        regions=frozenset(),
        handler=None,
        member_id=None,
        step_up=False,
        token_id="id",
        issued_at=issued_at,
        expires_at=issued_at + timedelta(hours=12),
    )
    return dataclasses.replace(claims, **other)  # type: ignore[arg-type]


@pytest.fixture
def ask(policies: Policies, organisation: Organisation) -> Callable[..., Caller]:
    def ask(claims: TokenClaims, purpose: str | None = None, where: Organisation = organisation) -> Caller:
        return caller_from(claims, purpose, policies, where, request_id=REQUEST)

    return ask


def test_staff_act_in_one_role_for_one_purpose_in_their_stores(ask: Callable[..., Caller]) -> None:
    claims = _claims("store_manager", "member_service", "customer_support", stores=frozenset({"SH001"}), step_up=True)

    assert ask(claims, "customer_support") == Caller(
        kind=CallerKind.STAFF,
        role="store_manager",
        purpose=Purpose.CUSTOMER_SUPPORT,
        subject="E0120",
        stores=frozenset({"SH001"}),
        regions=frozenset(),
        handler="brand",
        member_id=None,
        on_behalf_of=None,
        step_up=True,
        request_id=REQUEST,
    )


def test_a_member_is_himself_and_acts_for_nobody(ask: Callable[..., Caller]) -> None:
    caller = ask(_claims("member", "member_service", member_id=MEMBER))

    assert (caller.kind, caller.member_id, caller.on_behalf_of, caller.handler) == (
        CallerKind.MEMBER,
        MEMBER,
        None,
        None,
    )


def test_an_app_asks_on_behalf_of_a_member_and_is_none(ask: Callable[..., Caller]) -> None:
    caller = ask(_claims("app_mini_program", "member_service", client="mini_program", member_id=MEMBER))

    assert (caller.kind, caller.member_id, caller.on_behalf_of, caller.handler) == (
        CallerKind.APP,
        None,
        MEMBER,
        "brand",
    )


def test_an_app_is_the_client_that_it_signed_in_as(ask: Callable[..., Caller]) -> None:
    of_crm = [_claims("app_crm", "member_service", client="crm", subject=subject) for subject in ("a", "checkout")]
    staff = _claims("store_manager", "member_service", client="crm", stores=frozenset({"SH001"}))

    assert [ask(claims).subject for claims in of_crm] == ["crm", "crm"]
    assert ask(staff).subject == "E0120"


def test_the_only_purpose_of_a_token_need_not_be_declared(ask: Callable[..., Caller]) -> None:
    assert ask(_claims("dpo", "rights_handling")).purpose is Purpose.RIGHTS_HANDLING


def test_of_several_purposes_one_has_to_be_declared(ask: Callable[..., Caller]) -> None:
    with pytest.raises(PurposeRequired) as caught:
        ask(_claims("store_manager", "member_service", "customer_support"))

    assert caught.value.code == "PURPOSE_REQUIRED"


@pytest.mark.parametrize(
    ("carried", "declared"),
    [
        (["member_service"], "customer_support"),  # in the policy, not in the token
        (["member_service", "marketing"], "marketing"),  # in the token, not in the policy
        (["marketing"], None),  # the only one, and not in the policy
        (["member_service"], "anything"),
        (["member_service"], ""),
        (["member_service"], "MEMBER_SERVICE"),
        (["anything"], "anything"),
    ],
)
def test_a_purpose_has_to_be_in_the_token_and_in_the_policy(
    ask: Callable[..., Caller], carried: list[str], declared: str | None
) -> None:
    with pytest.raises(PurposeNotAllowed) as caught:
        ask(_claims("store_manager", *carried), declared)

    assert caught.value.code == "PURPOSE_NOT_ALLOWED"


@pytest.mark.parametrize(
    "claims",
    [
        _claims("nobody", "member_service"),
        _claims("system", "system_operation"),
        _claims("member", "member_service"),
        _claims("dpo", "rights_handling", member_id=MEMBER),
        _claims("app_checkout", "member_service"),
        _claims("app_checkout", "member_service", client="crm"),
        _claims("app_checkout", "member_service", client="till"),
        _claims("support_agent", "customer_support", handler="other"),
    ],
    ids=lambda c: f"{c.role}-{c.client}",
)
def test_claims_that_fit_neither_register_nor_organisation_are_no_credential(
    ask: Callable[..., Caller], claims: TokenClaims
) -> None:
    with pytest.raises(Unauthenticated) as caught:
        ask(claims)

    assert caught.value.code == "UNAUTHENTICATED"


def test_a_store_that_is_no_more_reaches_nobody(ask: Callable[..., Caller]) -> None:
    caller = ask(_claims("sales_associate", "member_service", stores=frozenset({"SH001", "SH999"})))

    assert caller.stores == {"SH001"}


def test_a_region_that_is_no_more_reaches_nobody(ask: Callable[..., Caller]) -> None:
    caller = ask(_claims("region_manager", "member_service", regions=frozenset({"east", "west"})))

    assert caller.regions == {"east"}


def test_staff_belong_to_the_handler_of_their_store_or_region(
    ask: Callable[..., Caller], two_brands: Organisation
) -> None:
    in_store = _claims("sales_associate", "member_service", stores=frozenset({"SH030"}))
    in_region = _claims("region_manager", "member_service", regions=frozenset({"east"}))

    assert ask(in_store, where=two_brands).handler == "sister"
    assert ask(in_region, where=two_brands).handler == "brand"


def test_staff_without_a_store_have_to_say_to_which_handler_they_belong(
    ask: Callable[..., Caller], two_brands: Organisation
) -> None:
    with pytest.raises(Unauthenticated):
        ask(_claims("support_agent", "customer_support"), where=two_brands)

    assert ask(_claims("support_agent", "customer_support", handler="sister"), where=two_brands).handler == "sister"


def test_nobody_belongs_to_two_handlers(ask: Callable[..., Caller], two_brands: Organisation) -> None:
    for claims in (
        _claims("sales_associate", "member_service", stores=frozenset({"SH001", "SH030"})),
        _claims("sales_associate", "member_service", stores=frozenset({"SH001"}), handler="sister"),
    ):
        with pytest.raises(Unauthenticated):
            ask(claims, where=two_brands)


def test_the_hub_itself_acts_under_a_name_that_no_grant_has(policies: Policies) -> None:
    caller = system_caller(subject="ingest", purpose=Purpose.IDENTITY_UNIFICATION, request_id=REQUEST)

    assert (caller.kind, caller.role, caller.subject) == (CallerKind.SYSTEM, "system", "ingest")
    assert not any(policies.allows(caller.role, purpose) for purpose in Purpose)


def test_a_caller_cannot_be_changed(ask: Callable[..., Caller]) -> None:
    caller = ask(_claims("dpo", "rights_handling"))

    with pytest.raises(dataclasses.FrozenInstanceError):
        caller.role = "member"  # type: ignore[misc]
