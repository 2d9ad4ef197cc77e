"""A card that is enrolled for the member who shows a code: the code itself says whose it is.

Context: matching by what is typed beside it would make the code worthless to a member without a store's paper form, and
whoever types would decide whom the card joins. Decision: the new card and an account of the member both state the code
that was shown, as a claim of a kind of its own, verified now. The partition joins those who state one code, so the two
stay together whatever is imported later and in whatever order. What is typed unites nothing, and only speaks against.
Price: an account of the member carries one more claim per card, which nothing is ever looked up by.
"""

from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import Final

from member_hub import till
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.identity.facts import facts_of
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.matching.evidence import Side, side_of, speaks_for_two, together
from member_hub.identity.queries import load_accounts
from member_hub.identity.statements import AccountStatement, StatedIdentifier
from member_hub.identity.states import AccountState, first_sight
from member_hub.ids import MemberId, OriginId
from member_hub.members.reading import accounts_of
from member_hub.merging import Resolver
from member_hub.merging.gathering import tokeniser
from member_hub.profiles.queries import speakers_of, speaking
from member_hub.profiles.refusals import CardsFull, NotThePresented

NAMESPACE: Final = "shown"


async def stated(
    tx: Tx, vault: Vault, member_id: MemberId, said: AccountStatement, *, code: str, now: datetime
) -> list[AccountStatement]:
    """The enrolment, and beside it what an account of the member states: that this code was shown."""
    speaker = speaking(await speakers_of(tx, vault, member_id))
    shown = StatedIdentifier(ClaimKind.MEMBER_CODE, NAMESPACE, till.canonical(code), now)
    theirs = speaker.says([shown], now=now)
    return [replace(said, identifiers=(*said.identifiers, shown), is_vouched=False), theirs]


async def refuse_another(tx: Tx, resolver: Resolver, member_id: MemberId, said: AccountStatement) -> None:
    """Raises NotThePresented where a name, a phone or what else was typed is somebody else's, and CardsFull."""
    rows = await accounts_of(tx, [member_id])
    held = await load_accounts(tx, resolver.vault, [OriginId(row.origin_id) for row in rows])
    theirs = reduce(together, [_side(account) for account in held.values()])
    tokenise = tokeniser(resolver.vault)
    new = first_sight(said, tokenise(said.identifiers[0]), resolver.organisation.handler_of(said.channel))
    new.fold(said, tokenise, None)
    card = _side(new)
    if speaks_for_two(card, theirs, both_verified=False) or _is_another_phone(card.phones, theirs.phones):
        raise NotThePresented(field="memberCode")
    if len(card.cards | theirs.cards) > resolver.rules.cards_max:
        raise CardsFull(field="account")


def _side(account: AccountState) -> Side:
    """With what was typed live, too: it unites nobody, but the member's new name is the member's."""
    for claim in account.claims.values():
        claim.connects = True
    for value in account.values.values():
        value.connects = True
    facts = facts_of(account, frozenset())
    return side_of(facts, facts.claims)


def _is_another_phone(stated: frozenset[bytes], held: frozenset[bytes]) -> bool:
    return bool(stated) and bool(held) and held.isdisjoint(stated)
