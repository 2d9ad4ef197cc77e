"""Events are chained per member, and carry no contact point."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import ProgrammingError

from member_hub.consent.history.heads import FIRST_PREVIOUS
from member_hub.consent.history.recording import verify
from member_hub.consent.history.standing import Slot
from member_hub.consent.tables import ConsentEvent
from member_hub.consent.words import Act, ConsentState
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId, OriginId
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from tests.consent.deciding import happen, said
from tests.hub import NOW, Hub, website

S = ConsentState


async def someone(hub: Hub, account: str = "W1") -> tuple[MemberId, OriginId]:
    await hub.deliver(Source.WEBSITE, website(account, "2025-01-01", birthday="1990-01-01"))
    return await hub.member_of(Channel.WEBSITE, account), await hub.origin_of(Channel.WEBSITE, account)


async def test_events_of_a_member_form_a_chain_over_several_transactions(hub: Hub) -> None:
    one, other = await someone(hub), await someone(hub, "W2")
    first = said(*one, Act.GRANT, S.GRANTED)
    await happen(
        hub, first, said(*other, Act.REFUSE, S.REFUSED), replace(first, act=Act.WITHDRAW, state_to=S.WITHDRAWN)
    )
    await happen(hub, replace(first, also=frozenset({other[1]})), replace(first, also=None))

    rows = sorted(await hub.rows("hub.consent_event"), key=lambda row: (row.member_id, row.sequence))
    mine = [row for row in rows if row.member_id == one[0]]
    assert [row.sequence for row in mine] == [1, 2, 3, 4]
    assert mine[0].previous == FIRST_PREVIOUS
    assert [row.previous for row in mine[1:]] == [row.hash for row in mine[:-1]]
    assert [row.also for row in mine] == [[], [], [other[1]], None]
    assert verify([row._mapping for row in rows]) is None


@pytest.mark.parametrize(
    ("column", "value"), [("state_to", "granted"), ("occurred_at", NOW + timedelta(seconds=1)), ("sequence", 7)]
)
async def test_whatever_is_changed_or_left_out_breaks_the_chain(hub: Hub, column: str, value: object) -> None:
    one = await someone(hub)
    event = said(*one, Act.REFUSE, S.REFUSED)
    await happen(hub, event, event, event)

    rows = [dict(row._mapping) for row in sorted(await hub.rows("hub.consent_event"), key=lambda row: row.sequence)]
    assert verify([rows[0], rows[1] | {column: value}, rows[2]]) == rows[1]["event_id"]
    assert verify([rows[0], rows[2]]) == rows[2]["event_id"]
    assert verify(rows[1:]) == rows[1]["event_id"]


async def test_the_contact_point_stands_beside_the_event_and_not_in_it(hub: Hub) -> None:
    one = await someone(hub)
    phone = hub.vault.token("phone", "", "+8613912345678")
    about = Slot("marketing", "", "sms", phone)
    (event_id,) = await happen(hub, said(*one, Act.GRANT, S.GRANTED, slot=about, contact_kind="phone"))

    (event,), (contact,) = await hub.rows("hub.consent_event"), await hub.rows("vault.consent_contact")
    assert event.has_contact
    assert phone not in [value for value in event if isinstance(value, bytes)]
    assert (contact.event_id, contact.member_id, contact.origin_id) == (event_id, *one)
    assert (contact.kind, contact.version, contact.token) == ("phone", 1, phone)


async def test_the_app_may_neither_change_nor_remove_an_event(hub: Hub) -> None:
    await happen(hub, said(*await someone(hub), Act.REFUSE, S.REFUSED))
    event_t = table_of(ConsentEvent)
    before = await hub.rows("hub.consent_event")

    for statement in (update(event_t).values(state_to="granted"), delete(event_t)):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with transaction(hub.database.app) as tx:
                await tx.execute(statement)

    assert await hub.rows("hub.consent_event") == before
