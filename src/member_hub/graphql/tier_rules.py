"""tierRulesPropose, tierRulesApprove and tierRules: rules of tiers by version, decided by two persons."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import orjson
import strawberry

from member_hub import reports
from member_hub.benefits import tier_rules as usable
from member_hub.db.base import Tx
from member_hub.graphql.asking import Asking
from member_hub.graphql.changing import carried_out
from member_hub.graphql.paging import After, PageInfo, rules_cursor, rules_position, slice_of
from member_hub.graphql.problems import UserError
from member_hub.graphql.scalars import Whole, given
from member_hub.tiers import proposals
from member_hub.tiers.proposals import Rules
from member_hub.tiers.rules import texts
from member_hub.tiers.standing.backtesting import LOOKED_AT_MAX, backtest

Info = strawberry.Info[Asking, None]


@strawberry.type(description="How many members would move from one tier to another: twenty or more.")
class TierMove:
    from_tier: str = strawberry.field(description="Code of the tier before.")
    to_tier: str = strawberry.field(description="Code of the tier after.")
    members: Whole = strawberry.field(description="How many, rounded.")


@strawberry.type(description="One step of the pyramid. Null: fewer than twenty, or nobody (少于二十人或无人).")
class TierStep:
    tier: str = strawberry.field(description="Code of the tier.")
    before: Whole | None = strawberry.field(description="How many stood there, rounded.")
    after: Whole | None = strawberry.field(
        description="How many would stand there after the next review, rounded; with the moves that are told, and no "
        "others."
    )
    earned: Whole | None = strawberry.field(
        description="How many have earned it by what they have today, rounded: where it leads. Fewer than twenty who "
        "come from one tier to another are counted with those who stay."
    )
    earned_bp: int | None = strawberry.field(
        description="Their share in basis points (10000 is all) of all that is told of `earned`, rounded down."
    )
    target_bp: int = strawberry.field(description="The share that the rules aim at.")


@strawberry.type(
    description="What rules would do with the members of the proposer's handler, tried before anything is applied. "
    "Every number is of twenty members or more, and rounded; the command `member-hub tiers backtest` counts exactly. "
    "(人数均不少于二十人并经取整。)"
)
class TierBacktest:
    members: Whole | None = strawberry.field(
        description="How many were looked at, rounded; null: fewer than twenty, or proposed when numbers were exact."
    )
    one_in: int = strawberry.field(
        description="1: everybody was; 10: one member in ten, drawn by chance, where there are very many."
    )
    minimum_group: int = strawberry.field(description="Smaller groups are not told.")
    rounded_to: int = strawberry.field(description="Every number of members is a multiple of this.")
    moves: list[TierMove] = strawberry.field(
        description="Who would move at the next review: ways that twenty or more go; all others are left out."
    )
    pyramid: list[TierStep] = strawberry.field(description="Every tier, the lowest first.")


@strawberry.type(description="A version of the rules; written once.")
class TierRules:
    version: int = strawberry.field(description="1, 2, 3; before any is in force, the programme's file counts as 0.")
    rules: str = strawberry.field(description="The rules as JSON, as they are read by tierRulesPropose.")
    note: str = strawberry.field(description="What they are for.")
    effective_at: datetime = strawberry.field(description="In force from, once approved.")
    proposed_by: str = strawberry.field(description="Staff number.")
    proposed_at: datetime = strawberry.field(description="When.")
    approved_by: str | None = strawberry.field(description="Staff number of another person; null: not approved.")
    approved_at: datetime | None = strawberry.field(description="When.")
    backtest: TierBacktest = strawberry.field(description="What they would have changed when they were proposed.")


@strawberry.type(description="A version in its place in the list.")
class TierRulesEdge:
    cursor: str = strawberry.field(description="Opaque position, for `after`.")
    node: TierRules = strawberry.field(description="The version.")


@strawberry.type(description="A page of versions, the newest first.")
class TierRulesConnection:
    edges: list[TierRulesEdge] = strawberry.field(description="The versions of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


@strawberry.type(description="What became of rules.")
class TierRulesPayload:
    rules: TierRules | None = strawberry.field(description="The version; null if refused.")
    user_errors: list[UserError] = strawberry.field(
        description="Why it was refused, with the line and the key in the rules; empty: it was done."
    )


@strawberry.input(description="Rules to be put in force.")
class TierRulesProposeInput:
    rules: str = strawberry.field(description="As TOML or JSON: the table [tiers] of the programme's file.")
    effective_at: datetime = strawberry.field(description="From when on; now at the earliest, within a year.")
    note: str = strawberry.field(description="What they are for: 1 to 200 characters, and nothing about a person.")


async def tier_rules_propose(
    info: Info,
    input: Annotated[TierRulesProposeInput, strawberry.argument(description="The rules.")],  # noqa: A002
) -> TierRulesPayload:
    asking = info.context

    async def work(tx: Tx) -> Rules:
        rules = texts.read(input.rules)
        await usable.fits(tx, rules, asking.hub.benefits)

        async def trying() -> Mapping[str, Any]:
            at_most, handler = LOOKED_AT_MAX, asking.caller.handler
            exact = await backtest(tx, rules, now=asking.now, handler=handler, at_most=at_most)
            return reports.told_of_backtest(asking.hub.vault, exact)

        made = await proposals.propose(
            tx,
            asking.caller,
            rules,
            programme=asking.hub.tiers,
            note=input.note,
            effective_at=input.effective_at,
            trying=trying,
            now=asking.now,
        )
        return _noted(asking, made)

    return _payload(*await carried_out(asking, work))


async def tier_rules_approve(
    info: Info,
    version: Annotated[int, strawberry.argument(description="Of the rules.")],
) -> TierRulesPayload:
    asking = info.context

    async def work(tx: Tx) -> Rules:
        asking.trail.fields.add(f"version:{version}")
        done = await proposals.approve(tx, asking.caller, version, programme=asking.hub.tiers, now=asking.now)
        return _noted(asking, done)

    return _payload(*await carried_out(asking, work))


async def tier_rules(
    info: Info,
    first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")],
    after: After = strawberry.UNSET,
) -> TierRulesConnection:
    asking, vault = info.context, info.context.hub.vault
    asked = slice_of(first=first, after=given(after), last=None, before=None)
    async with asking.snapshot.reading() as tx:
        found, has_more = await proposals.page(tx, count=asked.count, before=rules_position(vault, asked.cursor))
    asking.trail.finds([])
    edges = [TierRulesEdge(cursor=rules_cursor(vault, one.version), node=_shown(one)) for one in found]
    return TierRulesConnection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=has_more,
            has_previous_page=asked.cursor is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def _noted(asking: Asking, rules: Rules) -> Rules:
    asking.trail.fields.add(f"version:{rules.version}")
    asking.trail.finds([])
    return rules


def _payload(rules: Rules | None, errors: list[UserError]) -> TierRulesPayload:
    return TierRulesPayload(rules=None if rules is None else _shown(rules), user_errors=errors)


def _shown(one: Rules) -> TierRules:
    return TierRules(
        version=one.version,
        rules=orjson.dumps(one.rules, option=orjson.OPT_INDENT_2).decode(),
        note=one.note,
        effective_at=one.effective_at,
        proposed_by=one.proposed_by,
        proposed_at=one.proposed_at,
        approved_by=one.approved_by,
        approved_at=one.approved_at,
        backtest=_backtest(reports.backtest_as_told(one.backtest)),
    )


def _backtest(told: Mapping[str, Any]) -> TierBacktest:
    return TierBacktest(
        members=told["members"],
        one_in=told.get("one_in", 1),
        minimum_group=reports.MINIMUM_GROUP,
        rounded_to=reports.ROUNDED_TO,
        moves=[TierMove(from_tier=one["from"], to_tier=one["to"], members=one["members"]) for one in told["moves"]],
        pyramid=[TierStep(**one) for one in told["pyramid"]],
    )
