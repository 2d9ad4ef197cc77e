"""Orders and activity as a till records them, and what is stored by it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.idempotency.tables import DoneRequest
from member_hub.ids import MemberId
from member_hub.ingest import mapping as mappings
from member_hub.ingest.running import Ingester
from member_hub.ingest.tables import Inbox
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from member_hub.orders.tables import Activity, OrderLine
from member_hub.points.tables import PointsAccount, PointsEntry, PointsLine, PointsLot
from member_hub.tiers.tables import GrowthEntry, TierChange, TierStanding
from tests.graphql.world import World, said

RECORD = """mutation ($input: OrderRecordInput!, $key: String!) {
  orderRecord(input: $input, idempotencyKey: $key) {
    member { id } receipt { points takenBack growth linesAtMost duplicates tier } userErrors { field code message }
  }
}"""
ACTIVE = """mutation ($input: ActivityRecordInput!, $key: String!) {
  activityRecord(input: $input, idempotencyKey: $key) { growth userErrors { field code } }
}"""
WRITTEN = (
    OrderLine, Activity, Inbox, DoneRequest, PointsAccount, PointsLot, PointsEntry, PointsLine, GrowthEntry,
    TierChange, TierStanding,
)  # fmt: skip
HEAD = "order_no,line_no,channel,store,key_kind,key,amount_yuan,ordered_at,status,refund_of"
CARD = {"channel": "STORE", "id": "8800000001"}


async def a_member(world: World, number: str = "8800000001") -> MemberId:
    return (await world.resolve(said(Channel.STORE, number, home_store="SH001")))[0]


def an_order(of: MemberId | None = None, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    whose = {} if of is None else {"member": str(of)}
    sold = list(lines) or [{"lineNo": 1, "amountFen": 12_345}]
    return {"channel": "STORE", "orderNo": "T1", "store": "SH001", "lines": sold, **whose, **more}


async def record(
    world: World, stated: dict[str, Any], role: str = "app_checkout", key: str = "k1", **about: Any
) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    variables = {"input": stated, "key": key}
    found = (await world.ask(role, RECORD, variables=variables, **about))["orderRecord"]
    assert (found["member"] is None) is (found["receipt"] is None)
    return found["receipt"], [(e["field"], e["code"]) for e in found["userErrors"]]


async def counts(world: World) -> dict[str, int]:
    async with transaction(world.hub.database.app) as tx:
        tables = [table_of(model) for model in WRITTEN]
        return {t.name: int(await tx.scalar(select(func.count()).select_from(t)) or 0) for t in tables}


async def refuses(world: World, stated: dict[str, Any], error: tuple[str, str], about: MemberId | None) -> None:
    before, entries = await counts(world), len(await world.audited())

    receipt, errors = await record(world, stated, key="refused")

    assert (receipt, errors) == (None, [error])
    assert await counts(world) == before
    entry = (await world.audited())[entries]
    assert (entry.operation, entry.outcome) == ("orderRecord", error[1])
    assert entry.member_ids == ([] if about is None else [about])


async def active(world: World, whose: MemberId, key: str = "k1", **more: Any) -> Any:
    stated = {"channel": "STORE", "kind": "CHECK_IN", "count": 1, "member": str(whose), **more}
    return (await world.ask("app_checkout", ACTIVE, variables={"input": stated, "key": key}))["activityRecord"]


async def imported(world: World, folder: Path, *rows: str) -> Mapping[str, int]:
    """What became of rows of an order file, imported as the command does it."""
    file = folder / f"orders{len(list(folder.iterdir()))}.csv"
    file.write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    hub = world.hub
    ingester = Ingester(hub.database, hub.vault, hub.resolver, hub.organisation, world.clock, hub.loyalty)
    return (await ingester.ingest(file, mappings.load(Source.ORDERS))).counts
