"""Scenario S6 as a whole: a member withdraws from marketing, and everything else goes on (PIPL 15, 16, 47)."""

from sqlalchemy import select

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.members.tables import Channel, ProfileValue
from tests.graphql.agreeing import Consents
from tests.graphql.sending import reasons
from tests.graphql.test_collected_for import BIRTHDAY
from tests.graphql.test_forgetting import copies, opening, shown
from tests.graphql.test_update import read, update
from tests.graphql.world import said
from tests.sign_in_codes.desk import E164, Front

value_t = table_of(ProfileValue)
LOOK_UP = "query ($by: MemberKey!) { member(by: $by) { phone { value } birthday { state } } }"
HISTORY = "{ me { id birthday { state } } accessHistory(first: 20) { edges { node { kinds purpose } } } }"


async def test_withdrawing_takes_what_it_justified_and_the_service_goes_on(front: Front) -> None:
    """The phone is the contract's and marketing's; the birthday was given for marketing alone."""
    (member,) = await front.resolve(said(Channel.WEBSITE, "W1", phone=E164, phone_verified=True, name="王小明"))
    consents = await Consents.of(front)
    sms = consents.slot("sms", E164)
    await consents.agrees(member, sms)
    assert (await update(front, "app_crm", member, BIRTHDAY))[1] == []
    assert await reasons(front, member) == ["ALLOWED"]
    older = await copies(front, member)

    await consents.withdraws(member, sms)

    # The birthday is nowhere: not shown, not in the provenance, in no row, and no older copy of one opens.
    assert await shown(front, member) == (0, "ABSENT")
    async with transaction(front.hub.database.app) as tx:
        assert set(await tx.scalars(select(value_t.c.field).where(value_t.c.member_id == member))) == {"name"}
    assert "birthday" not in await opening(front, older)
    # Marketing reaches nobody; the service reaches the member at the number that it has all the time.
    assert await reasons(front, member) == ["WITHDRAWN"]
    assert await reasons(front, member, purpose="MEMBER_SERVICE") == ["ALLOWED"]
    assert (await read(front, member))["phone"] == {"value": E164}
    found = await front.ask("app_crm", LOOK_UP, variables={"by": {"phone": E164}})
    assert found == {"member": {"phone": {"value": E164}, "birthday": {"state": "ABSENT"}}}
    # Past sends are not undone: that they were authorised stays on record, and the member signs in and reads it.
    session = await front.session()
    seen = (await front.me(session["accessToken"], HISTORY)).json()["data"]
    assert seen["me"]["birthday"] == {"state": "ABSENT"}
    looks = [(edge["node"]["kinds"], edge["node"]["purpose"]) for edge in seen["accessHistory"]["edges"]]
    assert looks.count((["CONTACT"], "MARKETING")) == 2
    sends = [row for row in await front.audited() if row.operation == "authoriseSend" and row.purpose == "marketing"]
    assert [row.fields for row in sends] == [
        ["asked:1", "member.phone:CLEAR", "over:sms", "refused:0", "send:marketing"],
        ["asked:1", "over:sms", "refused:1", "send:marketing"],
    ]
