"""Two processes whose clocks differ: a material change holds in both from its commit on."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from member_hub.consent.notice.notices import notice_t
from member_hub.consent.notice.refusals import NotInOrder
from member_hub.db import transaction
from member_hub.graphql.building import global_id
from member_hub.privacy import Purpose
from tests.consent import deciding
from tests.graphql.consenting import grant, listed, move_in
from tests.graphql.consents import published
from tests.graphql.world import NOW, World, open_world

LATE = timedelta(seconds=20)
MARKETING: dict[str, Any] = {"purpose": "marketing"}
CURRENT = "{ noticeCurrent(family: GENERAL) { name } }"


async def test_a_process_whose_clock_is_late_obeys_a_material_change_at_once(world: World) -> None:
    (member,) = await move_in(world, 1)
    before = await published(world, "2026-01", at=NOW - timedelta(days=1))
    await deciding.inform(world.hub, member, before.notice_id)
    await grant(world, member, before.notice_id)
    async with open_world(world.hub.database, world.hub.settings) as late:
        late.clock.at = NOW - LATE
        seen = await listed(late, "app_crm", **MARKETING)

        await published(world, "2026-02", changed=[Purpose.MARKETING])

        shown = (await late.ask("member", "{ consents { purpose state } }", member=member))["consents"]
        current = (await late.ask("member", CURRENT, member=member))["noticeCurrent"]
        assert (seen, await listed(late, "app_crm", **MARKETING)) == ({global_id(member)}, set())
        assert [one["state"] for one in shown if one["purpose"] == "MARKETING"] == ["STALE"]
        assert current == {"name": "2026-02"}


async def test_a_process_whose_clock_is_late_publishes_nothing_older_than_what_is_in_force(world: World) -> None:
    await published(world, "2026-01", at=NOW - timedelta(days=1))
    await published(world, "2026-02", changed=[Purpose.MARKETING])

    for changed in ((), (Purpose.MARKETING,)):
        with pytest.raises(NotInOrder):
            await published(world, "2026-03", at=NOW - LATE, changed=changed)

    async with transaction(world.hub.database.app) as tx:
        names = await tx.scalars(select(notice_t.c.name).order_by(notice_t.c.effective_at))
        assert list(names) == ["2026-01", "2026-02"]
