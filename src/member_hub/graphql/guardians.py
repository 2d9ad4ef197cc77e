"""guardianPropose, guardianConfirm, guardianRevoke: a guardian's link to a child, step by step.

The role decides which step is whose: proposing is for the guardian, or for staff and the mini-program in their name;
SELF for the guardian who is signed in; RELATION for staff who reach the child; KEEP, and ending a disputed link, for
the data protection officer. Somebody else's link and no link look the same.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import strawberry

from member_hub import revealing, till
from member_hub.access import Caller, CallerKind, Key
from member_hub.consent.children import guardians, links
from member_hub.consent.children.guardians import Relation, RelationEvidence
from member_hub.consent.children.links import Link
from member_hub.db.base import Tx
from member_hub.errors import BadInput, Forbidden, NotFound
from member_hub.graphql.asking import Asking
from member_hub.graphql.changing import carried_out
from member_hub.graphql.keys import MemberKey, member_id_of
from member_hub.graphql.problems import UserError
from member_hub.graphql.scalars import given
from member_hub.ids import MemberId
from member_hub.members.gates import LinkState
from member_hub.members.reading import find, handler_of

Info = strawberry.Info[Asking, None]
DPO = "dpo"
Work = Callable[[Tx], Awaitable[Link]]

strawberry.enum(
    LinkState,
    name="GuardianLinkState",
    description=(
        "Where a guardian's link stands: PROPOSED until the guardian is verified; RELATION_PENDING until staff saw "
        "what shows the relation, and of a second guardian until the officer decided; ACTIVE, the guardian acts; "
        "DISPUTED, a second guardian came with evidence, and this one only refuses, withdraws and objects; "
        "HANDOVER, the child has turned 14; ENDED; REJECTED."
    ),
)
strawberry.enum(Relation, name="GuardianRelation", description="What the guardian is to the child.")
strawberry.enum(
    RelationEvidence, description="What staff looked at; kept is its kind and a reference, never a copy or a number."
)


@strawberry.enum(description="A step of confirming a guardian.")
class GuardianStep(StrEnum):
    SELF = "self"
    RELATION = "relation"
    KEEP = "keep"


@strawberry.enum(description="Why a guardian's link ends.")
class GuardianEndReason(StrEnum):
    GUARDIAN_WISH = "guardian_wish"
    COURT_DECISION = "court_decision"
    RELATION_NOT_SHOWN = "relation_not_shown"
    MISTAKE = "mistake"


class NotTheirStep(Forbidden):
    zh = "当前角色不能执行此步骤。"
    en = "This step is not for this role."


class ChildNeeded(BadInput):
    zh = "请出示儿童的会员码；员工也可使用其范围内的会员编号。"
    en = "Take the member code that the child shows; staff may take the id of a child in reach instead."


class GuardianNeeded(BadInput):
    zh = "须指明监护人；会员只能为本人提出。"
    en = "Staff name the guardian; a member proposes nobody but themselves."


class EvidenceNeeded(BadInput):
    zh = "须注明关系、凭证种类与凭证编号。"
    en = "Name the relation, the kind of evidence and its reference."


@strawberry.type(description="A guardian's link to a child, as the one who takes a step sees it.")
class GuardianLink:
    id: strawberry.ID = strawberry.field(description="Of the link.")
    state: LinkState = strawberry.field(description="Where it stands.")
    due_at: datetime | None = strawberry.field(
        description="When it ends by itself; null where it does not, as while it is ACTIVE."
    )


@strawberry.type(description="What became of a step of a guardian's link.")
class GuardianPayload:
    link: GuardianLink | None = strawberry.field(description="The link after it; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


@strawberry.input(description="Who shall be whose guardian. Of the child exactly one of child and childKey.")
class GuardianProposeInput:
    relation: Relation = strawberry.field(description="What the guardian is to the child.")
    child: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Staff: a child in reach.")
    child_key: MemberKey | None = strawberry.field(
        default=strawberry.UNSET,
        description="The memberCode that the child shows, used up by this; no other key: nobody proposes unseen.",
    )
    guardian: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Staff: a member in reach; members and the mini-program leave it out."
    )


@strawberry.input(description="What staff looked at.")
class GuardianEvidenceInput:
    kind: RelationEvidence = strawberry.field(description="What it was.")
    reference: str = strawberry.field(
        description="Where it is noted: 1 to 40 letters, digits, hyphens; nothing like a telephone or identity number."
    )


@strawberry.input(description="One step of a guardian's link.")
class GuardianConfirmInput:
    link: strawberry.ID = strawberry.field(description="Which link.")
    step: GuardianStep = strawberry.field(description="Which step.")
    relation: Relation | None = strawberry.field(default=strawberry.UNSET, description="RELATION: what was seen.")
    evidence: GuardianEvidenceInput | None = strawberry.field(
        default=strawberry.UNSET, description="RELATION: what shows it."
    )


@strawberry.input(description="A guardian's link that ends.")
class GuardianRevokeInput:
    link: strawberry.ID = strawberry.field(description="Which link.")
    reason: GuardianEndReason = strawberry.field(description="Why; it goes on record.")


async def guardian_propose(
    info: Info,
    input: Annotated[GuardianProposeInput, strawberry.argument(description="Who and whose.")],  # noqa: A002
) -> GuardianPayload:
    asking = info.context

    async def work(tx: Tx) -> Link:
        guardian_id = await _guardian(asking, tx, given(input.guardian))
        child_id = await _child(asking, tx, input, guardian_id)
        return await guardians.propose(
            tx,
            asking.hub.vault,
            child_id,
            guardian_id,
            relation=input.relation,
            proposed_by=f"{asking.caller.kind} {asking.caller.subject}",
            numbers=asking.hub.catalogue.numbers,
            now=asking.now,
        )

    return await _carried_out(asking, work)


async def guardian_confirm(
    info: Info,
    input: Annotated[GuardianConfirmInput, strawberry.argument(description="Link and step.")],  # noqa: A002
) -> GuardianPayload:
    asking, caller, hub = info.context, info.context.caller, info.context.hub
    asking.trail.fields.add(f"step:{input.step.value}")

    async def work(tx: Tx) -> Link:
        _check_step(caller, input.step)
        link_id = _link_id(input.link)
        if input.step is GuardianStep.SELF:
            assert caller.member_id is not None
            return await guardians.verify_self(
                tx, link_id, caller.member_id, numbers=hub.catalogue.numbers, now=asking.now
            )
        link = await _in_reach(asking, tx, link_id)
        if input.step is GuardianStep.KEEP:
            return await guardians.keep(tx, hub.vault, link, numbers=hub.catalogue.numbers, now=asking.now)
        relation, evidence = given(input.relation), given(input.evidence)
        reference = revealing.reference_of(evidence.reference) if evidence is not None else None
        if relation is None or evidence is None or reference is None:
            raise EvidenceNeeded(field="evidence")
        return await guardians.confirm_relation(
            tx,
            hub.vault,
            link,
            relation=relation,
            evidence=evidence.kind,
            reference=reference,
            staff=caller.subject,
            numbers=hub.catalogue.numbers,
            now=asking.now,
        )

    return await _carried_out(asking, work)


async def guardian_revoke(
    info: Info,
    input: Annotated[GuardianRevokeInput, strawberry.argument(description="Link and reason.")],  # noqa: A002
) -> GuardianPayload:
    asking = info.context
    asking.trail.fields.add(f"reason:{input.reason.name}")

    async def work(tx: Tx) -> Link:
        link = await _in_reach(asking, tx, _link_id(input.link))
        event, numbers = _end_of(asking.caller, link), asking.hub.catalogue.numbers
        return await guardians.end(tx, asking.hub.vault, link, event=event, numbers=numbers, now=asking.now)

    return await _carried_out(asking, work)


async def _carried_out(asking: Asking, work: Work) -> GuardianPayload:
    async def noted(tx: Tx) -> Link:
        link = await work(tx)
        asking.trail.finds({link.child_id, link.guardian_id})
        asking.trail.fields.update(link.words)
        return link

    link, errors = await carried_out(asking, noted)
    return GuardianPayload(link=None if link is None else link_shown(link), user_errors=errors)


def link_shown(link: Link) -> GuardianLink:
    """The midnight on which an active link is looked at again ends nothing and tells nobody anything."""
    ends_at = None if link.state is LinkState.ACTIVE else link.due_at
    return GuardianLink(id=_id_of(link), state=link.state, due_at=ends_at)


async def _guardian(asking: Asking, tx: Tx, named: str | None) -> MemberId:
    caller = asking.caller
    own = caller.member_id or caller.on_behalf_of
    if (named is None) == (caller.kind is CallerKind.STAFF):
        raise GuardianNeeded(field="guardian")
    if caller.kind is CallerKind.STAFF:
        return await _reached(asking, tx, named, field="guardian")
    if own is None:
        raise NotFound(field="guardian")
    (root,) = await links.roots_of(tx, [own])
    return root


async def _child(asking: Asking, tx: Tx, input: GuardianProposeInput, guardian_id: MemberId) -> MemberId:  # noqa: A002
    """Whose code is in the proposer's hand; for staff also a member in reach."""
    key, named = given(input.child_key), given(input.child)
    if (key is None) == (named is None) or (named is not None and asking.caller.kind is not CallerKind.STAFF):
        raise ChildNeeded(field="child")
    if key is None:
        return await _reached(asking, tx, named, field="child")
    code = given(key.member_code)
    if code is None:
        raise ChildNeeded(field="childKey")
    asking.trail.looks_up(Key.MEMBER_CODE)
    handler = asking.caller.handler or await handler_of(tx, guardian_id)
    found = await till.redeem(tx, asking.hub.vault, handler, [code])
    if code not in found:
        raise NotFound(field="childKey")
    (root,) = await links.roots_of(tx, [found[code]])
    return root


async def _reached(asking: Asking, tx: Tx, text: str | None, *, field: str) -> MemberId:
    member_id = member_id_of(text or "")
    found = await find(tx, asking.visible, [member_id]) if member_id is not None else {}
    if member_id is None or member_id not in found:
        raise NotFound(field=field)
    return MemberId(found[member_id].member_id)


async def _in_reach(asking: Asking, tx: Tx, link_id: UUID) -> Link:
    """The link, held: a guardian's own one; of a child whom staff reach; for the officer anybody's of the handler.

    Who looks at the evidence needs no approval to see minors: the step shows nothing of the child, and a hub where
    nobody has approved anything yet would link no guardian at all.
    """
    caller = asking.caller
    if caller.kind is not CallerKind.STAFF:
        return await links.held(tx, link_id, of_guardian=caller.member_id)
    link = await links.held(tx, link_id)
    if caller.role == DPO:
        is_in_reach = await handler_of(tx, link.child_id) == caller.handler
    else:
        visible = asking.visible.of_unseen() if link.state is LinkState.RELATION_PENDING else asking.visible
        is_in_reach = bool(await find(tx, visible, [link.child_id]))
    if not is_in_reach:
        raise NotFound(field="link")
    return link


def _check_step(caller: Caller, step: GuardianStep) -> None:
    is_theirs = {
        GuardianStep.SELF: caller.kind is CallerKind.MEMBER,
        GuardianStep.RELATION: caller.kind is CallerKind.STAFF and caller.role != DPO,
        GuardianStep.KEEP: caller.role == DPO,
    }
    if not is_theirs[step]:
        raise NotTheirStep(field="step")


def _end_of(caller: Caller, link: Link) -> str:
    """The machine's event: who ends a link in which state; what does not follow is refused there."""
    if caller.role == DPO and link.state is LinkState.DISPUTED:
        return "resolved_end"
    if caller.kind is CallerKind.STAFF and link.state is LinkState.RELATION_PENDING:
        return "relation_refused"
    return "revoke"


def _link_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(field="link") from None


def _id_of(link: Link) -> strawberry.ID:
    return strawberry.ID(str(link.link_id))
