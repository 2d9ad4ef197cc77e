"""A family, and the steps by which one of them becomes the guardian of another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from member_hub.consent.children.coming_of_age import ComingOfAge
from member_hub.consent.children.guardian_timers import GuardianTimers
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.gates import GuardianLink
from member_hub.members.tables import Channel, Member
from tests.graphql.consenting import approve
from tests.graphql.world import NOW, World, said

PROPOSE = """mutation ($input: GuardianProposeInput!) {
    guardianPropose(input: $input) { link { id state dueAt } userErrors { field code } } }"""
CONFIRM = """mutation ($input: GuardianConfirmInput!) {
    guardianConfirm(input: $input) { link { id state dueAt } userErrors { field code } } }"""
REVOKE = """mutation ($input: GuardianRevokeInput!) {
    guardianRevoke(input: $input) { link { id state } userErrors { field code } } }"""
CODE = "mutation { memberCodeIssue { memberCode { code } userErrors { code } } }"
CHILDREN = "{ memberList(first: 10) { edges { node { id name { value } phone { value } birthday { value } } } } }"
EVIDENCE = {"kind": "HOUSEHOLD_REGISTER", "reference": "HR-2026-11"}
SEEN = {"relation": "PARENT", "evidence": EVIDENCE}

DAUGHTER_BORN = "2012-11-25"
# 00:00 in Shanghai of the day after her 14th birthday.
TURNS = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)

link_t, member_t = table_of(GuardianLink), table_of(Member)


@dataclass
class Family:
    """`world` with ids of members."""

    world: World
    mother: MemberId
    father: MemberId
    daughter: MemberId
    boy: MemberId  # somebody else's, eight years old
    nameless: MemberId  # of whom no birth date is held

    async def code_of(self, child: MemberId) -> str:
        answer = await self.world.ask("member", CODE, member=child)
        return str(answer["memberCodeIssue"]["memberCode"]["code"])

    async def said(self, role: str, mutation: str, stated: dict[str, Any], **about: Any) -> tuple[Any, list[Any]]:
        """The link, and the codes of what was refused."""
        answer = await self.world.ask(role, mutation, variables={"input": stated}, **about)
        (payload,) = answer.values()
        return payload["link"], [(e["field"], e["code"]) for e in payload["userErrors"]]

    async def proposes(self, guardian: MemberId, child: MemberId) -> tuple[Any, list[Any]]:
        stated = {"relation": "PARENT", "childKey": {"memberCode": await self.code_of(child)}}
        return await self.said("member", PROPOSE, stated, member=guardian)

    async def confirms(self, guardian: MemberId, link: str) -> tuple[Any, list[Any]]:
        return await self.said("member", CONFIRM, {"link": link, "step": "SELF"}, member=guardian)

    async def shown(self, link: str, *, role: str = "support_agent", subject: str = "S-1") -> tuple[Any, list[Any]]:
        return await self.said(role, CONFIRM, {"link": link, "step": "RELATION", **SEEN}, subject=subject)

    async def resolved(self, link: str, **about: Any) -> tuple[Any, list[Any]]:
        return await self.said("dpo", CONFIRM, {"link": link, "step": "KEEP"}, subject="S-9", **about)

    async def revoked(self, link: str, role: str, *, reason: str = "GUARDIAN_WISH", **about: Any) -> tuple[Any, Any]:
        return await self.said(role, REVOKE, {"link": link, "reason": reason}, **about)

    async def linked(self, guardian: MemberId | None = None, child: MemberId | None = None) -> str:
        """A link in force, by every step; its id."""
        guardian, child = guardian or self.mother, child or self.daughter
        proposed, errors = await self.proposes(guardian, child)
        assert errors == []
        link = str(proposed["id"])
        assert (await self.confirms(guardian, link))[1] == []
        assert (await self.shown(link))[1] == []
        return link

    async def children_of(self, guardian: MemberId) -> list[Any]:
        """The names that a guardian sees."""
        found = await self.world.ask("guardian", CHILDREN, member=guardian)
        return [edge["node"]["name"]["value"] for edge in found["memberList"]["edges"]]

    async def links(self) -> list[Any]:
        async with transaction(self.world.hub.database.app) as tx:
            return list(await tx.execute(select(link_t).order_by(link_t.c.proposed_at, link_t.c.link_id)))

    async def states(self) -> list[str]:
        return [row.state for row in await self.links()]

    async def band_of(self, member: MemberId) -> str:
        async with transaction(self.world.hub.database.app) as tx:
            return str(await tx.scalar(select(member_t.c.age_band).where(member_t.c.member_id == member)))

    async def at(self, moment: datetime) -> None:
        """The clock stands there; no job has run."""
        self.world.clock.at = moment

    async def jobs(self) -> None:
        """What the clock does, once, by a process of its own."""
        hub, now = self.world.hub, self.world.clock.now()
        held = (hub.database, hub.vault, hub.catalogue, hub.audit)
        await ComingOfAge(*held).run(now)
        await GuardianTimers(*held).run(now)

    async def day_by_day(self, *, until: datetime) -> None:
        """The jobs run at 23:30 and 00:00 of every day; at the end the clock stands there."""
        moment = MIDNIGHT
        while moment <= until:
            for at in (moment - timedelta(minutes=30), moment):
                await self.at(at)
                await self.jobs()
            moment += timedelta(days=1)
        await self.at(until)

    async def recorded(self, operation: str) -> list[Any]:
        """The entries of an operation, in order."""
        rows = [row for row in await self.world.audited() if row.operation == operation]
        return sorted(rows, key=lambda row: (row.happened_at, row.sequence))

    async def told(self) -> Sequence[tuple[str, str, str, list[str]]]:
        """Who, what, with what outcome and fields: every entry but the issue of codes."""
        rows = [row for row in await self.world.audited() if row.operation != "memberCodeIssue"]
        return [(row.role, row.operation, row.outcome, row.fields) for row in rows]


async def move_in(world: World, *, is_approved: bool = True) -> Family:
    """`is_approved`: whether the support desk may see minors."""
    when = NOW - timedelta(days=30)
    mother, father, daughter, boy, nameless = await world.resolve(
        _person("W1", "王芳", "1985-05-05", phone="+8613812345601", verified=True),
        _person("W2", "李雷", "1983-03-03", phone="+8613812345602", verified=True),
        _person("W3", "李小花", DAUGHTER_BORN, phone="+8613812345603", verified=False),
        _person("W4", "赵小宝", "2018-01-01", phone="+8613812345604", verified=False),
        said(Channel.WEBSITE, "W5", at=when, name="孙小小"),
    )
    if is_approved:
        await approve(world, "support_agent")
    return Family(world, mother, father, daughter, boy, nameless)


def _person(account: str, name: str, birthday: str, *, phone: str, verified: bool) -> Any:
    at = NOW - timedelta(days=30)
    return said(Channel.WEBSITE, account, at=at, name=name, birthday=birthday, phone=phone, phone_verified=verified)
