"""Development tokens: what they carry, what is refused, and that production knows none."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OKPKey

from member_hub.access import Ask, DevelopmentOnly, DevelopmentTokens, Policies, TokenClaims, Unauthenticated
from member_hub.errors import BadInput
from member_hub.ids import MemberId
from member_hub.organisation import Organisation
from member_hub.settings import Mode, Settings

MEMBER = MemberId(UUID("018f0000-0000-7000-8000-000000000001"))
CASHIER = Ask("sales_associate", ["member_service"], stores=["SH001"])
Issue = Callable[..., str]
MakeSettings = Callable[..., Settings]


@pytest.fixture
def tokens(make_settings: MakeSettings) -> DevelopmentTokens:
    return DevelopmentTokens.open(make_settings())


@pytest.fixture
def issue(tokens: DevelopmentTokens, policies: Policies, organisation: Organisation, now: datetime) -> Issue:
    def issue(ask: Ask) -> str:
        return tokens.issue(ask, policies.register, organisation, now=now)

    return issue


def _part(token: str, index: int) -> dict[str, object]:
    text = token.split(".")[index]
    found = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert isinstance(found, dict)
    return found


def _encode(content: dict[str, object]) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def test_a_token_says_who_in_which_role_for_which_purposes_and_where(
    tokens: DevelopmentTokens, issue: Issue, now: datetime
) -> None:
    ask = Ask("store_manager", ["member_service", "customer_support"], stores=["SH002", "SH001"], step_up=True)

    claims = tokens.verify(issue(ask), now)

    assert claims == TokenClaims(
        subject="development.store_manager",
        client="member-hub-token",
        role="store_manager",
        purposes=("member_service", "customer_support"),
        stores=frozenset({"SH001", "SH002"}),
        regions=frozenset(),
        handler=None,
        member_id=None,
        step_up=True,
        token_id=claims.token_id,
        issued_at=now,
        expires_at=now + timedelta(hours=12),
    )


def test_a_token_is_an_access_token_of_rfc_9068(issue: Issue, now: datetime) -> None:
    token = issue(CASHIER)

    assert _part(token, 0) == {"alg": "Ed25519", "typ": "at+jwt"}
    payload = _part(token, 1)
    assert (payload["iss"], payload["aud"]) == ("member-hub-development", "member-hub")
    assert (payload["iat"], payload["exp"]) == (int(now.timestamp()), int(now.timestamp()) + 12 * 3600)


def test_two_tokens_never_share_an_id(issue: Issue) -> None:
    assert _part(issue(CASHIER), 1)["jti"] != _part(issue(CASHIER), 1)["jti"]


def test_a_member_is_the_subject_of_his_token(tokens: DevelopmentTokens, issue: Issue, now: datetime) -> None:
    claims = tokens.verify(issue(Ask("member", ["member_service"], member=MEMBER)), now)

    assert (claims.subject, claims.member_id) == (str(MEMBER), MEMBER)


@pytest.mark.parametrize(
    ("role", "app"), [("app_checkout", None), ("app_checkout", "checkout"), ("app", "checkout"), ("checkout", None)]
)
def test_an_app_may_be_named_by_its_role_or_by_itself(
    tokens: DevelopmentTokens, issue: Issue, now: datetime, role: str, app: str | None
) -> None:
    claims = tokens.verify(issue(Ask(role, ["member_service"], app=app)), now)

    assert (claims.role, claims.client) == ("app_checkout", "checkout")


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (Ask("manager", ["member_service"]), "role"),
        (Ask("system", ["system_operation"]), "role"),
        (Ask("app", ["member_service"]), "role"),
        (Ask("app", ["member_service"], app="till"), "role"),
        (Ask("app_checkout", ["member_service"], app="crm"), "app"),
        (Ask("crm", ["member_service"], app="checkout"), "role"),
        (Ask("dpo", ["rights_handling"], app="crm"), "app"),
        (Ask("dpo", ["marketing"]), "purpose"),
        (Ask("dpo", ["rights_handling", "anything"]), "purpose"),
        (Ask("dpo", []), "purpose"),
        (Ask("dpo", ["rights_handling", "rights_handling"]), "purpose"),
        (Ask("sales_associate", ["member_service"], stores=["SH041"]), "store"),
        (Ask("region_manager", ["member_service"], regions=["west"]), "region"),
        (Ask("support_agent", ["customer_support"], handler="other"), "handler"),
        (Ask("member", ["member_service"]), "member"),
        (Ask("dpo", ["rights_handling"], member=MEMBER), "member"),
        (Ask("dpo", ["rights_handling"], lifetime=timedelta(hours=25)), "lifetime"),
        (Ask("dpo", ["rights_handling"], lifetime=timedelta(0)), "lifetime"),
    ],
)
def test_a_token_for_what_is_not_registered_is_refused(issue: Issue, ask: Ask, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        issue(ask)

    assert (caught.value.code, caught.value.field) == ("BAD_USER_INPUT", field)


def test_a_token_ends(tokens: DevelopmentTokens, issue: Issue, now: datetime) -> None:
    token = issue(CASHIER)

    assert tokens.verify(token, now + timedelta(hours=12, seconds=-1)).role == "sales_associate"
    with pytest.raises(Unauthenticated):
        tokens.verify(token, now + timedelta(hours=12))


def test_a_token_from_the_future_is_refused(tokens: DevelopmentTokens, issue: Issue, now: datetime) -> None:
    with pytest.raises(Unauthenticated):
        tokens.verify(issue(CASHIER), now - timedelta(seconds=61))


def test_a_token_of_another_key_is_refused(
    tokens: DevelopmentTokens, policies: Policies, organisation: Organisation, now: datetime
) -> None:
    stranger = DevelopmentTokens(OKPKey.import_key(Ed25519PrivateKey.generate()))

    with pytest.raises(Unauthenticated):
        tokens.verify(stranger.issue(CASHIER, policies.register, organisation, now=now), now)


def test_every_character_of_a_token_counts(tokens: DevelopmentTokens, issue: Issue, now: datetime) -> None:
    token = issue(CASHIER)

    for at, character in enumerate(token):
        for other in sorted({"A", "B", ".", "=", "é", " ", chr(ord(character) ^ 1)} - {character}):
            with pytest.raises(Unauthenticated):
                tokens.verify(token[:at] + other + token[at + 1 :], now)
    for other in set(f"{ascii_letters}{digits}-_") - {token[-1]}:  # of which four bits are not needed
        with pytest.raises(Unauthenticated):
            tokens.verify(token[:-1] + other, now)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "at+jwt"},
        {"alg": "EdDSA", "typ": "at+jwt"},
        {"alg": "Ed25519", "typ": "JWT"},
        {"alg": "Ed25519"},
        {"alg": "Ed25519", "typ": "at+jwt", "kid": "1"},
        {"alg": "Ed25519", "typ": "at+jwt", "jku": "http://localhost/keys"},
    ],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_header_that_is_not_ours_is_refused_though_the_key_is(
    tokens: DevelopmentTokens, issue: Issue, now: datetime, header: dict[str, str]
) -> None:
    payload = _part(issue(CASHIER), 1)
    if header["alg"] == "none":
        forged = f"{_encode(dict(header))}.{_encode(payload)}."
    else:
        assert tokens.key is not None
        forged = jwt.encode(dict(header), payload, tokens.key, algorithms=["Ed25519", "EdDSA"], default_type=None)

    with pytest.raises(Unauthenticated):
        tokens.verify(forged, now)


def test_a_symmetric_signature_with_the_public_key_is_refused(
    tokens: DevelopmentTokens, issue: Issue, now: datetime
) -> None:
    assert tokens.key is not None
    signed = f"{_encode({'alg': 'HS256', 'typ': 'at+jwt'})}.{_encode(_part(issue(CASHIER), 1))}"
    for secret in (tokens.key.as_pem(private=False), tokens.key.public_key.public_bytes_raw()):
        signature = urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).rstrip(b"=").decode()

        with pytest.raises(Unauthenticated):
            tokens.verify(f"{signed}.{signature}", now)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "somebody"),
        ("aud", "another"),
        ("aud", ["member-hub"]),
        ("role", ["dpo", "auditor"]),
        ("role", ""),
        ("role", "a" * 101),
        ("sub", "a\nb"),
        ("sub", None),
        ("purposes", []),
        ("purposes", "member_service"),
        ("purposes", [7]),
        ("stores", ["SH001"] * 501),
        ("stores", None),
        ("member", "somebody"),
        ("member", 7),
        ("step_up", "yes"),
        ("step_up", 1),
        ("iat", "now"),
        ("iat", True),
        ("iat", 10**18),
        ("exp", None),
        ("exp", 1.5),
        ("exp", 4102444800),
        ("jti", None),
        ("admin", True),
    ],
)
def test_a_claim_that_is_not_as_we_write_it_is_refused_though_signed(
    tokens: DevelopmentTokens, issue: Issue, now: datetime, claim: str, value: object
) -> None:
    assert tokens.key is not None
    payload = {**_part(issue(CASHIER), 1), claim: value}

    forged = jwt.encode({"alg": "Ed25519", "typ": "at+jwt"}, payload, tokens.key, algorithms=["Ed25519"])

    with pytest.raises(Unauthenticated):
        tokens.verify(forged, now)


@pytest.mark.parametrize("missing", ["role", "handler", "exp", "jti", "step_up"])
def test_a_missing_claim_is_refused_though_signed(
    tokens: DevelopmentTokens, issue: Issue, now: datetime, missing: str
) -> None:
    assert tokens.key is not None
    payload = {name: value for name, value in _part(issue(CASHIER), 1).items() if name != missing}

    with pytest.raises(Unauthenticated):
        tokens.verify(jwt.encode({"alg": "Ed25519", "typ": "at+jwt"}, payload, tokens.key, algorithms=["Ed25519"]), now)


_ANY = DevelopmentTokens(OKPKey.import_key(Ed25519PrivateKey.generate()))


@given(
    st.one_of(st.text(max_size=200), st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,90}"))
)
def test_whatever_is_no_token_is_refused_and_raises_nothing_else(text: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        _ANY.verify(text, datetime(2026, 11, 8, tzinfo=UTC))

    assert caught.value.args == ("A valid access token is required.",)


def test_a_token_of_any_length_is_refused_at_once(tokens: DevelopmentTokens, now: datetime) -> None:
    with pytest.raises(Unauthenticated):
        tokens.verify("a" * 10_000_000, now)


def test_a_token_that_is_too_long_is_refused_though_signed(
    tokens: DevelopmentTokens, issue: Issue, now: datetime
) -> None:
    assert tokens.key is not None
    payload = {**_part(issue(CASHIER), 1), "stores": [f"{number:040d}" for number in range(500)]}

    token = jwt.encode({"alg": "Ed25519", "typ": "at+jwt"}, payload, tokens.key, algorithms=["Ed25519"])

    assert len(token) > 16_384
    with pytest.raises(Unauthenticated):
        tokens.verify(token, now)


def test_staff_of_several_handlers_get_no_token_without_naming_one(
    tokens: DevelopmentTokens, policies: Policies, two_brands: Organisation, now: datetime
) -> None:
    ask = Ask("support_agent", ["customer_support"])

    with pytest.raises(BadInput) as caught:
        tokens.issue(ask, policies.register, two_brands, now=now)

    assert caught.value.field == "handler"
    named = tokens.issue(replace(ask, handler="sister"), policies.register, two_brands, now=now)
    assert tokens.verify(named, now).handler == "sister"


def test_production_issues_nothing_and_accepts_nothing(
    make_settings: MakeSettings, issue: Issue, policies: Policies, organisation: Organisation, now: datetime
) -> None:
    token = issue(CASHIER)
    production = DevelopmentTokens.open(make_settings(Mode.PRODUCTION))

    with pytest.raises(Unauthenticated):
        production.verify(token, now)
    with pytest.raises(DevelopmentOnly) as caught:
        production.issue(CASHIER, policies.register, organisation, now=now)
    assert caught.value.code == "DEVELOPMENT_ONLY"


def test_production_makes_no_key(make_settings: MakeSettings) -> None:
    settings = make_settings(Mode.PRODUCTION)

    DevelopmentTokens.open(settings)

    assert not settings.key_dir.exists()


def test_the_tokens_never_print_their_key(tokens: DevelopmentTokens) -> None:
    assert repr(tokens) == "<development tokens>"


@pytest.mark.parametrize("more", [{"crit": 5}, {"crit": [{}]}, {"crit": {}}, {"b64": False}, {"typ": []}])
def test_a_header_of_the_wrong_kind_is_refused_like_any_other(
    tokens: DevelopmentTokens, issue: Issue, now: datetime, more: dict[str, object]
) -> None:
    _, payload, signature = issue(CASHIER).split(".")
    header = {"alg": "Ed25519", "typ": "at+jwt", **more}

    with pytest.raises(Unauthenticated):
        tokens.verify(f"{_encode(header)}.{payload}.{signature}", now)


@pytest.mark.parametrize("place", [0, 1])
def test_a_token_nested_too_deep_is_refused_though_it_is_signed(
    tokens: DevelopmentTokens, issue: Issue, now: datetime, place: int
) -> None:
    assert tokens.key is not None
    parts = issue(CASHIER).split(".")[:2]
    parts[place] = urlsafe_b64encode(b"[" * 6000).rstrip(b"=").decode()
    key = tokens.key.get_op_key("sign")
    signature = urlsafe_b64encode(key.sign(".".join(parts).encode())).rstrip(b"=").decode()

    with pytest.raises(Unauthenticated):
        tokens.verify(f"{'.'.join(parts)}.{signature}", now)
