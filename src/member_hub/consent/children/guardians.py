"""A guardian's link to a child, from the proposal to its end: every step that people take.

What may follow what stands in machine.py. Here stand the facts that a step takes: the guardian is an adult by a birth
date that is held, the child is under 14 or nobody knows (then what staff see decides), the guardian has a verified
phone that is not the child's, and whoever saw the relation is not the one who proposed the link.

Decision: nobody attaches themselves to a stranger's child, because whoever proposes has the child's member code in
hand, or is staff and reaches the child.
Decision: a second guardian suspends the first (DISPUTED) when staff have seen what shows the second's relation, not
before: proposing and verifying oneself take no more than the child's code and a phone of one's own, and by those
anybody could shut a guardian out. Two who claim one child with evidence are for the officer to part. Until then neither
gives a consent or reads, but the first may still refuse, withdraw and object for the child, which protects it whoever
is right. Where what contested comes to an end (refused, unanswered, revoked, erased), the first is in force again. Both
may be guardians in the end: whom the officer kept against a link, that link contests no more. Price: until staff have
seen evidence a false first guardian goes on; staff or the officer who know better revoke that link.
Decision: a link that comes to nothing takes away what was said about the relation and who proposed it (S18), never
anything of the child's membership: else any stranger's proposal could purge a child.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import orjson
from sqlalchemy import and_, func, insert, select, update

from member_hub import telling
from member_hub.clock import business_day
from member_hub.consent.catalogue import Numbers
from member_hub.consent.children import ages, links
from member_hub.consent.children.links import Link
from member_hub.consent.machine import link_after
from member_hub.crypto import Vault, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import Conflict, Forbidden, NotFound, Refused
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.tables import IdentityClaim, IdentityHint
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.age import MINOR_UNDER
from member_hub.members.children import ids_of
from member_hub.members.gates import GuardianLink, LinkState
from member_hub.members.staff_numbers import number_of
from member_hub.members.tables import AgeBand, ChannelAccount, Member
from member_hub.privacy import DataClass
from member_hub.telling import Kind, ToTell

CHILDREN_MAX = 10  # open links of one guardian
GUARDIANS_MAX = 4  # open links of one child

link_t = table_of(GuardianLink)
member_t = table_of(Member)
account_t = table_of(ChannelAccount)
claim_t = table_of(IdentityClaim)
hint_t = table_of(IdentityHint)


class Relation(StrEnum):
    PARENT = "parent"
    GRANDPARENT = "grandparent"
    RELATIVE = "relative"
    APPOINTED = "appointed"  # by a will, an authority or a court


class RelationEvidence(StrEnum):
    """What staff looked at; kept is that they did and under which reference, never a copy."""

    HOUSEHOLD_REGISTER = "household_register"
    BIRTH_CERTIFICATE = "birth_certificate"
    COURT_DECISION = "court_decision"
    SIGNED_STATEMENT = "signed_statement"


class NotAChild(Refused):
    code = "NOT_A_CHILD"
    zh = "该会员已满十四周岁，由本人作出同意。"
    en = "This member is 14 or older and decides alone."


class NotAnAdult(Refused):
    code = "NOT_AN_ADULT"
    zh = "监护人须已成年，且会员档案中有出生日期。"
    en = "A guardian is of age, by a birth date on their own profile."


class OwnPhoneRequired(Refused):
    code = "OWN_PHONE_REQUIRED"
    zh = "监护人须有本人验证过的手机号，且不得与儿童的手机号相同。"
    en = "A guardian needs a verified phone of their own, which is not the child's."


class SecondPersonRequired(Forbidden):
    zh = "提出监护关系的人不能同时核实该关系。"
    en = "Whoever proposed the link does not confirm it."


class TooManyLinks(Conflict):
    zh = "监护关系数量已达上限。"
    en = "There are too many guardian links already."


class IsDisputed(Conflict):
    zh = "该儿童的监护关系存在争议，须先由个人信息保护负责人处理。"
    en = "Who is this child's guardian is disputed; the data protection officer decides first."


async def propose(
    tx: Tx,
    vault: Vault,
    child_id: MemberId,
    guardian_id: MemberId,
    *,
    relation: Relation,
    proposed_by: str,
    numbers: Numbers,
    now: datetime,
) -> Link:
    """A new link, or the open one of the same two: proposing again changes nothing.

    The caller knows that the proposer has the child's code or reaches both. Raises NotFound, NotAChild, NotAnAdult,
    TooManyLinks.
    """
    if child_id == guardian_id:
        raise NotFound(field="child")
    await links.hold(tx, (child_id, guardian_id))
    theirs = await links.open_of(tx, child_id)
    mine = set(await tx.scalars(ids_of(guardian_id)))
    if standing := next((one for one in theirs if one.guardian_id in mine), None):
        return standing
    await _check_ages(tx, vault, child_id, guardian_id, numbers=numbers, now=now)
    await _check_number(tx, theirs, guardian_id)
    link = Link(
        uuid7(),
        child_id,
        guardian_id,
        await _account_of(tx, child_id),
        LinkState.PROPOSED,
        proposed_by,
        now + timedelta(days=numbers.guardian_days),
        words=("guardian.proposed",),
    )
    await _insert(tx, link, await _sealed(tx, vault, link, {"relation": relation.value}), now)
    await telling.ask(tx, [ToTell(guardian_id, Kind.GUARDIAN_ASKED, link.link_id)], now)
    return link


async def verify_self(tx: Tx, link_id: UUID, guardian_id: MemberId, *, numbers: Numbers, now: datetime) -> Link:
    """The guardian says: it is me; the one who is signed in is the guardian of the link. Raises OwnPhoneRequired."""
    link = await links.held(tx, link_id, of_guardian=guardian_id)
    to, word = link_after(link.state, "guardian_verifies_self")
    if not await _phones(tx, guardian_id, own=True) - await _phones(tx, link.child_id, own=False):
        raise OwnPhoneRequired(field="link")
    due = now + timedelta(days=numbers.guardian_days)
    return await links.change(tx, link, to, word, due_at=due, self_verified_at=now)


async def confirm_relation(
    tx: Tx,
    vault: Vault,
    link: Link,
    *,
    relation: Relation,
    evidence: RelationEvidence,
    reference: str,
    staff: str,
    numbers: Numbers,
    now: datetime,
) -> Link:
    """Staff saw what shows the relation; from now on the guardian acts. The caller holds the link, reaches the child.

    Where another guardian acts already, this suspends them and the link waits for the officer, as long as a new one. A
    child of whom no birth date is held is one from now on: staff saw it.
    """
    to, word = link_after(link.state, "relation_evidence_ok")
    kind, _, who = link.proposed_by.partition(" ")
    if kind == "STAFF" and number_of(who) == number_of(staff):
        raise SecondPersonRequired(field="step")
    theirs = await links.open_of(tx, link.child_id)
    if any(one.state is LinkState.DISPUTED for one in theirs):
        raise IsDisputed(field="link")
    await _check_ages(tx, vault, link.child_id, link.guardian_id, numbers=numbers, now=now)
    is_unknown = and_(member_t.c.member_id == link.child_id, member_t.c.age_band == AgeBand.UNKNOWN)
    await tx.execute(update(member_t).where(is_unknown).values(age_band=AgeBand.CHILD.value))
    said = {"relation": relation.value, "evidence": evidence.value, "reference": reference}
    sealed = await _sealed(tx, vault, link, said)
    if rivals := [one for one in theirs if one.state is LinkState.ACTIVE and one.contested_by != link.link_id]:
        words = [word for one in rivals for word in await _contest(tx, one, by=link)]
        due = now + timedelta(days=numbers.guardian_days)
        return await links.keep_waiting(tx, replace(link, words=(*link.words, *words)), due_at=due, relation=sealed)
    values = {"relation": sealed, "confirmed_by": staff, "active_since": now}
    return await links.change(tx, link, to, word, due_at=links.next_midnight(now), **values)


async def keep(tx: Tx, vault: Vault, link: Link, *, numbers: Numbers, now: datetime) -> Link:
    """The officer resolves a dispute for this link: by whom it was contested stays on record, and contests it no more.

    Of a child who has turned 14 meanwhile it is due at once.
    """
    return await _in_force_again(tx, vault, link, "resolved_keep", numbers=numbers, now=now)


async def _in_force_again(tx: Tx, vault: Vault, link: Link, event: str, *, numbers: Numbers, now: datetime) -> Link:
    to, word = link_after(link.state, event)
    bands = await ages.bands_of(tx, vault, [link.child_id], numbers=numbers, today=business_day(now))
    due_at = links.next_midnight(now) if bands[link.child_id] is AgeBand.CHILD else now
    return await links.change(tx, link, to, word, due_at=due_at)


async def end(tx: Tx, vault: Vault, link: Link, *, event: str, numbers: Numbers, now: datetime) -> Link:
    """Revoked, refused, or resolved against it: `event` as in the machine; what came to nothing is forgotten.

    Whoever it contested is in force again. The caller holds the link.
    """
    to, word = link_after(link.state, event)
    ended = await links.change(tx, link, to, word, due_at=None, ended_at=now)
    for one in await links.open_of(tx, link.child_id):
        if one.state is LinkState.DISPUTED and one.contested_by == link.link_id:
            rival = await _in_force_again(
                tx, vault, replace(one, child_id=link.child_id), "contest_over", numbers=numbers, now=now
            )
            ended = replace(ended, words=(*ended.words, *rival.words))
    if to is LinkState.REJECTED:
        await links.forget(tx, vault, ended)
    return ended


async def _check_ages(
    tx: Tx, vault: Vault, child_id: MemberId, guardian_id: MemberId, *, numbers: Numbers, now: datetime
) -> None:
    """By the birth dates themselves: what stands on the rows is as old as the last midnight job.

    A guardian is of age by the Civil Code (17, 27), whatever the pack says about whom staff may see.
    """
    today = business_day(now)
    of_child = await ages.bands_of(tx, vault, [child_id], numbers=numbers, today=today)
    if of_child[child_id] not in (AgeBand.CHILD, AgeBand.UNKNOWN):
        raise NotAChild(field="child")
    of_age = replace(numbers, staff_approval_under=MINOR_UNDER)
    bands = await ages.bands_of(tx, vault, [guardian_id], numbers=of_age, today=today)
    if bands[guardian_id] is not AgeBand.ADULT:
        raise NotAnAdult(field="guardian")


async def _check_number(tx: Tx, theirs: Sequence[Link], guardian_id: MemberId) -> None:
    mine = select(func.count()).where(link_t.c.guardian_id.in_(ids_of(guardian_id)), link_t.c.state.in_(links.OPEN))
    if len(theirs) >= GUARDIANS_MAX or int(await tx.scalar(mine) or 0) >= CHILDREN_MAX:
        raise TooManyLinks(field="child")


async def _account_of(tx: Tx, child_id: MemberId) -> OriginId:
    """The child's oldest account: under its key the relation is sealed."""
    oldest = select(account_t.c.origin_id).where(account_t.c.member_id == child_id)
    origin = await tx.scalar(oldest.order_by(account_t.c.first_seen_at, account_t.c.origin_id).limit(1))
    if origin is None:
        raise NotFound(field="child")
    return OriginId(origin)


async def _sealed(tx: Tx, vault: Vault, link: Link, said: dict[str, str]) -> bytes:
    keys = await vault.keys_for(tx, [(link.origin_id, DataClass.CONSENT)], create=True)
    row = sealed_row(GuardianLink, {"link_id": link.link_id})
    return keys.seal(link_t.c.relation, link.origin_id, orjson.dumps(said), row=row)


async def _insert(tx: Tx, link: Link, relation: bytes, now: datetime) -> None:
    row = {
        "member_id": link.child_id,
        "link_id": link.link_id,
        "origin_id": link.origin_id,
        "guardian_id": link.guardian_id,
        "state": link.state.value,
        "proposed_by": link.proposed_by,
        "proposed_at": now,
        "relation": relation,
        "due_at": link.due_at,
    }
    await tx.execute(insert(link_t).values(row))


async def _contest(tx: Tx, link: Link, *, by: Link) -> tuple[str, ...]:
    to, word = link_after(link.state, "contested")
    return (await links.change(tx, link, to, word, due_at=None, contested_by=by.link_id)).words


async def _phones(tx: Tx, member_id: MemberId, *, own: bool) -> set[bytes]:
    """The blind indexes of the phones by which a member is found (`own`), or that anybody ever stated for them."""
    statement = (
        select(hint_t.c.token)
        .join(claim_t, and_(hint_t.c.origin_id == claim_t.c.origin_id, hint_t.c.claim_id == claim_t.c.claim_id))
        .where(claim_t.c.member_id == member_id, claim_t.c.kind == ClaimKind.PHONE)
    )
    if own:
        statement = statement.where(claim_t.c.status == ClaimStatus.ACTIVE)
    return {bytes(token) for token in await tx.scalars(statement)}
