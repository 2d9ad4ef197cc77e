"""The file of the authorisation servers: what it says, and every way in which it may be wrong, by line and reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from member_hub.access import Policies, issuers
from member_hub.access.issuers import ClaimNames, ClientApp, Discovery, Issuer, StepUp
from member_hub.organisation import Organisation, PolicyError

FILE = """\
[issuers.staff]
issuer = "https://login.brand.example"
audience = "https://hub.brand.example"
jwks_uri = "https://login.brand.example/jwks"
algorithms = ["ES256", "PS256"]
lifetime_max_s = 3600
keys_kept_s = 300
keys_grace_s = 86400
roles = ["store_manager", "dpo"]

[issuers.staff.claims]
role = ["realm_access", "roles"]
purposes = "scope"
stores = "stores"
subject = "employee_no"

[issuers.staff.purposes]
dpo = ["rights_handling"]

[issuers.staff.step_up]
amr = ["otp"]
max_age_s = 300

[issuers.systems]
issuer = "http://127.0.0.1:9000/realms/systems"
audience = "hub"
discovery = "oauth"
algorithms = ["RS256"]
lifetime_max_s = 600
keys_kept_s = 300
keys_grace_s = 0
roles = ["app_crm"]

[issuers.systems.purposes]
app_crm = ["member_service", "marketing"]

[issuers.systems.apps.crm]
client_id = "crm-backend"
subject = "service-account-crm"
"""

CRM = ClientApp("crm", "app_crm", "service-account-crm")
Load = Callable[..., tuple[Issuer, ...]]


@pytest.fixture
def load(policies: Policies, organisation: Organisation, tmp_path: Path) -> Load:
    def load(old: str = "", new: str = "") -> tuple[Issuer, ...]:
        assert old in FILE
        file = tmp_path / "sign_in.toml"
        file.write_text(FILE.replace(old, new, 1), "utf-8")
        return issuers.load(file, policies.register, organisation)

    return load


def test_a_file_says_who_may_issue_what(load: Load) -> None:
    staff, systems = load()

    assert staff == Issuer(
        name="staff",
        url="https://login.brand.example",
        audience="https://hub.brand.example",
        jwks_uri="https://login.brand.example/jwks",
        discovery=None,
        algorithms=frozenset({"ES256", "PS256"}),
        lifetime_max=timedelta(hours=1),
        keys_kept=timedelta(minutes=5),
        keys_grace=timedelta(days=1),
        roles=frozenset({"store_manager", "dpo"}),
        names=ClaimNames(("realm_access", "roles"), ("scope",), ("stores",), None, None, None, ("employee_no",)),
        purposes={"dpo": ("rights_handling",)},
        apps={},
        step_up=StepUp(frozenset(), frozenset({"otp"}), timedelta(minutes=5)),
    )
    assert (systems.jwks_uri, systems.discovery, systems.step_up) == (None, Discovery.OAUTH, None)
    assert systems.apps == {"crm-backend": CRM}
    assert systems.names == ClaimNames(None, None, None, None, None, None, ("sub",))


def test_the_example_that_comes_with_the_product_is_right(
    shipped: Path, policies: Policies, organisation: Organisation
) -> None:
    staff, systems = issuers.load(shipped / "sign_in.example.toml", policies.register, organisation)

    assert (staff.name, systems.name, set(systems.apps)) == ("staff", "systems", {"till", "crm-backend"})


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('audience = "hub"\n', "", 24, "the key 'audience' is missing"),
        ("keys_kept_s", "keys_keep_s", 7, "unknown key 'keys_keep_s'"),
        ("[issuers.staff]", "[issuer.staff]", 1, "unknown key 'issuer'"),
        ("[issuers.staff]", "[issuers.'my staff']", 0, "is not a table with a plain name"),
        ('"https://login.brand.example"', '"http://login.brand.example"', 2, "https URL"),
        ('"https://login.brand.example"', '"http://127.0.0.1.evil.example"', 2, "https URL"),
        ('"https://login.brand.example"', '"http://localhost@evil.example"', 2, "https URL"),
        ('"https://login.brand.example"', '"ftp://login.brand.example"', 2, "https URL"),
        ('"https://login.brand.example"', '"https://"', 2, "https URL"),
        ('"https://login.brand.example"', '"https://[::1"', 2, "https URL"),
        ('"https://login.brand.example"', '"https://login.brand.example:port"', 2, "https URL"),
        ('"https://login.brand.example"', '"https://me:pw@login.brand.example"', 2, "https URL"),
        ('"https://login.brand.example"', '"https://login.brand.example?x=1"', 2, "an issuer has no query"),
        ('"https://login.brand.example"', '"https://login.brand.example#x"', 2, "https URL"),
        ("https://login.brand.example/jwks", "http://login.brand.example/jwks", 4, "'jwks_uri' has to be an https URL"),
        ("http://127.0.0.1:9000/realms/systems", "https://login.brand.example", 25, "stands twice"),
        ('discovery = "oauth"', 'discovery = "dns"', 27, "'dns' is not registered"),
        ('discovery = "oauth"\n', "", 24, "state either jwks_uri or discovery"),
        ('jwks_uri = "', 'discovery = "openid"\njwks_uri = "', 1, "state either jwks_uri or discovery"),
        ('["ES256", "PS256"]', '["ES256", "HS256"]', 5, "'HS256' is not one of RS256, PS256, ES256, EdDSA, Ed25519"),
        ('["ES256", "PS256"]', '["none"]', 5, "'none' is not one of"),
        ('["ES256", "PS256"]', "[]", 5, "at least one algorithm"),
        ('["ES256", "PS256"]', '"ES256"', 5, "has to be a list"),
        ("lifetime_max_s = 3600", "lifetime_max_s = 86401", 6, "from 1 to 86400"),
        ("lifetime_max_s = 3600", "lifetime_max_s = true", 6, "from 1 to 86400"),
        ("keys_kept_s = 300", "keys_kept_s = 29", 7, "from 30 to 86400"),
        ("keys_grace_s = 86400", "keys_grace_s = 604801", 8, "from 0 to 604800"),
        ('"store_manager", "dpo"', '"store_manager", "root"', 9, "'root' is not registered"),
        ('["store_manager", "dpo"]', "[]", 9, "at least one role"),
        ('"store_manager", "dpo"', '"store_manager", "dpo", "app_crm"', 9, "no app of this issuer has"),
        ('"store_manager", "dpo"', '"store_manager", "dpo", "member"', 9, "no claim states who a 'member' is"),
        ('role = ["realm_access", "roles"]\n', "", 9, "no claim states the role 'dpo'"),
        ('purposes = "scope"\n', "", 9, "nothing states the purposes of 'store_manager'"),
        ('role = ["realm_access", "roles"]', "role = []", 12, "'role' names no claim"),
        ('role = ["realm_access", "roles"]', "role = 7", 12, "has to be a text"),
        ('stores = "stores"', 'shops = "stores"', 14, "unknown key 'shops'"),
        ('dpo = ["rights_handling"]', 'dpo = ["marketing"]', 18, "'dpo' has at least one purpose, each"),
        ('dpo = ["rights_handling"]', "dpo = []", 18, "'dpo' has at least one purpose"),
        ('dpo = ["rights_handling"]', 'auditor = ["security_audit"]', 18, "'auditor' is not a role that the issuer"),
        ('amr = ["otp"]\n', "", 20, "name what counts as a second factor"),
        ("max_age_s = 300", "max_age_s = 3601", 22, "from 1 to 3600"),
        ("max_age_s = 300\n", "", 20, "the key 'max_age_s' is missing"),
        ("[issuers.systems.apps.crm]", "[issuers.systems.apps.till]", 37, "'till' is not registered"),
        ("[issuers.systems.apps.crm]", "[issuers.systems.apps.checkout]", 37, "the role 'app_checkout' of this app"),
        ('client_id = "crm-backend"\n', "", 37, "the key 'client_id' is missing"),
        ("[issuers.systems.apps.crm]", "[issuers.systems.apps]\ncrm = 7", 38, "'crm' has to be a table"),
        ("[issuers.staff]", "\ufeff[issuers.staff]", 1, "byte order mark"),
        ("[issuers.staff]", "[issuers.staff", 1, "is not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_line_and_reason(load: Load, old: str, new: str, line: int, reason: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load(old, new)

    assert (caught.value.file, caught.value.line) == ("sign_in.toml", line)
    assert reason in caught.value.reason


def test_one_client_is_one_app(load: Load) -> None:
    both = """roles = ["app_crm", "app_checkout"]
[issuers.systems.apps.checkout]
client_id = "crm-backend"
[issuers.systems.purposes]
app_checkout = ["member_service"]
"""
    right = both.replace("crm-backend", "till")
    asked = 'roles = ["app_crm"]\n\n[issuers.systems.purposes]\n'

    assert set(load(asked, right)[1].apps) == {"till", "crm-backend"}
    with pytest.raises(PolicyError, match="another app is this client already"):
        load(asked, both)


def test_a_file_that_is_not_there_is_named(policies: Policies, organisation: Organisation, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"sign_in\.toml: cannot be read"):
        issuers.load(tmp_path / "sign_in.toml", policies.register, organisation)


@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(FILE) - 1), other=st.sampled_from(["", *'abz019"[]=.#_ ']))
def test_a_slip_of_one_character_gives_nobody_another_role(load: Load, at: int, other: str) -> None:
    slipped = FILE[:at] + other + FILE[at + 1 :]
    try:
        found = load(FILE, slipped)
    except PolicyError:
        return

    assert {role for issuer in found for role in issuer.roles} <= {"store_manager", "dpo", "app_crm"}
    assert {algorithm for issuer in found for algorithm in issuer.algorithms} <= {"ES256", "PS256", "RS256"}
    assert {app for issuer in found for app in issuer.apps.values()} <= {
        replace(CRM, subject=app.subject) for issuer in found for app in issuer.apps.values()
    }
