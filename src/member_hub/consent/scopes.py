"""A slot in a word: `marketing`, `marketing.sms`, `marketing.to.partner_brand`; for the audit log and the ledger. Pure.

The contact point has no word: it stays out of both. So what the ledger remembers of a withdrawal for one number is the
whole channel, which is the safe side to err on after a restore.
"""

from collections.abc import Sequence

from member_hub.consent.history.standing import Slot
from member_hub.consent.words import ANY, ContactChannel

_TO = "to"
_REFUSED = "refused"  # beside the word, of a no to what had not been granted
_CHANNELS = frozenset(channel.value for channel in ContactChannel)


def word(slot: Slot) -> str:
    parts = [slot.purpose]
    if slot.recipient != ANY:
        parts += [_TO, slot.recipient]
    return ".".join([*parts, slot.channel] if slot.channel != ANY else parts)


def slot_of(said: str) -> Slot:
    """The slot that a word names. Raises ValueError for what `word` does not write."""
    purpose, *rest = said.split(".")
    recipient = ANY
    if rest[:1] == [_TO] and len(rest) > 1:
        recipient, rest = rest[1], rest[2:]
    channel = rest.pop() if rest and rest[0] in _CHANNELS else ANY
    if rest or not purpose:
        raise ValueError("This is no word of a consent.")
    return Slot(purpose, recipient, channel)


def noted(slot: Slot, *, is_refusal: bool) -> tuple[str, ...]:
    """A no as the ledger remembers it: the word, and whether it was a refusal; else it is a withdrawal."""
    return (word(slot), _REFUSED) if is_refusal else (word(slot),)


def read_noted(scope: Sequence[str]) -> tuple[list[Slot], bool]:
    """The slots of such a scope, and whether they were refused. Raises ValueError as `slot_of`."""
    return [slot_of(said) for said in scope if said != _REFUSED], _REFUSED in scope
