"""A hub in production with two authorisation servers: `staff` for people, `systems` for apps and members."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import func, select
from starlette.types import ASGIApp

from member_hub.db import transaction
from member_hub.runtime import Runtime
from member_hub.settings import Mode
from member_hub.web import make_app
from tests.conftest import Run
from tests.graphql.conftest import Town, people, settled, town, world
from tests.graphql.test_counts import watched
from tests.graphql.world import NOW, StandingClock, audit_t
from tests.sign_in.authority import AUDIENCE, Authority, Key, public
from tests.sign_in.registered import WHO, by_id, register
from tests.web.conftest import production

__all__ = ["people", "production", "settled", "town", "world"]

FILE = """
[issuers.staff]
issuer = "{staff}"
audience = "{audience}"
jwks_uri = "{staff}/jwks"
algorithms = ["ES256", "RS256", "PS256", "Ed25519", "EdDSA"]
lifetime_max_s = 3600
keys_kept_s = 300
keys_grace_s = 86400
roles = ["sales_associate", "store_manager", "region_manager", "support_agent"]
[issuers.staff.claims]
role = "role"
purposes = "purposes"
stores = "stores"
regions = ["places", "regions"]
handler = "handler"
[issuers.staff.step_up]
amr = ["otp", "hwk"]
max_age_s = 300

[issuers.systems]
issuer = "{systems}"
audience = "{audience}"
jwks_uri = "{systems}/jwks"
algorithms = ["RS256"]
lifetime_max_s = 600
keys_kept_s = 300
keys_grace_s = 86400
roles = ["app_checkout", "app_crm", "app_mini_program", "member"]
[issuers.systems.claims]
role = "role"
purposes = "scope"
member = "member_id"
[issuers.systems.purposes]
app_checkout = ["member_service"]
member = ["member_service"]
[issuers.systems.apps.checkout]
client_id = "till"
[issuers.systems.apps.crm]
client_id = "crm-backend"
subject = "service-account-crm"
[issuers.systems.apps.mini_program]
client_id = "mini"
[issuers.systems.step_up]
acr = ["mfa"]
amr = ["otp"]
max_age_s = 60
"""


@dataclass
class Gate:
    """The hub's door, its clock, and what it asks the database."""

    hub: Runtime
    clock: StandingClock
    app: ASGIApp
    staff: Authority
    systems: Authority
    statements: list[str]

    addresses: Iterator[int] = field(default_factory=lambda: count(1))

    async def ask(self, token: str, query: str = WHO, **headers: str) -> httpx2.Response:
        """Each time from another address: bad tokens of one address are limited, which is tested elsewhere."""
        sent = {"Authorization": f"Bearer {token}", **headers}
        async with self._client() as client:
            return await client.post("/graphql", json=by_id(query), headers=sent)

    async def status(self, token: str, **headers: str) -> int:
        return (await self.ask(token, **headers)).status_code

    async def sign_in_states(self) -> dict[str, Any]:
        """As the hub tells them, ready whatever they are."""
        async with self._client() as client:
            answer = await client.get("/readyz")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()["sign_in"]
        return found

    async def audited(self) -> int:
        async with transaction(self.hub.database.audit) as tx:
            return int((await tx.execute(select(func.count()).select_from(audit_t))).scalar_one())

    async def refuses(self, token: str, status: int = 401, code: str = "UNAUTHENTICATED", **headers: str) -> None:
        """The token opens nothing: the code, no data, and the database was not asked anything.

        Who was known and named a purpose that is not theirs is on record.
        """
        entries, asked = await self.audited(), len(self.statements)
        answer = await self.ask(token, **headers)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["extensions"]["code"]) == (status, code)
        assert "data" not in answer.json()
        entries += 1 if code.startswith("PURPOSE_") else 0
        assert (await self.audited(), len(self.statements)) == (entries, asked)

    def _client(self) -> httpx2.AsyncClient:
        client = (str(IPv4Address(next(self.addresses))), 1)
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app, client=client), base_url="http://hub")


@pytest.fixture(scope="session")
def keys() -> dict[str, Key]:
    return {
        "ec": ECKey.generate_key("P-256"),
        "ec2": ECKey.generate_key("P-256"),
        "rsa": RSAKey.generate_key(2048),
        "okp": OKPKey.generate_key("Ed25519"),
    }


@pytest.fixture
def staff(keys: dict[str, Key], run: Run) -> Iterator[Authority]:
    stated: dict[str, object] = {"role": "store_manager", "purposes": ["member_service"], "stores": ["SH001"]}
    yield from _started(Authority(keys["ec"], "ES256", "s-1", stated), run)


@pytest.fixture
def systems(keys: dict[str, Key], run: Run) -> Iterator[Authority]:
    yield from _started(Authority(keys["rsa"], "RS256", "a-1", {"client_id": "till", "sub": "till"}), run)


def _started(authority: Authority, run: Run) -> Iterator[Authority]:
    run(authority.start())
    authority.publish(public(authority.key, authority.kid))
    yield authority
    run(authority.stop())


@pytest.fixture
def changed() -> tuple[str, str]:
    """One place of the file and what stands there instead; a test says so by parametrize."""
    return "", ""


@pytest.fixture
def file(staff: Authority, systems: Authority, tmp_path: Path, changed: tuple[str, str]) -> Path:
    written = tmp_path / "sign_in.toml"
    assert changed[0] in FILE
    text = FILE.replace(*changed, 1)
    written.write_text(text.format(staff=staff.url, systems=systems.url, audience=AUDIENCE), "utf-8")
    return written


@pytest.fixture
def gate(town: Town, staff: Authority, systems: Authority, file: Path) -> Iterator[Gate]:
    clock = StandingClock(NOW)
    operations = register(file.parent / "operations")
    settings = replace(town.hub.settings, mode=Mode.PRODUCTION, sign_in=file, operations_dir=operations)
    hub = replace(town.hub, settings=settings, clock=clock)
    for statements in watched(town):
        yield Gate(hub, clock, make_app(hub), staff, systems, statements)
