"""One hub that has seen everything: files twice, refusals, look-ups, a copy, an erasure; then stopped and searched."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from member_hub.commands.ingest import SOURCES
from member_hub.commands.serving import FILES
from member_hub.db import Database, embedded
from member_hub.demo import fixed, generate
from tests.conftest import Run
from tests.secrecy.hub import Hub
from tests.secrecy.needles import Needles, needles_of
from tests.secrecy.scanner import Hit, Scanner
from tests.secrecy.writings import WRITINGS

PEOPLE, SEED = 300, 7
# Typed through the API, by nobody in the files.
ENROLLED = {"account": "W900007777", "name": "闻人静姝", "phone": "166 1234 0001", "email": "jingshu.wenren@163.com"}
UPDATED = {
    "name": "闻人静书",
    "phone": "16612340002",
    "email": "jingshu.new@163.com",
    "address": "浙江省宁波市鄞州区枫叶路9号",
}
UNKNOWN_PHONE, MISTYPED_PHONE = "16612340003", "1661234000４x"

LOOK = """query Look($by: MemberKey!) { member(by: $by) {
  id version name { value display } phone { value display } email { value } birthday { value } address { value }
  accounts { channel account { value } } identifiers { kind value { value } }
  provenance(field: NAME) { value { value } } orders(first: 5) { edges { node { orderNo } } } } }"""
ENROL = """mutation Enrol($input: MemberEnrolInput!, $key: String!) { memberEnrol(input: $input, idempotencyKey: $key) {
  member { id version name { value } phone { value } email { value } } userErrors { field code } } }"""
UPDATE = """mutation Update($id: ID!, $version: Int!, $input: ProfileUpdateInput!) {
  profileUpdate(id: $id, expectedVersion: $version, input: $input) {
    member { id name { value } phone { value } } userErrors { field code } } }"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was to be found, what was put there on purpose, and what was found where."""

    hub: Hub
    needles: Needles
    too_short: frozenset[str]
    controls: Mapping[str, str]  # needle: writing
    hits: frozenset[Hit]
    scanned_bytes: int
    seen: frozenset[str]  # what the look-ups, the copy and the quarantine showed, so that they did happen


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Evidence:
    folder = tmp_path_factory.mktemp("secrecy")
    generate(folder / "channels", people=PEOPLE, seed=SEED)
    needles, too_short = needles_of(folder / "channels")
    needles = {**needles, "api": frozenset({*ENROLLED.values(), *UPDATED.values(), UNKNOWN_PHONE, MISTYPED_PHONE})}
    controls = {f"{kind}控针{n:03}": writing for n, writing in enumerate(WRITINGS) for kind in ("样本", "1669")}
    hub = Hub(folder)
    hub.call("migrate")
    with hub.serving():
        seen = _import(hub, folder / "channels") | _ask(hub) | _work(hub)
        with embedded.server(hub.data_dir) as joined:
            run(_put_in_plaintext(Database.open(joined), controls))
    scanner = Scanner({*controls, *(needle for texts in needles.values() for needle in texts)})
    hits = scanner.scan_files(hub.files)
    return Evidence(hub, needles, too_short, controls, frozenset(hits), scanner.scanned_bytes, frozenset(seen))


def _import(hub: Hub, channels: Path) -> set[str]:
    """Every file twice, and files that are broken; the summaries are not searched: they are for whoever called."""
    said = {}
    for source in SOURCES:
        file = channels / FILES[source]
        files = [file, file, _cut(file)] if source == "website" else [file, file]
        said[source] = orjson.loads(hub.call("ingest", source, *files, "--json"))
    hub.call("ingest", "store", _beheaded(channels / FILES["store"]), status=1)
    assert all(summary["read"] and summary["adds_up"] for summaries in said.values() for summary in summaries)
    assert said["website"][2]["quarantined"]["malformed"] > said["website"][0]["quarantined"]["malformed"]
    return {f"{source} {reason}" for source, summaries in said.items() for reason in summaries[0]["quarantined"]}


def _cut(file: Path) -> Path:
    """The file as it would be after an interrupted transfer: it ends within a row."""
    cut = file.with_name(f"cut-{file.name}")
    content = file.read_bytes()
    cut.write_bytes(content[: content.rindex(b'"phone"') + 20])
    return cut


def _beheaded(file: Path) -> Path:
    """The file without its header: the first row stands in its place."""
    beheaded = file.with_name(f"beheaded-{file.name}")
    beheaded.write_bytes(file.read_bytes().partition(b"\n")[2])
    return beheaded


def _ask(hub: Hub) -> set[str]:
    """Look-ups by every kind of key, hits and misses, bad requests, an enrolment and an update."""
    crm = hub.call("token", "--role", "app_crm", "--purpose", "member_service", "--app", "crm").strip()
    who = fixed.MERGED
    keys: list[dict[str, object]] = [
        {"phone": "167-8801-0001"},
        {"email": who.email},
        {"unionid": who.unionid},
        {"account": {"channel": "WEBSITE", "id": who.website[0]}},
        {"account": {"channel": "APP", "id": who.user_ids[0]}},
        {"storeCard": who.cards[0]},
    ]
    found = {hub.ask(crm, LOOK, by=key)["data"]["member"]["name"]["value"] for key in keys}
    assert hub.ask(crm, LOOK, by={"phone": UNKNOWN_PHONE})["data"]["member"] is None
    for document in (f'{{ member(by: {{phone: "{UNKNOWN_PHONE}"}}) {{', LOOK.replace("version", UNKNOWN_PHONE)):
        assert "errors" in hub.ask(crm, document, by={"phone": MISTYPED_PHONE, "email": ENROLLED["email"]})
    enrolled = hub.ask(crm, ENROL, input=ENROLLED | {"channel": "WEBSITE", "phoneVerified": True}, key="k-1")
    member = enrolled["data"]["memberEnrol"]["member"]
    wanted = {"name": UPDATED["name"], "phone": UPDATED["phone"], "phoneVerified": True}
    updated = hub.ask(crm, UPDATE, id=member["id"], version=member["version"], input=wanted)
    assert updated["data"]["profileUpdate"]["userErrors"] == []
    return found | {member["name"]["value"], updated["data"]["profileUpdate"]["member"]["phone"]["value"]}


def _work(hub: Hub) -> set[str]:
    """What people do at the command line; its output is what they asked for, and is not searched."""
    rows = orjson.loads(hub.call("quarantine", "list", "--json", "--limit", "1000"))
    first = next(row for row in rows if row["reason"] == "impossible_time" and row["source"] == "website")
    shown = hub.call("quarantine", "show", first["run_id"], str(first["line"]))
    hub.call("quarantine", "retry", "--source", "store", "--json")
    accounts = [line.split(",") for line in hub.call("identity", "export").splitlines()[1:]]
    members = {account: member for _, account, member in accounts}
    one, other = fixed.TWO_ACCOUNTS.website
    hub.call("identity", "keep-apart", f"website:{one}", f"website:{other}")
    copy = orjson.loads(hub.call("rights", "export", members[fixed.MERGED.cards[0]]))
    hub.call("rights", "erase", "--yes", members[fixed.MERGED.cards[0]])
    return {"account" if "account" in shown else "", copy["held"]["hub.member"][0]["name"]}


async def _put_in_plaintext(database: Database, controls: Mapping[str, str]) -> None:
    """A table of the scan's own. Not compressed: rows of ours are far from the size at which PostgreSQL does that
    (2 kB), and sealed values cannot be made smaller; WAL is not compressed unless somebody asks for it."""
    async with database.login.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("CREATE TABLE public.control (written bytea)"))
        # Thrice: a page boundary of the WAL may cut one of them in two.
        for needle, writing in (*controls.items(),) * 3:
            row = {"written": WRITINGS[writing](needle)}
            await connection.execute(text("INSERT INTO public.control VALUES (:written)"), row)
        await connection.execute(text("CHECKPOINT"))
        await connection.execute(text("SELECT pg_switch_wal()"))
    await database.close()
