"""Keeping the consent lines of channel files, and making events of those that are ready, as a part of an import.

A line is stored with `applied_at` in the transaction that makes its event; without, it waits for its text to be
published (replaying.py). All of it is set-wise: a batch of 500 accounts costs a handful of statements.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from member_hub.consent.catalogue import Catalogue
from member_hub.consent.history.reading import events_of_accounts
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.replay.lines import FileNotice, Notices, Reading, Teller, canonical, events_of, is_ready
from member_hub.consent.tables import ConsentLine, Notice
from member_hub.crypto import KeySet, Vault, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, table_of, values_of
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import StatedConsent
from member_hub.identity.states import AccountState
from member_hub.ids import MemberId, OriginId
from member_hub.members.age import last_day_as_child
from member_hub.privacy import DataClass, ProfileField

line_t = table_of(ConsentLine)
notice_t = table_of(Notice)

COLUMNS: Final = ("member_id", "origin_id", "line_digest", "statement", "said_at", "applied_at")
_GIVEN = values_of([line_t.c[name] for name in COLUMNS])
_STORE = (
    insert(line_t)
    .from_select(list(COLUMNS), select(*(_GIVEN.c[name] for name in COLUMNS)))
    .on_conflict_do_nothing()
    .returning(line_t.c.origin_id, line_t.c.line_digest)
)


@dataclass(frozen=True, slots=True)
class Filed:
    """What lines came to: whose decisions changed, and the words for the audit entry."""

    members: frozenset[MemberId] = frozenset()
    words: frozenset[str] = frozenset()


NOTHING_FILED: Final = Filed()


async def file_lines(
    tx: Tx,
    vault: Vault,
    keys: KeySet,
    states: Collection[AccountState],
    catalogue: Catalogue,
    *,
    stored: Collection[OriginId],
    now: datetime,
) -> Filed:
    """Store the new lines of these accounts, and record those that are ready; the same line again is the same line.

    The caller holds the members locked, and settles those that are answered. `stored`: the accounts that were known
    before, of which there may be a history.
    """
    telling = [state for state in states if state.consents]
    if not telling:
        return NOTHING_FILED
    notices = await notices_of(tx, {(state.handler, said.notice) for state in telling for said in state.consents})
    fresh = await _store(tx, keys, telling, notices, now)
    history = await events_of_accounts(tx, fresh.keys() & set(stored))
    reading = Reading(notices, catalogue, now)
    born = _birthdays(states)
    events = [
        event
        for state in telling
        for event in events_of(
            _teller(state, born.get(state.member_id, ())),
            fresh.get(state.origin_id, ()),
            history.get(state.origin_id, ()),
            reading,
        )
    ]
    await record(tx, vault, events, now=now)
    return filed(events)


async def _store(
    tx: Tx, keys: KeySet, states: Iterable[AccountState], notices: Notices, now: datetime
) -> dict[OriginId, list[StatedConsent]]:
    """Enter the lines; answers, by account, those that are new and ready."""
    ready: dict[tuple[OriginId, bytes], StatedConsent] = {}
    rows: dict[tuple[OriginId, bytes], tuple[object, ...]] = {}
    for state in states:
        for said in state.consents:
            text = canonical(said)
            digest = keys.digest(state.origin_id, DataClass.CONSENT, text)
            key = (state.origin_id, digest)
            place = sealed_row(ConsentLine, {"line_digest": digest})
            sealed = keys.seal(line_t.c.statement, state.origin_id, text, row=place)
            is_now = is_ready(said, state.handler, notices)
            rows[key] = (state.member_id, *key, sealed, said.at, now if is_now else None)
            if is_now:
                ready[key] = said
    stored = await tx.execute(_STORE, parameters(COLUMNS, list(rows.values())))
    fresh: dict[OriginId, list[StatedConsent]] = {}
    for origin, digest in stored:
        if (line := ready.get((OriginId(origin), bytes(digest)))) is not None:
            fresh.setdefault(OriginId(origin), []).append(line)
    return fresh


def _birthdays(states: Iterable[AccountState]) -> dict[MemberId | None, list[date]]:
    """By member, for each of their accounts may tell."""
    found: dict[MemberId | None, list[date]] = {}
    for state in states:
        for value in state.values.values():
            if value.field is ProfileField.BIRTHDAY:
                found.setdefault(state.member_id, []).append(date.fromisoformat(value.plain))
    return found


def _teller(state: AccountState, birthdays: Iterable[date]) -> Teller:
    assert state.member_id is not None
    phones = [(claim.stated_from, claim.token) for claim in state.claims.values() if claim.kind is ClaimKind.PHONE]
    return Teller(state.member_id, state.origin_id, state.handler, phones, last_day_as_child(birthdays))


def filed(events: Iterable[NewEvent]) -> Filed:
    happened = list(events)
    return Filed(frozenset(event.member_id for event in happened), frozenset(map(_word, happened)))


def _word(event: NewEvent) -> str:
    """As the machine's audit words are spelled: consent.granted:marketing.sms."""
    return f"consent.{event.state_to.value}:{'.'.join(filter(None, (event.slot.purpose, event.slot.channel)))}"


async def notices_of(tx: Tx, named: Collection[tuple[str, str]]) -> dict[tuple[str, str], FileNotice]:
    if not named:
        return {}
    columns = (notice_t.c.handler, notice_t.c.name, notice_t.c.notice_id, notice_t.c.effective_at, notice_t.c.purposes)
    statement = select(*columns).where(
        among(notice_t.c.handler, {handler for handler, _ in named}),
        among(notice_t.c.name, {name for _, name in named}),
    )
    return {
        (row.handler, row.name): FileNotice(row.notice_id, row.effective_at, row.purposes)
        for row in await tx.execute(statement)
    }
