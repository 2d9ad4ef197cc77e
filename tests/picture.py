"""All that a hub holds about people, in terms of their accounts' own numbers and of values in clear.

Two hubs with other ids and other keys can be compared by it: told the same things, they have to be equal.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from member_hub.consent.tables import ConsentLine
from member_hub.crypto import KeySet, Vault, sealed_row
from member_hub.db import Database, snapshot
from member_hub.db.bulk import table_of
from member_hub.identity.tables import IdentityClaim, IdentityHint, IdentityToken, ReviewCandidate
from member_hub.members.actions import SEALED_FIELDS
from member_hub.members.tables import Channel, ChannelAccount, Member, MemberStore, ProfileValue
from member_hub.orders.tables import Activity, OrderLine, WaitingLine
from member_hub.points.tables import PointsAccount, PointsLot
from member_hub.privacy import DataClass
from member_hub.tiers.tables import GrowthEntry

account_t, member_t, value_t, store_t = (table_of(m) for m in (ChannelAccount, Member, ProfileValue, MemberStore))
claim_t, hint_t, token_t = (table_of(m) for m in (IdentityClaim, IdentityHint, IdentityToken))
candidate_t, consent_t = (table_of(m) for m in (ReviewCandidate, ConsentLine))
order_t, activity_t, waiting_t = (table_of(m) for m in (OrderLine, Activity, WaitingLine))
lot_t, points_t, growth_t = (table_of(m) for m in (PointsLot, PointsAccount, GrowthEntry))

Account = tuple[str, str, str]  # channel, namespace, number
Person = frozenset[Account]


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that a hub holds about people, without an id or a key of its own."""

    people: frozenset[Person]
    profiles: Mapping[Person, Mapping[str, object]]
    candidates: frozenset[tuple[frozenset[Account], str, int]]
    found: Mapping[tuple[str, str, str], Person]  # by which (kind, namespace, value) who is found
    claims: frozenset[tuple[object, ...]]
    values: frozenset[tuple[object, ...]]
    accounts: Mapping[Account, tuple[object, ...]]
    consents: Counter[tuple[Account, str]]
    orders: frozenset[tuple[object, ...]]
    activity: Mapping[tuple[object, ...], int]
    stores: frozenset[tuple[object, ...]]
    waiting: frozenset[tuple[str, str]]
    points: Mapping[Person, tuple[int, ...]]  # active, pending, held, debt
    lots: Counter[tuple[object, ...]]
    growth: Counter[tuple[object, ...]]
    uncounted: frozenset[tuple[object, ...]]

    def person(self, channel: Channel, number: str) -> Person:
        """Everybody's accounts of whom this is one."""
        return next(person for person in self.people if any((c, n) == (channel, number) for c, _, n in person))

    def numbers(self) -> set[frozenset[str]]:
        return {frozenset(number for _, _, number in person) for person in self.people}

    def profile(self, channel: Channel, number: str) -> Mapping[str, object]:
        return self.profiles[self.person(channel, number)]


async def picture_of(database: Database, vault: Vault) -> Picture:
    """The picture as of one moment. Everything has to open, and every row to stand where it belongs."""
    async with snapshot(database.app) as tx:
        rows = {t.fullname: (await tx.execute(select(t))).all() for t in _PICTURED}
        keys = await vault.keys_for(tx, _subjects(rows))
    return _Painter(rows, keys).picture()


_PICTURED = (
    account_t, member_t, value_t, store_t, claim_t, hint_t, token_t, candidate_t, consent_t, order_t, activity_t,
    waiting_t, lot_t, points_t, growth_t,
)  # fmt: skip
Rows = Mapping[str, Sequence[Row[Any]]]


def _subjects(rows: Rows) -> set[tuple[Any, DataClass]]:
    classes = list(DataClass)
    subjects = {row.origin_id for row in rows["hub.channel_account"]} | {row.member_id for row in rows["hub.member"]}
    subjects |= {row.subject_id for row in rows["hub.waiting_line"]}
    return {(subject, each) for subject in subjects for each in classes}


class _Painter:
    """Rows of the database in terms of accounts and plain values; everything must open."""

    def __init__(self, rows: Rows, keys: KeySet) -> None:
        self.rows, self.keys = rows, keys
        self.names: dict[object, Account] = {
            row.origin_id: (
                row.channel,
                row.namespace,
                keys.open(account_t.c.account, row.origin_id, row.account),
            )
            for row in rows["hub.channel_account"]
        }
        of: dict[object, set[Account]] = {}
        for row in rows["hub.channel_account"]:
            of.setdefault(row.member_id, set()).add(self.names[row.origin_id])
        self.people = {member: frozenset(accounts) for member, accounts in of.items()}
        self.filed = {row.origin_id: row.filed_under for row in rows["hub.channel_account"]}

    def picture(self) -> Picture:
        return Picture(
            people=frozenset(self.people.values()),
            profiles={self.people[row.member_id]: self._profile(row) for row in self._living()},
            candidates=frozenset(
                (frozenset((self.names[row.origin_a], self.names[row.origin_b])), row.reason, row.weight_bp)
                for row in self.rows["hub.review_candidate"]
            ),
            found=self._found(),
            claims=frozenset(self._claim(row) for row in self.rows["hub.identity_claim"]),
            values=frozenset(self._value(row) for row in self.rows["hub.profile_value"]),
            accounts={self.names[row.origin_id]: self._account(row) for row in self.rows["hub.channel_account"]},
            consents=Counter(self._consent(row) for row in self.rows["hub.consent_line"]),
            orders=frozenset(self._order(row) for row in self.rows["hub.order_line"]),
            activity={self._day(row): row.count for row in self.rows["hub.activity"]},
            stores=frozenset(
                (self.names[row.origin_id], row.store, row.purchased_at, self.people[row.member_id])
                for row in self.rows["hub.member_store"]
            ),
            waiting=frozenset(self._waiting(row) for row in self.rows["hub.waiting_line"]),
            points={
                self.people[row.member_id]: (row.active, row.pending, row.held, row.debt)
                for row in self.rows["hub.points_account"]
                if row.state == "open" and any((row.active, row.pending, row.held, row.debt))
            },
            lots=Counter(self._lot(row) for row in self.rows["hub.points_lot"] if row.state != "moved"),
            growth=Counter(self._grown()),
            uncounted=frozenset(
                (row.channel, row.order_no, row.line_no)
                for row in self.rows["hub.order_line"]
                if row.counted_at is None
            ),
        )

    def _living(self) -> list[Row[Any]]:
        living = [row for row in self.rows["hub.member"] if row.status == "active"]
        assert {row.member_id for row in living} == self.people.keys(), "a member without accounts, or the reverse"
        return living

    def _profile(self, row: Row[Any]) -> dict[str, object]:
        sealed = {field: getattr(row, field) for field in SEALED_FIELDS}
        opened = {
            str(field): None if value is None else self.keys.open(member_t.c[field], row.member_id, value)
            for field, value in sealed.items()
        }
        return opened | {
            "gender": row.gender,
            "home_store": row.home_store,
            "joined_at": row.joined_at,
            "channels": row.channels,
        }

    def _found(self) -> dict[tuple[str, str, str], Person]:
        stated = {row.claim_id: row for row in self.rows["hub.identity_claim"]}
        plain = {(row.kind, row.token): self._plain(stated[row.claim_id]) for row in self.rows["vault.identity_hint"]}
        found = {}
        for row in self.rows["vault.identity_token"]:
            assert self.names[row.origin_id] in self.people[row.member_id], "a token points past its account's member"
            found[plain[row.kind, row.token]] = self.people[row.member_id]
        return found

    def _plain(self, row: Row[Any]) -> tuple[str, str, str]:
        place = sealed_row(IdentityClaim, {"claim_id": row.claim_id})
        return (row.kind, row.namespace, self.keys.open(claim_t.c.value, row.origin_id, row.value, row=place))

    def _claim(self, row: Row[Any]) -> tuple[object, ...]:
        assert self.names[row.origin_id] in self.people[row.member_id]
        times = (row.verified_at, row.stated_from, row.stated_to)
        return (self.names[row.origin_id], *self._plain(row), row.status, *times)

    def _value(self, row: Row[Any]) -> tuple[object, ...]:
        assert self.names[row.origin_id] in self.people[row.member_id]
        place = sealed_row(ProfileValue, {"field": row.field, "value_digest": row.value_digest})
        plain = self.keys.open(value_t.c.value, row.origin_id, row.value, row=place)
        return (self.names[row.origin_id], row.field, plain, row.strength, row.first_stated_at, row.stated_at)

    def _account(self, row: Row[Any]) -> tuple[object, ...]:
        sealed = row.opening
        opening = None if sealed is None else self.keys.open(account_t.c.opening, row.origin_id, sealed)
        return (row.handler, row.home_store, row.first_seen_at, row.last_seen_at, opening)

    def _consent(self, row: Row[Any]) -> tuple[Account, str]:
        assert self.names[row.origin_id] in self.people[row.member_id]
        place = sealed_row(ConsentLine, {"line_digest": row.line_digest})
        said = self.keys.open(consent_t.c.statement, row.origin_id, row.statement, row=place)
        return (self.names[row.origin_id], said)

    def _order(self, row: Row[Any]) -> tuple[object, ...]:
        assert row.member_id == self.filed[row.origin_id], "filed under another id than its account's"
        line = (row.channel, row.order_no, row.line_no, row.store, row.amount_fen, row.ordered_at, row.status)
        return (self.names[row.origin_id], *line, row.refund_of_order, row.refund_of_line)

    def _day(self, row: Row[Any]) -> tuple[object, ...]:
        assert row.member_id == self.filed[row.origin_id], "filed under another id than its account's"
        return (self.names[row.origin_id], row.day, row.kind)

    def _lot(self, row: Row[Any]) -> tuple[object, ...]:
        parts = (row.earned, row.remaining, row.held, row.spent, row.expired, row.reversed)
        if row.remaining:
            assert self.names[row.origin_id] in self.people[row.member_id], "a lot in another member's account"
        times = (
            (row.earned_at, row.activates_at) if row.kind == "purchase" else ()
        )  # an opening is counted when it comes
        return (self.names[row.origin_id], row.kind, row.state, *parts, *times, row.expires_at)

    def _grown(self) -> dict[tuple[object, ...], int]:
        """By account, source and time; several entries of one day of activity are one."""
        total: dict[tuple[object, ...], int] = {}
        for row in self.rows["hub.growth_entry"]:
            assert row.member_id == self.filed[row.origin_id], "filed under another id than its account's"
            key = (self.names[row.origin_id], row.source, row.occurred_at)
            total[key] = total.get(key, 0) + row.amount
        return {key: amount for key, amount in total.items() if amount}

    def _waiting(self, row: Row[Any]) -> tuple[str, str]:
        place = sealed_row(WaitingLine, {"message_key": row.message_key})
        return (row.source, self.keys.open(waiting_t.c.payload, row.subject_id, row.payload, row=place))


def differing(one: Picture, other: Picture) -> dict[str, tuple[object, object]]:
    """In what two pictures differ, for a failing assertion to show."""
    found: dict[str, tuple[object, object]] = {}
    for name in Picture.__slots__:
        a, b = getattr(one, name), getattr(other, name)
        if a != b:
            first, second = (set(x.items()) if isinstance(x, Mapping) and name != "profiles" else x for x in (a, b))
            if isinstance(first, (set, frozenset)) and isinstance(second, (set, frozenset)):
                first, second = first - second, second - first
            elif name == "profiles":
                first = {k: v for k, v in a.items() if b.get(k) != v}
                second = {k: v for k, v in b.items() if a.get(k) != v}
            found[name] = (first, second)
    return found
