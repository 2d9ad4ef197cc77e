"""The people of files.py in the hub of world.py, imported, and what they have and did since.

She has everything: a candidate and a pair to be kept apart, decisions, a guardian, points, a coupon, a tag, a member
code, an approval, a session. 何立 has a code and approvals of his own.
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from member_hub import approving, benefits, points, programme, resources, revealing, tiers, till
from member_hub.access import CallerKind, RowScope, system_caller
from member_hub.benefits.tables import BenefitAgain
from member_hub.benefits.words import IssueReason
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot
from member_hub.consent.tables import ConsentEvidence, GuardianLink, NoticeServed, Objection
from member_hub.consent.words import Act, Actor, ConsentState, Method
from member_hub.crypto import KeySet, sealed_row
from member_hub.db import transaction
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.idempotency import RequestKey
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import AccountStatement
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.ingest import mapping
from member_hub.ingest.parse import Parser
from member_hub.ingest.records import AccountRecord
from member_hub.ingest.words import Source
from member_hub.members.gates import MinorApproval
from member_hub.members.reading import Visible
from member_hub.members.row_gate import RowGate
from member_hub.members.tables import Channel
from member_hub.members.taggings import Tagging
from member_hub.merging.apart import keep_apart
from member_hub.privacy import DataClass, ProfileField, Purpose
from member_hub.sign_in.tables import OneTimeCode, SecondTry, Session
from member_hub.tags.tables import TagDue
from member_hub.telling.tables import NoticeTask
from member_hub.tiers.tables import TierMerge
from tests.rights.files import (
    ACTIVITY,
    APP_EVENTS,
    BROKEN_MESSAGE,
    CARDS,
    HER_APP_LATER,
    KEPT_APART,
    LATE_USER_ID,
    ORDERS,
    PHONE,
    RELATION,
    SLIP,
    UNIONID,
    USER_ID,
    WEBSITE,
    WEBSITE_MESSAGES,
    app,
    lines,
)
from tests.rights.world import CATALOGUE, NOW, PROGRAMME, REGISTER, World


async def populate(world: World, folder: Path) -> None:
    """Import everything, in several deliveries."""
    await world.deliver(Source.WEBSITE, folder, lines(*WEBSITE_MESSAGES) + BROKEN_MESSAGE)
    await world.deliver(Source.APP, folder, lines(*APP_EVENTS))
    await world.deliver(Source.APP, folder, lines(HER_APP_LATER))
    await world.deliver(Source.STORE, folder, CARDS)
    await world.deliver(Source.ORDERS, folder, ORDERS)
    await world.deliver(Source.ACTIVITY, folder, ACTIVITY)
    async with transaction(world.database.app) as tx:  # not by ingest, which would apply the lines that wait
        await world.resolver.resolve(tx, [_late_account(folder)], caused_by="a test", now=NOW)
    pair = (Channel.WEBSITE, WEBSITE), (Channel.WEBSITE, KEPT_APART)
    await keep_apart(world.database, world.resolver, *pair, reason="member_asked", said_by="a test", now=NOW)
    for account in (WEBSITE, KEPT_APART):
        await _at_the_till(world, await world.member_of(Channel.WEBSITE, account))
    await _sign_in(world)
    await decide(world)
    await _points(world)
    await _benefits(world)
    await _tag(world)


async def decide(world: World) -> None:
    """She was informed, signed a slip for messages to her phone, objects to profiling, and has a guardian; of her and
    of 何立, who was informed, too, somebody may see the data once."""
    member, other = [await world.member_of(Channel.WEBSITE, one) for one in (WEBSITE, KEPT_APART)]
    origin = await world.origin_of(Channel.WEBSITE, WEBSITE)
    served = {"served_id": uuid7(), "notice_id": uuid7(), "locale": "zh", "by_way_of": "store", "asked": []}
    about = Slot("marketing", "", "sms", world.vault.token(ClaimKind.PHONE, "", f"+86{PHONE}"))
    async with transaction(world.database.app) as tx:
        for who in (member, other):
            told = {"served_by": "S-1", "served_at": NOW, "is_by_member": False}
            await tx.execute(table_of(NoticeServed).insert(), served | told | {"member_id": who})
            approval = {"approval_id": uuid7(), "kind": "single_use", "handler": "brand", "role": "support_agent"}
            until = {"approved_by": "S-2", "approved_at": NOW, "expires_at": NOW, "member_id": who}
            await tx.execute(table_of(MinorApproval).insert(), approval | until)
        event_id = (await record(tx, world.vault, [_slip(member, origin, about)], now=NOW))[0]
        keys = await world.vault.keys_for(tx, [(origin, DataClass.CONSENT)], create=True)
        place = sealed_row(ConsentEvidence, {"event_id": event_id})
        slip = {"member_id": member, "event_id": event_id, "origin_id": origin, "kind": "signed_slip"}
        slip["reference"] = keys.seal(table_of(ConsentEvidence).c.reference, origin, SLIP, row=place)
        await tx.execute(table_of(ConsentEvidence).insert(), slip)
        objects = {
            "member_id": member,
            "objection_id": uuid7(),
            "origin_id": origin,
            "also": [],
            "scope": ["profiling"],
        }
        placed = {"actor": "member", "placed_by": "member", "placed_at": NOW}
        await tx.execute(table_of(Objection).insert(), objects | placed)
        await tx.execute(table_of(GuardianLink).insert(), _link(keys, member, origin, MemberId(uuid7())))
        await settle(tx, [member], catalogue=CATALOGUE, now=NOW)


async def is_guardian(world: World) -> MemberId:
    """何立 is taken for a child, and she for the guardian."""
    member, child = [await world.member_of(Channel.WEBSITE, one) for one in (WEBSITE, KEPT_APART)]
    origin = await world.origin_of(Channel.WEBSITE, KEPT_APART)
    async with transaction(world.database.app) as tx:
        keys = await world.vault.keys_for(tx, [(origin, DataClass.CONSENT)], create=True)
        await tx.execute(table_of(GuardianLink).insert(), _link(keys, child, origin, member))
    return child


def _slip(member: MemberId, origin: OriginId, about: Slot) -> NewEvent:
    return NewEvent(
        member_id=member,
        origin_id=origin,
        also=frozenset(),
        handler="brand",
        slot=about,
        contact_kind="phone",
        act=Act.GRANT,
        state_from=ConsentState.ASKED,
        state_to=ConsentState.GRANTED,
        actor=Actor.STAFF_ON_BEHALF,
        acted_by="S-1",
        method=Method.PAPER,
        occurred_at=NOW,
    )


def _link(keys: KeySet, child: MemberId, origin: OriginId, guardian: MemberId) -> dict[str, object]:
    link_id = uuid7()
    relation = keys.seal(
        table_of(GuardianLink).c.relation, origin, RELATION, row=sealed_row(GuardianLink, {"link_id": link_id})
    )
    known = {"member_id": child, "link_id": link_id, "origin_id": origin, "guardian_id": guardian}
    return known | {"state": "active", "proposed_by": "member", "proposed_at": NOW, "relation": relation}


async def _points(world: World) -> None:
    """She has points of an order beside those of the files, some of them on hold, more proposed, and a tier."""
    member = await world.member_of(Channel.WEBSITE, WEBSITE)
    rules = points.rules_of(PROGRAMME["points"])
    asked = points.Asked(points.Programme(world.vault, REGISTER, rules), NOW, None)
    hub = system_caller(subject="a test", purpose=Purpose.MEMBER_SERVICE, request_id=uuid7())
    bought, line = NOW - timedelta(days=30), points.Line("store", "P-1", 1)
    earning = points.Earning(points.LotKind.PURCHASE, 10_000, occurred_at=bought)
    async with transaction(world.database.app) as tx:
        await points.earn_for_order_line(tx, hub, member, asked=asked, line=line, earning=earning)
        await points.hold(tx, hub, member, asked=asked, amount=40)
        more = approving.Proposal(approving.ProposedAct.POINTS_ADJUST, points.Reason.GOODWILL.value, amount=5_000)
        await approving.propose(tx, world.vault, hub, member, more, now=NOW)
        await tiers.review(tx, tiers.Programme(tiers.rules_of(PROGRAMME["tiers"])), [member], now=NOW, caller=hub)
        merge = {"member_id": member, "merge_id": uuid7(), "kept_ids": [member], "gone_ids": [member]}
        await tx.execute(table_of(TierMerge).insert(), merge | {"kept_term": NOW, "merged_at": NOW})


async def _benefits(world: World) -> None:
    """She was given a coupon, and used it; what her birthday brings failed."""
    member = await world.member_of(Channel.WEBSITE, WEBSITE)
    parts = programme.read(resources.folder("policies") / "programme.toml")
    desk = benefits.Desk(world.vault, REGISTER, benefits.rules_of(parts["benefits"], tiers.rules_of(parts["tiers"])))
    hub = system_caller(subject="a test", purpose=Purpose.MEMBER_SERVICE, request_id=uuid7())
    key = partial(RequestKey, "a test", request=b"")
    async with transaction(world.database.app) as tx:
        asked = benefits.Asked(desk, NOW, key(key="issue"))
        await benefits.issue(tx, hub, member, asked=asked, code="goodwill_coupon", reason=IssueReason.GOODWILL)
        asked = benefits.Asked(desk, NOW, key(key="use"))
        await benefits.use(tx, hub, member, asked=asked, said=benefits.Using("goodwill_coupon", store="SH001"))
        again = {"member_id": member, "source": "birthday", "month": NOW.date().replace(day=1)}
        await tx.execute(table_of(BenefitAgain).insert(), again)


async def _tag(world: World) -> None:
    """Somebody gave her a tag, and others are due; what the hub gave her went when she objected to profiling."""
    member, origin = await world.member_of(Channel.WEBSITE, WEBSITE), await world.origin_of(Channel.WEBSITE, WEBSITE)
    row = {"member_id": member, "tag": "do_not_contact", "given_id": uuid7(), "handler": "brand", "how": "hand"}
    row |= {"origins": [origin], "since": NOW, "given_by": "corp:E0001", "version": 1}
    row |= {"is_profiling": False, "restricted_by": 0}
    async with transaction(world.database.app) as tx:
        await tx.execute(table_of(Tagging).insert(), row)
        await tx.execute(table_of(TagDue).insert(), {"member_id": member, "due_at": NOW})


async def _at_the_till(world: World, member_id: MemberId) -> None:
    """A member code is shown, and somebody may see the phone."""
    async with transaction(world.database.app) as tx:
        gate = RowGate(Purpose.MEMBER_SERVICE, "", None, 0, None, frozenset(), "", needs_consent=False, at=NOW)
        visible = Visible(RowScope.SELF, frozenset(), None, member_id, NOW, gate)
        await till.issue(tx, world.vault, visible, member_id)
        await approve_a_reveal(tx, member_id)


async def approve_a_reveal(tx: Tx, member_id: MemberId) -> None:
    """A manager lets a colleague see the phone."""
    hub = system_caller(subject="S-1", purpose=Purpose.MEMBER_SERVICE, request_id=uuid7())
    manager = replace(hub, kind=CallerKind.STAFF)
    await revealing.approve(tx, manager, member_id, field=ProfileField.PHONE, granted_to="S-2", now=NOW)


async def _sign_in(world: World) -> None:
    """A code was sent to her phone, she signed in, and there is something that she has to be told."""
    member = await world.member_of(Channel.WEBSITE, WEBSITE)
    token = world.vault.token(ClaimKind.PHONE, "", f"+86{PHONE}")
    code = {"code_id": uuid7(), "phone_token": token, "address_token": b"a", "purpose": "sign_in", "code_digest": b"d"}
    session = {"session_id": uuid7(), "member_id": member, "started_at": NOW, "expires_at": NOW}
    task = {"task_id": uuid7(), "member_id": member, "kind": "phone_released", "created_at": NOW}
    async with transaction(world.database.app) as tx:
        await tx.execute(table_of(OneTimeCode).insert(), code | {"created_at": NOW, "expires_at": NOW})
        await tx.execute(table_of(SecondTry).insert(), {"try_id": uuid7(), "phone_token": token, "tried_at": NOW})
        await tx.execute(table_of(Session).insert(), session)
        await tx.execute(table_of(NoticeTask).insert(), task)


async def keep_apart_from_her_app(world: World) -> None:
    """Somebody says that her account in the app is not hers: the member is split."""
    pair = (Channel.WEBSITE, WEBSITE), (Channel.APP, USER_ID)
    await keep_apart(world.database, world.resolver, *pair, reason="different_people", said_by="a test", now=NOW)


def _late_account(folder: Path) -> AccountStatement:
    """What an event says about her second app account, known to be hers by the unionid."""
    path = folder / "late.jsonl"
    event = app(LATE_USER_ID, "2026-09-05", openid="oXguxiaolan0000000000000002", unionid=UNIONID)
    path.write_text(lines(event | {"appid": "wx_mini_2"}), "utf-8")
    (record,) = Parser(mapping.load(Source.APP), REGISTER, now=NOW).open(path).records()
    assert isinstance(record, AccountRecord)
    return record.statement
