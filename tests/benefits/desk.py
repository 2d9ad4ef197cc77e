"""A hub with members who use benefits: acts go in through the part's front door, each in a transaction of its own."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from member_hub import benefits, programme, resources, tiers
from member_hub.access import CallerKind
from member_hub.benefits import Asked, BenefitRules, Used, Using
from member_hub.benefits.holder import BenefitsHolder
from member_hub.benefits.queries import Entitled, of_members
from member_hub.benefits.words import IssueReason
from member_hub.db import snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.tables import Member
from tests.points import desk as points_desk

NOW = points_desk.NOW  # 2 March 2026, noon in Shanghai
TABLES = programme.read(resources.folder("policies") / "programme.toml")
LEVELS = tiers.rules_of(TABLES["tiers"])
SHIPPED = benefits.rules_of(TABLES["benefits"], LEVELS)
member_t = table_of(Member)


@dataclass(slots=True)
class Desk(points_desk.Desk):
    benefits: BenefitRules = SHIPPED

    @property
    def holder(self) -> BenefitsHolder:  # type: ignore[override]
        return BenefitsHolder(self.clock)

    def under(self, key: str | None = None) -> Asked:
        asked = self.asked("" if key is None else key)
        assert asked.key is not None
        return Asked(benefits.Desk(self.vault, points_desk.REGISTER, self.benefits), self.clock.now(), asked.key)

    async def use(
        self, member_id: MemberId, benefit: str = "gift_wrapping", *, entitlement: UUID | None = None
    ) -> Used:
        async with transaction(self.database.app) as tx:
            root = await _held(tx, member_id)
            said = Using(benefit, entitlement)
            return await benefits.use(tx, till(), root, asked=self.under(), said=said)

    async def void(self, member_id: MemberId, use_id: UUID) -> Used:
        async with transaction(self.database.app) as tx:
            return await benefits.void(tx, till(), await _held(tx, member_id), asked=self.under(), use_id=use_id)

    async def issue(self, member_id: MemberId, code: str = "goodwill_coupon") -> UUID:
        async with transaction(self.database.app) as tx:
            root = await _held(tx, member_id)
            asked, reason = self.under(), IssueReason.GOODWILL
            return await benefits.issue(tx, till(), root, asked=asked, code=code, reason=reason)

    async def has(self, member_id: MemberId) -> dict[str, tuple[int, int]]:
        """Quantity and used, by code; several of one code under `code 2`."""
        found: dict[str, tuple[int, int]] = {}
        for one in await self.entitled(member_id):
            name, number = one.benefit.code, 1
            while name in found:
                number += 1
                name = f"{one.benefit.code} {number}"
            found[name] = (one.quantity, one.used)
        return found

    async def entitled(self, member_id: MemberId) -> list[Entitled]:
        async with snapshot(self.database.app) as tx:
            return (await of_members(tx, self.benefits, {member_id: False}, now=self.clock.now()))[member_id]

    async def everything(self) -> dict[str, list[Row[Any]]]:
        return {name: await self.rows(name) for name in ("entitlement", "benefit_use", "idempotency")}


async def _held(tx: Any, member_id: MemberId) -> MemberId:
    """As the API holds the root of who is in reach."""
    asked = select(member_t.c.merged_into).where(member_t.c.member_id == member_id)
    root = await tx.scalar(asked) or member_id
    held = select(member_t.c.member_id).where(member_t.c.member_id == root).with_for_update(read=True)
    return MemberId(await tx.scalar(held))


def till() -> Any:
    return replace(points_desk.staff("till"), kind=CallerKind.APP, role="app_checkout")
