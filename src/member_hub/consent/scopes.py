"""A slot in a word: `marketing`, `marketing.sms`, `marketing.to.partner_brand`; for the audit log and the ledger. Pure.

The contact point has no word: it stays out of both. So what the ledger remembers of a withdrawal for one number is the
whole channel, which is the safe side to err on after a restore.
"""

from member_hub.consent.history.standing import Slot
from member_hub.consent.words import ANY, ContactChannel

_TO = "to"
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
