"""Sign-in end to end: a real OpenID provider issues the tokens, and the hub in production takes them, or does not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from member_hub.access.issuer_keys import COOL_DOWN
from member_hub.clock import Clock
from member_hub.db.embedded import Server
from member_hub.settings import Mode
from member_hub.web import make_app
from tests import npm
from tests.conftest import Run, admin
from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE, StandingClock
from tests.secrecy.hub import Hub
from tests.sign_in.openid import AUDIENCE, SOURCE, OpenidProvider, signing_key
from tests.sign_in.registered import ENROL, FIND, WHO, by_id, register

KEPT, GRACE = timedelta(seconds=60), timedelta(seconds=240)
DATABASE = "member_hub_sign_in"
FILE = """
[issuers.login]
issuer = "{url}"
audience = "{audience}"
discovery = "openid"
algorithms = ["ES256"]
lifetime_max_s = 600
keys_kept_s = 60
keys_grace_s = 240
roles = ["sales_associate", "store_manager", "region_manager", "app_checkout"]
[issuers.login.claims]
role = "hub_role"
purposes = "hub_purposes"
stores = "hub_stores"
regions = "hub_regions"
[issuers.login.purposes]
app_checkout = ["member_service"]
[issuers.login.apps.checkout]
client_id = "till"
[issuers.login.step_up]
amr = ["otp"]
max_age_s = 300
"""


class ProductionHub(Hub):
    """In production, with a database of its own address, as an operator would run it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        super().__init__(folder)
        self._database_url = database_url

    @property
    def environ(self) -> dict[str, str]:
        return super().environ | {
            "MEMBER_HUB_MODE": "production",
            "MEMBER_HUB_DATABASE_URL": self._database_url,
            "MEMBER_HUB_SIGN_IN": str(self.folder / "sign_in.toml"),
            "MEMBER_HUB_OPERATIONS_DIR": str(self.folder / "operations"),
        }

    def post(self, token: str, query: str, **headers: str) -> httpx2.Response:
        sent = {"Authorization": f"Bearer {token}", **headers}
        return httpx2.post(self.address, json=by_id(query), headers=sent, trust_env=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("provider")
    reason = npm.install(SOURCE, folder)
    if reason is not None:
        pytest.skip(reason)
    return folder


@pytest.fixture
def provider(installed: Path) -> Iterator[OpenidProvider]:
    started = OpenidProvider(installed)
    started.start(signing_key("p-1"))
    yield started
    started.stop()


@pytest.fixture
def served(server: Server, provider: OpenidProvider, tmp_path: Path, run: Run) -> Iterator[ProductionHub]:
    run(admin(server, f'CREATE DATABASE "{DATABASE}"'))
    hub = ProductionHub(tmp_path, server.url(DATABASE))
    (tmp_path / "sign_in.toml").write_text(FILE.format(url=provider.url, audience=AUDIENCE), "utf-8")
    register(tmp_path / "operations")
    hub.call("migrate")
    with hub.serving():
        yield hub
    run(admin(server, f'DROP DATABASE "{DATABASE}" WITH (FORCE)'))


def code(answer: httpx2.Response) -> tuple[int, str]:
    assert "data" not in answer.json()
    (error,) = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"]


def test_an_app_and_the_staff_of_a_store_sign_in_and_see_what_their_roles_may(
    served: ProductionHub, provider: OpenidProvider
) -> None:
    till = provider.app_token("till")
    enrolled = served.post(till, ENROL).json()["data"]["memberEnrol"]
    assert (enrolled["userErrors"], enrolled["member"] is None) == ([], False)

    by_app = served.post(till, FIND).json()["data"]["member"]
    manager = provider.sign_in("E2001")
    by_manager = served.post(manager["access_token"], FIND, **{"X-Purpose": "member_service"})
    both = provider.sign_in("E2002")["access_token"]
    by_associate = served.post(both, FIND, **{"X-Role": "sales_associate"})
    by_region = served.post(provider.sign_in("E2004")["access_token"], FIND)

    assert by_app == {"name": {"display": "林*", "value": None}, "phone": {"display": None}}
    assert by_manager.json()["data"]["member"] == {
        "name": {"display": "林知夏", "value": "林知夏"},
        "phone": {"display": "139****0123"},
    }
    assert by_associate.json()["data"]["member"]["name"] == {"display": "林*", "value": None}
    assert by_region.json()["data"]["member"]["name"]["value"] == "林知夏"
    # And what is refused, of the same provider's tokens.
    assert code(served.post(manager["access_token"], FIND)) == (403, "PURPOSE_REQUIRED")
    assert code(served.post(both, FIND)) == (403, "FORBIDDEN")
    assert code(served.post(manager["id_token"], FIND)) == (401, "UNAUTHENTICATED")
    assert code(served.post(provider.sign_in("E2003")["access_token"], FIND)) == (401, "UNAUTHENTICATED")
    assert code(served.post(provider.app_token("stranger"), FIND)) == (401, "UNAUTHENTICATED")
    assert code(served.post(provider.app_token("till", audience="https://other.test"), FIND)) == (
        401,
        "UNAUTHENTICATED",
    )
    ready = httpx2.get(served.address.replace("/graphql", "/readyz"), trust_env=False).json()
    assert (ready["ready"], ready["sign_in"]) == (True, {"login": "current"})
    assert "ok    sign-in by login: " in served.call("doctor")


@pytest.fixture
def moving(town: Town, provider: OpenidProvider, tmp_path: Path) -> tuple[Any, StandingClock]:
    """The shared hub in production, behind a clock that starts now and goes on when told; how to ask it."""
    file = tmp_path / "sign_in.toml"
    file.write_text(FILE.format(url=provider.url, audience=AUDIENCE), "utf-8")
    clock = StandingClock(Clock().now())
    settings = replace(
        town.hub.settings, mode=Mode.PRODUCTION, sign_in=file, operations_dir=register(tmp_path / "documents")
    )
    transport = httpx2.ASGITransport(make_app(replace(town.hub, settings=settings, clock=clock)))

    async def ask(token: str) -> int:
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
            answer = await client.post("/graphql", json=by_id(WHO), headers={"Authorization": f"Bearer {token}"})
        assert ("data" in answer.json()) == (answer.status_code == 200)
        assert (WHOLE["phone"] in answer.text) is False
        return answer.status_code

    return ask, clock


async def test_the_provider_changes_its_keys(provider: OpenidProvider, moving: tuple[Any, StandingClock]) -> None:
    ask, clock = moving
    first, second = signing_key("p-1"), signing_key("p-2")
    provider.stop()
    provider.start(first)
    old = provider.app_token("till")
    assert await ask(old) == 200

    provider.stop()
    provider.start(second, first)  # as a provider should: the old one stays until its last token has ended
    new = provider.app_token("till")
    assert await ask(new) == 401
    clock.at += COOL_DOWN
    assert [await ask(new), await ask(old)] == [200, 200]

    provider.stop()
    provider.start(second)
    assert [await ask(new), await ask(old)] == [200, 200]
    clock.at += KEPT
    assert [await ask(new), await ask(old)] == [200, 401]


async def test_the_provider_is_gone_for_a_while(provider: OpenidProvider, moving: tuple[Any, StandingClock]) -> None:
    ask, clock = moving
    token = provider.app_token("till")
    assert await ask(token) == 200

    provider.stop()
    clock.at += KEPT
    assert await ask(token) == 200
    clock.at += GRACE - KEPT
    assert await ask(token) == 503
    provider.start(signing_key("p-2"))
    new = provider.app_token("till")
    assert await ask(new) == 503
    clock.at += COOL_DOWN

    assert [await ask(new), await ask(token)] == [200, 401]
