"""Writing the difference between what is stored and what the partition says."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from member_hub import telling
from member_hub.clock import business_day
from member_hub.consent.history.reading import Decisions
from member_hub.consent.history.settling import settle
from member_hub.consent.history.timers import Turn, record_turns, ticked_as_a_child
from member_hub.consent.replay.filing import NOTHING_FILED, Filed, file_lines
from member_hub.crypto import KeySet, Vault
from member_hub.db.base import Tx
from member_hub.identity import actions as claims
from member_hub.identity.facts import chosen_values, consented_fields, holds
from member_hub.identity.queries import Token
from member_hub.identity.rules import Partition
from member_hub.identity.statements import own_kind
from member_hub.identity.states import AccountState
from member_hub.ids import MemberId, OriginId
from member_hub.members import actions as members
from member_hub.members.actions import Golden
from member_hub.members.queries import StoredMember
from member_hub.members.tables import AgeBand
from member_hub.merging.actions import Change, merge, split
from member_hub.merging.ageing import Ageing, states_birthday
from member_hub.merging.gathering import Work
from member_hub.merging.rules import Plan
from member_hub.privacy import DataClass, ProfileField
from member_hub.telling import Kind, ToTell

Need = tuple[UUID, DataClass]
GOLDEN_CLASSES = (DataClass.CONTACT, DataClass.PROFILE)


async def apply(change: Change, work: Work, agreed: Partition, plan: Plan) -> tuple[int, Filed]:
    """Carry out the plan and store every changed row; returns the number of new review candidates, and what the
    consent lines came to."""
    known = {origin for origin, account in work.accounts.items() if not account.is_new}
    await _reshape(change, work, plan)
    tx, vault, now = change.tx, change.vault, change.now
    ageing = Ageing(business_day(now), change.catalogue.numbers)
    golden = [golden_of(one, its, ageing, _bands(work, plan, one)) for one, its in _by_member(work, plan).items()]
    made, changed = _to_write(work, golden)
    keys = await vault.keys_for(tx, set(_needs(work, [*made, *changed])), create=True)
    await members.insert_members(tx, keys, made, now=now)
    await members.update_members(tx, keys, [(one, _version(work, one) + 1) for one in changed], now=now)
    await _write_accounts(tx, vault, keys, work, plan)
    filed = await file_lines(tx, vault, keys, work.accounts.values(), change.catalogue, stored=known, now=now)
    await claims.point_tokens(tx, vault, work.accounts, _holders(work, agreed, plan))
    await _renew_keys(tx, vault, work, plan, changed)
    found = await claims.write_candidates(tx, work.accounts, agreed.candidates, now=now)
    found += await claims.note_live(tx, work.accounts.values(), now=now)
    touched = _to_settle(work, plan, changed, filed)
    children = {one.member_id for one in golden if one.age_band is AgeBand.CHILD}
    looked_at = _to_settle(work, plan, changed, NOTHING_FILED) | (touched & children)  # a line looks at its own date
    invalid = await _invalidate_ticks(change, work, plan, looked_at, ageing)
    await settle(tx, touched, catalogue=change.catalogue, now=now)
    await _notify(change, work, plan)
    return found, Filed(filed.members | invalid.members, filed.words | invalid.words)


async def _invalidate_ticks(
    change: Change, work: Work, plan: Plan, touched: Collection[MemberId], ageing: Ageing
) -> Filed:
    """Put on record that what members ticked alone while under 14 is no consent, where that shows only now."""
    if not touched:
        return NOTHING_FILED
    by_member = {member: its for member, its in _by_member(work, plan).items() if member in touched}
    days = {
        account.origin_id: day
        for its in by_member.values()
        if (day := ageing.last_day_as_child(its)) is not None
        for account in its
    }

    def turns(mine: Decisions) -> Sequence[Turn]:
        return ticked_as_a_child(mine, max((days[one] for one in mine.origins if one in days), default=None))

    words, _ = await record_turns(change.tx, change.vault, touched, turns, now=change.now)
    return Filed(frozenset(touched) if words else frozenset(), words)


async def _reshape(change: Change, work: Work, plan: Plan) -> None:
    """Splits first, then merges; afterwards the rows of every known account stand under its member."""
    for wanted in plan.splits:
        oldest = min((work.accounts[o] for o in wanted.origins), key=lambda account: account.first_seen_at)
        await split(change, wanted, handler=oldest.handler, joined_at=oldest.first_seen_at)
        for origin in wanted.origins:
            work.accounts[origin].member_id = wanted.back
    for merging in plan.merges:
        moved = [origin for origin, account in work.accounts.items() if account.member_id == merging.gone]
        await merge(change, merging, moved)


def _by_member(work: Work, plan: Plan) -> dict[MemberId, list[AccountState]]:
    grouped: dict[MemberId, list[AccountState]] = {}
    for origin, member in plan.targets.items():
        grouped.setdefault(member, []).append(work.accounts[origin])
    return grouped


def golden_of(
    member_id: MemberId, accounts: Sequence[AccountState], ageing: Ageing, bands: Collection[AgeBand]
) -> Golden:
    """What survivorship makes of a member's accounts; joined with the first, at home in the newest card's store."""
    eldest = min(accounts, key=lambda a: (a.first_seen_at, a.account_token))
    homes = [(a.last_seen_at, a.first_seen_at, a.home_store) for a in accounts if a.home_store]
    channels = 0
    for account in accounts:
        channels |= account.channel.bit
    values = chosen_values(accounts)
    return Golden(
        member_id,
        eldest.handler,
        eldest.first_seen_at,
        max(homes)[2] if homes else None,
        channels,
        ageing.band(accounts, bands),
        values,
        consented_fields(accounts, values),
    )


def _bands(work: Work, plan: Plan, member_id: MemberId) -> list[AgeBand]:
    """As what the member, those who become one with it and those it comes from were taken until now.

    What the dates of accounts that part with it explain goes with them.
    """
    ids = {member_id, *(merging.gone for merging in plan.merges if merging.kept == member_id)}
    for parting in plan.splits:
        theirs = [work.accounts[origin] for origin in parting.origins]
        others = [account for origin, account in work.accounts.items() if plan.targets[origin] == parting.kept]
        if parting.back == member_id and not parting.is_revived and not states_birthday(others):
            ids.add(parting.kept)
        if parting.kept == member_id and states_birthday(theirs):
            ids.discard(member_id)
    return [stored.age_band for one in ids if (stored := work.members.get(one)) is not None]


def _to_settle(work: Work, plan: Plan, changed: Sequence[Golden], filed: Filed) -> set[MemberId]:
    """Whose decisions may stand elsewhere now: those that somebody told of, merged, split or of another age."""
    touched = set(filed.members) | {merging.kept for merging in plan.merges}
    touched |= {member for split in plan.splits for member in (split.kept, split.back)}
    for one in changed:
        stored = work.members.get(one.member_id)
        if stored is not None and stored.age_band is not one.age_band:
            touched.add(one.member_id)
    return touched & set(plan.targets.values())


async def _notify(change: Change, work: Work, plan: Plan) -> None:
    """The one place where resolution has members told of something (C10); marketing waits for the notice (settle)."""
    backs = {split.back for split in plan.splits}
    united = {merging.kept for merging in plan.merges if merging.gone not in backs}
    rows = [ToTell(one, Kind.IDENTITIES_UNITED) for one in sorted(united)]
    if work.is_delivery:
        rows += [ToTell(one, Kind.PRIVACY_NOTICE) for one in sorted(plan.made)]
    if rows:
        await telling.ask(change.tx, rows, change.now)


def _to_write(work: Work, golden: Sequence[Golden]) -> tuple[list[Golden], list[Golden]]:
    """The members to be made, and those whose profile is another one now."""
    standing = {account.member_id for account in work.accounts.values()}  # a split has made its row already
    made = [one for one in golden if one.member_id not in standing]
    known = [one for one in golden if one.member_id in standing]
    return made, [one for one in known if _differs(work.members.get(one.member_id), one)]


def _needs(work: Work, golden: Iterable[Golden]) -> Iterable[Need]:
    """The keys under which something is sealed or digested now."""
    for account in work.accounts.values():
        if account.is_new or any(claim.is_new for claim in account.claims.values()):
            yield account.origin_id, DataClass.IDENTIFIER
        if any(value.is_new for value in account.values.values()):
            yield account.origin_id, DataClass.CONTACT
        if account.consents:
            yield account.origin_id, DataClass.CONSENT
        if account.is_opening_changed:
            yield account.origin_id, DataClass.COMMERCE
    for one in golden:
        for field in one.values.keys() - {ProfileField.GENDER}:
            yield one.member_id, class_of(field)


def class_of(field: ProfileField) -> DataClass:
    return DataClass.PROFILE if field is ProfileField.BIRTHDAY else DataClass.CONTACT


def _version(work: Work, golden: Golden) -> int:
    stored = work.members.get(golden.member_id)
    return stored.version if stored else 1


def _differs(stored: StoredMember | None, golden: Golden) -> bool:
    if stored is None:
        return True
    now = (*_row(golden), dict(golden.values))
    return now != (*_row(stored), dict(stored.values))


def _row(one: StoredMember | Golden) -> tuple[object, ...]:
    return (one.joined_at, one.home_store, one.channels, one.age_band, one.consented_fields)


async def _write_accounts(tx: Tx, vault: Vault, keys: KeySet, work: Work, plan: Plan) -> None:
    fresh = [account for account in work.accounts.values() if account.is_new]
    known = [account for account in work.accounts.values() if not account.is_new]
    for origin, account in work.accounts.items():
        account.member_id = plan.targets[origin]
        account.filed_under = account.filed_under or account.member_id
    await claims.insert_accounts(tx, keys, fresh)
    await claims.update_accounts(tx, keys, known)
    await claims.write_claims(tx, keys, vault, work.accounts.values())
    await claims.write_values(tx, keys, work.accounts.values())


def _holders(work: Work, agreed: Partition, plan: Plan) -> Mapping[Token, tuple[MemberId, OriginId]]:
    """Every value that finds exactly one member: the accounts themselves, and what the partition says is held."""
    held = {(kind, token): origin for (kind, _, token), origin in agreed.holders.items()}
    held |= {(own_kind(a.channel), a.account_token): o for o, a in work.accounts.items()}
    return {token: (plan.targets[origin], origin) for token, origin in held.items()}


async def _renew_keys(tx: Tx, vault: Vault, work: Work, plan: Plan, changed: Sequence[Golden]) -> None:
    """Something left these: what remains gets a new key and the old one is destroyed (DESIGN 6)."""
    left: set[Need] = {(split.kept, data_class) for split in plan.splits for data_class in GOLDEN_CLASSES}
    left |= {(one.member_id, data_class) for one in changed for data_class in _given_up(work, plan, one)}
    left |= {(origin, DataClass.CONTACT) for origin in await claims.forget_values(tx, work.accounts.values())}
    left |= {(origin, DataClass.IDENTIFIER) for origin in await claims.forget_claims(tx, work.accounts.values())}
    for subject, data_class in sorted(left):
        await vault.rekey(tx, subject, data_class)


def _given_up(work: Work, plan: Plan, golden: Golden) -> Iterable[DataClass]:
    """The classes in which the profile showed something that none of the member's accounts holds any more."""
    stored = work.members.get(golden.member_id)
    gone = {f: v for f, v in stored.values.items() if golden.values.get(f) != v} if stored else {}
    if not gone:
        return
    own = [account for origin, account in work.accounts.items() if plan.targets[origin] == golden.member_id]
    for field, value in gone.items():
        if field is not ProfileField.GENDER and not any(holds(account, field, value) for account in own):
            yield class_of(field)
